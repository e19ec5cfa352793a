"""A JSON schema of scripts, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from ringline.ncco.actions import Action


def schema() -> dict[str, Any]:
    """Make the JSON schema (2020-12) of a script in its proper spelling; `parse` accepts more than that."""
    adapter: TypeAdapter[list[Action]] = TypeAdapter(list[Action])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "NCCO",
        **adapter.json_schema(by_alias=True, mode="validation"),
    }
