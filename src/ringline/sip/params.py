"""Parameters of header values and URIs: `;tag=88sja8x;lr`, read in one pass and written back as they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at `separator` where it stands neither in a quoted string nor between `<` and `>`.

    One pass whatever the input, so that nobody can make it slow; an unclosed quote reaches to the end.
    """
    if separator not in text:
        return [text]
    pieces: list[str] = []
    start = 0
    quoted = escaped = angled = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            if char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            angled = True
        elif char == ">":
            angled = False
        elif char == separator and not angled:
            pieces.append(text[start:at])
            start = at + 1
    pieces.append(text[start:])
    return pieces


def unquote(text: str) -> str:
    """Take the quotes and backslashes off a quoted string; anything else is returned as it is."""
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    out: list[str] = []
    escaped = False
    for char in text[1:-1]:
        if char == "\\" and not escaped:
            escaped = True
            continue
        out.append(char)
        escaped = False
    return "".join(out)


def quote(text: str) -> str:
    """Write a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Params:
    """Ordered parameters; names are found whatever their case. Values keep the quotes they came with."""

    items: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Params:
        """Read `a=b;c;d="e;f"` (a leading `;` may be there). Empty pieces are skipped; nothing raises."""
        items: list[tuple[str, str | None]] = []
        for piece in split_outside_quotes(text, ";"):
            name, equals, value = piece.partition("=")
            name = name.strip()
            if name:
                items.append((name, value.strip() if equals else None))
        return cls(tuple(items))

    def __contains__(self, name: object) -> bool:
        return any(isinstance(name, str) and key.lower() == name.lower() for key, _ in self.items)

    def get(self, name: str) -> str | None:
        """The value without quotes; None when the parameter is missing or has no value."""
        wanted = name.lower()
        for key, value in self.items:
            if key.lower() == wanted:
                return None if value is None else unquote(value)
        return None

    def without(self, *names: str) -> Params:
        """The same parameters, except those named."""
        gone = {name.lower() for name in names}
        return Params(tuple(item for item in self.items if item[0].lower() not in gone))

    def with_(self, name: str, value: str | None = None) -> Params:
        """The same parameters with `name` set; an existing one keeps its place."""
        found = False
        items: list[tuple[str, str | None]] = []
        for key, old in self.items:
            if key.lower() == name.lower():
                if not found:
                    items.append((key, value))
                found = True
            else:
                items.append((key, old))
        if not found:
            items.append((name, value))
        return Params(tuple(items))

    def __str__(self) -> str:
        return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.items)


NO_PARAMS: Final = Params()
"None at all."
