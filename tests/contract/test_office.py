"""The reference of applications, numbers and the account (chapters 1 to 3), table by table and row by row."""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.api.world import APP, KEY, LEG, OTHER, World, keys, run

from ringline.testing.rest import key_pair

from .rows import Row, prove, table

TYPES: Final = "https://developer.vonage.com/api-errors"
HOOK: Final = {"address": "https://desk.example/answer", "http_method": "GET"}
EVENTS: Final = {"address": "https://desk.example/event", "http_method": "POST"}
URL: Final = "https://desk.example/hook"
NAMED: Final[dict[str, Any]] = {"name": "Front desk"}
KEYED: Final[dict[str, Any]] = {**NAMED, "keys": {"public_key": key_pair().public_key}}


def make(name: str, status: int = 201, *, fault: str = "", says: Any = None, lacks: Any = (), **body: Any) -> Row:
    """A row about making an application: its body with a name and, to be quick, a key."""
    return Row(
        name=name,
        ask="POST /v2/applications",
        who="operator",
        json={**KEYED, **body},
        status=status,
        fault=fault,
        says=says or {},
        lacks=lacks,
    )


def voice(name: str, status: int = 201, *, fault: str = "", says: Any = None, **settings: Any) -> Row:
    """A row about the voice capability."""
    shown = {f"capabilities.voice.{path}": value for path, value in (says or {}).items()}
    wrong = f"capabilities.voice.{fault}" if fault else ""
    return make(name, status, fault=wrong, says=shown, capabilities={"voice": settings})


def hook(name: str, kind: str, status: int = 201, *, fault: str = "", says: Any = None, **settings: Any) -> Row:
    """A row about a webhook of the voice capability."""
    shown = {f"webhooks.{kind}.{path}": value for path, value in (says or {}).items()}
    wrong = f"webhooks.{kind}.{fault}" if fault else ""
    return voice(f"{kind} {name}", status, fault=wrong, says=shown, webhooks={kind: {"address": URL, **settings}})


# ── 1. Application API ─────────────────────────────────────────────────────────────────────────────────────────────


