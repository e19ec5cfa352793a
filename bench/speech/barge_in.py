"""How fast a prompt stops: from the caller's first packet of a key or of speech to the last packet with sound in it.

    python -m bench speech barge-in [--rounds 50]

A whole Ringline in a process of its own, calls over SIP on loopback, a steady tone as the prompt. The caller sends a
packet every 20 ms from the beginning to the end of the call, whatever he says, so that the jitter buffer is at its
minimum; each of five calls has a pace of its own. Speech and tones begin with the first loud packet, keys with their
first RFC 4733 packet. The prompt has ended with the last packet in which there is any sound, its 5 ms of fading out
included.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import socket
import statistics
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
from aiohttp import web

from bench.calls.installation import Installation, free_port
from bench.calls.probe import _ack, _datagram, _invite, _socket
from bench.speech.sounds import RATE_HZ, at_level, speak
from ringline.testing import g711
from ringline.testing.audio import level_dbfs, tone
from ringline.testing.rtp import RtpPhone

_PROMPT_DB: Final = -20.0
_SOUND_DBFS: Final = -45.0
_KEY_HZ: Final = (770, 1336)
_KEY_STEPS: Final = 5
_FRAME_BYTES: Final = 320
_CALLS: Final = 5


def _script(url: str, kind: str) -> list[dict[str, Any]]:
    types = ["speech"] if kind == "speech" else ["dtmf"]
    listen: dict[str, Any] = {"action": "input", "type": types, "eventUrl": [f"{url}/event/{kind}"]}
    if kind == "speech":
        listen["speech"] = {"context": ["yes", "no"], "endOnSilence": 0.4, "maxDuration": 3}
    else:
        listen["dtmf"] = {"maxDigits": 1}
    return [{"action": "stream", "streamUrl": [f"{url}/prompt.wav"], "bargeIn": True}, listen]


@asynccontextmanager
async def _application() -> AsyncIterator[int]:
    """Answers with the script that belongs to the next round, again and again."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(tone(600, 30, level_db=_PROMPT_DB))

    async def script(request: web.Request) -> web.Response:
        if request.path != "/answer":
            await asyncio.sleep(1.0)  # let it be silent before the next prompt
        return web.json_response(_script(url, _kind["now"]))

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def prompt(_: web.Request) -> web.Response:
        return web.Response(body=file.getvalue(), content_type="audio/wav")

    app = web.Application()
    app.router.add_route("*", "/answer", script)
    app.router.add_route("*", "/event/{kind}", script)
    app.router.add_route("*", "/event", nothing)
    app.router.add_get("/prompt.wav", prompt)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


_kind: dict[str, str] = {}


@asynccontextmanager
async def _call(server: tuple[str, int], *, events: bool) -> AsyncIterator[Caller]:
    """A call that is up; without `events` no telephone-event is agreed."""
    async with Caller() as phone:
        with _socket() as sip:
            call = uuid4().hex
            port = sip.getsockname()[1]
            invite = _invite(call, server, port, phone.address[1])
            if not events:
                invite = _without_events(invite)
            sip.sendto(invite, server)
            while True:
                text = (await asyncio.wait_for(_datagram(sip), 10))[0].decode()
                if text.startswith("SIP/2.0 200"):
                    break
            sip.sendto(_ack(call, server, port, text), server)
            phone.aim("127.0.0.1", int(text.partition("m=audio ")[2].split()[0]))
            at_work = [asyncio.create_task(_answer(sip, server)), asyncio.create_task(phone.keep_talking())]
            try:
                yield phone
            finally:
                for task in at_work:
                    task.cancel()
                await asyncio.gather(*at_work, return_exceptions=True)


