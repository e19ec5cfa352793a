"""Broken copies of every message of a call come beside the true ones: the call goes on, and nothing is left of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ringline.agent import Answered, Ended, IncomingCall, OfferAnswered, OfferReceived, Provisional
from ringline.base import LegId, RemoteProtocolError, SeededRandom, integer
from ringline.sip import Flow, Response, StreamParser, parse

from .wire import HOLD, OTHER_SDP, Message, Phone, Wire

HEADERS = ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Type", "Content-Length", "Allow")
VALUES = (
    b"",
    b" ",
    b",",
    b";;;;",
    b'"',
    b"<<<<>>>>",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"\xff\xfe\x00",
    b"sip:",
    b"*",
    b"sip:%00@[::1]:0;lr",
    b"sips:a@b;transport=tls",
    b"tel:+1",
    b"1 INVITE",
    b"4294967295 BYE",
    b"SIP/2.0/UDP 192.0.2.250:1;branch=z9hG4bKx",
    b"x" * 5000,
    b"application/sdp;" * 300,
)


class Call:
    """A call with everything in it: rings, early media, answer, hold, hang-up."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.alice = self.wire.phone("alice", "192.0.2.1", trusts=lambda _address: True)
        self.bob = self.wire.phone("bob", "192.0.2.2", trusts=lambda _address: True)
        self.out = self.leg = LegId("")

    def steps(self) -> Iterator[None]:
        wire, alice, bob = self.wire, self.alice, self.bob
        self.out = alice.dial(bob)
        wire.run(0.1)
        yield
        self.leg = bob.all(IncomingCall)[0].leg
        bob.do(bob.agent.ring, self.leg)
        wire.run(0.1)
        yield
        bob.do(bob.agent.progress, self.leg, OTHER_SDP)
        wire.run(0.1)
        yield
        bob.do(bob.agent.answer, self.leg, OTHER_SDP)
        wire.run(0.1)
        yield
        alice.do(alice.agent.offer, self.out, HOLD)
        wire.run(0.1)
        yield
        bob.do(bob.agent.accept_offer, self.leg, OTHER_SDP)
        wire.run(0.1)
        yield
        bob.do(bob.agent.hang_up, self.leg)
        wire.run(0.1)
        yield

    def went_well(self) -> bool:
        alice, bob = self.alice, self.bob
        return (
            [each.sdp for each in alice.all(Answered)] == [OTHER_SDP]
            and [each.sdp for each in alice.all(OfferAnswered)] == [OTHER_SDP]
            and HOLD in [each.sdp for each in bob.all(OfferReceived)]
            and bool(alice.all(Provisional))
            and [each.by_far for each in alice.all(Ended)] == [True]
        )


