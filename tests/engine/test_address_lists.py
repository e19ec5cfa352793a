"""Numbers that are forwarded to several SIP addresses: the next is called when one fails by its own fault."""

from __future__ import annotations

from ringline.accounts import Forward, Number
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.sip.forwarding import forwarding_script
from ringline.routing import read_forward, write_list

from .test_phones import APP, LEG, House, run

LIST = "sip:one@a.example;timeout=2000,sip:two@b.example;transport=tcp;timeout=3000"


async def called(house: House, listed: str = LIST) -> None:
    found = read_forward(listed)
    assert found is not None
    to = Party(kind="sip", address=write_list(found))
    house.phones.dial(LEG, to, Party(kind="phone", address="442079460000"), APP)
    await house.settle()


def failure(house: House) -> tuple[str, int | None]:
    (failed,) = house.engine.told
    assert isinstance(failed, events.LegFailed)
    return failed.cause, failed.sip_code


def asked(house: House) -> list[str]:
    return [request.uri for _, request in house.invites()]


def test_what_is_written_into_a_number_is_what_its_script_calls() -> None:
    script = forwarding_script(Number(msisdn="1", forward=Forward(kind="sip", target=LIST)), "447700900123")
    assert script is not None
    assert "sip:one@a.example;ringline-wait=2000,sip:two@b.example;transport=tcp;ringline-wait=3000" in script


def test_an_error_of_the_server_or_silence_leads_to_the_next() -> None:
    async def test() -> None:
        for status in (500, 503, 599):
            house = House()
            await called(house)
            await house.reply(status)
            assert asked(house) == ["sip:one@a.example", "sip:two@b.example;transport=tcp"]
            assert house.engine.told == []
        house = House()
        await called(house)
        await house.wait(1.9)
        assert len(set(asked(house))) == 1
        await house.wait(0.2)
        assert asked(house)[-1] == "sip:two@b.example;transport=tcp"

    run(test)


def test_what_is_said_about_the_person_ends_it() -> None:
    async def test() -> None:
        for status in (404, 480, 486, 603):
            house = House()
            await called(house)
            await house.reply(status)
            assert asked(house) == ["sip:one@a.example"]
            assert failure(house) == ("response", status)

    run(test)


def test_the_last_answer_counts_and_silence_only_when_there_was_none() -> None:
    async def test() -> None:
        house = House()
        await called(house)
        await house.reply(503)
        await house.wait(3.1)
        assert failure(house) == ("response", 503)
        silent = House()
        await called(silent)
        await silent.wait(5.2)
        assert failure(silent)[0] == "no-response"

    run(test)


def test_one_that_rings_is_waited_for_and_may_still_fail_by_its_own_fault() -> None:
    async def test() -> None:
        house = House()
        await called(house)
        await house.reply(180)
        await house.wait(10)
        assert asked(house) == ["sip:one@a.example"]
        await house.reply(502)
        assert asked(house)[-1] == "sip:two@b.example;transport=tcp"

    run(test)


def test_an_address_that_nobody_finds_is_passed_over() -> None:
    async def test() -> None:
        house = House()
        await called(house, "sip:one@nowhere.example,sip:two@b.example")
        assert asked(house) == ["sip:two@b.example"]

    run(test)
