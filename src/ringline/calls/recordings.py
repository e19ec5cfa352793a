"""Recordings belong to the conversation: they end by condition, with the conversation, or at the longest allowed."""

from __future__ import annotations

from typing import Final

from ringline.base import EffectId
from ringline.calls.commands import (
    PauseRecording,
    Play,
    StartRecording,
    StopPlay,
    StopRecording,
    Tell,
    Tone,
    Transcribe,
)
from ringline.calls.events import PlayEnded, RecordingDone, RecordingFailed, RoomRecordAsked, RoomRecordStopAsked
from ringline.calls.facts import RecordFact
from ringline.calls.mixing import arrange
from ringline.calls.parties import Hook, TranscriptionWish
from ringline.calls.state import Leg, Recording
from ringline.calls.turn import RecordingSettled, Turn

LONGEST_S: Final = 7200.0
TIMER: Final = "record:"
MOST_AWAITED: Final = 10
"Recordings that wait for somebody to come; more are not taken."


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
    transcription: TranscriptionWish | None = None,
) -> EffectId:
    """Start recording the leg's conversation; `hook` None means the leg's own event URL."""
    effect = turn.new_effect()
    turn.room.recordings[effect] = Recording(
        effect=effect,
        owner=leg.id,
        hook=hook or leg.event_hook,
        whole_room=whole_room,
        transcription=transcription,
    )
    turn.room.timers[TIMER + effect] = turn.at.now + min(limit_s or LONGEST_S, LONGEST_S)
    arrange(turn)
    turn.emit(
        StartRecording(
            effect=effect,
            container=container,
            channels=channels,
            heard_by=turn.room.first_leg if heard else None,
            transcription=transcription,
        )
    )
    return effect


def start_by_rest(turn: Turn, event: RoomRecordAsked) -> None:
    """REST records the conversation; where its webhook goes says the request, else the application.

    One in which nobody is yet is recorded from when somebody comes.
    """
    room = turn.room
    if not any(leg.up for leg in room.legs.values()):
        if len(room.awaited) < MOST_AWAITED:
            room.awaited[event.effect] = event
        return
    _start(turn, event)


def begin_awaited(turn: Turn) -> None:
    """Somebody is there: begin what waited for it."""
    room = turn.room
    if room.awaited and any(leg.up for leg in room.legs.values()):
        waiting, room.awaited = room.awaited, {}
        for event in waiting.values():
            _start(turn, event)


def _start(turn: Turn, event: RoomRecordAsked) -> None:
    room = turn.room
    recording = room.recordings[event.effect] = Recording(
        effect=event.effect,
        owner=None,
        hook=event.hook or room.application.event,
        order=event,
        transcription=event.transcription,
    )
    if event.beep_start:
        recording.beep = _beep(turn)
    else:
        _begin(turn, recording, event)


def beep_over(turn: Turn, event: PlayEnded) -> None:
    """A tone of the conversation's own is over: the recording that waited for it begins, without it."""
    for recording in turn.room.recordings.values():
        if recording.beep == event.effect and recording.order is not None:
            _begin(turn, recording, recording.order)


def _begin(turn: Turn, recording: Recording, order: RoomRecordAsked) -> None:
    room = turn.room
    recording.beep = None
    room.timers[TIMER + order.effect] = turn.at.now + min(order.limit_s or LONGEST_S, LONGEST_S)
    arrange(turn)
    turn.emit(
        StartRecording(
            effect=order.effect,
            container=order.container,
            channels=order.channels,
            heard_by=room.first_leg if order.heard else None,
            keep_days=order.keep_days,
            transcription=order.transcription,
        )
    )
    if recording.paused:
        turn.emit(PauseRecording(effect=order.effect, paused=True))


def _beep(turn: Turn) -> EffectId:
    """A tone that all hear."""
    effect = turn.new_effect()
    arrange(turn)
    turn.emit(Play(effect=effect, owner=None, leg=None, source=Tone(name="beep"), loop=1, level=0.0))
    return effect


def stop_by_rest(turn: Turn, event: RoomRecordStopAsked) -> None:
    """Close the recording that is meant, or all that REST began; one that nobody has come to is none."""
    turn.room.awaited = {key: one for key, one in turn.room.awaited.items() if event.effect not in (None, key)}
    for one in list(turn.room.recordings.values()):
        if one.effect == event.effect or (event.effect is None and one.owner is None):
            stop_recording(turn, one.effect)


def pause_by_rest(turn: Turn, *, paused: bool) -> None:
    """Pause or go on with every recording that runs, whoever began it: what is said now is for nobody to keep."""
    for recording in turn.room.recordings.values():
        if not recording.stopping and recording.paused != paused:
            recording.paused = paused
            if recording.beep is None:
                turn.emit(PauseRecording(effect=recording.effect, paused=paused))


def stop_recording(turn: Turn, effect: EffectId) -> None:
    """Close a recording; its webhook follows when the file is there."""
    recording = turn.room.recordings.get(effect)
    if recording is None or recording.stopping:
        return
    order = recording.order
    if recording.beep is not None and order is not None:  # nothing was said yet, and that is what is reported
        turn.emit(StopPlay(effect=recording.beep))
        _begin(turn, recording, order)
    recording.stopping = True
    turn.room.timers.pop(TIMER + effect, None)
    turn.emit(StopRecording(effect=effect))
    if order is not None and order.beep_stop and turn.room.legs:
        _beep(turn)


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
        if recording.transcription is not None:
            wish = recording.transcription
            turn.emit(
                Transcribe(
                    effect=turn.new_effect(),
                    recording=event.recording,
                    file_id=event.file_id,
                    leg=recording.owner,
                    hook=wish.hook or recording.hook,
                    wish=wish,
                )
            )
    else:
        turn.error("Recording failed. It could not be stored.")  # why is for the operator: journal and log have it
    turn.then(RecordingSettled(event.effect))
