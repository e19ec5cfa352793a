"""What REST plays to a whole conversation, or to one leg of it: one prompt after the other for each of them."""

from __future__ import annotations

from ringline.base import LegId
from ringline.calls.commands import Play, SendKeys, StopPlay
from ringline.calls.events import PlayEnded, RoomKeysAsked, RoomPlayAsked, RoomStopAsked
from ringline.calls.mixing import arrange
from ringline.calls.state import Announcement
from ringline.calls.turn import Turn

MOST_WAITING = 100
"Prompts of one conversation that play or wait; more are not taken."


def ask(turn: Turn, event: RoomPlayAsked) -> None:
    """Play something: behind what plays to the same ears, or instead of it."""
    room = turn.room
    if not event.queue:
        for other in [one for one in room.announcements.values() if one.leg == event.leg]:
            _cut(turn, other)
    if (
        len(room.announcements) >= MOST_WAITING
        or not room.legs
        or (event.leg is not None and event.leg not in room.legs)
    ):
        turn.emit(StopPlay(effect=event.effect))  # nobody will hear it, and whoever asked shall know
        return
    room.announcements[event.effect] = Announcement(
        effect=event.effect,
        kind=event.kind,
        source=event.source,
        loop=event.loop,
        level=event.level,
        leg=event.leg,
    )
    _go_on(turn, event.leg)


def stop(turn: Turn, event: RoomStopAsked) -> None:
    """Stop one prompt, or all of a kind."""
    for one in list(turn.room.announcements.values()):
        if one.kind == event.kind and event.effect in (None, one.effect):
            _cut(turn, one)
            _go_on(turn, one.leg)


def ended(turn: Turn, event: PlayEnded) -> None:
    """A prompt of the conversation's own was played out: the next one's turn has come."""
    one = turn.room.announcements.pop(event.effect, None)
    if one is not None:
        if event.failure:
            turn.error(event.failure)
        _go_on(turn, one.leg)


def forget_absent(turn: Turn) -> None:
    """Prompts for legs that have left, or for nobody at all, are over."""
    room = turn.room
    for one in list(room.announcements.values()):
        if not room.legs or (one.leg is not None and one.leg not in room.legs):
            _cut(turn, one)


def send_keys(turn: Turn, event: RoomKeysAsked) -> None:
    """Send keys to the far ends that are meant."""
    for leg in turn.room.legs.values():
        meant = leg.id == event.leg if event.leg is not None else leg.id != event.sender
        if meant and leg.up:
            turn.emit(SendKeys(effect=turn.new_effect(), leg=leg.id, digits=event.digits))


def _go_on(turn: Turn, leg: LegId | None) -> None:
    """Start the first prompt that waits for these ears, if none plays to them."""
    mine = [one for one in turn.room.announcements.values() if one.leg == leg]
    if not mine or mine[0].playing:
        return
    first = mine[0]
    first.playing = True
    arrange(turn)
    turn.emit(Play(effect=first.effect, owner=None, leg=leg, source=first.source, loop=first.loop, level=first.level))


def _cut(turn: Turn, one: Announcement) -> None:
    del turn.room.announcements[one.effect]
    turn.emit(StopPlay(effect=one.effect))
