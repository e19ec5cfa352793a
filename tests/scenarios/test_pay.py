"""`pay`: the dialogue that takes a card, and how it comes out."""

from __future__ import annotations

import pytest

from ringline.testing import (
    Phone,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    listen_for_keys,
    pay,
    read_digits,
    scenario,
    talk,
    wait,
)

VISA, AMEX, DINERS = "4111111111111111", "378282246310005", "30569309025904"
NUMBER, EXPIRY, CODE = (
    "Please enter your card number.",
    "Please enter the expiry date",
    "Please enter the security code",
)


async def dials(alice: Phone, app: WebApplication) -> None:
    await alice.dials(app.number)
    await alice.hears(NUMBER, to_the_end=True)


# ── the way through ────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_card_number_expiry_and_code_are_asked_for_and_charged(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(9.90, currency="EUR", url=app.url("/paid")), talk("Thank you."))
    await dials(alice, app)
    await alice.presses(VISA)
    await alice.hears(EXPIRY, to_the_end=True)
    await alice.presses("1227")
    await alice.hears(CODE, to_the_end=True)
    await alice.presses("123")
    told = (await app.gets("/paid")).json
    assert list(told) == ["from", "to", "type", "uuid", "conversation_uuid", "status", "timestamp"]
    assert (told["type"], told["status"]) == ("payment", "success")
    assert (told["uuid"], told["from"], told["to"]) == (alice.leg, alice.number, app.number)
    await alice.hears("Thank you.")
    (charge,) = board.payments.charges
    assert (charge.amount, charge.currency, charge.leg) == ("9.9", "eur", alice.leg)
    card = charge.card
    assert (card.brand, card.number, card.expiry_month, card.expiry_year) == ("visa", VISA, 12, 2027)
    assert card.security_code == "123"
    assert app.errors() == []


@scenario
async def test_everything_can_be_keyed_in_ahead_of_the_prompts(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(1))
    await alice.dials(app.number)
    prompt = await alice.hears("Please")
    await alice.presses(f"{VISA}#1230#999#")
    await board.over()
    assert prompt.cut
    assert [one["status"] for one in app.payments()] == ["success"]
    assert board.payments.charges[0].card.security_code == "999"


@scenario
async def test_amex_cards_have_fifteen_digits_and_a_longer_code(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay("12.50"))
    await dials(alice, app)
    await alice.presses(AMEX)
    await alice.hears(EXPIRY)
    await alice.presses("0326")  # good until the end of this month
    await alice.hears(CODE)
    await alice.presses("123")
    await board.passes(1)
    assert app.payments() == []
    await alice.presses("4")
    await board.over()
    assert [one["status"] for one in app.payments()] == ["success"]
    assert board.payments.charges[0].amount == "12.50"


@pytest.mark.parametrize("ending", ["#", ""])
@scenario
async def test_a_number_of_a_brand_with_many_lengths_ends_by_hash_or_pause(
    ending: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5))
    await dials(alice, app)
    await alice.presses(DINERS + ending)
    pressed_at = board.clock.now()
    prompt = await alice.hears(EXPIRY)
    assert prompt.began == pytest.approx(pressed_at + (0 if ending else 10), abs=0.5)


# ── what is said ───────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_the_scripts_own_prompts_and_voice_are_used(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    prompts = [
        {
            "type": "CardNumber",
            "text": "Votre carte.",
            "errors": {"InvalidCardNumber": {"text": "Faux."}, "Timeout": {"text": "Rien."}},
        },
    ]
    app.answers(pay(5, prompts=prompts, voice={"language": "fr-FR", "style": 2}))
    await alice.dials(app.number)
    await alice.hears("Votre carte.", to_the_end=True)
    await alice.presses("4111111111111112")
    await alice.hears("Faux.", to_the_end=True)
    await alice.hears("Votre carte.", to_the_end=True)
    await alice.presses(VISA)
    await alice.hears(EXPIRY)
    assert {(request.language, request.style) for request in board.voice.requests} == {("fr-FR", 2)}


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("4111111111111112", "card number is not valid"),
        ("4111#", "card number is not valid"),
        ("9999999999999995", "type of card is not accepted"),
        ("", "did not come in time"),
        ("4111", "did not come in time"),
    ],
)
@scenario
async def test_a_faulty_number_is_asked_for_once_more(
    entry: str, error: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5), talk("Go on."))
    await dials(alice, app)
    waiting_since = board.clock.now()
    if entry:
        await alice.presses(entry)
        waiting_since = board.clock.now()
    said = await alice.hears(error, to_the_end=True)
    if "time" in error:
        assert said.began == pytest.approx(waiting_since + 10, abs=0.3)
    await alice.hears(NUMBER, to_the_end=True)
    await alice.presses(VISA)
    await alice.hears(EXPIRY)


