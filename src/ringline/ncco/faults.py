"""Turn validation errors into faults that point into the application's own JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ringline.ncco.endpoints import ENDPOINTS
from ringline.ncco.errors import Fault
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
        if line["type"] == "union_tag_invalid":
            yield Fault(
                pointer=f"{where}{_pointer((*line['loc'], 'type'), element, inside)}",
                expected=f"one of {', '.join(ENDPOINTS)}",
            )
        elif line["type"] == "union_tag_not_found":
            yield Fault(pointer=f"{where}{_pointer((*line['loc'], 'type'), element, inside)}", expected="required")
        else:
            yield Fault(pointer=f"{where}{_pointer(line['loc'], element, inside)}", expected=_words(line))


def _words(line: ErrorDetails) -> str:
    if line["type"] == EXPECTED:
        return line["msg"]
    if line["type"] == "literal_error":
        return f"one of {line['ctx']['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    return _PLAIN_WORDS.get(line["type"], line["msg"])


def _pointer(location: tuple[int | str, ...], element: Any, inside: str) -> str:
    """Follow a location of the model through the JSON as it was written.

    There, an option may have another name, the endpoint may stand in an array, and nothing marks the member of a union.
    """
    here = element
    out = ""
    for at, part in enumerate(location):
        if isinstance(part, int):
            if isinstance(here, list | tuple) and part < len(here):
                here, out = here[part], f"{out}/{part}"
            continue
        if isinstance(here, list | tuple) and here:
            here, out = here[0], f"{out}/0"
        if part in ENDPOINTS and (location[at - 1] if at else inside) == "endpoint":
            continue
        if not isinstance(here, Mapping):
            break
        key = _as_written(part, here)
        if key is not None:
            here, out = here[key], f"{out}/{escape(key)}"
        elif at == len(location) - 1:
            out = f"{out}/{escape(part)}"
    return out


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
