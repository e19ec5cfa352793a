"""Journals as files: JSON lines that one call was, to look at, to send to somebody, to replay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ringline.base import ConversationId, LegId, RinglineError
from ringline.engine.ports import JournalLine

_LONGEST_LINE: Final = 16 * 1024 * 1024


class JournalFileError(RinglineError):
    """A file is no journal; the text says which line, and why."""


def write(lines: Iterable[JournalLine], path: Path) -> int:
    """Write lines as JSON, one each; return how many. Only the owner may read the file: it holds numbers and names."""
    count = 0
    path.touch(mode=0o600, exist_ok=True)
    with path.open("w", encoding="ascii") as file:
        for line in lines:
            file.write(json.dumps(to_json(line), separators=(",", ":")) + "\n")
            count += 1
    return count


def to_json(line: JournalLine) -> dict[str, Any]:
    return {
        "conversation": line.conversation,
        "sequence": line.sequence,
        "at": line.wallclock.isoformat(),
        "kind": line.kind,
        "leg": line.leg,
        "data": line.data,
    }


def read(path: Path) -> tuple[JournalLine, ...]:
    """Read what `write` wrote.

    Raises:
        JournalFileError: it is something else.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        return tuple(_lines(path, iter(lambda: file.readline(_LONGEST_LINE), "")))


def _lines(path: Path, texts: Iterator[str]) -> Iterator[JournalLine]:
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            yield _line(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise JournalFileError(f"{path}:{number}: this is no line of a journal ({_short(error)})") from error


def _line(value: Any) -> JournalLine:
    data = value["data"]
    if not isinstance(data, Mapping):
        raise TypeError("its data is no object")
    moment = datetime.fromisoformat(value["at"])
    if moment.tzinfo is None:
        raise ValueError("its time has no zone")
    return JournalLine(
        conversation=ConversationId(str(value["conversation"])),
        sequence=int(value["sequence"]),
        wallclock=moment,
        kind=str(value["kind"]),
        leg=LegId(value["leg"]) if value["leg"] is not None else None,
        data=data,
    )


def _short(error: BaseException) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)[:120]
