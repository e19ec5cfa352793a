"""What is wrong with a script: every fault with its place, and the one error that carries them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringline.base import RinglineError

SYNTAX_ERROR: Final = "Syntax error in NCCO. Invalid value type or action."
"The documented sentence every refusal of a script begins with."

_SHOWN_IN_REASON: Final = 3
_INDEX = re.compile(r"[0-9]+")


class Severity(StrEnum):
    """Whether a script can run in spite of it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, or at least odd, in a script."""

    pointer: str
    "Where, as a JSON pointer (RFC 6901) into the text as it was sent, such as `/2/endpoint/0/uri`; `` is the whole."
    expected: str
    "What should stand there (`required`, `true or false`); for a warning, what is odd. Never the value itself."
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
        parts = [part.replace("~1", "/").replace("~0", "~") for part in self.pointer.split("/")[1:]]
        return "".join(f"[{part}]" if _INDEX.fullmatch(part) else f".{part}" for part in parts).lstrip(".")

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: " if self.line is not None else ""
        path = f"{self.path}: " if self.pointer else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{path}{self.expected}{hint}"


class NccoError(RinglineError):
    """A script cannot run. `faults` has everything that is wrong with it, in the order of the text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = tuple(faults)
        super().__init__(self.reason)

    @property
    def pointer(self) -> str:
        """Where the first fault is."""
        return self.faults[0].pointer if self.faults else ""

    @property
    def reason(self) -> str:
        """The `reason` of the error webhook: the documented sentence, then the first few faults."""
        shown = [
            f"{fault.path}: {fault.expected}" if fault.pointer else fault.expected
            for fault in self.faults[:_SHOWN_IN_REASON]
        ]
        if len(self.faults) > _SHOWN_IN_REASON:
            shown.append(f"and {len(self.faults) - _SHOWN_IN_REASON} more")
        return " ".join([SYNTAX_ERROR, "; ".join(shown)]).strip()
