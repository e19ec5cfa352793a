"""Reading a whole script: from bytes or JSON to actions, with every fault at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json as read_json

from ringline.ncco.actions import ACTIONS, Action
from ringline.ncco.endpoints import Endpoint
from ringline.ncco.errors import Fault, NccoError, Severity
from ringline.ncco.faults import explain
from ringline.ncco.hints import json_hint, misspelt, nearest_action
from ringline.ncco.options import Options
from ringline.ncco.plain import find_unwritable
from ringline.ncco.positions import scan
from ringline.ncco.scalars import read_bool

MAX_BYTES: Final = 1_048_576
"A longer script is refused unread."
MAX_ACTIONS: Final = 1000
MAX_FAULTS: Final = 100
"More are not listed."

_ENDPOINT: Final[TypeAdapter[Endpoint]] = TypeAdapter(Endpoint)
_JSON_PLACE = re.compile(r" at line ([0-9]+) column ([0-9]+)$")


@dataclass(frozen=True, slots=True)
class Ncco:
    """A script that can run."""

    actions: tuple[Action, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)
    "What was read otherwise than it was written, such as numbers out of range: for the log."

    def to_json(self) -> list[dict[str, Any]]:
        """Write the script as JSON types; `from_json` reads it back to an equal one."""
        return [write_action(action) for action in self.actions]


def write_action(action: Action) -> dict[str, Any]:
    """Write one action as JSON types, every option with its value in force."""
    out: dict[str, Any] = action.model_dump(mode="json", by_alias=True)
    _drop_unset(action, out)
    return out


def parse(source: bytes | str) -> Ncco:
    """Read a script as it came over the network, whatever its content type.

    A byte order mark and outer spaces are skipped; a bare action counts as an array of one.

    Raises:
        NccoError: it cannot run; `.faults` has everything that is wrong, with lines and columns.
    """
    text, value = decode(source)
    notes: list[str] = []
    actions, faults = build(value, notes)
    if faults:
        raise NccoError(locate(text, faults))
    return Ncco(actions, tuple(notes))


def from_json(value: object) -> Ncco:
    """Read a script that is JSON already: out of a REST body or the journal.

    Raises:
        NccoError: it cannot run; `.faults` has everything that is wrong, without lines.
    """
    notes: list[str] = []
    actions, faults = build(value, notes)
    if faults:
        raise NccoError(faults)
    return Ncco(actions, tuple(notes))


def endpoint_from_json(value: object) -> Endpoint:
    """Read one endpoint object, as in the `to` of a create-call request.

    Raises:
        NccoError: it cannot be called; `.faults` has everything that is wrong, with pointers into `value`.
    """
    if (pointer := find_unwritable(value)) is not None:
        raise NccoError([Fault(pointer=pointer, expected="JSON of reasonable depth, numbers and characters")])
    try:
        return _ENDPOINT.validate_python(value)
    except ValidationError as error:
        raise NccoError(explain(error, value, "", inside="endpoint")) from None


def looks_like_ncco(body: bytes) -> bool:
    """Tell whether the answer to an event is meant as a script at all.

    True for a JSON array with at least one object, and for a bare action; all else (`OK`, `[]`, `{}`, HTML, nothing)
    is how frameworks say "fine".
    """
    try:
        _, value = decode(body)
    except NccoError:
        return False
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and "action" in value


def decode(source: bytes | str) -> tuple[str, Any]:
    """Take the text and its JSON value out of a body.

    Raises:
        NccoError: too long, not UTF-8 or not JSON.
    """
    try:
        data = source.encode() if isinstance(source, str) else source
        if len(data) > MAX_BYTES:
            raise NccoError([Fault(pointer="", expected=f"at most {MAX_BYTES} bytes")])
        text = data.decode("utf-8-sig").removeprefix("\ufeff")
    except UnicodeError:
        raise NccoError([Fault(pointer="", expected="JSON in UTF-8")]) from None
    try:
        return text, read_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise NccoError([_broken_json(text, str(error))]) from None


def _broken_json(text: str, message: str) -> Fault:
    line, column, offset = 1, 1, 0
    found = _JSON_PLACE.search(message)
    if found:
        message = message[: found.start()]
        line, byte_column = int(found[1]), int(found[2])
        lines = text.split("\n")
        before = lines[line - 1].encode()[: max(byte_column - 1, 0)] if line <= len(lines) else b""
        column = len(before.decode(errors="ignore")) + 1
        offset = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
    if not text.strip():
        return Fault(pointer="", expected="JSON, and there is nothing", line=line, column=column)
    hint = json_hint(message, text[max(offset - 16, 0) : offset], text[offset : offset + 16])
    return Fault(pointer="", expected=f"well-formed JSON ({message})", hint=hint, line=line, column=column)


def build(value: Any, notes: list[str] | None = None) -> tuple[tuple[Action, ...], list[Fault]]:
    """Read the actions out of a JSON value; the faults are everything that is wrong.

    `notes` gets a sentence for everything that is read otherwise than it was written.
    """
    elements = [value] if isinstance(value, Mapping) and "action" in value else value
    if not isinstance(elements, list | tuple):
        return (), [Fault(pointer="", expected="an array of actions")]
    if len(elements) > MAX_ACTIONS:
        return (), [Fault(pointer="", expected=f"at most {MAX_ACTIONS} actions")]
    if (pointer := find_unwritable(value)) is not None:
        return (), [Fault(pointer=pointer, expected="JSON of reasonable depth, numbers and characters")]
    followers = _after_prompts(elements)
    bare = elements is not value
    actions: list[Action] = []
    faults: list[Fault] = []
    for index, element in enumerate(elements):
        where = "" if bare else f"/{index}"
        try:
            actions.append(_read_action(element, notes))
        except ValidationError as error:
            faults.extend(islice(explain(error, element, where), MAX_FAULTS))
        except _NoAction as error:
            faults.append(Fault(pointer=where + error.pointer, expected=error.expected, hint=error.hint))
        option = _barge_in_option(element)
        if option is not None and followers[index] != "input":
            faults.append(Fault(pointer=f"{where}/{option}", expected="false, or an input right after the prompts"))
        if len(faults) >= MAX_FAULTS:
            break
    return tuple(actions), faults[:MAX_FAULTS]


class _NoAction(Exception):
    """An element of a script is no action we know."""

    def __init__(self, pointer: str, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.pointer = pointer
        self.expected = expected
        self.hint = hint


def action_name(element: Any) -> str | None:
    """The name of an element's action as we write it; None when it has none."""
    name = element.get("action") if isinstance(element, Mapping) else None
    return name.strip().lower() if isinstance(name, str) else None


