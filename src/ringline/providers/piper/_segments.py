"""Speech trees as a flat list of what Piper can do: words at a speed, pitch and volume, pauses, bleeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from ringline.providers._ssml import clean
from ringline.speech import (
    Break,
    Emphasis,
    Lang,
    Node,
    Paragraph,
    Phoneme,
    Prosody,
    SayAs,
    Sentence,
    Speech,
    Text,
    ipa,
    reading,
)

_EMPHASIS: Final = {"strong": (0.9, 4.0), "moderate": (0.96, 2.0), "reduced": (1.1, -4.0)}
_BLEEP_MS_PER_CHARACTER: Final = 80
_SENTENCE_MS: Final = 200
_PARAGRAPH_MS: Final = 600
MOST_SEGMENTS: Final = 2000


@dataclass(frozen=True, slots=True)
class _Manner:
    rate: float = 1.0
    pitch_percent: float = 0.0
    volume_db: float | None = 0.0


def segments(speech: Speech, language: str, *, pitch_percent: int = 0) -> list[dict[str, Any]]:
    """Give the worker's list: `text` with `rate`, `pitch` (a factor) and `gain` (a factor), or `pause_ms`, `bleep_ms`.

    Words of the same manner that follow each other are one segment, so that sentences stay whole.
    """
    out: list[dict[str, Any]] = []
    _all(speech.nodes, _Manner(pitch_percent=pitch_percent), language, out)
    return [one for one in out if one.get("text", "x").strip()][:MOST_SEGMENTS]


def _all(nodes: tuple[Node, ...], manner: _Manner, language: str, out: list[dict[str, Any]]) -> None:
    for node in nodes:
        match node:
            case Text(text):
                _say(text.replace("[[", "[ ["), manner, out)
            case Break(milliseconds):
                if milliseconds:
                    out.append({"pause_ms": milliseconds})
            case Emphasis(level, children):
                rate, volume = _EMPHASIS[level]
                _all(children, _within(manner, Prosody(rate=rate, volume_db=volume)), language, out)
            case Prosody(children=children):
                _all(children, _within(manner, node), language, out)
            case SayAs(interpret_as="expletive", text=text):
                out.append({"bleep_ms": min(10_000, max(1, len(text.strip())) * _BLEEP_MS_PER_CHARACTER)})
            case SayAs(interpret_as="character", text=text):
                _say(", ".join(text.strip()), manner, out)
            case SayAs():
                _say(reading(node, language), manner, out)
            case Phoneme(alphabet, symbols, text):
                sounds = ipa(alphabet, symbols)
                plain = text if sounds is None or "]" in sounds or "[" in sounds else f"[[{clean(sounds)}]]"
                _say(plain, manner, out)
            case Lang(children=children):
                _all(children, manner, language, out)
            case Paragraph(children):
                _all(children, manner, language, out)
                out.append({"pause_ms": _PARAGRAPH_MS})
            case Sentence(children):
                _all(children, manner, language, out)
                out.append({"pause_ms": _SENTENCE_MS})


def _within(outer: _Manner, inner: Prosody) -> _Manner:
    volume = None if outer.volume_db is None or inner.volume_db is None else outer.volume_db + inner.volume_db
    return replace(
        outer,
        rate=max(0.25, min(4.0, outer.rate * inner.rate)),
        pitch_percent=max(-60.0, min(100.0, outer.pitch_percent + inner.pitch_percent)),
        volume_db=None if volume is None else max(-24.0, min(12.0, volume)),
    )


def _say(text: str, manner: _Manner, out: list[dict[str, Any]]) -> None:
    gain = 0.0 if manner.volume_db is None else 10 ** (manner.volume_db / 20)
    how = {"rate": manner.rate, "pitch": 1 + manner.pitch_percent / 100, "gain": gain}
    text = clean(text)
    if out and "text" in out[-1] and all(out[-1][key] == value for key, value in how.items()):
        out[-1]["text"] += text
    else:
        out.append({"text": text, **how})
