"""What a browser's leg costs the media core, beside the same leg with plain RTP.

    python -m bench webrtc [--legs 100] [--rounds 3] [--seconds 5] [--threads 1]

Both ends of every connection are legs of the same core, so each leg is one whole end: it encodes what it plays,
encrypts, sends, receives, decrypts, orders and decodes, 50 packets a second each way, and its checks and reports go on.
Time is processor time of the pacing threads per leg and second; the rounds take turns, so that a busy machine disturbs
all alike. The start of a leg, its checks and its handshake with the far end, is measured apart.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from typing import Final

from bench.conditions import conditions
from ringline.base import EffectId, LegId
from ringline.engine.ports import MediaConnected, MediaEvent, RtpPlan
from ringline.io.media import MediaCore
from ringline.io.webrtc import CoreWebRtc
from ringline.testing.audio import tone

AIM_MS: Final = 5.0
_CODECS: Final = {"opus": ("opus", 111, 48_000), "PCMU": ("PCMU", 0, 8000)}
_SETTLES_S: Final = 3.0


async def measure(codec: str, *, web: bool, legs: int, threads: int, seconds: float) -> dict[str, float]:
    """Let pairs of legs talk; give the figures."""
    media = MediaCore(port_range=(30_000, 59_999), threads=threads)
    connected: set[LegId] = set()
    all_there = asyncio.Event()

    def hear(event: MediaEvent) -> None:
        if isinstance(event, MediaConnected):
            connected.add(event.leg)
            if len(connected) == legs:
                all_there.set()

    media.listen(hear)
    media.start(asyncio.get_running_loop())
    try:
        names = [LegId(f"leg-{index}") for index in range(legs)]
        began = media.gauges()["cpu_seconds"]
        (_by_web if web else _by_rtp)(media, names, codec)
        if web:
            await asyncio.wait_for(all_there.wait(), 60)
        start_s = media.gauges()["cpu_seconds"] - began
        for name in names:
            play = EffectId(f"play-{name}")
            media.play(play, name, rate_hz=48_000 if codec == "opus" else 8000, loop=0)
            media.feed(play, tone(440, 1, 48_000 if codec == "opus" else 8000), last=True)
        await asyncio.sleep(_SETTLES_S)
        before, begun = media.gauges(), asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        after, lasted = media.gauges(), asyncio.get_running_loop().time() - begun
        counted = [found for name in names if (found := media.counters(name)) is not None]
        return {
            "ms": 1000 * (after["cpu_seconds"] - before["cpu_seconds"]) / (legs * lasted),
            "packets": (after["packets_received"] - before["packets_received"]) / (legs * lasted),
            "lost": after["packets_lost"] - before["packets_lost"],
            "concealed_ms": sum(one.concealed_ms for one in counted),
            "start_ms": 1000 * start_s / legs,
        }
    finally:
        media.shut_down()


def _by_web(media: MediaCore, names: list[LegId], codec: str) -> None:
    web = CoreWebRtc(media, codecs=(codec,))
    for caller, callee in zip(names[::2], names[1::2], strict=True):
        web.accept(caller, web.answer(callee, web.offer(caller)))


def _by_rtp(media: MediaCore, names: list[LegId], codec: str) -> None:
    name, number, clock_hz = _CODECS[codec]
    ports = {leg: media.open(leg)[1] for leg in names}
    for index, leg in enumerate(names):
        plan = RtpPlan(
            remote_host="127.0.0.1",
            remote_port=ports[names[index ^ 1]],
            codec=name,
            payload_type=number,
            clock_hz=clock_hz,
            dtmf_payload_type=110,
            dtmf_clock_hz=clock_hz,
        )
        media.configure(leg, plan)


def main(words: Sequence[str]) -> None:
    """Measure and print the medians of the rounds."""
    arguments = argparse.ArgumentParser(prog="python -m bench webrtc", description="Legs to browsers.")
    arguments.add_argument("--legs", type=int, default=100)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args(words)
    legs = options.legs + options.legs % 2
    print(conditions(legs=legs, rounds=options.rounds, seconds=options.seconds, threads=options.threads))
    shapes = [(codec, web) for codec in _CODECS for web in (False, True)]
    rounds: dict[tuple[str, bool], list[dict[str, float]]] = {shape: [] for shape in shapes}
    for _ in range(options.rounds):
        for codec, web in shapes:
            measured = measure(codec, web=web, legs=legs, threads=options.threads, seconds=options.seconds)
            rounds[codec, web].append(asyncio.run(measured))
    print(f"\n{'':24}{'ms per leg-second':>18}{'legs per core':>15}{'start, ms':>11}{'packets/s':>11}{'lost':>7}")
    for (codec, web), figures in rounds.items():
        middle = {name: statistics.median(one[name] for one in figures) for name in figures[0]}
        name = f"{codec}, {'ICE and DTLS-SRTP' if web else 'plain RTP'}"
        start = f"{middle['start_ms']:.2f}" if web else ""
        print(f"{name:24}{middle['ms']:>18.2f}{1000 / middle['ms']:>15.0f}{start:>11}", end="")
        print(f"{middle['packets']:>11.1f}{sum(one['lost'] for one in figures):>7.0f}")
    print(f"\naim: at most {AIM_MS:g} ms per leg-second")
