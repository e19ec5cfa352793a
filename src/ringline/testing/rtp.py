"""An RTP phone over a real UDP socket: says and hears G.711, presses and collects keys.

async with RtpPhone() as phone:
    phone.aim("127.0.0.1", 10_000)
    phone.say(tone(440, seconds=1))
    assert has_tone(await phone.hear(0.5), 1000)
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from ringline.testing import g711

_FRAME_S = 0.02
_FRAME = 160
_DEADLINE_S = 10.0
_SO_TIMESTAMPNS: Final = 35
"""Of Linux: each datagram comes with the time at which the kernel took it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    """A packet that the phone received."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    at: float
    "When it came to this machine, in seconds of the loop's clock: a busy process looks at it later."


class _Stamped(socket.socket):
    """A socket that knows how old the datagram is that was read last."""

    _came_at: float | None = None

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """Read a datagram, and keep when it came."""
        data, notes, _, address = self.recvmsg(bufsize, 64, flags)
        self._came_at = None
        for level, kind, value in notes:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("@ll", value)
                self._came_at = seconds + nanoseconds / 1e9
        return data, address

    def age_s(self) -> float:
        """Seconds since that datagram came; 0 where the system does not tell."""
        return 0.0 if self._came_at is None else max(0.0, time.time() - self._came_at)


def _neighbours(ip: str) -> tuple[_Stamped, _Stamped]:
    """Two sockets on neighbouring ports, the first one even (RFC 3550 section 11).

    Raises:
        OSError: there are none, or not at this address.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for _ in range(100):
        pair = [_Stamped(family, socket.SOCK_DGRAM) for _ in range(2)]
        with suppress(OSError):
            pair[0].bind((ip, 0))
            pair[1].bind((ip, pair[0].getsockname()[1] ^ 1))
            first, second = sorted(pair, key=lambda one: one.getsockname()[1])
            if sys.platform == "linux":
                first.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            return first, second
        for each in pair:
            each.close()
    raise OSError(f"no two neighbouring ports at {ip}")


