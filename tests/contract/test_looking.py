"""Lists of calls and single ones (REST reference, sections 4 and 5), row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from tests.api.world import LEG, World, run

from .rows import Row, prove, table
from .voice import FROM, L16, PHONE, SOCKET

# ── 4. GET /v1/calls ───────────────────────────────────────────────────────────────────────────────────────────────

LISTED: Final = ("started", "ringing", "answered", "machine", "completed", "busy", "cancelled", "failed", "rejected")
FINAL: Final = ("timeout", "unanswered")


def listing(name: str, status: int = 200, *, fault: str = "", **query: str) -> Row:
    return Row(name=name, ask="GET /v1/calls", query=query, status=status, fault=fault, leg="")


@table(
    "rest-api 4.1",
    [
        *(
            Row(name=f"status {status}", ask="GET /v1/calls", query={"status": status}, status=200, leg="")
            for status in (*LISTED, *FINAL)
        ),
        Row(name="status human", ask="GET /v1/calls", query={"status": "human"}, status=400, fault="status"),
        listing("date_start with Z", date_start="2026-03-02T09:14:05Z"),
        listing("date_start with offset", date_start="2026-03-02T10:14:05+01:00"),
        listing("date_start with fraction", date_start="2026-03-02T09:14:05.250Z"),
        listing("date_start spaced", date_start="2026-03-02 09:14:05"),
        listing("date_start else", 400, date_start="yesterday", fault="date_start"),
        listing("date_end with Z", date_end="2026-03-02T09:14:05Z"),
        listing("date_end else", 400, date_end="2026-03-02", fault="date_end"),
        listing("page_size 1", page_size="1"),
        listing("page_size 100", page_size="100"),
        listing("page_size 0", 400, page_size="0", fault="page_size"),
        listing("page_size 101", 400, page_size="101", fault="page_size"),
        listing("record_index 0", record_index="0"),
        listing("record_index -1", 400, record_index="-1", fault="record_index"),
        listing("order asc", order="asc"),
        listing("order desc", order="desc"),
        listing("order in the words of the Ruby library", order="descending"),
        listing("order up", 400, order="up", fault="order"),
        listing("conversation_uuid", conversation_uuid="CON-0f0e0d0c-1111-4222-8333-944455566677"),
    ],
)
@run
async def test_a_parameter_of_the_list(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_both_bounds_of_time_are_inclusive_and_the_index_counts_records(world: World) -> None:
    made = [world.record(number) for number in range(7)]
    when = [one.created_at.isoformat().replace("+00:00", "Z") for one in made]
    async with world.client() as client:
        inside = await client.get("/v1/calls", params={"date_start": when[1], "date_end": when[4]})
        assert inside.json()["count"] == 4
        part = (await client.get("/v1/calls", params={"record_index": 5, "page_size": 2})).json()
        assert [one["uuid"] for one in part["_embedded"]["calls"]] == [made[5].uuid, made[6].uuid]


@table(
    "rest-api 4.2",
    [
        Row(name="count", ask="GET /v1/calls", query={"page_size": "2"}, status=200, says={"count": 5}),
        Row(name="page_size", ask="GET /v1/calls", query={"page_size": "2"}, status=200, says={"page_size": 2}),
        Row(name="page_size default", ask="GET /v1/calls", status=200, says={"page_size": 10, "record_index": 0}),
        Row(
            name="record_index", ask="GET /v1/calls", query={"record_index": "3"}, status=200, says={"record_index": 3}
        ),
        Row(
            name="links",
            ask="GET /v1/calls",
            query={"page_size": "2", "order": "asc"},
            status=200,
            says={
                "_links.self.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=0",
                "_links.first.href": "http://voice.example/v1/calls?order=asc&page_size=2",
                "_links.next.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=2",
                "_links.last.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=4",
            },
            lacks=["_links.prev"],
        ),
        Row(
            name="no next at the end",
            ask="GET /v1/calls",
            query={"page_size": "2", "record_index": "4"},
            status=200,
            says={"_links.prev.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=2"},
            lacks=["_links.next"],
        ),
        Row(
            name="filters in the links",
            ask="GET /v1/calls",
            query={"page_size": "1", "status": "completed"},
            status=200,
            says={
                "_links.next.href": "http://voice.example/v1/calls?order=asc&page_size=1&status=completed&record_index=1"
            },
        ),
        Row(
            name="nothing found",
            ask="GET /v1/calls",
            query={"status": "busy"},
            status=200,
            says={"count": 0, "_embedded.calls": []},
            lacks=["_links.next", "_links.prev"],
        ),
    ],
)
@run
async def test_a_member_of_the_page(world: World, row: Row) -> None:
    for number in range(5):
        world.record(number)
    await prove(world, replace(row, leg=""))


# ── 5. GET /v1/calls/{uuid} ────────────────────────────────────────────────────────────────────────────────────────

ALWAYS: Final = ("uuid", "conversation_uuid", "status", "direction", "to", "from", "_links.self.href")
WHEN_ENDED: Final = ("start_time", "end_time", "duration", "rate", "price", "network")


@table(
    "rest-api 5.1",
    [
        *(
            Row(name=f"{name} of a live call", ask="GET /v1/calls/{leg}", status=200, lacks=[name])
            for name in WHEN_ENDED
        ),
        Row(
            name="a live call",
            ask="GET /v1/calls/{leg}",
            status=200,
            says={
                "uuid": LEG,
                "conversation_uuid": f"CON-{LEG}",
                "status": "answered",
                "direction": "outbound",
                "to": PHONE,
                "from": FROM,
                "_links.self.href": f"/v1/calls/{LEG}",
            },
        ),
    ],
)
@run
async def test_a_field_of_a_live_call(world: World, row: Row) -> None:
    await prove(world, row)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"rest-api 5.1 {name} of an ended call")
        for name, value in {
            "uuid": "5a6b7c8d-1111-4222-8333-000000000001",
            "conversation_uuid": "CON-5a6b7c8d-1111-4222-8333-000000000001",
            "status": "completed",
            "direction": "outbound",
            "to": PHONE,
            "from": FROM,
            "_links": {"self": {"href": "/v1/calls/5a6b7c8d-1111-4222-8333-000000000001"}},
            "start_time": "2026-03-02T09:14:06.250Z",
            "end_time": "2026-03-02T09:14:23.250Z",
            "duration": "17",
            "rate": "0.00000000",
            "price": "0.00000000",
            "network": "23410",
        }.items()
    ],
)
@run
async def test_a_field_of_an_ended_call(world: World, name: str, value: Any) -> None:
    record = world.record(1)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{record.uuid}")).json()
    assert found[name] == value


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        pytest.param(shown, shown, id=f"rest-api 5.1 shape of {shown['type']}")
        for shown in (
            {"type": "phone", "number": "447700900123"},
            {"type": "phone", "number": "anonymous"},
            {"type": "sip", "uri": "sip:bob@example.com"},
            {"type": "websocket", "uri": SOCKET, "content-type": L16, "headers": {"a": 1}},
            {"type": "app", "user": "alice"},
            {"type": "vbc", "extension": "123"},
        )
    ],
)
@run
async def test_the_far_ends_of_a_call_are_objects(world: World, kind: Any, shown: Any) -> None:
    record = world.record(1, to=kind, from_=kind)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{record.uuid}")).json()
    assert (found["to"], found["from"]) == (shown, shown)


@run
async def test_the_network_of_a_call_that_has_none_is_unknown(world: World) -> None:
    record = world.record(1, network=None)
    async with world.client() as client:
        assert (await client.get(f"/v1/calls/{record.uuid}")).json()["network"] == "unknown"
