"""`/v2/applications`: the account's applications."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest

from ringline.accounts import Application
from ringline.calls.events import HangUpAsked

from .world import APP, LEG, OTHER, World, keys, run

VOICE = {
    "webhooks": {
        "answer_url": {"address": "https://desk.example/answer", "http_method": "GET"},
        "event_url": {"address": "https://desk.example/event"},
    }
}


@run
async def test_an_application_is_made_with_a_key_that_works_at_once(world: World) -> None:
    async with world.operator() as operator:
        answer = await operator.post("/v2/applications", json={"name": "New", "capabilities": {"voice": VOICE}})
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    made = answer.json()
    private = made["keys"].pop("private_key")
    assert private.startswith("-----BEGIN PRIVATE KEY-----")
    now = int(world.clock.wallclock().timestamp())
    token = jwt.encode({"application_id": made["id"], "iat": now, "jti": "1"}, private, algorithm="RS256")
    async with world.stranger(headers={"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/v1/calls")).status_code == 200
    async with world.operator() as operator:
        assert (await operator.get(f"/v2/applications/{made['id']}")).json() == made
    saved = world.shelf.applications[made["id"]]
    assert "PRIVATE" not in repr(saved)
    assert made == {
        "id": saved.id,
        "name": "New",
        "keys": {"public_key": saved.public_key},
        "privacy": {"improve_ai": False},
        "capabilities": {
            "voice": {
                "webhooks": {
                    "answer_url": {
                        "address": "https://desk.example/answer",
                        "http_method": "GET",
                        "connect_timeout": 1000,
                        "connection_timeout": 1000,
                        "socket_timeout": 5000,
                    },
                    "event_url": {
                        "address": "https://desk.example/event",
                        "http_method": "POST",
                        "connect_timeout": 1000,
                        "connection_timeout": 1000,
                        "socket_timeout": 10_000,
                    },
                },
                "signed_callbacks": True,
                "conversations_ttl": 48,
                "leg_persistence_time": 2,
            }
        },
        "_links": {"self": {"href": f"/v2/applications/{saved.id}"}},
    }


@run
async def test_a_given_key_is_kept_and_no_private_one_is_made(world: World) -> None:
    key = keys("new").public_key
    async with world.operator() as operator:
        answer = await operator.post("/v2/applications", json={"name": "New", "keys": {"public_key": key}})
    assert answer.json()["keys"] == {"public_key": key}


@run
async def test_unset_webhooks_are_shown_and_both_names_of_the_timeout_are_read(world: World) -> None:
    voice = {
        "webhooks": {
            "answer_url": {"address": ""},
            "event_url": {"address": "https://a.example", "http_method": "get", "connection_timeout": "500"},
            "fallback_answer_url": {
                "address": "https://b.example",
                "connect_timeout": 700,
                "connection_timeout": 600,
                "socket_timeout": 3000,
            },
        },
        "signed_callbacks": False,
        "region": "eu-west",
        "conversations_ttl": 0,
    }
    capabilities = {
        "voice": voice,
        "rtc": {"webhooks": {"event_url": {"address": "https://c.example"}}},
        "messages": {"version": "v1", "webhooks": {"inbound_url": {"address": "https://d.example"}}},
        "vbc": {},
    }
    async with world.operator() as operator:
        body = {"name": "New", "capabilities": capabilities, "privacy": {"improve_ai": True}}
        found = (await operator.post("/v2/applications", json=body)).json()
    hooks = found["capabilities"]["voice"]["webhooks"]
    assert hooks["answer_url"] == {"address": "", "http_method": "GET"}
    assert (hooks["event_url"]["connect_timeout"], hooks["event_url"]["http_method"]) == (500, "GET")
    assert hooks["fallback_answer_url"] == {
        "address": "https://b.example",
        "http_method": "GET",
        "connect_timeout": 700,
        "connection_timeout": 700,
        "socket_timeout": 3000,
    }
    assert found["capabilities"]["voice"]["region"] == "eu-west"
    assert found["capabilities"]["voice"]["conversations_ttl"] == 0
    assert found["capabilities"]["rtc"]["webhooks"]["event_url"]["http_method"] == "POST"
    assert found["capabilities"]["messages"] == capabilities["messages"]
    assert found["capabilities"]["vbc"] == {}
    assert found["privacy"] == {"improve_ai": True}


@run
async def test_a_list_comes_in_pages(world: World) -> None:
    async with world.operator() as operator:
        first = (await operator.get("/v2/applications", params={"page_size": 2, "size": 1})).json()
        assert (first["page"], first["page_size"], first["total_items"], first["total_pages"]) == (1, 2, 3, 2)
        assert [one["id"] for one in first["_embedded"]["applications"]] == [APP, OTHER]
        last = (await operator.get(first["_links"]["next"]["href"])).json()
    assert [one["name"] for one in last["_embedded"]["applications"]] == ["Bare"]
    base = "http://voice.example/v2/applications?page_size=2"
    assert last["_links"] == {
        "self": {"href": f"{base}&page=2"},
        "first": {"href": base},
        "last": {"href": f"{base}&page=2"},
        "prev": {"href": f"{base}&page=1"},
    }


@run
async def test_a_change_replaces_capabilities_and_keeps_the_key(world: World) -> None:
    async with world.operator() as operator:
        shown = (await operator.get(f"/v2/applications/{APP}")).json()
        shown["name"] = "Renamed"
        answer = await operator.put(f"/v2/applications/{APP}", json=shown)
        assert answer.status_code == 200
        assert answer.json() == shown
        async with world.client() as client:
            assert (await client.get("/v1/calls")).status_code == 200
        answer = await operator.put(f"/v2/applications/{APP}", json={"name": "Bare now"})
        assert answer.json()["capabilities"] == {}
    async with world.client() as client:
        assert (await client.get("/v1/calls")).status_code == 403
    assert world.shelf.applications[APP].name == "Bare now"


@run
async def test_a_new_key_makes_old_tokens_worthless(world: World) -> None:
    body = {"name": "Desk", "keys": {"public_key": keys("new").public_key}, "capabilities": {"voice": VOICE}}
    async with world.operator() as operator:
        assert (await operator.put(f"/v2/applications/{APP}", json=body)).status_code == 200
    async with world.client() as client:
        assert (await client.get("/v1/calls")).status_code == 401


@run
async def test_a_deleted_application_leaves_nothing_behind(world: World) -> None:
    world.calls.put(LEG)
    async with world.operator() as operator:
        answer = await operator.delete(f"/v2/applications/{APP}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await operator.get(f"/v2/applications/{APP}")).status_code == 404
    async with world.client() as client:
        assert (await client.get("/v1/calls")).status_code == 401
    assert world.calls.events == [HangUpAsked(leg=LEG, why="its application was deleted")]
    assert world.directory.numbers_of(APP) == ()
    assert world.shelf.numbers["447700900900"].application_id is None


@pytest.mark.parametrize(
    ("body", "name", "words"),
    [
        ({}, "name", "is required"),
        ({"name": " "}, "name", "empty"),
        ({"name": 7}, "name", "string"),
        ({"name": "x" * 256}, "name", "255"),
        ({"name": "x", "keys": {"public_key": "abc"}}, "keys.public_key", "PEM"),
        ({"name": "x", "keys": {"public_key": keys("new").private_key}}, "keys.public_key", "private key"),
        ({"name": "x", "capabilities": {"voice": 7}}, "capabilities.voice", "object"),
        ({"name": "x", "capabilities": {"vbc": {"a": 1}}}, "capabilities.vbc", "empty"),
        ({"name": "x", "capabilities": {"messages": 1}}, "capabilities.messages", "object"),
        (
            {"name": "x", "capabilities": {"voice": {"webhooks": {"answer_url": {"address": "nowhere"}}}}},
            "capabilities.voice.webhooks.answer_url.address",
            "absolute",
        ),
        (
            {
                "name": "x",
                "capabilities": {
                    "voice": {"webhooks": {"answer_url": {"address": "https://a.example", "http_method": "PUT"}}}
                },
            },
            "capabilities.voice.webhooks.answer_url.http_method",
            "must be one of: GET, POST",
        ),
        (
            {
                "name": "x",
                "capabilities": {
                    "voice": {"webhooks": {"answer_url": {"address": "https://a.example", "socket_timeout": 5001}}}
                },
            },
            "capabilities.voice.webhooks.answer_url.socket_timeout",
            "from 1000 to 5000",
        ),
        ({"name": "x", "capabilities": {"voice": {"region": "moon"}}}, "capabilities.voice.region", "one of"),
    ],
)
@run
async def test_a_wrong_application_is_refused_by_name(world: World, body: Any, name: str, words: str) -> None:
    async with world.operator() as operator:
        answers = [
            await operator.post("/v2/applications", json=body),
            await operator.put(f"/v2/applications/{APP}", json=body),
        ]
    for answer in answers:
        assert answer.status_code == 400
        found = answer.json()
        assert found["type"] == "https://developer.vonage.com/api-errors/application#payload-validation"
        [fault] = found["invalid_parameters"]
        assert fault["name"] == name
        assert words in fault["reason"]
    assert world.shelf.applications == {}


@run
async def test_other_refusals_have_the_types_of_this_api(world: World) -> None:
    async with world.operator() as operator:
        answer = await operator.get("/v2/applications", params={"page_size": 1001})
        assert answer.status_code == 400
        assert answer.json()["type"].endswith("/api-errors/application#list-validation")
        answer = await operator.get("/v2/applications/none")
        assert answer.status_code == 404
        assert answer.json()["type"] == "https://developer.vonage.com/api-errors#not-found"
        assert answer.json()["detail"] == "ID 'none' does not exist, or you do not have access"
        answer = await operator.post("/v2/applications", headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        wrong = await operator.get("/v2/applications", auth=("abcd1234", "Secret123"))
        unknown = await operator.get("/v2/applications", auth=("abcd9999", "Secret1234"))
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert wrong.json()["detail"] == unknown.json()["detail"]


@run
async def test_an_empty_body_lacks_its_name(world: World) -> None:
    async with world.operator() as operator:
        answer = await operator.post("/v2/applications", content=b"", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == ["name"]


@run
async def test_a_change_on_its_way_does_not_bring_back_a_deleted_application(world: World) -> None:
    saving, may_go_on = asyncio.Event(), asyncio.Event()
    save = world.shelf.save_application

    async def slow(application: Application) -> None:
        saving.set()
        await may_go_on.wait()
        await save(application)

    world.shelf.save_application = slow  # type: ignore[method-assign]
    async with world.operator() as operator:
        change = asyncio.create_task(operator.put(f"/v2/applications/{APP}", json={"name": "Late"}))
        await saving.wait()
        deletion = asyncio.create_task(operator.delete(f"/v2/applications/{APP}"))
        await asyncio.sleep(0)
        may_go_on.set()
        assert [(await change).status_code, (await deletion).status_code] == [200, 204]
        assert (await operator.get(f"/v2/applications/{APP}")).status_code == 404
    assert APP not in world.shelf.applications