class Caller(RtpPhone):
    """Sends a packet every 20 ms: silence, what it was told to say, or a key."""

    def __init__(self) -> None:
        super().__init__(codec="PCMA")
        self._waiting = b""
        self._digit: str | None = None
        self._begun: asyncio.Future[float] | None = None

    async def keep_talking(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._digit is not None:
                await self._key(self._digit, due)
                due += 0.02 * _KEY_STEPS
                self._digit = None
            piece, self._waiting = self._waiting[:_FRAME_BYTES], self._waiting[_FRAME_BYTES:]
            self.send(self.payload_type, g711.encode(self.codec, piece.ljust(_FRAME_BYTES, b"\0")))
            if piece:
                self._tell(loop.time())
            self.skip(samples=_FRAME_BYTES // 2)
            due += 0.02
            await asyncio.sleep(due - loop.time())

    async def _key(self, digit: str, due: float) -> None:
        loop = asyncio.get_running_loop()
        for step in range(1, _KEY_STEPS + 1):
            self._send_key(int(digit), 160 * step, marker=step == 1, end=step == _KEY_STEPS)
            self._tell(loop.time())
            await asyncio.sleep(due + 0.02 * step - loop.time())
        self.skip(samples=160 * _KEY_STEPS)

    def _tell(self, now: float) -> None:
        if self._begun is not None:
            self._begun.set_result(now)
            self._begun = None

    async def begin(self, pcm: bytes = b"", *, digit: str | None = None) -> float:
        """Say something, or press a key, from the next packet on; gives the time at which that was sent."""
        self._begun = asyncio.get_running_loop().create_future()
        self._waiting, self._digit = pcm, digit
        return await self._begun


async def _answer(sip: socket.socket, server: tuple[str, int]) -> None:
    while True:
        await _datagram(sip)


def _without_events(invite: bytes) -> bytes:
    head, body = invite.decode().split("\r\n\r\n")
    body = body.replace(" 8 101", " 8").replace("a=rtpmap:101 telephone-event/8000\r\n", "")
    head = head.rsplit("Content-Length", 1)[0] + f"Content-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds for each way to interrupt: median, p95, worst."""
    words = [(text, voice, 165) for voice in ("en-us+f2", "en-us+m3") for text in ("yes", "no", "hello", "stop it")]
    utterances = [_from_onset(at_level(samples, -20.0)) for samples in await speak(words)]
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with _application() as port:
            server = Installation(Path(folder), application=port)
            await server.start()
            try:
                for kind in ("speech", "tone", "key"):
                    _kind["now"] = kind
                    found: list[float] = []
                    for _ in range(_CALLS):
                        async with _call(("127.0.0.1", server.sip_port), events=kind != "tone") as phone:
                            for _ in range(max(1, rounds // _CALLS)):
                                found.append(await _round(phone, kind, utterances[len(found) % len(utterances)]))
                    results[kind] = {
                        "least_ms": round(min(found), 1),
                        "median_ms": round(statistics.median(found), 1),
                        "p95_ms": round(statistics.quantiles(found, n=20)[-1], 1),
                        "worst_ms": round(max(found), 1),
                        "rounds": len(found),
                    }
            finally:
                await server.stop()
    return results


async def _round(phone: Caller, kind: str, utterance: bytes) -> float:
    await _until_sound(phone)
    await asyncio.sleep(1.0)
    match kind:
        case "key":
            began = await phone.begin(digit="5")
        case "tone":
            low, high = (np.frombuffer(tone(hz, 0.14, level_db=-13), dtype="<i2") for hz in _KEY_HZ)
            began = await phone.begin((low + high).astype("<i2").tobytes())
        case _:
            began = await phone.begin(utterance)
    await asyncio.sleep(0.6)
    last = max(
        one.at for one in phone.packets if one.payload_type == 8 and one.at < began + 0.6 and _sounds(one.payload)
    )
    phone.packets.clear()
    return (last - began) * 1000


async def _until_sound(phone: Caller) -> None:
    for _ in range(60):
        if level_dbfs(await phone.hear(0.25)) > _SOUND_DBFS:
            return
    raise SystemExit("no prompt was heard")


def _sounds(payload: bytes) -> bool:
    samples = np.frombuffer(g711.decode("PCMA", payload), dtype="<i2").astype(np.float64)
    return bool(10 * np.log10(np.mean(samples**2) / 32_768**2 + 1e-10) > _SOUND_DBFS)


def _from_onset(samples: np.ndarray[Any, Any]) -> bytes:
    """Speech from its first 20 ms that are loud."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loud = 10 * np.log10(np.mean(frames**2, axis=1) / 32_768**2 + 1e-10) > -35
    start = int(np.argmax(loud)) * 160
    return bytes(np.clip(samples[start:], -32_768, 32_767).astype("<i2").tobytes())


def main() -> None:
    arguments = argparse.ArgumentParser(description="From a key or speech to the end of the prompt.")
    arguments.add_argument("--rounds", type=int, default=50)
    print(json.dumps(asyncio.run(measure(arguments.parse_args().rounds)), indent=2))


if __name__ == "__main__":
    main()
