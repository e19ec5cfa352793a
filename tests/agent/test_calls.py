"""Whole calls between two user agents, in virtual time."""

from __future__ import annotations

import pytest

from ringline.agent import Answered, Cancelled, Confirmed, Ended, Failed, IncomingCall, Provisional
from ringline.base import LegId, SeededRandom, integer
from ringline.sip import Request, Response

from .wire import OTHER_SDP, SDP, Phone, Wire


def talk(wire: Wire, alice: Phone, bob: Phone) -> tuple[LegId, LegId]:
    """Have Alice call Bob, and Bob answer."""
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    return out, leg


def test_a_call_rings_is_answered_and_ended_by_the_caller(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    call = bob.one(IncomingCall)
    assert (call.identity, call.to_user, call.from_user, call.from_display) == ("trunk", "bob", "alice", "Alice")
    assert (call.sdp, call.anonymous) == (SDP, False)
    bob.do(bob.agent.ring, call.leg)
    wire.run(0.1)
    assert alice.events == [Provisional(leg=out, status=180, sdp=None)]
    bob.do(bob.agent.answer, call.leg, OTHER_SDP)
    wire.run(0.1)
    assert alice.events[1:] == [Answered(leg=out, sdp=OTHER_SDP, call_id=call.call_id)]
    assert bob.events[1:] == [Confirmed(leg=call.leg)]
    alice.do(alice.agent.hang_up, out)
    wire.run(0.1)
    assert alice.events[2:] == [Ended(leg=out, by_far=False, status=200, reason=None, q850=None)]
    assert bob.events[2:] == [Ended(leg=call.leg, by_far=True, status=200, reason=None, q850=16)]
    assert alice.lines() == ["INVITE", "ACK", "BYE"]
    assert bob.lines() == ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]
    assert [trace.line for trace in alice.traces] == [
        "INVITE sip:bob@192.0.2.2:5060",
        "100 Trying",
        "180 Ringing",
        "200 OK",
        "ACK sip:ringline@192.0.2.2:5060",
        "BYE sip:ringline@192.0.2.2:5060",
        "200 OK",
    ]
    wire.run(100)
    assert (alice.agent.deadline(), bob.agent.deadline()) == (None, None)
    assert (alice.agent.call_count, bob.agent.call_count) == (0, 0)


def test_the_called_side_may_end_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = talk(wire, alice, bob)
    bob.do(bob.agent.hang_up, leg, "done")
    wire.run(0.1)
    assert alice.one(Ended) == Ended(leg=out, by_far=True, status=200, reason="done", q850=16)
    assert bob.one(Ended).by_far is False


