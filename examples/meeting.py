"""A moderated meeting: people wait with music until the chair comes, who ends it by leaving; it is recorded.

    ringline dev
    python examples/meeting.py

Call the number it prints as often as you like, and enter 1234 and hash to be the chair. Everybody else just presses
hash. The URL of the recording is printed, and shown by

    curl 127.0.0.1:3000/recordings
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, jsonify, request

PIN = os.environ.get("PIN", "1234")
"Makes a caller the chair."
MUSIC = os.environ.get("MUSIC", "")
"URL of an mp3 for those who wait; without one they wait in silence."


def create_app(pin: str = PIN, music: str = MUSIC) -> Flask:
    """Make the application; what it knows is kept in memory."""
    app = Flask(__name__)
    recordings: list[dict[str, Any]] = []

    @app.get("/answer")
    def answer() -> Response:
        return jsonify(
            [
                {
                    "action": "talk",
                    "text": "Welcome. Enter your PIN if you are the chair, then press hash.",
                    "bargeIn": True,
                },
                {
                    "action": "input",
                    "type": ["dtmf"],
                    "dtmf": {"maxDigits": len(pin), "submitOnHash": True, "timeOut": 10},
                    "eventUrl": [f"{request.host_url}entered"],
                },
            ]
        )

    @app.post("/entered")
    def entered() -> Response:
        digits = request.get_json()["dtmf"]["digits"]
        if digits == pin:
            greeting = "You are the chair. The meeting begins, and is recorded."
            seat: dict[str, Any] = {"startOnEnter": True, "endOnExit": True, "record": True}
        elif digits:
            return jsonify([{"action": "talk", "text": "This is not the PIN. Goodbye."}])
        else:
            greeting = "The meeting begins when the chair comes. It is recorded."
            seat = {"startOnEnter": False, **({"musicOnHoldUrl": [music]} if music else {})}
        return jsonify(
            [
                {"action": "talk", "text": greeting},
                {
                    "action": "conversation",
                    "name": "meeting",
                    "eventUrl": [f"{request.host_url}recorded"],
                    **seat,
                },
            ]
        )

    @app.post("/recorded")
    def recorded() -> tuple[str, int]:
        webhook = request.get_json()
        if "recording_url" in webhook:
            recordings.append({"url": webhook["recording_url"], "bytes": webhook["size"]})
            app.logger.info("the meeting was recorded: %s", webhook["recording_url"])
        return "", 204

    @app.get("/recordings")
    def list_recordings() -> Response:
        return jsonify(recordings)

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("meeting", "442079460016", lambda client, number: create_app())
