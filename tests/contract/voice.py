"""Rows about calls: what is usually sent, and how a row differs from it."""

from __future__ import annotations

from typing import Any, Final

from .rows import Row

PHONE: Final = {"type": "phone", "number": "447700900123"}
FROM: Final = {"type": "phone", "number": "447700900900"}
TALK: Final = [{"action": "talk", "text": "Hello"}]
URL: Final = "https://shop.example/answer"
SOCKET: Final = "wss://bot.example.com/socket"
L16: Final = "audio/l16;rate=16000"
CREATE: Final[dict[str, Any]] = {"to": [PHONE], "from": FROM, "ncco": TALK}
MOVE: Final = {"action": "transfer", "destination": {"type": "ncco", "ncco": TALK}}


def create(name: str, status: int = 201, *, fault: str = "", **changes: Any) -> Row:
    """A row about creating a call: the usual body, changed; None takes a field away. `from_` is `from`."""
    if "from_" in changes:
        changes["from"] = changes.pop("from_")
    body = {key: value for key, value in {**CREATE, **changes}.items() if value is not None}
    return Row(name=name, ask="POST /v1/calls", json=body, status=status, fault=fault)


def to(name: str, status: int = 201, *, fault: str = "", **endpoint: Any) -> Row:
    """A row about an endpoint that is called."""
    return create(name, status, fault=fault, to=[{key.replace("__", "-"): one for key, one in endpoint.items()}])


def detection(name: str, status: int = 201, *, fault: str = "", **options: Any) -> Row:
    return create(name, status, fault=fault, advanced_machine_detection=options)


def change(name: str, body: Any, status: int = 204, *, fault: str = "", leg: str = "answered") -> Row:
    return Row(name=name, ask="PUT /v1/calls/{leg}", json=body, status=status, fault=fault, leg=leg)
