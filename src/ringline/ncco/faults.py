"""Turn validation errors into faults that point into the application's own JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ringline.ncco.endpoints import ENDPOINTS
from ringline.ncco.errors import Fault
from ringline.ncco.hints import misspelt, nearest
from ringline.ncco.options import Options, spellings
from ringline.ncco.positions import escape
from ringline.ncco.scalars import EXPECTED

_PLAIN_WORDS = {
    "missing": "required",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "an array",
    "tuple_type": "an array",
    "string_type": "a string",
}


def explain(error: ValidationError, element: Any, where: str, *, inside: str = "") -> Iterator[Fault]:
    """Give one fault for each line of a validation error.

    `where` is the pointer of `element`, `inside` the option whose value it is, if it is no action.
    """
    for line in error.errors(include_url=False, include_input=False):
        location = line["loc"]
        if line["type"] in ("union_tag_invalid", "union_tag_not_found"):
            location = (*location, "type")
        pointer, value, around = _follow(location, element, inside)
        yield Fault(pointer=f"{where}{pointer}", expected=_words(line), hint=_hint(line, location, value, around))


def _words(line: ErrorDetails) -> str:
    match line["type"]:
        case "expected":
            return line["msg"]
        case "literal_error":
            return f"one of {', '.join(_choices(line))}"
        case "union_tag_invalid":
            return f"one of {', '.join(ENDPOINTS)}"
        case "union_tag_not_found":
            return "required"
    return _PLAIN_WORDS.get(line["type"], line["msg"])


def _choices(line: ErrorDetails) -> list[str]:
    words: str = line["ctx"]["expected"]
    return words.replace("'", "").replace(" or ", ", ").split(", ")


def _hint(line: ErrorDetails, location: tuple[int | str, ...], value: Any, around: Any) -> str:
    words = _words(line)
    if words == "required":
        known = _all_spellings()
        return misspelt(str(location[-1]), around, known) if isinstance(around, Mapping) and location else ""
    if not isinstance(value, str):
        return ""
    if line["type"] == "literal_error":
        return nearest(value, _choices(line))
    if line["type"] == "union_tag_invalid":
        return nearest(value, ENDPOINTS)
    if line["type"] == EXPECTED and words == "true or false":
        meant = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
        found = meant.get(value.strip().lower())
        return f"did you mean {found}?" if found else ""
    return ""


def _follow(location: tuple[int | str, ...], element: Any, inside: str) -> tuple[str, Any, Any]:
    """Follow a location of the model through the JSON as it was written: pointer, value, what is around it.

    There, an option may have another name, the endpoint may stand in an array, and nothing marks the member of a union.
    """
    here = around = element
    out = ""
    for at, part in enumerate(location):
        if isinstance(part, int):
            if isinstance(here, list | tuple) and part < len(here):
                around, here, out = here, here[part], f"{out}/{part}"
            continue
        if isinstance(here, list | tuple) and here:
            around, here, out = here, here[0], f"{out}/0"
        if part in ENDPOINTS and (location[at - 1] if at else inside) == "endpoint":
            continue
        if not isinstance(here, Mapping):
            break
        key = _as_written(part, here)
        if key is not None:
            around, here, out = here, here[key], f"{out}/{escape(key)}"
        elif at == len(location) - 1:
            around, here, out = here, None, f"{out}/{escape(part)}"
    return out, here, around


def _as_written(name: str, options: Mapping[str, Any]) -> str | None:
    """The key under which an option was given; None when it was not."""
    if options.get(name) is not None:
        return name
    others = _names().get(name, ())
    return next((key for key in options if key in others and options[key] is not None), None)


@cache
def _names() -> Mapping[str, frozenset[str]]:
    """Everything each option is called, over all kinds of objects."""
    out: dict[str, set[str]] = {}
    for cls in Options.__subclasses__():
        for spelling, proper in spellings(cls).items():
            out.setdefault(proper, set()).add(spelling)
    return {proper: frozenset(names) for proper, names in out.items()}


@cache
def _all_spellings() -> frozenset[str]:
    return frozenset(spelling for names in _names().values() for spelling in names)
