"""How evenly audio is paced while Python has no time: a thread that only computes, and webhooks that are answered.

    python -m bench pacing [--legs 1600] [--observed 20] [--seconds 30] [--webhooks 50] [--rounds 1]

One process holds it all, as the platform does: the media core with one pacing thread, the event loop with the webhook
client, and a thread that never stops computing and so takes the interpreter whenever it is given. The legs talk to each
other over loopback, two and two in rooms; how many make half of a core's load depends on the machine, so the share that
they take is printed. The observed ones among them send to sockets here, and the kernel says when each packet came.

The error of a packet is how far it is from an even grid of 20 ms through the median of its leg. `alone` is the same
without the thread and without webhooks.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.conditions import conditions
from ringline.base import ConversationId, EffectId, LegId
from ringline.engine.ports import HttpReply, HttpRequest, RtpPlan
from ringline.io.http import PooledClient
from ringline.io.media import MediaCore
from ringline.testing.audio import tone

_SO_TIMESTAMPNS: Final = 35
"Linux's name for: say when each datagram arrived (socket(7)); Python does not name it."
_ROOT: Final = Path(__file__).parents[2]
_FRAME_NS: Final = 20_000_000
_WARM_UP_S: Final = 3.0
_EVENT: Final = json.dumps({"uuid": "63f61863-4a51-4f6b-86e1-46edebcf9356", "status": "answered"}).encode()


class Observer:
    """A socket that notes when packets came."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.arrivals_ns: list[int] = []

    def drain(self) -> None:
        """Take what waits; the kernel has noted the times already."""
        while True:
            try:
                _, notes, _, _ = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            for level, kind, data in notes:
                if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("qq", data[:16])
                    self.arrivals_ns.append(seconds * 1_000_000_000 + nanoseconds)

    def errors_ms(self) -> list[float]:
        """How far each packet was from the even grid."""
        offsets = [at - number * _FRAME_NS for number, at in enumerate(self.arrivals_ns)]
        middle = statistics.median(offsets)
        return [abs(offset - middle) / 1e6 for offset in offsets]

    def packets_per_second(self) -> float:
        """Of the whole time."""
        return (len(self.arrivals_ns) - 1) * 1e9 / (self.arrivals_ns[-1] - self.arrivals_ns[0])


