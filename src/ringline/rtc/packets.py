"""The frames of the control channel: Engine.IO 4 packets that carry Socket.IO 5 packets, as text over a WebSocket.

Only what the client wire uses: the default namespace, events without binary parts, acknowledgements, ping and pong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringline.base import RemoteProtocolError

PING_INTERVAL_S: Final = 25.0
PING_TIMEOUT_S: Final = 20.0
LONGEST_FRAME: Final = 65_536
"Characters of one frame; a client has no reason to send more than a few hundred."
PING: Final = "2"
DISCONNECT: Final = "41"
_CONNECT: Final = re.compile(r"40(?:/,)?(?:\{.*\})?", re.DOTALL)
_ACK: Final = re.compile(r"43([0-9]{1,9})(\[.*\])", re.DOTALL)
_EVENT: Final = re.compile(r"42([0-9]{1,9})?(\[.*\])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Connect:
    """`40`: the client wants the default namespace."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """`41`, or `1`: the client leaves."""


@dataclass(frozen=True, slots=True)
class Pong:
    """`3`: the answer to our ping."""


@dataclass(frozen=True, slots=True)
class Ack:
    """`43<n>[…]`: an event of ours has arrived."""

    number: int


@dataclass(frozen=True, slots=True)
class Said:
    """`42["<event>",{…}]`: an event of the client's."""

    event: str
    payload: Mapping[str, Any]
    number: int | None = None
    "The client wants this acknowledged."


@dataclass(frozen=True, slots=True)
class Noop:
    """A packet without meaning here (`6`, or a ping of the client's own)."""

    answer: str | None = None


Packet = Connect | Disconnect | Pong | Ack | Said | Noop


def read_packet(text: str) -> Packet:
    """Read one frame of a client.

    Raises:
        RemoteProtocolError: it is none that this wire knows; the connection is closed then.
    """
    if len(text) > LONGEST_FRAME:
        raise RemoteProtocolError("the frame is too long")
    if text == "3" or text.startswith("3probe"):
        return Pong()
    if text in ("1", "41", "41/,"):
        return Disconnect()
    if text == "6":
        return Noop()
    if text.startswith("2"):  # an older client pings us
        return Noop("3" + text[1:])
    if _CONNECT.fullmatch(text):
        return Connect()
    if (found := _ACK.fullmatch(text)) is not None:
        return Ack(int(found[1]))
    if (found := _EVENT.fullmatch(text)) is not None:
        return _said(found[2], int(found[1]) if found[1] is not None else None)
    raise RemoteProtocolError("the frame is not one of this protocol")


def _said(arguments: str, number: int | None) -> Said:
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("the event is not JSON") from error
    if not isinstance(parsed, list) or not parsed or not isinstance(parsed[0], str):
        raise RemoteProtocolError("the event has no name")
    payload = parsed[1] if len(parsed) > 1 and isinstance(parsed[1], dict) else {}
    return Said(parsed[0][:100], payload, number)


def opening(sid: str) -> str:
    """`0{…}`: the first frame on a connection."""
    return "0" + _json(
        {
            "sid": sid,
            "upgrades": [],
            "pingInterval": round(PING_INTERVAL_S * 1000),
            "pingTimeout": round(PING_TIMEOUT_S * 1000),
            "maxPayload": LONGEST_FRAME,
        }
    )


def connected(sid: str) -> str:
    """`40{"sid":…}`: the namespace is open."""
    return "40" + _json({"sid": sid})


def event(name: str, payload: Mapping[str, Any], number: int | None = None) -> str:
    """`42[…]`: an event; with a number the client acknowledges it."""
    return f"42{'' if number is None else number}{_json([name, payload])}"


def acknowledgement(number: int) -> str:
    """`43<n>[]`."""
    return f"43{number}[]"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
