"""Remarks: status events that the application may answer with a script (webhook reference, 4.20).

`human`, `machine` and `disconnected` are told like any other status, in their place among the leg's notifications. A
script that comes back is for the leg whose script made the call: the leg itself or, for a child, its parent.
"""

from __future__ import annotations

from ringline.calls.commands import Ask, Tell
from ringline.calls.report import publish, status_fact
from ringline.calls.state import Leg
from ringline.calls.turn import Turn


def remark(turn: Turn, leg: Leg, *, sub_state: str | None = None, leaves: bool = False) -> bool:
    """Tell the leg's present status; True: an answer may bring a script, and is waited for.

    `leaves` says that the leg is about to end: a script of its own would have nothing to run on.
    """
    fact = status_fact(turn, leg, sub_state=sub_state)
    owner = _scripted(turn, leg)
    hook = leg.event_hook
    asked = owner is not None and hook is not None and not (leaves and owner is leg)
    if asked and owner is not None and hook is not None:
        effect = turn.new_effect()
        owner.remarks[effect] = leg.id
        turn.emit(Ask(effect=effect, leg=owner.id, kind="remark", hook=hook, fact=fact, after=leg.id))
    else:
        turn.emit(Tell(leg=leg.id, hook=hook, fact=fact))
    publish(turn, leg)
    return asked


def _scripted(turn: Turn, leg: Leg) -> Leg | None:
    """Whose script an answer replaces; None when the leg that connected this one has gone elsewhere."""
    return leg if leg.parent is None else turn.room.legs.get(leg.parent)
