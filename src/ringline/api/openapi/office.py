"""The office: applications, numbers, account, audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.accounts import REGIONS
from ringline.api.openapi.errors import refusals
from ringline.api.openapi.parts import (
    ANY_WEB_URL,
    DIGITS,
    FORM,
    TIME,
    UUID,
    Json,
    answer,
    arr,
    body,
    flag,
    in_path,
    maybe,
    needed_query,
    obj,
    operation,
    query,
    ref,
    text,
    whole,
    wish,
    words,
)

BASIC: Final[list[Json]] = [{"account": []}]
NUMBERS: Final[list[Json]] = [{"account": []}, {"key": [], "secret": []}]
_LINK: Final = obj("href", href=text())
_PEM: Final = r"^-----BEGIN PUBLIC KEY-----\n"
_APPLICATION: Final = [in_path("id", UUID, "The application's id.")]
_ADDRESS: Final[Json] = {"anyOf": [ANY_WEB_URL, {"const": ""}], "description": "Empty: none."}


def _or_empty(schema: Json) -> Json:
    """PHP writes an object without members as an empty array."""
    return {"anyOf": [schema, {"type": "array", "maxItems": 0}]}


def _hook(slowest: int) -> Json:
    return wish(
        "address",
        address=_ADDRESS,
        http_method=words("GET", "POST", any_case=True),
        connect_timeout=whole(300, 1000, about="Milliseconds."),
        connection_timeout=whole(300, 1000, about="Another name of `connect_timeout`, which wins."),
        socket_timeout=whole(1000, slowest, about="Milliseconds."),
    )


_OTHERS: Final[Mapping[str, Json]] = {
    name: {"type": "object"} for name in ("verify", "meetings", "network_apis", "video", "bulk")
}
_MESSAGES: Final = wish(
    webhooks={"type": "object", "additionalProperties": maybe(wish(http_method=words("POST", any_case=True)))}
)
_WISH: Final = wish(
    "name",
    name=text(minLength=1, maxLength=255, pattern=r"\S"),
    keys=_or_empty(
        wish(public_key={"enum": ["", "   "], "description": "PEM of an RSA key of 2048 bit or more; empty: none."})
    ),
    privacy=_or_empty(wish(improve_ai=flag())),
    capabilities=_or_empty(
        wish(
            voice=wish(
                webhooks=wish(answer_url=_hook(5000), fallback_answer_url=_hook(5000), event_url=_hook(10_000)),
                signed_callbacks=flag(),
                conversations_ttl=whole(0, 9000, default=48, about="Hours; 0: for ever."),
                leg_persistence_time=whole(1, 31, default=2, about="Days."),
                region=words(*REGIONS, any_case=True),
                payment_enabled=flag(),
                payments={"type": "object"},
            ),
            rtc=wish(webhooks=wish(event_url=_hook(10_000)), signed_callbacks=flag()),
            vbc={"type": "object", "maxProperties": 0},
            messages=_MESSAGES,
            **_OTHERS,
        )
    ),
)
_SHOWN_HOOK: Final = obj(
    "address http_method",
    address=text(),
    http_method=words("GET", "POST"),
    connect_timeout={"type": "integer"},
    connection_timeout={"type": "integer"},
    socket_timeout={"type": "integer"},
)


def _application(**keys: Json) -> Json:
    return obj(
        "id name keys privacy capabilities _links",
        id=UUID,
        name=text(),
        keys=obj(public_key=text(pattern=_PEM), **keys),
        privacy=obj("improve_ai", improve_ai={"type": "boolean"}),
        capabilities=obj(
            voice=obj(
                "webhooks signed_callbacks conversations_ttl leg_persistence_time",
                webhooks=obj(
                    "answer_url event_url",
                    answer_url=_SHOWN_HOOK,
                    event_url=_SHOWN_HOOK,
                    fallback_answer_url=_SHOWN_HOOK,
                ),
                signed_callbacks={"type": "boolean"},
                conversations_ttl={"type": "integer"},
                leg_persistence_time={"type": "integer"},
                region=words(*REGIONS),
                payment_enabled={"type": "boolean"},
                payments={"type": "object"},
            ),
            rtc=obj(
                "webhooks signed_callbacks",
                webhooks=obj("event_url", event_url=_SHOWN_HOOK),
                signed_callbacks={"type": "boolean"},
            ),
            vbc={"type": "object"},
            messages={"type": "object"},
            **_OTHERS,
        ),
        _links=obj("self", self=_LINK),
    )


_COUNTRY: Final = text(pattern="^[A-Za-z]{2}$")
_MSISDN: Final = text("A number with country code.", pattern=r"^\+?[0-9]{1,15}$")
_FORM: Final[Mapping[str, Json]] = {"msisdn": _MSISDN, "country": _COUNTRY, "target_api_key": text("The own API key.")}

SCHEMAS: Final[Mapping[str, Json]] = {
    "ApplicationWish": _WISH,
    "Application": _application(),
    "ApplicationCreated": {
        **_application(private_key=text("PEM (PKCS#8). Shown once, stored nowhere.")),
        "description": "With `keys.private_key` where Ringline made the key pair.",
    },
    "ApplicationPage": obj(
        "page_size page total_items total_pages _embedded _links",
        page_size={"type": "integer"},
        page={"type": "integer"},
        total_items={"type": "integer"},
        total_pages={"type": "integer", "minimum": 1},
        _embedded=obj("applications", applications=arr(ref("Application"))),
        _links=obj("self first last", self=_LINK, first=_LINK, last=_LINK, next=_LINK, prev=_LINK),
    ),
    "Number": obj(
        "msisdn type features",
        msisdn=DIGITS,
        country=_COUNTRY,
        type=text(),
        features=arr(text()),
        cost=text(),
        moHttpUrl=text(),
        voiceCallbackType=words("app", "sip", "tel"),
        voiceCallbackValue=text(),
        app_id=UUID,
        voiceStatusCallback=text(),
    ),
    "NumberList": obj("count numbers", count={"type": "integer", "minimum": 0}, numbers=arr(ref("Number"))),
    "NumberForm": wish("msisdn", **_FORM),
    "NumberUpdate": wish(
        "msisdn",
        **_FORM,
        app_id=text("The application whose answer URL is asked; empty: none."),
        voiceCallbackType=words("app", "sip", "tel", ""),
        voiceCallbackValue=text("A SIP URI or a number that calls are connected straight to."),
        voiceStatusCallback={"anyOf": [ANY_WEB_URL, {"const": ""}], "description": "Hears of the end of calls."},
    ),
    "Balance": obj("value autoReload", value={"type": "number"}, autoReload={"type": "boolean"}),
    "Secret": obj("id created_at _links", id=UUID, created_at=TIME, _links=obj("self", self=_LINK)),
    "SecretList": obj(
        "_links _embedded", _links=obj("self", self=_LINK), _embedded=obj("secrets", secrets=arr(ref("Secret")))
    ),
    "SecretWish": wish("secret", secret=text("8 to 25 characters: lower and upper case letters and digits.")),
    "AuditPage": obj(
        "count page_size page _embedded _links",
        count={"type": "integer", "minimum": 0},
        page_size={"type": "integer"},
        page={"type": "integer"},
        _embedded=obj(
            "entries",
            entries=arr(
                obj(
                    "time actor action target source details",
                    time=TIME,
                    actor=text(),
                    action=text(),
                    target=text(),
                    source=text(),
                    details={"type": "object", "additionalProperties": {"type": "string"}},
                )
            ),
        ),
        _links=obj("self first", self=_LINK, first=_LINK, next=_LINK),
    ),
}


def _applications(name: str, summary: str, answers: Mapping[int, Json], *statuses: int, **more: Any) -> Json:
    errors = refusals("applications", 406, *statuses)
    return operation(name, summary, tag="Applications", security=BASIC, answers=answers, errors=errors, **more)


def _numbers(name: str, summary: str, answers: Mapping[int, Json], *statuses: int, **more: Any) -> Json:
    errors = refusals("numbers", *statuses)
    return operation(name, summary, tag="Numbers", security=NUMBERS, answers=answers, errors=errors, **more)


def _change(name: str, summary: str, sent: str) -> Json:
    done = {200: answer("It is done.", ref("NumbersAnswer"))}
    return _numbers(name, summary, done, 400, 408, 413, 420, request=body(ref(sent), FORM))


def _account(name: str, summary: str, answers: Mapping[int, Json], *statuses: int, **more: Any) -> Json:
    errors = refusals("account", 404, 406, *statuses)
    return operation(name, summary, tag="Account", security=BASIC, answers=answers, errors=errors, **more)


_KEY: Final = in_path("api_key", text(), "The own API key.")
_PATTERN: Final = [
    query("pattern", text()),
    query("search_pattern", whole(0, 2, default=0), "0: begins with the pattern, 1: contains it, 2: ends with it."),
    query("size", whole(1, 100, default=10)),
    query("index", whole(1, default=1), "The page."),
]

PATHS: Final[Mapping[str, Json]] = {
    "/v2/applications": {
        "get": _applications(
            "listApplications",
            "List applications",
            {200: answer("A page.", ref("ApplicationPage"))},
            400,
            parameters=[query("page_size", whole(1, 1000, default=10)), query("page", whole(1, default=1))],
        ),
        "post": _applications(
            "createApplication",
            "Make an application",
            {201: answer("It is made.", ref("ApplicationCreated"))},
            400,
            408,
            413,
            415,
            request=body(ref("ApplicationWish")),
        ),
    },
    "/v2/applications/{id}": {
        "get": _applications(
            "getApplication",
            "Look at an application",
            {200: answer("The application.", ref("Application"))},
            404,
            parameters=_APPLICATION,
        ),
        "put": _applications(
            "replaceApplication",
            "Change an application",
            {200: answer("It is changed.", ref("Application"))},
            400,
            404,
            408,
            413,
            415,
            parameters=_APPLICATION,
            request=body(ref("ApplicationWish")),
            about="Name, capabilities and privacy are replaced as a whole, the key only where one is given.",
        ),
        "delete": _applications(
            "deleteApplication",
            "Delete an application; its calls end",
            {204: answer("It is gone.")},
            404,
            parameters=_APPLICATION,
        ),
    },
    "/account/numbers": {
        "get": _numbers(
            "listNumbers",
            "List the numbers the account has",
            {200: answer("A page.", ref("NumberList"))},
            420,
            parameters=[
                query("application_id", text()),
                query("has_application", flag()),
                query("country", _COUNTRY),
                *_PATTERN,
            ],
        )
    },
    "/number/search": {
        "get": _numbers(
            "searchNumbers",
            "Look for numbers that can be had",
            {200: answer("A page.", ref("NumberList"))},
            420,
            parameters=[
                needed_query("country", _COUNTRY),
                query("type", text()),
                query("features", text("`VOICE`, `SMS`, apart by commas.")),
                *_PATTERN,
            ],
        )
    },
    "/number/buy": {"post": _change("buyNumber", "Take a number", "NumberForm")},
    "/number/cancel": {"post": _change("cancelNumber", "Give a number back", "NumberForm")},
    "/number/update": {"post": _change("updateNumber", "Link a number, or forward its calls", "NumberUpdate")},
    "/account/get-balance": {"get": _numbers("getBalance", "The balance", {200: answer("It.", ref("Balance"))})},
    "/accounts/{api_key}/secrets": {
        "get": _account(
            "listSecrets", "List API secrets", {200: answer("Never themselves.", ref("SecretList"))}, parameters=[_KEY]
        ),
        "post": _account(
            "createSecret",
            "Add an API secret",
            {201: answer("It is good at once.", ref("Secret"))},
            400,
            403,
            408,
            413,
            415,
            parameters=[_KEY],
            request=body(ref("SecretWish"), examples={"one": {"secret": "Example4Secret"}}),
        ),
    },
    "/accounts/{api_key}/secrets/{id}": {
        "get": _account(
            "getSecret",
            "Look at an API secret",
            {200: answer("Never itself.", ref("Secret"))},
            parameters=[_KEY, in_path("id", UUID)],
        ),
        "delete": _account(
            "revokeSecret",
            "Revoke an API secret",
            {204: answer("It is good no more.")},
            403,
            parameters=[_KEY, in_path("id", UUID)],
        ),
    },
    "/ringline/v1/audit": {
        "get": operation(
            "listChanges",
            "Who changed what, newest first",
            tag="Ringline",
            security=BASIC,
            parameters=[query("page_size", whole(1, 1000, default=100)), query("page", whole(1, 1_000_000, default=1))],
            answers={200: answer("A page.", ref("AuditPage"))},
            errors=refusals("applications", 400, 406),
        )
    },
}
