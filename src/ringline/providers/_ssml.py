"""Speech trees as standard SSML, for services: each says which elements it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape, quoteattr

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
    find_language,
    ipa,
    reading,
)

_ALLOWED: Final = frozenset("\t\n\r")
_BLEEP_MS_PER_CHARACTER: Final = 80
_EMPHASIS_PERCENT: Final = {"strong": 90, "moderate": 96, "reduced": 110}
_EMPHASIS_DB: Final = {"strong": 4.0, "moderate": 2.0, "reduced": -4.0}
"What stands in for emphasis where a service has none."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a service understands."""

    emphasis: bool = True
    pitch: bool = True
    lang: bool = True
    relative: bool = False
    "Speed is written as a factor and volume in percent, not in percent and decibel."
    say_as: Mapping[str, str] = field(default_factory=dict)
    "The kinds it reads itself, and how it calls them; others are written out in words."


def write(speech: Speech, dialect: Dialect, *, language: str, pitch_percent: int = 0, most_bytes: int = 60_000) -> str:
    """Give the inside of `<speak>`; `language` is the table's, for what is written out in words.

    What would be longer than `most_bytes`, the service's limit, is given without its tags.

    A `pitch_percent` that is not 0 moves everything; where the service has no pitch, it moves the speed instead.
    """
    nodes = speech.nodes
    if pitch_percent:
        moved = Prosody(pitch_percent=pitch_percent, children=nodes)
        nodes = (moved if dialect.pitch else Prosody(rate=1 + pitch_percent / 100, children=nodes),)
    written = _all(nodes, dialect, language)
    return written if len(written.encode()) <= most_bytes else escape(clean(speech.plain()))


def _all(nodes: tuple[Node, ...], dialect: Dialect, language: str) -> str:
    return "".join(_one(node, dialect, language) for node in nodes)


def _one(node: Node, dialect: Dialect, language: str) -> str:
    match node:
        case Text(text):
            return escape(clean(text))
        case Break(0):
            return '<break strength="none"/>'
        case Break(milliseconds):
            return f'<break time="{milliseconds}ms"/>'
        case Emphasis(level, children) if dialect.emphasis:
            return f'<emphasis level="{level}">{_all(children, dialect, language)}</emphasis>'
        case Emphasis(level, children):
            rate, volume = _EMPHASIS_PERCENT[level] / 100, _EMPHASIS_DB[level]
            return _prosody(Prosody(rate=rate, volume_db=volume, children=children), dialect, language)
        case Prosody():
            return _prosody(node, dialect, language)
        case SayAs():
            return _say_as(node, dialect, language)
        case Phoneme(alphabet, symbols, text):
            sounds = ipa(alphabet, clean(symbols))
            words = escape(clean(text))
            return words if sounds is None else f'<phoneme alphabet="ipa" ph={quoteattr(sounds)}>{words}</phoneme>'
        case Lang(tag, children):
            return _lang(tag, children, dialect, language)
        case Paragraph(children):
            return f"<p>{_all(children, dialect, language)}</p>"
        case Sentence(children):
            return f"<s>{_all(children, dialect, language)}</s>"


def _prosody(node: Prosody, dialect: Dialect, language: str) -> str:
    attributes = ""
    if node.rate != 1.0:
        attributes += f' rate="{node.rate:g}"' if dialect.relative else f' rate="{round(node.rate * 100)}%"'
    if node.pitch_percent and dialect.pitch:
        attributes += f' pitch="{round(node.pitch_percent):+d}%"'
    if node.volume_db is None:
        attributes += ' volume="silent"'
    elif node.volume_db:
        percent = round(100 * (10 ** (node.volume_db / 20) - 1))
        attributes += f' volume="{percent:+d}%"' if dialect.relative else f' volume="{node.volume_db:+g}dB"'
    inside = _all(node.children, dialect, language)
    return f"<prosody{attributes}>{inside}</prosody>" if attributes else inside


def _say_as(node: SayAs, dialect: Dialect, language: str) -> str:
    kind = dialect.say_as.get(node.interpret_as)
    if kind is not None:
        format_ = f" format={quoteattr(clean(node.format))}" if node.format and node.interpret_as == "date" else ""
        return f'<say-as interpret-as="{kind}"{format_}>{escape(clean(node.text.strip()))}</say-as>'
    if node.interpret_as == "expletive":
        return f'<break time="{min(10_000, max(1, len(node.text.strip())) * _BLEEP_MS_PER_CHARACTER)}ms"/>'
    if node.interpret_as == "character":
        return escape(clean(", ".join(node.text.strip())))
    return escape(clean(reading(node, language)))


def _lang(tag: str, children: tuple[Node, ...], dialect: Dialect, language: str) -> str:
    found = find_language(tag)
    if found is None or not dialect.lang:
        return _all(children, dialect, found or language)
    return f"<lang xml:lang={quoteattr(clean(tag))}>{_all(children, dialect, found)}</lang>"


def clean(text: str) -> str:
    """A text without what XML (and UTF-8) does not allow."""
    return "".join(
        " " if (one < " " and one not in _ALLOWED) or "\ud800" <= one <= "\udfff" or one in "\ufffe\uffff" else one
        for one in text
    )
