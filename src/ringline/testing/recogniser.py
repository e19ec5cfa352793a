"""A recogniser that understands the phones of a test: what they say is text already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from ringline.base import EffectId, LegId, ProviderError
from ringline.engine.ports import HearingEvent, ListenRequest, Recognition, VoiceEnded, VoiceStarted
from ringline.testing.captions import Caption, captioned
from ringline.testing.media import ScriptedMedia
from ringline.testing.sounds import Sound

ONSET_S: Final = 0.08
"So long somebody must speak until it counts as speech."
_PRE_ROLL_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mishearing:
    said: str
    as_: str
    confidence: float


class ScriptedRecogniser:
    """The `Recogniser` of a test; what it was asked for is in `requests`.

    It understands every word with the confidence that `Phone.says` gives, and can be told to be worse.
    """

    def __init__(self, media: ScriptedMedia) -> None:
        self.requests: list[ListenRequest] = []
        self.delay_s = 0.0
        "How long it thinks before the result comes."
        self.languages: Collection[str] | None = None
        "The languages it knows; None: all."
        self._media = media
        self._failing = ""
        self._hanging = False
        self._deaf = False
        self._mishearings: list[_Mishearing] = []
        self._sessions: list[_Session] = []
        media.listeners.append(self._voice_changed)

    # ── what it is told ────────────────────────────────────────────────────────────────────────────────────────────

    def mishears(self, said: str, *, as_: str, confidence: float = 0.7) -> None:
        """From now on it takes `said` for `as_`, unless `said` is among the hints; then `as_` comes second."""
        self._mishearings.append(_Mishearing(said=said, as_=as_, confidence=confidence))

    def fails(self, why: str = "the engine is broken") -> None:
        """From now on it hears speech, but makes nothing of it: every result is a failure."""
        self._failing = why

    def hangs(self) -> None:
        """From now on it hears speech, but no result ever comes."""
        self._hanging = True

    def is_deaf(self) -> None:
        """From now on nothing ever comes of it."""
        self._deaf = True

    def dies(self, why: str = "the worker died") -> None:
        """It dies now, in the middle of whatever it hears; nobody can be listened to any more."""
        self.languages = ()
        for session in list(self._sessions):
            session.conclude(Recognition(failure=why), after_s=0.0)

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────────────

    def listen(self, request: ListenRequest, report: Callable[[HearingEvent], None]) -> _Session:
        """Begin to listen.

        Raises:
            ProviderError: it does not know the language, or has died.
        """
        self.requests.append(request)
        if self.languages is not None and request.language not in self.languages:
            raise ProviderError(f"no model for {request.language}")
        session = _Session(self, request, report, deaf=self._deaf)
        self._sessions.append(session)
        session.voice(self._media.voice(request.leg))
        return session

    def ready(self) -> str | None:
        return self._failing or None

    def leftovers(self) -> list[str]:
        """Who still listens; empty is how it should be when all calls are over."""
        return [f"leg {session.request.leg} is listened to" for session in self._sessions]

    # ── for its sessions ───────────────────────────────────────────────────────────────────────────────────────────

    def understand(self, text: str, confidence: float, request: ListenRequest, audio: bytes) -> Recognition | None:
        """What it makes of some speech; None: nothing, ever."""
        if self._hanging:
            return None
        if self._failing:
            return Recognition(failure=self._failing)
        results = [(text, confidence)] if text else []
        for one in self._mishearings:
            if one.said == text:
                doubt = one.confidence / 2 if one.said in request.hints else one.confidence
                results = [(one.as_, doubt), (text, confidence if one.said in request.hints else doubt / 2)]
        return Recognition(results=tuple(results), audio=audio if request.keep_audio else b"")

    def forget(self, session: _Session) -> None:
        """It is over."""
        if session in self._sessions:
            self._sessions.remove(session)

    def _voice_changed(self, leg: LegId) -> None:
        for session in list(self._sessions):
            if session.request.leg == leg:
                session.voice(self._media.voice(leg))


class _Session:
    """One `listen`."""

    ear: EffectId | None = None
    "The fake media core cuts no prompts by itself."

    def __init__(
        self,
        owner: ScriptedRecogniser,
        request: ListenRequest,
        report: Callable[[HearingEvent], None],
        *,
        deaf: bool,
    ) -> None:
        self.request = request
        self._owner = owner
        self._report = report
        self._deaf = deaf
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._spoken = False
        self._over = False
        self._words: list[str] = []
        self._confidence = 1.0
        self._now: tuple[Sound, float] | None = None
        "What is being said, and how far it had come when we began to hear it."
        self._began = 0.0

    def voice(self, sound: Sound | None) -> None:
        """The leg begins to say something, or has ended."""
        if self._deaf or self._over:
            return
        self._take_down()
        self._now = None if sound is None else (sound, sound.at(self._loop.time()))
        if sound is not None:
            self._wait(ONSET_S, self._confirmed) if not self._spoken else self._wait(None, None)
        elif self._spoken:
            self._wait(self.request.end_on_silence_s, self._silent)
        else:
            self._words.clear()  # too short to be speech
            self._wait(None, None)

    def finish(self) -> None:
        if not self._over:
            self._take_down()
            self._conclude_speech()

    def cancel(self) -> None:
        self._over = True
        self._wait(None, None)
        self._owner.forget(self)

    def conclude(self, result: Recognition, *, after_s: float) -> None:
        """Nothing follows this result."""
        self._over = True
        self._wait(after_s, lambda: self._deliver(result))

    def _deliver(self, result: Recognition) -> None:
        self._owner.forget(self)
        self._report(result)

    def _confirmed(self) -> None:
        self._spoken = True
        self._began = self._loop.time() - ONSET_S
        self._report(VoiceStarted(ago_s=ONSET_S))

    def _silent(self) -> None:
        self._report(VoiceEnded())
        if not self._over:
            self._conclude_speech()

    def _conclude_speech(self) -> None:
        text = " ".join(self._words)
        length = self._loop.time() - self._began + _PRE_ROLL_S if self._spoken else 0.0
        audio = captioned(Caption("person", text), seconds=length) if self._spoken else b""
        result = self._owner.understand(text, self._confidence, self.request, audio)
        if result is None:
            self._over = True
            self._wait(None, None)
        else:
            self.conclude(result, after_s=self._owner.delay_s)

    def _take_down(self) -> None:
        """Keep the words of what was being said, as far as they were heard."""
        if self._now is None:
            return
        (sound, since), self._now = self._now, None
        end = sound.at(self._loop.time())
        each = len(sound.text) / sound.length_s if sound.length_s else 0.0
        heard = sound.text[round(since * each) : round(end * each)].strip()
        if heard:
            self._words.append(heard)
            self._confidence = min(self._confidence, sound.confidence)

    def _wait(self, seconds: float | None, then: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and then is not None:
            self._timer = self._loop.call_later(seconds, then)
