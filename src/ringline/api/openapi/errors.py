"""What refusals look like, by API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.api.openapi.parts import JSON, Json, arr, obj, ref, text

_TRACE: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "As in `x-nexmo-trace-id`."}
_PARAMETERS: Final = arr(obj("name reason", name=text("Path of the field."), reason=text("What is wrong with it.")))
_PROBLEM: Final = "type title detail instance"


def _problem(kind: Json, **more: Any) -> Json:
    return obj(_PROBLEM, type=kind, title=text(), detail=text(), instance=_TRACE, **more)


_URL: Final[Json] = {"type": "string", "pattern": "^https://"}
_WRONG: Final = {"invalid_parameters": _PARAMETERS}

SCHEMAS: Final[Mapping[str, Json]] = {
    "Problem": _problem(_URL),
    "VoiceBadRequest": {**_problem({"const": 400}, **_WRONG), "required": [*_PROBLEM.split(), "invalid_parameters"]},
    "VoiceUnauthorized": {
        **_problem({"const": "UNAUTHORIZED"}, error_title={"const": "Unauthorized"}),
        "required": [*_PROBLEM.split(), "error_title"],
    },
    "VoiceNotFound": _problem({"const": 404}),
    "BadRequest": {**_problem(_URL, **_WRONG), "required": [*_PROBLEM.split(), "invalid_parameters"]},
    "NumbersAnswer": {
        **obj(
            "error-code error-code-label",
            **{"error-code": text("The HTTP status."), "error-code-label": text("`success`, or what went wrong.")},
        ),
        "description": "What the Numbers API says to everything that is no list.",
    },
}

_TITLES: Final = {
    400: "The request is wrong.",
    401: "No credentials, or none that are good.",
    402: "The application may spend no more today.",
    403: "The credentials are good but do not reach this far.",
    404: "There is nothing of the kind, or it is somebody else's.",
    406: "The client does not take JSON.",
    408: "The request's body did not arrive in time.",
    409: "There is one of that name, or it is not in that state.",
    410: "It was fetched as often as it may be.",
    413: "The request's body is too long.",
    415: "The request's body is not JSON.",
    416: "The file is shorter than that.",
    420: "It cannot be done.",
    429: "Too many requests, or too many failed logins. Wait a second.",
    503: "A part of the platform is not available just now. Wait a second.",
}


def refusals(family: str, *statuses: int) -> Mapping[str, Json]:
    """The refusals of an operation: those named, and those that every operation has. `family` is `voice`, `numbers` or
    another one.
    """
    return {str(status): _refusal(family, status) for status in sorted({401, 429, 503, *statuses})}


def _refusal(family: str, status: int) -> Json:
    headers: Json = {"x-nexmo-trace-id": {"$ref": "#/components/headers/trace"}}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}
    return {
        "description": _TITLES[status],
        "headers": headers,
        "content": {JSON: {"schema": ref(_schema(family, status))}},
    }


def _schema(family: str, status: int) -> str:
    if family == "numbers":
        return "NumbersAnswer"
    if family == "voice":
        named = {400: "VoiceBadRequest", 401: "VoiceUnauthorized", 404: "VoiceNotFound"}
        return named.get(status, "Problem")
    return "BadRequest" if status == 400 else "Problem"
