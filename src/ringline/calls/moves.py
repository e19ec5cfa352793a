"""How a leg enters a conversation and leaves it for another: by value, with everything that is its own."""

from __future__ import annotations

from ringline.calls import conference, referrals, scripts
from ringline.calls.actions import Conferring
from ringline.calls.commands import Move, Tell
from ringline.calls.endings import silence
from ringline.calls.events import LegArrived
from ringline.calls.facts import TransferFact
from ringline.calls.report import publish, status_fact
from ringline.calls.state import Leg
from ringline.calls.turn import ChildEnded, Depart, Turn
from ringline.calls.verdict import Side, completed


def depart(turn: Turn, leg: Leg, event: Depart) -> None:
    """The leg leaves for another conversation, with everything that is its own."""
    silence(turn, leg)
    referrals.abandon(turn, leg)
    if leg.parent in turn.room.legs and leg.parent is not None and not leg.joined:  # taken away while it whispered
        verdict = completed(Side.PLATFORM, "it was taken to another conversation")
        turn.then(ChildEnded(leg.parent, leg.id, verdict, status_fact(turn, leg)))
    leg.joined = False
    leg.hears_early = None
    leg.parent = None
    del turn.room.legs[leg.id]
    if turn.room.name is not None:
        conference.left(turn, leg)
        conference.forget_wishes(turn, leg)
    turn.emit(Move(leg=leg, target=event.target))


def arrive(turn: Turn, event: LegArrived) -> None:
    """A leg comes from another conversation."""
    leg = event.leg
    leg.moves += 1
    enter(turn, leg)
    fact = TransferFact(uuid=leg.id, source=event.source, target=turn.room.id, timestamp=turn.at.wallclock)
    turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=fact))
    publish(turn, leg)
    current = leg.script.current if leg.script else None
    if leg.joining is not None:
        conference.enter_by_transfer(turn, leg, leg.joining)
    elif isinstance(current, Conferring):
        conference.enter(turn, leg, current)
    else:
        leg.joined = leg.up
        scripts.advance(turn, leg)


def enter(turn: Turn, leg: Leg) -> None:
    """The leg is in the conversation from now on."""
    turn.room.legs[leg.id] = leg
    if turn.room.first_leg is None:
        turn.room.first_leg = leg.id
