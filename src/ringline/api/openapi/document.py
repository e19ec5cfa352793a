"""The whole description, put together."""

from __future__ import annotations

from functools import cache
from typing import Any

from ringline import __version__
from ringline.api.openapi import errors, machine, office, psip, rooms, voice
from ringline.api.openapi.parts import Json
from ringline.api.openapi.script import script_schemas

_PARTS = (voice, office, psip, rooms, machine)


@cache
def _fixed() -> Json:
    paths: Json = {}
    schemas: Json = {**errors.SCHEMAS, **script_schemas()}
    for part in _PARTS:
        paths |= part.PATHS
        schemas |= part.SCHEMAS
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringline",
            "version": __version__,
            "summary": "A self-hosted programmable voice platform that speaks the Vonage Voice API.",
            "description": "A path with a slash at its end is the same as without. Unknown members and parameters are "
            "ignored. Every answer has a trace id, which the log knows too.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {
                "trace": {"required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed with the application's private key (RS256); claims `application_id`, `iat`, "
                    "`jti`, and as you like `exp`, `nbf`, `sub`, `acl`.",
                },
                "account": {"type": "http", "scheme": "basic", "description": "API key and secret."},
                "operator": {"type": "http", "scheme": "bearer", "description": "The operator's own token."},
                "key": {"type": "apiKey", "in": "query", "name": "api_key"},
                "secret": {"type": "apiKey", "in": "query", "name": "api_secret"},
            },
        },
    }


def document(base_url: str) -> dict[str, Any]:
    """The description as JSON, for a server that is reached at `base_url`."""
    return {**_fixed(), "servers": [{"url": base_url}]}
