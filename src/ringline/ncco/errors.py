"""What is wrong with a script: every fault with its place, and the one error that carries them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringline.base import RinglineError
from ringline.ncco.positions import parts_of

SYNTAX_ERROR: Final = "Syntax error in NCCO. Invalid value type or action."
"The documented sentence every refusal of a script begins with."

MAX_REASON: Final = 500
"Characters of the reason of an error webhook."

_SHOWN_IN_REASON: Final = 3
_INDEX = re.compile(r"[0-9]+")


class Severity(StrEnum):
    """Whether a script can run in spite of it."""

    ERROR = "error"
    WARNING = "warning"
    "It runs, though probably not as its author thinks."
    INFO = "info"
    "It runs as written; something about it is worth knowing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, or at least odd, in a script."""

    pointer: str
    "Where, as a JSON pointer (RFC 6901) into the text as it was sent, such as `/2/endpoint/0/uri`; `` is the whole."
    expected: str
    "What should stand there (`required`, `true or false`); if it is no error, what is odd. Never the value itself."
    hint: str = ""
    "How to put it right, where that can be guessed."
    line: int | None = None
    "Line in the text, from 1; None when there was no text."
    column: int | None = None
    "Character in that line, from 1."
    severity: Severity = Severity.ERROR

    @property
    def path(self) -> str:
        """The pointer as people write it: `[2].endpoint[0].uri`."""
        return "".join(f"[{part}]" if _INDEX.fullmatch(part) else f".{part}" for part in parts_of(self.pointer)).lstrip(
            "."
        )

    @property
    def message(self) -> str:
        """Everything but the place in the text, as a sentence for people."""
        path = f"{self.path}: " if self.pointer else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{path}{self.expected}{hint}"

    def to_json(self) -> dict[str, str | int | None]:
        """The fault as editors and other programs take it."""
        return {
            "pointer": self.pointer,
            "line": self.line,
            "column": self.column,
            "severity": self.severity.value,
            "message": self.message,
            "expected": self.expected,
            "hint": self.hint or None,
        }

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: " if self.line is not None else ""
        return f"{where}{self.message}"


class NccoError(RinglineError):
    """A script cannot run. `faults` has everything that is wrong with it, in the order of the text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = tuple(faults)
        super().__init__(self.reason)

    @property
    def errors(self) -> Sequence[Fault]:
        """The faults that keep it from running; the others may be why."""
        return tuple(fault for fault in self.faults if fault.severity is Severity.ERROR)

    @property
    def pointer(self) -> str:
        """Where the first fault is."""
        return self.errors[0].pointer if self.errors else ""

    @property
    def reason(self) -> str:
        """The `reason` of the error webhook: the documented sentence, then the first few faults."""
        shown = [
            f"{fault.path}: {fault.expected}" if fault.pointer else fault.expected
            for fault in self.errors[:_SHOWN_IN_REASON]
        ]
        if len(self.errors) > _SHOWN_IN_REASON:
            shown.append(f"and {len(self.errors) - _SHOWN_IN_REASON} more")
        text = " ".join([SYNTAX_ERROR, "; ".join(shown)]).strip()
        return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