class RtpPhone(asyncio.DatagramProtocol):
    """A phone's media side. Open it with `async with`."""

    def __init__(
        self, *, codec: str = "PCMU", dtmf_payload_type: int = 101, ip: str = "127.0.0.1", packet_ms: int = 20
    ) -> None:
        self.codec = codec
        self.payload_type = {"PCMU": 0, "PCMA": 8}[codec]
        self.dtmf_payload_type = dtmf_payload_type
        self.packet_ms = packet_ms
        self.packets: list[RtpPacket] = []
        "Everything received, in order of arrival."
        self._ip = ip
        self._to: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: _Stamped | None = None
        self._rtcp: socket.socket | None = None
        "Held so that reports, which go to the next port, reach nobody else; nothing reads them."
        self._arrived = asyncio.Event()
        self._talk: asyncio.Task[None] | None = None
        chance = random.SystemRandom()
        self._ssrc = chance.getrandbits(32)
        self._sequence = chance.getrandbits(16)
        self._timestamp = chance.getrandbits(32)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._socket, self._rtcp = _neighbours(self._ip)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hush()
        if self._transport is not None:
            self._transport.close()
        if self._rtcp is not None:
            self._rtcp.close()

    @property
    def address(self) -> tuple[str, int]:
        """The phone's own address and port."""
        assert self._transport is not None, "the phone is not open"
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    @property
    def aimed_at(self) -> tuple[str, int]:
        """Where it sends to."""
        assert self._to is not None, "the phone is not aimed"
        return self._to

    def aim(self, host: str, port: int) -> None:
        """Send to this address from now on."""
        self._to = (host, port)

    # ── saying ──

    def say(self, pcm: bytes, *, repeat: bool = False) -> None:
        """Start to talk, in real time; ends what was being said."""
        self.hush()
        self._talk = asyncio.create_task(self._say(pcm, repeat))

    def hush(self) -> None:
        """Stop talking: no packets any more."""
        if self._talk is not None:
            self._talk.cancel()
            self._talk = None

    async def said(self) -> None:
        """Wait until everything was said."""
        if self._talk is not None:
            await asyncio.wait_for(asyncio.shield(self._talk), 60)

    async def _say(self, pcm: bytes, repeat: bool) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for index, payload in enumerate(self._payloads(pcm, repeat)):
            self.send(self.payload_type, payload, marker=index == 0)
            self._timestamp = (self._timestamp + len(payload)) % 2**32
            due += self.packet_ms / 1000
            await asyncio.sleep(due - loop.time())

    def _payloads(self, pcm: bytes, repeat: bool) -> Iterator[bytes]:
        coded, size = g711.encode(self.codec, pcm), 8 * self.packet_ms
        while True:
            yield from (coded[start : start + size] for start in range(0, len(coded) - size + 1, size))
            if not repeat:
                return

    async def press(self, digit: str, *, held_ms: int = 100, end_packets: int = 3) -> None:
        """Press a key as RFC 4733 says; with `end_packets` 0 the end gets lost."""
        code = "0123456789*#ABCD".index(digit)
        steps = held_ms // 20
        for step in range(1, steps + 1):
            self._send_key(code, step * _FRAME, marker=step == 1)
            await asyncio.sleep(_FRAME_S)
        for _ in range(end_packets):
            self._send_key(code, steps * _FRAME, end=True)
        self._timestamp = (self._timestamp + steps * _FRAME) % 2**32

    def _send_key(self, code: int, duration: int, *, marker: bool = False, end: bool = False) -> None:
        payload = struct.pack("!BBH", code, 0x8A if end else 0x0A, duration)
        self.send(self.dtmf_payload_type, payload, marker=marker)

    def send(self, payload_type: int, payload: bytes, *, marker: bool = False) -> None:
        """Send one packet with the present timestamp."""
        second = payload_type | (0x80 if marker else 0)
        header = struct.pack("!BBHII", 0x80, second, self._sequence, self._timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) % 65536
        self.send_raw(header + payload)

    def send_raw(self, datagram: bytes) -> None:
        """Send any bytes."""
        assert self._transport is not None, "the phone is not open"
        self._transport.sendto(datagram, self.aimed_at)

    def skip(self, *, packets: int = 0, samples: int = 0) -> None:
        """Leave out sequence numbers and time, as a lossy network or a pause does."""
        self._sequence = (self._sequence + packets) % 65536
        self._timestamp = (self._timestamp + samples) % 2**32

    # ── hearing ──

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram (called by asyncio)."""
        if len(data) >= 12 and data[0] >> 6 == 2:
            _, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
            self.packets.append(
                RtpPacket(
                    payload_type=second & 0x7F,
                    marker=bool(second & 0x80),
                    sequence=sequence,
                    timestamp=timestamp,
                    ssrc=ssrc,
                    payload=data[12:],
                    at=asyncio.get_running_loop().time() - (self._socket.age_s() if self._socket else 0.0),
                )
            )
            self._arrived.set()

    async def hear(self, seconds: float, *, deadline_s: float = _DEADLINE_S) -> bytes:
        """Give the next so many seconds of audio as 16-bit samples.

        Raises:
            TimeoutError: not so much came before the deadline.
        """
        start, wanted = len(self.packets), round(seconds * 8000)
        async with asyncio.timeout(deadline_s):
            while len(audio := self.audio(start)) < 2 * wanted:
                self._arrived.clear()
                await self._arrived.wait()
        return audio[: 2 * wanted]

    def audio(self, start: int = 0) -> bytes:
        """Give all audio of the packets from number `start` on."""
        coded = b"".join(packet.payload for packet in self.packets[start:] if packet.payload_type == self.payload_type)
        return g711.decode(self.codec, coded)

    def keys(self) -> str:
        """Give the keys received as telephone-events, each once."""
        events: dict[int, str] = {}
        for packet in self.packets:
            if packet.payload_type == self.dtmf_payload_type and packet.payload[0] < 16:
                events.setdefault(packet.timestamp, "0123456789*#ABCD"[packet.payload[0]])
        return "".join(events.values())
