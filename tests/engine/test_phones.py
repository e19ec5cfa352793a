"""Phones and trunks under the engine: fail-over, full trunks, users on several phones, whose number is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from ringline.accounts import Application, Directory, Emergency, Number, Policy
from ringline.accounts.prices import read_rates
from ringline.agent import Admit, AgentConfig, Failed, PeerSpec, Send, Traced, UserAgent
from ringline.base import ApplicationId, LegId, MediaError, SeededRandom, SystemClock
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.guard import Guard
from ringline.engine.ports import Media, RtpPlan
from ringline.engine.sip.phones import Phones
from ringline.routing import RoutingTable, SipDomain, SipUser, Trunk
from ringline.sdp import Capabilities, SessionDescription, offer
from ringline.sip import Destination, Flow, Message, Place, Places, Request, Response, parse, respond
from ringline.testing.application import Paths, new_application
from ringline.testing.store import MemoryStore

_T = TypeVar("_T")

APP = ApplicationId("app")
LEG = LegId("63f61863-4a51-4f6b-86e1-46edebcf9356")
OTHER_LEG, THIRD_LEG = LegId("73f61863-4a51-4f6b-86e1-46edebcf9356"), LegId("83f61863-4a51-4f6b-86e1-46edebcf9356")
OURS = ("192.0.2.1", 5060)
SDP = bytes(offer(Capabilities(host="198.51.100.9", port=40_000, session_id=1)))


class Reports:
    """What the engine would have been told."""

    def __init__(self) -> None:
        number = Number(msisdn="442079460000", country="GB", application_id=APP)
        self.directory = Directory(applications=[new_application(APP, "app", "http://app", Paths())], numbers=[number])
        self.store = MemoryStore()
        self.outside = SimpleNamespace(store=self.store)
        self.guard = Guard(clock=SystemClock(), book=self.store)
        self.told: list[events.Event] = []
        self.incoming_from: list[Party] = []

    def report(self, event: events.Event) -> None:
        self.told.append(event)

    def trace(self, leg: LegId, fact: object) -> None:
        pass

    def watch_media(self, watcher: object) -> None:
        pass

    def incoming(self, leg: LegId, endpoint: object, application: object, *, from_: Party, **_more: object) -> None:
        self.incoming_from.append(from_)


class Ports:
    """A media core with a port for everybody, or for nobody."""

    def __init__(self) -> None:
        self.open_legs: set[LegId] = set()
        self.full = False
        self.plans: list[RtpPlan] = []

    def open(self, leg: LegId) -> tuple[str, int]:
        if self.full:
            raise MediaError("no port is free")
        self.open_legs.add(leg)
        return "192.0.2.1", 10_000

    def configure(self, leg: LegId, plan: RtpPlan) -> None:
        self.plans.append(plan)

    def close(self, leg: LegId) -> None:
        self.open_legs.discard(leg)


class Resolver:
    """Finds every trunk at an address of its own."""

    hosts: dict[str, str] = {"a.example": "198.51.100.1", "b.example": "198.51.100.2", "in.example": "10.0.0.9"}  # noqa: RUF012

    async def resolve(self, host: str, port: int | None, transport: str | None) -> Sequence[Destination]:
        return (Destination(transport or "udp", self.hosts[host], port or 5060),) if host in self.hosts else ()


class House:
    """Phones on a user agent whose wire is in the test's hands."""

    def __init__(self, *trunks: Trunk, users: Sequence[SipUser] = (), places: Places | None = None) -> None:
        self.now = 100.0
        self.pumping = False
        self.engine, self.media = Reports(), Ports()
        config = AgentConfig(contacts={"udp": OURS}, user_agent="Ringline/test", realm="test", takes_refer=True)
        self.agent = UserAgent(
            config,
            SeededRandom(b"phones"),
            lambda context: Admit(self.identity),
            lambda _username: None,
            registers=lambda context: Admit(context.aor_user),
        )
        self.identity = "trunk:a"
        self.sent: list[tuple[tuple[str, int], Message]] = []
        routing = RoutingTable(
            book=self.engine.directory,
            sip_host="sip.example.com",
            trunks=trunks,
            users=users,
            caller_id="any",
            transports=("udp", "tcp", "tls"),
            srtp=True,
        )
        self.phones = Phones(
            engine=cast(Engine, self.engine),
            link=self,
            media=cast(Media, self.media),
            directory=self.engine.directory,
            routing=routing,
            resolver=Resolver(),
            codecs=("PCMA", "PCMU"),
            places=places or Places(Place(sip_host="192.0.2.1")),
            random=SeededRandom(b"keys"),
        )

    def look(self, ask: Callable[[UserAgent], _T]) -> _T:
        return ask(self.agent)

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        act(self.agent, self.now)
        self.pump()

    def pump(self) -> None:
        if self.pumping:
            return  # a command that is given while an event is told: the loop below goes on with what comes of it
        self.pumping = True
        while (output := self.agent.poll()) is not None:
            if isinstance(output, Send):
                self.sent.append((output.to.remote, parse(output.data)))
            else:
                self.phones.heard(output)
        self.pumping = False

    async def dial(self, number: str = "447700900123", leg: LegId = LEG) -> None:
        self.phones.dial(leg, Party(kind="phone", address=number), Party(kind="phone", address="442079460000"), APP)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while (due := self.agent.deadline()) is not None and due <= end:
            self.now = due
            self.command(lambda agent, now: agent.tick(now=now))
            await self.settle()
        self.now = end

    def invites(self) -> list[tuple[str, Request]]:
        return [(to[0], each) for to, each in self.sent if isinstance(each, Request) and each.method == "INVITE"]

    async def reply(self, status: int, which: int = -1, *, sdp: bytes = b"", **headers: str) -> None:
        host, request = self.invites()[which]
        response: Response = respond(request, status, "Words", to_tag="far")
        response.headers.add("Contact", f"<sip:far@{host}>")
        for name, value in headers.items():
            response.headers.add(name.replace("_", "-"), value)
        if sdp:
            response.headers.add("Content-Type", "application/sdp")
            response.body = sdp
        self.agent.receive(bytes(response), Flow("udp", OURS, (host, 5060)), now=self.now)
        self.pump()
        await self.settle()

    def called(
        self,
        *,
        to: str = "442079460000",
        extra: str = "",
        number: int = 1,
        source: str = "198.51.100.1",
        sdp: bytes = SDP,
    ) -> int:
        """Somebody calls us; the last status he got."""
        text = (
            f"INVITE sip:{to}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:+447700900999@a.example>;tag=f{number}\r\nTo: <sip:{to}@192.0.2.1>\r\n"
            f"Call-ID: in-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{source}>\r\n{extra}"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
        )
        self.agent.receive(text.encode() + sdp, Flow("udp", OURS, (source, 5060)), now=self.now)
        self.pump()
        last = self.sent[-1][1]
        assert isinstance(last, Response)
        return last.status


