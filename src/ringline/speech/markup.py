"""SSML as a small tree that any engine can translate (Voice API, SSML tags; W3C SSML 1.1 for their meaning).

Numbers are settled here, so that engines agree: pauses in milliseconds, rates as factors, pitch in percent, volume in
dB. Elements outside the list keep their text and lose their tag. Nothing outside the text is ever read: a document type
makes the text malformed, and malformed SSML is spoken without its tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from xml.parsers import expat

from ringline.speech.text import is_ssml, strip_tags

MAX_BREAK_MS: Final = 10_000
_MAX_DEPTH: Final = 50
_MAX_SOURCE: Final = 100_000
"Characters with tags. The limit of a text does not count tags, so this one bounds the work."

_BREAK_MS: Final = {"none": 0, "x-weak": 0, "weak": 250, "medium": 250, "strong": 600, "x-strong": 1000}
_RATE: Final = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_PITCH: Final = {"x-low": -30.0, "low": -15.0, "default": 0.0, "medium": 0.0, "high": 15.0, "x-high": 30.0}
_VOLUME_DB: Final = {"x-soft": -12.0, "soft": -6.0, "default": 0.0, "medium": 0.0, "loud": 4.0, "x-loud": 6.0}
_SAY_AS: Final = {"characters": "character", "spell-out": "character", "number": "cardinal"}
_TIME: Final = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(ms|s)")
_PERCENT: Final = re.compile(r"([+-]\d{1,3}(?:\.\d{0,9})?)%")
_DECIBEL: Final = re.compile(r"([+-]\d{1,3}(?:\.\d{0,9})?)dB", re.IGNORECASE)

EmphasisLevel = Literal["strong", "moderate", "reduced"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words to speak."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """A pause; 0 removes one that would otherwise be made."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Stress, or its opposite."""

    level: EmphasisLevel
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prosody:
    """Volume, speed and pitch of what is inside, relative to what is around."""

    rate: float = 1.0
    "0.5 is half as fast."
    pitch_percent: float = 0.0
    volume_db: float | None = 0.0
    "None is silent; else -12 to 12."
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SayAs:
    """A value and how to read it."""

    interpret_as: str
    "`character`, `cardinal`, `ordinal`, `digits`, `fraction`, `unit`, `date`, `time`, `expletive`, `telephone`, …"
    format: str = ""
    "For dates, such as `dmy`."
    text: str = ""


@dataclass(frozen=True, slots=True)
class Phoneme:
    """Words with their exact pronunciation."""

    alphabet: str
    "`ipa` or `x-sampa`."
    symbols: str
    text: str


@dataclass(frozen=True, slots=True)
class Lang:
    """Words of another language."""

    language: str
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph: spoken with a pause behind it."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: spoken with its own melody."""

    children: tuple[Node, ...]


Node = Text | Break | Emphasis | Prosody | SayAs | Phoneme | Lang | Paragraph | Sentence


@dataclass(frozen=True, slots=True)
class Speech:
    """What shall be spoken."""

    nodes: tuple[Node, ...]
    well_formed: bool = True
    "False when the SSML was broken and its tags were thrown away."
    trouble: str = ""
    "What is wrong with broken SSML, and where: `mismatched tag (line 1, column 17)`."

    def plain(self) -> str:
        """The words alone, aliases applied; for voices without SSML."""
        return " ".join(_words(self.nodes).split())


def parse(text: str) -> Speech:
    """Read the text of a `talk`: SSML if it starts with `<speak`, else plain text. Never fails."""
    if not is_ssml(text):
        return Speech((Text(text),))
    if len(text) > _MAX_SOURCE:
        return _broken(text, f"longer than {_MAX_SOURCE} characters")
    try:
        return Speech(_Reader().read(text))
    except _Refused as error:
        return _broken(text, str(error))
    except expat.ExpatError as error:
        return _broken(text, f"{expat.ErrorString(error.code)} (line {error.lineno}, column {error.offset + 1})")


def _broken(text: str, why: str) -> Speech:
    return Speech((Text(strip_tags(text)),), well_formed=False, trouble=why)


