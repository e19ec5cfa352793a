"""A process dies in the middle of calls: what it has written down lets the next one end them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringline.agent import (
    Answered,
    Cancelled,
    Ended,
    Failed,
    IncomingCall,
    Lookup,
    OfferReceived,
    OutgoingInvite,
    Remnant,
)
from ringline.agent.session import Session
from ringline.base import LegId, RemoteProtocolError, SeededRandom
from ringline.sip import Credentials, Destination, DigestServer, Request, Response

from .test_outgoing import HERE, THERE, dial, reply
from .test_reliable_responses import Carol
from .wire import OTHER_SDP, SDP, Phone, Wire


def restarted(wire: Wire, phone: Phone, leg: LegId) -> tuple[Phone, Remnant]:
    """Kill a phone's process and start another at its address; give what it had written down of a leg."""
    remnant = phone.agent.remnant(leg)
    assert remnant is not None
    written = json.loads(json.dumps(remnant.to_json()))
    host, port = phone.address
    del wire.phones[(host, port)]
    return wire.phone(f"{phone.name} again", host), Remnant.from_json(written)


def up(wire: Wire, alice: Phone, bob: Phone, *, transport: str = "udp") -> tuple[LegId, LegId]:
    out = alice.dial(bob, transport=transport)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    return out, leg


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_we_made_and_that_was_answered_is_hung_up(wire: Wire, alice: Phone, bob: Phone, transport: str) -> None:
    out, _ = up(wire, alice, bob, transport=transport)
    again, remnant = restarted(wire, alice, out)
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(0.2)
    ended = bob.one(Ended)
    assert (ended.by_far, ended.status, ended.reason) == (True, 200, "Ringline was restarted")
    assert again.lines() == ["BYE"]
    assert again.agent.gauges()["dialogs"] == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_that_came_to_us_and_was_answered_is_hung_up(
    wire: Wire, alice: Phone, bob: Phone, transport: str
) -> None:
    _, leg = up(wire, alice, bob, transport=transport)
    again, remnant = restarted(wire, bob, leg)
    again.do(again.agent.end_remnant, leg, remnant)
    wire.run(0.2)
    assert alice.one(Ended).by_far
    assert again.lines() == ["BYE"]


def test_a_call_that_rings_at_the_far_end_is_cancelled(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.ring, bob.one(IncomingCall).leg)
    wire.run(0.1)
    again, remnant = restarted(wire, alice, out)
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(1)
    assert bob.one(Cancelled)
    assert again.lines() == ["CANCEL", "ACK"]  # the ACK is that of the 487
    wire.run(60)
    assert again.agent.gauges() == dict.fromkeys(again.agent.gauges(), 0)


