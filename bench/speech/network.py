"""What a bad network costs a menu: loss, jitter and reordering between two media cores, and a recogniser behind it.

    python -m bench speech network [--voices 4] [--loss 0.05] [--jitter-ms 60]

Every phrase of the menu of `bench/speech/recognition.py` is sent by one media core to another as G.711 A-law, in real
time, over a road without faults and over a bad one: packets are lost at random, and each of the others is late by its
own time between 0 and twice the jitter, so that many overtake each other. What the second core's jitter buffer makes of
it is recorded, and the offline recogniser listens.

Where the kernel has it, `tc netem` does this on the loopback of a network namespace of its own (needs root); elsewhere
a relay in this process does, which is said in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.speech.recognition import MENU
from bench.speech.sounds import RATE_HZ, VOICES, Samples, at_level, joined, noise, silence, speak, upsampled
from ringline.base import ConversationId, EffectId, LegId
from ringline.engine.ports import HeardLayout, RtpPlan
from ringline.io.media import MediaCore
from ringline.providers.pocketsphinx import ACCEPTED, _worker

_NOTHING: Final = 32
"As large are samples of a line on which nobody says anything."
_AT_ONCE: Final = 24
"Phrases under way at the same time."
_PORTS: Final = (23_000, 23_998)
_SPACE: Final = "ringline-bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What happens to packets on their way."""

    loss: float = 0.0
    "The share that never arrives."
    jitter_ms: float = 0.0
    "How far the delay is off its mean, at most."
    seed: int = 1

    def netem(self) -> list[str]:
        """The same, for `tc qdisc … netem`."""
        return ["delay", f"{self.jitter_ms:g}ms", f"{self.jitter_ms:g}ms", "loss", f"{self.loss * 100:g}%"]


class Relay(asyncio.DatagramProtocol):
    """Passes datagrams on to `to`, as bad as the road is."""

    def __init__(self, road: Road, to: tuple[str, int], chance: random.Random) -> None:
        self._road = road
        self._to = to
        self._chance = chance
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if addr[1] == self._to[1] or self._chance.random() < self._road.loss:
            return
        late_s = self._chance.uniform(0, 2 * self._road.jitter_ms / 1000)
        asyncio.get_running_loop().call_later(late_s, self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, self._to)


class _Tape:
    def __init__(self) -> None:
        self.pcm = bytearray()

    def write(self, pcm: bytes) -> None:
        self.pcm += pcm

    def lost(self, milliseconds: int) -> None:
        self.pcm += bytes(4 * RATE_HZ * milliseconds // 1000)


async def carried(phrases: Sequence[NDArray[np.int16]], road: Road | None) -> list[NDArray[np.int16]]:
    """What arrives of each phrase (8 kHz); without a road of ours the packets go straight, as the network lets them."""
    media = MediaCore(port_range=_PORTS, threads=1)
    media.listen(lambda _event: None)
    media.start(asyncio.get_running_loop())
    try:
        found: list[NDArray[np.int16]] = []
        for first in range(0, len(phrases), _AT_ONCE):
            some = phrases[first : first + _AT_ONCE]
            found += await asyncio.gather(*(_carry(media, each, road, first + at) for at, each in enumerate(some)))
        return found
    finally:
        media.shut_down()


async def _carry(media: MediaCore, phrase: NDArray[np.int16], road: Road | None, number: int) -> NDArray[np.int16]:
    says, hears = LegId(f"says-{number}"), LegId(f"hears-{number}")
    tape, tap, play = _Tape(), EffectId(f"tap-{number}"), EffectId(f"play-{number}")
    room = ConversationId(f"CON-{number}")
    here, there = media.open(says), media.open(hears)
    relay: asyncio.DatagramTransport | None = None
    to = there
    if road is not None:
        chance = random.Random(f"{road.seed} {number}")
        relay, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Relay(road, there, chance), local_addr=("127.0.0.1", 0)
        )
        to = relay.get_extra_info("sockname")[:2]
    media.configure(says, RtpPlan(remote_host=to[0], remote_port=to[1], codec="PCMA", payload_type=8))
    media.configure(hears, RtpPlan(remote_host=here[0], remote_port=here[1], codec="PCMA", payload_type=8))
    media.arrange(room, {hears: frozenset()})
    media.record(tap, room, HeardLayout(leg=hears), tape)
    await asyncio.sleep(0.5)  # the jitter buffer gets to know the road
    media.play(play, says, rate_hz=RATE_HZ)
    media.feed(play, phrase.tobytes(), last=True)
    await asyncio.sleep(len(phrase) / RATE_HZ + 0.6)
    media.stop_recording(tap)
    media.close(says)
    media.close(hears)
    await asyncio.sleep(0.2)
    if relay is not None:
        relay.close()
    return np.frombuffer(bytes(tape.pcm), dtype="<i2").reshape(-1, 2)[:, 0].copy()


