"""A network in memory: two or more user agents, virtual time, and a wire that can lose, double and delay."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ringline.agent import (
    Admission,
    Admit,
    AgentConfig,
    AgentEvent,
    InviteContext,
    OutgoingInvite,
    RegisterContext,
    Send,
    Traced,
    UserAgent,
)
from ringline.base import LegId, SeededRandom
from ringline.sdp import Capabilities, offer
from ringline.sip import PING, Credentials, Destination, Flow, KeptSums, Request, Response, parse

E = TypeVar("E")
Message = Request | Response
Fate = Callable[[Message], list[float]]
"For one message on the wire: after how many seconds it arrives; an empty list loses it."

SDP = bytes(offer(Capabilities(host="192.0.2.10", port=40_000, session_id=1)))
OTHER_SDP = bytes(offer(Capabilities(host="192.0.2.20", port=42_000, session_id=2)))
HOLD = SDP.replace(b"a=sendrecv", b"a=sendonly")


def line(message: Message) -> str:
    """A message as tests name it: `INVITE`, `200 BYE`."""
    return message.method if isinstance(message, Request) else f"{message.status} {message.cseq[1]}"


def promptly(_message: Message) -> list[float]:
    return [0.01]


@dataclass
class Phone:
    """One user agent on the wire, and what it told."""

    wire: Wire
    name: str
    address: tuple[str, int]
    agent: UserAgent
    events: list[AgentEvent] = field(default_factory=list)
    traces: list[Traced] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        found = self.all(kind)
        assert len(found) == 1, (kind, self.events)
        return found[0]

    def lines(self) -> list[str]:
        """What it put on the wire, repeats included."""
        return [line(message) for message in self.sent]

    def dial(
        self,
        other: Phone,
        leg: str = "out",
        *,
        sdp: bytes | None = SDP,
        credentials: Credentials | None = None,
        destinations: tuple[Destination, ...] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        transport: str = "udp",
    ) -> LegId:
        host, port = other.address
        invite = OutgoingInvite(
            request_uri=f"sip:bob@{host}:{port}",
            destinations=destinations or (Destination(transport, host, port),),
            from_=("Alice", "sip:alice@example.com"),
            to=f"sip:bob@{host}:{port}",
            headers=headers,
            sdp=sdp,
            credentials=credentials,
        )
        self.agent.dial(LegId(leg), invite, now=self.wire.now)
        self.wire.pump(self)
        return LegId(leg)

    def do(self, command: Callable[..., None], *args: object, **named: object) -> None:
        command(*args, **named, now=self.wire.now)
        self.wire.pump(self)


class Wire:
    """Carries messages between phones in virtual time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.fate: Fate = promptly
        self.rewrite: Callable[[bytes], bytes] = lambda data: data
        "What a box in the middle makes of a message."
        self.phones: dict[tuple[str, int], Phone] = {}
        self.strangers: list[tuple[tuple[str, int], Message]] = []
        "What was sent to addresses where no phone is."
        self._flights: list[tuple[float, int, bytes, Flow]] = []
        self._count = 0

    def phone(
        self,
        name: str,
        host: str,
        *,
        admit: Callable[[InviteContext], Admission] | None = None,
        secrets: Callable[[str], str | KeptSums | None] | None = None,
        registers: Callable[[RegisterContext], Admission] | None = None,
        trusts: Callable[[str], bool] = lambda _address: False,
        **settings: object,
    ) -> Phone:
        address = (host, 5060)
        config = AgentConfig(
            contacts={"udp": address, "tcp": address},
            user_agent="Ringline/test",
            realm="ringline.test",
            **settings,  # type: ignore[arg-type]
        )
        agent = UserAgent(
            config,
            SeededRandom(name.encode()),
            admit or (lambda _context: Admit("trunk")),
            secrets or (lambda _username: None),
            registers=registers,
            trusts=trusts,
        )
        phone = Phone(self, name, address, agent)
        self.phones[address] = phone
        return phone

    def pump(self, phone: Phone) -> None:
        while (output := phone.agent.poll()) is not None:
            match output:
                case Send(data, to):
                    self._carry(phone, data, to)
                case Traced():
                    phone.traces.append(output)
                case event:
                    phone.events.append(event)

    def _carry(self, phone: Phone, data: bytes, to: Flow | Destination) -> None:
        if data == PING:
            return
        message = parse(data)
        phone.sent.append(message)
        if to.remote not in self.phones:
            self.strangers.append((to.remote, message))
            return
        # A connection has one name at each end; the wire numbers it 1.
        flow = Flow(to.transport, to.remote, phone.address, 1 if to.transport == "tcp" else 0)
        data = self.rewrite(data)
        for delay in self.fate(message):
            self._count += 1
            heapq.heappush(self._flights, (self.now + delay, self._count, data, flow))

    def inject(self, phone: Phone, data: bytes | str, source: tuple[str, int] = ("198.51.100.99", 5060)) -> None:
        """Hand a phone bytes from a stranger."""
        raw = data.replace("\n", "\r\n").encode() if isinstance(data, str) else data
        phone.agent.receive(raw, Flow("udp", phone.address, source), now=self.now)
        self.pump(phone)

    def run(self, seconds: float = 1.0) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while True:
            moments = [flight[0] for flight in self._flights[:1]]
            moments += [when for phone in self.phones.values() if (when := phone.agent.deadline()) is not None]
            moment = min(moments, default=float("inf"))
            if moment > end:
                break
            self.now = max(self.now, moment)
            while self._flights and self._flights[0][0] <= self.now:
                _, _, data, flow = heapq.heappop(self._flights)
                receiver = self.phones[flow.local]
                receiver.agent.receive(data, flow, now=self.now)
                self.pump(receiver)
            for phone in self.phones.values():
                deadline = phone.agent.deadline()
                if deadline is not None and deadline <= self.now:
                    phone.agent.tick(now=self.now)
                    self.pump(phone)
        self.now = end
