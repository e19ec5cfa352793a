"""Small pieces that descriptions of operations are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Json = dict[str, Any]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
UUID: Final[Json] = {"type": "string", "format": "uuid"}
CONVERSATION: Final[Json] = {"type": "string", "pattern": "^CON-[0-9a-f-]{36}$"}
TIME: Final[Json] = {"type": "string", "format": "date-time"}
DIGITS: Final[Json] = {"type": "string", "pattern": "^[0-9]+$"}
MONEY: Final[Json] = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{8}$"}
WEB_URL: Final[Json] = {
    "type": "string",
    "pattern": r"^https?://[a-z0-9][a-z0-9-]{0,40}(\.[a-z]{2,8})?(/[A-Za-z0-9/_-]{0,80})?$",
}
"As it is generated; more is taken, see `ANY_WEB_URL`."
ANY_WEB_URL: Final[Json] = {
    "type": "string",
    "maxLength": 2048,
    "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@:\[\]\\\x00-\x20\x7f]{1,253}(:[1-9][0-9]{0,3})?([/?#][^\s\x00-\x20\x7f]*)?$",
}
DATE: Final[Json] = {
    "type": "string",
    "description": "ISO 8601 with `Z` or an offset, or `YYYY-MM-DD HH:MM:SS` in UTC.",
    "anyOf": [
        {"format": "date-time"},
        {"pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]) ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"},
    ],
}


def ref(name: str) -> Json:
    """A schema that is described elsewhere, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def obj(required: str = "", /, **properties: Json) -> Json:
    """An object; `required` names members, apart by spaces. Others may be there."""
    made: Json = {"type": "object", "properties": properties}
    if required:
        made["required"] = required.split()
    return made


def exact(required: str = "", /, **properties: Json) -> Json:
    """An object in an answer that has these members and no others."""
    return {**obj(required, **properties), "additionalProperties": False}


def maybe(schema: Json) -> Json:
    """What `schema` says, or `null`."""
    return {"anyOf": [schema, {"type": "null"}]}


def wish(required: str = "", /, **properties: Json) -> Json:
    """An object in a request: for a member that may be left out, `null` is as good as leaving it out."""
    needed = required.split()
    written = {name: one if name in needed or not one else maybe(one) for name, one in properties.items()}
    return obj(required, **written)


def arr(items: Json, **more: Any) -> Json:
    """A list."""
    return {"type": "array", "items": items, **more}


def text(about: str = "", **more: Any) -> Json:
    """A string."""
    return {"type": "string", **({"description": about} if about else {}), **more}


def flag(about: str = "") -> Json:
    """A switch in a request: also as a string, and as 0 or 1."""
    kinds = [{"type": "boolean"}, {"enum": ["true", "false", "1", "0", 1, 0]}]
    return {"anyOf": kinds, **({"description": about} if about else {})}


def whole(low: int, high: int | None = None, *, default: int | None = None, about: str = "") -> Json:
    """A whole number in a request: also as a string of digits."""
    number: Json = {"type": "integer", "minimum": low, "maximum": high if high is not None else 1_000_000_000}
    made: Json = {"anyOf": [number, {"type": "string", "pattern": _digits(low, high)}]}
    if default is not None:
        made["default"] = default
    if about:
        made["description"] = about
    return made


def _digits(low: int, high: int | None) -> str:
    """A pattern for the numbers of a range, as far as their digits tell; ranges are checked by the server."""
    if high is None:
        return r"^[1-9][0-9]{0,8}$" if low else r"^(0|[1-9][0-9]{0,8})$"
    return "^(" + "|".join(_spans(low, high)) + ")$"


def _spans(low: int, high: int) -> list[str]:
    """Regular expressions that match exactly the numbers from `low` to `high`."""
    if high - low < 20:
        return [str(number) for number in range(low, high + 1)]
    found: list[str] = []
    while low <= high:
        size = 1
        while low % (size * 10) == 0 and low + size * 10 - 1 <= high and size * 10 <= max(low, 1):
            size *= 10
        zeros = len(str(size)) - 1
        head = str(low)[: len(str(low)) - zeros]
        last = int(head[-1])
        while last < 9 and low + size * (last - int(head[-1]) + 2) - 1 <= high:
            last += 1
        digit = head[-1] if last == int(head[-1]) else f"[{head[-1]}-{last}]"
        found.append(head[:-1] + digit + (f"[0-9]{{{zeros}}}" if zeros else ""))
        low += size * (last - int(head[-1]) + 1)
    return found


def words(*allowed: str, any_case: bool = False) -> Json:
    """One of a few words. Any case is taken; the lists name the usual one."""
    if not any_case:
        return {"type": "string", "enum": list(allowed)}
    pattern = "|".join(
        "".join(f"[{one.upper()}{one.lower()}]" if one.isalpha() else one for one in word) for word in allowed
    )
    return {"type": "string", "pattern": f"^({pattern})$", "description": f"One of {', '.join(allowed)}, in any case."}


def query(name: str, schema: Json, about: str = "") -> Json:
    """A parameter that may be left out; without a value it is as good as left out."""
    return _parameter(name, "query", {"anyOf": [schema, {"const": ""}]}, about, required=False)


def needed_query(name: str, schema: Json, about: str = "") -> Json:
    """A parameter that must be there."""
    return _parameter(name, "query", schema, about, required=True)


def in_path(name: str, schema: Json, about: str = "") -> Json:
    """A part of the path."""
    return _parameter(name, "path", schema, about, required=True)


def _parameter(name: str, place: str, schema: Json, about: str, *, required: bool) -> Json:
    return {"name": name, "in": place, "required": required, "schema": schema, "description": about}


def body(schema: Json, kind: str = JSON, *, required: bool = True, examples: Mapping[str, Any] | None = None) -> Json:
    """What a request carries."""
    content: Json = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": required, "content": {kind: content}}


def answer(about: str, schema: Json | None = None, kind: str = JSON) -> Json:
    """A response; every one of them has a trace id."""
    made: Json = {"description": about, "headers": {"x-nexmo-trace-id": {"$ref": "#/components/headers/trace"}}}
    if schema is not None:
        made["content"] = {kind: {"schema": schema}}
    return made


def operation(
    name: str,
    summary: str,
    *,
    tag: str,
    answers: Mapping[int, Json],
    errors: Mapping[str, Json],
    security: list[Json],
    parameters: list[Json] | None = None,
    request: Json | None = None,
    about: str = "",
) -> Json:
    made: Json = {"operationId": name, "summary": summary, "tags": [tag], "security": security}
    if about:
        made["description"] = about
    if parameters:
        made["parameters"] = parameters
    if request is not None:
        made["requestBody"] = request
    made["responses"] = {**{str(status): one for status, one in answers.items()}, **errors}
    return made
