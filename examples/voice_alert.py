"""Calls people one after the other until somebody presses 1 to take the alert.

    ringline dev
    python examples/voice_alert.py

Be Bob (`ringline phone --answer --port 5070`), and raise an alert:

    curl 127.0.0.1:3000/alerts --json '{"text": "The freezer is too warm.", "people": ["442079460002"]}'
    curl 127.0.0.1:3000/alerts
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from vonage import Vonage
from vonage_voice import CreateCallRequest, Input, NccoAction, Phone, Talk, ToPhone
from vonage_voice.models.input_types import Dtmf

OVER = ("completed", "busy", "failed", "rejected", "timeout", "unanswered", "cancelled")


@dataclass
class Alert:
    """What is to be told, and how far that has got."""

    text: str
    waiting: list[str]
    "Who is called next."
    calling: str = ""
    "The leg of the call to whom is called now."
    tried: list[str] = field(default_factory=list)
    taken_by: str = ""


def create_app(client: Vonage, number: str) -> Flask:
    """Make the application; `client` places its calls, `number` is shown to those it calls."""
    app = Flask(__name__)
    alerts: list[Alert] = []

    @app.post("/alerts")
    def new_alert() -> tuple[Response, int]:
        wanted = request.get_json()
        alert = Alert(wanted["text"], list(wanted["people"]))
        alerts.append(alert)
        call_next(alert)
        return jsonify(asdict(alert)), 201

    @app.get("/alerts")
    def list_alerts() -> Response:
        return jsonify([asdict(alert) for alert in alerts])

    @app.post("/key")
    def key() -> Response:
        webhook = request.get_json()
        alert = of(webhook["uuid"])
        if alert is None:
            return jsonify([])
        if webhook["dtmf"]["digits"] == "1":
            alert.taken_by = webhook["to"]
            return jsonify([{"action": "talk", "text": "Thank you, it is yours. Goodbye."}])
        return jsonify([{"action": "talk", "text": "Then somebody else will be called. Goodbye."}])

    @app.post("/event")
    def event() -> tuple[str, int]:
        webhook = request.get_json()
        alert = of(webhook.get("uuid", ""))
        if alert is not None and webhook.get("status") in OVER and not alert.taken_by:
            call_next(alert)
        return "", 204

    def call_next(alert: Alert) -> None:
        if not alert.waiting:
            alert.calling = ""
            return
        whom = alert.waiting.pop(0)
        alert.tried.append(whom)
        script: list[NccoAction] = [
            Talk(text=f"This is an alert. {alert.text} Press 1 to take it.", bargeIn=True, loop=2),
            Input(type=["dtmf"], dtmf=Dtmf(maxDigits=1, timeOut=5), eventUrl=[f"{request.host_url}key"]),
        ]
        call: dict[str, Any] = {"from_": Phone(number=number), "ncco": script, "ringing_timer": 20}
        made = client.voice.create_call(CreateCallRequest(to=[ToPhone(number=whom)], **call))
        alert.calling = made.uuid

    def of(leg: str) -> Alert | None:
        return next((alert for alert in alerts if alert.calling == leg), None)

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("voice alert", "442079460012", create_app)
