"""A front desk in Flask: greets, reads a key, takes a message, and calls back with the official `vonage` library.

Start a platform with `make run`; then, in another terminal, tell it of this application and give it a number:

    ringline apps create front-desk --answer-url http://127.0.0.1:3000/answer --event-url http://127.0.0.1:3000/event
    ringline numbers add 442079460010
    ringline numbers link 442079460010 APP_ID

Run me, and call me:

    export APP_ID=… PRIVATE_KEY=front-desk.key NUMBER=442079460010 API_HOST=127.0.0.1:8443
    export REQUESTS_CA_BUNDLE=var/certificates/ca.pem
    python examples/flask_app.py
    ringline phone sip:442079460010@127.0.0.1:5060 --user demo --password demo
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response, jsonify, request
from vonage import Auth, HttpClientOptions, Vonage
from vonage_voice import CreateCallRequest, Phone, Talk, ToPhone

MENU = "Press 1 to leave a message, or 2 and your number, then hash, to be called back."


def create_app(client: Vonage, number: str) -> Flask:
    """Make the application; `client` places its calls, `number` is shown to those it calls."""
    app = Flask(__name__)
    app.config["EVENTS"] = []

    @app.get("/answer")
    def answer() -> Response:
        return jsonify(menu(f"Welcome to the front desk. {MENU}"))

    @app.post("/input")
    def keys() -> Response:
        digits = read(request).get("dtmf", {}).get("digits") or ""
        if digits == "1":
            return jsonify(
                [
                    {"action": "talk", "text": "Speak after the tone, and press hash when you are done."},
                    {"action": "record", "beepStart": True, "endOnKey": "#", "eventUrl": [url("/event")]},
                    {"action": "talk", "text": "Thank you. Goodbye."},
                ]
            )
        if digits.startswith("2") and len(digits) > 1:
            call_back(digits[1:])
            return jsonify([{"action": "talk", "text": "We are calling you back. Goodbye."}])
        return jsonify(menu(f"Sorry, that is no choice. {MENU}"))

    @app.post("/event")
    def event() -> tuple[str, int]:
        told = read(request)
        app.config["EVENTS"].append(told)
        app.logger.info("%s", told)
        return "", 204

    def menu(text: str) -> list[dict[str, Any]]:
        return [
            {"action": "talk", "text": text, "bargeIn": True},
            {
                "action": "input",
                "type": ["dtmf"],
                "dtmf": {"maxDigits": 16, "submitOnHash": True, "timeOut": 3},
                "eventUrl": [url("/input")],
            },
        ]

    def call_back(whom: str) -> None:
        client.voice.create_call(
            CreateCallRequest(
                to=[ToPhone(number=whom)],
                from_=Phone(number=number),
                ncco=[Talk(text="Hello, this is the front desk. You have asked us to call back.")],
            )
        )

    def url(path: str) -> str:
        return request.host_url.rstrip("/") + path

    return app


def read(incoming: Any) -> dict[str, Any]:
    """The JSON object of a webhook; an empty one when there is none."""
    body = incoming.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def main() -> None:
    """Read who we are from the environment, and serve."""
    host = os.environ.get("API_HOST", "127.0.0.1:8443")
    client = Vonage(
        Auth(application_id=os.environ["APP_ID"], private_key=os.environ["PRIVATE_KEY"]),
        HttpClientOptions(api_host=host, rest_host=host),
    )
    create_app(client, os.environ["NUMBER"]).run(port=int(os.environ.get("PORT", "3000")))


if __name__ == "__main__":
    main()