def trunk(name: str, **fields: Any) -> Trunk:
    return Trunk(**{"name": name, "host": f"{name}.example", **fields})


def run(test: Callable[[], Any]) -> None:
    asyncio.run(test())


def test_a_trunk_that_is_out_of_service_is_followed_by_the_next() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b", codecs=("PCMU",)))
        await house.dial()
        await house.reply(503, Retry_After="30")
        assert [host for host, _ in house.invites()] == ["198.51.100.1", "198.51.100.2"]
        assert house.engine.told == []
        (line,) = SessionDescription.parse(house.invites()[1][1].body).media
        assert line.formats[0] == "0"
        await house.reply(486)
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert (failed.cause, failed.sip_code) == ("response", 486)

    run(test)


def test_a_trunk_that_says_nothing_is_not_waited_for_to_the_end() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        await house.dial()
        await house.wait(6.5)
        assert [host for host, _ in house.invites()][-1] == "198.51.100.2"
        await house.wait(6.5)
        assert house.engine.told == []  # the last one gets all the time there is
        await house.wait(32)
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert failed.cause == "no-response"

    run(test)


def test_when_every_trunk_fails_the_last_answer_counts() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        await house.dial()
        await house.reply(500)
        await house.reply(504)
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert failed.sip_code == 504

    run(test)


def test_what_is_said_about_the_person_called_is_no_reason_to_try_another_trunk() -> None:
    async def test() -> None:
        for status in (404, 480, 486, 603):
            house = House(trunk("a"), trunk("b"))
            await house.dial()
            await house.reply(status)
            assert len(house.invites()) == 1
            assert len(house.engine.told) == 1

    run(test)


def test_a_phone_that_has_rung_is_not_rung_again_through_another_trunk() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        await house.dial()
        await house.reply(180)
        await house.reply(503)
        assert len(house.invites()) == 1
        assert isinstance(house.engine.told[-1], events.LegFailed)

    run(test)


def test_a_trunk_that_is_down_comes_last_and_one_nobody_finds_is_passed_over() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("nowhere"), trunk("b"))
        spec = PeerSpec(name="a", uri="sip:198.51.100.1", aor="sip:x@example.com", ping_s=30)
        house.command(lambda agent, now: agent.peers.watch((spec,), now))
        house.command(lambda agent, now: agent.peers.failed("a", 60, now))
        await house.dial()
        assert [host for host, _ in house.invites()] == ["198.51.100.2"]
        await house.reply(503)
        assert [host for host, _ in house.invites()] == ["198.51.100.2", "198.51.100.1"]

    run(test)


