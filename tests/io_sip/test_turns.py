"""A burst of datagrams leaves the event loop to others in between."""

from __future__ import annotations

import asyncio
import socket
import time

from ringline.io.sip.udp import UdpSocket
from ringline.sip import Flow


def taken_per_turn(work_s: float) -> list[int]:
    """Send 24 datagrams at once, each of them so much work; how many are taken in each turn of the event loop."""
    turns: list[int] = [0]

    def take(_data: bytes, _flow: Flow) -> None:
        turns[-1] += 1
        until = time.monotonic() + work_s
        while time.monotonic() < until:
            pass

    async def scene() -> None:
        here = UdpSocket("127.0.0.1", 0, take, lambda _where: None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
            for _ in range(24):
                there.sendto(b"OPTIONS", here.local)
            async with asyncio.timeout(10):
                while sum(turns) < 24:
                    await asyncio.sleep(0)
                    turns.append(0)
        await here.close()

    asyncio.run(scene())
    return [count for count in turns if count]


def test_datagrams_that_are_much_work_are_taken_a_few_at_a_time() -> None:
    assert taken_per_turn(0.005) == [1] * 24
    assert max(taken_per_turn(0.0015)) <= 3


def test_datagrams_that_are_little_work_are_taken_together() -> None:
    assert len(taken_per_turn(0.0)) < 12
