"""The recogniser of the engine: ears on legs, the media core's voice activity, and recognition engines behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from ringline.base import EffectId, ProviderError, get_log
from ringline.engine.ports import (
    Ears,
    HearingEvent,
    ListenRequest,
    Recognition,
    SpeechStarted,
    SpeechStopped,
    Told,
    VoiceEnded,
    VoiceStarted,
)
from ringline.providers.recognition.contract import RATE_HZ, Heard, RecognitionEngine, Stream, Task

log = get_log(__name__)
PRE_ROLL_MS: Final = 500
"So much of the audio before the speech is understood and kept with it."
_TAIL_MS: Final = 300
"So much of the silence after it is understood with it."
_THINKING_S: Final = 8.0
"A result that takes longer comes too late for the call."
_BYTES_PER_MS: Final = RATE_HZ * 2 // 1000
_LONGEST_MS: Final = 75_000
"Somebody who never pauses is not listened to for longer than this: `maxDuration` is 60 s at most."
INSTALL: Final = (
    "speech without `context` needs an engine for dictation in recognition.engines: vosk, sherpa or whisper with a "
    "model of yours (pip install ringline[vosk], ringline[sherpa] or ringline[whisper]), or google, azure or openai"
)


class EarRecogniser:
    """Implements `Recogniser`: finds speech with the media core's ears, and has engines understand it."""

    def __init__(self, ears: Ears, engines: Sequence[RecognitionEngine]) -> None:
        """The first of `engines` that knows the language is asked, and the next one when it fails."""
        self._ears = ears
        self._engines = tuple(engines)
        self._numbers = count(1)
        self._sessions: set[_Session] = set()

    async def start(self) -> None:
        """Make the engines ready; what is wrong with them is told by `ready`."""
        await asyncio.gather(*(engine.start() for engine in self._engines))

    async def close(self) -> None:
        """Nobody is listened to any more; the engines are given back."""
        for session in tuple(self._sessions):
            session.cancel()
        for engine in self._engines:
            await engine.close()

    def ready(self) -> str | None:
        """None when all engines work."""
        return next((why for engine in self._engines if (why := engine.ready()) is not None), None)

    @property
    def busy(self) -> int:
        """How many legs are listened to."""
        return len(self._sessions)

    def listen(self, request: ListenRequest, report: Callable[[HearingEvent], None]) -> _Session:
        """Begin to listen to a leg.

        Raises:
            ProviderError: no engine knows the language.
        """
        engines = self._choose(request)
        ear = EffectId(f"ear-{next(self._numbers)}")
        session = _Session(ear, self._ears, request, engines, report, self._sessions.discard)
        self._sessions.add(session)
        self._ears.open_ear(ear, request.leg, session, sensitivity=request.sensitivity, rate_hz=RATE_HZ)
        return session

    def _choose(self, request: ListenRequest) -> list[RecognitionEngine]:
        """Who understands this, best first: the one asked for by name. Without hints, who needs none."""
        if request.provider is not None and all(engine.name != request.provider for engine in self._engines):
            log.info("another recogniser was asked for", asked=request.provider, leg=request.leg)
        fitting = [engine for engine in self._engines if engine.knows(request.language)]
        if not fitting:
            raise ProviderError(f"no engine has a model for {request.language}")
        if not request.hints:
            able = [engine for engine in fitting if not engine.needs_hints]
            if not able:
                log.warning("nothing can be understood", leg=request.leg, why=INSTALL)
            fitting = able
        return sorted(fitting, key=lambda engine: engine.name != request.provider)


