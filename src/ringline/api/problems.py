"""The one body every client library can read when a request is refused (REST reference, section 10.2).

Why the shapes differ: the Go library reads 400 and 404 of the Voice API into a struct with an integer `type`, other
APIs have a URL there; Go, PHP and Ruby look at `error_title` of a 401 first; the Numbers API knows only a code and a
label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from fastapi.responses import JSONResponse

from ringline.base import ApiError

VALIDATION: Final = "The request failed due to validation errors"
SECRET_VALIDATION: Final = "The request failed due to secret validation errors"
FORBIDDEN: Final = "Your account does not have permission to perform this action"
INTERNAL: Final = "Something went wrong on our side; the instance of this error helps to find out what"
SLOW_DOWN: Final = "Please wait, then retry your request"

_TYPES: Final = "https://developer.vonage.com/api-errors"
_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Low balance",
    403: "Forbidden",
    404: "Not Found",
    405: "Request method not allowed",
    406: "Invalid Accept header",
    408: "Request Timeout",
    410: "Gone",
    413: "Payload Too Large",
    415: "Unsupported Content-Type header",
    416: "Range Not Satisfiable",
    429: "Rate Limit Hit",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_CODES: Final = {
    401: "#unauthorized",
    402: "#low-balance",
    403: "#forbidden",
    404: "#not-found",
    405: "#wrong-verb",
    406: "#accept-header",
    408: "#invalid-params",
    410: "#gone",
    413: "#invalid-params",
    415: "#content-type-header",
    416: "#invalid-params",
    429: "#rate-limit",
}


_CONVERSATION_TYPES: Final = "https://developer.vonage.com/api/conversation"
_OF_CONVERSATIONS: Final = re.compile(r"/v(1|0\.1|0\.2|0\.3)/(conversations|users|legs|knocking|sessions)(/|$)")
_TITLES_OF_CONVERSATIONS: Final = {
    400: "Bad request.",
    401: "Unauthorized.",
    403: "Forbidden.",
    404: "Not found.",
    406: "Bad request.",
    409: "Conflict.",
    429: "Too Many Requests.",
    500: "Internal Error.",
}
_CODES_OF_CONVERSATIONS: Final = {
    400: "http:error:validation-fail",
    401: "system:error:invalid-token",
    403: "system:error:permission",
    404: "http:error:not-found",
    405: "http:error:method-not-allowed",
    406: "http:error:validation-fail",
    408: "http:error:validation-fail",
    413: "http:error:validation-fail",
    415: "http:error:unsupported-media-type",
    429: "http:error:too-many-request",
    500: "system:error:internal-error",
    503: "system:error:unavailable",
}
_CODE_OF_TOKEN: Final = {
    "You did not provide a token. Please provide a valid token.": "system:error:missing-token",
    "You provided an expired token. Please provide a valid token.": "system:error:expired-token",
}
_DETAILS_OF_CONVERSATIONS: Final = {
    VALIDATION: "Input validation failure.",
    SLOW_DOWN: "You have exceeded your request limit. You can try again shortly.",
    INTERNAL: "Something went wrong.",
}
"Of all APIs, in the words of these."


class Family(Enum):
    """Which of the APIs a path belongs to, as far as errors look different."""

    VOICE = "voice"
    APPLICATIONS = "applications"
    NUMBERS = "numbers"
    SECRETS = "secrets"
    CONVERSATIONS = "conversations"
    USERS = "users"


_WITH_TOKENS: Final = (Family.VOICE, Family.CONVERSATIONS, Family.USERS)


def family_of(path: str) -> Family:
    """Tell the API by the path."""
    if path.startswith("/v2/applications"):
        return Family.APPLICATIONS
    if path.startswith(("/account/", "/number/")):
        return Family.NUMBERS
    if (found := _OF_CONVERSATIONS.match(path)) is not None:
        return Family.USERS if found[2] == "users" else Family.CONVERSATIONS
    if path.startswith(("/v0.3/", "/v2/rtc")):
        return Family.CONVERSATIONS
    if path.startswith("/accounts/"):
        return Family.SECRETS
    if path.startswith(("/ringline/v1/audit", "/v1/psip")):
        return Family.APPLICATIONS
    return Family.VOICE


def bad_request(*parameters: tuple[str, str], detail: str = VALIDATION) -> ApiError:
    """The request is wrong: each parameter is the path of a field and what is wrong with it."""
    return ApiError(400, detail, parameters=parameters)


def problem(error: ApiError, *, family: Family, trace: str, reading: bool = False) -> JSONResponse:
    """Write a refusal. `trace` is the request's trace id, `reading` tells that it was a GET."""
    if family is Family.USERS and error.status in (406, 415):  # the Users API has one status for both
        error = ApiError(406, "Invalid Content-Type.")
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer" if family in _WITH_TOKENS else 'Basic realm="ringline"'
    if error.status in (429, 503):
        headers["Retry-After"] = "1"
    return JSONResponse(_body(error, family, trace, reading), error.status, headers)


def _body(error: ApiError, family: Family, trace: str, reading: bool) -> Mapping[str, Any]:
    if family is Family.NUMBERS:
        return {"error-code": str(error.status), "error-code-label": error.detail}
    if family in (Family.CONVERSATIONS, Family.USERS):
        return _of_conversations(error, trace)
    body: dict[str, Any] = {
        "type": _type(error.status, error.code, family, reading),
        "title": error.title or _TITLES.get(error.status, "Error"),
        "detail": error.detail,
        "instance": trace,
    }
    if error.status == 401 and family is Family.VOICE:
        body["error_title"] = "Unauthorized"
    if error.status == 401 and family is Family.APPLICATIONS:
        body["title"] = "Invalid credentials supplied"
    if error.status == 401 and family is Family.SECRETS:
        body["detail"] = "You did not provide correct credentials. Send `Authorization: Basic` with key and secret."
    if error.status == 400 and family is Family.SECRETS:
        body["detail"] = error.detail if error.detail != VALIDATION else SECRET_VALIDATION
    if error.status == 400:
        body["invalid_parameters"] = [{"name": name, "reason": reason} for name, reason in error.parameters]
    return body


def _of_conversations(error: ApiError, trace: str) -> Mapping[str, Any]:
    """Users and conversations: a code beside everything else."""
    code = error.code or _CODE_OF_TOKEN.get(error.detail) or _CODES_OF_CONVERSATIONS.get(error.status, "")
    titles = _TITLES_OF_CONVERSATIONS
    body: dict[str, Any] = {
        "type": f"{_CONVERSATION_TYPES}#{code}",
        "title": error.title or titles.get(error.status, _TITLES.get(error.status, "Error")),
        "detail": _DETAILS_OF_CONVERSATIONS.get(error.detail, error.detail),
        "code": code,
        "instance": trace,
    }
    if error.status == 401:
        body["error_title"] = "Unauthorized"
    if error.status == 400 and error.parameters:
        body["invalid_parameters"] = [{"name": name, "reason": reason} for name, reason in error.parameters]
        faults: dict[str, list[str]] = {}
        for name, reason in error.parameters:
            faults.setdefault(name, []).append(reason)
        body["error"] = faults
    return body


def _type(status: int, code: str, family: Family, reading: bool) -> str | int:
    if family is Family.VOICE:
        match status:
            case 400 | 404:
                return status
            case 401:
                return "UNAUTHORIZED"
    elif family is Family.SECRETS and (code or status == 400):
        return f"{_TYPES}/account/secret-management#{code or 'validation'}"
    elif status == 400:
        return f"{_TYPES}/application#{'list' if reading else 'payload'}-validation"
    return _TYPES + _CODES.get(status, "")
