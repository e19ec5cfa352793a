"""How long a caller waits for the first word: from the command to speak to the first packet with speech in it.

    python -m bench speech latency --sentences 50

Each sentence is spoken twice into a leg: new (espeak-ng in its worker), and again from the cache. The clock runs from
the engine's `play` to the arrival of the first RTP packet that is not silence at a socket on loopback, so it has the
pacing of the media core in it (0 to 20 ms).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import statistics
import struct
import tempfile
import time
from pathlib import Path

from ringline.base import ConversationId, EffectId, LegId, SystemClock
from ringline.calls.commands import Play, Speech
from ringline.engine.ports import RtpPlan
from ringline.engine.sound.prompts import Prompts
from ringline.io.media import MediaCore
from ringline.io.prompt_files import HttpPromptFiles
from ringline.io.workers import WorkerPool
from ringline.providers import SpeechCache, WorkerProgram, load

_SO_TIMESTAMPNS = 35
"Linux: tell with each packet when it arrived (socket(7)); Python does not name it."
SILENCE = frozenset({0xD5, 0x55})
"A-law samples of nothing."


async def main() -> None:
    arguments = argparse.ArgumentParser(description="From the command to speak to the first packet with speech.")
    arguments.add_argument("--sentences", type=int, default=50)
    print(json.dumps(await measure(arguments.parse_args().sentences), indent=2))


async def measure(sentences: int) -> dict[str, float]:
    """Speak; give milliseconds, median and p95, for new and cached speech."""
    loop = asyncio.get_running_loop()
    core = MediaCore(port_range=(30_000, 30_100), threads=1)
    core.start(loop)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.setblocking(False)
        far.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        cache = SpeechCache(Path(folder))
        voice = load(["espeak"], open_workers=_workers, cache=cache)
        await cache.start()
        await voice.start()
        leg = LegId("leg")
        core.open(leg)
        core.configure(
            leg, RtpPlan(remote_host="127.0.0.1", remote_port=far.getsockname()[1], codec="PCMA", payload_type=8)
        )
        prompts = Prompts(
            media=core,
            voice=voice,
            files=HttpPromptFiles(),
            clock=SystemClock(),
            ear_of=lambda listening: None,
            report=lambda room, ended: None,
        )
        core.listen(lambda event: None)
        found: dict[str, list[float]] = {"new": [], "cached": []}
        for number in range(sentences):
            for kind in found:
                effect = EffectId(f"{kind}-{number}")
                speech = Speech(text=f"Number {number} is called now, please come to the desk.")
                await asyncio.sleep(random.uniform(0, 0.02))  # a command comes at any moment of the 20 ms
                began = time.time_ns()
                prompts.play(ConversationId("CON-bench"), Play(effect=effect, owner=leg, leg=leg, source=speech))
                found[kind].append((await _first_sound(loop, far) - began) / 1e6)
                prompts.stop(effect)
                await _silence(loop, far)
        prompts.close()
        await voice.close()
        await cache.close()
    core.shut_down()
    return {
        f"{kind}_{name}_ms": round(value, 1)
        for kind, times in found.items()
        for name, value in (("median", statistics.median(times)), ("p95", statistics.quantiles(times, n=20)[-1]))
    }


async def _first_sound(loop: asyncio.AbstractEventLoop, far: socket.socket) -> int:
    """When the first packet with sound arrived, by the kernel's clock: the waking of this reader is not counted."""
    while True:
        packet, arrived = await _packet(loop, far)
        if _sounds(packet):
            return arrived


async def _silence(loop: asyncio.AbstractEventLoop, far: socket.socket) -> None:
    quiet = 0
    while quiet < 5:
        packet, _ = await _packet(loop, far)
        quiet = 0 if _sounds(packet) else quiet + 1


async def _packet(loop: asyncio.AbstractEventLoop, far: socket.socket) -> tuple[bytes, int]:
    """The next packet, and when it arrived in nanoseconds since 1970."""
    readable = asyncio.Event()
    loop.add_reader(far, readable.set)
    try:
        while True:
            try:
                packet, notes, _, _ = far.recvmsg(2048, 64)
            except BlockingIOError:
                readable.clear()
                await readable.wait()
                continue
            seconds, nanoseconds = struct.unpack("qq", notes[0][2][:16])
            return packet, seconds * 1_000_000_000 + nanoseconds
    finally:
        loop.remove_reader(far)


def _sounds(packet: bytes) -> bool:
    return any(sample not in SILENCE for sample in packet[12:])


def _workers(program: WorkerProgram) -> WorkerPool:
    return WorkerPool(program.command, name=program.name, size=1)


if __name__ == "__main__":
    asyncio.run(main())
