"""Writes recordings down with the recognition engines: a piece after the other, so that calls come first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from ringline.base import ProviderError, get_log
from ringline.engine.ports import StoredFile
from ringline.providers.recognition.contract import Heard, RecognitionEngine, Task
from ringline.providers.sentiment import sentiment_of
from ringline.speech import ChannelTranscript, Segment, SpokenWord, segments

log = get_log(__name__)
NOBODY: Final = "no engine for dictation is installed"
_INSTALL: Final = (
    'recordings are transcribed by an engine for dictation: put one, such as "openai" (any server that speaks its '
    "protocol, a local one included), into recognition.engines"
)
_THINKING_S: Final = 120.0
"For half a minute of speech."
_PAUSES_S: Final = (1.0, 5.0, 30.0)
"Before an engine that could not do it just now is asked again."


class _Piece(Protocol):
    """Somebody speaks; without audio it is the end of its channel."""

    @property
    def channel(self) -> int: ...

    @property
    def start_ms(self) -> int: ...

    @property
    def end_ms(self) -> int: ...

    @property
    def audio(self) -> bytes: ...


class RecordedSpeech(Protocol):
    """Who reads recordings; `ringline.io.recorded_speech` is one."""

    def pieces(self, file: StoredFile) -> AsyncGenerator[_Piece, None]: ...


class RecordingTranscriber:
    """Implements `Transcriber`."""

    def __init__(
        self, speech: RecordedSpeech, engines: Sequence[RecognitionEngine], *, pauses_s: Sequence[float] = _PAUSES_S
    ) -> None:
        """The first of `engines` that is for dictation and knows the language is asked, the next when it fails."""
        self._speech = speech
        self._engines = tuple(engines)
        self._pauses_s = tuple(pauses_s)

    async def transcribe(self, file: StoredFile, *, language: str, sentiment: bool) -> Sequence[ChannelTranscript]:
        """Write down what is said in each channel.

        Raises:
            ProviderError: no engine can do it, or the recording cannot be read.
        """
        engines = [engine for engine in self._engines if not engine.needs_hints]
        if not engines:
            log.warning("a recording cannot be transcribed", why=_INSTALL)
            raise ProviderError(NOBODY)
        engines = [engine for engine in engines if engine.knows(language)]
        if not engines:
            raise ProviderError(f"no engine for dictation knows {language}")
        found: dict[int, list[Segment]] = {}
        lasted_ms: dict[int, int] = {}
        async with aclosing(self._speech.pieces(file)) as pieces:
            async for piece in pieces:
                if piece.audio:
                    heard = await self._understand(engines, language, piece.audio)
                    found.setdefault(piece.channel, []).extend(_segments(piece, heard))
                else:
                    lasted_ms[piece.channel] = piece.end_ms
        if sentiment:
            await asyncio.to_thread(_score, found, language)
        return [
            ChannelTranscript(duration_ms=lasted_ms[channel], segments=tuple(found.get(channel, ())))
            for channel in sorted(lasted_ms)
        ]

    async def _understand(self, engines: list[RecognitionEngine], language: str, audio: bytes) -> Heard | None:
        """Ask one engine after the other, and again after a while where that may help."""
        task = Task(language=language, words=True)
        why = ProviderError(NOBODY)
        for pause_s in (0.0, *self._pauses_s):
            await asyncio.sleep(pause_s)
            again = False
            for engine in engines:
                try:
                    return await _ask(engine, task, audio)
                except ProviderError as error:
                    log.warning("a piece of a recording is not understood", engine=engine.name, why=str(error))
                    why, again = error, again or error.retryable
            if not again:
                break
        raise ProviderError(f"the recogniser failed: {why}"[:200]) from why


async def _ask(engine: RecognitionEngine, task: Task, audio: bytes) -> Heard | None:
    stream = engine.open(task)
    try:
        async with asyncio.timeout(_THINKING_S):
            stream.feed(audio)
            results = await stream.result()
    except TimeoutError as error:
        raise ProviderError("it took too long", retryable=True) from error
    finally:
        stream.cancel()
    return results[0] if results else None


def _segments(piece: _Piece, heard: Heard | None) -> tuple[Segment, ...]:
    if heard is None:
        return ()
    words = [
        SpokenWord(
            text=word.text,
            start_ms=min(piece.start_ms + max(0, word.start_ms), piece.end_ms),
            end_ms=min(piece.start_ms + max(0, word.start_ms, word.end_ms), piece.end_ms),
            confidence=word.confidence,
        )
        for word in heard.words
    ]
    return segments(heard.text, words, start_ms=piece.start_ms, end_ms=piece.end_ms, confidence=heard.confidence)


def _score(found: dict[int, list[Segment]], language: str) -> None:
    score = sentiment_of(language)
    for channel in found.values():
        channel[:] = [segment.scored(score(segment.text)) for segment in channel]
