"""Programmable SIP: domains and their users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.api.openapi.errors import refusals
from ringline.api.openapi.office import BASIC
from ringline.api.openapi.parts import (
    UUID,
    Json,
    answer,
    arr,
    body,
    exact,
    flag,
    in_path,
    operation,
    ref,
    text,
    wish,
    words,
)

_WISHES: Final = ("always", "optional", "never")
_BYTE: Final = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_NETWORK: Final[Json] = {
    "description": "An address, or a network with nothing set behind its prefix.",
    "anyOf": [
        {"type": "string", "pattern": rf"^({_BYTE}\.){{3}}{_BYTE}$"},
        {"type": "string", "pattern": rf"^({_BYTE}\.){{3}}{_BYTE}/32$"},
        {"type": "string", "pattern": rf"^({_BYTE}\.){{3}}0/24$"},
        {"type": "string", "format": "ipv6"},
    ],
}
_WISH: Final[Mapping[str, Json]] = {
    "acl": arr(_NETWORK, description="Who may call; empty: anybody, if `digest_auth` is on.", maxItems=1000),
    "digest_auth": flag("Callers log in as a user of the domain. With neither this nor an `acl` nobody may call."),
    "tls": words(*_WISHES, any_case=True),
    "srtp": words(*_WISHES, any_case=True),
}
_SECRET: Final = text("Never shown again.", minLength=1, maxLength=255, pattern=r"^[^\x00-\x1f\x7f]+$")
_KEY: Final = text(pattern="^[a-z0-9-]{1,63}$")
_NAME: Final = text("A label.", pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")

SCHEMAS: Final[Mapping[str, Json]] = {
    "SipDomain": exact(
        "name application_id acl digest_auth tls srtp",
        name=text("A label; domains of the settings may be whole host names."),
        application_id=text(),
        acl=arr(text()),
        digest_auth={"type": "boolean"},
        tls=words(*_WISHES),
        srtp=words(*_WISHES),
    ),
    "SipDomainWish": wish("name application_id", name=_NAME, application_id=UUID, **_WISH),
    "SipDomainChange": wish(application_id=UUID, **_WISH),
    "SipUser": exact("key", key=text()),
    "SipUserWish": wish("key secret", key=_KEY, secret=_SECRET),
    "SipUserChange": wish("secret", secret=_SECRET),
    "SipEndpoint": exact("uri", uri=text(pattern="^sip:")),
}


def _psip(name: str, summary: str, answers: Mapping[int, Json], *statuses: int, **more: Any) -> Json:
    errors = refusals("applications", 406, *statuses)
    return operation(name, summary, tag="SIP domains", security=BASIC, answers=answers, errors=errors, **more)


_SENT: Final = (400, 408, 413, 415)
_READ_ONLY: Final = (403, 404)
_DOMAIN: Final = [in_path("name", text(pattern=r"^[a-z0-9.-]{1,253}$"), "The domain's name.")]
_USER: Final = [*_DOMAIN, in_path("key", _KEY, "The user's key.")]
_EXAMPLE: Final = {"key": "pbx-1", "secret": "Example4Secret"}

PATHS: Final[Mapping[str, Json]] = {
    "/v1/psip": {
        "get": _psip("listSipDomains", "List SIP domains", {200: answer("All of them.", arr(ref("SipDomain")))}),
        "post": _psip(
            "createSipDomain",
            "Make a SIP domain",
            {201: answer("It takes calls at once.", ref("SipDomain"))},
            409,
            *_SENT,
            request=body(ref("SipDomainWish")),
        ),
    },
    "/v1/psip/{name}": {
        "get": _psip(
            "getSipDomain", "Look at a SIP domain", {200: answer("It.", ref("SipDomain"))}, 404, parameters=_DOMAIN
        ),
        "put": _psip(
            "changeSipDomain",
            "Change a SIP domain",
            {200: answer("As it is now.", ref("SipDomain"))},
            *_READ_ONLY,
            *_SENT,
            parameters=_DOMAIN,
            request=body(ref("SipDomainChange")),
            about="What is left out stays. Domains of the settings file are changed there only.",
        ),
        "delete": _psip(
            "deleteSipDomain",
            "Delete a SIP domain with its users",
            {204: answer("It takes no calls any more.")},
            *_READ_ONLY,
            parameters=_DOMAIN,
        ),
    },
    "/v1/psip/{name}/endpoints": {
        "get": _psip(
            "listSipEndpoints",
            "List the addresses of a domain's users",
            {200: answer("One for each user.", arr(ref("SipEndpoint")))},
            404,
            parameters=_DOMAIN,
        )
    },
    "/v1/psip/{name}/users": {
        "get": _psip(
            "listSipUsers",
            "List the users of a SIP domain",
            {200: answer("All of them.", arr(ref("SipUser")))},
            404,
            parameters=_DOMAIN,
        ),
        "post": _psip(
            "createSipUser",
            "Add a user",
            {201: answer("He may log in at once.", ref("SipUser"))},
            409,
            *_READ_ONLY,
            *_SENT,
            parameters=_DOMAIN,
            request=body(ref("SipUserWish"), examples={"one": _EXAMPLE}),
            about="A key is given once in an installation: a login names the user, not his domain.",
        ),
    },
    "/v1/psip/{name}/users/{key}": {
        "get": _psip("getSipUser", "Look at a user", {200: answer("He.", ref("SipUser"))}, 404, parameters=_USER),
        "put": _psip(
            "changeSipUser",
            "Give a user another secret",
            {200: answer("The old one is good no more.", ref("SipUser"))},
            *_READ_ONLY,
            *_SENT,
            parameters=_USER,
            request=body(ref("SipUserChange"), examples={"one": {"secret": "Another4Secret"}}),
        ),
        "delete": _psip("deleteSipUser", "Delete a user", {204: answer("He is gone.")}, *_READ_ONLY, parameters=_USER),
    },
}
