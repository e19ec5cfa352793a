"""Speech trees in the SSML that espeak-ng understands: clean, closed, and with plain numbers.

What espeak-ng has no markup for goes to the worker beside the text: `Rendered.spoken` holds pronunciations and foreign
words, each standing in the text as `HOLE` and its number; marks named `TONE` and `TONE_END` stand around what is to be
bleeped over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ringline.providers.espeak._voices import espeak_language
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

HOLE: Final = "\ue000"
HOLE_END: Final = "\ue001"
TONE: Final = "tone"
TONE_END: Final = "tone-end"
_MOST_HOLES: Final = 200
"More pronunciations and foreign words than this in one text are read like the rest."

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ue000\ue001\ufffe\uffff]")
"espeak-ng takes Ctrl-A for a command, XML allows none of these, and two are our own."
_BREAK_LOST_MS: Final = 80
"So much of a pause is eaten by the fading word before it (measured with 1.52: 15 to 145 ms)."
_BREAK_LEAST_MS: Final = 50
_EMPHASIS_RATE: Final = {"strong": 92, "moderate": 97, "reduced": 112}
"Its own emphasis changes the volume; this is the speed."


@dataclass(slots=True)
class Rendered:
    """A text for the worker."""

    text: str = ""
    spoken: list[dict[str, str]] = field(default_factory=list)
    "For each hole: `ipa` (symbols), or `voice` and `text` (words and the espeak-ng voice whose rules they follow)."


def clean(text: str) -> str:
    """Make a text safe for espeak-ng: no control characters."""
    return _CONTROL.sub(" ", text)


def render(speech: Speech, language: str) -> Rendered:
    """Write the tree as SSML for espeak-ng; `language` is the table's, for readings that depend on it."""
    writer = _Writer(language)
    text = writer.all(speech.nodes)
    return Rendered(f"<speak>{text}</speak>", writer.spoken)


class _Writer:
    def __init__(self, language: str) -> None:
        self._language = language
        self._home = espeak_language(language)
        self._foreign: str | None = None
        self.spoken: list[dict[str, str]] = []

    def all(self, nodes: tuple[Node, ...]) -> str:
        parts: list[str] = []
        pause = 0
        for index, node in enumerate(nodes):
            if isinstance(node, Break) and node.milliseconds and _break_follows(nodes, index):
                pause += node.milliseconds  # espeak-ng makes only one of several pauses in a row
            elif isinstance(node, Break):
                parts.append(self._one(Break(node.milliseconds + pause)))
                pause = 0
            elif not pause or not _is_blank(node):
                parts.append(self._one(node))
        return "".join(parts)

    def _one(self, node: Node) -> str:
        match node:
            case Text(text):
                return self._text(text)
            case Phoneme(alphabet, symbols, text):
                return self._phoneme(alphabet, symbols, text)
            case Break(0):
                return '<break strength="none"/>'
            case Break(milliseconds):
                longer = milliseconds + _BREAK_LOST_MS if milliseconds >= _BREAK_LEAST_MS else milliseconds
                return f'<break time="{longer}ms"/>'
            case Emphasis(level, children):
                rate = _EMPHASIS_RATE[level]
                return f'<emphasis level="{level}"><prosody rate="{rate}%">{self.all(children)}</prosody></emphasis>'
            case Prosody():
                return self._prosody(node)
            case SayAs():
                return self._say_as(node)
            case Lang(tag, children):
                return self._lang(tag, children)
            case Paragraph(children):
                return f"<p>{self.all(children)}</p>"
            case Sentence(children):
                return f"<s>{self.all(children)}</s>"

    def _text(self, text: str) -> str:
        if self._foreign is None or not text.strip():
            return _escape(text)
        return self._hole({"voice": self._foreign, "text": clean(text)}, text)

    def _phoneme(self, alphabet: str, symbols: str, text: str) -> str:
        found = ipa(alphabet, clean(symbols))
        return _escape(text) if found is None else self._hole({"ipa": found}, text)

    def _hole(self, what: dict[str, str], text: str) -> str:
        if len(self.spoken) >= _MOST_HOLES:
            return _escape(text)
        self.spoken.append(what)
        return f" {HOLE}{len(self.spoken) - 1}{HOLE_END} "

    def _lang(self, tag: str, children: tuple[Node, ...]) -> str:
        found = find_language(tag)
        before, language = self._foreign, self._language
        if found is not None:
            voice = espeak_language(found)
            self._foreign = None if voice == self._home else voice
            self._language = found
        text = self.all(children)
        self._foreign, self._language = before, language
        return text

    def _prosody(self, node: Prosody) -> str:
        attributes = ""
        if node.rate != 1.0:
            attributes += f' rate="{round(node.rate * 100)}%"'
        if node.pitch_percent:
            attributes += f' pitch="{_pitch(node.pitch_percent):+d}%"'
        if node.volume_db is None:
            attributes += ' volume="silent"'
        elif node.volume_db:
            # Its volume percent are of amplitude, and stop at double.
            attributes += f' volume="{min(200, round(100 * 10 ** (node.volume_db / 20)))}%"'
        return f"<prosody{attributes}>{self.all(node.children)}</prosody>"

    def _say_as(self, node: SayAs) -> str:
        match node.interpret_as:
            case "character":
                return f'<say-as interpret-as="characters">{_escape(node.text.strip())}</say-as>'
            case "expletive":
                return f' <mark name="{TONE}"/>{_escape(node.text.strip()) or "beep"}<mark name="{TONE_END}"/> '
            case _:
                return self._text(reading(node, self._language))


def _pitch(percent: float) -> int:
    """espeak-ng's percent for a change of pitch: they move it 0.53 (up) or 0.33 (down) as far, measured with 1.52."""
    return round(percent / 0.53) if percent > 0 else max(-95, round(percent / 0.33))


def _break_follows(nodes: tuple[Node, ...], index: int) -> bool:
    following = next((node for node in nodes[index + 1 : index + 3] if not _is_blank(node)), None)
    return isinstance(following, Break)


def _is_blank(node: Node) -> bool:
    return isinstance(node, Text) and not node.text.strip()


def _escape(text: str) -> str:
    safe = clean(text).replace("[[", "[ [")  # or espeak-ng takes what follows for phonemes
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
