"""The description as a page to read: plain HTML, made once, that needs neither scripts nor anything from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, Final

from ringline.api.openapi.parts import Json

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.8rem;overflow:auto}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;width:4.5rem}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
nav a{margin-right:1rem}small{opacity:.75}
"""


def page(description: Json) -> str:
    """Write the description as HTML."""
    info = description["info"]
    tags: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method != "head":
                tags.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    schemas = "".join(_schema(name, schema) for name, schema in sorted(description["components"]["schemas"].items()))
    menu = "".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    parts = "".join(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(found)}' for tag, found in tags.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1><p>{escape(info['summary'])} "
        f'{_prose(info["description"])} For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
        f'<nav>{menu}<a href="#schemas">Schemas</a></nav>{parts}<h2 id="schemas">Schemas</h2>{schemas}</html>'
    )


def _operation(path: str, method: str, operation: Json) -> str:
    about = f"<p>{_prose(operation['description'])}</p>" if "description" in operation else ""
    ways = " or ".join(" and ".join(one) if one else "nothing" for one in operation["security"])
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>{about}"
        f"<p><small>Credentials: {escape(ways)}</small></p>"
        f"{_parameters(operation.get('parameters', ()))}{_request(operation.get('requestBody'))}"
        f"{_responses(operation['responses'])}</details>"
    )


def _parameters(parameters: Iterable[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}<td>{_type(one['schema'])}"
        f"<td>{_prose(one.get('description', ''))}"
        for one in parameters
    )
    return f"<h4>Parameters</h4><table>{rows}</table>" if rows else ""


def _request(body: Json | None) -> str:
    if body is None:
        return ""
    out = "<h4>Body</h4>"
    for kind, content in body["content"].items():
        out += f"<p><code>{escape(kind)}</code> {_type(content['schema'])}</p>"
        for name, example in content.get("examples", {}).items():
            out += f"<p><small>{escape(name)}</small></p><pre>{escape(json.dumps(example['value'], indent=2))}</pre>"
    return out


def _responses(responses: Json) -> str:
    rows = ""
    for status, one in responses.items():
        shapes = ", ".join(_type(content["schema"]) for content in one.get("content", {}).values())
        rows += f"<tr><td>{escape(status)}<td>{_prose(one['description'])}<td>{shapes}"
    return f"<h4>Answers</h4><table>{rows}</table>"


def _schema(name: str, schema: Json) -> str:
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{_prose(str(schema.get('description', '')))}</p>{_members(schema)}</details>"
    )


def _members(schema: Json) -> str:
    if "properties" not in schema:
        return f"<p>{_type({key: value for key, value in schema.items() if key != 'description'})}</p>"
    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if name in needed else ''}<td>{_type(one)}"
        f"<td>{_prose(str(one.get('description', '')))}"
        for name, one in schema["properties"].items()
    )
    return f"<table>{rows}</table><p><small>* must be there</small></p>"


def _type(schema: Any) -> str:
    """A schema in a few words."""
    if not isinstance(schema, dict) or not schema:
        return "anything"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    for key, word in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
        if key in schema:
            return word.join(_type(one) for one in schema[key])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items'))}"
    if schema.get("type") == "object" and "properties" in schema:
        return f"object {_members(schema)}"
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    shape = schema.get("format") or schema.get("type", "anything")
    return escape(" ".join([str(shape), *bounds]))


def _prose(text: str) -> str:
    """Text with its `code`."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def _anchor(text: str) -> str:
    return escape(text.lower().replace(" ", "-"))
