"""How many legs the media core carries per core: legs send each other real RTP over loopback.

    python bench/media/legs.py --legs 200 --room 2 --threads 1 --seconds 5

Each leg's far end is another leg of the same core, so every packet is sent and received: what is measured is both
ends of `legs` calls, at 50 packets a second each way, mixed in rooms of `room` legs. Beside it stands the floor: the
same packets sent and received by two system calls each, without any media in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import socket
import time

from ringline.base import ConversationId, EffectId, LegId
from ringline.engine.ports import MonoLayout, RtpPlan
from ringline.io.media import MediaCore
from ringline.testing.audio import tone
from ringline.testing.studio import Tape


async def measure(*, legs: int, room: int, threads: int, seconds: float, record: bool) -> dict[str, float]:
    """Run the legs for a while; give processor time and pacing figures."""
    core = MediaCore(port_range=(20_000, 59_999), threads=threads)
    core.start(asyncio.get_running_loop())
    names = [LegId(f"leg-{index}") for index in range(legs)]
    ports = {name: core.open(name)[1] for name in names}
    # The far end is half the list away, so that no leg sends to its own room.
    for index, name in enumerate(names):
        far = names[index ^ 1] if legs < 4 else names[(index + legs // 2) % legs]
        core.configure(
            name,
            RtpPlan(
                remote_host="127.0.0.1", remote_port=ports[far], codec="PCMA", payload_type=8, dtmf_payload_type=101
            ),
        )
    for start in range(0, legs, room):
        members = names[start : start + room]
        conversation = ConversationId(f"CON-{start}")
        core.arrange(conversation, {leg: frozenset(members) - {leg} for leg in members})
        play = EffectId(f"play-{start}")
        core.play(play, conversation, rate_hz=8000, loop=0)
        core.feed(play, tone(440, 1), last=True)
        if record:
            core.record(EffectId(f"tap-{start}"), conversation, MonoLayout(), Tape())
    await asyncio.sleep(1)
    before, used, begun = core.gauges(), resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    await asyncio.sleep(seconds)
    after, spent, wall = core.gauges(), resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - begun
    core.shut_down()
    cpu = spent.ru_utime - used.ru_utime + spent.ru_stime - used.ru_stime
    packets = after["packets_sent"] - before["packets_sent"]
    slots = after["slots"] - before["slots"]
    return {
        "cpu_percent": 100 * cpu / wall,
        "us_per_leg_tick": 1e6 * cpu / packets,
        "ms_busy_per_slot": 1000 * (after["busy_seconds"] - before["busy_seconds"]) / slots,
        "legs_per_core": legs / (cpu / wall),
        "packets_per_second": packets / wall,
        "packets_lost": after["packets_lost"] - before["packets_lost"],
        "slots_late": after["slots_late"] - before["slots_late"],
        "worst_lag_ms": 1000 * after["pacing_lag_worst_seconds"],
    }


def floor(packets: int = 100_000) -> float:
    """Give the microseconds that sending and receiving one such packet costs by bare system calls."""
    here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    here.bind(("127.0.0.1", 0))
    there.bind(("127.0.0.1", 0))
    target, payload, buffer = there.getsockname(), bytes(172), bytearray(2048)
    begun = time.process_time()
    for _ in range(packets):
        here.sendto(payload, target)
        there.recv_into(buffer)
    return 1e6 * (time.process_time() - begun) / packets


def main() -> None:
    """Read the command line, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--legs", type=int, default=200)
    options.add_argument("--room", type=int, default=2, help="legs per room")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--record", action="store_true", help="record every room")
    chosen = vars(options.parse_args())
    figures = asyncio.run(measure(**chosen))
    print(json.dumps({**chosen, **{name: round(value, 3) for name, value in figures.items()}}, indent=2))
    print(f"floor: {floor():.2f} µs for one send and one receive")


if __name__ == "__main__":
    main()
