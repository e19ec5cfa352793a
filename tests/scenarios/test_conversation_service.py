"""Conversations made and steered by REST: members that are called, events that act, pages, and who may do what."""

from __future__ import annotations

from typing import Any

import httpx

from ringline.base import ConversationId, LegId
from ringline.testing import Phones, Switchboard, WebApplication, conversation, scenario, talk, wait

BASIC = "Basic YWJjZDEyMzQ6c2VjcmV0"
"The account's key and secret."


def client(board: Switchboard, app: WebApplication, **claims: Any) -> httpx.AsyncClient:
    """A client with a token of the application."""
    token = app.token(**claims)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(board.rest.app),
        base_url="https://voice.example",
        headers={"Authorization": f"Bearer {token}"},
    )


async def user(rest: httpx.AsyncClient, name: str) -> str:
    made = await rest.post("/v1/users", json={"name": name})
    assert made.status_code == 201, made.text
    identity: str = made.json()["id"]
    return identity


def member_to(number: str, name: str, **more: Any) -> dict[str, Any]:
    """The body that calls somebody into a conversation."""
    return {
        "state": "joined",
        "user": {"name": name},
        "channel": {"type": "phone", "to": {"type": "phone", "number": number}, "from": {"type": "phone"}},
        "media": {"audio": True, **more},
    }


async def types(rest: httpx.AsyncClient, room: str, **query: Any) -> list[str]:
    answer = await rest.get(f"/v1/conversations/{room}/events", params={"page_size": 100, **query})
    assert answer.status_code == 200, answer.text
    return [event["type"] for event in answer.json()["_embedded"]]


