"""More than anybody needs is dropped unread; those who are known are not counted."""

from __future__ import annotations

from ringline.agent import Admission, Admit, Challenge, FloodLimits, IncomingCall, InviteContext
from ringline.agent.flood import Flood
from ringline.sip import Credentials

from .test_outgoing import HERE, dial, reply
from .wire import OTHER_SDP, Phone, Wire

LIMITS = FloodLimits(per_second=10, burst=20, strangers_per_second=100, strangers_burst=50)
OPTIONS = (
    "OPTIONS sip:192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.99;branch=z9hG4bK{number}\nMax-Forwards: 70\n"
    "From: <sip:x@y>;tag=1\nTo: <sip:192.0.2.2>\nCall-ID: {number}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
)


def knock(wire: Wire, phone: Phone, count: int, *, source: str = "198.51.100.99") -> int:
    """Send so many requests at once; the answers they get."""
    before = len(phone.sent)
    for number in range(count):
        wire.inject(phone, OPTIONS.format(number=number), source=(source, 5060))
    return len(phone.sent) - before


def test_a_source_gets_its_burst_and_then_its_rate(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", flood=LIMITS)
    assert knock(wire, home, 100) == 20
    wire.run(1)
    assert knock(wire, home, 100) == 10
    assert home.agent.gauges()["messages_dropped"] == 170


def test_one_source_does_not_use_up_what_is_another_ones(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", flood=LIMITS)
    knock(wire, home, 100)
    assert knock(wire, home, 5, source="198.51.100.7") == 5


def test_all_strangers_together_have_a_limit_too(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", flood=LIMITS)
    assert sum(knock(wire, home, 10, source=f"198.51.100.{number}") for number in range(20)) == 50


def test_a_trunk_is_never_counted(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2", flood=LIMITS, trusts=lambda address: address == "198.51.100.99")
    assert knock(wire, home, 300) == 300
    assert knock(wire, home, 300, source="198.51.100.7") < 60


def test_whoever_proved_a_password_is_not_counted_for_a_while(wire: Wire) -> None:
    def users(context: InviteContext) -> Admission:
        return Admit("joe") if context.username else Challenge()

    home = wire.phone("home", "192.0.2.2", flood=LIMITS, admit=users, secrets={"joe": "x"}.get)
    alice = wire.phone("alice", "192.0.2.1")
    alice.dial(home, credentials=Credentials(username="joe", password="x"))
    wire.run(0.2)
    home.one(IncomingCall)
    assert knock(wire, home, 100, source="192.0.2.1") == 100


def test_answers_to_our_own_requests_are_always_read(wire: Wire) -> None:
    alice = wire.phone("alice", "192.0.2.1", flood=LIMITS)
    dial(wire, alice, HERE)
    knock(wire, alice, 100, source=HERE[0])
    reply(wire, alice, 200, body=OTHER_SDP)
    assert alice.lines()[-1] == "ACK"


def test_who_failed_too_often_pays_more(wire: Wire) -> None:
    flood = Flood(LIMITS, lambda _address: False)
    assert sum(flood.passes("a", now=0, price=10) for _ in range(20)) == 2


def test_memory_is_bounded_whoever_knocks() -> None:
    flood = Flood(LIMITS, lambda _address: False)
    for number in range(30_000):
        flood.passes(f"2001:db8:{number:x}::1", now=float(number))
    assert len(flood) == 10_000
    assert not any(flood.passes("2001:db8:1::2", now=30_000, price=100) for _ in range(3))