@pytest.mark.parametrize(
    ("entries", "asked"),
    [
        (["4111111111111112", "4111111111111112"], 2),
        ([VISA, "1399", "0226"], 3),
        ([VISA, "1230", "12#", "1#"], 4),
        (["4111111111111112", VISA, "1399", "1230", "12#", "12#"], 6),
    ],
    ids=["number", "expiry", "code", "each once, then twice"],
)
@scenario
async def test_the_second_failure_of_a_field_ends_it(
    entries: list[str], asked: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5, url=app.url("/paid")), talk("Go on."))
    await alice.dials(app.number)
    for entry in entries:
        await alice.hears("Please enter")
        await alice.presses(entry)
    assert (await app.gets("/paid")).json["status"] == "failure"
    await alice.hears("Go on.")
    assert board.payments.charges == []
    assert sum("Please enter" in heard.text for heard in alice.heard) == asked


@scenario
async def test_ten_silent_seconds_twice_end_it(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5, url=app.url("/paid")))
    await dials(alice, app)
    again = await alice.hears(NUMBER, to_the_end=True)
    received = await app.gets("/paid")
    assert received.json["status"] == "failure"
    assert again.ended is not None
    assert received.at == pytest.approx(again.ended + 10.5, abs=0.1)


@scenario
async def test_prompts_that_cannot_be_spoken_do_not_stop_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.voice.fails("no voice")
    app.answers(pay(5))
    await alice.dials(app.number)
    await app.hears_of("answered")
    for entry in (VISA, "1230", "123"):
        await alice.presses(entry)
    await board.over()
    assert [one["status"] for one in app.payments()] == ["success"]
    assert app.errors()[0].startswith("Text-to-speech failed.")


@scenario
async def test_rest_talk_takes_the_place_of_the_prompt(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5))
    await alice.dials(app.number)
    prompt = await alice.hears("Please enter")
    app.call(alice.leg).talk("Hold the line.")
    await alice.hears("Hold the line.", to_the_end=True)
    assert prompt.cut
    await alice.presses(f"{VISA}1230123")
    await board.over()
    assert [one["status"] for one in app.payments()] == ["success"]


# ── the gateway ────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario(takes_payments=False)
async def test_without_a_gateway_it_fails_at_once_and_the_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5, url=app.url("/paid")), talk("Go on."))
    await alice.dials(app.number)
    assert (await app.gets("/paid", within_s=0.5)).json["status"] == "failure"
    await alice.hears("Go on.")
    assert alice.heard_words == ["Go on."]
    assert app.errors() == []


@pytest.mark.parametrize("trouble", ["declines", "fails", "hangs"])
@scenario
async def test_a_gateway_that_does_not_charge_is_a_failure(
    trouble: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    getattr(board.payments, trouble)()
    app.answers(pay(5, url=app.url("/paid")), talk("Go on."))
    await dials(alice, app)
    await alice.presses(f"{VISA}1230123")
    assert (await app.gets("/paid", within_s=90)).json["status"] == "failure"
    await alice.hears("Go on.")


@scenario
async def test_a_caller_who_hangs_up_during_the_charge_leaves_nothing_behind(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.payments.delay_s = 5
    app.answers(pay(5))
    await dials(alice, app)
    await alice.presses(f"{VISA}1230123")
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    assert len(board.payments.charges) == 1
    assert app.payments() == []


# ── who may pay ────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_an_outbound_leg_cannot_pay(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, ncco=[pay(5, url=app.url("/paid")), talk("Go on.")])
    assert (await app.gets("/paid")).json["status"] == "failure"
    assert "only the first leg of an inbound call" in await app.is_warned("Payment not possible")
    await bob.hears("Go on.")


@scenario
async def test_the_first_leg_can_pay_while_others_are_there(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), pay(5), wait(5))
    await alice.dials(app.number)
    await alice.hears("Please enter")
    assert not bob.can_hear(alice)
    assert alice.can_hear(bob)
    alice.says("my number is secret")
    await alice.presses(f"{VISA}1230123")
    await app.gets("/event", where=lambda received: received.json.get("type") == "payment")
    assert await alice.can_talk_with(bob)
    assert bob.keys_received == ""
    assert not bob.has_heard("secret")
    assert not bob.has_heard("Please enter")


# ── other ends ─────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_transfer_in_the_middle_sends_no_payment(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(5))
    await dials(alice, app)
    await alice.presses(VISA[:8])
    app.call(alice.leg).transfer(talk("You are elsewhere now. Press one.", barge_in=True), read_digits(max_digits=1))
    await alice.hears("Press one.", to_the_end=True)
    await alice.presses("1")
    received = await app.gets("/event", where=lambda received: "dtmf" in received.json)
    assert received.json["dtmf"]["digits"] == "1"
    assert app.payments() == []


@scenario
async def test_afterwards_keys_are_ordinary_again(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/keys")), pay(5, url=app.url("/paid")), talk("Thank you."), wait(5))
    await dials(alice, app)
    await alice.presses(f"{VISA}1230123")
    await app.gets("/paid")
    await board.passes(2.5)
    await alice.presses("7")
    await board.over()
    assert [received.json["dtmf"]["digits"] for received in app.received("/keys")] == ["7"]


@scenario
async def test_without_a_url_of_its_own_it_is_posted_to_the_event_url(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.is_told_by_get()
    app.answers(pay(5))
    await dials(alice, app)
    await alice.presses(f"{VISA}1230123")
    received = await app.gets("/event", where=lambda received: received.json.get("type") == "payment")
    assert (received.method, received.json["status"]) == ("POST", "success")