class _Session:
    """One `listen`: an `EarSink` and a `Listening`."""

    def __init__(
        self,
        ear: EffectId,
        ears: Ears,
        request: ListenRequest,
        engines: Sequence[RecognitionEngine],
        report: Callable[[HearingEvent], None],
        forget: Callable[[_Session], None],
    ) -> None:
        self.ear = ear
        self._ears = ears
        self._request = request
        self._engines = list(engines)
        self._report = report
        self._forget = forget
        self._audio = bytearray()
        "What is kept: the last half second before speech, then everything."
        self._dropped_ms = 0
        "What was heard before that."
        self._stream: Stream | None = None
        self._fed = 0
        self._began = False
        self._quiet_since_ms: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = False

    # ── what the ear brings ────────────────────────────────────────────────────────────────────────────────────────

    def write(self, pcm: bytes) -> None:
        if self._over:
            return
        self._audio += pcm
        if not self._began:
            self._keep_pre_roll()
            return
        self._feed(self._end_of_speech())
        quiet = self._quiet_since_ms
        if quiet is not None and self._now_ms - quiet >= round(self._request.end_on_silence_s * 1000):
            self._over = True
            self._report(VoiceEnded())
            self._conclude()
        elif self._now_ms - self._dropped_ms > _LONGEST_MS:
            self.finish()

    def lost(self, milliseconds: int) -> None:
        self.write(bytes(milliseconds * _BYTES_PER_MS))  # times go on

    def told(self, event: Told) -> None:
        match event:
            case SpeechStarted(at_ms=at_ms) if not self._over:
                self._quiet_since_ms = None
                if self._began:
                    self._feed(len(self._audio))
                    return
                self._began = True
                self._drop_until(at_ms - PRE_ROLL_MS)
                self._open()
                self._feed(len(self._audio))
                self._report(VoiceStarted(ago_s=max(0, self._now_ms - at_ms) / 1000))
            case SpeechStopped(at_ms=at_ms) if self._began and not self._over:
                self._quiet_since_ms = at_ms
                self._feed(self._end_of_speech())
                if self._stream is not None:
                    self._stream.pause()
            case _:
                pass

    @property
    def _now_ms(self) -> int:
        return self._dropped_ms + len(self._audio) // _BYTES_PER_MS

    def _end_of_speech(self) -> int:
        """How much of the audio is wanted: all, or until a little after somebody has fallen silent."""
        if self._quiet_since_ms is None:
            return len(self._audio)
        return min(len(self._audio), (self._quiet_since_ms + _TAIL_MS - self._dropped_ms) * _BYTES_PER_MS)

    def _keep_pre_roll(self) -> None:
        self._drop_until(self._now_ms - 2 * PRE_ROLL_MS)

    def _drop_until(self, at_ms: int) -> None:
        surplus_ms = at_ms - self._dropped_ms
        if surplus_ms > 0:
            del self._audio[: surplus_ms * _BYTES_PER_MS]
            self._dropped_ms += surplus_ms

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def finish(self) -> None:
        """What has been said is enough."""
        if not self._over:
            self._over = True
            self._conclude()

    def cancel(self) -> None:
        """Nothing of it is wanted any more."""
        self._over = True
        self._ears.close_ear(self.ear)
        if self._task is not None:
            self._task.cancel()
        if self._stream is not None:
            self._stream.cancel()
        self._forget(self)

    # ── what the engines make of it ────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        while self._engines and self._stream is None:
            engine = self._engines[0]
            try:
                self._stream = engine.open(Task(language=self._request.language, hints=self._request.hints))
            except ProviderError as error:
                self._give_up_on(engine, error)
                if not self._engines:
                    self._failure = str(error)
        self._fed = 0

    _failure: str | None = None

    def _give_up_on(self, engine: RecognitionEngine, error: ProviderError) -> None:
        log.warning("recogniser failed", engine=engine.name, leg=self._request.leg, why=str(error))
        self._engines.remove(engine)

    def _feed(self, end: int) -> None:
        if self._stream is not None and end > self._fed:
            self._stream.feed(bytes(self._audio[self._fed : end]))
            self._fed = end

    def _conclude(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._understand(), name=self.ear)

    async def _understand(self) -> None:
        self._ears.close_ear(self.ear)
        results: Sequence[Heard] = ()
        while self._began and self._stream is not None:
            try:
                async with asyncio.timeout(_THINKING_S):
                    results = await self._stream.result()
                self._failure = None
                break
            except (ProviderError, TimeoutError) as error:
                self._failure = str(error) or "the engine took too long"
                self._stream.cancel()
                self._stream = None
                self._give_up_on(self._engines[0], ProviderError(self._failure))
                self._open()
                self._feed(self._end_of_speech())
        self._stream = None
        self._forget(self)
        audio = bytes(self._audio) if self._request.keep_audio and self._began else b""
        self._report(
            Recognition(
                results=tuple((one.text, one.confidence) for one in results), failure=self._failure, audio=audio
            )
        )
