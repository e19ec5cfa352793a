"""What a DTMF key does: it goes to the running action, a listener, WebSockets, and through a bridge of two phones."""

from __future__ import annotations

from typing import Final

from ringline.calls import scripts
from ringline.calls.actions import report_key
from ringline.calls.commands import SendKeys, ShowKey
from ringline.calls.events import KeyDown, KeyReleased
from ringline.calls.state import Leg
from ringline.calls.turn import Turn

REPORTED: Final = frozenset("0123456789*#")
_PHONES: Final = ("phone", "sip")
_KEYPADS: Final = (*_PHONES, "app")


def pressed(turn: Turn, leg: Leg, event: KeyDown) -> None:
    """The key counts from its first packet: it cuts prompts and completes inputs at once."""
    scripts.hear(turn, leg, event)


def released(turn: Turn, leg: Leg, event: KeyReleased) -> None:
    """The key is up: report it, and send it on to the phone at the other end of a pair, so that PBX menus work."""
    report_key(turn, leg, event.digit)
    for socket in turn.room.legs.values():
        if socket.joined and socket is not leg and socket.to.kind == "websocket" and event.digit in REPORTED:
            turn.emit(ShowKey(leg=socket.id, digit=event.digit, held_ms=event.held_ms))
    other = _bridged_with(turn, leg)
    if other is not None:
        turn.emit(SendKeys(effect=turn.new_effect(), leg=other.id, digits=event.digit))


def _bridged_with(turn: Turn, leg: Leg) -> Leg | None:
    legs = [one for one in turn.room.legs.values() if one.joined]
    if turn.room.name is not None or len(legs) != 2 or leg not in legs:
        return None
    other = legs[0] if legs[1] is leg else legs[1]
    related = other.parent == leg.id or leg.parent == other.id
    quiet = leg.script is None and other.script is None
    return other if related and quiet and _kind(leg) in _KEYPADS and _kind(other) in _PHONES else None


def _kind(leg: Leg) -> str:
    return (leg.from_ if leg.direction == "inbound" else leg.to).kind
