"""Streams that are everything but audio, from a server that misbehaves, while somebody else listens to music."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final

import numpy as np
import pytest

from ringline.testing.audio import level_dbfs, tone

from .application import Application
from .ears import Ear, pcm_of
from .installation import Installation
from .scripts import Action
from .sounds import wav
from .test_dialogs_and_audio import answered, hang_up
from .wire import Peer

pytestmark = pytest.mark.interop

FRAME: Final = 320
_HOLD_HZ: Final = 600


def _head(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


_WAV = wav(tone(440, 3.0, level_db=-15))
_ENDLESS = _WAV[:4] + b"\xff" * 4 + _WAV[8:40] + b"\xff" * 4
"The head of a wav file of 4 GB."
_ODD = _WAV[:20] + b"\x55\x00" + _WAV[22:]
"It says that it is of a codec that nobody has in a wav file."

REPLIES: Final = {
    "/page": _head(Content_Type="audio/mpeg") + b"<!doctype html><html><body>Sign in</body></html>",
    "/gone": _head("404 Not Found", Content_Length="0"),
    "/vast": _head(Content_Type="audio/wav", Content_Length=str(2**32)) + _ENDLESS,
    "/odd": _head(Content_Type="audio/wav", Content_Length=str(len(_ODD))) + _ODD,
    "/noise": _head(Content_Type="audio/mpeg") + bytes(range(256)) * 200,
    "/cut": _head(Content_Type="audio/wav", Content_Length=str(len(_WAV))) + _WAV[:20_000],
    "/lies": b"this is not HTTP at all\r\n\r\n",
}


class Hostile:
    """A web server that answers with bytes as they are; `/endless` never ends."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.left = threading.Event()
        "Somebody stopped fetching what never ends."
        self.closing = threading.Event()
        self.sent = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            path = connection.recv(4096).split(b" ")[1].decode()
            if path != "/endless":
                connection.sendall(REPLIES[path])
                return
            connection.sendall(_head(Content_Type="audio/wav") + _ENDLESS)
            block = tone(440, 1.0, level_db=-15)
            try:
                while not self.closing.wait(0.2):
                    connection.sendall(block)
                    self.sent += len(block)
            except OSError:
                self.left.set()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


def test_bad_streams_end_in_errors_and_nobody_else_hears_anything_of_it(
    ringline: Installation, app: Application, number: str, hostile: Hostile
) -> None:
    app.serves("/hold.wav", wav(tone(_HOLD_HZ, 1.0, level_db=-15)))
    app.answers(number, [{"action": "stream", "streamUrl": [f"{app.url}/hold.wav"], "loop": 0}])
    with Ear() as listener, Peer(ringline.sip_address, number=number) as quiet:
        answered(quiet, quiet.sdp(port=listener.port))
        listener.until(lambda pcm: level_dbfs(pcm) > -20)
        before = len(listener.packets)
        script: list[Action] = [
            {"action": "stream", "streamUrl": [f"{hostile.url}{path}"]} for path in (*REPLIES, "/endless")
        ]
        app.answers(number, script)
        with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
            answered(peer, peer.sdp(port=ear.port))
            room = app.requests("/answer", to=number)[-1].fields["conversation_uuid"]
            ear.until(lambda pcm: level_dbfs(pcm) > -20 and hostile.sent > 0, quarters=80)
            told = [
                one.fields["reason"] for one in app.requests("/event", conversation_uuid=room) if "reason" in one.fields
            ]
            assert len(told) == len(REPLIES), told
            assert all(reason.startswith("Stream URL not reachable") for reason in told), told
            hang_up(peer)
        assert hostile.left.wait(5), "nobody listens, nobody fetches"
        listener.hears(1.0)
        packets = listener.packets[before:]
    assert len(packets) > 50
    assert all((after.sequence - one.sequence) & 0xFFFF == 1 for one, after in pairwise(packets))
    samples = np.frombuffer(pcm_of(packets), dtype="<i2").astype(np.float64)
    levels = 10 * np.log10(np.mean(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) ** 2, axis=1))
    assert np.ptp(levels) < 0.5, "as loud all the time"
    bends = np.abs(samples[2:] - 2 * samples[1:-1] + samples[:-2])
    steepest = 2 * np.pi * _HOLD_HZ / 8000
    loudest = float(np.max(np.abs(samples)))
    assert np.max(bends) < 1.35 * loudest * steepest**2, "a step would bend the line more"
