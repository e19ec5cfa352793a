"""How pieces of a recording become a transcript: which engine is asked, when again, and what its words are worth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import pytest

from ringline.base import ApplicationId, ProviderError
from ringline.engine.ports import StoredFile
from ringline.io.recorded_speech import Piece
from ringline.providers.recognition import Heard, RecordingTranscriber, Task, WholeStream, Word
from ringline.speech import ChannelTranscript

FILE = StoredFile(
    file_id="f",
    application=ApplicationId("a"),
    media_type="audio/wav",
    size=1,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
HELLO = Heard(
    text="Hello there. Bye",
    confidence=0.8,
    words=tuple(
        Word(text=text, start_ms=at, end_ms=at + 200, confidence=0.7)
        for text, at in (("hello", 100), ("there", 400), ("bye", 900))
    ),
)


class Speech:
    """A recording of two channels; somebody speaks in the first one."""

    async def pieces(self, file: StoredFile) -> AsyncGenerator[Piece, None]:
        yield Piece(0, 5000, 7000, b"speech")
        yield Piece(0, 9000, 9000, b"")
        yield Piece(1, 9000, 9000, b"")


class Engine:
    """Answers, or fails so often first."""

    def __init__(
        self, name: str, answer: Heard | None, *, fails: int = 0, hints: bool = False, retry: bool = True
    ) -> None:
        self.name, self.needs_hints, self.fails, self.asked = name, hints, fails, 0
        self._answer, self._retry = answer, retry

    def knows(self, language: str) -> bool:
        return language.startswith("en")

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def ready(self) -> str | None:
        return None

    def open(self, task: Task) -> WholeStream:
        async def understand(audio: bytes) -> Sequence[Heard]:
            assert (audio, task.words) == (b"speech", True)
            self.asked += 1
            if self.asked <= self.fails:
                raise ProviderError(f"{self.name} is busy", retryable=self._retry)
            return [self._answer] if self._answer is not None else []

        return WholeStream(understand)


def transcript(*engines: Engine, language: str = "en-GB", sentiment: bool = False) -> Sequence[ChannelTranscript]:
    transcriber = RecordingTranscriber(Speech(), engines, pauses_s=(0.0, 0.0))
    return asyncio.run(transcriber.transcribe(FILE, language=language, sentiment=sentiment))


def test_times_count_from_the_beginning_of_the_recording_and_sentences_are_segments() -> None:
    said, heard = transcript(Engine("one", HELLO))
    assert [segment.text for segment in said.segments] == ["Hello there.", "Bye"]
    assert [(word.text, word.start_ms, word.end_ms) for word in said.segments[0].words] == [
        ("Hello", 5100, 5300),
        ("there.", 5400, 5600),
    ]
    assert heard == ChannelTranscript(duration_ms=9000)


def test_an_engine_without_times_has_the_words_shared_out() -> None:
    said, _ = transcript(Engine("one", Heard(text="aa bbbb", confidence=0.5)))
    assert [(word.start_ms, word.end_ms, word.confidence) for word in said.segments[0].words] == [
        (5000, 5666, 0.5),
        (5666, 7000, 0.5),
    ]


def test_what_nobody_understands_is_nothing() -> None:
    assert transcript(Engine("one", None))[0].segments == ()


def test_the_next_engine_is_asked_and_one_that_is_busy_again() -> None:
    broken, good = Engine("broken", None, fails=9, retry=False), Engine("good", HELLO, fails=1)
    assert transcript(Engine("grammar", None, hints=True), broken, good)[0].segments
    assert (broken.asked, good.asked) == (2, 2)


def test_it_fails_when_nobody_can_do_it() -> None:
    with pytest.raises(ProviderError, match="no engine for dictation is installed"):
        transcript(Engine("grammar", HELLO, hints=True))
    with pytest.raises(ProviderError, match="no engine for dictation knows de-DE"):
        transcript(Engine("one", HELLO), language="de-DE")
    tired = Engine("tired", HELLO, fails=9)
    with pytest.raises(ProviderError, match="tired is busy"):
        transcript(tired)
    assert tired.asked == 3


def test_sentiment_is_a_score_of_each_sentence() -> None:
    said, _ = transcript(Engine("one", Heard(text="This is wonderful! I hate it.", confidence=1)), sentiment=True)
    good, bad = (segment.sentiment for segment in said.segments)
    assert good is not None
    assert bad is not None
    assert good > 0.3 > -0.3 > bad
