"""A thousand bad packets a second beside calls: no audio is lost, callers are served, and the server hardly works."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from .application import Application
from .ears import Ear, longest_gap_s
from .installation import Installation
from .scripts import LONG_TALK
from .wire import Peer

pytestmark = pytest.mark.interop

_PER_SECOND: Final = 1000
_SOURCES: Final = 20


class Storm(threading.Thread):
    """Strangers who send scans, guesses, broken and cut messages, and noise, evenly spread over time."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._to = ("127.0.0.1", port)
        self._over = threading.Event()

    def run(self) -> None:
        chance = random.Random(4711)
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(_SOURCES)]
        for number, each in enumerate(sockets, 1):
            each.bind((f"127.0.4.{number}", 0))
        began = time.monotonic()
        while not self._over.wait(0.005):
            while self.sent < (time.monotonic() - began) * _PER_SECOND:
                sockets[self.sent % _SOURCES].sendto(_bad(self.sent, chance), self._to)
                self.sent += 1
        for each in sockets:
            each.close()

    def end(self) -> None:
        self._over.set()
        self.join(5)


@contextmanager
def storm(ringline: Installation) -> Iterator[Storm]:
    thread = Storm(ringline.sip_port)
    thread.start()
    try:
        yield thread
    finally:
        thread.end()


def _bad(number: int, chance: random.Random) -> bytes:
    source = f"127.0.4.{number % _SOURCES + 1}"
    method = ("INVITE", "REGISTER", "OPTIONS", "BYE")[number % 4]
    whole = (
        f"{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bKx{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@{source}>;tag={number}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{source}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    kinds = (
        whole,
        whole[: chance.randrange(len(whole))],
        whole.replace(b"CSeq: 1", b"CSeq: 99999999999999999999"),
        whole.replace(b"Content-Length: 0", b"Content-Length: 9999"),
        whole.replace(b"Max-Forwards: 70", b"X: y\r\n" * 50 + b"X: y"),
        b"SIP/2.0 200 OK\r\n" + whole.partition(b"\r\n")[2],
        chance.randbytes(chance.randrange(5, 1200)),
    )
    return kinds[number // 4 % len(kinds)]


def _dropped(ringline: Installation) -> float:
    text = ringline.request("GET", "/metrics", token=None).body.decode()
    line = next(line for line in text.splitlines() if line.startswith("ringline_sip_messages_dropped"))
    return float(line.split()[-1])


def test_a_thousand_bad_packets_a_second_disturb_nobody(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    before = _dropped(ringline)
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.3)
        first = len(ear.packets)
        with storm(ringline) as strangers:
            for index in range(20):
                with Peer(ringline.sip_address, number=number) as caller:
                    caller.send(caller.request("INVITE", body=caller.sdp(port=ear.port + 2)))
                    caller.response(180, "INVITE", within_s=1)
                    caller.response(200, "INVITE")
                    caller.send(caller.request("ACK", branch="ack"))
                    caller.send(caller.request("BYE", cseq=2, branch=f"bye{index}"))
                    caller.response(200, "BYE")
                ear.hears(0.25)
        ear.hears(0.3)
        during = ear.packets[first:]
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")
    assert strangers.sent > 4000
    assert [one.sequence for one in during] == [(during[0].sequence + index) % 65536 for index in range(len(during))]
    assert longest_gap_s(during) < 0.25
    assert _dropped(ringline) > before
    assert "Traceback" not in ringline.log_file.read_text(errors="replace")
