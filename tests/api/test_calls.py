"""`/v1/calls`: lists and pages, single calls, and what steers them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ringline.base import ConversationId
from ringline.calls.events import EarmuffAsked, Event, HangUpAsked, MuteAsked, TransferAsked
from ringline.calls.parties import Party

from .world import LEG, OTHER, START, UNKNOWN_LEG, World, run

FINAL = ("completed", "busy", "cancelled", "failed", "rejected", "timeout", "unanswered")
TRANSFER = {"action": "transfer", "destination": {"type": "ncco", "ncco": [{"action": "talk", "text": "Hi"}]}}


# ── lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@run
async def test_a_list_has_all_members_even_when_it_is_empty(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/v1/calls")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    base = "http://voice.example/v1/calls?order=asc&page_size=10"
    assert answer.json() == {
        "count": 0,
        "page_size": 10,
        "record_index": 0,
        "_embedded": {"calls": []},
        "_links": {
            "self": {"href": f"{base}&record_index=0"},
            "first": {"href": base},
            "last": {"href": f"{base}&record_index=0"},
        },
    }


@run
async def test_following_next_visits_every_call_once_and_keeps_the_filters(world: World) -> None:
    made = [world.record(number).uuid for number in range(7)]
    world.record(100, status="busy")
    seen: list[str] = []
    url: str | None = "/v1/calls/?status=completed&page_size=3&page_index=1"
    async with world.client() as client:
        while url is not None:
            page = (await client.get(url)).json()
            assert page["count"] == 7
            seen += [call["uuid"] for call in page["_embedded"]["calls"]]
            url = page["_links"].get("next", {}).get("href")
            assert url is None or parse_qs(urlsplit(url).query)["status"] == ["completed"]
        assert page["_links"]["prev"]["href"].endswith("page_size=3&status=completed&record_index=3")
    assert seen == made


@run
async def test_the_page_of_the_reference_is_written_to_the_letter(world: World) -> None:
    for number in range(3):
        world.record(number)
    world = world.with_options(public_url="https://voice.example")
    for number in range(3):
        world.record(number)
    async with world.client() as client:
        page = (await client.get("/v1/calls", params={"page_size": 2})).json()
    base = "https://voice.example/v1/calls?order=asc&page_size=2"
    assert page["_links"] == {
        "self": {"href": f"{base}&record_index=0"},
        "first": {"href": base},
        "last": {"href": f"{base}&record_index=2"},
        "next": {"href": f"{base}&record_index=2"},
    }


@run
async def test_filters_and_order_choose_the_calls(world: World) -> None:
    first, second, third = (world.record(number) for number in range(3))
    world.record(9, application=OTHER)
    world.shelf.records[second.uuid] = world.record(1, status="busy")

    async def uuids(**query: Any) -> list[str]:
        async with world.client() as client:
            answer = await client.get("/v1/calls", params=query)
        assert answer.status_code == 200, answer.text
        return [call["uuid"] for call in answer.json()["_embedded"]["calls"]]

    assert await uuids() == [first.uuid, second.uuid, third.uuid]
    assert await uuids(order="desc") == [third.uuid, second.uuid, first.uuid]
    assert await uuids(order="DESC", page_size="1", record_index="1") == [second.uuid]
    assert await uuids(status="busy") == [second.uuid]
    assert await uuids(status="") == [first.uuid, second.uuid, third.uuid]
    assert await uuids(date_start="2026-03-02T09:14:06.250Z") == [second.uuid, third.uuid]
    assert await uuids(date_end="2026-03-02T10:14:06.250+01:00") == [first.uuid, second.uuid]
    assert await uuids(date_start="2026-03-02 09:14:07") == [third.uuid]
    assert await uuids(conversation_uuid=third.conversation) == [third.uuid]
    assert await uuids(conversation_uuid="CON-of-somebody-else") == []


@run
async def test_the_plus_of_an_offset_may_get_lost_on_the_way(world: World) -> None:
    world.record(0)
    async with world.client() as client:
        page = (await client.get("/v1/calls?date_start=2026-03-02T10:14:05+01:00")).json()
    assert page["count"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "human"),
        ("status", "nonsense"),
        ("page_size", "0"),
        ("page_size", "101"),
        ("page_size", "ten"),
        ("record_index", "-1"),
        ("record_index", "99999999999999999999"),
        ("order", "up"),
        ("date_start", "yesterday"),
        ("date_start", "2026-03-02"),
        ("date_end", "2026-13-02T09:14:05Z"),
        ("date_end", "0001-01-01T00:00:00+10:00"),
    ],
)
@run
async def test_a_wrong_filter_is_refused_by_name(world: World, name: str, value: str) -> None:
    async with world.client() as client:
        answer = await client.get("/v1/calls", params={name: value})
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == [name]


# ── single calls ───────────────────────────────────────────────────────────────────────────────────────────────────


@run
async def test_a_live_call_leaves_out_what_is_not_known_yet(world: World) -> None:
    world.calls.put(LEG, from_=Party(kind="phone", address=""))
    async with world.client() as client:
        answer = await client.get(f"/v1/calls/{LEG.upper().replace('-', '')}/")
    assert answer.status_code == 200
    assert answer.json() == {
        "uuid": LEG,
        "conversation_uuid": f"CON-{LEG}",
        "status": "answered",
        "direction": "outbound",
        "to": {"type": "phone", "number": "447700900123"},
        "from": {"type": "phone", "number": "anonymous"},
        "_links": {"self": {"href": f"/v1/calls/{LEG}"}},
    }


@run
async def test_an_ended_call_has_times_and_money_as_strings(world: World) -> None:
    leg = world.record(1)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{leg.uuid}")).json()
    assert found["rate"] == found["price"] == "0.00000000"
    assert (found["duration"], found["network"]) == ("17", "23410")
    assert (found["start_time"], found["end_time"]) == ("2026-03-02T09:14:06.250Z", "2026-03-02T09:14:23.250Z")


@run
async def test_a_call_nobody_answered_has_no_start_and_no_duration(world: World) -> None:
    leg = world.record(1, status="busy", start_time=None, duration_s=0, network=None)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{leg.uuid}")).json()
    assert "start_time" not in found
    assert (found["duration"], found["network"]) == ("0", "unknown")


@run
async def test_the_php_library_always_gets_times(world: World) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{LEG}", headers={"User-Agent": "vonage-php/4.9 php/8.3"})).json()
    assert (found["start_time"], found["end_time"]) == ("2026-03-02T09:14:05.250Z", "")


@run
async def test_a_websocket_is_shown_with_its_headers_but_without_its_secrets(world: World) -> None:
    details = {"content-type": "audio/l16;rate=8000", "headers": {"a": 1}, "authorization": {"value": "secret"}}
    world.calls.put(LEG, to=Party(kind="websocket", address="wss://bot.example", details=details))
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{LEG}")).json()
    assert found["to"] == {
        "type": "websocket",
        "uri": "wss://bot.example",
        "content-type": "audio/l16;rate=8000",
        "headers": {"a": 1},
    }


@pytest.mark.parametrize("owner", ["app", "other"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("PUT", "/talk"),
        ("PUT", "/stream"),
        ("PUT", "/dtmf"),
        ("PUT", "/input/dtmf"),
        ("DELETE", "/talk"),
        ("DELETE", "/stream"),
        ("DELETE", "/input/dtmf"),
    ],
)
@run
async def test_the_call_of_another_is_as_unknown_as_one_that_never_was(
    world: World, owner: str, method: str, path: str
) -> None:
    world.calls.put(LEG, application=OTHER if owner == "app" else world.record(1).application)
    async with world.client(owner) as client:
        answers = [
            await client.request(method, f"/v1/calls/{uuid}{path}", json={"action": "hangup"})
            for uuid in (LEG, UNKNOWN_LEG, "not-a-uuid")
        ]
    for answer, uuid in zip(answers, (LEG, UNKNOWN_LEG, "not-a-uuid"), strict=True):
        assert answer.status_code == 404
        found = answer.json()
        assert (found["type"], found["title"]) == (404, "Not Found")
        assert found["detail"] == f"Call '{uuid}' does not exist, or you do not have access"
    assert world.calls.events == []


# ── live control ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("hangup", HangUpAsked(leg=LEG)),
        ("mute", MuteAsked(leg=LEG, muted=True)),
        ("unmute", MuteAsked(leg=LEG, muted=False)),
        ("earmuff", EarmuffAsked(leg=LEG, earmuffed=True)),
        ("unearmuff", EarmuffAsked(leg=LEG, earmuffed=False)),
    ],
)
@run
async def test_an_action_answers_204_without_a_body(world: World, action: str, event: Event) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}", json={"action": action})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert world.calls.events == [event]


@run
async def test_a_transfer_carries_a_script_or_a_url_and_the_url_wins(world: World) -> None:
    world.calls.put(LEG)
    destinations: list[dict[str, Any]] = [
        {"type": "ncco", "ncco": [{"action": "talk", "text": "Hi"}]},
        {"type": "ncco", "url": ["https://shop.example/next"]},
        {"url": ["https://shop.example/next"], "ncco": "nonsense"},
    ]
    async with world.client() as client:
        for destination in destinations:
            answer = await client.put(f"/v1/calls/{LEG}", json={"action": "transfer", "destination": destination})
            assert answer.status_code == 204
    first, second, third = world.calls.events
    assert isinstance(first, TransferAsked)
    assert json.loads(first.script or "")[0]["text"] == "Hi"
    assert first.url is None
    assert second == third == TransferAsked(leg=LEG, script=None, url="https://shop.example/next")


@run
async def test_a_transfer_to_an_extension_needs_the_capability(world: World) -> None:
    world.calls.put(LEG)
    script = [{"action": "connect", "endpoint": [{"type": "vbc", "extension": "12"}]}]
    request = {"action": "transfer", "destination": {"type": "ncco", "ncco": script}}
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}", json=request)
        assert answer.status_code == 400
        [fault] = answer.json()["invalid_parameters"]
        assert (fault["name"], "capability vbc" in fault["reason"]) == ("destination.ncco[0].endpoint[0]", True)
        assert world.calls.events == []
        world.allow_extensions()
        assert (await client.put(f"/v1/calls/{LEG}", json=request)).status_code == 204


@pytest.mark.parametrize(
    ("request_body", "name"),
    [
        ({}, "action"),
        ({"action": "dance"}, "action"),
        ({"action": "transfer"}, "destination"),
        ({"action": "transfer", "destination": {}}, "destination"),
        ({"action": "transfer", "destination": "x"}, "destination"),
        ({"action": "transfer", "destination": {"type": "ncco"}}, "destination"),
        ({"action": "transfer", "destination": {"url": "https://a.example"}}, "destination.url"),
        ({"action": "transfer", "destination": {"url": ["https://a.example", "https://b.example"]}}, "destination.url"),
        ({"action": "transfer", "destination": {"ncco": []}}, "destination.ncco"),
        ({"action": "transfer", "destination": {"ncco": [{"action": "talk"}]}}, "destination.ncco[0].text"),
    ],
)
@run
async def test_a_wrong_change_is_refused_by_name(world: World, request_body: Any, name: str) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}", json=request_body)
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == [name]
    assert world.calls.events == []


# ── which state allows what (section 11) ───────────────────────────────────────────────────────────────────────────

OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "get": ("GET", "", {}),
    "hangup": ("PUT", "", {"action": "hangup"}),
    "transfer": ("PUT", "", TRANSFER),
    "mute": ("PUT", "", {"action": "mute"}),
    "unmute": ("PUT", "", {"action": "unmute"}),
    "earmuff": ("PUT", "", {"action": "earmuff"}),
    "unearmuff": ("PUT", "", {"action": "unearmuff"}),
    "stream": ("PUT", "/stream", {"stream_url": ["https://a.example/a.mp3"]}),
    "talk": ("PUT", "/talk", {"text": "Hello"}),
    "dtmf": ("PUT", "/dtmf", {"digits": "1"}),
    "stop stream": ("DELETE", "/stream", {}),
    "stop talk": ("DELETE", "/talk", {}),
    "listen": ("PUT", "/input/dtmf", {"event_url": ["https://a.example/keys"]}),
    "stop listening": ("DELETE", "/input/dtmf", {}),
}
PUT_CALL = ("hangup", "transfer", "mute", "unmute", "earmuff", "unearmuff")
ONLY_ACTIVE = ("transfer", "mute", "unmute", "earmuff", "unearmuff", "stream", "talk", "dtmf")


async def _do(client: httpx.AsyncClient, operation: str) -> httpx.Response:
    method, path, content = OPERATIONS[operation]
    return await client.request(method, f"/v1/calls/{LEG}{path}", json=content)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", ["started", "ringing", "answered", "machine"])
@run
async def test_a_live_state_allows_what_the_table_says(world: World, operation: str, status: str) -> None:
    world.calls.put(LEG, status=status)
    async with world.client() as client:
        answer = await _do(client, operation)
    if status in ("started", "ringing") and operation in ONLY_ACTIVE:
        assert answer.status_code == 400
        assert answer.json()["invalid_parameters"] == [{"name": "uuid", "reason": "call is not active"}]
        assert world.calls.events == []
    else:
        assert answer.status_code == (204 if operation in PUT_CALL else 200)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", FINAL)
@run
async def test_an_ended_call_can_only_be_looked_at(world: World, operation: str, status: str) -> None:
    world.record(1, uuid=LEG, status=status, conversation=ConversationId("CON-1"), end_time=START + timedelta(hours=1))
    async with world.client() as client:
        answer = await _do(client, operation)
    if operation == "get":
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    else:
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Call '{LEG}' does not exist, or you do not have access"
    assert world.calls.events == []