@table(
    "applications 1",
    [
        Row(name="GET list", ask="GET /v2/applications", who="operator", status=200, says={"total_items": 3}),
        Row(name="POST", ask="POST /v2/applications", who="operator", json=KEYED, status=201),
        Row(name="GET one", ask=f"GET /v2/applications/{APP}", who="operator", status=200, says={"id": APP}),
        Row(name="PUT", ask=f"PUT /v2/applications/{APP}", who="operator", json=NAMED, status=200),
        Row(name="DELETE", ask=f"DELETE /v2/applications/{APP}", who="operator", status=204),
        Row(name="a token is refused", ask=f"DELETE /v2/applications/{APP}", status=401),
    ],
)
@run
async def test_an_endpoint_of_applications(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "applications 1.1",
    [
        make("name"),
        Row(name="name missing", ask="POST /v2/applications", who="operator", json={}, status=400, fault="name"),
        Row(name="no body", ask="POST /v2/applications", who="operator", status=400, fault="name"),
        Row(
            name="name missing in PUT",
            ask=f"PUT /v2/applications/{APP}",
            who="operator",
            json={"capabilities": {}},
            status=400,
            fault="name",
        ),
        Row(
            name="name used twice",
            ask="POST /v2/applications",
            who="operator",
            json={**KEYED, "name": "Desk"},
            status=201,
            says={"name": "Desk"},
        ),
        make("keys.public_key", keys={"public_key": key_pair().public_key}, lacks=["keys.private_key"]),
        make("keys.public_key nonsense", 400, keys={"public_key": "secret"}, fault="keys.public_key"),
        make(
            "rtc",
            capabilities={"rtc": {"webhooks": {"event_url": EVENTS}, "signed_callbacks": False}},
            says={
                "capabilities.rtc.webhooks.event_url.address": EVENTS["address"],
                "capabilities.rtc.signed_callbacks": False,
            },
        ),
        make(
            "messages",
            capabilities={"messages": {"version": "v1", "webhooks": {"inbound_url": EVENTS}}},
            says={"capabilities.messages.webhooks.inbound_url.address": EVENTS["address"]},
        ),
        make(
            "messages by GET",
            400,
            fault="capabilities.messages.webhooks.status_url.http_method",
            capabilities={"messages": {"webhooks": {"inbound_url": EVENTS, "status_url": HOOK}}},
        ),
        make("vbc", capabilities={"vbc": {}}, says={"capabilities.vbc": {}}),
        make("vbc not empty", 400, capabilities={"vbc": {"a": 1}}, fault="capabilities.vbc"),
        *(
            make(kind, capabilities={kind: {"a": {"b": 1}}}, says={f"capabilities.{kind}": {"a": {"b": 1}}})
            for kind in ("verify", "meetings", "network_apis", "video", "bulk")
        ),
        make("privacy default", says={"privacy.improve_ai": False}),
        make("privacy", privacy={"improve_ai": True}, says={"privacy.improve_ai": True}),
        make("id is read only", id="something", lacks=["nothing"]),
    ],
)
@run
async def test_a_field_of_an_application(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if row.status == 201:
        found = answer.json()
        assert found["_links"]["self"]["href"] == f"/v2/applications/{found['id']}"
        assert found["id"] != "something"


@run
async def test_the_private_key_is_given_once_and_never_again(world: World) -> None:
    ask = Row(name="keys.private_key", ask="POST /v2/applications", who="operator", json=NAMED, status=201)
    made = (await prove(world, ask)).json()
    assert made["keys"]["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    async with world.operator() as client:
        shown = (await client.get(f"/v2/applications/{made['id']}")).json()
        listed = (await client.get("/v2/applications")).json()
    assert shown["keys"] == {"public_key": made["keys"]["public_key"]}
    assert all("private_key" not in one["keys"] for one in listed["_embedded"]["applications"])


KINDS: Final = ("answer_url", "fallback_answer_url", "event_url")


@table(
    "applications 1.2",
    [
        *(hook("address", kind, says={"address": URL}) for kind in KINDS),
        *(hook("http_method POST", kind, http_method="POST", says={"http_method": "POST"}) for kind in KINDS),
        *(hook("http_method PUT", kind, 400, http_method="PUT", fault="http_method") for kind in KINDS),
        *(
            hook("defaults", kind, says={"http_method": method, "connect_timeout": 1000, "socket_timeout": socket})
            for kind, method, socket in zip(KINDS, ("GET", "GET", "POST"), (5000, 5000, 10000), strict=True)
        ),
        *(
            hook(f"connect_timeout {value}", kind, connect_timeout=value, says={"connect_timeout": value})
            for kind in KINDS
            for value in (300, 1000)
        ),
        *(
            hook(f"connect_timeout {value}", kind, 400, connect_timeout=value, fault="connect_timeout")
            for kind in KINDS
            for value in (299, 1001)
        ),
        *(
            hook(f"socket_timeout {value}", kind, socket_timeout=value, says={"socket_timeout": value})
            for kind, most in zip(KINDS, (5000, 5000, 10000), strict=True)
            for value in (1000, most)
        ),
        *(
            hook(f"socket_timeout {value}", kind, 400, socket_timeout=value, fault="socket_timeout")
            for kind, most in zip(KINDS, (5000, 5000, 10000), strict=True)
            for value in (999, most + 1)
        ),
        hook(
            "connection_timeout",
            "answer_url",
            connection_timeout=400,
            says={"connect_timeout": 400, "connection_timeout": 400},
        ),
        hook(
            "the newer name wins",
            "answer_url",
            connection_timeout=400,
            connect_timeout=500,
            says={"connect_timeout": 500, "connection_timeout": 500},
        ),
        voice("signed_callbacks default", says={"signed_callbacks": True}),
        voice("signed_callbacks false", signed_callbacks=False, says={"signed_callbacks": False}),
        voice("conversations_ttl default", says={"conversations_ttl": 48}),
        *(
            voice(f"conversations_ttl {hours}", conversations_ttl=hours, says={"conversations_ttl": hours})
            for hours in (0, 1, 9000)
        ),
        voice("conversations_ttl 9001", 400, conversations_ttl=9001, fault="conversations_ttl"),
        voice("leg_persistence_time default", says={"leg_persistence_time": 2}),
        *(voice(f"leg_persistence_time {days}", leg_persistence_time=days) for days in (1, 31)),
        *(
            voice(f"leg_persistence_time {days}", 400, leg_persistence_time=days, fault="leg_persistence_time")
            for days in (0, 32)
        ),
        *(
            voice(f"region {region}", region=region, says={"region": region})
            for region in ("na-east", "na-west", "eu-east", "eu-west", "apac-sng", "apac-australia")
        ),
        voice("region moon", 400, region="moon", fault="region"),
        voice("payment_enabled", payment_enabled=True, says={"payment_enabled": True}),
        voice("payments", payments={"gateways": []}, says={"payments": {"gateways": []}}),
        voice(
            "unset webhooks",
            says={
                "webhooks.answer_url.address": "",
                "webhooks.answer_url.http_method": "GET",
                "webhooks.event_url.address": "",
                "webhooks.event_url.http_method": "POST",
            },
        ),
        hook("empty address removes it", "answer_url", address="", says={"address": ""}),
        make(
            "fallback only when set",
            capabilities={"voice": {}},
            lacks=["capabilities.voice.webhooks.fallback_answer_url"],
        ),
    ],
)
@run
async def test_a_setting_of_voice(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_a_change_replaces_everything_but_the_key(world: World) -> None:
    async with world.operator() as client:
        made = (await client.post("/v2/applications", json={**KEYED, "capabilities": {"voice": {}, "vbc": {}}})).json()
        place = f"/v2/applications/{made['id']}"
        changed = (await client.put(place, json={"name": "Desk", "id": "x", "_links": {}, "capabilities": {}})).json()
        assert (changed["id"], changed["name"]) == (made["id"], "Desk")
        assert not changed.get("capabilities")
        assert changed["keys"]["public_key"] == made["keys"]["public_key"]
        key = keys("other").public_key
        replaced = (await client.put(place, json={"name": "Desk", "keys": {"public_key": key}})).json()
        assert replaced["keys"]["public_key"].strip() == key.strip()


@table(
    "applications 1.3",
    [
        Row(
            name="the page",
            ask="GET /v2/applications",
            who="operator",
            status=200,
            says={"page": 1, "page_size": 10, "total_items": 3, "total_pages": 1},
            lacks=["_links.next", "_embedded.applications.0.keys.private_key"],
        ),
        Row(
            name="links",
            ask="GET /v2/applications",
            who="operator",
            query={"page_size": "1"},
            status=200,
            says={
                "_links.self.href": "http://voice.example/v2/applications?page_size=1&page=1",
                "_links.first.href": "http://voice.example/v2/applications?page_size=1",
                "_links.next.href": "http://voice.example/v2/applications?page_size=1&page=2",
                "_links.last.href": "http://voice.example/v2/applications?page_size=1&page=3",
                "total_pages": 3,
            },
        ),
        Row(name="page_size 1000", ask="GET /v2/applications", who="operator", query={"page_size": "1000"}, status=200),
        Row(
            name="page_size 1001",
            ask="GET /v2/applications",
            who="operator",
            query={"page_size": "1001"},
            status=400,
            fault="page_size",
        ),
        Row(name="page 0", ask="GET /v2/applications", who="operator", query={"page": "0"}, status=400, fault="page"),
        Row(name="size is ignored", ask="GET /v2/applications", who="operator", query={"size": "1"}, status=200),
    ],
)
@run
async def test_a_page_of_applications(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "applications 1.4",
    [
        Row(
            name="400 list",
            ask="GET /v2/applications",
            who="operator",
            query={"page": "x"},
            status=400,
            says={
                "type": f"{TYPES}/application#list-validation",
                "title": "Bad Request",
                "detail": "The request failed due to validation errors",
            },
        ),
        Row(
            name="400 body",
            ask="POST /v2/applications",
            who="operator",
            json={
                "name": "a",
                "capabilities": {"voice": {"webhooks": {"answer_url": {"address": URL, "http_method": "PATCH"}}}},
            },
            status=400,
            says={
                "type": f"{TYPES}/application#payload-validation",
                "title": "Bad Request",
                "invalid_parameters.0.name": "capabilities.voice.webhooks.answer_url.http_method",
                "invalid_parameters.0.reason": "must be one of: GET, POST",
            },
        ),
        Row(
            name="401",
            ask="GET /v2/applications",
            who="stranger",
            status=401,
            says={"type": f"{TYPES}#unauthorized", "title": "Invalid credentials supplied"},
        ),
        Row(
            name="404",
            ask="GET /v2/applications/abc",
            who="operator",
            status=404,
            says={
                "type": f"{TYPES}#not-found",
                "title": "Not Found",
                "detail": "ID 'abc' does not exist, or you do not have access",
            },
        ),
        Row(
            name="405",
            ask="PATCH /v2/applications",
            who="operator",
            status=405,
            says={
                "type": f"{TYPES}#wrong-verb",
                "title": "Request method not allowed",
                "detail": "Request method 'PATCH' not supported",
            },
        ),
        Row(
            name="406",
            ask="GET /v2/applications",
            who="operator",
            headers={"Accept": "text/html"},
            status=406,
            says={
                "type": f"{TYPES}#accept-header",
                "title": "Invalid Accept header",
                "detail": "Invalid Accept header provided. Must be one of the following: 'application/json'",
            },
        ),
        Row(
            name="415",
            ask="POST /v2/applications",
            who="operator",
            headers={"Content-Type": "text/plain"},
            content="{}",
            status=415,
            says={"type": f"{TYPES}#content-type-header", "title": "Unsupported Content-Type header"},
        ),
    ],
)
@run
async def test_a_refusal_of_applications(world: World, row: Row) -> None:
    answer = await prove(world, row)
    assert answer.json()["instance"] == answer.headers["x-nexmo-trace-id"]


# ── 2. Numbers API ─────────────────────────────────────────────────────────────────────────────────────────────────

OK: Final = {"error-code": "200", "error-code-label": "success"}
MINE: Final[dict[str, Any]] = {"country": "GB", "msisdn": "447700900900"}


def form(name: str, path: str, status: int = 200, **fields: str) -> Row:
    """A row about a form that is posted."""
    content = "&".join(f"{key}={value}" for key, value in fields.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    shown = OK if status == 200 else {"error-code": str(status)}
    return Row(
        name=name,
        ask=f"POST /number/{path}",
        who="operator",
        headers=headers,
        content=content,
        status=status,
        says=shown,
    )


def numbers(name: str, count: int, status: int = 200, **query: str) -> Row:
    says = {"count": count} if status == 200 else {}
    return Row(name=name, ask="GET /account/numbers", who="operator", query=query, status=status, says=says)


@table(
    "numbers 2",
    [
        numbers("all", 3),
        numbers("application_id", 2, application_id=APP),
        numbers("has_application true", 2, has_application="true"),
        numbers("has_application false", 1, has_application="false"),
        numbers("country", 1, country="US"),
        numbers("pattern starts", 1, pattern="4477"),
        numbers("pattern not at the start", 0, pattern="900"),
        numbers("search_pattern 1 contains", 1, pattern="7009", search_pattern="1"),
        numbers("search_pattern 2 ends", 1, pattern="6789", search_pattern="2"),
        numbers("size", 3, size="1"),
        numbers("index", 3, size="1", index="3"),
        Row(
            name="nothing found",
            ask="GET /account/numbers",
            who="operator",
            query={"pattern": "999"},
            status=200,
            says={"count": 0, "numbers": []},
        ),
        Row(
            name="an owned number",
            ask="GET /account/numbers",
            who="operator",
            query={"pattern": "4477"},
            status=200,
            says={
                "numbers.0.country": "GB",
                "numbers.0.msisdn": "447700900900",
                "numbers.0.voiceCallbackType": "app",
                "numbers.0.voiceCallbackValue": APP,
                "numbers.0.app_id": APP,
                "numbers.0.moHttpUrl": "",
            },
        ),
        Row(
            name="search",
            ask="GET /number/search",
            who="operator",
            query={"country": "GB"},
            status=200,
            says={"count": 1, "numbers.0.msisdn": "447700900777", "numbers.0.country": "GB"},
        ),
        Row(
            name="search by features",
            ask="GET /number/search",
            who="operator",
            query={"country": "GB", "features": "SMS,VOICE", "type": "mobile-lvn"},
            status=200,
        ),
        form("buy", "buy", country="GB", msisdn="447700900777"),
        form("buy what is not there", "buy", 420, country="GB", msisdn="447700900778"),
        form("cancel", "cancel", **MINE),
        form("cancel what is not there", "cancel", 420, country="GB", msisdn="447700900778"),
        form("update app_id", "update", **MINE, app_id=OTHER),
        form("update unlinks", "update", **MINE, app_id=""),
        form("update of another account's application", "update", 420, **MINE, app_id="unknown"),
        form("update unknown number", "update", 420, country="GB", msisdn="447700900778", app_id=APP),
        form(
            "update voiceCallbackType sip",
            "update",
            **MINE,
            voiceCallbackType="sip",
            voiceCallbackValue="sip:a@b.example",
        ),
        form(
            "update voiceCallbackType tel", "update", **MINE, voiceCallbackType="tel", voiceCallbackValue="447700900999"
        ),
        form("update voiceCallbackType app", "update", **MINE, voiceCallbackType="app", voiceCallbackValue=APP),
        form("update voiceStatusCallback", "update", **MINE, voiceStatusCallback="https%3A%2F%2Fa.example%2Fs"),
        Row(
            name="a form that says it is JSON",
            ask="POST /number/update",
            who="operator",
            headers={"Content-Type": "application/json"},
            content=f"country=GB&msisdn=447700900900&app_id={OTHER}",
            status=200,
            says=OK,
        ),
        Row(
            name="JSON",
            ask="POST /number/update",
            who="operator",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content='{"country":"GB","msisdn":"447700900900","app_id":""}',
            status=200,
            says=OK,
        ),
    ],
)
@run
async def test_a_row_of_numbers(world: World, row: Row) -> None:
    world = world.with_options(number_pool=("447700900777",))
    await prove(world, row)


@run
async def test_unknown_numbers_and_foreign_applications_are_refused_with_their_words(world: World) -> None:
    async with world.operator() as client:
        unknown = await client.post("/number/cancel", data={"country": "GB", "msisdn": "447700900778"})
        foreign = await client.post("/number/update", data={**MINE, "app_id": "unknown"})
    assert (unknown.status_code, unknown.json()["error-code-label"]) == (420, "method failed")
    assert (foreign.status_code, foreign.json()["error-code-label"]) == (420, "Invalid params")


# ── 3. Account API ─────────────────────────────────────────────────────────────────────────────────────────────────

FIRST: Final = "7aa6c1f1-2222-4333-8444-955566677788"
SECRET_TYPES: Final = f"{TYPES}/account/secret-management"


def secret(name: str, value: Any, status: int = 400) -> Row:
    says = (
        {
            "type": f"{SECRET_TYPES}#validation",
            "title": "Bad Request",
            "detail": "The request failed due to secret validation errors",
            "invalid_parameters": [{"name": "secret", "reason": "Does not meet complexity requirements"}],
        }
        if status == 400
        else {}
    )
    return Row(
        name=name, ask=f"POST /accounts/{KEY}/secrets", who="operator", json={"secret": value}, status=status, says=says
    )


@table(
    "account 3",
    [
        Row(
            name="balance",
            ask="GET /account/get-balance",
            who="operator",
            status=200,
            says={"value": 0.0, "autoReload": False},
        ),
        Row(
            name="secrets",
            ask=f"GET /accounts/{KEY}/secrets",
            who="operator",
            status=200,
            says={"_links.self.href": f"/accounts/{KEY}/secrets", "_embedded.secrets.0.id": FIRST},
            lacks=["_embedded.secrets.0.secret"],
        ),
        secret("a secret", "Secret5678", 201),
        secret("7 characters", "Secre5a"),
        secret("8 characters", "Secret5a", 201),
        secret("25 characters", "Secret5a".ljust(25, "b"), 201),
        secret("26 characters", "Secret5a".ljust(26, "b")),
        secret("no lower case", "SECRET5678"),
        secret("no upper case", "secret5678"),
        secret("no digit", "SecretSecret"),
        Row(
            name="one secret",
            ask=f"GET /accounts/{KEY}/secrets/{FIRST}",
            who="operator",
            status=200,
            says={"id": FIRST, "created_at": "2026-03-02T09:14:05Z"},
            lacks=["secret"],
        ),
        Row(
            name="the last secret",
            ask=f"DELETE /accounts/{KEY}/secrets/{FIRST}",
            who="operator",
            status=403,
            says={"type": f"{SECRET_TYPES}#delete-last-secret", "title": "Secret Deletion Forbidden"},
        ),
        Row(
            name="another key",
            ask="GET /accounts/zzzz9999/secrets",
            who="operator",
            status=404,
            says={"type": f"{SECRET_TYPES}#invalid-api-key"},
        ),
        Row(
            name="another id",
            ask=f"GET /accounts/{KEY}/secrets/{LEG}",
            who="operator",
            status=404,
            says={"type": f"{SECRET_TYPES}#invalid-id"},
        ),
        Row(name="no top-up", ask="POST /account/top-up", who="operator", status=404),
        Row(name="no pricing", ask="GET /account/get-pricing/outbound/voice", who="operator", status=404),
    ],
)
@run
async def test_a_row_of_the_account(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if row.status == 201:
        assert "secret" not in answer.json()


@pytest.mark.parametrize("count", [pytest.param(2, id="account 3 at most two secrets")])
@run
async def test_a_secret_is_deleted_while_another_is_left(world: World, count: int) -> None:
    async with world.operator() as client:
        made = (await client.post(f"/accounts/{KEY}/secrets", json={"secret": "Secret5678"})).json()
        assert len((await client.get(f"/accounts/{KEY}/secrets")).json()["_embedded"]["secrets"]) == count
        third = await client.post(f"/accounts/{KEY}/secrets", json={"secret": "Secret9012"})
        assert third.status_code == 403
        assert (await client.delete(f"/accounts/{KEY}/secrets/{made['id']}")).status_code == 204
