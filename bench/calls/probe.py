"""A caller with a stop-watch: single calls among the many, with the kernel's own arrival times.

What SIPp measures is in whole milliseconds and stops at signalling; this one also waits for the first packet of audio.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

_SO_TIMESTAMPNS: Final = 35
"Linux's name for: say when each datagram arrived (socket(7)); Python does not name it."
_NUMBER: Final = "442079460000"


@dataclass(slots=True)
class Timings:
    """Seconds from sending the INVITE, a value per call."""

    ringing: list[float] = field(default_factory=list)
    audio: list[float] = field(default_factory=list)
    failed: int = 0
    "Calls that did not come to their end."
    packets: int = 0
    "Packets of audio that came."
    lost: int = 0
    "Those between them that did not."


async def probe(server: tuple[str, int], timings: Timings, *, every_s: float, until: float) -> None:
    """Make calls one after the other, a new one each `every_s`, until the monotonic time `until`."""
    calls: list[asyncio.Task[None]] = []
    while time.monotonic() < until:
        calls.append(asyncio.create_task(_call(server, timings)))
        await asyncio.sleep(every_s)
    await asyncio.gather(*calls)


async def _call(server: tuple[str, int], timings: Timings) -> None:
    with _socket() as sip, _socket() as rtp:
        try:
            async with asyncio.timeout(20):
                await _conduct(sip, rtp, server, timings)
        except TimeoutError:
            timings.failed += 1


async def _conduct(sip: socket.socket, rtp: socket.socket, server: tuple[str, int], timings: Timings) -> None:
    call = uuid4().hex
    port, rtp_port = sip.getsockname()[1], rtp.getsockname()[1]
    began = time.time()
    sip.sendto(_invite(call, server, port, rtp_port), server)
    rings = False
    audio = asyncio.create_task(_datagram(rtp))
    try:
        while True:
            data, at = await _datagram(sip)
            text = data.decode(
                "latin-1"
            )  # ports are used again: what a stranger sends to an earlier owner fits nothing below
            if text.startswith("SIP/2.0 180") and not rings:
                rings = True
                timings.ringing.append(at - began)
            elif text.startswith("SIP/2.0 200") and "INVITE" in text:
                sip.sendto(_ack(call, server, port, text), server)
            elif text.startswith("BYE "):
                sip.sendto(_ok(text), server)
                first, heard = await audio
                timings.audio.append(heard - began)
                _count(first, rtp, timings)
                return
            elif text.startswith("SIP/2.0 ") and text[8] > "2":
                timings.failed += 1
                return
    finally:
        audio.cancel()
        await asyncio.gather(audio, return_exceptions=True)


def _count(first: bytes, rtp: socket.socket, timings: Timings) -> None:
    """Take what waits in the socket, and see which numbers are missing."""
    numbers = [int.from_bytes(first[2:4], "big")]
    with suppress(BlockingIOError):
        while True:
            numbers.append(int.from_bytes(rtp.recv(2000)[2:4], "big"))
    timings.packets += len(numbers)
    timings.lost += (numbers[-1] - numbers[0]) % 65536 + 1 - len(set(numbers))


async def _datagram(of: socket.socket) -> tuple[bytes, float]:
    """The next datagram, and when the kernel had it (wall-clock seconds)."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(of.fileno(), ready)
    try:
        await readable
    finally:
        loop.remove_reader(of.fileno())
    data, notes, _, _ = of.recvmsg(65536, 64)
    for level, kind, note in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@qq", note[:16])
            return data, seconds + nanoseconds / 1e9
    return data, time.time()


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind(("127.0.0.1", 0))
    return made


def _head(call: str, server: tuple[str, int], port: int, method: str, to: str) -> str:
    uri = f"sip:{_NUMBER}@{server[0]}:{server[1]}"
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call}{method}\r\n"
        f"From: <sip:447700900124@127.0.0.1:{port}>;tag={call[:8]}\r\n"
        f"To: {to or f'<{uri}>'}\r\n"
        f"Call-ID: {call}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"Contact: <sip:probe@127.0.0.1:{port}>\r\n"
        "Max-Forwards: 70\r\n"
    )


def _invite(call: str, server: tuple[str, int], port: int, rtp_port: int) -> bytes:
    body = (
        "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp_port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    head = _head(call, server, port, "INVITE", "")
    return f"{head}Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def _ack(call: str, server: tuple[str, int], port: int, answer: str) -> bytes:
    to = next(line[4:] for line in answer.split("\r\n") if line.startswith("To: "))
    return f"{_head(call, server, port, 'ACK', to)}Content-Length: 0\r\n\r\n".encode()


def _ok(request: str) -> bytes:
    names = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")
    kept = [line for line in request.split("\r\n") if line.startswith(names)]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()
