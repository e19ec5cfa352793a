"""The description of the API: whole, well-formed, and readable."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest

from ringline.api.openapi import document

from .world import World, run

DOCUMENT = document("https://voice.example")
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def served(world: World) -> set[tuple[str, str]]:
    return {(method.lower(), route.path) for route in world.app.state.routes for method in route.methods}


def test_every_operation_that_is_served_is_described(world: World) -> None:
    described = {(method, path) for method, path, _ in OPERATIONS}
    elsewhere = {("get", path) for path in ("/healthz", "/readyz", "/metrics")}
    if world.needs.conversations is None:
        elsewhere |= {
            (method, path) for method, path, one in OPERATIONS if one["tags"][0] in ("Conversations", "Users")
        }
    assert served(world) - described == set()
    assert described - served(world) - elsewhere == set()


def test_names_are_unique_and_every_reference_leads_somewhere() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    for reference in _references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_tells_its_refusals_and_its_examples_are_good(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    wanted = set(re.findall(r"\{(\w+)\}", path))
    given = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
    assert given == wanted
    if operation["security"] and path != "/metrics":
        assert {"401", "429", "503"} <= set(operation["responses"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            jsonschema.validate(example["value"], {**content["schema"], "components": DOCUMENT["components"]})


@run
async def test_programs_and_people_can_read_it_without_credentials(world: World) -> None:
    async with world.stranger() as stranger:
        found = await stranger.get("/openapi.json")
        page = await stranger.get("/docs")
    assert (found.status_code, found.json()["openapi"]) == (200, "3.1.0")
    assert found.json()["servers"] == [{"url": "http://voice.example"}]
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.headers["content-security-policy"].replace("'none'", "")
    reader = _Reader()
    reader.feed(page.text)
    assert reader.open == []
    assert not reader.foreign
    assert {"POST", "/v1/calls", "createCall"} <= set(re.findall(r"[\w/]+", page.text))


class _Reader(HTMLParser):
    """Sees that what is opened is closed, and that nothing is fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "tr", "td"):
            self.open.append(tag)
        self.foreign += [name for name, text in attrs if name == "src" or (text or "").startswith(("http:", "https:"))]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [one for inner in value.values() for one in _references(inner)]
    return [one for inner in value for one in _references(inner)] if isinstance(value, list) else []
