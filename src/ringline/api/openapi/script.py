"""Scripts (NCCO) as components of the description."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from ringline import ncco
from ringline.api.openapi.parts import Json, arr

_HERE: Final = "#/$defs/"
_THERE: Final = "#/components/schemas/Ncco"


@cache
def script_schemas() -> Mapping[str, Json]:
    """`Ncco`, and an `Ncco…` for each action, endpoint and group of options."""
    made = ncco.schema()
    found: dict[str, Any] = {f"Ncco{name}": _moved(schema) for name, schema in made["$defs"].items()}
    for kind, key in (("NccoAction", "action"), ("NccoEndpoint", "type")):
        choice = found[kind]
        parts = [(part["if"]["properties"][key]["const"], part["then"]["$ref"]) for part in choice["allOf"]]
        for word, target in parts:
            part = found[target.rpartition("/")[2]]
            part["properties"][key] = {"const": word}
            part["required"] = sorted({*part.get("required", ()), key})
        found[kind] = {
            "oneOf": [{"$ref": target} for _, target in parts],
            "discriminator": {"propertyName": key, "mapping": dict(parts)},
        }
    most = made["else"]["maxItems"]
    actions = arr({"$ref": "#/components/schemas/NccoAction"}, minItems=1, maxItems=most)
    return {"Ncco": {"description": made["description"], **actions}, **found}


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: one.replace(_HERE, _THERE) if name == "$ref" and isinstance(one, str) else _moved(one)
            for name, one in value.items()
        }
    return [_moved(one) for one in value] if isinstance(value, list) else value
