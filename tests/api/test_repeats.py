"""The same request to create a call, sent twice, is one call."""

from __future__ import annotations

from typing import Any

from ringline.accounts import Bar, Refusal

from .world import World, run

BODY: dict[str, Any] = {
    "to": [{"type": "phone", "number": "447700900123"}],
    "from": {"type": "phone", "number": "447700900900"},
    "ncco": [{"action": "talk", "text": "Hello"}],
}


@run
async def test_the_same_token_and_body_within_ten_seconds_is_the_same_call(world: World) -> None:
    async with world.client(jti="one") as client:
        first = await client.post("/v1/calls", json=BODY)
        world.clock.seconds += 9
        again = await client.post("/v1/calls", json=dict(reversed(BODY.items())))
        assert (again.status_code, again.json()) == (201, first.json())
        assert len(world.calls.created) == 1
        world.clock.seconds += 2
        later = await client.post("/v1/calls", json=BODY)
        assert later.json()["uuid"] != first.json()["uuid"]


@run
async def test_another_token_body_path_or_application_is_another_call(world: World) -> None:
    async with (
        world.client(jti="one") as one,
        world.client(jti="two") as two,
        world.client("other", jti="one") as other,
    ):
        await one.post("/v1/calls", json=BODY)
        await two.post("/v1/calls", json=BODY)
        await other.post("/v1/calls", json=BODY)
        await one.post("/v1/calls", json={**BODY, "ringing_timer": 30})
        assert (await one.post("/v2/calls", json=BODY)).status_code == 202
    assert len({created.leg for created in world.calls.created}) == 5


@run
async def test_a_refused_request_may_be_sent_again(world: World) -> None:
    world.calls.bar = Refusal(bar=Bar.RATE, why="too many")
    async with world.client(jti="one") as client:
        assert (await client.post("/v1/calls", json=BODY)).status_code == 429
        world.calls.bar = None
        assert (await client.post("/v1/calls", json=BODY)).status_code == 201
