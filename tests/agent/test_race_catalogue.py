"""The races of RFC 5407 that `test_races` has not: each by its section there, in virtual time over the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringline.agent import Answered, Cancelled, Confirmed, Ended, Failed, IncomingCall, OfferAnswered, OfferReceived
from ringline.base import LegId

from .wire import HOLD, OTHER_SDP, SDP, Message, Phone, Wire, line

HELD = OTHER_SDP.replace(b"a=sendrecv", b"a=recvonly")


def slow(what: str, seconds: float) -> Callable[[Message], list[float]]:
    """One kind of message takes its time, all others are quick."""
    return lambda message: [seconds if line(message) == what else 0.01]


def clean(wire: Wire, *phones: Phone) -> None:
    """After the longest timer nothing is left: no leg, no transaction, no alarm."""
    wire.run(80)
    for phone in phones:
        assert phone.agent.gauges() == dict.fromkeys(phone.agent.gauges(), 0), phone.name


def ringing(wire: Wire, alice: Phone, bob: Phone) -> tuple[LegId, LegId]:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.ring, leg)
    wire.run(0.1)
    return out, leg


def by_hand(bob: Phone, method: str, cseq: int, *, body: bytes = b"", extra: str = "") -> bytes:
    """A request of Alice's, written by hand into her dialog with Bob."""
    call = bob.one(IncomingCall)
    remote = next(value for name, value in call.headers if name == "From")
    tag = next(message.to.tag for message in bob.sent if message.to.tag)
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:ringline@192.0.2.2:5060 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKhand{method}{cseq};rport\r\nMax-Forwards: 70\r\n"
        f"From: {remote}\r\nTo: <sip:bob@192.0.2.2>;tag={tag}\r\nCall-ID: {call.call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n{kind}{extra}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def test_an_invite_that_comes_again_after_the_200_is_no_second_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Section 3.1.1: the 180 and the 200 are under way when the INVITE is repeated."""
    wire.fate = lambda message: [0.01, 0.2] if line(message) == "INVITE" else [0.01]
    alice.dial(bob)
    wire.run(0.05)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(1)
    bob.one(IncomingCall)
    alice.one(Answered)
    bob.one(Confirmed)
    bob.do(bob.agent.hang_up, leg)
    clean(wire, alice, bob)


def test_a_bye_for_the_early_dialog_that_crosses_the_200_ends_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Section 3.1.3: who hangs up by BYE before the answer, as the standard allows the caller."""
    _, leg = ringing(wire, alice, bob)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.inject(bob, by_hand(bob, "BYE", 7_000), source=alice.address)
    wire.run(0.1)
    assert "200 BYE" in bob.lines()
    assert bob.one(Ended).by_far
    clean(wire, bob)


def test_a_change_that_overtakes_the_ack_is_made_after_it(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Section 3.1.4: the ACK is lost, and the re-INVITE is there before its repeat."""
    left = [1]

    def fate(message: Message) -> list[float]:
        if line(message) == "ACK" and left[0]:
            left[0] -= 1
            return []
        return [0.01]

    out, leg = ringing(wire, alice, bob)
    wire.fate = fate
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.05)
    alice.do(alice.agent.offer, out, HOLD)
    while not bob.all(OfferReceived):
        wire.run(0.05)
        assert wire.now < 110
    bob.do(bob.agent.accept_offer, leg, HELD)
    wire.run(1)
    assert alice.one(OfferAnswered).sdp == HELD
    bob.one(Confirmed)
    assert alice.all(Ended) == bob.all(Ended) == []
    alice.do(alice.agent.hang_up, out)
    clean(wire, alice, bob)


def test_a_bye_that_overtakes_the_ack_ends_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Sections 3.1.5 and 3.2.1: and the ACK that comes after it is nobody's any more."""
    out, leg = ringing(wire, alice, bob)
    wire.fate = slow("ACK", 0.3)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.05)
    alice.do(alice.agent.hang_up, out)
    wire.run(1)
    assert bob.one(Ended).by_far
    assert "200 BYE" in bob.lines()
    assert bob.lines().count("200 INVITE") == 1
    clean(wire, alice, bob)


def test_a_cancel_that_crosses_a_refusal_changes_nothing(wire: Wire, alice: Phone, bob: Phone) -> None:
    """The INVITE is answered 486 while its CANCEL is on the way: the CANCEL gets its 200 all the same."""
    out, leg = ringing(wire, alice, bob)
    bob.do(bob.agent.refuse, leg, 486)
    alice.do(alice.agent.hang_up, out)
    wire.run(1)
    assert [line(message) for message in bob.sent[-2:]] == ["486 INVITE", "200 CANCEL"]
    alice.one(Failed)
    assert bob.all(Cancelled) == []
    clean(wire, alice, bob)


def test_a_cancel_that_comes_twice_cancels_once(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, _ = ringing(wire, alice, bob)
    wire.fate = lambda message: [0.01, 0.3, 2.0] if line(message) == "CANCEL" else [0.01]
    alice.do(alice.agent.hang_up, out)
    wire.run(5)
    bob.one(Cancelled)
    assert set(bob.lines()[-3:]) <= {"200 CANCEL", "487 INVITE", "481 CANCEL"}
    clean(wire, alice, bob)


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_an_offer_that_crosses_our_own_is_put_off(wire: Wire, alice: Phone, bob: Phone, method: str) -> None:
    """Sections 3.3.2 and 3.3.3: 491, by UPDATE as well as by re-INVITE, and our own offer is answered nevertheless."""
    out, leg = ringing(wire, alice, bob)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.events.clear()
    bob.do(bob.agent.offer, leg, HOLD)
    wire.inject(bob, by_hand(bob, method, 7_000, body=HOLD), source=alice.address)
    wire.run(0.1)
    assert f"491 {method}" in bob.lines()
    alice.do(alice.agent.accept_offer, out, HELD)
    wire.run(0.1)
    assert bob.one(OfferAnswered).sdp == HELD


def test_an_update_while_their_own_offer_waits_is_told_to_come_again(wire: Wire, alice: Phone, bob: Phone) -> None:
    """RFC 3311 section 5.2: 500 with a Retry-After of at most ten seconds."""
    out, leg = ringing(wire, alice, bob)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.do(alice.agent.offer, out, HOLD)
    wire.run(0.1)
    bob.one(OfferReceived)
    wire.inject(bob, by_hand(bob, "UPDATE", 7_000, body=SDP), source=alice.address)
    refusal = bob.sent[-1]
    assert line(refusal) == "500 UPDATE"
    assert 0 <= int(refusal.headers.get("Retry-After") or "-1") <= 10
    bob.do(bob.agent.accept_offer, leg, HELD)
    wire.run(0.1)
    assert alice.one(OfferAnswered).sdp == HELD


def test_a_change_that_comes_when_we_have_hung_up_gets_481(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Section 3.3.4: the re-INVITE and our BYE pass each other."""
    _, leg = ringing(wire, alice, bob)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    wire.fate = slow("BYE", 0.5)
    bob.do(bob.agent.hang_up, leg)
    wire.inject(bob, by_hand(bob, "INVITE", 7_000, body=HOLD), source=alice.address)
    assert bob.lines()[-1] == "481 INVITE"
    wire.run(1)
    assert alice.one(Ended).by_far
    clean(wire, alice, bob)
