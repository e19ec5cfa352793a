"""The adapter of WebSockets: names and addresses before the dial, events by leg, an end at any moment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from websockets.asyncio.server import ServerConnection, serve

from ringline.base import ConfigError, LegId
from ringline.engine.ports import SocketClosed, SocketEvent, SocketFailed, SocketOpened, SocketPlan, SocketRemarked
from ringline.io.media import MediaCore
from ringline.io.sockets import CoreSockets

LEG = LegId("leg-1")


class Names(AbstractResolver):
    """Knows what a test says; without an address it never answers."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if not self.addresses:
            await asyncio.Event().wait()
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


Told = Callable[[], Awaitable[SocketEvent]]


@asynccontextmanager
async def sockets(*, names: Names | None = None, allow_private: bool = True) -> AsyncIterator[tuple[CoreSockets, Told]]:
    media = MediaCore(port_range=(39_000, 39_099), threads=1)
    made = CoreSockets(media, allow_private=allow_private, threads=1, handshake_s=1.0, resolver=names)
    events: asyncio.Queue[SocketEvent] = asyncio.Queue()
    made.listen(events.put_nowait)

    async def told() -> SocketEvent:
        return await asyncio.wait_for(events.get(), 10)

    media.start(asyncio.get_running_loop())
    made.start(asyncio.get_running_loop())
    try:
        yield made, told
    finally:
        made.shut_down()
        media.shut_down()


def plan(url: str) -> SocketPlan:
    return SocketPlan(url=url, rate_hz=16_000, hello="{}")


async def polite(visit: ServerConnection) -> None:
    async for _ in visit:
        pass


def test_a_name_is_looked_up_once_and_the_address_that_was_judged_is_dialled() -> None:
    async def call() -> None:
        names = Names("127.0.0.1")
        async with sockets(names=names) as (made, told), serve(polite, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            made.open(LEG, plan(f"ws://bot.example.com:{port}/a?b=c"))
            assert await told() == SocketOpened(leg=LEG)
            assert names.asked == ["bot.example.com"]
            visit = next(iter(server.connections))
            assert visit.request is not None
            assert visit.request.path == "/a?b=c"
            assert visit.request.headers["Host"] == f"bot.example.com:{port}"
            await visit.send("nonsense")
            remark = await told()
            assert isinstance(remark, SocketRemarked)
            counters = made.counters(LEG)
            assert counters is not None
            assert counters.ignored == 1
            await visit.close(4001, "bye")
            assert await told() == SocketClosed(leg=LEG, why="the application closed the socket (4001: bye)")
            made.close(LEG, 1000)
            assert made.counters(LEG) is None

    asyncio.run(call())


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("ws://127.0.0.1:9/", ()),
        ("ws://[::1]:9/", ()),
        ("ws://bot.example.com/", ("10.0.0.1", "192.168.1.1")),
        ("ws://bot.example.com/", ("169.254.169.254",)),
    ],
)
def test_private_addresses_are_not_dialled_unless_allowed(url: str, addresses: tuple[str, ...]) -> None:
    async def call() -> None:
        async with sockets(names=Names(*addresses) if addresses else None, allow_private=False) as (made, told):
            made.open(LEG, plan(url))
            failed = await told()
            assert isinstance(failed, SocketFailed)
            assert failed.cause == "unreachable"
            assert "address" in failed.why

    asyncio.run(call())


def test_a_name_that_is_not_found_in_time_is_a_timeout() -> None:
    async def call() -> None:
        async with sockets(names=Names()) as (made, told):
            made.open(LEG, plan("wss://bot.example.com/"))
            failed = await told()
            assert isinstance(failed, SocketFailed)
            assert failed.cause == "timeout"

    asyncio.run(call())


def test_a_leg_that_ends_during_the_look_up_or_the_handshake_tells_nothing_more() -> None:
    async def call() -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        with silent:
            async with sockets(names=Names()) as (made, told):
                made.open(LEG, plan("ws://bot.example.com/"))
                await asyncio.sleep(0)
                made.close(LEG, 1000)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(told(), 0.1)
            async with sockets() as (made, told):
                made.open(LEG, plan(f"ws://127.0.0.1:{silent.getsockname()[1]}/"))
                connection, _ = await asyncio.to_thread(silent.accept)
                with connection:
                    made.close(LEG, 1000)
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(told(), 1.2)  # longer than the handshake may take

    asyncio.run(call())


def test_authorities_that_cannot_be_read_are_a_fault_of_the_settings(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")

    async def start(path: Path) -> None:
        CoreSockets(MediaCore(), authorities=path).start(asyncio.get_running_loop())

    for path in (wrong, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=r"websockets\.ca_file"):
            asyncio.run(start(path))
