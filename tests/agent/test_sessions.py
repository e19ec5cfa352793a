"""Answered calls: hold, changes that cross, keys by INFO, the ways a session ends."""

from __future__ import annotations

import pytest

from ringline.agent import (
    Answered,
    Confirmed,
    Ended,
    IncomingCall,
    KeyByInfo,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
)
from ringline.agent.info import read_key
from ringline.base import LegId
from ringline.sdp import Capabilities, SessionDescription, answer, offer
from ringline.sip import Credentials, Request, Response

from .wire import HOLD, OTHER_SDP, SDP, Phone, Wire

HELD = OTHER_SDP.replace(b"a=sendrecv", b"a=recvonly")


class Call:
    """Alice has called Bob, and he has answered."""

    def __init__(self, wire: Wire, alice: Phone, bob: Phone) -> None:
        self.wire, self.alice, self.bob = wire, alice, bob
        self.out = alice.dial(bob)
        wire.run(0.1)
        self.incoming = bob.one(IncomingCall)
        self.leg = self.incoming.leg
        bob.do(bob.agent.answer, self.leg, OTHER_SDP)
        wire.run(0.1)
        bob.one(Confirmed)
        answered = bob.sent[-1]
        self.call_id, self.bob_tag = answered.call_id, answered.to.tag
        alice.events.clear()
        bob.events.clear()
        alice.sent.clear()
        bob.sent.clear()

    def from_alice(self, method: str, cseq: int, *, body: bytes = b"", extra: str = "") -> bytes:
        """A request of Alice's side of the dialog, written by hand."""
        remote = next(value for name, value in self.incoming.headers if name == "From")
        return (
            f"{method} sip:ringline@192.0.2.2:5060 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKhand{method}{cseq};rport\r\n"
            f"From: {remote}\r\nTo: <sip:bob@192.0.2.2>;tag={self.bob_tag}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def inject(self, data: bytes) -> None:
        self.wire.inject(self.bob, data, source=self.alice.address)


@pytest.fixture
def call(wire: Wire) -> Call:
    return Call(wire, wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2"))


def test_hold_and_resume_by_the_caller(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.wire.run(0.1)
    assert call.bob.events == [OfferReceived(leg=call.leg, sdp=HOLD)]
    call.bob.do(call.bob.agent.accept_offer, call.leg, HELD)
    call.wire.run(0.1)
    assert call.alice.events == [OfferAnswered(leg=call.out, sdp=HELD)]
    call.alice.do(call.alice.agent.offer, call.out, SDP)
    call.wire.run(0.1)
    call.bob.do(call.bob.agent.accept_offer, call.leg, OTHER_SDP)
    call.wire.run(0.1)
    assert call.alice.events[-1] == OfferAnswered(leg=call.out, sdp=OTHER_SDP)
    assert call.alice.lines() == ["INVITE", "ACK", "INVITE", "ACK"]


def test_hold_by_the_called_side(call: Call) -> None:
    call.bob.do(call.bob.agent.offer, call.leg, HOLD)
    call.wire.run(0.1)
    assert call.alice.events == [OfferReceived(leg=call.out, sdp=HOLD)]
    call.alice.do(call.alice.agent.accept_offer, call.out, HELD)
    call.wire.run(0.1)
    assert call.bob.events == [OfferAnswered(leg=call.leg, sdp=HELD)]


def test_a_refused_change_leaves_the_call_as_it_was(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.wire.run(0.1)
    call.bob.do(call.bob.agent.refuse_offer, call.leg, 488)
    call.wire.run(0.1)
    assert call.alice.events == [OfferRefused(leg=call.out, status=488)]
    call.alice.do(call.alice.agent.hang_up, call.out)
    call.wire.run(0.1)
    assert call.bob.one(Ended).by_far


def test_two_changes_that_cross_are_both_made_in_the_end(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.bob.do(call.bob.agent.offer, call.leg, OTHER_SDP)
    call.wire.run(0.1)
    assert "491 INVITE" in call.alice.lines()
    assert "491 INVITE" in call.bob.lines()
    for _ in range(60):
        call.wire.run(0.1)
        for phone, leg, sdp in ((call.alice, call.out, SDP), (call.bob, call.leg, HELD)):
            if len(phone.all(OfferReceived)) > len([line for line in phone.lines() if line == "200 INVITE"]):
                phone.do(phone.agent.accept_offer, leg, sdp)
    call.alice.one(OfferAnswered)
    call.bob.one(OfferAnswered)


def test_a_second_change_waits_for_the_first(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.alice.do(call.alice.agent.offer, call.out, b"dropped")
    call.alice.do(call.alice.agent.offer, call.out, SDP)
    call.wire.run(0.1)
    assert call.alice.lines() == ["INVITE"]
    call.bob.do(call.bob.agent.accept_offer, call.leg, HELD)
    call.wire.run(0.1)
    assert [event.sdp for event in call.bob.all(OfferReceived)] == [HOLD, SDP]


def test_a_bye_that_crosses_a_change_ends_the_call_on_both_sides(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.bob.do(call.bob.agent.hang_up, call.leg)
    call.wire.run(0.5)
    assert call.alice.one(Ended).by_far is True
    assert call.bob.one(Ended).by_far is False
    assert call.alice.all(OfferRefused) == []
    call.wire.run(200)
    assert (call.alice.agent.deadline(), call.bob.agent.deadline()) == (None, None)


def test_a_bye_while_a_change_waits_for_its_answer_ends_both(call: Call) -> None:
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.wire.run(0.1)
    call.alice.do(call.alice.agent.hang_up, call.out)
    call.wire.run(0.1)
    assert "487 INVITE" in call.bob.lines()
    call.bob.do(call.bob.agent.accept_offer, call.leg, HELD)
    assert call.bob.one(Ended).by_far


def test_a_reinvite_without_sdp_keeps_media(call: Call) -> None:
    held = bytes(
        answer(SessionDescription.parse(HOLD), Capabilities(host="192.0.2.20", port=42_000, session_id=2)).description
    )
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.wire.run(0.1)
    call.bob.do(call.bob.agent.accept_offer, call.leg, held)
    call.wire.run(0.1)
    contact = "Contact: <sip:alice@192.0.2.1:5060>\r\n"
    call.inject(call.from_alice("INVITE", 10, extra=contact))
    response = call.bob.sent[-1]
    assert isinstance(response, Response)
    offered = SessionDescription.parse(response.body)
    assert (offered.media[0].port, offered.media[0].direction, offered.origin.version) == (42_000, "sendrecv", 1)
    call.inject(call.from_alice("ACK", 10, body=SDP, extra="Content-Type: application/sdp\r\n"))
    assert call.bob.events[-1] == OfferAnswered(leg=call.leg, sdp=SDP)
    call.bob.do(call.bob.agent.offer, call.leg, held)
    assert SessionDescription.parse(call.bob.sent[-1].body).origin.version == 2


def test_a_reinvite_without_sdp_is_offered_what_else_the_leg_could_speak(call: Call) -> None:
    """Whoever sends it may connect us with a phone that knows none of what is in force (RFC 3725 section 4)."""
    call.bob.agent.knows(call.leg, ("G722", "PCMA", "PCMU"))
    call.inject(call.from_alice("INVITE", 10, extra="Contact: <sip:alice@192.0.2.1:5060>\r\n"))
    offered = SessionDescription.parse(call.bob.sent[-1].body)
    assert offered.media[0].formats == ("0", "8", "101", "9")


def test_an_update_changes_like_a_reinvite_and_needs_no_ack(call: Call) -> None:
    sdp = "Content-Type: application/sdp\r\nContact: <sip:alice@192.0.2.1:5060>\r\n"
    call.inject(call.from_alice("UPDATE", 10, body=HOLD, extra=sdp))
    assert call.bob.events == [OfferReceived(leg=call.leg, sdp=HOLD)]
    call.bob.do(call.bob.agent.accept_offer, call.leg, HELD)
    assert (call.bob.lines(), call.bob.sent[-1].body) == (["200 UPDATE"], HELD)
    call.inject(call.from_alice("UPDATE", 11))
    assert call.bob.lines() == ["200 UPDATE", "200 UPDATE"]
    assert len(call.bob.events) == 1


def test_a_change_that_moves_the_contact_is_followed(call: Call) -> None:
    sdp = "Content-Type: application/sdp\r\nContact: <sip:alice@192.0.2.77:5099>\r\n"
    call.inject(call.from_alice("INVITE", 10, body=HOLD, extra=sdp))
    call.bob.do(call.bob.agent.accept_offer, call.leg, HELD)
    call.inject(call.from_alice("ACK", 10))
    call.bob.do(call.bob.agent.hang_up, call.leg)
    address, bye = call.wire.strangers[-1]
    assert isinstance(bye, Request)
    assert (address, bye.method, bye.uri) == (("192.0.2.77", 5099), "BYE", "sip:alice@192.0.2.77:5099")


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        ("application/dtmf-relay", b"Signal= 11\nDuration= 99999999", ("#", 250)),
        ("application/dtmf-relay", b"signal=d", ("D", 250)),
        ("application/dtmf", b"*", ("*", 250)),
        ("application/dtmf", b"10", ("*", 250)),
        ("application/dtmf-relay", b"Signal=x", None),
        ("application/dtmf-relay", b"\xff\xfe", None),
        ("application/dtmf", b"", None),
        ("text/plain", b"5", None),
    ],
)
def test_a_key_by_info_is_read_in_both_forms(kind: str, body: bytes, key: tuple[str, int] | None) -> None:
    assert read_key(kind, body) == key


def test_a_key_by_info_is_told_once_however_often_it_comes(call: Call) -> None:
    info = call.from_alice(
        "INFO", 10, body=b"Signal=5\r\nDuration=160\r\n", extra="Content-Type: application/dtmf-relay\r\n"
    )
    call.inject(info)
    call.inject(info)
    assert call.bob.events == [KeyByInfo(leg=call.leg, digit="5", held_ms=160)]
    assert call.bob.lines() == ["200 INFO", "200 INFO"]


@pytest.mark.parametrize(
    ("method", "extra", "body", "status"),
    [
        ("INFO", "Content-Type: text/plain\r\n", b"x", 415),
        ("INFO", "", b"", 200),
        ("OPTIONS", "", b"", 200),
        ("REFER", "", b"", 603),
        ("NOTIFY", "", b"", 481),
        ("DANCE", "", b"", 501),
        ("PRACK", "", b"", 481),
        ("INFO", "Require: x\r\n", b"", 420),
        ("INVITE", "Content-Type: text/plain\r\n", b"x", 415),
    ],
)
def test_requests_inside_a_call_get_the_status_they_deserve(
    call: Call, method: str, extra: str, body: bytes, status: int
) -> None:
    call.inject(call.from_alice(method, 10, extra=extra, body=body))
    assert call.bob.lines() == [f"{status} {method}"]
    assert call.bob.events == []


def test_old_numbers_and_foreign_tags_are_refused(call: Call) -> None:
    call.inject(call.from_alice("INFO", 10))
    call.inject(call.from_alice("INFO", 9))
    call.inject(call.from_alice("BYE", 11).replace(b";tag=", b";tag=x", 1))
    assert call.bob.lines() == ["200 INFO", "500 INFO", "481 BYE"]
    assert call.bob.events == []


def test_a_bye_names_the_cause_of_the_telephone_network(call: Call) -> None:
    call.inject(call.from_alice("BYE", 10, extra='Reason: Q.850;cause=16;text="Normal, clearing"\r\n'))
    assert call.bob.events == [Ended(leg=call.leg, by_far=True, status=200, reason="Normal, clearing", q850=16)]


@pytest.mark.parametrize("status", [481, 408])
def test_a_far_end_that_has_lost_the_call_ends_it(call: Call, status: int) -> None:
    call.wire.phone("bob after a restart", "192.0.2.2")
    if status == 408:
        call.wire.fate = lambda _message: []
    call.alice.do(call.alice.agent.offer, call.out, HOLD)
    call.wire.run(40)
    ended = call.alice.one(Ended)
    assert (ended.by_far, ended.status) == (True, status)
    call.wire.run(100)
    assert call.alice.agent.deadline() is None


def test_a_change_that_is_challenged_is_made_with_the_password(wire: Wire) -> None:
    """Some registrars ask for the password with every request."""
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    alice.dial(bob, credentials=Credentials(username="joe", password="s3cret"))
    wire.run(0.1)
    bob.do(bob.agent.answer, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)
    wire.fate = lambda message: [] if isinstance(message, Response) else [0.01]
    for command, args, method in ((alice.agent.offer, (HOLD,), "INVITE"), (alice.agent.hang_up, (), "BYE")):
        alice.sent.clear()
        alice.do(command, LegId("out"), *args)
        request = alice.sent[-1]
        assert isinstance(request, Request)
        assert request.method == method
        challenge = Response(status=401, reason="Unauthorized")
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            challenge.headers.add(name, request.headers.get(name) or "")
        challenge.headers.add("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
        wire.inject(alice, bytes(challenge), source=bob.address)
        again = alice.sent[-1]
        assert isinstance(again, Request)
        assert (again.method, again.cseq[0]) == (method, request.cseq[0] + 1)
        assert 'username="joe"' in (again.headers.get("Authorization") or "")
        if method == "INVITE":
            wire.fate = lambda _message: []
            refused = Response(status=488, reason="No")
            for name in ("Via", "From", "To", "Call-ID", "CSeq"):
                refused.headers.add(name, again.headers.get(name) or "")
            wire.inject(alice, bytes(refused), source=bob.address)
            alice.one(OfferRefused)


def test_offers_made_before_the_ack_wait_for_it(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    bob.do(bob.agent.offer, leg, HOLD)
    assert bob.lines() == ["100 INVITE", "200 INVITE"]
    wire.run(0.1)
    assert alice.one(OfferReceived).sdp == HOLD


def test_our_offer_is_what_we_can_do() -> None:
    assert SessionDescription.parse(SDP) == offer(Capabilities(host="192.0.2.10", port=40_000, session_id=1))