def test_a_call_that_was_answered_while_nobody_was_there_is_taken_and_hung_up(
    wire: Wire, alice: Phone, bob: Phone
) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    again, remnant = restarted(wire, alice, out)
    wire.fate = lambda message: [] if isinstance(message, Response) else [0.01]
    bob.do(bob.agent.answer, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(1)
    wire.fate = lambda message: [0.01]
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(5)
    assert again.lines() == ["CANCEL", "ACK", "BYE"]
    assert bob.one(Ended).by_far


def test_a_far_end_that_is_gone_too_is_forgotten(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    wire.run(0.1)
    del wire.phones[bob.address]
    again, remnant = restarted(wire, alice, out)
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(120)
    assert sum(again.agent.gauges().values()) == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_caller_who_was_not_answered_is_refused(wire: Wire, alice: Phone, bob: Phone, transport: str) -> None:
    alice.dial(bob, transport=transport)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.ring, leg)
    wire.run(0.1)
    again, remnant = restarted(wire, bob, leg)
    again.do(again.agent.end_remnant, leg, remnant)
    wire.run(1)
    assert alice.one(Failed).status == 503
    assert again.lines()[0] == "503 INVITE"
    refusal = again.sent[0]
    assert isinstance(refusal, Response)
    assert refusal.headers.get("Retry-After") is not None
    wire.run(60)
    assert sum(again.agent.gauges().values()) == 0


def test_a_caller_whose_answer_was_not_written_down_is_hung_up(wire: Wire, alice: Phone, bob: Phone) -> None:
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    before = bob.agent.remnant(leg)
    assert before is not None
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    again, _ = restarted(wire, bob, leg)
    again.do(again.agent.end_remnant, leg, before)
    wire.run(1)
    assert alice.one(Ended).by_far


def test_the_refusal_is_repeated_until_it_is_acknowledged(wire: Wire, alice: Phone, bob: Phone) -> None:
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    again, remnant = restarted(wire, bob, leg)
    wire.fate = lambda message: []
    again.do(again.agent.end_remnant, leg, remnant)
    wire.run(0.7)
    wire.fate = lambda message: [0.01]
    wire.run(5)
    assert alice.one(Failed).status == 503
    assert again.lines().count("503 INVITE") == 3


def test_the_bye_answers_a_challenge(wire: Wire, alice: Phone, bob: Phone) -> None:
    """Trunks that challenge requests inside a dialog."""
    out, _ = up(wire, alice, bob)
    again, remnant = restarted(wire, alice, out)
    trunk = DigestServer("trunk", SeededRandom(b"trunk"), algorithms=("MD5",))
    (challenge,) = trunk.challenges("192.0.2.1", now=wire.now, stale=False)
    del wire.phones[bob.address]
    again.do(again.agent.end_remnant, out, remnant, Credentials(username="us", password="secret"))
    (_, bye) = wire.strangers[-1]
    assert isinstance(bye, Request)
    kept = "".join(f"{name}: {bye.headers.get(name)}\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    wire.inject(again, f"SIP/2.0 401 Unauthorized\n{kept}WWW-Authenticate: {challenge}\nContent-Length: 0\n\n")
    (_, second) = wire.strangers[-1]
    assert isinstance(second, Request)
    assert second.cseq[0] == bye.cseq[0] + 1
    assert 'username="us"' in (second.headers.get("Authorization") or "")


def test_nothing_is_left_of_a_call_that_is_over(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = up(wire, alice, bob)
    before = bob.agent.remnant(leg)
    alice.do(alice.agent.hang_up, out)
    assert alice.agent.remnant(out) is None
    wire.run(0.1)
    assert bob.agent.remnant(leg, before) is None


def test_a_hang_up_that_waits_for_the_ack_is_still_owed(wire: Wire, alice: Phone, bob: Phone) -> None:
    """A callee must not send BYE before the ACK: until then the far end knows nothing."""
    alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    wire.fate = lambda message: [] if isinstance(message, Response) else [0.01]
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    before = bob.agent.remnant(leg)
    bob.do(bob.agent.hang_up, leg)
    assert bob.agent.remnant(leg) is None
    assert bob.agent.remnant(leg, before) == before


def test_a_new_contact_is_where_the_bye_goes(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = up(wire, alice, bob)
    before = alice.agent.remnant(out)
    assert before is not None
    invite = Request(method="INVITE", uri="sip:ringline@192.0.2.1:5060")
    session = bob.agent._stack.legs[leg]
    assert isinstance(session, Session)
    told = session.dialog.request("INVITE")
    for name, value in told.headers:
        invite.headers.add(name, value)
    invite.headers.add("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKmoved;rport")
    invite.headers.add("Contact", "<sip:bob@192.0.2.77:5062>")
    invite.headers.add("Content-Type", "application/sdp")
    invite.body = OTHER_SDP
    wire.inject(alice, bytes(invite), source=bob.address)
    after = alice.agent.remnant(out)
    assert after is not None
    assert (before.target, after.target) != (after.target, before.target)
    again, remnant = restarted(wire, alice, out)
    again.do(again.agent.end_remnant, out, remnant)
    (address, bye) = wire.strangers[-1]
    assert address == ("192.0.2.77", 5062)
    assert isinstance(bye, Request)
    assert bye.uri == "sip:bob@192.0.2.77:5062"


# ── several devices at once ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def house(wire: Wire) -> list[Phone]:
    return [wire.phone(name, f"192.0.2.{number}") for number, name in enumerate(("desk", "mobile", "kitchen"), 11)]


def ring_all(wire: Wire, alice: Phone, house: list[Phone]) -> LegId:
    invites = [
        OutgoingInvite(
            request_uri=f"sip:joe@{phone.address[0]}",
            destinations=(Destination("udp", *phone.address),),
            from_=("", "sip:alice@example.com"),
            to="sip:joe@example.com",
            sdp=SDP,
        )
        for phone in house
    ]
    leg = LegId("all")
    alice.do(alice.agent.dial_all, leg, invites)
    wire.run(0.1)
    return leg


def test_every_device_of_a_fork_is_cancelled(wire: Wire, alice: Phone, house: list[Phone]) -> None:
    leg = ring_all(wire, alice, house)
    again, remnant = restarted(wire, alice, leg)
    assert len(remnant.parts) == 3
    again.do(again.agent.end_remnant, leg, remnant)
    wire.run(1)
    assert sorted(again.lines()) == ["ACK"] * 3 + ["CANCEL"] * 3
    for phone in house:
        phone.one(Cancelled)
    wire.run(60)
    assert again.agent.gauges() == dict.fromkeys(again.agent.gauges(), 0)


def test_a_device_that_could_not_be_cancelled_yet_is_owed_it_beside_the_bye(
    wire: Wire, alice: Phone, house: list[Phone]
) -> None:
    """The kitchen has said nothing when the desk answers: its CANCEL has to wait for a response (section 9.1)."""
    quiet = house[2]
    wire.fate = lambda message: [] if message in quiet.sent else [0.01]
    leg = ring_all(wire, alice, house)
    before = alice.agent.remnant(leg)
    house[0].do(house[0].agent.answer, house[0].one(IncomingCall).leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)
    after = alice.agent.remnant(leg, before)
    assert after is not None
    assert [part.kind.name for part in after.parts] == ["UP", "CALLING"]
    again = wire.phone("alice again", alice.address[0])
    wire.fate = lambda message: [0.01]
    again.do(again.agent.end_remnant, leg, Remnant.from_json(json.loads(json.dumps(after.to_json()))))
    wire.run(1)
    assert house[0].one(Ended).by_far
    quiet.one(Cancelled)


def test_the_branches_of_a_fork_that_was_given_up_are_still_owed_their_cancel(
    wire: Wire, alice: Phone, house: list[Phone]
) -> None:
    wire.fate = lambda message: [] if isinstance(message, Response) else [0.01]
    leg = ring_all(wire, alice, house)
    before = alice.agent.remnant(leg)
    alice.do(alice.agent.hang_up, leg)
    assert alice.agent.remnant(leg) is None
    assert alice.agent.remnant(leg, before) == before
    wire.fate = lambda message: [0.01]
    wire.run(2)
    assert alice.agent.remnant(leg, before) is None


def test_one_unusable_branch_keeps_no_other_from_its_end(wire: Wire, alice: Phone, house: list[Phone]) -> None:
    leg = ring_all(wire, alice, house)
    again, remnant = restarted(wire, alice, leg)
    broken = Remnant.from_json(remnant.to_json() | {"invite": "nonsense"})
    with pytest.raises(RemoteProtocolError):
        again.agent.end_remnant(leg, broken, now=wire.now)
    wire.pump(again)
    wire.run(1)
    assert [len(phone.all(Cancelled)) for phone in house] == [0, 1, 1]


# ── what changes in a dialog ───────────────────────────────────────────────────────────────────────────────────────


def test_a_refreshed_call_is_hung_up_with_a_number_that_was_not_used_yet(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, leg = up(wire, alice, bob)
    before = alice.agent.remnant(out)
    wire.run(3000)
    assert "UPDATE" in alice.lines()
    after = alice.agent.remnant(out, before)
    assert before is not None
    assert after is not None
    assert after.cseq > before.cseq
    again, remnant = restarted(wire, alice, out)
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(1)
    assert (bob.one(Ended).leg, bob.one(Ended).by_far) == (leg, True)


def test_a_number_that_a_prack_has_used_is_not_used_by_the_bye(wire: Wire, alice: Phone, bob: Phone) -> None:
    """The 200 crosses the CANCEL of the next process; the PRACKs of the last one have used up numbers."""
    out = alice.dial(bob)
    wire.run(0.1)
    bob.do(bob.agent.progress, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(0.1)
    assert "PRACK" in alice.lines()
    again, remnant = restarted(wire, alice, out)
    wire.fate = lambda message: [] if isinstance(message, Response) else [0.01]
    bob.do(bob.agent.answer, bob.one(IncomingCall).leg, OTHER_SDP)
    wire.run(1)
    wire.fate = lambda message: [0.01]
    again.do(again.agent.end_remnant, out, remnant)
    wire.run(5)
    assert again.lines()[:3] == ["CANCEL", "ACK", "BYE"]
    assert bob.one(Ended).by_far


def test_a_caller_who_moved_by_update_before_the_answer_gets_the_bye_there(wire: Wire, bob: Phone) -> None:
    carol = Carol(wire, bob)
    bob.do(bob.agent.progress, carol.call.leg, OTHER_SDP)
    carol.says("PRACK", 2, rack=f"{carol.rseq()} 1 INVITE")
    carol.says("UPDATE", 3, body=SDP, contact="<sip:carol@198.51.100.98:5070>")
    bob.do(bob.agent.accept_offer, bob.one(OfferReceived).leg, OTHER_SDP)
    again, remnant = restarted(wire, bob, carol.call.leg)
    again.do(again.agent.end_remnant, carol.call.leg, remnant)
    places = {each.method: place for place, each in wire.strangers if isinstance(each, Request)}
    assert places["BYE"] == ("198.51.100.98", 5070)


def test_the_name_of_a_proxy_is_looked_up_again_for_the_bye(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    name = Lookup(host="proxy.example.com", port=None, transport=None)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route="<sip:proxy.example.com;lr>")
    alice.do(alice.agent.found, name, (Destination("udp", *THERE),))
    again, remnant = restarted(wire, alice, leg)
    again.do(again.agent.end_remnant, leg, remnant)
    assert again.lines() == []
    again.do(again.agent.found, again.one(Lookup), (Destination("udp", "203.0.113.80", 5060),))
    (place, bye) = wire.strangers[-1]
    assert isinstance(bye, Request)
    assert (bye.method, place) == ("BYE", ("203.0.113.80", 5060))


def test_what_an_earlier_version_wrote_down_can_be_read(wire: Wire, alice: Phone, bob: Phone) -> None:
    out, _ = up(wire, alice, bob)
    remnant = alice.agent.remnant(out)
    assert remnant is not None
    written = remnant.to_json()
    del written["others"]
    assert Remnant.from_json(written) == remnant


def test_no_password_and_no_sdp_is_written_down(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob, headers=(("X-Secret", "hush"), ("P-Asserted-Identity", "<sip:x@y>")))
    remnant = alice.agent.remnant(out)
    assert remnant is not None
    text = json.dumps(remnant.to_json())
    assert "hush" not in text
    assert "v=0" not in text
    assert SDP.decode().splitlines()[1] not in text


@pytest.mark.parametrize(
    "value", [{}, {"kind": "UP"}, {"kind": "SIDEWAYS"}, [], {"kind": "UP", "remote": "x"}, {"kind": None}]
)
def test_what_is_no_remnant_is_refused(value: Any) -> None:
    with pytest.raises(RemoteProtocolError):
        Remnant.from_json(value)


def test_a_damaged_invite_is_refused(wire: Wire, alice: Phone, bob: Phone) -> None:
    out = alice.dial(bob)
    remnant = alice.agent.remnant(out)
    assert remnant is not None
    damaged = Remnant.from_json(remnant.to_json() | {"invite": "nonsense"})
    again, _ = restarted(wire, alice, out)
    with pytest.raises(RemoteProtocolError):
        again.agent.end_remnant(out, damaged, now=wire.now)
    assert again.all(Answered) == []