def fill(core: MediaCore, legs: int, observers: Sequence[Observer], nowhere: socket.socket) -> list[LegId]:
    """Open legs that talk to each other, two and two in rooms with a prompt; the first ones send to the observers."""
    names = [LegId(f"leg-{index}") for index in range(legs)]
    ports = {name: core.open(name)[1] for name in names}
    for index, name in enumerate(names):
        far = ports[names[(index + legs // 2) % legs]]
        half = index % (legs // 2)
        if half < len(observers):
            # Nobody else may send to an observed leg: it would answer there.
            far = (observers[half].socket if index == half else nowhere).getsockname()[1]
        core.configure(name, RtpPlan(remote_host="127.0.0.1", remote_port=far, codec="PCMA", payload_type=8))
    for start in range(0, legs - 1, 2):
        room, members = ConversationId(f"CON-{start}"), names[start : start + 2]
        core.arrange(room, {leg: frozenset(members) - {leg} for leg in members})
        core.play(EffectId(f"play-{start}"), room, rate_hz=8000, loop=0)
        core.feed(EffectId(f"play-{start}"), tone(440, 1), last=True)
    return names


def spin(stop: threading.Event) -> None:
    """Compute until told to stop, and never let go of the interpreter by oneself."""
    while not stop.is_set():
        sum(number * number for number in range(10_000))


async def post(client: PooledClient, url: str, per_second: float, answered_s: list[float]) -> None:
    """Send so many webhooks a second until cancelled; note how long each answer took."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            group.create_task(_one(client, url, answered_s))


async def _one(client: PooledClient, url: str, answered_s: list[float]) -> None:
    began = time.monotonic()
    headers = (("Content-Type", "application/json"),)
    request = HttpRequest(
        method="POST", url=url, headers=headers, body=_EVENT, connect_timeout_s=1.0, read_timeout_s=5.0
    )
    if isinstance(await client.send(request), HttpReply):
        answered_s.append(time.monotonic() - began)


@asynccontextmanager
async def busy(webhooks: float, answered_s: list[float]) -> AsyncIterator[None]:
    """Let Python be busy meanwhile."""
    if not webhooks:
        yield
        return
    application = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.calls.application", cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    client, stop = PooledClient(allow_private=True), threading.Event()
    try:
        assert application.stdout is not None
        port = int(await application.stdout.readline())
        await client.start()
        threading.Thread(target=spin, args=(stop,), daemon=True).start()
        posting = asyncio.create_task(post(client, f"http://127.0.0.1:{port}/event", webhooks, answered_s))
        yield
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
    finally:
        stop.set()
        await client.close()
        application.terminate()
        await application.wait()


async def measure(*, legs: int, observed: int, seconds: float, webhooks: float) -> dict[str, float]:
    """Run the legs for a while; give the errors of pace and what the rest did meanwhile."""
    core = MediaCore(port_range=(20_000, 31_999), threads=1)
    core.start(asyncio.get_running_loop())
    observers = [Observer() for _ in range(observed)]
    nowhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nowhere.bind(("127.0.0.1", 0))
    answered_s: list[float] = []
    try:
        names = fill(core, legs, observers, nowhere)
        async with busy(webhooks, answered_s):
            await asyncio.sleep(_WARM_UP_S)
            for observer in observers:
                observer.drain()
                observer.arrivals_ns.clear()
            answered_s.clear()
            before, begun = core.gauges(), time.monotonic()
            sent = [_sent(core, name) for name in names]
            while time.monotonic() < begun + seconds:
                await asyncio.sleep(1)
                for observer in observers:
                    observer.drain()
            after, wall = core.gauges(), time.monotonic() - begun
            least = min(_rate(then, _sent(core, name)) for name, then in zip(names, sent, strict=True))
    finally:
        core.shut_down()
        for each in (nowhere, *(observer.socket for observer in observers)):
            each.close()
    errors = sorted(itertools.chain.from_iterable(observer.errors_ms() for observer in observers))
    return {
        "media_core_share": (after["cpu_seconds"] - before["cpu_seconds"]) / wall,
        "error_p50_ms": _quantile(errors, 0.5),
        "error_p99_ms": _quantile(errors, 0.99),
        "error_worst_ms": errors[-1],
        "lag_p99_ms": 1000 * after["pacing_lag_p99_seconds"],
        "packets_per_second_least": min(observer.packets_per_second() for observer in observers),
        "packets_per_second_least_of_all": least,
        "frames_skipped": after["frames_skipped"] - before["frames_skipped"],
        "webhooks_per_second": len(answered_s) / wall,
        "webhook_p99_ms": 1000 * _quantile(sorted(answered_s), 0.99),
    }


def _sent(core: MediaCore, leg: LegId) -> tuple[int, float]:
    """Packets sent, and when: with a busy interpreter it takes long to ask for all legs."""
    counters = core.counters(leg)
    return 0 if counters is None else counters.packets_sent, time.monotonic()


def _rate(before: tuple[int, float], after: tuple[int, float]) -> float:
    """Packets per second; the first and the last frame may lie just beside what was looked at."""
    return (after[0] - before[0] + 1) / (after[1] - before[1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def main() -> None:
    """Measure alone and with a busy interpreter, print both, and how it compares with what is aimed at."""
    arguments = argparse.ArgumentParser(prog="python -m bench pacing", description="Pace while Python is busy.")
    arguments.add_argument("--legs", type=int, default=1600)
    arguments.add_argument("--observed", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--webhooks", type=float, default=50)
    arguments.add_argument("--rounds", type=int, default=1)
    options = arguments.parse_args()
    print(conditions(**vars(options)))
    print("aims: error p99 under 1 ms at half load, at least 49.9 packets a second, with the interpreter busy")
    for _ in range(options.rounds):
        for name, webhooks in (("alone", 0.0), ("busy", options.webhooks)):
            figures = asyncio.run(
                measure(legs=options.legs, observed=options.observed, seconds=options.seconds, webhooks=webhooks)
            )
            print(json.dumps({"python": name} | {figure: round(value, 3) for figure, value in figures.items()}))


if __name__ == "__main__":
    main()
