"""The base of everything with options: actions, endpoints and the objects inside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel, to_snake

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
