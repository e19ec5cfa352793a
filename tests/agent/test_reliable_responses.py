"""Responses before the answer that must arrive (RFC 3262), and changes before the answer (RFC 3311)."""

from __future__ import annotations

import pytest

from ringline.agent import (
    Answered,
    Confirmed,
    Ended,
    Failed,
    IncomingCall,
    OfferReceived,
    Provisional,
)
from ringline.sip import Request, Response

from .test_outgoing import HERE, dial, reply, requests
from .wire import OTHER_SDP, SDP, Message, Phone, Wire

INVITE = """INVITE sip:bob@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK-1;rport
Max-Forwards: 70
From: "Carol" <sip:carol@example.com>;tag=c
To: <sip:bob@192.0.2.2>
Call-ID: call-1
CSeq: 1 INVITE
Contact: <sip:carol@198.51.100.99:5060>
{extra}Content-Type: application/sdp
Content-Length: {length}

"""


class Carol:
    """A caller written by hand, who insists on reliable responses."""

    def __init__(self, wire: Wire, bob: Phone, *, offer: bytes = SDP, extra: str = "Require: 100rel\n") -> None:
        self.wire, self.bob = wire, bob
        text = INVITE.format(extra=extra, length=len(offer)).replace("\n", "\r\n")
        wire.inject(bob, text.encode() + offer)
        self.call = bob.one(IncomingCall)

    def heard(self) -> list[Response]:
        return [message for _, message in self.wire.strangers if isinstance(message, Response)]

    def lines(self) -> list[str]:
        return [f"{response.status} {response.cseq[1]}" for response in self.heard()]

    def says(
        self, method: str, cseq: int, *, rack: str | None = None, body: bytes = b"", contact: str | None = None
    ) -> None:
        tag = next(response.to.tag for response in self.heard() if response.to.tag)
        lines = [
            f"{method} sip:ringline@192.0.2.2:5060 SIP/2.0",
            f"Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK-{method}{cseq};rport",
            'From: "Carol" <sip:carol@example.com>;tag=c',
            f"To: <sip:bob@192.0.2.2>;tag={tag}",
            "Call-ID: call-1",
            f"CSeq: {cseq} {method}",
        ]
        if rack is not None:
            lines.append(f"RAck: {rack}")
        if contact is not None:
            lines.append(f"Contact: {contact}")
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.wire.inject(self.bob, "\r\n".join(lines).encode() + body)

    def rseq(self) -> int:
        found = self.heard()[-1].number("RSeq")
        assert found is not None
        return found


def test_early_media_between_two_that_know_how_is_acknowledged(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.ring, leg)
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    wire.run(0.1)
    assert alice.events == [
        Provisional(leg=out, status=180, sdp=None),
        Provisional(leg=out, status=183, sdp=OTHER_SDP),
    ]
    assert alice.lines() == ["INVITE", "PRACK"]
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    # The answer was given for good; the 200 repeats nothing, and the caller still knows it.
    success = next(each for each in bob.sent if isinstance(each, Response) and each.status == 200 and not each.body)
    assert success.cseq[1] in ("INVITE", "PRACK")
    assert alice.one(Answered).sdp == OTHER_SDP
    bob.one(Confirmed)
    alice.do(alice.agent.hang_up, out)
    wire.run(0.1)
    assert bob.one(Ended).by_far
    numbers = [message.cseq[0] for message in alice.sent if isinstance(message, Request) and message.method != "ACK"]
    assert numbers == sorted(set(numbers))


def test_a_lost_early_answer_is_repeated_and_the_200_waits_for_its_prack(wire: Wire, alice: Phone, bob: Phone) -> None:
    lost = iter([True, True])

    def fate(message: Message) -> list[float]:
        early = isinstance(message, Response) and message.status == 183
        return [] if early and next(lost, False) else [0.01]

    wire.fate = fate
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.2)
    assert alice.all(Answered) == []
    wire.run(3)
    assert alice.one(Answered).sdp == OTHER_SDP
    assert bob.lines()[:4] == ["100 INVITE", "183 INVITE", "183 INVITE", "183 INVITE"]
    bob.one(Confirmed)


def test_a_lost_prack_is_sent_again(wire: Wire, alice: Phone, bob: Phone) -> None:
    lost = iter([True])

    def fate(message: Message) -> list[float]:
        prack = isinstance(message, Request) and message.method == "PRACK"
        return [] if prack and next(lost, False) else [0.01]

    wire.fate = fate
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    wire.run(2)
    assert len(alice.all(Provisional)) == 1
    assert "200 PRACK" in bob.lines()
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)


