"""Events, commands and state as JSON and back, for the journal and for legs that move.

A dataclass becomes `{"=": its class, …fields that differ from their default…}`, a time `{"@": ISO 8601}`; tuples become
lists and come back as tuples. Somebody else's JSON with such a key of its own becomes `{"#": [[key, value], …]}`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

import orjson

from ringline.base import RinglineError

_MARKS: Final = frozenset("=@#")
_AS_IT_IS: Final = frozenset({str, int, float, bool, type(None)})
_ascii: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_classes: dict[str, type[Any]] = {}
_writers: dict[type[Any], Callable[[Any], Any]] = {}


class CodecError(RinglineError):
    """A journal names a class or field that this version does not know."""


def register(*classes: type[Any]) -> None:
    """Make dataclasses known by their name; two classes of one name are a mistake."""
    for cls in classes:
        if _classes.setdefault(cls.__name__, cls) is not cls:
            raise AssertionError(f"two classes are called {cls.__name__}")


def dump(value: Any) -> Any:
    """Turn a value into JSON types."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    write = _writers.get(kind)
    if write is None:
        write = _writers[kind] = _writer_of(kind)
    return write(value)


def _writer_of(kind: type[Any]) -> Callable[[Any], Any]:
    """How values of a class are written: worked out once, for the journal writes thousands of them a second."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, str | int | float):
        return lambda value: value
    if issubclass(kind, datetime):
        return lambda value: {"@": value.isoformat()}
    if issubclass(kind, Mapping):
        return _dump_mapping
    if issubclass(kind, list | tuple):
        return lambda value: [dump(content) for content in value]
    if dataclasses.is_dataclass(kind):
        return _writer_of_dataclass(kind)
    raise CodecError(f"{kind.__name__} cannot be written down")


def _dump_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    if not _MARKS.isdisjoint(value):
        return {"#": [[str(key), dump(content)] for key, content in value.items()]}
    return {str(key): dump(content) for key, content in value.items()}


def _writer_of_dataclass(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """A function made for this class, as `dataclasses` makes its constructor: a loop over fields takes three times as
    long, and this is most of what a line of the journal costs.
    """
    known: dict[str, Any] = {"name": cls.__name__, "plain": _AS_IT_IS, "dump": dump}
    lines = ["def write(value):", "    out = {'=': name}"]
    for spec in dataclasses.fields(cls):
        lines.append(f"    content = value.{spec.name}")
        if spec.default is None:
            wanted = "content is not None"
        elif spec.default is not dataclasses.MISSING:
            known[f"default_{spec.name}"] = spec.default
            wanted = f"content is not default_{spec.name} and content != default_{spec.name}"
        else:
            wanted = "content" if spec.default_factory is not dataclasses.MISSING else "True"
        lines.append(f"    if {wanted}:")
        lines.append(f"        out['{spec.name}'] = content if type(content) in plain else dump(content)")
    exec("\n".join([*lines, "    return out"]), known)
    made: Callable[[Any], dict[str, Any]] = known["write"]
    return made


def written(value: Any) -> str:
    """Write JSON types as text.

    What cannot be UTF-8, halves of surrogate pairs from careless peers, is written in ASCII and can be read back.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return _ascii(value)


def load(value: Any) -> Any:
    """Turn what `dump` made back into values.

    Raises:
        CodecError: a class or a field is not known here.
    """
    if isinstance(value, list):
        return tuple([content if type(content) in _AS_IT_IS else load(content) for content in value])
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
    fields = {
        key: content if type(content) in _AS_IT_IS else load(content) for key, content in value.items() if key != "="
    }
    enums: dict[str, type[Enum]] = getattr(cls, "ENUMS", {})
    for field, kind in enums.items():
        if field in fields:
            fields[field] = kind(fields[field])
    try:
        return cls(**fields)
    except TypeError as error:
        raise CodecError(f"{name}: {error}") from error