def _read_action(element: Any, notes: list[str] | None) -> Any:
    if not isinstance(element, Mapping):
        raise _NoAction("", "an action object")
    if element.get("action") is None:
        raise _NoAction("/action", "required", misspelt("action", element, ("action",)))
    name = action_name(element)
    model = ACTIONS.get(name or "")
    if model is None:
        raise _NoAction("/action", "the name of an action", nearest_action(name or "", ACTIONS))
    return model.model_validate({**element, "action": name}, context=notes)


def _after_prompts(elements: Sequence[Any]) -> list[str | None]:
    """For each element the name of the next action that is no prompt."""
    out: list[str | None] = []
    following: str | None = None
    for element in reversed(elements):
        out.append(following)
        if (name := action_name(element)) not in ("talk", "stream"):
            following = name
    out.reverse()
    return out


def _barge_in_option(element: Any) -> str | None:
    """The option that makes a prompt interruptible, as it is written; None when it is not."""
    if action_name(element) not in ("talk", "stream"):
        return None
    option = "bargeIn" if element.get("bargeIn") is not None else "barge_in"
    try:
        return option if read_bool(element.get(option) or False) else None
    except ValueError:
        return None  # reported as what it is already


def locate(text: str, faults: Sequence[Fault]) -> list[Fault]:
    """Add line and column to faults, add a warning for each repeated key, and put them in the order of the text."""
    positions = scan(text, [fault.pointer for fault in faults])
    out = []
    for fault in faults:
        line, column = positions.line_and_column(fault.pointer, of_key=fault.severity is not Severity.ERROR)
        out.append(replace(fault, line=line, column=column))
    for pointer, offset in positions.repeated:
        line, column = positions.place(offset)
        out.append(
            Fault(
                pointer=pointer,
                expected="said more than once",
                hint="the last one counts",
                line=line,
                column=column,
                severity=Severity.WARNING,
            )
        )
    return sorted(out, key=lambda fault: (fault.line or 0, fault.column or 0))


def _drop_unset(options: Options, out: dict[str, Any]) -> None:
    """Leave out options that are not set; the application's own JSON keeps its nulls."""
    for name, about in type(options).model_fields.items():
        proper = about.alias or name
        content = getattr(options, name)
        if content is None and proper not in options.KEEPS_NULL:
            out.pop(proper, None)
        elif isinstance(content, Options) and proper in out:
            _drop_unset(content, out[proper])