def mutants(data: bytes, chance: SeededRandom) -> Iterator[bytes]:
    """Broken copies of a message. None of them is the message itself, so none may take its place."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for name in HEADERS:
        at = next((index for index, line in enumerate(lines) if line.startswith(name.encode() + b":")), None)
        if at is None:
            continue
        for value in VALUES:
            yield b"\r\n".join([*lines[:at], name.encode() + b": " + value, *lines[at + 1 :]]) + b"\r\n\r\n" + body
        yield b"\r\n".join([*lines[:at], *lines[at + 1 :]]) + b"\r\n\r\n" + body
        yield b"\r\n".join([*lines[:at], lines[at], *lines[at:]]) + b"\r\n\r\n" + body
    for _ in range(60):
        bent = bytearray(data)
        for _ in range(1 + integer(chance, 8)):
            bent[integer(chance, len(bent))] = integer(chance, 256)
        yield bytes(bent)
    for _ in range(30):
        yield data[: integer(chance, len(data))]


def concerns(mutant: bytes, original: bytes) -> bool:
    """Whether it may rightly act on the call: a good message of it, or the branch from another host, to be refused."""
    via = next(line for line in original.split(b"\r\n") if line.startswith(b"Via:"))
    if via not in mutant and via.partition(b"branch=")[2][:27] in mutant:
        return True
    try:
        found = parse(mutant)
        found.check()
    except RemoteProtocolError:
        return False
    return found.call_id == parse(original).call_id


@pytest.mark.parametrize("seed", range(6))
def test_broken_copies_of_its_messages_do_not_disturb_a_call(seed: int) -> None:
    chance = SeededRandom(f"mutations {seed}".encode())
    call = Call()
    done: set[object] = set()
    bent = sum(throw_all(call, chance, done, everything=False) for _ in call.steps())
    assert bent > 800
    assert call.went_well(), (call.alice.events, call.bob.events)
    nothing_is_left(call)


@pytest.mark.parametrize("seed", range(6))
def test_copies_that_are_good_messages_too_may_end_a_call_but_leave_nothing(seed: int) -> None:
    chance = SeededRandom(f"all mutations {seed}".encode())
    call = Call()
    done: set[object] = set()
    bent = 0
    for _ in call.steps():
        bent += throw_all(call, chance, done, everything=True)
        if not call.bob.all(IncomingCall):
            break
    assert bent > 300
    nothing_is_left(call)


def nothing_is_left(call: Call) -> None:
    """Hang up whatever is up, wait, and see that all books are empty."""
    for _ in range(3):
        for phone in (call.alice, call.bob):
            for leg in {call.out, call.leg, *(each.leg for each in phone.all(IncomingCall))}:
                phone.do(phone.agent.hang_up, leg)
        call.wire.run(400)
    for phone in (call.alice, call.bob):
        left = phone.agent.gauges()
        assert left["legs"] == left["client_transactions"] == left["server_transactions"] == left["alarms"] == 0
        assert left["dialogs"] == 0


def is_of(call_id: str, message: Message) -> bool:
    """Whether this is a message of the call as it should be."""
    refused = isinstance(message, Response) and message.status >= 300
    return message.headers.get("Call-ID") == call_id and not refused


def throw_all(call: Call, chance: SeededRandom, done: set[object], *, everything: bool) -> int:
    """Throw broken copies of each message of the true call; what answers to mutants is not bent again."""
    ours = call.alice.sent[0].call_id
    count = 0
    for sender, receiver in ((call.alice, call.bob), (call.bob, call.alice)):
        for message in [each for each in sender.sent if is_of(ours, each)]:
            key = (sender.name, bytes(message).split(b"\r\n", 1)[0], message.cseq)
            if key not in done:
                done.add(key)
                count += throw(call, bytes(message), sender, receiver, chance, everything=everything)
    return count


def throw(
    call: Call, original: bytes, sender: Phone, receiver: Phone, chance: SeededRandom, *, everything: bool
) -> int:
    count = 0
    for mutant in mutants(original, chance):
        if everything or not concerns(mutant, original):
            receiver.agent.receive(mutant, Flow("udp", receiver.address, sender.address), now=call.wire.now)
            count += 1
    call.wire.pump(receiver)
    return count


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_wire_does_to_messages_every_call_ends(seed: int) -> None:
    """Here the true message never arrives: each one may be bent on its way, and comes again as it is, bent or not."""
    chance = SeededRandom(f"bent {seed}".encode())
    call = Call()

    def rewrite(data: bytes) -> bytes:
        if integer(chance, 100) >= 25:
            return data
        bent = bytearray(data)
        bent[integer(chance, len(bent))] = integer(chance, 256)
        return bytes(bent)

    call.wire.rewrite = rewrite
    wire, alice, bob = call.wire, call.alice, call.bob
    out = alice.dial(bob)
    wire.run(5)
    for each in bob.all(IncomingCall):
        bob.do(bob.agent.answer, each.leg, OTHER_SDP)
    wire.run(5)
    alice.do(alice.agent.offer, out, HOLD)
    wire.run(5)
    for offered in bob.all(OfferReceived):
        bob.do(bob.agent.accept_offer, offered.leg, OTHER_SDP)
    wire.run(5)
    alice.do(alice.agent.hang_up, out)
    wire.run(60)
    call.wire.rewrite = lambda data: data
    call.out = out
    nothing_is_left(call)


def messages_of_a_call() -> list[Message]:
    call = Call()
    for _ in call.steps():
        pass
    return [*call.alice.sent, *call.bob.sent]


@pytest.mark.parametrize(
    "message", messages_of_a_call(), ids=lambda message: bytes(message).split(b"\r\n", 1)[0].decode()
)
def test_a_stream_may_be_cut_anywhere(message: Message) -> None:
    data = bytes(message)
    for cut in range(1, len(data)):
        parser = StreamParser()
        assert [*parser.feed(data[:cut]), *parser.feed(data[cut:])] == [data]


def test_a_stream_of_a_whole_call_may_come_in_any_pieces() -> None:
    stream = b"".join(bytes(message) for message in messages_of_a_call())
    expected = StreamParser().feed(stream)
    assert len(expected) == len(messages_of_a_call())
    for size in (1, 2, 3, 7, 64, 255, 1000, 1461):
        parser = StreamParser()
        found = [frame for at in range(0, len(stream), size) for frame in parser.feed(stream[at : at + size])]
        assert found == expected
