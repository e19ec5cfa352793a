"""Noise for what strangers may send: SIP on streams and in WebSocket frames, and the frames of browsers' clients.

    python -m tests.io_sip.fuzz [--seconds 60] [--rounds 1000000] [--seed 1] [--enough FILE] [a_stream …]

`make fuzz` and `make test` run each for a minute of processor time, the tests of this folder for a moment. Everything
is allowed to be refused, nothing to raise anything else, to be held without bound, or to come out longer than a message
may be.
"""

from __future__ import annotations

import argparse
import random
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.rtc.noise import a_clients_wire
from websockets.frames import Frame, Opcode

from ringline.base import RemoteProtocolError
from ringline.io.sip.framing import Framing, StreamFraming
from ringline.io.sip.ws import WebSocketFraming
from ringline.sip import MAX_MESSAGE, PING, Response, parse

MESSAGE: Final = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS abc.invalid;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody"
)
HANDSHAKE: Final = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


def frame(payload: bytes, *, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    """A frame as browsers send them: masked."""
    return Frame(opcode, payload, fin).serialize(mask=True)


def damaged(good: list[bytes], chance: random.Random) -> bytes:
    """Some of these one after the other, with bits turned, bytes cut out, put in and taken twice."""
    stream = bytearray(b"".join(chance.choices(good, k=chance.randrange(1, 6))))
    for _ in range(chance.randrange(0, 6)):
        at = chance.randrange(len(stream)) if stream else 0
        match chance.randrange(5):
            case 0 if stream:
                stream[at] ^= 1 << chance.randrange(8)
            case 1:
                del stream[at : at + chance.randrange(1, 40)]
            case 2:
                stream[at:at] = chance.randbytes(chance.randrange(1, 20))
            case 3:
                stream[at:at] = stream[at : at + chance.randrange(1, 90)]
            case _:
                stream[at:at] = b"\r\n" * chance.randrange(1, 4)
    return bytes(stream)


def feed(framing: Framing, stream: bytes, chance: random.Random) -> None:
    """Give it in pieces of any size, and look at what comes out."""
    with suppress(RemoteProtocolError):
        at = 0
        while at < len(stream):
            size = chance.choice((1, 7, 50, 300, len(stream)))
            for message in framing.feed(stream[at : at + size]):
                assert len(message) <= MAX_MESSAGE
                if message != PING:
                    with suppress(RemoteProtocolError):
                        found = parse(message)
                        assert isinstance(found, Response) or found.method
            framing.drain()
            assert framing.waiting <= 2 * MAX_MESSAGE
            at += size
    framing.wrap(MESSAGE)
    framing.probe()
    framing.goodbye()


def a_stream(chance: random.Random) -> None:
    """One connection over TCP or TLS."""
    good = [MESSAGE, MESSAGE.replace(b": 4\r", b": 9\r"), MESSAGE.replace(b"Content-Length: 4\r\n", b""), PING]
    feed(StreamFraming(), damaged(good, chance), chance)


def a_web_socket(chance: random.Random) -> None:
    """One WebSocket; mostly with a handshake that is good."""
    good = [frame(MESSAGE), frame(MESSAGE[:9], fin=False), frame(MESSAGE[9:], opcode=Opcode.CONT)]
    good += [frame(b"", opcode=Opcode.PING), frame(struct.pack("!H", 1000), opcode=Opcode.CLOSE)]
    framing = WebSocketFraming(("https://a.example",) if chance.random() < 0.1 else ())
    if chance.random() < 0.9:
        with suppress(RemoteProtocolError):
            framing.feed(HANDSHAKE)
        feed(framing, damaged(good, chance), chance)
    else:
        feed(framing, damaged([HANDSHAKE, *good], chance), chance)


TARGETS: Final[tuple[Callable[[random.Random], None], ...]] = (a_stream, a_web_socket, a_clients_wire)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Noise for SIP on streams and in frames, and for clients.")
    arguments.add_argument("targets", nargs="*", metavar="TARGET", help="all of them without any")
    arguments.add_argument("--seconds", type=float, default=60, help="of processor time, for each target")
    arguments.add_argument("--rounds", type=int, default=None, help="so many instead")
    arguments.add_argument("--enough", type=Path, default=None, help="end as soon as this file is there")
    arguments.add_argument("--seed", type=int, default=None)
    options = arguments.parse_args()
    known = {target.__name__: target for target in TARGETS}
    if unknown := set(options.targets) - known.keys():
        arguments.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for target in [known[name] for name in options.targets or known]:
        seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
        chance, rounds, spent_s, clock = random.Random(seed), 0, 0.0, time.monotonic()
        begun = time.process_time()
        while rounds < options.rounds if options.rounds is not None else spent_s < options.seconds:
            if options.enough is not None and rounds % 64 == 0 and options.enough.exists():
                break
            target(chance)
            rounds += 1
            spent_s = time.process_time() - begun
        took = f"{spent_s:.0f} s of processor time, {time.monotonic() - clock:.0f} s by the clock"
        print(f"{target.__name__}: {rounds} rounds from seed {seed} in {took}, nothing found", flush=True)


if __name__ == "__main__":
    main()