def test_early_media_comes_with_183(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.progress, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(0.1)
    assert alice.events == [Provisional(leg=out, status=183, sdp=OTHER_SDP)]


def test_a_refused_call_fails_with_its_status(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.refuse, leg, 404)
    wire.run(0.1)
    assert alice.events == [Failed(leg=out, status=404, reason="Not Found", q850=1, why="refused")]
    assert bob.one(Ended) == Ended(leg=leg, by_far=False, status=404, reason=None, q850=None)
    assert alice.lines() == ["INVITE", "ACK"]
    wire.run(100)
    assert (alice.agent.deadline(), bob.agent.deadline()) == (None, None)


def test_a_caller_who_gives_up_cancels(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    alice.do(alice.agent.hang_up, out, "changed my mind")
    assert alice.events == [Failed(leg=out, status=487, reason="changed my mind", q850=None, why="cancelled")]
    wire.run(0.1)
    assert bob.one(Cancelled).reason == "changed my mind"
    assert alice.lines() == ["INVITE", "CANCEL", "ACK"]
    assert bob.lines() == ["100 INVITE", "200 CANCEL", "487 INVITE"]
    wire.run(100)
    assert alice.agent.deadline() is None
    assert len(alice.events) == 1


def test_a_cancel_waits_for_the_first_provisional(wire: Wire, alice: Phone, bob: Phone) -> None:
    wire.fate = lambda message: [0.3] if isinstance(message, Response) else [0.01]
    out = alice.dial(bob)
    alice.do(alice.agent.hang_up, out)
    wire.run(0.2)
    assert alice.lines() == ["INVITE"]
    wire.run(1)
    assert "CANCEL" in alice.lines()
    bob.one(Cancelled)


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    alice.do(alice.agent.hang_up, out)
    wire.run(1)
    assert alice.lines() == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert [type(event) for event in alice.events] == [Failed]
    assert bob.one(Ended).by_far is True
    assert alice.agent.call_count == bob.agent.call_count == 0


def test_a_call_nobody_answers_times_out(wire: Wire, alice: Phone, bob: Phone) -> None:
    wire.fate = lambda _message: []
    out = alice.dial(bob)
    wire.run(40)
    assert alice.events == [Failed(leg=out, status=None, reason="no response", q850=None, why="timeout")]
    assert alice.lines() == ["INVITE"] * 7


def test_a_lost_ack_makes_the_answer_come_again(wire: Wire, alice: Phone, bob: Phone) -> None:
    lost: list[str] = []

    def lose_two_acks(message: Request | Response) -> list[float]:
        if isinstance(message, Request) and message.method == "ACK" and len(lost) < 2:
            lost.append("ACK")
            return []
        return [0.01]

    wire.fate = lose_two_acks
    talk(wire, alice, bob)
    assert bob.all(Confirmed) == []
    wire.run(5)
    bob.one(Confirmed)
    alice.one(Answered)
    assert bob.lines().count("200 INVITE") == 3


def test_a_lost_answer_comes_again(wire: Wire, alice: Phone, bob: Phone) -> None:
    lost: list[str] = []

    def lose_two_answers(message: Request | Response) -> list[float]:
        if isinstance(message, Response) and message.status == 200 and len(lost) < 2:
            lost.append("200")
            return []
        return [0.01]

    wire.fate = lose_two_answers
    talk(wire, alice, bob)
    wire.run(5)
    alice.one(Answered)
    bob.one(Confirmed)


def test_an_answer_never_acknowledged_ends_the_call(wire: Wire, alice: Phone, bob: Phone) -> None:
    wire.fate = lambda message: [] if isinstance(message, Request) and message.method == "ACK" else [0.01]
    _, leg = talk(wire, alice, bob)
    wire.run(40)
    assert bob.one(Ended) == Ended(leg=leg, by_far=True, status=408, reason="no ACK", q850=None)
    assert bob.lines()[-1] == "BYE"


def test_hanging_up_before_the_ack_waits_for_it(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    bob.do(bob.agent.hang_up, leg)
    assert "BYE" not in bob.lines()
    assert bob.one(Ended).by_far is False
    wire.run(0.1)
    assert bob.lines()[-1] == "BYE"
    assert alice.one(Ended) == Ended(leg=out, by_far=True, status=200, reason=None, q850=16)


def test_two_byes_that_cross_end_the_call_once_on_each_side(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = talk(wire, alice, bob)
    alice.do(alice.agent.hang_up, out)
    bob.do(bob.agent.hang_up, leg)
    wire.run(1)
    alice.one(Ended)
    bob.one(Ended)
    assert "200 BYE" in alice.lines()
    assert "200 BYE" in bob.lines()


def test_a_late_offer_is_answered_in_the_ack(wire: Wire, bob: Phone) -> None:
    wire.inject(
        bob,
        """INVITE sip:bob@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK1;rport
From: <sip:c@example.com>;tag=c
To: <sip:bob@192.0.2.2>
Call-ID: late
CSeq: 1 INVITE
Contact: <sip:c@198.51.100.99>

""",
    )
    call = bob.one(IncomingCall)
    assert call.sdp is None
    bob.do(bob.agent.answer, call.leg, OTHER_SDP)
    answer = bob.sent[-1]
    assert answer.body == OTHER_SDP
    ack = f"""ACK sip:bob@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK2;rport
From: <sip:c@example.com>;tag=c
To: {answer.headers.get("To")}
Call-ID: late
CSeq: 1 ACK
Content-Type: application/sdp
Content-Length: {len(SDP)}

"""
    wire.inject(bob, ack.replace("\n", "\r\n").encode() + SDP)
    assert bob.one(Confirmed) == Confirmed(leg=call.leg, sdp=SDP)


@pytest.mark.parametrize("seed", range(12))
def test_a_wire_that_loses_and_doubles_a_third_still_carries_a_call(
    wire: Wire, alice: Phone, bob: Phone, seed: int
) -> None:
    chance = SeededRandom(seed.to_bytes(2, "big"))

    def unkind(_message: Request | Response) -> list[float]:
        return [[], [0.02], [0.02, 0.5], [0.7], [0.01], []][integer(chance, 6)]

    wire.fate = unkind
    out = alice.dial(bob)
    wire.run(20)
    call = bob.one(IncomingCall)
    bob.do(bob.agent.ring, call.leg)
    wire.run(2)
    bob.do(bob.agent.answer, call.leg, OTHER_SDP)
    wire.run(31)
    alice.one(Answered)
    bob.one(Confirmed)
    alice.do(alice.agent.hang_up, out)
    wire.run(100)
    alice.one(Ended)
    bob.one(Ended)
    assert (alice.agent.deadline(), bob.agent.deadline()) == (None, None)


def test_commands_about_unknown_legs_are_ignored(wire: Wire, alice: Phone) -> None:
    leg = LegId("nobody")
    for command in (alice.agent.ring, alice.agent.hang_up):
        alice.do(command, leg)
    for with_sdp in (alice.agent.answer, alice.agent.progress, alice.agent.offer, alice.agent.accept_offer):
        alice.do(with_sdp, leg, SDP)
    alice.do(alice.agent.refuse, leg, 486)
    alice.do(alice.agent.refuse_offer, leg, 488)
    assert (alice.events, alice.sent) == ([], [])


def test_no_summary_tells_a_password_or_sdp(wire: Wire, alice: Phone, bob: Phone) -> None:
    talk(wire, alice, bob)
    shown = "\n".join(trace.line for phone in (alice, bob) for trace in phone.traces)
    assert "v=0" not in shown
    assert "Authorization" not in shown
