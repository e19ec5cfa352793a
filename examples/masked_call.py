"""Two people call each other through one number, and neither sees the other's: a driver and a passenger, say.

    ringline dev
    python examples/masked_call.py

Say who belongs together, be Bob (`ringline phone --answer --port 5070`), and call him as Alice:

    curl 127.0.0.1:3000/pairs --json '["447700900001", "442079460002"]'
    ringline phone sip:442079460013@127.0.0.1:5060 --user demo --password demo --from 447700900001
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

TOGETHER_S = 600
"A masked call lasts ten minutes at most."


def create_app(number: str) -> Flask:
    """Make the application; `number` is the one that both call, and that both see."""
    app = Flask(__name__)
    other: dict[str, str] = {}
    calls: list[dict[str, str]] = []

    @app.post("/pairs")
    def pair() -> tuple[str, int]:
        one, two = request.get_json()
        other[one], other[two] = two, one
        return "", 204

    @app.get("/calls")
    def list_calls() -> Response:
        return jsonify(calls)

    @app.get("/answer")
    def answer() -> Response:
        whom = other.get(request.args["from"])
        if whom is None:
            return jsonify([{"action": "talk", "text": "You have nobody to talk to at this number. Goodbye."}])
        return jsonify(
            [
                {"action": "talk", "text": "Connecting you."},
                {
                    "action": "connect",
                    "from": number,
                    "timeout": 30,
                    "limit": TOGETHER_S,
                    "eventType": "synchronous",
                    "eventUrl": [f"{request.host_url}connected"],
                    "endpoint": [{"type": "phone", "number": whom}],
                },
            ]
        )

    @app.post("/connected")
    def connected() -> Response:
        webhook = request.get_json()
        if webhook["status"] == "completed":
            calls.append({"to": webhook["to"], "seconds": webhook["duration"]})
        if webhook["status"] in ("busy", "timeout", "failed", "rejected", "unanswered"):
            return jsonify([{"action": "talk", "text": "The other side does not answer. Please try again later."}])
        return jsonify([])

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("masked call", "442079460013", lambda client, number: create_app(number))
