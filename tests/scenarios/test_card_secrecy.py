"""The digits of a card are nowhere but in the collector and in the charge: everything else is searched for them.

Keys come as telephone-events (RFC 4733), by SIP INFO through the real user agent, and as tones in the audio.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from ringline.agent import Admit, AgentConfig, Send, UserAgent
from ringline.base import SeededRandom
from ringline.base.log import FIELDS
from ringline.calls.commands import Move
from ringline.engine.sip.phones import Phones as SipPhones
from ringline.routing import RoutingTable, Trunk
from ringline.sdp import Capabilities, offer
from ringline.sip import Flow, Place, Places, Response, parse
from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    listen_for_keys,
    pay,
    read_digits,
    record,
    scenario,
    talk,
    wait,
)

CARD, EXPIRY, CODE = "4929731688520378", "0931", "864"
_T = TypeVar("_T")
WRONG = "4929731688520379"
CALLER, OURS = ("198.51.100.7", 5060), ("192.0.2.1", 5060)


class Ears(logging.Handler):
    """Keeps everything that is logged, at any level, fields and tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {getattr(record, FIELDS, {})}")


@pytest.fixture
def log() -> Iterator[Ears]:
    root, ours = logging.getLogger(), logging.getLogger("ringline")
    ears = Ears()
    before = (root.level, ours.level)
    root.addHandler(ears)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    yield ears
    root.removeHandler(ears)
    root.setLevel(before[0])
    ours.setLevel(before[1])


def everything(board: Switchboard, log: Ears) -> str:
    """All that Ringline has written, sent or said, as text; what the gateway was sent is not part of it."""
    stored = repr([vars(board.store), board.store.journals])
    sent = [f"{one.method} {one.url} {sorted(one.headers.items())} {one.body!r}" for one in board.web.requests]
    spoken = [request.text for request in board.voice.requests]
    recorded = [said.text for recording in board.recordings.made for said in recording.says]
    return "\n".join([stored, *sent, *spoken, *recorded, *log.lines, repr(board.engine.live_legs())])


def assert_secret(board: Switchboard, log: Ears) -> None:
    """No six digits of the card stand together anywhere, and no key at all has been noted down."""
    found = everything(board, log)
    for number in (CARD, WRONG):
        for start in range(len(number) - 5):
            assert number[start : start + 6] not in found, number[start : start + 6]
    assert EXPIRY + CODE not in found
    for lines in board.store.journals.values():
        for line in lines:
            written = json.dumps(dict(line.data))
            assert "KeyDown" not in written
            assert "KeyReleased" not in written
            assert "SendKeys" not in written


