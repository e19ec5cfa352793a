"""Speech trees in the SSML that espeak-ng understands: clean, closed, and with plain numbers."""

from __future__ import annotations

import re
from typing import Final

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
)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"espeak-ng takes Ctrl-A for a command, and XML allows none of these."
_BLEEP_MS_PER_CHARACTER: Final = 80
_ORDINAL_ENGLISH: Final = {"1": "st", "2": "nd", "3": "rd"}


def clean(text: str) -> str:
    """Make a text safe for espeak-ng: no control characters."""
    return _CONTROL.sub(" ", text)


def render(speech: Speech, language: str) -> str:
    """Write the tree as SSML for espeak-ng; `language` is the table's, for readings that depend on it."""
    return f"<speak>{_all(speech.nodes, language)}</speak>"


def _all(nodes: tuple[Node, ...], language: str) -> str:
    parts: list[str] = []
    pause = 0
    for index, node in enumerate(nodes):
        if isinstance(node, Break) and node.milliseconds and _break_follows(nodes, index):
            pause += node.milliseconds  # espeak-ng makes only one of several pauses in a row
        elif isinstance(node, Break):
            parts.append(_one(Break(node.milliseconds + pause), language))
            pause = 0
        elif not pause or not _is_blank(node):
            parts.append(_one(node, language))
    return "".join(parts)


def _break_follows(nodes: tuple[Node, ...], index: int) -> bool:
    following = next((node for node in nodes[index + 1 : index + 3] if not _is_blank(node)), None)
    return isinstance(following, Break)


def _is_blank(node: Node) -> bool:
    return isinstance(node, Text) and not node.text.strip()


def _one(node: Node, language: str) -> str:
    match node:
        case Text(text) | Phoneme(text=text):
            # espeak-ng has no IPA input; the spelling is the best reading there is.
            return _escape(text)
        case Break(0):
            return '<break strength="none"/>'
        case Break(milliseconds):
            return f'<break time="{milliseconds}ms"/>'
        case Emphasis(level, children):
            return f'<emphasis level="{level}">{_all(children, language)}</emphasis>'
        case Prosody():
            return _prosody(node, language)
        case SayAs():
            return _say_as(node, language)
        case Lang(children=children):
            return _all(children, language)
        case Paragraph(children):
            return f"<p>{_all(children, language)}</p>"
        case Sentence(children):
            return f"<s>{_all(children, language)}</s>"


def _prosody(node: Prosody, language: str) -> str:
    attributes = ""
    if node.rate != 1.0:
        attributes += f' rate="{round(node.rate * 100)}%"'
    if node.pitch_percent:
        # espeak-ng's percent move the pitch half as far as they say (measured with 1.52).
        attributes += f' pitch="{round(max(-95.0, node.pitch_percent * 2)):+d}%"'
    if node.volume_db is None:
        attributes += ' volume="silent"'
    elif node.volume_db:
        # Its volume percent are of amplitude, and stop at double.
        attributes += f' volume="{min(200, round(100 * 10 ** (node.volume_db / 20)))}%"'
    return f"<prosody{attributes}>{_all(node.children, language)}</prosody>"


def _say_as(node: SayAs, language: str) -> str:
    text = node.text.strip()
    match node.interpret_as:
        case "character":
            return f'<say-as interpret-as="characters">{_escape(text)}</say-as>'
        case "digits" | "telephone":
            return _escape(re.sub(r"(?<=\d)(?=\d)", " ", text))
        case "ordinal" if language.startswith("en") and text.isdecimal():
            teen = len(text) > 1 and text[-2] == "1"
            return _escape(text + ("th" if teen else _ORDINAL_ENGLISH.get(text[-1], "th")))
        case "expletive":
            return f'<break time="{min(10_000, len(text) * _BLEEP_MS_PER_CHARACTER)}ms"/>'
        case _:
            return _escape(text)


def _escape(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
