"""What was said in a recording, as the transcription file says it (Voice API, recording guide). No engine, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

VERSION: Final = "2.1.0"
"Of the file."
_ENDS: Final = tuple(".?!…。？！")
_AROUND: Final = ".,;:?!…\"'()[]{}«»“”„‘’。，、？！"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """A word and when it was said, in milliseconds from the beginning of the recording."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    "From 0 to 1."


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sentence, or what was said between two silences."""

    text: str
    words: tuple[SpokenWord, ...]
    "At least one."
    sentiment: float | None = None
    "From -1 (negative) to 1, where it was asked for."

    def scored(self, sentiment: float) -> Segment:
        """The same with a sentiment."""
        return replace(self, sentiment=sentiment)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTranscript:
    """One channel of a recording."""

    duration_ms: int
    segments: tuple[Segment, ...] = ()


def segments(
    text: str, words: Sequence[SpokenWord], *, start_ms: int, end_ms: int, confidence: float
) -> tuple[Segment, ...]:
    """Cut what an engine made of a stretch of speech into sentences.

    `words` are the engine's own times. Where it knows none, or counts the words in another way than the text has them,
    each word of the text gets a share of the time by its length.
    """
    written = text.split()
    if not written:
        return ()
    timed = words if len(words) == len(written) else _shared(written, start_ms, end_ms, confidence)
    return tuple(
        Segment(text=" ".join(one.text for one in sentence), words=tuple(sentence))
        for sentence in _sentences([replace(one, text=word) for one, word in zip(timed, written, strict=True)])
    )


def document(channels: Sequence[ChannelTranscript], *, request_id: str) -> dict[str, Any]:
    """Write the file: a member of `channels` for every channel, all times in milliseconds."""
    return {
        "ver": VERSION,
        "request_id": request_id,
        "channels": [
            {"duration": channel.duration_ms, "transcript": [_written(one) for one in channel.segments]}
            for channel in channels
        ],
    }


def _written(segment: Segment) -> dict[str, Any]:
    first, last = segment.words[0], segment.words[-1]
    out: dict[str, Any] = {
        "sentence": segment.text,
        "raw_sentence": " ".join(plain for one in segment.words if (plain := one.text.strip(_AROUND).lower())),
        "duration": max(0, last.end_ms - first.start_ms),
        "timestamp": first.start_ms,
        "words": [
            {
                "word": one.text.strip(_AROUND) or one.text,
                "start_time": one.start_ms,
                "end_time": one.end_ms,
                "confidence": round(min(max(0.0, one.confidence), 1.0), 4),
            }
            for one in segment.words
        ],
    }
    if segment.sentiment is not None:
        out["sentiment"] = round(min(max(-1.0, segment.sentiment), 1.0), 4)
    return out


def _sentences(words: Sequence[SpokenWord]) -> Iterator[list[SpokenWord]]:
    sentence: list[SpokenWord] = []
    for word in words:
        sentence.append(word)
        if word.text.endswith(_ENDS):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _shared(words: Sequence[str], start_ms: int, end_ms: int, confidence: float) -> list[SpokenWord]:
    total = sum(len(word) for word in words)
    shared, past = [], 0
    for word in words:
        begins, past = past, past + len(word)
        times = [start_ms + (end_ms - start_ms) * at // total for at in (begins, past)]
        shared.append(SpokenWord(text=word, start_ms=times[0], end_ms=times[1], confidence=confidence))
    return shared
