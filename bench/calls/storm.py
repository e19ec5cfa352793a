"""What rubbish costs the calls that go on: the same calls in quiet, and while strangers send bad packets.

    python -m bench.calls.storm [--seconds 60] [--packets 1000]

Beside the delay from INVITE to 180 and the audio that was lost stands the processor time that a bad packet takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.calls.calls import cores_apart, shares
from bench.calls.installation import Installation
from bench.calls.probe import Timings, probe
from bench.calls.sipp import call
from bench.calls.webhooks import webhook_server

_CALLS_PER_SECOND: Final = 5
_SOURCES: Final = 20
_KINDS: Final = 6


async def main() -> None:
    arguments = argparse.ArgumentParser(description="What rubbish costs the calls that go on.")
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--packets", type=int, default=1000, help="bad packets per second")
    arguments.add_argument("--core", type=int, default=0, help="the core of Ringline; -1 for all")
    arguments.add_argument("--nice", type=int, default=0, help="priority of all, down to -20 on a busy machine")
    options = arguments.parse_args()
    os.nice(options.nice)
    print(json.dumps(await measure(options.seconds, options.packets, core=options.core), indent=2))


async def measure(seconds: float, packets_per_second: int, *, core: int = 0) -> dict[str, Any]:
    """Make calls in quiet and in the storm, so many seconds each."""
    ours, others = cores_apart(core)
    if others:
        os.sched_setaffinity(0, others)
    async with webhook_server() as (port, _):
        with tempfile.TemporaryDirectory() as name:
            server = Installation(Path(name), application=port, cores=ours)
            try:
                await server.start()
                await call(server.sip_port, Path(name) / "warm", calls=10, rate=10, cores=others)
                quiet = await _calls(server, seconds, 0)
                stormy = await _calls(server, seconds, packets_per_second)
            finally:
                await server.stop()
    more = stormy["cpu_s"] - quiet["cpu_s"]
    return {
        "quiet": quiet,
        "storm": stormy,
        "cpu_us_per_bad_packet": round(more * 1e6 / max(1, stormy["bad_packets"]), 1),
    }


async def _calls(server: Installation, seconds: float, packets_per_second: int) -> dict[str, Any]:
    timings = Timings()
    cpu, began = server.cpu_s()["all"], time.monotonic()
    to = ("127.0.0.1", server.sip_port)
    storm = asyncio.create_task(_storm(to, packets_per_second, until=began + seconds))
    await probe(to, timings, every_s=1 / _CALLS_PER_SECOND, until=began + seconds)
    return {
        "calls": len(timings.audio),
        "failed": timings.failed,
        "invite_to_180_ms": shares([each * 1000 for each in timings.ringing]),
        "audio_packets": timings.packets,
        "audio_packets_lost": timings.lost,
        "bad_packets": await storm,
        "cpu_s": round(server.cpu_s()["all"] - cpu, 2),
    }


async def _storm(to: tuple[str, int], per_second: int, *, until: float) -> int:
    """Send rubbish from many addresses, evenly; return how much it was."""
    if per_second == 0:
        return 0
    chance = random.Random(4711)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(_SOURCES)]
    try:
        for number, each in enumerate(sockets, 1):
            each.setblocking(False)
            each.bind((f"127.0.3.{number}", 0))
        sent, began = 0, time.monotonic()
        while (now := time.monotonic()) < until:
            while sent < (now - began) * per_second:
                sockets[sent % _SOURCES].sendto(_bad(sent, chance), to)
                sent += 1
            await asyncio.sleep(0.005)
        return sent
    finally:
        for each in sockets:
            each.close()


def _bad(number: int, chance: random.Random) -> bytes:
    """One bad packet of many kinds: scans, guesses, broken and cut messages, noise."""
    source = f"127.0.3.{number % _SOURCES + 1}"
    method = ("INVITE", "REGISTER", "OPTIONS")[number % 3]
    whole = (
        f"{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bKx{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@{source}>;tag={number}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{source}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    kinds: Sequence[bytes] = (
        whole,
        whole[: chance.randrange(len(whole))],
        whole.replace(b"CSeq: 1", b"CSeq: 99999999999999999999"),
        whole.replace(b"Content-Length: 0", b"Content-Length: 9999"),
        whole.replace(b"Max-Forwards: 70", b"X: y\r\n" * 50 + b"X: y"),
        chance.randbytes(chance.randrange(5, 1200)),
    )
    return kinds[number // 3 % _KINDS]


if __name__ == "__main__":
    asyncio.run(main())
