"""A contact centre: a menu, an agent who is called while the caller waits, and a survey when the agent has hung up.

    ringline dev
    python examples/contact_centre.py

Be the agent (`ringline phone --answer --port 5070`), call the number it prints, press 1, talk, and hang up as the
agent; then rate the call as the caller. `curl 127.0.0.1:3000/ratings` shows what callers thought.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request
from vonage import Vonage
from vonage_voice import Conversation, CreateCallRequest, Input, NccoAction, Phone, Sip, Talk, ToPhone
from vonage_voice.models.input_types import Dtmf

AGENTS = {"1": ("sales", os.environ.get("SALES", "442079460002")), "2": ("support", os.environ.get("SUPPORT", ""))}
"By key: the name of a department, and its number or SIP address."
MENU = "Press 1 for sales, 2 for support."
GONE = ("busy", "failed", "rejected", "timeout", "unanswered", "cancelled")


@dataclass
class Visit:
    """One caller who is with an agent, or waits for one."""

    caller: str
    agent: str
    "Their legs."


def create_app(client: Vonage, number: str, agents: dict[str, tuple[str, str]] = AGENTS) -> Flask:
    """Make the application; `client` steers its calls, `number` is shown to agents."""
    app = Flask(__name__)
    visits: list[Visit] = []
    ratings: list[dict[str, str]] = []

    @app.get("/answer")
    def answer() -> Response:
        return jsonify(menu(f"Welcome. {MENU}"))

    @app.post("/input")
    def chosen() -> Response:
        webhook = request.get_json()
        name, whom = agents.get(webhook["dtmf"]["digits"] or "", ("", ""))
        if not whom:
            return jsonify(menu(f"Nobody is there. {MENU}"))
        room = f"visit-{webhook['uuid']}"
        agent = call(whom, [Conversation(name=room)])
        visits.append(Visit(webhook["uuid"], agent))
        return jsonify(
            [
                {"action": "talk", "text": f"Connecting you to {name}."},
                {"action": "conversation", "name": room},
            ]
        )

    @app.post("/event")
    def event() -> tuple[str, int]:
        webhook = request.get_json()
        leg, status = webhook.get("uuid"), webhook.get("status")
        for visit in [visit for visit in visits if leg in (visit.caller, visit.agent)]:
            if leg == visit.agent and status in ("completed", *GONE):
                visits.remove(visit)
                client.voice.transfer_call_ncco(visit.caller, survey() if status == "completed" else sorry())
            elif leg == visit.caller and status == "completed":
                visits.remove(visit)
                client.voice.hangup(visit.agent)
        return "", 204

    @app.post("/survey")
    def rated() -> Response:
        webhook = request.get_json()
        ratings.append({"caller": webhook["from"], "rating": webhook["dtmf"]["digits"] or ""})
        return jsonify([{"action": "talk", "text": "Thank you, good bye."}])

    @app.get("/ratings")
    def list_ratings() -> Response:
        return jsonify(ratings)

    def menu(text: str) -> list[dict[str, Any]]:
        keys = {"action": "input", "type": ["dtmf"], "dtmf": {"maxDigits": 1, "timeOut": 5}}
        return [{"action": "talk", "text": text, "bargeIn": True}, {**keys, "eventUrl": [f"{request.host_url}input"]}]

    def survey() -> list[NccoAction]:
        keys = Dtmf(maxDigits=1, timeOut=5)
        return [
            Talk(text="Please rate this call, from 1 to 5."),
            Input(type=["dtmf"], dtmf=keys, eventUrl=[f"{request.host_url}survey"]),
        ]

    def sorry() -> list[NccoAction]:
        return [Talk(text="All agents are busy. Please call again.")]

    def call(whom: str, ncco: list[NccoAction]) -> str:
        to = Sip(uri=whom) if whom.startswith("sip:") else ToPhone(number=whom)
        made = client.voice.create_call(CreateCallRequest(to=[to], from_=Phone(number=number), ncco=ncco))
        return str(made.uuid)

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("contact centre", "442079460016", create_app)