def test_a_full_trunk_takes_no_more_calls_either_way() -> None:
    async def test() -> None:
        house = House(trunk("a", max_calls=1))
        assert house.called() == 100
        assert house.called(number=2) == 486
        await house.dial()
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert (failed.cause, failed.sip_code) == ("response", 503)
        assert house.phones.trunk_calls() == {"a": 1}
        first = next(iter(house.media.open_legs - {LEG}))
        house.phones.release(first, sip_code=486, far_is_gone=False)
        house.phones.release(LEG, sip_code=None, far_is_gone=True)
        assert house.phones.trunk_calls() == {}
        assert house.called(number=3) == 100

    run(test)


def test_a_domain_whose_application_takes_no_calls_or_is_gone_is_unavailable() -> None:
    async def test() -> None:
        house = House()
        house.engine.directory.put_application(Application(id=ApplicationId("mute"), name="Mute"))
        domains = [SipDomain(name=name, application=ApplicationId(name), digest_auth=True) for name in ("mute", "gone")]
        house.phones.routing = RoutingTable(book=house.engine.directory, sip_host="sip.example.com", domains=domains)
        for number, (identity, status) in enumerate(
            [("domain:mute", 480), ("domain:gone", 480), ("domain:unknown", 404), ("user:eve", 404)]
        ):
            house.identity = identity
            assert house.called(to="sales", number=number + 1) == status, identity

    run(test)


# ── limits and calls for help ──────────────────────────────────────────────────────────────────────────────────────


def limited(house: House, *, emergency: Emergency | None = None, **policies: Policy) -> None:
    """Put limits into force; `app` are those of the application, the others those of trunks."""
    named = {f"app:{APP}" if name == "app" else f"trunk:{name}": policy for name, policy in policies.items()}
    house.engine.guard.limits.change(default=Policy(), policies=named, emergency=emergency or Emergency())


def test_a_trunk_whose_limit_is_reached_is_followed_by_the_next() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        limited(house, a=Policy(calls_at_once=1, premium=True))
        await house.dial()
        await house.dial(leg=OTHER_LEG)
        assert [host for host, _ in house.invites()] == ["198.51.100.1", "198.51.100.2"]
        assert house.phones.trunk_calls() == {"a": 1, "b": 1}
        assert house.engine.told == []

    run(test)


def test_when_no_trunk_has_room_the_limit_is_the_outcome() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        full = Policy(calls_at_once=1, premium=True)
        limited(house, a=full, b=full)
        for leg in (LEG, OTHER_LEG, THIRD_LEG):
            await house.dial(leg=leg)
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert (failed.leg, failed.cause, failed.error) == (THIRD_LEG, "limit", "Concurrent call limit exceeded.")

    run(test)


def test_a_call_counts_for_the_trunk_it_has_gone_on_to_and_for_no_other() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        limited(house, a=Policy(calls_at_once=1, premium=True))
        await house.dial()
        await house.reply(503)
        assert house.phones.trunk_calls() == {"b": 1}
        await house.dial(leg=OTHER_LEG)
        assert [host for host, _ in house.invites()] == ["198.51.100.1", "198.51.100.2", "198.51.100.1"]

    run(test)


def test_a_number_the_application_may_not_call_is_tried_nowhere() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        limited(house, app=Policy(deny=("4477",)))
        await house.dial()
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert (failed.cause, failed.error) == ("no-route", "Destination not allowed.")
        assert house.invites() == []
        assert house.media.open_legs == set()
        assert house.engine.guard.gauges()["refused_destination"] == 1

    run(test)


def test_a_number_that_one_trunk_may_not_call_is_called_through_another() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        limited(house, a=Policy(deny=("4477",), premium=True))
        await house.dial()
        assert [host for host, _ in house.invites()] == ["198.51.100.2"]

    run(test)


def test_the_price_of_a_call_is_told_once_however_many_trunks_are_tried() -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b"))
        house.engine.guard.rates = read_rates("prefix,rate,network\n4477,0.05,mobile\n", name="rates")
        await house.dial()
        await house.reply(503)
        (rated,) = house.engine.told
        assert isinstance(rated, events.LegRated)
        assert rated.network == "mobile"

    run(test)


def test_a_call_for_help_leaves_through_a_full_trunk_too() -> None:
    async def test() -> None:
        house = House(trunk("a", max_calls=1), trunk("b"))
        limited(house, a=Policy(calls_at_once=1), app=Policy(deny=("",)), emergency=Emergency(trunk="a"))
        assert house.called() == 100
        await house.dial("112")
        ((host, invite),) = house.invites()
        assert (host, invite.uri) == ("198.51.100.1", "sip:112@a.example")

    run(test)


