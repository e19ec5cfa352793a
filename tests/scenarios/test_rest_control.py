"""What REST may do to a leg, and in which state (call flow reference, section 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringline.base import ApiError, LegId
from ringline.engine.ports import LegFilter
from ringline.testing import (
    Call,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    listen_for_keys,
    read_digits,
    scenario,
    stream,
    talk,
    text,
    wait,
)

FILE = "https://app.example.org/file.mp3"
NEEDS_ANSWER: dict[str, Callable[[Call], Any]] = {
    "transfer": lambda call: call.transfer(talk("Hello.")),
    "mute": lambda call: call.mute(),
    "unmute": lambda call: call.unmute(),
    "earmuff": lambda call: call.earmuff(),
    "unearmuff": lambda call: call.unearmuff(),
    "talk": lambda call: call.talk("Hello."),
    "stream": lambda call: call.stream(FILE),
    "dtmf": lambda call: call.send_keys("1"),
}
ALWAYS: dict[str, Callable[[Call], Any]] = {
    "stop-talk": lambda call: call.stop_talk(),
    "stop-stream": lambda call: call.stop_stream(),
    "listen": lambda call: call.listen_for_keys("https://app.example.org/keys"),
    "stop-listening": lambda call: call.stop_listening(),
}


@pytest.mark.parametrize("name", NEEDS_ANSWER)
@scenario
async def test_before_the_answer_it_is_refused(
    name: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(5)])
    for expected in ("started", "ringing"):
        assert call.status == expected
        with pytest.raises(ApiError) as refused:
            NEEDS_ANSWER[name](call)
        assert refused.value.status == 400
        await bob.rings()
    await bob.answers()
    NEEDS_ANSWER[name](call)


@pytest.mark.parametrize("name", ALWAYS)
@scenario
async def test_stopping_and_listening_is_always_possible(
    name: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(5)])
    ALWAYS[name](call)
    await bob.rings()
    ALWAYS[name](call)
    await bob.answers()
    ALWAYS[name](call)
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "completed"]


@pytest.mark.parametrize("name", [*NEEDS_ANSWER, *ALWAYS, "hang-up"])
@scenario
async def test_an_ended_call_is_not_found(name: str, app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.is_busy()
    call = await app.calls(bob.number, ncco=[wait(5)])
    await board.over()
    acts: dict[str, Callable[[Call], Any]] = {**NEEDS_ANSWER, **ALWAYS, "hang-up": lambda call: call.hang_up()}
    with pytest.raises(ApiError) as refused:
        acts[name](call)
    assert refused.value.status == 404
    assert (await call.record()).status == "busy"


@scenario
async def test_another_applications_call_is_not_found(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    call = await app.calls(bob.number, ncco=[wait(5)])
    await bob.answers()
    with pytest.raises(ApiError) as refused:
        board.application("other").call(call.uuid).hang_up()
    assert refused.value.status == 404


@pytest.mark.parametrize("when", ["at once", "ringing", "answered"])
@scenario
async def test_hanging_up_works_in_every_state(
    when: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(50)])
    if when == "ringing":
        await bob.rings()
    elif when == "answered":
        await bob.answers()
    call.hang_up()
    await board.over()
    end = app.events()[-1]
    if when == "answered":
        assert (end["status"], end["disconnected_by"]) == ("completed", "platform")
    else:
        assert end["status"] == "cancelled"


@scenario
async def test_hanging_up_twice_is_hanging_up_once(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(50)])
    await bob.answers()
    call.hang_up()
    with pytest.raises(ApiError):
        call.hang_up()
    await board.over()
    assert app.statuses().count("completed") == 1


@scenario
async def test_an_inbound_caller_hung_up_while_ringing_hears_603(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", text("[]", after_s=4))
    call = await alice.dials(app.number)
    app.call(alice.leg).hang_up()
    await board.over()
    assert call.code == 603
    assert app.statuses() == ["started", "ringing", "cancelled"]


@scenario
async def test_mute_and_earmuff_and_their_undoing(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    told = len(app.requests)
    call = app.call(alice.leg)
    call.mute()
    call.mute()
    assert (bob.can_hear(alice), alice.can_hear(bob)) == (False, True)
    call.earmuff()
    assert (bob.can_hear(alice), alice.can_hear(bob)) == (False, False)
    call.unmute()
    assert (bob.can_hear(alice), alice.can_hear(bob)) == (True, False)
    call.unearmuff()
    assert (bob.can_hear(alice), alice.can_hear(bob)) == (True, True)
    await board.passes(1)
    assert len(app.requests) == told


@scenario
async def test_a_muted_leg_still_presses_keys(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input"), time_out=10))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).mute()
    await alice.presses("5")
    assert (await app.gets("/input")).json["dtmf"]["digits"] == "5"


@scenario
async def test_an_earmuffed_leg_still_hears_prompts(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(alice.leg).earmuff()
    app.call(alice.leg).talk("Can you hear me?")
    await alice.hears("Can you hear me?")


@scenario
async def test_stopping_talk_ends_a_running_talk_action(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Endless.", loop=0), talk("And on."))
    await alice.dials(app.number)
    await alice.hears("Endless.")
    call = app.call(alice.leg)
    call.stop_stream()  # another kind: nothing happens
    await board.passes(1)
    assert alice.hears_now == ["Endless."]
    call.stop_talk()
    await alice.hears("And on.")


@scenario
async def test_stopping_stream_ends_a_running_stream_action(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has(FILE)
    app.answers(stream(FILE, loop=0), talk("And on."))
    await alice.dials(app.number)
    await alice.hears(FILE)
    app.call(alice.leg).stop_stream()
    await alice.hears("And on.")


@scenario
async def test_talk_and_stream_share_one_slot(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(FILE)
    app.answers(wait(100))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.talk("Once upon a time.", loop=0)
    first = await alice.hears("Once")
    call.stream(FILE)
    await alice.hears(FILE)
    assert first.cut
    assert alice.hears_now == [FILE]
    call.talk("Now this.")
    await alice.hears("Now this.", to_the_end=True)
    assert alice.hears_now == []


@scenario
async def test_a_rest_prompt_that_cut_the_last_action_is_heard_to_its_end(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Please hold the line.", loop=0))
    await alice.dials(app.number)
    await alice.hears("Please hold")
    app.call(alice.leg).talk("Your order is on its way.")
    await alice.hears("on its way.")
    await alice.is_hung_up()
    assert app.statuses(alice.leg)[-1] == "completed"


@scenario
async def test_a_rest_prompt_without_end_takes_the_place_of_the_scripts(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Please hold the line.", loop=0))
    await alice.dials(app.number)
    await alice.hears("Please hold")
    call = app.call(alice.leg)
    call.talk("All our agents are busy.", loop=0)
    await alice.hears("are busy.")
    await asyncio.sleep(30)  # virtual time
    assert call.status == "answered"
    call.stop_talk()
    await alice.is_hung_up()


@scenario
async def test_the_scripts_next_prompt_comes_when_the_rest_prompt_is_stopped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(2), talk("Good bye."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.talk("Music, as it were.", loop=0)
    await asyncio.sleep(5)  # virtual time
    assert alice.hears_now == ["Music, as it were."]
    call.stop_talk()
    await alice.hears("Good bye.")
    await alice.is_hung_up()


@scenario
async def test_a_looped_rest_prompt_plays_until_it_is_stopped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.talk("Again.", loop=0, level=0.5)
    heard = await alice.hears("Again.")
    await board.passes(100)
    assert alice.hears_now == ["Again."]
    assert heard.sound.level_db == pytest.approx(6.0)
    call.stop_talk()
    call.stop_talk()
    assert alice.hears_now == []


@scenario
async def test_a_rest_prompt_that_cannot_be_had_is_reported(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).stream("https://app.example.org/missing.mp3")
    assert await app.is_warned("Stream URL not reachable")


@scenario
async def test_a_rest_prompt_ends_with_its_leg(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(5))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).talk("Without end.", loop=0)
    await alice.is_hung_up(within_s=10)


@scenario
async def test_keys_are_sent_to_the_far_end(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    call = await app.calls(bob.number, ncco=[wait(60)])
    await bob.answers()
    call.send_keys("1p2")
    call.send_keys("#")
    await board.passes(3)
    assert bob.keys_received == "12#"


@scenario
async def test_a_listener_for_keys_comes_and_goes(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/script")), wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    app.call(alice.leg).listen_for_keys(app.url("/rest"))
    await alice.presses("2")
    app.call(alice.leg).stop_listening()
    await alice.presses("3")
    await board.passes(1)
    assert [one.json["dtmf"]["digits"] for one in app.received("/script")] == ["1"]
    assert [one.json["dtmf"]["digits"] for one in app.received("/rest")] == ["2"]


@scenario
async def test_the_record_of_a_leg_through_its_life(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(17)])
    record = await call.record()
    assert (record.status, record.direction, record.start_time) == ("started", "outbound", None)
    assert record.to == {"type": "phone", "number": bob.number}
    assert record.from_ == {"type": "phone", "number": app.number}
    await bob.rings()
    assert (await call.record()).status == "ringing"
    await bob.answers()
    assert (await call.record()).status == "answered"
    await board.over()
    record = await call.record()
    assert (record.status, record.duration_s, record.disconnected_by) == ("completed", 17, "platform")
    assert record.end_time is not None
    found, count = await board.store.legs(LegFilter(application=app.id, status="completed"))
    assert ([one.uuid for one in found], count) == ([call.uuid], 1)


@scenario
async def test_a_leg_nobody_knows_is_not_found(app: WebApplication, board: Switchboard) -> None:
    stranger = app.call(LegId("00000000-0000-4000-8000-000000000000"))
    for act in (stranger.hang_up, stranger.mute, stranger.stop_talk):
        with pytest.raises(ApiError) as refused:
            act()
        assert refused.value.status == 404
    with pytest.raises(ApiError):
        await stranger.record()
