"""Where a long text may be cut, so that its first sentence is heard before its last is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ringline.speech.markup import Node, Paragraph, Sentence, Speech, Text

_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+|(?<=[。！？।؟۔])\s*|\n\s*\n")
"After a sentence: punctuation and a blank, punctuation that needs no blank, or an empty line."
_ABBREVIATED: Final = re.compile(r"(?:^|[\s(])(?:\w|Dr|Mr|Mrs|Ms|St|No|Nr|vs|bzw|ca|Prof|Sra?|Mme|\d{1,2})\.$")
"A full stop after one of these (or one letter, or a short number) ends no sentence."


def pieces(speech: Speech, *, most: int = 400) -> tuple[Speech, ...]:
    """Cut a speech at the ends of its sentences: the first alone, the others together up to `most` characters each.

    Only the outermost text is cut, paragraphs and sentences of SSML count as one. Put together again, the pieces say
    what the whole says. A sentence longer than `most` stays whole.
    """
    sentences = list(_sentences(speech.nodes))
    out: list[Speech] = []
    together: tuple[Node, ...] = ()
    length = 0
    for sentence in sentences:
        piece = Speech(sentence, speech.well_formed, speech.trouble)
        size = len(piece.plain())
        if out and length and length + size <= most:
            together += sentence
            length += size
            out[-1] = Speech(together, speech.well_formed, speech.trouble)
            continue
        if not out or out[-1].plain():
            out.append(piece)
            together, length = sentence, size if len(out) > 1 else 0
        else:
            # What was so far has no words (a pause before the text): it goes with what follows.
            together = (*out[-1].nodes, *sentence)
            out[-1] = Speech(together, speech.well_formed, speech.trouble)
    return tuple(out) or (speech,)


def _sentences(nodes: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    current: list[Node] = []
    for node in nodes:
        match node:
            case Text(text):
                for part, ended in _cut(text):
                    current.append(Text(part))
                    if ended:
                        yield tuple(current)
                        current = []
            case Paragraph() | Sentence():
                if current:
                    yield tuple(current)
                    current = []
                yield (node,)
            case _:
                current.append(node)
    if current:
        yield tuple(current)


def _cut(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text, and whether each ends a sentence."""
    start = 0
    for end in _END.finditer(text):
        if not _ABBREVIATED.search(text[start : end.start()].rstrip("\"'”’)")):
            yield text[start : end.end()], True
            start = end.end()
    if start < len(text) or not text:
        yield text[start:], False
