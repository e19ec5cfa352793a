"""Session timers (RFC 4028): who refreshes, how, and what becomes of a call nobody refreshes."""

from __future__ import annotations

import pytest

from ringline.agent import Answered, Confirmed, Ended, IncomingCall, OfferReceived
from ringline.base import LegId
from ringline.sip import Request, Response, SessionExpires, SessionTerms, TooBrief, answer_terms, parse

from .wire import OTHER_SDP, SDP, Phone, Wire


def call(wire: Wire, alice: Phone, bob: Phone) -> tuple[LegId, LegId]:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)
    bob.one(Confirmed)
    return out, leg


def test_the_caller_refreshes_by_update_as_long_as_the_call_lasts(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    call(wire, alice, bob)
    wire.run(10_000)
    assert alice.lines().count("UPDATE") == 11
    assert set(alice.lines()[2:]) == {"UPDATE"}
    assert alice.all(Ended) == bob.all(Ended) == []
    update = alice.sent[-1]
    assert update.headers.get("Session-Expires") == "1800;refresher=uac"
    assert bob.sent[-1].headers.get("Session-Expires") == "1800;refresher=uac"
    assert bob.sent[-1].headers.tokens("Require") == ["timer"]


def test_a_caller_that_vanished_is_given_up_by_the_called_side(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    call(wire, alice, bob)
    del wire.phones[alice.address]
    wire.run(1700)
    assert bob.all(Ended) == []
    wire.run(100)
    assert (bob.one(Ended).status, bob.one(Ended).by_far) == (408, True)
    wire.run(40)
    assert bob.agent.gauges() == dict.fromkeys(bob.agent.gauges(), 0)


def test_a_called_side_that_vanished_is_noticed_at_the_refresh(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    call(wire, alice, bob)
    del wire.phones[bob.address]
    wire.run(950)
    assert alice.one(Ended).status == 408


def test_an_interval_that_is_too_small_is_lengthened_and_the_call_made(wire: Wire) -> None:
    alice = wire.phone("alice", "192.0.2.1", session_expires_s=60)
    bob = wire.phone("bob", "192.0.2.2")
    alice.dial(bob)
    wire.run(0.1)
    assert bob.lines() == ["422 INVITE", "100 INVITE"]
    refused = bob.sent[0]
    assert refused.number("Min-SE") == 90
    invite = bob.one(IncomingCall)
    assert ("Session-Expires", "90;refresher=uac") in invite.headers


def test_where_update_is_not_taken_a_reinvite_refreshes_with_the_same_sdp(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    wire.rewrite = lambda data: data.replace(b" UPDATE,", b"")
    _, leg = call(wire, alice, bob)
    wire.run(901)
    offered = bob.one(OfferReceived)
    assert offered == OfferReceived(leg=leg, sdp=SDP)
    bob.do(bob.agent.accept_offer, leg, OTHER_SDP)
    wire.run(700)
    assert "UPDATE" not in alice.lines()
    assert alice.all(Ended) == bob.all(Ended) == []


def test_a_glare_delays_a_refresh_but_does_not_lose_it(wire: Wire) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    out, leg = call(wire, alice, bob)
    wire.run(899.7)
    bob.do(bob.agent.offer, leg, OTHER_SDP)
    wire.run(0.2)
    alice.do(alice.agent.accept_offer, out, SDP)
    wire.run(2000)
    assert alice.all(Ended) == bob.all(Ended) == []
    assert "UPDATE" in alice.lines()


def request(**headers: str) -> Request:
    text = "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n" + "".join(
        f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
    )
    found = parse(text.encode() + b"\r\n")
    assert isinstance(found, Request)
    return found


@pytest.mark.parametrize(
    ("headers", "terms", "written"),
    [
        pytest.param({}, None, None, id="neither knows nor wants it"),
        pytest.param({"Supported": "timer"}, SessionTerms(1800, True), "1800;refresher=uas", id="knows it"),
        pytest.param(
            {"Supported": "timer", "Session-Expires": "600"}, SessionTerms(600, False), "600;refresher=uac", id="wants"
        ),
        pytest.param(
            {"Supported": "timer", "Session-Expires": "600;refresher=uas"},
            SessionTerms(600, True),
            "600;refresher=uas",
            id="wants us to do it",
        ),
        pytest.param({"Session-Expires": "600"}, SessionTerms(600, True), "600;refresher=uas", id="a proxy wants it"),
        pytest.param({"k": "timer", "x": "120"}, SessionTerms(120, False), "120;refresher=uac", id="compact names"),
        pytest.param(
            {"Supported": "timer", "Min-SE": "3600"}, SessionTerms(3600, True), "3600;refresher=uas", id="long"
        ),
    ],
)
def test_what_the_asked_side_agrees_to(
    headers: dict[str, str], terms: SessionTerms | None, written: str | None
) -> None:
    answer = answer_terms(request(**headers), wanted_s=1800)
    assert (answer is None) == (terms is None)
    if answer is not None:
        assert (answer[0], str(answer[1])) == (terms, written)


def test_less_than_the_standard_allows_is_too_brief() -> None:
    with pytest.raises(TooBrief):
        answer_terms(request(k="timer", x="60"), wanted_s=1800)


def test_session_expires_reads_and_writes_itself() -> None:
    assert str(SessionExpires.parse("1800; Refresher=UAS;x")) == "1800;refresher=uas"
    assert SessionExpires.parse("90;refresher=nobody") == SessionExpires(90)


def test_a_refusal_of_nonsense_is_400(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2")
    text = bytes(_invite("Session-Expires: soon"))
    wire.inject(bob, text)
    answers = [message for _, message in wire.strangers if isinstance(message, Response)]
    assert [answer.status for answer in answers] == [400]


def _invite(extra: str) -> bytes:
    return (
        "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
        f"From: <sip:c@example.com>;tag=c\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{extra}\r\n"
        "Contact: <sip:c@198.51.100.9>\r\nContent-Length: 0\r\n\r\n"
    ).encode()
