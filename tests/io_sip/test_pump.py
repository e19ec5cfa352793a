"""Whole calls over the loopback, between two user agents and with SIPp."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable

import pytest

from ringline.agent import (
    Admission,
    Admit,
    AgentConfig,
    AgentEvent,
    Answered,
    Challenge,
    Confirmed,
    Ended,
    Failed,
    IncomingCall,
    InviteContext,
    OutgoingInvite,
    UserAgent,
)
from ringline.base import LegId, SystemClock, SystemRandom
from ringline.io.sip import SipPump
from ringline.sdp import Capabilities, SessionDescription, answer, offer
from ringline.sip import Credentials, Destination

OURS = Capabilities(host="127.0.0.1", port=40_000, session_id=1)


class Node:
    """A user agent on real sockets that answers every call and notes what it is told."""

    def __init__(self, port: int, admit: Callable[[InviteContext], Admission] | None = None) -> None:
        config = AgentConfig(
            contacts={"udp": ("127.0.0.1", port), "tcp": ("127.0.0.1", port)}, user_agent="Ringline/test", realm="test"
        )
        agent = UserAgent(config, SystemRandom(), admit or (lambda _context: Admit("x")), {"joe": "s3cret"}.get)
        self.events: list[AgentEvent] = []
        self.faulty = False
        self.hang_up_when_answered = False
        self.pump = SipPump(agent, SystemClock(), on_event=self._heard)

    def _heard(self, event: AgentEvent) -> None:
        self.events.append(event)
        if self.faulty:
            raise RuntimeError("the engine has a bug")
        match event:
            case IncomingCall(sdp=bytes(sdp)):
                reply = bytes(answer(SessionDescription.parse(sdp), OURS).description)
                self.pump.command(lambda agent, now: agent.ring(event.leg, now=now))
                self.pump.command(lambda agent, now: agent.answer(event.leg, reply, now=now))
            case Answered() if self.hang_up_when_answered:
                self.pump.command(lambda agent, now: agent.hang_up(event.leg, now=now))

    def count(self, kind: type[object]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    def dial(
        self,
        leg: str,
        transport: str,
        port: int,
        credentials: Credentials | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Call; with `headers`, over whatever transport fits."""
        invite = OutgoingInvite(
            request_uri=f"sip:bob@127.0.0.1:{port}",
            destinations=(Destination(transport, "127.0.0.1", port),),
            from_=("", "sip:alice@127.0.0.1"),
            to=f"sip:bob@127.0.0.1:{port}",
            headers=headers,
            sdp=bytes(offer(OURS)),
            any_transport=bool(headers),
            credentials=credentials,
        )
        self.pump.command(lambda agent, now: agent.dial(LegId(leg), invite, now=now))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def started(admit: Callable[[InviteContext], Admission] | None = None) -> tuple[Node, int]:
    port = free_port()
    node = Node(port, admit)
    await node.pump.start("127.0.0.1", port)
    return node, port


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - sockets have no event to wait for
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_over_real_sockets(transport: str) -> None:
    async def test() -> None:
        (alice, _), (bob, port) = await started(), await started()
        alice.hang_up_when_answered = True
        alice.dial("one", transport, port)
        await until(lambda: bob.count(Ended) == 1)
        assert (alice.count(Answered), bob.count(Confirmed), alice.count(Ended)) == (1, 1, 1)
        await alice.pump.stop()
        await bob.pump.stop()

    asyncio.run(test())


@pytest.mark.parametrize("takes_tcp", [True, False])
def test_a_call_whose_invite_is_too_long_for_a_datagram_is_made_all_the_same(takes_tcp: bool) -> None:
    async def test() -> None:
        (alice, _), port = await started(), free_port()
        bob = Node(port)
        await bob.pump.start("127.0.0.1", port, transports=("udp", "tcp") if takes_tcp else ("udp",))
        alice.hang_up_when_answered = True
        alice.dial("one", "udp", port, headers=(("X-Story", "x" * 1500),))
        await until(lambda: bob.count(Ended) == 1)
        assert (alice.count(Answered), alice.count(Ended)) == (1, 1)
        (came,) = [event for event in bob.events if isinstance(event, IncomingCall)]
        assert came.source.transport == ("tcp" if takes_tcp else "udp")
        await alice.pump.stop()
        await bob.pump.stop()

    asyncio.run(test())


def test_a_password_is_asked_and_given() -> None:
    def users(context: InviteContext) -> Admission:
        return Admit(context.username) if context.username else Challenge()

    async def test() -> None:
        (alice, _), (bob, port) = await started(), await started(users)
        alice.dial("right", "udp", port, Credentials(username="joe", password="s3cret"))
        alice.dial("wrong", "udp", port, Credentials(username="joe", password="guess"))
        await until(lambda: alice.count(Answered) == 1 and alice.count(Failed) == 1)
        assert [event.identity for event in bob.events if isinstance(event, IncomingCall)] == ["joe"]
        await alice.pump.stop()
        await bob.pump.stop()

    asyncio.run(test())


def test_a_fault_behind_an_event_costs_no_other_call() -> None:
    async def test() -> None:
        (alice, _), (bob, port) = await started(), await started()
        bob.faulty = True
        alice.dial("one", "udp", port)
        await until(lambda: bob.count(IncomingCall) == 1)
        bob.faulty = False
        alice.dial("two", "udp", port)
        await until(lambda: alice.count(Answered) == 1)
        await alice.pump.stop()
        await bob.pump.stop()

    asyncio.run(test())


async def sipp(*arguments: str) -> tuple[int | None, str]:
    program = shutil.which("sipp")
    assert program is not None, "SIPp is needed: apt-get install sip-tester"
    process = await asyncio.create_subprocess_exec(
        program, *arguments, "-nostdin", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd="/tmp"
    )
    try:
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # a test that fails leaves no SIPp behind
            process.kill()
            await process.wait()
    return process.returncode, output.decode("utf-8", "replace")[-2000:]


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_calls_us(transport: str) -> None:
    async def test() -> None:
        node, port = await started()
        mode = ("-t", "u1" if transport == "udp" else "t1")
        status, output = await sipp(
            *("-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", str(free_port())),
            *("-m", "20", "-r", "100", "-d", "50", *mode),
        )
        assert status == 0, output
        assert (node.count(IncomingCall), node.count(Confirmed), node.count(Ended)) == (20, 20, 20)
        await node.pump.stop()

    asyncio.run(test())


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_we_call_sipp(transport: str) -> None:
    async def test() -> None:
        node, _ = await started()
        node.hang_up_when_answered = True
        port = free_port()
        mode = ("-t", "u1" if transport == "udp" else "t1")
        far = asyncio.create_task(sipp("-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-m", "10", *mode))
        await until(lambda: _listens(port, transport))
        for number in range(10):
            node.dial(f"leg-{number}", transport, port)
        await until(lambda: node.count(Ended) == 10)
        status, output = await far
        assert status == 0, output
        await node.pump.stop()

    asyncio.run(test())


def _listens(port: int, transport: str) -> bool:
    """Whether a port is taken, without sending anything to it: that would count as SIPp's first call."""
    with socket.socket(type=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
