"""How fast a prompt stops: from the caller's first packet of a key or of speech to the last packet with sound in it.

    python -m bench speech barge-in [--rounds 25]

A whole Ringline in a process of its own, a call over SIP on loopback, a steady tone as the prompt, the jitter buffer at
its minimum. Speech begins with its first loud frame. Times are those of sending and of the kernel's arrival.
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
async def _call(server: tuple[str, int], *, events: bool) -> AsyncIterator[RtpPhone]:
    """A call that is up; without `events` no telephone-event is agreed."""
    async with RtpPhone(codec="PCMA") as phone:
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
            answering = asyncio.create_task(_answer(sip, server))
            try:
                yield phone
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)


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
                    async with _call(("127.0.0.1", server.sip_port), events=kind != "tone") as phone:
                        found = [
                            await _round(phone, kind, utterances[nth % len(utterances)], nth) for nth in range(rounds)
                        ]
                    results[kind] = {
                        "median_ms": round(statistics.median(found), 1),
                        "p95_ms": round(statistics.quantiles(found, n=20)[-1], 1),
                        "worst_ms": round(max(found), 1),
                        "rounds": len(found),
                    }
            finally:
                await server.stop()
    return results


async def _round(phone: RtpPhone, kind: str, utterance: bytes, nth: int) -> float:
    loop = asyncio.get_running_loop()
    quiet = bytes(2 * RATE_HZ * 60)
    phone.say(quiet)
    await _until_sound(phone)
    await asyncio.sleep(1.0 + 0.0037 * (nth % 11))  # a caller comes at any moment of the 20 ms
    began = loop.time()
    match kind:
        case "key":
            phone.hush()
            await phone.press("5")
        case "tone":
            low, high = (np.frombuffer(tone(hz, 0.15, level_db=-13), dtype="<i2") for hz in _KEY_HZ)
            phone.say((low + high).astype("<i2").tobytes() + quiet)
        case _:
            phone.say(utterance + quiet)
    await asyncio.sleep(0.6)
    last = max(
        one.at for one in phone.packets if one.payload_type == 8 and one.at < began + 0.6 and _sounds(one.payload)
    )
    phone.packets.clear()
    return (last - began) * 1000


async def _until_sound(phone: RtpPhone) -> None:
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
    arguments.add_argument("--rounds", type=int, default=25)
    print(json.dumps(asyncio.run(measure(arguments.parse_args().rounds)), indent=2))


if __name__ == "__main__":
    main()