def menu(voices: int) -> tuple[list[str], list[NDArray[np.int16]]]:
    """The phrases of the menu in so many voices, at -24 dBFS with noise 25 dB below."""
    chance = np.random.default_rng(5)
    texts = [(text, *voice) for voice in VOICES[:voices] for text in MENU]
    spoken = asyncio.run(speak(texts))
    return [text for text, *_ in texts], [_noisy(each, chance) for each in spoken]


def _noisy(phrase: Samples, chance: np.random.Generator) -> NDArray[np.int16]:
    samples = joined(silence(0.4), at_level(phrase, -24), silence(0.4))
    mixed = samples + noise(chance, len(samples) / RATE_HZ + 1, -49)[: len(samples)]
    return np.clip(mixed, -32_768, 32_767).astype("<i2")


def score(said: Sequence[str], heard: Sequence[NDArray[np.int16]]) -> float:
    """The share of the phrases that the offline recogniser understands."""
    recogniser = _worker.Recogniser()
    words = recogniser.pronunciations(sorted({word for phrase in MENU for word in phrase.split()}))
    ways = [
        [" ".join(way) for way in itertools.islice(itertools.product(*(words[word] for word in phrase.split())), 4)]
        for phrase in MENU
    ]
    right = 0
    for text, samples in zip(said, heard, strict=True):
        results = recogniser.understand(ways, upsampled(_trimmed(samples)))
        accepted = [MENU[one["place"]] for one in results if one["confidence"] >= ACCEPTED]
        right += accepted[:1] == [text]
    return right / len(said)


def _trimmed(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Without the nothing before and after: the core's ear gives a recogniser what was said, and little around it."""
    said = np.flatnonzero(np.abs(samples) > _NOTHING)
    return samples[said[0] : said[-1] + 1] if said.size else samples


def has_netem() -> bool:
    """Whether this machine lets us make a namespace whose loopback is as bad as we like."""
    try:
        with Namespace(Road(loss=0.01, jitter_ms=1), "try"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


class Namespace:
    """A network of its own, with nothing in it but a loopback that is a bad road."""

    def __init__(self, road: Road, name: str) -> None:
        self._road = road
        self.name = f"{_SPACE}-{name}-{os.getpid()}"

    def __enter__(self) -> Namespace:
        ip, tc = (shutil.which(each, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") for each in ("ip", "tc"))
        if ip is None or tc is None:
            raise OSError("ip and tc are missing: install iproute2")
        self._ip = ip
        _quietly(ip, "netns", "add", self.name)
        try:
            _quietly(ip, "netns", "exec", self.name, ip, "link", "set", "lo", "up")
            _quietly(
                *(ip, "netns", "exec", self.name, tc, "qdisc", "add", "dev", "lo", "root", "netem"), *self._road.netem()
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):
            _quietly(self._ip, "netns", "del", self.name)

    def command(self, *words: str) -> list[str]:
        """What runs a program in there."""
        return [self._ip, "netns", "exec", self.name, *words]


def _quietly(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(voices: int, road: Road, *, netem: bool) -> dict[str, Any]:
    """Shares understood without faults and with them, and what is kept of the first."""
    said, phrases = menu(voices)
    free = score(said, asyncio.run(carried(phrases, Road())))
    bad = score(said, asyncio.run(_in_namespace(voices, road)) if netem else asyncio.run(carried(phrases, road)))
    return {
        "without faults": round(free, 3),
        f"{road.loss:.0%} lost, {road.jitter_ms:g} ms jitter": round(bad, 3),
        "kept": round(bad / free, 3),
        "of": len(said),
        "road": "tc netem" if netem else "a relay of our own: this kernel has no netem, or we may not use it",
    }


async def _in_namespace(voices: int, road: Road) -> list[NDArray[np.int16]]:
    with Namespace(road, "road") as space:
        command = space.command(sys.executable, "-m", "bench.speech.network", "--inside", "--voices", str(voices))
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        if process.returncode:
            raise OSError(f"the other end failed: {process.returncode}")
    return [np.array(each, dtype="<i2") for each in json.loads(out)]


def main() -> None:
    arguments = argparse.ArgumentParser(description="What a bad network costs a menu.")
    arguments.add_argument("--voices", type=int, default=4)
    arguments.add_argument("--loss", type=float, default=0.05)
    arguments.add_argument("--jitter-ms", type=float, default=60)
    arguments.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.inside:
        heard = asyncio.run(carried(menu(options.voices)[1], None))
        print(json.dumps([each.tolist() for each in heard]))
        return
    netem = has_netem()
    if not netem:
        print("NOTE: no tc netem here; a relay of our own makes the bad road instead", file=sys.stderr)
    road = Road(loss=options.loss, jitter_ms=options.jitter_ms)
    print(json.dumps(measure(options.voices, road, netem=netem), indent=2))


if __name__ == "__main__":
    main()
