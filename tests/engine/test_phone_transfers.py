"""REFER and Replaces at the door: which phones may transfer, and whom they mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringline.base import LegId
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.routing import RoutingTable, SipUser
from ringline.sip import Flow, Response

from .test_phones import APP, EVE, LEG, OTHER_LEG, OURS, SDP, House, register, trunk

BOB = SipUser(username="bob", password="x", extension="1002")
THERE = "198.51.100.7"


class Transfers:
    """What the engine would have been asked to bring together."""

    def __init__(self) -> None:
        self.brought: list[tuple[LegId, LegId]] = []
        self.taken: list[events.LegReplaces] = []

    def bring_together(self, leg: LegId, other: LegId) -> bool:
        self.brought.append((leg, other))
        return True

    def take_over(self, _endpoint: object, event: events.LegReplaces) -> bool:
        self.taken.append(event)
        return True


class Home(House):
    """Eve's phone has registered and been called; another call went out through a trunk."""

    def __init__(self) -> None:
        super().__init__(trunk("a"), users=[EVE, BOB])
        self.transfers = Transfers()
        vars(self.engine)["transfers"] = self.transfers
        register(self, f"<sip:desk@{THERE}>", 1, THERE)

    async def eve_talks(self, leg: LegId = LEG) -> str:
        """Eve's phone answers; its dialog as our far end names it."""
        await self.dial("442079460001", leg)
        await self.reply(200, sdp=SDP)
        self.engine.told.clear()
        _, invite = self.invites()[-1]
        return f"{invite.call_id};to-tag={invite.from_.tag};from-tag=far"

    def refers(self, refer_to: str, *, which: int = -1, source: str = THERE) -> Response | None:
        """What a phone hears when it sends a REFER in the call of an INVITE of ours; None: nothing yet."""
        _, invite = self.invites()[which]
        before = len(self.sent)
        text = (
            f"REFER sip:ringline@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bKrefer{before};rport\r\n"
            f"From: <sip:x@{source}>;tag=far\r\nTo: <sip:y@192.0.2.1>;tag={invite.from_.tag}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: 5 REFER\r\nContact: <sip:desk@{source}>\r\n"
            f"Refer-To: <{refer_to}>\r\nContent-Length: 0\r\n\r\n"
        )
        self.agent.receive(text.encode(), Flow("udp", OURS, (source, 5060)), now=self.now)
        self.pump()
        answers = [one for _, one in self.sent[before:] if isinstance(one, Response)]
        return answers[-1] if answers else None


def run(test: Callable[[Home], Any]) -> None:
    async def whole() -> None:
        await test(Home())

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("refer_to", "kind", "address"),
    [
        ("sip:1002@sip.example.com", "vbc", "1002"),
        ("sip:1002@192.0.2.1", "vbc", "1002"),
        ("sip:1002@192.0.2.1:5060;transport=tcp", "vbc", "1002"),
        ("sip:bob@sip.example.com", "sip", "sip:bob@sip.example.com"),
        ("sip:+447700900123@sip.example.com", "phone", "447700900123"),
        ("sip:00447700900123@sip.example.com", "phone", "447700900123"),
        ("sip:447700900123@elsewhere.example;user=phone", "phone", "447700900123"),
        ("tel:+44-7700-900123", "phone", "447700900123"),
        ("sip:carol@elsewhere.example", "sip", "sip:carol@elsewhere.example"),
        ("sip:carol@192.0.2.1:5070", "sip", "sip:carol@192.0.2.1:5070"),
    ],
)
def test_a_registered_phone_means_whom_it_could_have_dialled(refer_to: str, kind: str, address: str) -> None:
    async def test(home: Home) -> None:
        await home.eve_talks()
        assert home.refers(refer_to) is None  # the conversation decides
        (asked,) = home.engine.told
        assert isinstance(asked, events.ReferAsked)
        assert (asked.leg, asked.to.kind, asked.to.address) == (LEG, kind, address)
        assert asked.to.details == {"referred_by": "sip:eve@sip.example.com"}
        home.phones.tell_referrer(LEG, 100, "")
        accepted = [one for _, one in home.sent if isinstance(one, Response)][-1]
        assert accepted.status == 202

    run(test)


