"""`/account/numbers`, `/number/…` and the balance."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ringline.accounts import Number

from .world import APP, BARE, KEY, OTHER, SECRET, World, run

SUCCESS = {"error-code": "200", "error-code-label": "success"}


async def listed(client: httpx.AsyncClient, **query: Any) -> tuple[int, list[str]]:
    answer = await client.get("/account/numbers", params=query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found["count"], [one["msisdn"] for one in found["numbers"]]


@run
async def test_own_numbers_are_listed_and_filtered(world: World) -> None:
    async with world.operator() as operator:
        found = (await operator.get("/account/numbers", params={"pattern": "447"})).json()
        assert found == {
            "count": 1,
            "numbers": [
                {
                    "country": "GB",
                    "msisdn": "447700900900",
                    "type": "landline",
                    "features": ["VOICE"],
                    "moHttpUrl": "",
                    "voiceCallbackType": "app",
                    "voiceCallbackValue": APP,
                    "app_id": APP,
                }
            ],
        }
        assert await listed(operator) == (3, ["447700900900", "12025550100", "33123456789"])
        assert await listed(operator, size=1, index=2) == (3, ["12025550100"])
        assert await listed(operator, country="fr") == (1, ["33123456789"])
        assert await listed(operator, application_id=APP) == (2, ["447700900900", "12025550100"])
        assert await listed(operator, has_application="False") == (1, ["33123456789"])
        assert await listed(operator, has_application="true", pattern="100", search_pattern=2) == (1, ["12025550100"])
        assert await listed(operator, pattern="555", search_pattern=1) == (1, ["12025550100"])
        assert await listed(operator, pattern="999") == (0, [])


@run
async def test_key_and_secret_may_stand_in_query_or_form(world: World) -> None:
    async with world.stranger() as client:
        query = {"api_key": KEY, "api_secret": SECRET}
        assert (await listed(client, **query))[0] == 3
        form = {**query, "country": "GB", "msisdn": "447700900900", "app_id": ""}
        assert (await client.post("/number/update", data=form)).json() == SUCCESS
        wrong = await client.get("/account/numbers", params={"api_key": KEY, "api_secret": "no"})
        assert (wrong.status_code, wrong.json()["error-code"]) == (401, "401")
        assert wrong.headers["www-authenticate"] == 'Basic realm="ringline"'
        assert (await client.get("/v2/applications", params=query)).status_code == 401


@run
async def test_a_number_is_linked_and_unlinked_whatever_the_content_type_says(world: World) -> None:
    form = f"country=FR&msisdn=33123456789&app_id={OTHER}"
    async with world.operator() as operator:
        as_json = {"Content-Type": "application/json"}
        assert (await operator.post("/number/update", content=form, headers=as_json)).json() == SUCCESS
        assert world.directory.application_of("33123456789") == OTHER
        assert world.shelf.numbers["33123456789"].application_id == OTHER
        body = {"country": "FR", "msisdn": "33123456789", "app_id": ""}
        assert (await operator.post("/number/update", json=body)).json() == SUCCESS
        assert world.directory.application_of("33123456789") is None
        old_way = {"msisdn": "33123456789", "voiceCallbackType": "app", "voiceCallbackValue": BARE}
        assert (await operator.post("/number/update", data=old_way)).json() == SUCCESS
        assert world.directory.application_of("33123456789") == BARE
        callback = {"msisdn": "33123456789", "voiceStatusCallback": "https://a.example/ended"}
        assert (await operator.post("/number/update", data=callback)).json() == SUCCESS
    number = world.directory.number("33123456789")
    assert number is not None
    assert (number.application_id, number.status_callback) == (BARE, "https://a.example/ended")


@run
async def test_numbers_are_taken_from_the_pool_and_given_back(world: World) -> None:
    world = world.with_options(number_pool=("442079460000", "442079460001", "12125550123"))
    async with world.operator() as operator:
        found = (await operator.get("/number/search", params={"country": "GB", "features": "SMS,VOICE"})).json()
        assert found["count"] == 2
        assert found["numbers"][0] == {
            "country": "GB",
            "msisdn": "442079460000",
            "type": "landline",
            "cost": "0.00",
            "features": ["VOICE"],
        }
        form = {"country": "GB", "msisdn": "442079460000"}
        assert (await operator.post("/number/buy", data=form)).json() == SUCCESS
        assert (await operator.post("/number/buy", data=form)).status_code == 420
        assert (await operator.get("/number/search", params={"country": "GB"})).json()["count"] == 1
        assert "442079460000" in world.shelf.numbers
        assert (await operator.post("/number/cancel", data=form)).json() == SUCCESS
        assert (await operator.get("/number/search", params={"country": "GB"})).json()["count"] == 2
        assert world.shelf.numbers == {}
        nothing = (await operator.get("/number/search", params={"country": "FR"})).json()
        assert nothing == {"count": 0, "numbers": []}


@run
async def test_any_number_may_be_taken_where_the_installation_says_so(world: World) -> None:
    world = world.with_options(any_number=True)
    async with world.operator() as operator:
        assert (await operator.post("/number/buy", data={"msisdn": "+442079460000"})).json() == SUCCESS
    number = world.directory.number("442079460000")
    assert number is not None
    assert number.country == "GB"


@pytest.mark.parametrize(
    ("path", "form", "label"),
    [
        ("buy", {"country": "GB", "msisdn": "442079460000"}, "method failed"),
        ("cancel", {"country": "GB", "msisdn": "442079460000"}, "method failed"),
        ("cancel", {"country": "US", "msisdn": "447700900900"}, "method failed"),
        ("update", {"country": "GB", "msisdn": "442079460000"}, "method failed"),
        ("update", {"msisdn": "447700900900", "app_id": "none"}, "Invalid params"),
        ("update", {"msisdn": "447700900900", "voiceCallbackType": "tel"}, "voiceCallbackValue"),
        ("update", {"msisdn": "447700900900", "voiceCallbackType": "sip", "voiceCallbackValue": "x"}, "a SIP URI"),
        ("update", {"msisdn": "447700900900", "voiceCallbackType": "vxml"}, "voiceCallbackType"),
        ("update", {"msisdn": "447700900900", "voiceStatusCallback": "x"}, "voiceStatusCallback"),
        ("update", {"msisdn": "447700900900", "target_api_key": "other"}, "Invalid params"),
        ("update", {"country": "GBR", "msisdn": "447700900900"}, "country"),
        ("update", {"msisdn": "abc"}, "msisdn"),
        ("update", {}, "msisdn is required"),
    ],
)
@run
async def test_what_cannot_be_done_is_answered_420(world: World, path: str, form: dict[str, str], label: str) -> None:
    async with world.operator() as operator:
        answer = await operator.post(f"/number/{path}", data=form)
    assert answer.status_code == 420
    assert answer.json()["error-code"] == "420"
    assert label in answer.json()["error-code-label"]
    assert world.shelf.numbers == {}


@run
async def test_a_search_needs_a_country(world: World) -> None:
    async with world.operator() as operator:
        answer = await operator.get("/number/search")
    assert (answer.status_code, "country" in answer.json()["error-code-label"]) == (420, True)


@run
async def test_the_balance_is_a_constant(world: World) -> None:
    async with world.operator() as operator:
        answer = await operator.get("/account/get-balance")
    assert (answer.status_code, answer.json()) == (200, {"value": 0.0, "autoReload": False})


@run
async def test_a_number_is_forwarded_until_it_no_longer_is(world: World) -> None:
    async with world.operator() as operator:
        for kind, value, target in (
            ("sip", "sip:bob@192.0.2.7", "sip:bob@192.0.2.7"),
            ("tel", "+44 7700 900123", "447700900123"),
        ):
            form = {"msisdn": "447700900900", "voiceCallbackType": kind, "voiceCallbackValue": value}
            assert (await operator.post("/number/update", data=form)).json() == SUCCESS
            (shown,) = (await operator.get("/account/numbers", params={"pattern": "447"})).json()["numbers"]
            assert (shown["voiceCallbackType"], shown["voiceCallbackValue"], shown["app_id"]) == (kind, target, APP)
            assert world.directory.is_forwarded("447700900900")
            assert world.shelf.numbers["447700900900"].forward is not None
        await operator.post("/number/update", data={"msisdn": "447700900900", "voiceCallbackType": "app"})
        assert not world.directory.is_forwarded("447700900900")
        assert world.directory.application_of("447700900900") == APP


@run
async def test_an_update_that_sets_nothing_clears_everything(world: World) -> None:
    async with world.operator() as operator:
        more = {
            "voiceCallbackType": "sip",
            "voiceCallbackValue": "sip:bob@192.0.2.7",
            "voiceStatusCallback": "https://a.example/x",
        }
        await operator.post("/number/update", data={"msisdn": "447700900900", **more})
        assert (
            await operator.post("/number/update", data={"country": "GB", "msisdn": "447700900900"})
        ).json() == SUCCESS
    assert world.directory.number("447700900900") == Number(msisdn="447700900900", country="GB")
