"""Reading request fields: generous in what is taken, exact in what comes out, and every fault at once.

A body is a pydantic model whose faults become the `invalid_parameters` of a 400: the path of the field as it was sent
(`to[0].number`) and what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from ringline.api.problems import bad_request

LONGEST_URL: Final = 2048

_REFUSED: Final = "refused"
_PARTS: Final = "parts"
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})")
_UNFIT_FOR_URL: Final = re.compile(r"[\x00-\x20\x7f]")
_DATE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:([Zz])|([+ -])([0-9]{2}):?([0-9]{2}))?"
)
_PLAIN_WORDS: Final = {
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "string_type": "must be a string",
}

_Model = TypeVar("_Model", bound="Body")


class Body(BaseModel):
    """A request's body or query. Unknown members are ignored, `null` is as good as absent."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, loc_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data

    @classmethod
    def rules(cls, data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Faults between fields of the body as it was sent, each as (path, what is wrong)."""
        return ()


def read(model: type[_Model], data: Mapping[str, Any], *, context: Mapping[str, Any] | None = None) -> _Model:
    """Read a body or a query; `context` is for the validators.

    Raises:
        ApiError: 400 with everything that is wrong with it.
    """
    given = {key: value for key, value in data.items() if value is not None}
    faults = list(model.rules(given))
    try:
        body = model.model_validate(given, context=context)
    except ValidationError as error:
        for line in error.errors(include_url=False, include_input=False):
            faults.extend(_faults(line))
        raise bad_request(*faults) from None
    if faults:
        raise bad_request(*faults)
    return body


def refused(reason: str) -> PydanticCustomError:
    """Make the error a validator raises: what is wrong with the field, as in `must be a string`."""
    return PydanticCustomError(_REFUSED, "{reason}", {"reason": reason})


def refused_parts(parts: Sequence[tuple[str, str]]) -> PydanticCustomError:
    """As `refused`, for several faults inside one field: the rest of each one's path, and what is wrong."""
    return PydanticCustomError(_PARTS, "has faults", {"parts": list(parts)})


def _faults(line: ErrorDetails) -> Iterable[tuple[str, str]]:
    name = _path(line["loc"])
    if line["type"] == _PARTS:
        return [(name + part, reason) for part, reason in line["ctx"]["parts"]]
    if line["type"] == _REFUSED:
        return [(name, line["ctx"]["reason"])]
    return [(name, _PLAIN_WORDS.get(line["type"], line["msg"]))]


def _path(location: Iterable[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


# ── kinds of values ────────────────────────────────────────────────────────────────────────────────────────────────


def whole(at_least: int, at_most: int = 1_000_000_000) -> BeforeValidator:
    """A whole number in a range; `"7200"` and `3.0` are read too."""

    def check(value: object) -> int:
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise refused("must be a whole number")
        if not at_least <= value <= at_most:
            raise refused(f"must be from {at_least} to {at_most}")
        return value

    return BeforeValidator(check)


def read_level(value: object) -> float:
    """Read a volume from -1 to 1, as a number or a string."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refused("must be a number")
    if not -1 <= value <= 1:
        raise refused("must be from -1 to 1")
    return round(float(value), 1)


def read_flag(value: object) -> bool:
    """Read `true`, `"true"`, `1` and their opposites."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise refused("must be true or false")


def read_text(value: object) -> str:
    """Take a string and nothing that only looks like one."""
    if not isinstance(value, str):
        raise refused("must be a string")
    return value


def one_of(*words: str, upper: bool = False) -> BeforeValidator:
    """One of a few words, in any case; `upper` tells that they are written in capitals."""

    def check(value: object) -> str:
        if isinstance(value, str):
            word = value.strip().upper() if upper else value.strip().lower()
            if word in words:
                return word
        raise refused(f"must be one of: {', '.join(words)}")

    return BeforeValidator(check)


def read_web_url(value: object) -> str:
    """Read an absolute http or https URL."""
    if not isinstance(value, str):
        raise refused("must be a string")
    url = value.strip()
    if not _is_web_url(url):
        raise refused("must be an absolute http or https URL")
    return url


def read_web_urls(value: object) -> str:
    """Read an array with one absolute http or https URL."""
    if not isinstance(value, list):
        raise refused("must be an array")
    if len(value) != 1:
        raise refused("must have exactly one URL")
    return read_web_url(value[0])


def read_web_urls_or_one(value: object) -> str:
    """As `read_web_urls`, or the bare URL."""
    return read_web_urls([value] if isinstance(value, str) else value)


def _is_web_url(url: str) -> bool:
    if len(url) > LONGEST_URL or _UNFIT_FOR_URL.search(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def read_date(value: object) -> datetime:
    """Read an ISO 8601 time with `Z` or an offset, or `YYYY-MM-DD HH:MM:SS` in UTC.

    The `+` of an offset may have become a space on its way through a query string.
    """
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise refused("must be a time such as 2026-03-02T09:14:05Z")
    day, time, fraction, _, sign, hours, minutes = found.groups()
    offset = f"{'-' if sign == '-' else '+'}{hours}:{minutes}" if sign else "+00:00"
    try:
        return datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:6]:0<6}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused("must be a time such as 2026-03-02T09:14:05Z") from None


def empty_is_absent(data: Mapping[str, Any]) -> dict[str, Any]:
    """A query or form without the parameters that have no value."""
    return {key: value for key, value in data.items() if value != ""}


Flag = Annotated[bool, BeforeValidator(read_flag)]
Text = Annotated[str, BeforeValidator(read_text)]
Level = Annotated[float, BeforeValidator(read_level)]
WebUrl = Annotated[str, BeforeValidator(read_web_url)]
WebUrls = Annotated[str, BeforeValidator(read_web_urls)]
WebUrlsOrOne = Annotated[str, BeforeValidator(read_web_urls_or_one)]
Date = Annotated[datetime, BeforeValidator(read_date)]


def read_order(value: object) -> str:
    """Read which end of a list comes first; the long words are those of the official Ruby library's documentation."""
    long = {"ascending": "asc", "descending": "desc"}
    word = value.strip().lower() if isinstance(value, str) else ""
    word = long.get(word, word)
    if word not in long.values():
        raise refused("must be one of: asc, desc")
    return word


Order = Annotated[str, BeforeValidator(read_order)]
Method = Annotated[str, one_of("GET", "POST", upper=True)]