@pytest.mark.parametrize(
    "refer_to",
    [
        "sip:nobody@sip.example.com",
        "sip:sip.example.com",
        "sip:eve%0d%0aX:@sip.example.com",
        "sip:a@b.example;transport=pigeon",
        f"sip:{'a' * 300}@b.example",
    ],
)
def test_a_target_that_is_nobody_is_declined(refer_to: str) -> None:
    async def test(home: Home) -> None:
        await home.eve_talks()
        answer = home.refers(refer_to)
        assert answer is not None
        assert answer.status in (400, 603)
        assert home.engine.told == []

    run(test)


def test_a_trunk_is_declined() -> None:
    async def test(home: Home) -> None:
        await home.dial("447700900123")
        await home.reply(200, sdp=SDP)
        home.engine.told.clear()
        answer = home.refers("sip:1002@sip.example.com", source="198.51.100.1")
        assert answer is not None
        assert (answer.status, home.engine.told) == (603, [])

    run(test)


def test_a_user_who_is_no_more_is_declined() -> None:
    async def test(home: Home) -> None:
        await home.eve_talks()
        home.phones.routing = RoutingTable(book=home.engine.directory, sip_host="sip.example.com")
        answer = home.refers("sip:carol@elsewhere.example")
        assert answer is not None
        assert answer.status == 603

    run(test)


def test_two_calls_of_one_user_are_brought_together() -> None:
    async def test(home: Home) -> None:
        first = await home.eve_talks()
        await home.eve_talks(OTHER_LEG)
        escaped = first.replace(";", "%3B").replace("=", "%3D")
        assert home.refers(f"sip:x@sip.example.com?Replaces={escaped}") is None
        assert home.transfers.brought == [(OTHER_LEG, LEG)]

    run(test)


def test_the_call_of_somebody_else_cannot_be_named() -> None:
    async def test(home: Home) -> None:
        await home.dial("447700900123")
        await home.reply(200, sdp=SDP)
        _, invite = home.invites()[-1]
        theirs = f"{invite.call_id}%3Bto-tag%3D{invite.from_.tag}%3Bfrom-tag%3Dfar"
        await home.eve_talks(OTHER_LEG)
        answer = home.refers(f"sip:x@sip.example.com?Replaces={theirs}")
        assert answer is not None
        assert (answer.status, home.transfers.brought) == (603, [])

    run(test)


def test_nobody_who_has_not_logged_in_as_that_user_takes_a_call_over() -> None:
    async def test(home: Home) -> None:
        dialog = await home.eve_talks()
        for identity in ("trunk:a", "user:eve"):
            home.identity = identity
            assert home.called(number=len(identity), extra=f"Replaces: {dialog}\r\n") == 403
        assert home.transfers.taken == []
        assert len(home.media.open_legs) == 1

    run(test)


def test_who_was_transferred_is_shown_as_caller_with_who_did_it_only_inside() -> None:
    async def test(home: Home) -> None:
        register(home, "<sip:bobs@198.51.100.9>", 2, "198.51.100.9")  # registers eve once more
        details = {"referred_by": "sip:eve@sip.example.com"}
        caller = Party(kind="phone", address="447700900999")
        home.phones.dial(LEG, Party(kind="phone", address="442079460001", details=details), caller, APP)
        await home.settle()
        inside = home.invites()[-1][1]
        assert inside.headers.get("Referred-By") == "<sip:eve@sip.example.com>"
        home.phones.dial(OTHER_LEG, Party(kind="phone", address="447700900123", details=details), caller, APP)
        await home.settle()
        assert home.invites()[-1][1].headers.get("Referred-By") is None

    run(test)
