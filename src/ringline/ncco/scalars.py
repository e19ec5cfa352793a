"""Values as applications really write them: `"true"`, `"45"`, `3.0`, a URL with or without its array.

Reading is generous, the result exact: what comes out has the plain Python type, numbers lie inside their range.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import ValidationInfo

from ringline.base import read_leg_id

EXPECTED: Final = "expected"
"Type of the validation errors raised here; their text is what should have stood there."

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,32}(\.[0-9]{0,32})?([eE][+-]?[0-9]{1,3})?|[+-]?\.[0-9]{1,32}")
_NUMBER_DECORATION: Final = str.maketrans("", "", " \t-().\u00a0\u2010\u2011\u2013")


def expected(what: str) -> PydanticCustomError:
    """Make the error to raise when something else should have stood there."""
    return PydanticCustomError(EXPECTED, "{what}", {"what": what})


def read_bool(value: object) -> bool:
    """Read `true`, `"True"`, `"1"`, `1` and their opposites."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise expected("true or false")


def read_number(value: object) -> int | float | None:
    """Read a JSON number or a numeric string; None when it is neither. `3.0` becomes 3."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        if value.is_integer():
            return int(value)
    return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range, for use in `Annotated`: outside it, the nearest bound is taken.

    `whole` asks for an integer, `digits` rounds to so many decimals, `zero` is the value that 0 stands for.
    """

    at_least: float
    at_most: float | None = None
    whole: bool = False
    digits: int | None = None
    zero: float | None = None

    def read(self, value: object) -> int | float:
        """Read a value; what is outside the range becomes its nearest bound."""
        number = read_number(value)
        if number is None or (self.whole and not isinstance(number, int)):
            raise expected("a whole number" if self.whole else "a number")
        if number == 0 and self.zero is not None:
            return self.zero
        if number < self.at_least:
            return self.at_least
        if self.at_most is not None and number > self.at_most:
            return self.at_most
        return round(number, self.digits) if self.digits is not None else number

    def holds(self, value: object) -> bool:
        """Tell whether a value is used as it is, but for rounding."""
        number = read_number(value)
        if number is None or (number == 0 and self.zero is not None):
            return True
        return number >= self.at_least and (self.at_most is None or number <= self.at_most)

    def _read_and_note(self, value: object, info: ValidationInfo) -> int | float:
        number = self.read(value)
        notes = info.context
        if isinstance(notes, list) and (number is self.at_least or number is self.at_most) and not self.holds(value):
            notes.append(f"{info.field_name} is out of range, {number} is used")
        return number

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._read_and_note)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number: JsonSchemaValue = {"type": "integer" if self.whole else "number", "minimum": self.at_least}
        if self.at_most is not None:
            number["maximum"] = self.at_most
        if self.zero is not None:
            number = {"anyOf": [number, {"const": 0}]}
        return {"anyOf": [number, {"type": "string", "pattern": f"^\\s*({_NUMBER.pattern})\\s*$"}]}


def read_text(value: object) -> str:
    """Read a string as it is."""
    if not isinstance(value, str):
        raise expected("a string")
    return value


def read_name(value: object) -> str:
    """Read a name: a string without its outer spaces, or a whole number that meant one. Not empty."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    value = read_text(value).strip()
    if not value:
        raise expected("a string that is not empty")
    return value


def read_optional_name(value: object) -> str | None:
    """Read a name; an empty string is as good as none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return read_name(value)


def read_url(value: object) -> str | None:
    """Read a URL: bare or as the first element of an array; `[]` and `""` are as good as none."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if value is None:
        return None
    if not isinstance(value, str):
        raise expected("a URL, or an array with one URL")
    return value.strip() or None


def read_required_url(value: object) -> str:
    """Read a URL as `read_url` does; there must be one."""
    url = read_url(value)
    if url is None:
        raise expected("required")
    return url


def read_strings(value: object) -> tuple[str, ...]:
    """Read an array of strings, or one string; empty strings are left out."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise expected("an array of strings")
    return tuple(item.strip() for item in value if item.strip())


def read_leg_ids(value: object) -> tuple[str, ...]:
    """Read leg UUIDs in their usual spelling; what is no UUID is kept and will match nobody."""
    return tuple(read_leg_id(item) or item for item in read_strings(value))


def read_choice(value: object) -> str:
    """Read a word of a fixed list, in any case."""
    return read_text(value).strip().lower()


def read_optional_choice(value: object) -> str | None:
    """Read a word of a fixed list, or nothing."""
    return None if value is None else read_choice(value)


def read_method(value: object) -> str:
    """Read `GET` or `POST` in any case."""
    return read_text(value).strip().upper()


def tidy_number(value: object) -> str:
    """Read a phone number as people write it: without `+`, spaces, dashes, dots and brackets."""
    return read_name(value).translate(_NUMBER_DECORATION).removeprefix("+")


def read_caller(value: object) -> str | None:
    """Read a caller's number; empty is as good as none."""
    return None if read_optional_name(value) is None else tidy_number(value) or None


def compact_size(value: Mapping[str, Any] | Sequence[Any]) -> int:
    """Bytes of a JSON value written without spaces in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


_STRING: Final[JsonSchemaValue] = {"type": "string"}
STRINGS_SCHEMA: Final[JsonSchemaValue] = {"anyOf": [{"type": "array", "items": _STRING}, _STRING]}
_STRING_OR_NUMBER: Final[JsonSchemaValue] = {"anyOf": [_STRING, {"type": "integer"}]}
_URL: Final[JsonSchemaValue] = {"anyOf": [{"type": "array", "items": {"type": ["string", "null"]}}, _STRING]}
_YES_OR_NO: Final[JsonSchemaValue] = {
    "anyOf": [{"type": "boolean"}, {"enum": ["true", "false", "True", "False", "1", "0", 1, 0]}]
}

Flag = Annotated[bool, BeforeValidator(read_bool), WithJsonSchema(_YES_OR_NO)]
Text = Annotated[str, BeforeValidator(read_text)]
Name = Annotated[str, BeforeValidator(read_name), WithJsonSchema(_STRING_OR_NUMBER)]
OptionalName = Annotated[str | None, BeforeValidator(read_optional_name), WithJsonSchema(_STRING_OR_NUMBER)]
Url = Annotated[str | None, BeforeValidator(read_url), WithJsonSchema(_URL)]
RequiredUrl = Annotated[str, BeforeValidator(read_required_url), WithJsonSchema(_URL)]
Strings = Annotated[tuple[str, ...], BeforeValidator(read_strings), WithJsonSchema(STRINGS_SCHEMA)]
LegIds = Annotated[tuple[str, ...] | None, BeforeValidator(read_leg_ids), WithJsonSchema(STRINGS_SCHEMA)]
Caller = Annotated[str | None, BeforeValidator(read_caller), WithJsonSchema(_STRING_OR_NUMBER)]
Method = Annotated[Literal["GET", "POST"], BeforeValidator(read_method)]
