"""The base of everything with options: actions, endpoints and the objects inside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel, to_snake
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ringline.ncco.scalars import expected

Names = Mapping[str, tuple[str, ...]]
"By an option's name in JSON: what else it is called."


class Options(BaseModel):
    """An object of options.

    Options are written in camelCase and read in snake_case too, and by the names in `OTHER_NAMES`. `null` is as good as
    absent, unknown options are ignored.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        loc_by_alias=True,
        hide_input_in_errors=True,
    )

    OTHER_NAMES: ClassVar[Names] = {}
    OLD_OPTIONS: ClassVar[Names] = {}
    "Options that only `complete` reads, with their other names."
    KEEPS_NULL: ClassVar[frozenset[str]] = frozenset()
    "Options for which `null` is a value like any other."

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, data: Any) -> Any:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise expected("an object")
        names = spellings(cls)
        out: dict[str, Any] = {}
        for key, value in data.items():
            name = names.get(key) if isinstance(key, str) else None
            if name is None or (value is None and name not in cls.KEEPS_NULL):
                continue
            if name == key or name not in out:  # the proper name wins, whichever comes first
                out[name] = value
        return cls.complete(out)

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Rearrange options before they are read, where an action has an older form."""
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        out = handler(schema)
        tolerant(cls, handler.resolve_ref_schema(out))
        return out


@cache
def spellings(cls: type[Options]) -> Mapping[str, str]:
    """Every name under which an option of `cls` is accepted, with its proper name."""
    out: dict[str, str] = {}
    for name, field in cls.model_fields.items():
        proper = field.alias or name
        for spelling in (name, to_snake(proper), *cls.OTHER_NAMES.get(proper, ())):
            out.setdefault(spelling, proper)
        out[proper] = proper
    for proper, others in cls.OLD_OPTIONS.items():
        for spelling in (proper, *others):
            out.setdefault(spelling, proper)
    return out


def tolerant(cls: type[Options], schema: JsonSchemaValue) -> None:
    """Make the JSON schema of options say what is read: `null` for what is optional, and the other names."""
    properties: JsonSchemaValue = schema.get("properties", {})
    required: list[str] = schema.pop("required", [])
    for name, field in cls.model_fields.items():
        if field.exclude:
            properties.pop(field.alias or name, None)
    for proper, about in properties.items():
        about.pop("title", None)
        default = about.pop("default", None)
        if "const" in about:  # the name of an action, the kind of an endpoint
            continue
        if proper not in required:
            about = properties[proper] = {"anyOf": [*about.get("anyOf", [about]), {"type": "null"}]}
        if isinstance(default, str | int | float):
            about["default"] = default
    others: dict[str, list[str]] = {}
    for spelling, proper in spellings(cls).items():
        if proper not in properties:
            if proper in cls.OLD_OPTIONS:
                properties[spelling] = {"description": "As before 2020.", "deprecated": True}
        elif spelling not in properties:
            others.setdefault(proper, []).append(spelling)
            same = {name: part for name, part in properties[proper].items() if name != "default"}
            properties[spelling] = {**same, "description": f"Usually written `{proper}`.", "deprecated": True}
    plain = [name for name in required if name not in others]
    if plain:
        schema["required"] = plain
    needed = [
        {"anyOf": [{"required": [name]} for name in (proper, *others[proper])]}
        for proper in required
        if proper in others
    ]
    if needed:
        schema["allOf"] = needed
