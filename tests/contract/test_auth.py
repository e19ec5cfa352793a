"""The authentication reference, table by table: which credential where, what a refusal says, what a pattern matches.

What makes a token valid (sections 2 and 8) is in `tests/accounts/test_tokens.py`, claim by claim, and over REST in
`tests/api/test_access.py`; how webhooks are signed (section 6) in `tests/scenarios/test_payloads.py`.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.api.world import KEY, LEG, OTHER, World, run

from .rows import Row, prove, table

FILE: Final = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"
KEYED: Final = {"api_key": KEY, "api_secret": "Secret1234"}
BEARER: Final = "Bearer"
BASIC: Final = 'Basic realm="ringline"'
TYPES: Final = "https://developer.vonage.com/api-errors"


def opens(name: str, ask: str, who: str, status: int, **more: Any) -> Row:
    return Row(name=f"{name} for {who}", ask=ask, who=who, status=status, **more)


@table(
    "auth 1",
    [
        opens("Voice", "GET /v1/calls", "app", 200),
        opens("Voice", "GET /v1/calls", "operator", 401),
        opens("Voice", "GET /v1/calls", "stranger", 401),
        opens("Voice with key and secret in the query", "GET /v1/calls", "stranger", 401, query=KEYED),
        opens("Files", f"GET /v1/files/{FILE}", "app", 200),
        opens("Files", f"GET /v1/files/{FILE}", "operator", 401),
        opens("Files", f"GET /v3/files/{FILE}", "stranger", 401),
        opens("Applications", "GET /v2/applications", "operator", 200),
        opens("Applications", "GET /v2/applications", "app", 401),
        opens("Applications", "GET /v2/applications", "stranger", 401),
        opens("Applications with key and secret in the query", "GET /v2/applications", "stranger", 401, query=KEYED),
        opens("Secrets", f"GET /accounts/{KEY}/secrets", "operator", 200),
        opens("Secrets", f"GET /accounts/{KEY}/secrets", "app", 401),
        opens("Secrets", f"GET /accounts/{KEY}/secrets", "stranger", 401),
        opens("Numbers", "GET /account/numbers", "operator", 200),
        opens("Numbers with key and secret in the query", "GET /account/numbers", "stranger", 200, query=KEYED),
        opens("Numbers", "GET /account/numbers", "app", 401),
        opens("Number search in the query", "GET /number/search", "stranger", 200, query={**KEYED, "country": "GB"}),
        opens("Balance", "GET /account/get-balance", "operator", 200),
        opens("Balance with key and secret in the query", "GET /account/get-balance", "stranger", 200, query=KEYED),
        opens("Balance", "GET /account/get-balance", "app", 401),
        opens("Media", "GET /v3/media", "app", 200),
        opens("Media", "GET /v3/media", "operator", 401),
        opens("Reports are not served", "GET /v2/reports/records", "operator", 404),
    ],
)
@run
async def test_each_area_has_its_credential(world: World, row: Row) -> None:
    world.shelf.put_file(FILE, b"ID3")
    answer = await prove(world, row)
    if row.status == 401:
        voice = row.ask.startswith(("GET /v1/", "GET /v3/"))
        assert answer.headers["www-authenticate"] == (BEARER if voice else BASIC)


@table(
    "auth 3",
    [
        Row(
            name="Applications",
            ask="GET /v2/applications",
            who="stranger",
            status=401,
            says={
                "type": f"{TYPES}#unauthorized",
                "title": "Invalid credentials supplied",
                "detail": "You did not provide correct credentials.",
            },
        ),
        Row(
            name="secrets",
            ask=f"GET /accounts/{KEY}/secrets",
            who="stranger",
            status=401,
            says={"type": f"{TYPES}#unauthorized", "title": "Unauthorized"},
        ),
        Row(
            name="Numbers",
            ask="GET /account/numbers",
            who="stranger",
            status=401,
            says={"error-code": "401", "error-code-label": "authentication failed"},
        ),
        Row(
            name="Voice without a header",
            ask="GET /v1/calls",
            who="stranger",
            status=401,
            says={
                "type": "UNAUTHORIZED",
                "error_title": "Unauthorized",
                "title": "Unauthorized",
                "detail": "You did not provide a token. Please provide a valid token.",
            },
        ),
        Row(
            name="Voice malformed",
            ask="GET /v1/calls",
            who="stranger",
            headers={"Authorization": "Bearer x.y.z"},
            status=401,
            says={"detail": "You did not provide a valid token. Please provide a valid token."},
        ),
        Row(
            name="files malformed",
            ask=f"GET /v1/files/{FILE}",
            who="stranger",
            headers={"Authorization": "Bearer x.y.z"},
            status=401,
            says={"type": "UNAUTHORIZED", "error_title": "Unauthorized"},
        ),
    ],
)
@run
async def test_a_refused_credential_has_the_body_of_its_area(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if "error-code" not in answer.json():
        assert answer.json()["instance"] == answer.headers["x-nexmo-trace-id"]


@run
async def test_the_detail_of_secrets_names_the_expected_header(world: World) -> None:
    async with world.stranger() as client:
        answer = await client.get(f"/accounts/{KEY}/secrets")
    assert "Basic" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("paths", "status"),
    [
        pytest.param(paths, status, id=f"auth 4 {name}")
        for name, paths, status in (
            ("paths empty", {}, 403),
            ("all of calls", {"/*/calls/**": {}}, 200),
            ("all of calls for GET", {"/*/calls/**": {"methods": ["GET"]}}, 200),
            ("all of calls for POST", {"/*/calls/**": {"methods": ["POST"]}}, 403),
            ("methods of a rule nobody knows", {"/*/calls/**": {"methods": []}}, 403),
            ("literal", {"/v1/calls": {}}, 403),
            ("literal with a segment", {"/v1/calls/*": {}}, 200),
            ("one segment", {"/*/calls": {}}, 403),
            ("any number of segments", {"/**": {}}, 200),
            ("case", {"/*/Calls/**": {}}, 403),
            ("no wildcard inside a segment", {"/v*/calls/**": {}}, 403),
            ("unknown filters", {"/*/calls/**": {"filters": {"to": "me"}}}, 403),
            ("any entry is enough", {"/*/users/**": {}, "/*/calls/**": {"methods": ["GET"]}}, 200),
            ("files are others", {"/*/files/**": {}}, 403),
        )
    ],
)
@run
async def test_a_pattern_of_an_acl(world: World, paths: Any, status: int) -> None:
    world.calls.put(LEG)
    async with world.client(acl={"paths": paths}) as client:
        assert (await client.get(f"/v1/calls/{LEG}")).status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(path, status, id=f"auth 4 path {path.replace(LEG, 'LEG')}")
        for path, status in (
            (f"/v1/calls/{LEG}?a=b", 200),
            (f"/v1//calls/{LEG}", 404),
            (f"/v1/calls/{LEG}/", 200),
            (f"/v1/c%61lls/{LEG}", 200),
            (f"/v1/calls/%2e%2e/calls/{LEG}", 404),
        )
    ],
)
@run
async def test_a_path_is_compared_as_the_reference_says(world: World, path: str, status: int) -> None:
    world.calls.put(LEG)
    async with world.client(acl={"paths": {"/v1/calls/*": {}}}) as client:
        answer = await client.get(path)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("ask", "acl", "status"),
    [
        pytest.param(ask, acl, status, id=f"auth 5 {name}")
        for name, ask, acl, status in (
            ("calls without acl", "GET /v1/calls", None, 403),
            ("calls by a wildcard", "GET /v1/calls", {"/**": {}}, 403),
            ("calls named", "GET /v1/calls", {"/*/calls/**": {}}, 200),
            ("files without acl", f"GET /v1/files/{FILE}", None, 403),
            ("files by a wildcard", f"GET /v1/files/{FILE}", {"/*/*/*": {}}, 403),
            ("files named", f"GET /v1/files/{FILE}", {"/*/files/**": {}}, 200),
        )
    ],
)
@run
async def test_a_user_token_reaches_calls_and_files_only_where_they_are_named(
    world: World, ask: str, acl: Any, status: int
) -> None:
    world.shelf.put_file(FILE, b"ID3")
    claims: dict[str, Any] = {"sub": "alice", "acl": {"paths": acl} if acl is not None else None}
    async with world.client(**claims) as client:
        method, path = ask.split()
        assert (await client.request(method, path)).status_code == status


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(ask, id=f"auth 7 {ask[0]} {ask[1] or 'call'}")
        for ask in (
            ("GET", "", None),
            ("PUT", "", {"action": "hangup"}),
            ("PUT", "/talk", {"text": "a"}),
            ("PUT", "/stream", {"stream_url": ["https://a.example/a.mp3"]}),
            ("PUT", "/dtmf", {"digits": "1"}),
            ("DELETE", "/talk", None),
            ("PUT", "/input/dtmf", {"event_url": ["https://a.example"]}),
        )
    ],
)
@run
async def test_another_application_is_answered_as_for_a_call_that_never_was(
    world: World, ask: tuple[str, str, Any]
) -> None:
    method, path, body = ask
    world.calls.put(LEG, application=OTHER)
    async with world.client() as client:
        foreign = await client.request(method, f"/v1/calls/{LEG}{path}", json=body)
        never = await client.request(method, f"/v1/calls/{LEG[:-1]}7{path}", json=body)
    assert foreign.status_code == never.status_code == 404
    known, unknown = foreign.json(), never.json()
    assert known.pop("detail").replace(LEG, "") == unknown.pop("detail").replace(f"{LEG[:-1]}7", "")
    assert {**known, "instance": ""} == {**unknown, "instance": ""}
    assert world.calls.events == []


@run
async def test_a_filter_shows_nothing_of_another_application(world: World) -> None:
    foreign = world.record(1, application=OTHER)
    async with world.client() as client:
        found = (await client.get("/v1/calls", params={"conversation_uuid": foreign.conversation})).json()
    assert (found["count"], found["_embedded"]["calls"]) == (0, [])


@run
async def test_a_number_cannot_be_linked_to_what_is_not_the_accounts(world: World) -> None:
    form = {"country": "GB", "msisdn": "447700900900", "app_id": "99999999-2222-4333-8444-955566677788"}
    async with world.operator() as client:
        answer = await client.post("/number/update", data=form)
    assert (answer.status_code, answer.json()["error-code"]) == (420, "420")
