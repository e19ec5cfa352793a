"""The speech half of an `input`: when listening begins, what ends it, and what is told of it (input, speech)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

from ringline.base import EffectId, LegId
from ringline.calls.commands import Listen, StopListening
from ringline.calls.events import Alternative, Event, Recognised, SpeechEnded, SpeechStarted
from ringline.calls.state import SPEECH, Leg, Room
from ringline.calls.turn import Inner, Turn, Woke

FAILED: Final = "ERR1: Failed to analyze audio"
OVERRIDDEN: Final = "Speech overridden by DTMF"
RESULT_S: Final = 10.0
"So long a recogniser may think once the speech is over."


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """The `speech` object of an `input`."""

    uuid: LegId | None = None
    "Whose speech; None: the first leg that joined the call."
    language: str | None = None
    hints: tuple[str, ...] = ()
    end_on_silence_s: float = 2
    start_timeout_s: float = 10
    max_duration_s: float = 60
    sensitivity: int = 90
    save_audio: bool = False
    provider: str | None = None
    provider_options: Mapping[str, Any] = field(default_factory=dict)


class EarState(StrEnum):
    """How far listening has come."""

    IDLE = "idle"
    LISTENING = "listening"
    "Nothing has been said yet."
    HEARING = "hearing"
    "Somebody speaks."
    THINKING = "thinking"
    "The speech is over; what it was will be told."
    CLOSED = "closed"


class EarNews(StrEnum):
    """What an event meant for the action that listens."""

    NOTHING = "nothing"
    SPEECH = "speech"
    "Somebody has begun to speak."
    DEAF = "deaf"
    "Nothing will be heard: the recogniser has failed before anything was said, or whom we listened to has left."
    COMPLETE = "complete"
    "The result is there, or nothing was said in time."


@dataclass(slots=True, kw_only=True)
class Ear:
    """One `Listen` from its beginning to its result."""

    ENUMS: ClassVar = {"state": EarState}

    options: SpeechOptions
    state: EarState = EarState.IDLE
    effect: EffectId | None = None
    reason: str | None = None
    "`end_on_silence_timeout`, `max_duration` or `start_timeout`."
    error: str | None = None
    results: tuple[Alternative, ...] = ()
    recording_url: str | None = None

    def open(self, turn: Turn, leg: Leg) -> None:
        """Begin to listen; the timers do not run yet."""
        wish = self.options
        speaker = _speaker(turn.room, leg, wish.uuid)
        self.effect = turn.new_effect()
        self.state = EarState.LISTENING
        turn.emit(
            Listen(
                effect=self.effect,
                leg=leg.id,
                speaker=speaker,
                language=wish.language,
                hints=wish.hints,
                end_on_silence_s=wish.end_on_silence_s,
                sensitivity=wish.sensitivity,
                save_audio=wish.save_audio,
                provider=wish.provider,
                provider_options=wish.provider_options,
                stranger=wish.uuid if wish.uuid not in (None, speaker) else None,
            )
        )

    def close(self, turn: Turn, leg: Leg) -> None:
        """Nobody wants to know any more."""
        leg.timers.pop(SPEECH, None)
        if self.state not in (EarState.IDLE, EarState.CLOSED) and self.effect is not None:
            turn.emit(StopListening(effect=self.effect))
        self.state = EarState.CLOSED

    def override(self, turn: Turn, leg: Leg) -> None:
        """A key was pressed: speech counts no more."""
        self.close(turn, leg)
        self.reason, self.error, self.results, self.recording_url = None, OVERRIDDEN, (), None

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> EarNews:
        """Take an event of the leg."""
        match event:
            case SpeechStarted(effect=effect, ago_s=ago_s) if (
                effect == self.effect and self.state is EarState.LISTENING
            ):
                self.state = EarState.HEARING
                turn.wake(leg, SPEECH, max(0.0, self.options.max_duration_s - ago_s))
                return EarNews.SPEECH
            case SpeechEnded(effect=effect) if effect == self.effect and self.state is EarState.HEARING:
                self._think(turn, leg, "end_on_silence_timeout")
            case Recognised(effect=effect) if effect == self.effect and self.state is not EarState.CLOSED:
                return self._recognised(leg, event)
            case Woke(timer=timer) if timer == SPEECH:
                return self._woke(turn, leg)
        return EarNews.NOTHING

    def told(self) -> dict[str, Any]:
        """The `speech` object of the webhook."""
        out: dict[str, Any] = {}
        if self.recording_url is not None:
            out["recording_url"] = self.recording_url
        if self.reason is not None:
            out["timeout_reason"] = self.reason
        if self.error is not None:
            out["error"] = self.error
        out["results"] = [{"confidence": one.confidence, "text": one.text} for one in self.results]
        return out

    def _recognised(self, leg: Leg, event: Recognised) -> EarNews:
        leg.timers.pop(SPEECH, None)
        before, self.state = self.state, EarState.CLOSED
        self.error = event.error
        if event.error is None:
            self.results = event.results
            if self.reason is None:  # whom we listened to has left: no more speech will come
                self.reason = "start_timeout" if before is EarState.LISTENING else "end_on_silence_timeout"
        if before is EarState.LISTENING:
            return EarNews.DEAF
        self.recording_url = event.recording_url
        return EarNews.COMPLETE

    def _woke(self, turn: Turn, leg: Leg) -> EarNews:
        match self.state:
            case EarState.LISTENING:
                self.close(turn, leg)
                self.reason = "start_timeout"
                return EarNews.COMPLETE
            case EarState.HEARING:
                self._think(turn, leg, "max_duration")
                turn.emit(StopListening(effect=self._effect(), finish=True))
            case EarState.THINKING:
                self.close(turn, leg)
                self.error = FAILED
                return EarNews.COMPLETE
        return EarNews.NOTHING

    def _think(self, turn: Turn, leg: Leg, reason: str) -> None:
        self.state = EarState.THINKING
        self.reason = reason
        turn.wake(leg, SPEECH, RESULT_S)

    def _effect(self) -> EffectId:
        assert self.effect is not None
        return self.effect


def _speaker(room: Room, leg: Leg, wanted: LegId | None) -> LegId:
    """Whose speech: the leg named, if it is here; else the first that joined the call.

    A leg that hears its own script in private (a whisper) is meant itself.
    """
    if wanted in room.legs and wanted is not None:
        return wanted
    if not leg.joined:
        return leg.id
    return next(one.id for one in room.legs.values() if one.joined)
