"""What operators' programs ask: is it alive, is it ready, its figures, its own description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ringline.api.openapi.errors import refusals
from ringline.api.openapi.parts import JSON, Json, answer, obj, operation, text

_HEALTH: Final = obj("status", status=text("`ok`, or what is the matter."))
_PLAIN: Final = "text/plain"


def _open(name: str, summary: str, answers: Mapping[int, Json], about: str = "") -> Json:
    made = operation(name, summary, tag="Operation", security=[], answers=answers, errors={}, about=about)
    made["security"] = []
    return made


SCHEMAS: Final[Mapping[str, Json]] = {"Health": _HEALTH}
PATHS: Final[Mapping[str, Json]] = {
    "/openapi.json": {"get": _open("describe", "This description", {200: answer("OpenAPI 3.1.", {"type": "object"})})},
    "/docs": {"get": _open("read", "This description, to read", {200: answer("A page.", text(), "text/html")})},
    "/healthz": {
        "get": _open("isAlive", "Whether the process is alive", {200: answer("It is.", {"type": "object"}, JSON)})
    },
    "/readyz": {
        "get": _open(
            "isReady",
            "Whether calls are welcome",
            {200: answer("They are.", {"type": "object"}), 503: answer("Not now.", {"type": "object"})},
        )
    },
    "/metrics": {
        "get": {
            **_open("figures", "Figures, in the format of Prometheus", {200: answer("They.", text(), _PLAIN)}),
            "security": [{}, {"operator": []}],
            "responses": {
                "200": answer("They.", text(), _PLAIN),
                "404": refusals("voice", 404)["404"],
            },
            "description": "For this machine itself, and for whoever has the token of `metrics.token`.",
        }
    },
}
