"""Golden files: what a scenario must give, line by line, with ids and times that do not depend on anything else."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent.parent / "corpus" / "conversations"
WRITE: Final = "RINGLINE_WRITE_GOLDEN"
"Set in the environment: the file is written anew, to be looked at and kept."
_UUID: Final = re.compile(
    r"(CON-|MEM-|USR-|NAM-|vapi-user-)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})"
)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Plain:
    """Replaces ids by numbers in order of appearance, and times by seconds since the first one."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._zero: datetime | None = None

    def text(self, value: str) -> str:
        return _TIME.sub(self._time, _UUID.sub(self._name, value))

    def of(self, value: Any) -> Any:
        """The same JSON, plain."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.of(content) for key, content in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(content) for content in value]
        return value

    def _name(self, found: re.Match[str]) -> str:
        whole, kind = found.group(0), found.group(1) or "id-"
        if whole not in self._seen:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._seen[whole] = f"{kind}{self._counts[kind]}"
        return self._seen[whole]

    def _time(self, found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found.group(0))
        self._zero = self._zero or moment
        return f"+{(moment - self._zero).total_seconds():.3f} s"


def check(name: str, lines: list[Any]) -> None:
    """Compare with the golden file of that name: one JSON a line."""
    file = FOLDER / f"{name}.jsonl"
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if os.environ.get(WRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    wanted = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    given = [json.loads(line) for line in text.splitlines()]
    for number, (one, other) in enumerate(zip(given, wanted, strict=False), start=1):
        assert one == other, f"{file.name}, line {number}"
    assert len(given) == len(wanted), f"{file.name} has {len(wanted)} lines, not {len(given)}"
