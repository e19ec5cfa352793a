"""Voicemail: a greeting, a tone, a message; whose box it is calls the same number to hear who has called.

    ringline dev
    python examples/voicemail.py

Call the number it prints, leave a message, press hash, then see the list; each message has the URL of its recording:

    curl 127.0.0.1:3000/messages
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, jsonify, request

OWNER = os.environ.get("OWNER", "442079460002")
"Whose voicemail it is: when this number calls, it is told of the messages."


def create_app(owner: str = OWNER) -> Flask:
    """Make the application; messages are kept in memory."""
    app = Flask(__name__)
    messages: list[dict[str, Any]] = []
    callers: dict[str, str] = {}

    @app.get("/answer")
    def answer() -> Response:
        caller, conversation = request.args.get("from", "Unknown"), request.args["conversation_uuid"]
        if caller == owner:
            return jsonify([{"action": "talk", "text": summary()}])
        callers[conversation] = caller
        return jsonify(
            [
                {"action": "talk", "text": "Nobody is here. Speak after the tone, and press hash when you are done."},
                {
                    "action": "record",
                    "format": "wav",
                    "beepStart": True,
                    "endOnKey": "#",
                    "endOnSilence": 5,
                    "timeOut": 120,
                    "eventUrl": [f"{request.host_url}recorded"],
                },
                {"action": "talk", "text": "Thank you. Your message has been kept. Goodbye."},
            ]
        )

    @app.post("/recorded")
    def recorded() -> tuple[str, int]:
        webhook = request.get_json()
        messages.append(
            {
                "from": callers.get(webhook["conversation_uuid"], "Unknown"),
                "began": webhook["start_time"],
                "ended": webhook["end_time"],
                "bytes": webhook["size"],
                "url": webhook["recording_url"],
            }
        )
        return "", 204

    @app.get("/messages")
    def list_messages() -> Response:
        return jsonify(messages)

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    def summary() -> str:
        if not messages:
            return "You have no messages. Goodbye."
        who = ", then ".join(" ".join(message["from"]) for message in messages[-5:])
        return f"You have {len(messages)} message{'s' * (len(messages) > 1)}. The latest: {who}. Goodbye."

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("voicemail", "442079460015", lambda client, number: create_app())
