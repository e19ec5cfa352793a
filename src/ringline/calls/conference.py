"""Named conversations: waiting for a moderator, hold music, starting, ending for everybody."""

from __future__ import annotations

from ringline.calls import scripts
from ringline.calls.actions.conversation import Conferring
from ringline.calls.commands import AudioFile, Play, StopPlay
from ringline.calls.recordings import start_recording
from ringline.calls.state import FULL, Joining, Leg
from ringline.calls.status import Status
from ringline.calls.turn import EndLeg, Turn
from ringline.calls.verdict import Side, completed


def enter(turn: Turn, leg: Leg, wishes: Conferring) -> None:
    """A leg has arrived by its `conversation` action: it joins, or waits until the conversation is started."""
    room = turn.room
    if len(room.legs) > room.application.most_legs:
        _turn_away(turn, leg)
        return
    if leg.status is Status.DISCONNECTED:  # a socket that is closed takes part in nothing
        turn.then(EndLeg(leg.id, completed(Side.FAR, "its socket is closed"), far_is_gone=True))
        return
    leg.start_on_enter = wishes.start_on_enter
    leg.end_on_exit = wishes.end_on_exit
    leg.hold_music = wishes.hold_music
    leg.can_speak = wishes.can_speak
    leg.can_hear = wishes.can_hear
    leg.muted = wishes.mute and not wishes.can_speak
    leg.room_event = wishes.hook
    if not room.started and leg.start_on_enter:
        room.started = True
        for waiting in room.legs.values():
            _join(turn, waiting)
    elif room.started:
        _join(turn, leg)
    else:
        play_hold_music(turn, leg)
    _record_if_wished(turn)


def take_part(turn: Turn, leg: Leg) -> None:
    """A leg that was called into the conversation is answered: it joins, and starts a conversation that waits."""
    room = turn.room
    if room.name is None or room.started:
        _join(turn, leg)
        return
    room.started = True
    for waiting in room.legs.values():
        if waiting.up:
            _join(turn, waiting)
    _record_if_wished(turn)


def enter_by_transfer(turn: Turn, leg: Leg, wishes: Joining) -> None:
    """A leg was brought here by a `transfer` action: no script of its own runs on it any more."""
    leg.joining = None
    scripts.stop(turn, leg)
    scripts.forget_requests(leg)
    leg.held = False
    name = turn.room.name
    if name is not None:
        asked = Conferring(name=name, can_speak=wishes.can_speak, can_hear=wishes.can_hear, mute=wishes.mute)
        enter(turn, leg, asked)
    elif len(turn.room.legs) > turn.room.application.most_legs:
        _turn_away(turn, leg)
    else:
        leg.can_speak, leg.can_hear = wishes.can_speak, wishes.can_hear
        leg.muted = wishes.mute and not wishes.can_speak
        leg.joined = True


def play_hold_music(turn: Turn, leg: Leg) -> None:
    """Let a waiting leg hear its own hold music, or silence."""
    if leg.hold_music:
        leg.music = turn.new_effect()
        source = AudioFile(url=leg.hold_music)
        turn.emit(Play(effect=leg.music, owner=leg.id, leg=leg.id, source=source, loop=0))


def stop_hold_music(turn: Turn, leg: Leg) -> None:
    """The leg waits no longer, and its music ends."""
    if leg.music:
        turn.emit(StopPlay(effect=leg.music))
        leg.music = None


def left(turn: Turn, leg: Leg) -> None:
    """A leg has left a named conversation: it may end for everybody, and it ends with the last one."""
    room = turn.room
    if leg.end_on_exit:
        for other in list(room.legs.values()):
            turn.then(EndLeg(other.id, completed(Side.PLATFORM, "the moderator left")))
    if not room.legs:
        room.started = False
        room.first_leg = None


def forget_wishes(turn: Turn, leg: Leg) -> None:
    """What the `conversation` action said holds only while the leg is in there."""
    stop_hold_music(turn, leg)
    leg.start_on_enter = True
    leg.end_on_exit = False
    leg.hold_music = None
    leg.can_speak = None
    leg.can_hear = None
    leg.room_event = None


def _turn_away(turn: Turn, leg: Leg) -> None:
    turn.error(FULL, leg)
    turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "the conversation is full")))


def _join(turn: Turn, leg: Leg) -> None:
    stop_hold_music(turn, leg)
    leg.joined = True


def _record_if_wished(turn: Turn) -> None:
    room = turn.room
    if not room.started or any(
        recording.whole_room and not recording.stopping for recording in room.recordings.values()
    ):
        return
    for leg in room.legs.values():
        current = leg.script.current if leg.script else None
        if isinstance(current, Conferring) and current.record:
            start_recording(
                turn,
                leg,
                container="mp3",
                channels=1,
                heard=False,
                hook=current.hook,
                whole_room=True,
                transcription=current.transcription,
            )
            return
