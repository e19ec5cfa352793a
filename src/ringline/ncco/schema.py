"""A JSON schema of scripts, for editors and for checks in other languages."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from ringline.ncco.actions import ACTIONS
from ringline.ncco.document import MAX_ACTIONS
from ringline.ncco.endpoints import ENDPOINTS
from ringline.ncco.options import Options

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Make the JSON schema (2020-12) of a script.

    It knows every option under its proper name with type, range, default and meaning, takes the values and other names
    that official libraries send, and allows unknown options, which are ignored. `parse` accepts a little more: words of
    fixed lists in any case, and numbers out of range, which it brings into range. Rules between actions are not in it.
    """
    kinds = [*ACTIONS.values(), *ENDPOINTS.values()]
    _, made = models_json_schema([(kind, "validation") for kind in kinds], by_alias=True)
    definitions: dict[str, Any] = made["$defs"]
    for cls in _all(Options):
        if cls.__name__ in definitions:
            _describe(cls, definitions[cls.__name__])
    _one_endpoint(definitions["Connect"]["properties"]["endpoint"])
    definitions["Pay"]["properties"]["prompts"]["anyOf"].append({"$ref": "#/$defs/Prompt"})
    definitions["Action"] = _one_of("action", ACTIONS)
    definitions["Endpoint"] = _one_of("type", ENDPOINTS)
    return {
        "$schema": DIALECT,
        "title": "NCCO",
        "description": "A script of call actions, run from the first to the last.",
        "if": {"type": "object"},
        "then": {"$ref": "#/$defs/Action"},
        "else": {"type": "array", "items": {"$ref": "#/$defs/Action"}, "maxItems": MAX_ACTIONS},
        "$defs": definitions,
    }


def _one_of(key: str, models: Mapping[str, type[Options]]) -> dict[str, Any]:
    """One of these kinds, by the value of `key`; so written, validators complain about the kind that was meant."""
    return {
        "type": "object",
        "required": [key],
        "properties": {key: {"enum": list(models)}},
        "allOf": [
            {"if": {"properties": {key: {"const": name}}}, "then": {"$ref": f"#/$defs/{model.__name__}"}}
            for name, model in models.items()
        ],
    }


def _one_endpoint(option: dict[str, Any]) -> None:
    """Write the option `endpoint` as what it is: an array of one, or the object alone."""
    option.clear()
    option["if"] = {"type": "object"}
    option["then"] = {"$ref": "#/$defs/Endpoint"}
    option["else"] = {"type": "array", "minItems": 1, "maxItems": 1, "items": {"$ref": "#/$defs/Endpoint"}}


def _describe(cls: type[Options], definition: dict[str, Any]) -> None:
    """Put what the source says about each option into its description."""
    definition.pop("title", None)
    (written,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    lines = written.body if isinstance(written, ast.ClassDef) else []
    for line, after in pairwise(lines):
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        field = cls.model_fields.get(line.target.id)
        if field is None or not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
            continue
        option = definition["properties"].get(field.alias or line.target.id)
        if option is not None and isinstance(after.value.value, str):
            option["description"] = _in_json_words(after.value.value)


def _in_json_words(text: str) -> str:
    """What the source says about an option, in the words of those who write JSON."""
    for ours, theirs in (("None", "absent"), ("True", "`true`"), ("False", "`false`")):
        text = re.sub(rf"\b{ours}\b", theirs, text)
    return re.sub(r"`([a-z]+(?:_[a-z]+)+)`", lambda found: f"`{to_camel(found[1])}`", text)


def _all(cls: type[Options]) -> list[type[Options]]:
    return [one for sub in cls.__subclasses__() for one in (sub, *_all(sub))]
