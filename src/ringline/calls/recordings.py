"""Recordings belong to the conversation: they end by condition, with the conversation, or at the longest allowed."""

from __future__ import annotations

from typing import Final

from ringline.base import EffectId
from ringline.calls.commands import StartRecording, StopRecording, Tell
from ringline.calls.events import RecordingDone, RecordingFailed, RoomRecordAsked, RoomRecordStopAsked
from ringline.calls.facts import RecordFact
from ringline.calls.mixing import arrange
from ringline.calls.parties import Hook
from ringline.calls.state import Leg, Recording
from ringline.calls.turn import RecordingSettled, Turn

LONGEST_S: Final = 7200.0
TIMER: Final = "record:"


def start_recording(
    turn: Turn,
    leg: Leg,
    *,
    container: str,
    channels: int,
    heard: bool,
    hook: Hook | None,
    limit_s: float | None = None,
    whole_room: bool = False,
) -> EffectId:
    """Start recording the leg's conversation; `hook` None means the leg's own event URL."""
    effect = turn.new_effect()
    turn.room.recordings[effect] = Recording(
        effect=effect, owner=leg.id, hook=hook or leg.event_hook, whole_room=whole_room
    )
    turn.room.timers[TIMER + effect] = turn.at.now + min(limit_s or LONGEST_S, LONGEST_S)
    arrange(turn)
    turn.emit(
        StartRecording(
            effect=effect, container=container, channels=channels, heard_by=turn.room.first_leg if heard else None
        )
    )
    return effect


def start_by_rest(turn: Turn, event: RoomRecordAsked) -> None:
    """REST records the conversation; where its webhook goes says the request, else the application."""
    room = turn.room
    if not room.legs:
        turn.error("Recording failed. Nobody is in the conversation.")
        return
    room.recordings[event.effect] = Recording(
        effect=event.effect, owner=None, hook=event.hook or room.application.event
    )
    room.timers[TIMER + event.effect] = turn.at.now + min(event.limit_s or LONGEST_S, LONGEST_S)
    arrange(turn)
    turn.emit(
        StartRecording(
            effect=event.effect,
            container=event.container,
            channels=event.channels,
            heard_by=room.first_leg if event.heard else None,
        )
    )


def stop_by_rest(turn: Turn, event: RoomRecordStopAsked) -> None:
    """Close the recording that is meant, or all that REST began."""
    for one in list(turn.room.recordings.values()):
        if one.effect == event.effect or (event.effect is None and one.owner is None):
            stop_recording(turn, one.effect)


def stop_recording(turn: Turn, effect: EffectId) -> None:
    """Close a recording; its webhook follows when the file is there."""
    recording = turn.room.recordings.get(effect)
    if recording is not None and not recording.stopping:
        recording.stopping = True
        turn.room.timers.pop(TIMER + effect, None)
        turn.emit(StopRecording(effect=effect))


def stop_all(turn: Turn) -> None:
    """Close every recording of the conversation."""
    for effect in list(turn.room.recordings):
        stop_recording(turn, effect)


def settled(turn: Turn, event: RecordingDone | RecordingFailed) -> None:
    """A recording's file is there, or lost: tell the application, and the action that waits for it."""
    recording = turn.room.recordings.pop(event.effect, None)
    turn.room.timers.pop(TIMER + event.effect, None)
    if recording is None:
        return
    if isinstance(event, RecordingDone):
        fact = RecordFact(
            recording=event.recording,
            url=event.url,
            size=event.size,
            start_time=event.start_time,
            end_time=event.end_time,
            conversation=turn.room.id,
            timestamp=turn.at.wallclock,
        )
        turn.emit(Tell(leg=recording.owner, hook=recording.hook, fact=fact))
    else:
        turn.error("Recording failed. It could not be stored.")  # why is for the operator: journal and log have it
    turn.then(RecordingSettled(event.effect))