@scenario
async def test_a_conversation_is_made_changed_listed_and_deleted(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        made = await rest.post(
            "/v1/conversations",
            json={"name": "support", "display_name": "Support", "properties": {"ttl": 60, "custom_data": {"a": 1}}},
        )
        assert made.status_code == 201
        body = made.json()
        room = body["id"]
        assert room.startswith("CON-")
        assert body["state"] == "ACTIVE"
        assert body["sequence_number"] == 1
        assert body["_links"]["self"]["href"] == f"https://voice.example/v1/conversations/{room}"
        assert (await rest.get(f"/v1/conversations/{room}")).json() == body
        again = await rest.post("/v1/conversations", json={"name": "support"})
        assert (again.status_code, again.json()["code"]) == (409, "conversation:error:duplicate-name")
        changed = await rest.put(f"/v1/conversations/{room}", json={"name": "help", "properties": {"ttl": 90}})
        assert (changed.json()["name"], changed.json()["display_name"]) == ("help", None)
        listed = (await rest.get("/v1/conversations")).json()
        assert [one["id"] for one in listed["_embedded"]["conversations"]] == [room]
        assert set(listed["_links"]) == {"first", "self"}
        assert await types(rest, room) == ["conversation:created", "conversation:updated"]
        assert (await rest.delete(f"/v1/conversations/{room}")).status_code == 204
        gone = await rest.get(f"/v1/conversations/{room}")
        assert (gone.status_code, gone.json()["code"]) == (404, "conversation:error:not-found")
        assert (await rest.post("/v1/conversations", json={"name": "help"})).status_code == 201


@scenario
async def test_an_empty_conversation_is_deleted_when_its_time_is_over(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        room = (await rest.post("/v1/conversations", json={"properties": {"ttl": 100}})).json()["id"]
        kept = (await rest.post("/v1/conversations", json={})).json()
        assert kept["name"].startswith("NAM-")
        await board.passes(90)
        assert (await rest.get(f"/v1/conversations/{room}")).status_code == 200
        await board.passes(30)
        assert (await rest.get(f"/v1/conversations/{room}")).status_code == 404
        assert (await rest.get(f"/v1/conversations/{kept['id']}")).status_code == 200


@scenario
async def test_a_member_with_a_phone_is_called_and_joins_the_callers_of_a_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    async with client(board, app) as rest:
        room = (await rest.post("/v1/conversations", json={"name": "standup"})).json()["id"]
        await alice.dials(app.number)
        await app.hears_of("answered", alice.leg)
        await user(rest, "bob")
        answer = await rest.post(f"/v1/conversations/{room}/members", json=member_to(bob.number, "bob"))
        assert answer.status_code == 201, answer.text
        member = answer.json()
        assert member["state"] == "INVITED"
        assert member["_embedded"]["user"]["name"] == "bob"
        await bob.rings()
        await bob.answers()
        assert await alice.can_talk_with(bob)
        joined = (await rest.get(f"/v1/conversations/{room}/members/{member['id']}")).json()
        assert joined["state"] == "JOINED"
        assert joined["media"]["audio"] is True
        assert joined["channel"]["to"] == {"type": "phone", "number": bob.number}
        left = await rest.patch(
            f"/v1/conversations/{room}/members/{member['id']}",
            json={"state": "left", "reason": {"code": "1", "text": "thanks"}},
        )
        assert (left.status_code, left.json()["state"]) == (200, "LEFT")
        await bob.is_hung_up()
        again = await rest.patch(f"/v1/conversations/{room}/members/{member['id']}", json={"state": "joined"})
        assert (again.status_code, again.json()["code"]) == (400, "conversation:error:invalid-member-state")
        assert "member:left" in await types(rest, room, event_type="member:*")
        alice.hangs_up()
        await board.over()
        assert (await rest.get(f"/v1/conversations/{room}")).json()["state"] == "INACTIVE"


@scenario
async def test_posted_events_speak_mute_and_record(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    room = app.call(alice.leg).conversation_uuid
    async with client(board, app) as rest:
        events = f"/v1/conversations/{room}/events"
        said = await rest.post(events, json={"type": "audio:say", "body": {"text": "Good morning"}})
        assert said.status_code == 201, said.text
        assert isinstance(said.json()["id"], int)
        assert said.json()["body"]["say_id"]
        await alice.hears("Good morning")
        await bob.hears("Good morning")
        first = await rest.post(events, json={"type": "audio:say", "body": {"text": "One " * 30, "queue": True}})
        await rest.post(events, json={"type": "audio:say", "body": {"text": "Second one", "queue": True}})
        stop = await rest.post(
            events, json={"type": "audio:say:stop", "body": {"say_id": first.json()["body"]["say_id"]}}
        )
        assert stop.json()["type"] == "audio:say:stop"
        await bob.hears("Second one")
        muted = await rest.post(events, json={"type": "audio:mute:on", "body": {"rtc_id": alice.leg}})
        assert muted.json()["body"] == {"rtc_id": alice.leg}
        assert not bob.can_hear(alice)
        recorded = await rest.post(events, json={"type": "audio:record", "body": {"format": "wav"}})
        recording = recorded.json()["body"]["recording_id"]
        await board.passes(2)
        await rest.post(events, json={"type": "audio:record:stop", "body": {"record_id": recording}})
        await board.passes(2)
        text = await rest.post(events, json={"type": "message", "body": {"message_type": "text", "text": "hello"}})
        custom = await rest.post(events, json={"type": "custom:game", "body": {"move": 4}})
        assert custom.json()["id"] == text.json()["id"] + 1
        gone = await rest.delete(f"{events}/{text.json()['id']}")
        assert gone.status_code == 204
        assert (await rest.get(f"{events}/{text.json()['id']}")).json()["body"] == {}
        told = await types(rest, str(room))
        for wanted in ("audio:say:done", "audio:say:stop", "member:media", "audio:record:done", "event:delete"):
            assert wanted in told
        ids = [entry.id for entry in board.store.events_of(ConversationId(str(room)))]
        assert ids == list(range(1, len(ids) + 1))
    alice.hangs_up()
    bob.hangs_up()
    await board.over()


@scenario
async def test_bad_events_name_what_is_wrong(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    async with client(board, app) as rest:
        room = (await rest.post("/v1/conversations", json={})).json()["id"]
        events = f"/v1/conversations/{room}/events"
        for body, name in (
            ({}, "type"),
            ({"type": "member:joined"}, "type"),
            ({"type": "custom:" + "x" * 100}, "type"),
            ({"type": "custom:a b"}, "type"),
            ({"type": "custom:a", "body": {"x": "y" * 5000}}, "body"),
            ({"type": "custom:a", "body": []}, "body"),
            ({"type": "audio:say", "body": {}}, "body.text"),
            ({"type": "audio:say", "body": {"text": "a", "level": 3}}, "body.level"),
            ({"type": "audio:mute:on", "body": {"rtc_id": "no"}}, "body.rtc_id"),
            ({"type": "audio:play", "body": {"stream_url": ["ftp://a"]}}, "body.stream_url"),
            ({"type": "audio:dtmf", "body": {"digit": "x"}}, "body.digit"),
            ({"type": "message", "from": "MEM-unknown", "body": {}}, "from"),
        ):
            answer = await rest.post(events, json=body)
            assert answer.status_code == 400, body
            problem = answer.json()
            assert problem["code"] == "http:error:validation-fail"
            assert [one["name"] for one in problem["invalid_parameters"]] == [name], body
            assert list(problem["error"]) == [name]
        missing = await rest.post(events, json={"type": "audio:mute:on", "body": {"rtc_id": LegId("0" * 32)}})
        assert (missing.status_code, missing.json()["code"]) == (404, "leg:error:not-found")


@scenario
async def test_pages_follow_each_other_by_signed_cursors(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        room = (await rest.post("/v1/conversations", json={})).json()["id"]
        for number in range(6):
            await rest.post(f"/v1/conversations/{room}/events", json={"type": "custom:n", "body": {"n": number}})
        for order in ("asc", "DESC"):
            seen: list[int] = []
            page = (await rest.get(f"/v1/conversations/{room}/events", params={"page_size": 3, "order": order})).json()
            pages = [page]
            while "next" in page["_links"]:
                page = (await rest.get(page["_links"]["next"]["href"])).json()
                pages.append(page)
            for one in pages:
                seen += [event["id"] for event in one["_embedded"]]
            assert seen == (list(range(1, 8)) if order == "asc" else list(range(7, 0, -1)))
            back = (await rest.get(pages[-1]["_links"]["prev"]["href"])).json()
            assert back["_embedded"] == pages[-2]["_embedded"]
            assert "prev" not in pages[0]["_links"]
        cursor = httpx.URL(pages[0]["_links"]["next"]["href"]).params["cursor"]
        for foreign in (cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "x", "ä", cursor * 20):
            answer = await rest.get(f"/v1/conversations/{room}/events", params={"cursor": foreign, "order": "desc"})
            assert (answer.status_code, answer.json()["code"]) == (400, "paginator-builder:error:invalid-cursor")
        elsewhere = await rest.get("/v1/conversations", params={"cursor": cursor, "order": "desc"})
        assert elsewhere.status_code == 400


@scenario
async def test_nothing_of_one_application_is_seen_by_another(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    other = board.application("other")
    async with client(board, app) as mine, client(board, other) as theirs:
        room = (await mine.post("/v1/conversations", json={"name": "secret"})).json()["id"]
        identity = await user(mine, "jamie")
        unknown = "CON-00000000-0000-4000-8000-000000000000"
        for method, path in (
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("GET", "/members"),
            ("GET", "/events"),
            ("POST", "/events"),
            ("PUT", "/talk"),
            ("PUT", "/record"),
        ):
            body: dict[str, Any] = {"type": "custom:a", "text": "a", "action": "start"}
            answers = [
                await theirs.request(method, f"/v1/conversations/{one}{path}", json=body) for one in (room, unknown)
            ]
            shown = [{**answer.json(), "instance": ""} for answer in answers]
            assert [answer.status_code for answer in answers] == [404, 404], path
            assert shown[0] == shown[1]
        assert (await theirs.get(f"/v1/users/{identity}")).status_code == 404
        assert (await theirs.post("/v1/conversations", json={"name": "secret"})).status_code == 201
        assert (await theirs.get("/v1/conversations")).json()["_embedded"]["conversations"][0]["id"] != room


@scenario
async def test_a_user_token_acts_as_its_user_and_only_where_it_is_a_member(
    app: WebApplication, board: Switchboard
) -> None:
    async with client(board, app) as rest, client(board, app, sub="jamie") as stranger:
        assert (await stranger.get("/v1/users/me")).status_code == 401  # there is no such user yet
        jamie, _robin = await user(rest, "jamie"), await user(rest, "robin")
        room = (await rest.post("/v1/conversations", json={})).json()["id"]
        hidden = (await rest.post("/v1/conversations", json={})).json()["id"]
        app_channel = {"type": "app", "to": {"type": "app", "user": "jamie"}, "from": {"type": "app"}}
        invited = await rest.post(
            f"/v1/conversations/{room}/members",
            json={"state": "invited", "user": {"id": jamie}, "channel": app_channel, "media": {"audio": True}},
        )
        assert (invited.status_code, invited.json()["state"]) == (201, "INVITED")
        async with client(board, app, sub="jamie") as mine:
            assert (await mine.get("/v1/users/me")).json()["id"] == jamie
            assert (await mine.get("/v1/users/robin")).status_code == 403
            assert (await mine.get("/v1/users")).status_code == 403
            assert (await mine.get("/v1/conversations")).status_code == 403
            assert (await mine.post("/v1/users", json={})).json()["code"] == "system:error:permission"
            assert (await mine.get(f"/v1/conversations/{hidden}")).status_code == 403
            me = await mine.get(f"/v1/conversations/{room}/members/me")
            assert me.json()["id"] == invited.json()["id"]
            joined = await mine.patch(f"/v1/conversations/{room}/members/me", json={"state": "joined"})
            assert joined.json()["state"] == "JOINED"
            assert joined.json()["initiator"]["joined"]["user_id"] == jamie
            posted = await mine.post(
                f"/v1/conversations/{room}/events", json={"type": "message", "body": {"text": "hi"}}
            )
            assert posted.json()["from"] == me.json()["id"]
            assert posted.json()["_embedded"]["from_user"]["name"] == "jamie"
            forged = await mine.post(
                f"/v1/conversations/{room}/events", json={"type": "message", "from": "MEM-x", "body": {}}
            )
            assert forged.status_code == 403
        memberships = (await rest.get(f"/v1/users/{jamie}/conversations", params={"state": "JOINED"})).json()
        assert [one["_embedded"]["state"] for one in memberships["_embedded"]["conversations"]] == ["JOINED"]
        assert (await rest.get(f"/v1/users/{jamie}/sessions")).json()["_embedded"] == {"sessions": []}


@scenario
async def test_a_call_can_be_read_as_a_conversation_after_it_has_ended(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Welcome."), wait(5))
    await alice.dials(app.number)
    await alice.hears("Welcome")
    room = app.call(alice.leg).conversation_uuid
    async with client(board, app) as rest:
        live = (await rest.get(f"/v1/conversations/{room}")).json()
        assert (live["state"], live["properties"]) == ("ACTIVE", {"ttl": 172800, "video": False})
        await board.over()
        over = (await rest.get(f"/v1/conversations/{room}")).json()
        assert over["state"] == "DELETED"
        assert over["timestamp"]["destroyed"] is not None
        members = (await rest.get(f"/v1/conversations/{room}/members")).json()["_embedded"]["members"]
        assert [one["state"] for one in members] == ["LEFT"]
        caller = members[0]["_embedded"]["user"]
        assert caller["name"] == caller["id"]
        assert (await rest.get(f"/v1/users/{caller['id']}")).json()["name"] == caller["id"]
        assert await types(rest, str(room), event_type="audio:*") == ["audio:say", "audio:say:done"]
        assert over["sequence_number"] == len(await types(rest, str(room)))
        legs = (await rest.get("/v0.1/legs")).json()
        assert [leg["uuid"] for leg in legs["_embedded"]["legs"]] == [alice.leg]


@scenario
async def test_older_versions_have_their_own_shapes(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        old = await rest.post("/v0.1/conversations", json={"name": "old"})
        assert old.status_code == 200
        assert set(old.json()) == {"id", "href"}
        room = old.json()["id"]
        shown = (await rest.get(f"/v0.1/conversations/{room}")).json()
        assert (shown["uuid"], shown["numbers"], shown["members"]) == (room, {}, [])
        user_id = (await rest.post("/v0.1/users", json={"name": "jamie"})).json()["id"]
        body = {"action": "join", "user_id": user_id, "channel": {"type": "app"}}
        member = (await rest.post(f"/v0.1/conversations/{room}/members", json=body)).json()
        assert (member["user_id"], member["state"]) == (user_id, "joined")
        posted = await rest.post(f"/v0.1/conversations/{room}/events", json={"type": "text", "body": {"text": "hi"}})
        assert set(posted.json()) == {"id", "timestamp", "href"}
        listed = (await rest.get("/v0.2/conversations")).json()
        assert [one["id"] for one in listed["_embedded"]["data"]["conversations"]] == [room]
        changed = await rest.put(f"/v0.1/conversations/{room}/members/{member['id']}", json={"action": "leave"})
        assert changed.json()["state"] == "left"
        assert (await rest.delete(f"/v0.1/conversations/{room}")).json() == {}
        assert (await rest.get("/beta/conversations")).status_code == 404


@scenario
async def test_the_oldest_version_pages_by_index(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        for number in range(5):
            await rest.post("/v0.1/conversations", json={"name": f"room {number}"})
            await board.passes(1)
        seen, url, counts = [], "/v0.1/conversations?page_size=2&date_start=2020-01-01T00:00:00Z", []
        while url:
            page = (await rest.get(url)).json()
            counts.append((page["count"], page["record_index"], page["page_size"]))
            seen += [one["name"] for one in page["_embedded"]["conversations"]]
            url = page["_links"].get("next", {}).get("href", "")
        assert seen == [f"room {number}" for number in range(5)]
        assert counts == [(5, 0, 2), (5, 2, 2), (5, 4, 2)]
        before = page["_links"]["prev"]["href"]
        assert (await rest.get(before)).json()["record_index"] == 2
        last = (await rest.get("/v0.1/conversations", params={"order": "DESC", "page_size": 1})).json()
        assert last["_embedded"]["conversations"][0]["name"] == "room 4"
        beyond = (await rest.get("/v0.1/conversations", params={"record_index": 70})).json()
        assert (beyond["count"], beyond["_embedded"]["conversations"]) == (5, [])
        wrong = await rest.get("/v0.1/conversations", params={"record_index": "-1"})
        assert wrong.json()["invalid_parameters"][0]["name"] == "record_index"


@scenario
async def test_muting_twice_is_told_once_unless_it_is_posted(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    room = str(app.call(alice.leg).conversation_uuid)
    async with client(board, app) as rest:
        for action in ("mute", "mute", "unmute", "unmute", "earmuff", "earmuff"):
            assert (await rest.put(f"/v1/calls/{alice.leg}", json={"action": action})).status_code == 204
        wanted = ["audio:mute:on", "audio:mute:off", "audio:earmuff:on"]
        assert await types(rest, room, event_type="audio:mute:*,audio:earmuff:*") == wanted
        again = {"type": "audio:earmuff:on", "body": {"rtc_id": alice.leg}}
        assert (await rest.post(f"/v1/conversations/{room}/events", json=again)).status_code == 201
    alice.hangs_up()
    await board.over()


@scenario
async def test_who_has_left_a_conversation_leaves_it_to_be_looked_at_and_deleted(
    app: WebApplication, board: Switchboard
) -> None:
    async with client(board, app) as rest:
        await user(rest, "jamie")
        room = (await rest.post("/v1/conversations", json={"name": "huddle"})).json()["id"]
        path = f"/v1/conversations/{room}"
        body = {"state": "joined", "user": {"name": "jamie"}, "channel": {"type": "app"}}
        member = (await rest.post(f"{path}/members", json=body)).json()
        assert (await rest.patch(f"{path}/members/{member['id']}", json={"state": "left"})).status_code == 200
        assert (await rest.get(path)).json()["state"] == "INACTIVE"
        for method, below in (("PUT", ""), ("POST", "/members"), ("POST", "/events"), ("PUT", "/talk")):
            sent = {**body, "type": "message", "text": "hello"}
            refused = await rest.request(method, path + below, json=sent)
            assert (refused.status_code, refused.json()["code"]) == (400, "conversation:error:not-allowed"), below
        for state in ("joined", "left"):
            refused = await rest.patch(f"{path}/members/{member['id']}", json={"state": state})
            assert (refused.status_code, refused.json()["code"]) == (400, "conversation:error:invalid-member-state")
        assert (await rest.get(f"{path}/members")).status_code == 200
        assert (await rest.delete(path)).status_code == 204


@scenario
async def test_a_user_is_changed_member_by_member(app: WebApplication, board: Switchboard) -> None:
    about = {"display_name": "Jamie", "image_url": "https://example.com/j.png", "channels": {"pstn": [{"number": 44}]}}
    async with client(board, app) as rest:
        made = (await rest.post("/v1/users", json={"name": "jamie", **about})).json()
        path = f"/v1/users/{made['id']}"
        changed = (await rest.patch(path, json={"display_name": None, "properties": {"custom_data": {"a": 1}}})).json()
        assert "display_name" not in changed
        assert (changed["image_url"], changed["channels"]) == (about["image_url"], about["channels"])
        assert changed["properties"] == {"custom_data": {"a": 1}}
        replaced = (await rest.put(path, json={"display_name": "J."})).json()
        assert (replaced["name"], replaced["display_name"]) == ("jamie", "J.")
        assert (replaced["channels"], "image_url" in replaced) == ({}, False)


@scenario
async def test_the_users_api_has_one_refusal_for_what_is_not_json(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        answers = [
            await rest.post("/v1/users", content=b"name=jamie", headers={"content-type": "text/plain"}),
            await rest.get("/v1/users", headers={"accept": "text/html"}),
        ]
        other = await rest.post("/v1/conversations", content=b"name=x", headers={"content-type": "text/plain"})
    for answer in answers:
        body = answer.json()
        assert (answer.status_code, body["code"]) == (406, "http:error:validation-fail")
        assert (body["title"], body["detail"]) == ("Bad request.", "Invalid Content-Type.")
    assert (other.status_code, other.json()["code"]) == (415, "http:error:unsupported-media-type")


@scenario
async def test_users_and_conversations_go_with_their_application(app: WebApplication, board: Switchboard) -> None:
    other = board.application("other")
    async with client(board, app) as rest, client(board, other) as theirs:
        await user(rest, "jamie")
        await user(theirs, "robin")
        room = ConversationId((await rest.post("/v1/conversations", json={"name": "huddle"})).json()["id"])
        gone = await rest.delete(f"/v2/applications/{app.id}", headers={"Authorization": BASIC})
        assert gone.status_code == 204
        assert (await rest.get("/v1/users")).status_code == 401
        assert [one.name for one in board.store.saved_users.values()] == ["robin"]
        assert board.store.conversation_records[room].state == "DELETED"
        assert [one["name"] for one in (await theirs.get("/v1/users")).json()["_embedded"]["users"]] == ["robin"]


@scenario
async def test_an_empty_conversation_is_recorded_from_when_somebody_comes(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup"))
    async with client(board, app) as rest:
        room = (await rest.post("/v1/conversations", json={"name": "standup"})).json()["id"]
        path = f"/v1/conversations/{room}/record"
        starts, stops = {"action": "start", "format": "wav"}, {"action": "stop"}
        assert [(await rest.put(path, json=one)).status_code for one in (starts, starts, stops, stops)] == [
            *(200, 400, 200, 400)
        ]
        assert not board.recordings.made
        assert (await rest.put(path, json=starts)).status_code == 200
        await board.passes(60)
        await alice.dials(app.number)
        await alice.says("Is anybody here?")
        await board.passes(1)
        assert (await rest.put(path, json=stops)).status_code == 200
        await board.passes(1)
    (made,) = board.recordings.made
    assert made.texts() == ["Is anybody here?"]
    alice.hangs_up()
    await board.over()


@scenario
async def test_what_is_said_in_a_pause_is_in_no_recording(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup", record=True))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    room = app.call(alice.leg).conversation_uuid
    async with client(board, app) as rest:
        path = f"/v1/conversations/{room}/record"
        started = await rest.put(path, json={"action": "start", "format": "wav"})
        assert started.status_code == 200
        await alice.says("My card is")
        for action in ("pause", "pause"):  # twice is no error
            assert (await rest.put(path, json={"action": action})).status_code == 200
        await alice.says("four one one one")
        assert (await rest.put(path, json={"action": "RESUME"})).status_code == 200
        await alice.says("thank you")
        alice.hangs_up()
        await board.passes(2)
        empty = (await rest.post("/v1/conversations", json={})).json()["id"]
        nothing = await rest.put(f"/v1/conversations/{empty}/record", json={"action": "pause"})
        assert (nothing.status_code, nothing.json()["code"]) == (400, "record:error:not-started")
    assert [made.texts() for made in board.recordings.made] == [["My card is", "thank you"]] * 2
    await board.over()


@scenario
async def test_a_recording_asked_for_by_an_event_begins_after_its_tone_and_ends_with_one(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    room = app.call(alice.leg).conversation_uuid
    body = {"format": "wav", "beep_start": True, "beep_stop": "true", "validity": 7}
    async with client(board, app) as rest:
        events = f"/v1/conversations/{room}/events"
        asked = (await rest.post(events, json={"type": "audio:record", "body": body})).json()["body"]
        assert (asked["beep_start"], asked["beep_stop"], asked["validity"]) == (True, True, 7)
        await board.passes(1)
        await alice.says("My order is late.", seconds=2)
        await rest.post(events, json={"type": "audio:record:stop", "body": {}})
        await board.passes(2)
        assert "audio:record:done" in await types(rest, str(room))
    assert alice.heard_words == ["beep", "beep"]
    (made,) = board.recordings.made
    assert made.texts() == ["My order is late."]
    (stored,) = board.store.files.values()
    assert stored.keep_days == 7
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_recording_that_is_stopped_during_its_tone_is_empty_and_reported(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    room = app.call(alice.leg).conversation_uuid
    async with client(board, app) as rest:
        events = f"/v1/conversations/{room}/events"
        await rest.post(events, json={"type": "audio:record", "body": {"beep_start": True}})
        await rest.post(events, json={"type": "audio:record:stop", "body": {}})
        await board.passes(2)
        assert "audio:record:done" in await types(rest, str(room))
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_conversation_is_spoken_to_streamed_into_and_recorded(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    async with client(board, app) as rest:
        made = (await rest.post("/v1/conversations", json={"name": "standup"})).json()
        path = f"/v1/conversations/{made['id']}"
        await alice.dials(app.number)
        await bob.dials(app.number)
        assert await alice.can_talk_with(bob)
        said = await rest.put(f"{path}/talk", json={"text": "Please hold", "level": "0.4"})
        assert said.json()["message"] == "Talk started"
        await alice.hears("Please hold")
        await bob.hears("Please hold")
        assert (await rest.delete(f"{path}/talk")).json() == {**said.json(), "message": "Talk stopped"}
        assert (await rest.delete(f"{path}/talk")).json() == {"message": "Talk stopped", "uuid": made["id"]}
        started = await rest.put(
            f"{path}/record", json={"action": "start", "event_url": [app.url("/recorded")], "format": "wav"}
        )
        assert (started.status_code, started.json()) == (200, {})
        again = await rest.put(f"{path}/record", json={"action": "start"})
        assert (again.status_code, again.json()["code"]) == (400, "record:error:already-started")
        await board.passes(3)
        assert (await rest.put(f"{path}/record", json={"action": "stop"})).status_code == 200
        assert (await app.gets("/recorded")).json["conversation_uuid"] == made["id"]
        assert (await rest.put(f"{path}/record", json={"action": "stop"})).status_code == 400
        bad = await rest.put(f"{path}/record", json={"action": "start", "retention_ttl": 401, "format": "flac"})
        assert [one["name"] for one in bad.json()["invalid_parameters"]] == ["format", "retention_ttl"]
        assert (await rest.delete(path)).status_code == 204
        await alice.is_hung_up()
        await bob.is_hung_up()
        await board.over()
