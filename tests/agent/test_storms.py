"""Storms in virtual time: however much comes, memory is bounded, others are served, and in the end nothing is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringline.agent import Admit, Answered, Challenge, Confirmed, Ended, IncomingCall, InviteContext, RegisterContext
from ringline.base import LegId
from ringline.sip import Admission, Request, Response

from .wire import OTHER_SDP, SDP, Phone, Wire

ALICE = ("192.0.2.1", 5060)
TRUNK = ("198.51.100.7", 5060)
STRANGER = ("203.0.113.9", 5060)


def message(
    method: str,
    number: int,
    *,
    source: tuple[str, int] = STRANGER,
    to_tag: str = "",
    extra: str = "",
    body: bytes = b"",
) -> bytes:
    """A request outside any dialog, one of many."""
    head = (
        f"{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP {source[0]}:{source[1]};branch=z9hG4bKs{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@example.com>;tag=f{number}\r\nTo: <sip:bob@192.0.2.2>{to_tag}\r\n"
        f"Call-ID: storm-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{source[0]}:{source[1]}>\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def response(number: int, *, status: int = 200, method: str = "INVITE") -> bytes:
    """An answer to something that was never asked."""
    return (
        f"SIP/2.0 {status} OK\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{number:020d}\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: r{number}\r\nCSeq: 1 {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def known_only(context: InviteContext) -> Admission:
    return Admit("trunk") if context.source.remote[0] in (ALICE[0], TRUNK[0]) else Challenge()


def nobody(_context: RegisterContext) -> Admission:
    return Challenge()


def trusted(address: str) -> bool:
    return address in (ALICE[0], TRUNK[0])


@pytest.fixture
def alice(wire: Wire) -> Phone:
    return wire.phone("alice", ALICE[0])


@pytest.fixture
def bob(wire: Wire) -> Phone:
    return wire.phone("bob", "192.0.2.2", admit=known_only, registers=nobody, trusts=trusted)


def answered_call(wire: Wire, alice: Phone, bob: Phone) -> tuple[LegId, LegId]:
    out = alice.dial(bob)
    wire.run(0.1)
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.1)
    alice.one(Answered)
    bob.one(Confirmed)
    return out, leg


STRANGE: dict[str, Callable[[int], bytes]] = {
    "INVITE": lambda number: message("INVITE", number, body=SDP, extra="Content-Type: application/sdp\r\n"),
    "REGISTER": lambda number: message("REGISTER", number, extra="Expires: 3600\r\n"),
    "OPTIONS": lambda number: message("OPTIONS", number),
    "BYE of no dialog": lambda number: message("BYE", number, to_tag=f";tag=t{number}"),
    "re-INVITE of no dialog": lambda number: message("INVITE", number, to_tag=f";tag=t{number}"),
    "CANCEL of nothing": lambda number: message("CANCEL", number),
    "ACK of nothing": lambda number: message("ACK", number, to_tag=f";tag=t{number}"),
    "PRACK of nothing": lambda number: message("PRACK", number, extra="RAck: 1 1 INVITE\r\n"),
    "a method of its own": lambda number: message(f"DANCE{number}", number),
    "200 to nothing": response,
    "100 to nothing": lambda number: response(number, status=100),
    "the same again": lambda _number: message("INVITE", 0),
    "wrong passwords": lambda number: message(
        "INVITE",
        number,
        extra=f'Authorization: Digest username="alice", realm="ringline.test", nonce="n{number}", uri="sip:x", '
        'response="0123456789abcdef0123456789abcdef", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n',
    ),
    "no SIP": lambda number: b"\x00\x01" * (number % 700),
    "half a message": lambda number: message("INVITE", number, body=SDP)[: 40 + number % 400],
    "headers without end": lambda number: message("INVITE", number, extra="X: y\r\n" * 3000),
}


@pytest.mark.parametrize("kind", list(STRANGE))
def test_a_storm_of_strangers_costs_no_memory_and_no_call(wire: Wire, alice: Phone, bob: Phone, kind: str) -> None:
    """1,000 a second for ten seconds of virtual time."""
    out, leg = answered_call(wire, alice, bob)
    before = len(bob.sent)
    most = 0
    for second in range(10):
        for number in range(1000):
            wire.inject(bob, STRANGE[kind](second * 1000 + number), source=STRANGER)
        bob.events = [event for event in bob.events if not isinstance(event, IncomingCall)]
        most = max(most, bob.agent.gauges()["server_transactions"])
        wire.run(1)
    # Answered like any stranger's requests, so many a minute and no more; nothing is kept for them.
    assert len(bob.sent) - before <= 150
    assert most <= 4
    alice.do(alice.agent.hang_up, out)
    wire.run(0.1)
    assert bob.one(Ended).leg == leg
    wire.run(80)
    left = bob.agent.gauges()
    assert {name: left[name] for name in left if name != "messages_dropped"} == {
        name: 0 for name in left if name != "messages_dropped"
    }


def test_a_storm_from_forged_addresses_keeps_a_bounded_memory(wire: Wire, bob: Phone) -> None:
    for number in range(12_000):
        source = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 5060)
        wire.inject(bob, message("INVITE", number, source=source, body=SDP), source=source)
        wire.now += 0.001
    gate = bob.agent._gate
    assert len(gate.flood) <= 10_000
    assert len(gate._login._guard) <= 10_000
    assert bob.agent.gauges()["server_transactions"] == 0
    assert bob.agent.gauges()["alarms"] == 0


def test_a_trunk_that_floods_gets_503_beyond_the_limit_and_nothing_stays(wire: Wire) -> None:
    home = wire.phone(
        "home", "192.0.2.2", admit=known_only, trusts=trusted, max_calls=50, max_transactions_per_source=200
    )
    for number in range(1000):
        wire.inject(home, message("INVITE", number, source=TRUNK), source=TRUNK)
    assert len(home.all(IncomingCall)) == 50
    refused = [each for each in home.sent if isinstance(each, Response) and each.status == 503]
    assert len(refused) == 950
    assert all(each.headers.get("Retry-After") for each in refused)
    for call in home.all(IncomingCall):
        home.do(home.agent.refuse, call.leg, 486)
    wire.run(80)
    left = home.agent.gauges()
    assert left["legs"] == left["dialogs"] == left["server_transactions"] == left["alarms"] == 0


def test_one_invite_repeated_ten_thousand_times_is_one_call(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", admit=known_only, trusts=trusted)
    for _ in range(10_000):
        wire.inject(home, message("INVITE", 1, source=TRUNK), source=TRUNK)
    home.one(IncomingCall)
    # One answer for each repeat, never more: nobody is made an amplifier's victim.
    assert len(home.sent) <= 10_001
    assert home.agent.gauges()["server_transactions"] == 1


def test_an_unanswered_200_is_repeated_eleven_times_and_no_more(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", admit=known_only, trusts=trusted)
    wire.inject(home, message("INVITE", 1, source=TRUNK, extra="Supported: timer\r\n"), source=TRUNK)
    home.do(home.agent.answer, home.one(IncomingCall).leg, OTHER_SDP)
    wire.run(200)
    assert home.lines().count("200 INVITE") == 11
    assert home.one(Ended).status == 408
    assert home.agent.gauges()["legs"] == home.agent.gauges()["alarms"] == 0


def test_requests_in_a_dialog_are_bounded_too(wire: Wire, alice: Phone) -> None:
    """A far end that sends one INFO after the other, each a transaction of its own."""
    bob = wire.phone("bob", "192.0.2.2", admit=known_only, trusts=trusted, max_transactions_per_source=100)
    answered_call(wire, alice, bob)
    invite = next(each for each in alice.sent if isinstance(each, Request) and each.method == "INVITE")
    to_tag = next(each.to.tag for each in bob.sent if isinstance(each, Response) and each.status == 200)
    for number in range(2, 1002):
        info = (
            f"INFO sip:ringline@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKi{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: {invite.headers.get('From')}\r\nTo: {invite.headers.get('To')};tag={to_tag}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: {number} INFO\r\nContent-Length: 0\r\n\r\n"
        )
        wire.inject(bob, info.encode(), source=ALICE)
    assert bob.agent.gauges()["server_transactions"] <= 100
    assert bob.lines().count("200 INFO") + bob.lines().count("503 INFO") == 1000
    wire.run(40)
    assert bob.agent.gauges()["server_transactions"] == 0
    assert bob.agent.gauges()["legs"] == 1