def test_what_is_needed_to_end_a_call_is_kept_until_it_has_ended() -> None:
    async def test() -> None:
        house = House(trunk("a"), users=[EVE])
        register(house, "<sip:desk@198.51.100.7>", 1, "198.51.100.7")
        register(house, "<sip:mobile@198.51.100.8>", 2, "198.51.100.8")
        await house.dial("442079460001")
        assert len(house.engine.store.dialogs[LEG]["others"]) == 1
        await house.reply(200, 0, sdp=SDP)
        kept = house.engine.store.dialogs[LEG]
        assert (kept["kind"], [other["kind"] for other in kept["others"]]) == ("UP", ["CALLING"])
        await house.reply(180, 1)
        assert house.engine.store.dialogs[LEG]["others"] == []  # the CANCEL is out now
        house.phones.release(LEG, sip_code=None, far_is_gone=False)
        assert house.engine.store.dialogs == {}

    run(test)


def test_a_call_that_is_released_while_its_trunk_is_looked_up_is_not_made() -> None:
    async def test() -> None:
        house = House(trunk("a"))
        house.phones.dial(LEG, Party(kind="phone", address="447700900123"), Party(kind="phone", address=""), APP)
        house.phones.release(LEG, sip_code=None, far_is_gone=False)
        await house.settle()
        assert house.invites() == []
        assert house.media.open_legs == set()

    run(test)


def test_without_a_free_port_a_call_fails_at_once() -> None:
    async def test() -> None:
        house = House(trunk("a"))
        house.media.full = True
        await house.dial()
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert failed.cause == "internal"

    run(test)


def register(house: House, contact: str, number: int, source: str) -> None:
    text = (
        f"REGISTER sip:sip.example.com SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bKr{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:eve@sip.example.com>;tag=r\r\nTo: <sip:eve@sip.example.com>\r\n"
        f"Call-ID: r{number}\r\nCSeq: 1 REGISTER\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
    )
    house.agent.receive(text.encode(), Flow("udp", OURS, (source, 5060)), now=house.now)
    house.pump()


EVE = SipUser(username="eve", password="x", number="442079460001")


def test_a_call_to_a_user_rings_every_phone_he_registered() -> None:
    async def test() -> None:
        house = House(trunk("a"), users=[EVE])
        register(house, "<sip:desk@198.51.100.7>", 1, "198.51.100.7")
        register(house, "<sip:mobile@198.51.100.8>", 2, "198.51.100.8")
        await house.dial("442079460001")
        assert sorted(invite.uri for _, invite in house.invites()) == [
            "sip:desk@198.51.100.7",
            "sip:mobile@198.51.100.8",
        ]
        assert {str(invite.to.uri) for _, invite in house.invites()} == {"sip:eve@sip.example.com"}
        await house.reply(200, 0, sdp=SDP)
        assert [type(event) for event in house.engine.told] == [events.LegAnswered]

    run(test)


def test_a_user_who_is_nowhere_is_unavailable() -> None:
    async def test() -> None:
        house = House(users=[EVE])
        await house.dial("442079460001")
        (failed,) = house.engine.told
        assert isinstance(failed, events.LegFailed)
        assert failed.cause == "unavailable"

    run(test)


def test_the_audio_address_in_sdp_is_the_one_the_far_end_can_reach() -> None:
    async def test() -> None:
        inner = Place(sip_host="10.0.0.1", media_host="10.0.0.2", networks=("10.0.0.0/8",))
        house = House(trunk("in"), places=Places(Place(sip_host="192.0.2.1"), (inner,)))
        await house.dial()
        assert SessionDescription.parse(house.invites()[0][1].body).host == "10.0.0.2"
        outer = House(trunk("a"), places=Places(Place(sip_host="192.0.2.1"), (inner,)))
        await outer.dial()
        assert SessionDescription.parse(outer.invites()[0][1].body).host == "192.0.2.1"

    run(test)


def test_a_trusted_trunk_names_the_caller() -> None:
    asserted = "P-Asserted-Identity: <sip:+447700900111@a.example>\r\n"
    trusting, wary = House(trunk("a", trust_identity=True)), House(trunk("a"))
    for house in (trusting, wary):
        assert house.called(extra=asserted) == 100
    assert trusting.engine.incoming_from[0].address == "447700900111"
    assert wary.engine.incoming_from[0].address == "447700900999"


def test_events_of_no_leg_are_passed_over() -> None:
    house = House()
    house.phones.heard(Failed(leg=LEG, status=486, reason="", q850=None, why="refused"))
    house.phones.heard(
        Traced(leg=None, direction="in", line="x", call_id="", flow=Flow("udp", OURS, ("192.0.2.9", 5060)))
    )
    assert house.engine.told == []
