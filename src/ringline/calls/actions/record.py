"""record: record the conversation, to a condition or to its end (NCCO reference: record)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.base import EffectId
from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.actions.prompt import Prompt, play
from ringline.calls.commands import StopPlay, Tone, Unwatch, WatchSilence
from ringline.calls.events import Event, KeyDown, PlayEnded, SilenceFound
from ringline.calls.parties import Hook, TranscriptionWish
from ringline.calls.recordings import start_recording, stop_recording
from ringline.calls.state import ACTION, Leg
from ringline.calls.turn import Inner, RecordingSettled, Turn, Woke


@dataclass(slots=True, kw_only=True)
class Recorder(RunningAction):
    """A record action; one without a condition starts its recording and is done."""

    container: str
    channels: int
    heard: bool = False
    "Two channels: what the initial caller says, and what it hears."
    hook: Hook | None = None
    end_on_silence_s: float | None = None
    end_on_key: str | None = None
    limit_s: float | None = None
    blocks: bool = False
    beep: bool = False
    transcription: TranscriptionWish | None = None

    beeping: EffectId | None = None
    recording: EffectId | None = None
    watch: EffectId | None = None
    closing: bool = False
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        if self.beep:
            prompt = Prompt(kind="beep", source=Tone(name="beep"), loop=1, level=0.0)
            self.beeping = play(turn, leg, prompt)
            return Go.WAIT
        return self._record(turn, leg)

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case PlayEnded(effect=effect) if effect == self.beeping:
                self.beeping = None
                return self._record(turn, leg)
            case KeyDown(digit=digit) if digit == self.end_on_key:
                if self.beeping:  # nothing was said, and that is what is reported
                    turn.emit(StopPlay(effect=self.beeping))
                    self.beeping = None
                    self._record(turn, leg)
                self._close(turn, leg)
            case SilenceFound(effect=effect) if effect == self.watch:
                self.watch = None
                self._close(turn, leg)
            case Woke(timer=timer) if timer == ACTION:
                self._close(turn, leg)
            case RecordingSettled(effect=effect) if effect == self.recording:
                self._let_go(turn, leg)
                return Go.NEXT
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        if self.beeping:
            turn.emit(StopPlay(effect=self.beeping))
            self.beeping = None
        if self.blocks and self.recording:
            self._close(turn, leg)

    def _record(self, turn: Turn, leg: Leg) -> Step:
        self.recording = start_recording(
            turn,
            leg,
            container=self.container,
            channels=self.channels,
            heard=self.heard,
            hook=self.hook,
            limit_s=None if self.blocks else self.limit_s,
            transcription=self.transcription,
        )
        if not self.blocks:
            return Go.NEXT
        if self.end_on_silence_s is not None:
            self.watch = turn.new_effect()
            turn.emit(WatchSilence(effect=self.watch, leg=leg.id, seconds=self.end_on_silence_s))
        if self.limit_s is not None:
            turn.wake(leg, ACTION, self.limit_s)
        return Go.WAIT

    def _close(self, turn: Turn, leg: Leg) -> None:
        self._let_go(turn, leg)
        if self.recording and not self.closing:
            self.closing = True
            stop_recording(turn, self.recording)

    def _let_go(self, turn: Turn, leg: Leg) -> None:
        leg.timers.pop(ACTION, None)
        if self.watch:
            turn.emit(Unwatch(effect=self.watch))
            self.watch = None