def test_who_insists_on_reliability_gets_every_response_in_order(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.ring, carol.call.leg)
    bob.do(bob.agent.progress, carol.call.leg, OTHER_SDP)
    assert carol.lines() == ["100 INVITE", "180 INVITE"]
    first = carol.rseq()
    assert carol.heard()[-1].headers.tokens("Require") == ["100rel"]
    carol.says("PRACK", 2, rack=f"{first} 1 INVITE")
    assert carol.lines()[2:] == ["183 INVITE", "200 PRACK"]
    again = [response.number("RSeq") for response in carol.heard() if response.status == 183]
    assert again == [first + 1]


@pytest.mark.parametrize("rack", ["1 1 INVITE", "x 1 INVITE", "", None, "{first} 2 INVITE", "{first} 1 UPDATE"])
def test_a_prack_for_nothing_gets_481(wire: Wire, bob: Phone, rack: str | None) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.ring, carol.call.leg)
    carol.says("PRACK", 2, rack=None if rack is None else rack.format(first=carol.rseq()))
    assert carol.lines()[-1] == "481 PRACK"


def test_a_caller_that_never_acknowledges_is_turned_away(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.ring, carol.call.leg)
    wire.run(31)
    assert set(carol.lines()[1:]) == {"180 INVITE"}
    assert len(carol.lines()) == 1 + 6
    wire.run(2)
    assert "504 INVITE" in carol.lines()
    assert bob.one(Ended).status == 408


def test_without_an_offer_a_call_that_insists_is_not_alerted_but_answered(wire: Wire, bob: Phone) -> None:
    """The first reliable response would have to carry an offer (RFC 3262 section 5)."""
    carol = Carol(wire, bob, offer=b"")
    bob.do(bob.agent.ring, carol.call.leg)
    assert carol.lines() == ["100 INVITE"]
    bob.do(bob.agent.answer, carol.call.leg, OTHER_SDP)
    assert carol.heard()[-1].body == OTHER_SDP


def test_an_early_session_may_be_changed_by_update_once_it_is_agreed(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    leg = carol.call.leg
    bob.do(bob.agent.progress, leg, OTHER_SDP)
    carol.says("UPDATE", 2, body=SDP)
    assert carol.lines()[-1] == "500 UPDATE"
    assert carol.heard()[-1].number("Retry-After") is not None
    rseq = next(found for each in carol.heard() if (found := each.number("RSeq")) is not None)
    carol.says("PRACK", 3, rack=f"{rseq} 1 INVITE")
    carol.says("UPDATE", 4, body=SDP)
    assert bob.events[-1] == OfferReceived(leg=leg, sdp=SDP)
    bob.do(bob.agent.accept_offer, leg, OTHER_SDP)
    assert (carol.lines()[-1], carol.heard()[-1].body) == ("200 UPDATE", OTHER_SDP)
    carol.says("UPDATE", 5, body=SDP)
    bob.do(bob.agent.refuse_offer, leg, 488)
    assert carol.lines()[-1] == "488 UPDATE"
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    assert (carol.lines()[-1], carol.heard()[-1].body) == ("200 INVITE", b"")


def test_an_offer_in_a_prack_is_answered_with_its_200(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.progress, carol.call.leg, OTHER_SDP)
    carol.says("PRACK", 2, rack=f"{carol.rseq()} 1 INVITE", body=SDP)
    assert bob.events[-1] == OfferReceived(leg=carol.call.leg, sdp=SDP)
    bob.do(bob.agent.accept_offer, carol.call.leg, OTHER_SDP)
    assert (carol.lines()[-1], carol.heard()[-1].body) == ("200 PRACK", OTHER_SDP)


def test_hanging_up_ends_the_repeats(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.ring, carol.call.leg)
    bob.do(bob.agent.refuse, carol.call.leg, 486)
    wire.run(40)
    assert carol.lines().count("180 INVITE") == 1
    assert bob.agent.gauges()["alarms"] == 0


def test_early_responses_out_of_order_are_not_acknowledged(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 180, Require="100rel", RSeq="7")
    reply(wire, alice, 183, Require="100rel", RSeq="9", body=OTHER_SDP)
    assert [method for _, method in requests(wire)] == ["INVITE", "PRACK"]
    reply(wire, alice, 183, Require="100rel", RSeq="8", body=OTHER_SDP)
    reply(wire, alice, 183, Require="100rel", RSeq="8", body=OTHER_SDP)
    pracks = [message for _, message in wire.strangers if isinstance(message, Request) and message.method == "PRACK"]
    assert [prack.headers.get("RAck") for prack in pracks] == ["7 1 INVITE", "8 1 INVITE"]
    assert [event.status for event in alice.all(Provisional)] == [180, 183]
    alice.do(alice.agent.hang_up, leg)
    assert alice.one(Failed).status == 487
