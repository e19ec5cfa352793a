"""Events, commands and state as JSON and back, for the journal and for legs that move.

A dataclass becomes `{"=": its class, …fields that differ from their default…}`, a time `{"@": ISO 8601}`; tuples become
lists and come back as tuples. Somebody else's JSON with such a key of its own becomes `{"#": [[key, value], …]}`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from ringline.base import RinglineError

_MARKS: Final = frozenset("=@#")
_classes: dict[str, type[Any]] = {}


class CodecError(RinglineError):
    """A journal names a class or field that this version does not know."""


def register(*classes: type[Any]) -> None:
    """Make dataclasses known by their name; two classes of one name are a mistake."""
    for cls in classes:
        if _classes.setdefault(cls.__name__, cls) is not cls:
            raise AssertionError(f"two classes are called {cls.__name__}")


def dump(value: Any) -> Any:
    """Turn a value into JSON types."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return {"@": value.isoformat()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out: dict[str, Any] = {"=": type(value).__name__}
        for spec in dataclasses.fields(value):
            content = getattr(value, spec.name)
            if spec.default is not dataclasses.MISSING and content == spec.default:
                continue
            if spec.default_factory is not dataclasses.MISSING and not content:
                continue
            out[spec.name] = dump(content)
        return out
    if isinstance(value, Mapping):
        if not _MARKS.isdisjoint(value):
            return {"#": [[str(key), dump(content)] for key, content in value.items()]}
        return {str(key): dump(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [dump(content) for content in value]
    raise CodecError(f"{type(value).__name__} cannot be written down")


def load(value: Any) -> Any:
    """Turn what `dump` made back into values.

    Raises:
        CodecError: a class or a field is not known here.
    """
    if isinstance(value, list):
        return tuple(load(content) for content in value)
    if not isinstance(value, dict):
        return value
    if "#" in value:
        return {key: load(content) for key, content in value["#"]}
    if "@" in value:
        return datetime.fromisoformat(value["@"])
    if "=" not in value:
        return {key: load(content) for key, content in value.items()}
    name = value["="]
    cls = _classes.get(name)
    if cls is None:
        raise CodecError(f"no class is called {name!r}")
    fields = {key: load(content) for key, content in value.items() if key != "="}
    for spec in dataclasses.fields(cls):
        kind = _enum_of(cls, spec.name)
        if kind is not None and spec.name in fields:
            fields[spec.name] = kind(fields[spec.name])
    try:
        return cls(**fields)
    except TypeError as error:
        raise CodecError(f"{name}: {error}") from error


def _enum_of(cls: type[Any], name: str) -> type[Enum] | None:
    enums: dict[str, type[Enum]] = getattr(cls, "ENUMS", {})
    return enums.get(name)
