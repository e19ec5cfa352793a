"""Messages that cross, and messages that are lost: every one of a whole call, once and twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringline.agent import Answered, Cancelled, Confirmed, Ended, Failed, IncomingCall, OfferAnswered, OfferReceived
from ringline.base import LegId

from .wire import HOLD, OTHER_SDP, SDP, Message, Phone, Wire, line


def losing(what: str, times: int) -> Callable[[Message], list[float]]:
    """Lose the first so many copies of one message."""
    left = [times]

    def fate(message: Message) -> list[float]:
        if line(message) == what and left[0] > 0:
            left[0] -= 1
            return []
        return [0.01]

    return fate


def clean(*phones: Phone) -> None:
    """Nothing is left: no leg, no transaction, no alarm."""
    for phone in phones:
        assert phone.agent.gauges() == dict.fromkeys(phone.agent.gauges(), 0), phone.name


def established(wire: Wire, alice: Phone, bob: Phone) -> tuple[LegId, LegId]:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)
    bob.one(Confirmed)
    alice.events.clear()
    bob.events.clear()
    return out, leg


# ── lost ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize(
    "what",
    ["INVITE", "100 INVITE", "180 INVITE", "183 INVITE", "PRACK", "200 PRACK", "200 INVITE", "ACK", "BYE", "200 BYE"],
)
def test_whatever_message_of_a_call_is_lost_the_call_is_made_and_ended(
    wire: Wire, alice: Phone, bob: Phone, what: str, times: int
) -> None:
    wire.fate = losing(what, times)
    out = alice.dial(bob)
    wire.run(9)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.ring, leg)
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    wire.run(9)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(20)
    assert alice.one(Answered).sdp == OTHER_SDP
    bob.one(Confirmed)
    alice.do(alice.agent.hang_up, out)
    wire.run(20)
    assert bob.one(Ended).by_far
    wire.run(60)
    clean(alice, bob)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("what", ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"])
def test_whatever_message_of_a_cancelled_call_is_lost_nothing_is_left(
    wire: Wire, alice: Phone, bob: Phone, what: str, times: int
) -> None:
    wire.fate = losing(what, times)
    out = alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.ring, bob.one(IncomingCall).leg)
    wire.run(0.1)
    alice.do(alice.agent.hang_up, out)
    wire.run(10)
    bob.one(Cancelled)
    assert alice.one(Failed).why == "cancelled"
    wire.run(80)
    clean(alice, bob)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("what", ["486 INVITE", "ACK"])
def test_whatever_message_of_a_refused_call_is_lost_both_sides_know(
    wire: Wire, alice: Phone, bob: Phone, what: str, times: int
) -> None:
    wire.fate = losing(what, times)
    alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.refuse, bob.one(IncomingCall).leg, 486)
    wire.run(10)
    assert alice.one(Failed).status == 486
    wire.run(80)
    clean(alice, bob)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("what", ["INVITE", "100 INVITE", "200 INVITE", "ACK"])
def test_whatever_message_of_a_change_is_lost_it_is_made(
    wire: Wire, alice: Phone, bob: Phone, what: str, times: int
) -> None:
    out, leg = established(wire, alice, bob)
    wire.fate = losing(what, times)
    alice.do(alice.agent.offer, out, HOLD)
    wire.run(9)
    assert bob.one(OfferReceived).sdp == HOLD
    bob.do(bob.agent.accept_offer, leg, OTHER_SDP)
    wire.run(20)
    assert alice.one(OfferAnswered).sdp == OTHER_SDP
    assert alice.all(Ended) == bob.all(Ended) == []


def test_when_no_ack_ever_comes_the_call_is_given_up(wire: Wire, alice: Phone, bob: Phone) -> None:
    wire.fate = losing("ACK", 1000)
    alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.answer, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(33)
    assert bob.one(Ended).status == 408
    assert alice.one(Ended).by_far
    wire.run(80)
    clean(alice, bob)


# ── crossing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cancel_that_crosses_the_200_takes_the_call_and_ends_it(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.ring, leg)
    wire.run(0.1)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    alice.do(alice.agent.hang_up, out)
    wire.run(0.2)
    assert [line(message) for message in alice.sent] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert "200 CANCEL" in bob.lines()
    assert alice.one(Failed).why == "cancelled"
    assert bob.one(Ended).by_far
    wire.run(80)
    clean(alice, bob)


def test_a_bye_that_crosses_a_reinvite_ends_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = established(wire, alice, bob)
    alice.do(alice.agent.offer, out, HOLD)
    bob.do(bob.agent.hang_up, leg)
    wire.run(0.2)
    assert alice.one(Ended).by_far
    assert not bob.one(Ended).by_far
    assert "481 INVITE" in bob.lines()
    wire.run(80)
    clean(alice, bob)


def test_two_byes_that_cross_are_both_answered(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = established(wire, alice, bob)
    alice.do(alice.agent.hang_up, out)
    bob.do(bob.agent.hang_up, leg)
    wire.run(0.2)
    assert [line(message) for message in alice.sent[-2:]] == ["BYE", "200 BYE"]
    assert [line(message) for message in bob.sent[-2:]] == ["BYE", "200 BYE"]
    wire.run(80)
    clean(alice, bob)


def test_two_reinvites_that_cross_are_both_made_the_owner_of_the_call_id_last(
    wire: Wire, alice: Phone, bob: Phone
) -> None:
    out, leg = established(wire, alice, bob)
    began = wire.now
    alice.do(alice.agent.offer, out, HOLD)
    bob.do(bob.agent.offer, leg, OTHER_SDP)
    wire.run(0.05)
    assert "491 INVITE" in alice.lines()
    assert "491 INVITE" in bob.lines()
    while not alice.all(OfferReceived):
        wire.run(0.05)
    assert wire.now - began < 2.2
    alice.do(alice.agent.accept_offer, out, SDP)
    while not bob.all(OfferReceived):
        wire.run(0.05)
    assert wire.now - began > 2.0
    bob.do(bob.agent.accept_offer, leg, OTHER_SDP)
    wire.run(0.2)
    alice.one(OfferAnswered)
    bob.one(OfferAnswered)


def test_a_bye_that_overtakes_the_200_still_ends_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    """A callee waits for the ACK before its BYE; here the 200 is slow and the ACK comes late."""
    wire.fate = lambda message: [3.0] if line(message) == "200 INVITE" else [0.01]
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    bob.do(bob.agent.hang_up, leg)
    wire.run(10)
    alice.one(Answered)
    assert alice.one(Ended).by_far
    wire.run(80)
    clean(alice, bob)


def test_every_message_may_come_twice(wire: Wire, alice: Phone, bob: Phone) -> None:
    wire.fate = lambda _message: [0.01, 0.02]
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    wire.run(0.2)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(1)
    alice.one(Answered)
    bob.one(Confirmed)
    alice.do(alice.agent.hang_up, out)
    wire.run(1)
    bob.one(Ended)
    wire.run(80)
    clean(alice, bob)
