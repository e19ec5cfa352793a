"""Prompts that a key may cut short."""

from __future__ import annotations

import pytest

from ringline.testing import Phones, Switchboard, WebApplication, connect, read_digits, record, scenario, stream, talk

MUSIC = "https://app.example.org/music.mp3"


@scenario
async def test_pressing_one_interrupts_the_menu_and_reaches_sales(app: WebApplication, phones: Phones) -> None:
    alice, sales = phones("alice", "sales")
    app.answers(talk("Press one for sales.", barge_in=True), read_digits(max_digits=1))
    app.on_digits("1", reply=[connect("sip:sales@example.com")])
    await alice.dials(app.number)
    await alice.hears("Press one")
    alice.presses("1")
    await sales.answers()
    assert await alice.can_talk_with(sales)
    assert app.statuses(sales.leg) == ["started", "ringing", "answered"]


@scenario
async def test_the_first_packet_of_a_key_cuts_the_prompt(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("One two three four five six seven.", barge_in=True), read_digits(max_digits=1))
    await alice.dials(app.number)
    prompt = await alice.hears("One two")
    pressed_at = board.clock.now()
    await alice.presses("5", held_s=2.0)
    assert prompt.cut
    assert prompt.ended == pytest.approx(pressed_at)
    assert (await app.gets("/event", where=lambda received: "dtmf" in received.json)).at < pressed_at + 1


@scenario
async def test_the_core_is_told_which_prompts_a_key_of_the_caller_cuts(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Welcome."), talk("Press one.", barge_in=True), read_digits(max_digits=1))
    await alice.dials(app.number)
    await alice.hears("Welcome")
    assert board.media.yields == {}
    await alice.hears("Press one")
    assert list(board.media.yields.values()) == [(alice.leg, None)]
    await alice.presses("1")
    await board.over()


@scenario
async def test_the_interrupting_key_is_the_first_digit(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC)
    app.answers(
        stream(MUSIC, barge_in="true"),
        {"action": "input", "submitOnHash": "true", "eventUrl": [app.url("/input")]},
    )
    await alice.dials(app.number)
    music = await alice.hears(MUSIC)
    alice.presses("12#")
    digits = (await app.gets("/input")).json["dtmf"]
    assert digits == {"digits": "12", "timed_out": False}
    assert music.cut


@scenario
async def test_a_chain_of_prompts_is_interrupted_as_a_whole(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC)
    app.answers(
        talk("Welcome.", barge_in=True), stream(MUSIC, barge_in=True), talk("Goodbye.", barge_in=True), read_digits()
    )
    await alice.dials(app.number)
    await alice.hears("Wel")
    await alice.presses("1234")
    await app.gets("/event", where=lambda received: "dtmf" in received.json)
    assert len(alice.heard) == 1
    assert board.files.fetched == []


@scenario
async def test_barge_in_is_sticky(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("First, on.", barge_in=True),
        talk("Second, off, yet it can be cut.", barge_in=False),
        talk("Third.", barge_in=True),
        read_digits(max_digits=1, url=app.url("/input")),
    )
    await alice.dials(app.number)
    await alice.hears("Second, off")
    await alice.presses("7")
    assert (await app.gets("/input")).json["dtmf"]["digits"] == "7"
    assert alice.heard[1].cut
    assert not alice.has_heard("Third.")


@scenario
async def test_a_prompt_before_the_first_interruptible_one_is_played_to_its_end(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("Listen well, you cannot cut this."),
        talk("Now you can, any key will do.", barge_in=True),
        read_digits(max_digits=1, url=app.url("/input")),
    )
    await alice.dials(app.number)
    await alice.hears("Listen well")
    alice.presses("9")  # too early: discarded
    await alice.hears("cut this.", to_the_end=True)
    await alice.hears("Now you can")
    await alice.presses("3")
    assert (await app.gets("/input")).json["dtmf"] == {"digits": "3", "timed_out": False}


@scenario
async def test_the_timer_counts_from_the_end_of_the_prompt(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("A prompt far longer than three seconds, so the timer would be over before it.", barge_in=True),
        read_digits(time_out=3, url=app.url("/input")),
    )
    await alice.dials(app.number)
    prompt = await alice.hears("before it.", to_the_end=True)
    received = await app.gets("/input")
    assert prompt.ended is not None
    assert received.at == pytest.approx(prompt.ended + 3, abs=0.05)
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}


@scenario
async def test_an_endless_interruptible_prompt_ends_by_a_key_only(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Any key.", loop=0, barge_in=True), read_digits(max_digits=1, url=app.url("/input")))
    await alice.dials(app.number)
    await board.passes(500)
    assert app.received("/input") == []
    await alice.presses("*")
    assert (await app.gets("/input")).json["dtmf"]["digits"] == "*"


@scenario
async def test_a_replaced_script_does_not_inherit_barge_in(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press.", barge_in=True), read_digits(max_digits=1))
    app.on_digits("1", reply=[talk("This one you must hear."), talk("And this.")])
    await alice.dials(app.number)
    await alice.hears("Press")
    await alice.presses("1")
    await alice.hears("This one")
    await alice.presses("222")
    await alice.hears("And this.", to_the_end=True)


@pytest.mark.parametrize(
    "rest",
    [
        [],
        [talk("More.")],
        [connect("447700900999")],
        [record(), read_digits()],
        [{"action": "wait"}, read_digits()],
        [{"action": "notify", "payload": {}, "eventUrl": ["https://app.example.org/n"]}, read_digits()],
    ],
    ids=lambda rest: "-".join(action["action"] for action in rest) or "nothing",
)
@scenario
async def test_barge_in_without_an_input_to_lead_to_is_invalid(
    rest: list[dict[str, object]], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello.", barge_in=True), *rest)
    call = await alice.dials(app.number)
    await alice.is_hung_up()
    reason = await app.is_warned("Syntax error")
    assert reason.startswith("Syntax error in NCCO. Invalid value type or action.")
    assert call.code == 503
    assert len(app.received("/answer")) == 1


@scenario
async def test_an_interruptible_prompt_that_fails_leads_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.fails(MUSIC)
    app.answers(
        stream(MUSIC, barge_in=True),
        talk("Choose.", barge_in=True),
        read_digits(max_digits=1, url=app.url("/input")),
    )
    await alice.dials(app.number)
    await alice.hears("Choose.")
    await alice.presses("4")
    assert (await app.gets("/input")).json["dtmf"]["digits"] == "4"
    assert len(app.errors()) == 1