def _words(nodes: tuple[Node, ...]) -> str:
    parts: list[str] = []
    for node in nodes:
        match node:
            case Text(text) | SayAs(text=text) | Phoneme(text=text):
                parts.append(text)
            case Break():
                parts.append(" ")
            case Paragraph(children) | Sentence(children):
                parts.append(f" {_words(children)} ")
            case Emphasis(children=children) | Prosody(children=children) | Lang(children=children):
                parts.append(_words(children))
    return "".join(parts)


class _Refused(Exception):
    """Well-formed XML that we do not read: a document type, or elements nested without end."""


class _Reader:
    """Builds the tree from the parser's calls; the open elements are a stack of (name, attributes, children)."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, str], list[Node]]] = [("", {}, [])]
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True  # else every entity is a piece of its own
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, text: str) -> tuple[Node, ...]:
        self._parser.Parse(text.strip().encode("utf-8", "replace"), True)
        return tuple(self._open[0][2])

    def _refusal(self, why: str) -> _Refused:
        place = f"line {self._parser.CurrentLineNumber}, column {self._parser.CurrentColumnNumber + 1}"
        return _Refused(f"{why} ({place})")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _MAX_DEPTH:
            raise self._refusal(f"elements nested more than {_MAX_DEPTH} deep")
        if len(self._open) == 1 and name != "speak":
            raise self._refusal("the outermost element must be speak")
        self._open.append((name, attributes, []))

    def _end(self, name: str) -> None:
        _, attributes, children = self._open.pop()
        self._open[-1][2].extend(_element(name, attributes, tuple(children)))

    def _text(self, text: str) -> None:
        children = self._open[-1][2]
        if children and isinstance(children[-1], Text):
            children[-1] = Text(children[-1].text + text)
        else:
            children.append(Text(text))

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        raise self._refusal("document types and entity declarations are not read")


def _element(name: str, attributes: dict[str, str], children: tuple[Node, ...]) -> tuple[Node, ...]:
    match name:
        case "break":
            return (Break(_break_ms(attributes)), *children)
        case "emphasis":
            return (Emphasis(_level(attributes.get("level", "")), children),)
        case "lang":
            return (Lang(attributes["xml:lang"], children),) if attributes.get("xml:lang") else children
        case "p":
            return (Paragraph(children),)
        case "s":
            return (Sentence(children),)
        case "phoneme":
            alphabet = attributes.get("alphabet", "ipa").lower()
            symbols = attributes.get("ph", "")
            return (Phoneme(alphabet, symbols, _words(children)),) if symbols else children
        case "prosody":
            return (_prosody(attributes, children),)
        case "say-as":
            kind = attributes.get("interpret-as", "").strip().lower()
            words = _words(children)
            kind = _SAY_AS.get(kind, kind)
            return (SayAs(interpret_as=kind, format=attributes.get("format", "").strip().lower(), text=words),)
        case "sub":
            return (Text(attributes["alias"]),) if "alias" in attributes else children
        case _:
            return children


def _break_ms(attributes: dict[str, str]) -> int:
    if time := _TIME.fullmatch(attributes.get("time", "").strip().lower()):
        milliseconds = float(time[1]) * (1000 if time[2] == "s" else 1)
        return min(MAX_BREAK_MS, round(milliseconds))
    return _BREAK_MS.get(attributes.get("strength", "medium").strip().lower(), _BREAK_MS["medium"])


def _level(text: str) -> EmphasisLevel:
    match text.strip().lower():
        case "strong" | "reduced" as level:
            return level
        case _:
            return "moderate"


def _prosody(attributes: dict[str, str], children: tuple[Node, ...]) -> Prosody:
    rate = _RATE.get(attributes.get("rate", "").strip().lower(), 1.0)
    label = attributes.get("pitch", "").strip().lower()
    pitch = _PITCH.get(label, 0.0)
    if percent := _PERCENT.fullmatch(label):
        pitch = max(-90.0, min(100.0, float(percent[1])))
    label = attributes.get("volume", "").strip().lower()
    volume: float | None = _VOLUME_DB.get(label, 0.0)
    if decibel := _DECIBEL.fullmatch(label):
        volume = max(-12.0, min(12.0, float(decibel[1])))
    if label == "silent":
        volume = None
    return Prosody(rate=rate, pitch_percent=pitch, volume_db=volume, children=children)
