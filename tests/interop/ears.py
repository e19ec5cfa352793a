"""The audio side of a phone whose signalling another program does. It answers to where it is spoken from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import pairwise
from types import TracebackType
from typing import Any, Final, Self

from ringline.testing import g711
from ringline.testing.audio import level_dbfs
from ringline.testing.rtp import RtpPacket, RtpPhone

SPEECH_DBFS: Final = -45.0
_CODEC: Final = "PCMA"
_PAYLOAD_TYPE: Final = 8


class _Symmetric(RtpPhone):
    """Speaks to whoever speaks to it, as phones behind a NAT do."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._to is None:
            self.aim(*addr[:2])
        super().datagram_received(data, addr)


class Ear:
    """An RTP phone on a loop of its own, for tests that wait. `with` opens it."""

    def __init__(self, *, codec: str = _CODEC, dtmf_payload_type: int = 101) -> None:
        self.codec = codec
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._phone = _Symmetric(codec=codec, dtmf_payload_type=dtmf_payload_type)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._phone.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(lambda: self._phone.__aexit__(kind, error, trace))
        # A cancelled talk ends in the loop's next turn.
        self._run(lambda: asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def port(self) -> int:
        return self._phone.address[1]

    @property
    def packets(self) -> list[RtpPacket]:
        """What came so far."""
        return list(self._phone.packets)

    def says(self, pcm: bytes) -> None:
        """Say this over and over; somebody must have been heard before."""

        async def say() -> None:
            self._phone.say(pcm, repeat=True)

        self._run(say)

    def aims(self, host: str, port: int) -> None:
        """Speak there, heard or not."""
        self._loop.call_soon_threadsafe(self._phone.aim, host, port)

    def presses(self, keys: str) -> None:
        """Press keys as RFC 4733 events."""

        async def press() -> None:
            for key in keys:
                await self._phone.press(key)

        self._run(press)

    def hushes(self) -> None:
        self._loop.call_soon_threadsafe(self._phone.hush)

    def hears(self, seconds: float, *, within_s: float = 30.0) -> bytes:
        """Wait for the next so many seconds of audio."""
        pcm: bytes = self._run(lambda: self._phone.hear(seconds, deadline_s=within_s))
        return pcm

    def until(self, heard: Callable[[bytes], bool], *, quarters: int = 40) -> None:
        """Listen, a quarter of a second at a time, until what is heard is like this.

        Raises:
            AssertionError: it never was.
        """
        for _ in range(quarters):
            if heard(self.hears(0.25)):
                return
        raise AssertionError("the phone never heard it")

    def spoken_s(self) -> float:
        """Seconds in which something as loud as speech was heard so far."""
        return spoken_s(self.packets)

    def keys(self) -> str:
        """The keys it was sent so far (RFC 4733)."""
        return self._phone.keys()

    def _run(self, make: Callable[[], Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(make(), self._loop)
        return future.result(60)


def pcm_of(packets: list[RtpPacket]) -> bytes:
    """The audio of packets as 16-bit samples."""
    return g711.decode(_CODEC, b"".join(one.payload for one in packets if one.payload_type == _PAYLOAD_TYPE))


def spoken_s(packets: list[RtpPacket]) -> float:
    """Seconds of packets in which something is as loud as speech."""
    pcm, step = pcm_of(packets), 2 * 160
    return sum(0.02 for at in range(0, len(pcm), step) if level_dbfs(pcm[at : at + step]) > SPEECH_DBFS)


def longest_gap_s(packets: list[RtpPacket]) -> float:
    """The longest time between two packets."""
    times = [one.at for one in packets]
    return max((after - before for before, after in pairwise(times)), default=0.0)