@pytest.mark.parametrize("split", [None, "conversation"])
@scenario
async def test_a_payment_by_telephone_events_leaves_no_digit_behind(
    split: str | None, log: Ears, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(
        record(split=split),
        listen_for_keys(app.url("/keys")),
        connect(bob.number),
        pay(99.5, url=app.url("/paid")),
        talk("Thank you."),
    )
    await alice.dials(app.number)
    await alice.hears("Please enter your card number.")
    await alice.presses(WRONG)
    await alice.hears("not valid", to_the_end=True)
    await alice.presses(CARD[:9])
    tones = alice.says(f"tones of {CARD}")  # the same keys, as the audio carries them
    await alice.presses(CARD[9:])
    await tones
    await alice.hears("expiry date")
    await alice.presses(EXPIRY)
    await alice.hears("security code")
    await alice.presses(CODE)
    assert (await app.gets("/paid")).json["status"] == "success"
    await alice.hears("Thank you.", to_the_end=True)
    assert (alice.heard_words[-1], bob.keys_received) == ("Thank you.", "")
    alice.hangs_up()
    await board.over()
    assert board.payments.charges[0].card.number == CARD
    assert CARD not in repr(board.payments.charges)
    assert app.received("/keys") == []
    assert not any("tones" in text for text in (*board.recordings.made[0].texts(), *bob.heard_words))
    assert len(board.recordings.made) == 1
    assert_secret(board, log)


@scenario
async def test_keys_still_coming_when_a_payment_has_failed_belong_to_it(
    log: Ears, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/keys")), pay(1, url=app.url("/paid")), wait(10))
    await alice.dials(app.number)
    await alice.hears("Please enter")
    await alice.presses(WRONG, held_s=0.4)
    await alice.hears("not valid")
    await alice.presses(WRONG + CARD[:9], held_s=0.4)  # he does not hear that it is over, and goes on
    assert (await app.gets("/paid")).json["status"] == "failure"
    await board.passes(3)
    assert app.received("/keys") == []
    assert_secret(board, log)
    await alice.presses("5")
    assert (await app.gets("/keys")).json["dtmf"]["digits"] == "5"


@scenario
async def test_a_transfer_in_the_middle_of_the_number_takes_no_digit_along(
    log: Ears, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(1))
    await alice.dials(app.number)
    await alice.hears("Please enter")
    typing = alice.presses(CARD)
    await board.passes(1.55)  # a key is down
    app.call(alice.leg).transfer(read_digits(max_digits=20, time_out=10, url=app.url("/input")))
    await typing
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}
    moves = [line for lines in board.store.journals.values() for line in lines if Move.__name__ in repr(line.data)]
    assert moves
    assert_secret(board, log)


@scenario
async def test_a_crash_in_the_middle_leaves_no_digit_in_the_store(
    log: Ears, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(pay(1))
    await alice.dials(app.number)
    await alice.hears("Please enter")
    await alice.presses(CARD + EXPIRY + CODE[:2])
    assert_secret(board, log)  # what a crash would leave behind now


class Trunking:
    """A caller behind a trunk, who speaks SIP with the real user agent, datagram by datagram."""

    def __init__(self, board: Switchboard, app: WebApplication) -> None:
        self._agent = UserAgent(
            AgentConfig(contacts={"udp": OURS}, user_agent="Ringline/test", realm="ringline.test"),
            SeededRandom(b"trunk"),
            lambda _context: Admit("carrier"),
            lambda _username: None,
        )
        self._loop = asyncio.get_running_loop()
        self.phones = SipPhones(
            engine=board.engine,
            link=self,
            media=board.media,
            directory=board.directory,
            routing=RoutingTable(
                book=board.directory,
                sip_host=OURS[0],
                sip_port=OURS[1],
                trunks=[Trunk(name="carrier", addresses=(CALLER[0],))],
                users=[],
                domains=[],
                account_keys=(),
                caller_id="own",
                transports=("udp",),
            ),
            resolver=NoResolver(),
            codecs=("PCMA",),
            random=SeededRandom(b"keys"),
            places=Places(Place(sip_host=OURS[0])),
        )
        self._number = app.number
        self._sequence = 1
        self._pumping = False
        self._answered = asyncio.Event()
        self._to_tag = ""

    def look(self, ask: Callable[[UserAgent], _T]) -> _T:
        return ask(self._agent)

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        act(self._agent, self._loop.time())
        self._pump()

    def _pump(self) -> None:
        if self._pumping:  # a command from within an event: what follows is taken by the loop below
            return
        self._pumping = True
        while (output := self._agent.poll()) is not None:
            if isinstance(output, Send):
                message = parse(output.data)
                if isinstance(message, Response) and message.status == 200 and not self._to_tag:
                    self._to_tag = f";tag={message.to.tag}"
                    self._answered.set()
            else:
                self.phones.heard(output)
        self._pumping = False

    def _send(self, method: str, *, to_tag: str = "", extra: str = "", body: bytes = b"") -> None:
        if method != "ACK":
            self._sequence += 1
        head = (
            f"{method} sip:{self._number}@{OURS[0]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {CALLER[0]}:{CALLER[1]};branch=z9hG4bK{method}{self._sequence}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:447700900001@{CALLER[0]}>;tag=far\r\n"
            f"To: <sip:{self._number}@{OURS[0]}>{to_tag}\r\nCall-ID: payment\r\n"
            f"CSeq: {self._sequence} {method}\r\nContact: <sip:{CALLER[0]}:{CALLER[1]}>\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        self._agent.receive(head.encode() + body, Flow("udp", OURS, CALLER), now=self._loop.time())
        self._pump()

    async def dials(self) -> None:
        """Call, and be answered."""
        body = bytes(offer(Capabilities(host=CALLER[0], port=40_000, session_id=1)))
        self._send("INVITE", extra="Content-Type: application/sdp\r\n", body=body)
        await self._answered.wait()
        self._send("ACK", to_tag=self._to_tag)

    async def presses(self, digits: str, *, relay: bool) -> None:
        """Press keys, each told by an INFO."""
        for digit in digits:
            kind = "application/dtmf-relay" if relay else "application/dtmf"
            body = f"Signal={digit}\r\nDuration=160\r\n" if relay else digit
            self._send("INFO", to_tag=self._to_tag, extra=f"Content-Type: {kind}\r\n", body=body.encode())
            await asyncio.sleep(0.2)

    def hangs_up(self) -> None:
        self._send("BYE", to_tag=self._to_tag)


class NoResolver:
    async def resolve(self, host: str, port: int | None, transport: str | None) -> list[object]:
        return []


@pytest.mark.parametrize("relay", [True, False])
@scenario
async def test_a_payment_by_sip_info_leaves_no_digit_behind(
    relay: bool, log: Ears, app: WebApplication, board: Switchboard
) -> None:
    caller = Trunking(board, app)
    app.answers(record(), listen_for_keys(app.url("/keys")), pay(3, url=app.url("/paid")), talk("Thank you."))
    await caller.dials()
    await board.passes(1)
    await caller.presses(WRONG + CARD + EXPIRY + CODE, relay=relay)
    assert (await app.gets("/paid")).json["status"] == "success"
    assert board.payments.charges[0].card.number == CARD
    caller.hangs_up()
    await board.over()
    assert app.received("/keys") == []
    traces = [
        line.data.get("text", "") for lines in board.store.journals.values() for line in lines if line.kind == "trace"
    ]
    assert any(str(text).startswith("INFO sip:") for text in traces)
    assert_secret(board, log)
