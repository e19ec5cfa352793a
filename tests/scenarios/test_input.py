"""`input`: which keys are collected, when they are reported, and what the answer does."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    listen_for_keys,
    read_digits,
    scenario,
    status,
    talk,
    text,
    wait,
)


@scenario
async def test_the_last_of_max_digits_submits(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=3, url=app.url("/input")), talk("Thanks."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1234")
    assert (await app.gets("/input")).json["dtmf"] == {"digits": "123", "timed_out": False}
    await alice.hears("Thanks.")


@scenario
async def test_the_hash_key_submits_and_is_no_digit(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(submit_on_hash=True, max_digits=20, url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("0*7#")
    assert (await app.gets("/input")).json["dtmf"] == {"digits": "0*7", "timed_out": False}


@scenario
async def test_without_submit_on_hash_star_and_hash_are_digits(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=4, url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("#*#1")
    assert (await app.gets("/input")).json["dtmf"]["digits"] == "#*#1"


@scenario
async def test_silence_ends_it_after_its_time_out(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(time_out=5, url=app.url("/input")), talk("Nobody there?"))
    await alice.dials(app.number)
    began = (await app.hears_of("answered"))["timestamp"]
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}
    assert received.json["timestamp"] > began
    assert received.at == pytest.approx(1005.02, abs=0.1)
    await alice.hears("Nobody there?")


@scenario
async def test_every_key_starts_the_timer_anew(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(time_out=3, max_digits=10, url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    for digit in "1234":
        await alice.presses(digit)
        await board.passes(2.5)
    assert app.received("/input") == []
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": "1234", "timed_out": True}


@scenario
async def test_the_answer_replaces_the_rest_of_the_script(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1), talk("The old way."))
    app.on_digits("1", reply=[talk("The new way.")])
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("The new way.", to_the_end=True)
    await alice.is_hung_up()
    assert not alice.has_heard("old")


@pytest.mark.parametrize(
    "reply",
    [
        text("OK"),
        text(""),
        text("[]", content_type="application/json"),
        text("{}", content_type="application/json"),
        text("<html><body>Hello</body></html>", content_type="text/html"),
        text('"OK"', content_type="application/json"),
        text("null", content_type="application/json"),
        text("[1, 2]", content_type="application/json"),
        status(204),
    ],
    ids=["OK", "empty", "no-actions", "object", "html", "string", "null", "numbers", "204"],
)
@scenario
async def test_an_answer_that_is_no_script_lets_the_call_go_on(reply: Any, app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.has_fallback([talk("The fallback.")])
    app.answers(read_digits(max_digits=1, url=app.url("/input")), talk("Next."))
    app.replies("/input", reply)
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("Next.", to_the_end=True)
    assert app.errors() == []
    assert app.received("/fallback") == []


@scenario
async def test_a_caller_who_hangs_up_meanwhile_sends_no_input(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=4, url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("12")
    alice.hangs_up()
    await board.over()
    assert app.received("/input") == []
    assert app.statuses()[-1] == "completed"


@scenario
async def test_a_transfer_meanwhile_sends_no_input(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=4, url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("12")
    app.call(alice.leg).transfer(talk("Elsewhere."))
    await alice.hears("Elsewhere.", to_the_end=True)
    await board.over()
    assert app.received("/input") == []


@scenario
async def test_input_without_type_takes_its_settings_from_the_top(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(
        {"action": "input", "timeOut": "6", "maxDigits": "2", "submitOnHash": "true", "eventUrl": app.url("/input")}
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("42")
    received = await app.gets("/input")
    assert list(received.json) == ["speech", "dtmf", "from", "to", "uuid", "conversation_uuid", "timestamp"]
    assert received.json["dtmf"] == {"digits": "42", "timed_out": False}


@scenario
async def test_the_flat_payload_of_2019_is_a_setting(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.changes(legacy_input_payload=True)
    app.answers(
        {"action": "input", "maxDigits": 2, "eventUrl": [app.url("/old")]},
        read_digits(max_digits=1, url=app.url("/new")),
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("42")
    old = (await app.gets("/old")).json
    assert (old["dtmf"], old["timed_out"]) == ("42", False)
    await alice.presses("1")
    assert (await app.gets("/new")).json["dtmf"] == {"digits": "1", "timed_out": False}


@scenario
async def test_asked_by_get_the_objects_are_json_in_the_query(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input?shop=7"), event_method="get"))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("8")
    received = await app.gets("/input")
    assert received.method == "GET"
    assert received.body == b""
    assert received.query["shop"] == "7"
    assert received.query["dtmf"] == '{"digits":"8","timed_out":false}'
    assert received.json["speech"] == {"results": []}


@scenario
async def test_asynchronous_keys_are_reported_one_by_one_while_the_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/keys")), talk("Press whatever you like, whenever you like."), wait(5))
    app.replies("/keys", [talk("An answer nobody asked for.")])
    await alice.dials(app.number)
    await alice.hears("Press whatever")
    await alice.presses("1#")
    await alice.hears("whenever you like.", to_the_end=True)
    await alice.presses("*")
    await board.passes(1.0)
    told = [received.json for received in app.received("/keys")]
    assert [fields["dtmf"] for fields in told] == [{"digits": key, "timed_out": False} for key in "1#*"]
    assert {fields["uuid"] for fields in told} == {alice.leg}
    assert all(fields["speech"] == {"results": []} for fields in told)
    assert not alice.has_heard("An answer")


@scenario
async def test_another_input_ends_asynchronous_keys(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/keys")), read_digits(max_digits=1, url=app.url("/input")), wait(5))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("12")
    await board.passes(1.0)
    assert app.received("/keys") == []
    assert len(app.received("/input")) == 1


@scenario(recognises=False)
async def test_speech_alone_says_at_once_that_nobody_listens(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers({"action": "input", "type": ["speech"], "eventUrl": [app.url("/input")]}, talk("Go on."))
    await alice.dials(app.number)
    fields = (await app.gets("/input")).json
    assert fields["dtmf"] == {"digits": None, "timed_out": False}
    assert fields["speech"]["results"] == []
    assert fields["speech"]["error"].startswith("ERR1: Failed to analyze audio")
    await alice.hears("Go on.")


@scenario
async def test_a_key_overrides_speech(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(
        {"action": "input", "type": ["dtmf", "speech"], "dtmf": {"maxDigits": 1}, "eventUrl": [app.url("/input")]}
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("3")
    fields = (await app.gets("/input")).json
    assert fields["dtmf"]["digits"] == "3"
    assert fields["speech"]["error"] == "Speech overridden by DTMF"


@scenario
async def test_keys_pressed_while_the_answer_is_awaited_are_lost(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        read_digits(max_digits=1, url=app.url("/first")),
        read_digits(max_digits=2, time_out=2, url=app.url("/second")),
    )
    app.replies("/first", text("OK", after_s=2.0))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await board.passes(0.5)
    await alice.presses("9")
    assert (await app.gets("/second")).json["dtmf"] == {"digits": "", "timed_out": True}


@scenario
async def test_a_slow_answer_is_waited_for(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input")), talk("Too early."))
    app.replies("/input", text('[{"action":"talk","text":"Worth the wait."}]', after_s=9.0))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("Worth the wait.")
    assert not alice.has_heard("Too early.")
