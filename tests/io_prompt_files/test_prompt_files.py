"""Prompt files over HTTP, from a server on this machine: every format, every way a server can misbehave."""

from __future__ import annotations

import asyncio
import gzip
import io
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import cast

import numpy as np
import pytest
import soundfile
from aiohttp import web
from numpy.typing import NDArray

from ringline.base import ProviderError
from ringline.engine.ports import Pcm, PromptFiles
from ringline.io import _decoding
from ringline.io import prompt_files as module
from ringline.io.prompt_files import REASON, HttpPromptFiles

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Scene = Callable[[HttpPromptFiles, str], Awaitable[None]]


def run(handler: Handler, scene: Scene, *, allow_private: bool = True) -> None:
    """Serve every path with `handler`; the scene gets the server's address without a path."""

    async def main() -> None:
        server = web.Server(handler, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        prompts = HttpPromptFiles(allow_private=allow_private)
        try:
            await scene(prompts, f"http://127.0.0.1:{port}")
        finally:
            await prompts.close()
            await runner.cleanup()
        assert prompts.gauges() == {"held_bytes": 0, "kept": 0, "copied_bytes": 0}

    asyncio.run(main())


def gives(body: bytes, content_type: str = "application/octet-stream") -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type)

    return handler


async def heard(prompts: PromptFiles, url: str) -> tuple[NDArray[np.float64], int]:
    blocks = [block async for block in prompts.open(url)]
    (rate_hz,) = {block.rate_hz for block in blocks}
    audio = np.frombuffer(b"".join(block.data for block in blocks), dtype="<i2")
    return audio.astype(np.float64) / 32_768, rate_hz


def tone(seconds: float = 1.0, rate_hz: int = 16_000, channels: int = 1) -> NDArray[np.float64]:
    """440 Hz at half of full scale; a second channel is silent."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.stack([wave] + [np.zeros_like(wave)] * (channels - 1), axis=1)


def encoded(container: str, subtype: str, *, seconds: float = 1.0, rate_hz: int = 16_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(seconds, rate_hz, channels), rate_hz, format=container, subtype=subtype)
    return file.getvalue()


def strongest_hz(audio: NDArray[np.float64], rate_hz: int) -> float:
    energy = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(energy) * rate_hz / len(audio))


WAV = encoded("WAV", "PCM_16")
MP3 = encoded("MP3", "MPEG_LAYER_III")


@pytest.mark.parametrize(
    ("container", "subtype", "rate_hz", "channels"),
    [
        ("WAV", "PCM_U8", 8000, 1),
        ("WAV", "PCM_16", 8000, 1),
        ("WAV", "PCM_16", 44_100, 2),
        ("WAV", "PCM_24", 16_000, 1),
        ("WAV", "PCM_32", 48_000, 2),
        ("WAV", "FLOAT", 16_000, 1),
        ("WAV", "ULAW", 8000, 1),
        ("WAV", "ALAW", 8000, 2),
        ("WAV", "GSM610", 8000, 1),
        ("WAVEX", "PCM_16", 16_000, 2),
        ("MP3", "MPEG_LAYER_III", 16_000, 1),
        ("MP3", "MPEG_LAYER_III", 44_100, 2),
        ("OGG", "OPUS", 48_000, 1),
        ("OGG", "VORBIS", 22_050, 2),
    ],
)
def test_formats_are_decoded_to_a_rate_of_the_media_core_and_mixed_to_mono(
    container: str, subtype: str, rate_hz: int, channels: int
) -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, rate = await heard(prompts, f"{server}/prompt")
        assert rate == (rate_hz if rate_hz in (8000, 16_000, 48_000) else 16_000)
        assert len(audio) == pytest.approx(rate, rel=0.12)
        middle = audio[rate // 4 : rate * 3 // 4]
        assert strongest_hz(middle, rate) == pytest.approx(440, abs=3)
        assert np.max(np.abs(middle)) == pytest.approx(0.5 / channels, rel=0.1)

    run(gives(encoded(container, subtype, rate_hz=rate_hz, channels=channels)), scene)


def test_pcm_of_16_bits_comes_through_unchanged() -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, _ = await heard(prompts, server)
        assert (audio * 32_768).astype("<i2").tobytes() == WAV[44:]

    run(gives(WAV), scene)


def test_the_content_decides_not_the_name_or_the_type() -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await heard(prompts, f"{server}/prompt.txt?x=.ogg")

    run(gives(MP3, "text/html"), scene)


def test_an_mp3_with_tags_and_a_picture_is_decoded() -> None:
    picture = bytes(200_000)
    size = bytes([len(picture) >> 21 & 127, len(picture) >> 14 & 127, len(picture) >> 7 & 127, len(picture) & 127])
    id3v1 = b"TAG" + b"x" * 125

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, _ = await heard(prompts, server)
        assert len(audio) == pytest.approx(16_000, rel=0.15)

    run(gives(b"ID3\x03\x00\x00" + size + picture + MP3 + id3v1), scene)


def test_an_mp3_with_a_constant_rate_and_no_header_frame_is_decoded() -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", 16_000, 1, "MPEG_LAYER_III", format="MP3", compression_level=0.84, bitrate_mode="CONSTANT"
    ) as sound:
        sound.write(tone(5.0))

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, _ = await heard(prompts, server)
        assert len(audio) == pytest.approx(80_000, rel=0.05)

    run(gives(file.getvalue()), scene)


def test_playing_begins_before_the_download_ends() -> None:
    body = encoded("MP3", "MPEG_LAYER_III", seconds=60)
    gate = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:40_000])
        await gate.wait()
        await response.write(body[40_000:])
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        stream = prompts.open(server)
        assert len((await anext(stream)).data) > 0
        gate.set()
        rest = b"".join([block.data async for block in stream])
        assert len(rest) / 32_000 == pytest.approx(60, abs=1)

    run(handler, scene)


@pytest.mark.parametrize("body", [WAV, MP3, encoded("OGG", "OPUS", seconds=5)])
def test_a_body_that_trickles_in_is_the_same_audio(body: bytes) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))} if "sized" in request.path else {})
        await response.prepare(request)
        for start in range(0, len(body), 1000):
            await response.write(body[start : start + 1000])
            await asyncio.sleep(0)
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        sized, _ = await heard(prompts, f"{server}/sized")
        chunked, _ = await heard(prompts, f"{server}/chunked")
        assert np.array_equal(sized, chunked)

    run(handler, scene)


@pytest.mark.parametrize("body", [WAV, MP3])
def test_one_play_is_one_download(body: bytes) -> None:
    seen: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.method)
        return web.Response(body=body)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await heard(prompts, server)

    run(handler, scene)
    assert seen == ["GET"]


def test_up_to_five_redirects_are_followed() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        left = int(request.path.strip("/"))
        if left:
            return web.Response(status=302, headers={"Location": f"/{left - 1}"})
        return web.Response(body=WAV)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await heard(prompts, f"{server}/5")
        await fails(prompts, f"{server}/6", "redirects")

    run(handler, scene)


async def fails(prompts: HttpPromptFiles, url: str, why: str) -> None:
    with pytest.raises(ProviderError, match=why) as caught:
        await heard(prompts, url)
    assert str(caught.value).startswith(REASON)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:alert(1)"])
def test_redirects_to_other_schemes_are_not_followed(target: str) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": target})

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "[Oo]nly http|cannot be fetched")

    run(handler, scene)


@pytest.mark.parametrize(
    "url", ["", "prompt.mp3", "file:///etc/passwd", "silence_stream://1", "http://", "http://[", "\0"]
)
def test_urls_that_are_none_are_refused(url: str) -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, url, "Only http|cannot be fetched")

    run(gives(WAV), scene)


def test_no_credentials_and_no_cookies_are_sent() -> None:
    seen: list[web.BaseRequest] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request)
        if request.path == "/first":
            target = f"http://name:secret@{request.host}/second"
            return web.Response(status=302, headers={"Location": target, "Set-Cookie": "a=b; Path=/"})
        return web.Response(body=WAV)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await heard(prompts, server.replace("http://", "http://user:password@") + "/first")

    run(handler, scene)
    assert len(seen) == 2
    assert not any("Authorization" in request.headers or "Cookie" in request.headers for request in seen)


def test_private_addresses_are_refused_unless_allowed() -> None:
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=WAV)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "address is not allowed")
        await fails(prompts, server.replace("127.0.0.1", "localhost"), "address is not allowed")
        await fails(prompts, "http://169.254.169.254/latest", "address is not allowed")

    run(handler, scene, allow_private=False)
    assert asked == []


def test_the_metadata_address_is_refused_even_behind_a_redirect_in_development() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://169.254.169.254/"})

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "address is not allowed")

    run(handler, scene)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503, 304])
def test_a_status_that_is_no_success_is_told(status: int) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, f"answered {status}")

    run(handler, scene)


def test_a_server_that_is_not_there_is_told() -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, "http://127.0.0.1:1/x", "cannot be fetched")
        await fails(prompts, "http://no-such-host.invalid/x", "cannot be fetched")

    run(gives(WAV), scene)


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_BYTE_S", 0.1)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "in time")

    run(handler, scene)


def test_a_server_that_dribbles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WHOLE_S", 0.2)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(WAV))})
        await response.prepare(request)
        await response.write(WAV[:100])
        await asyncio.Event().wait()
        raise AssertionError

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "in time")

    run(handler, scene)


def test_a_download_that_breaks_off_plays_what_came_and_then_fails() -> None:
    body = encoded("WAV", "PCM_16", seconds=10)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:160_000])
        assert request.transport is not None
        request.transport.close()
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "cannot be fetched")

    run(handler, scene)


def test_files_that_are_too_large_are_refused_by_their_length_and_by_their_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MAX_BYTES", 20_000)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/announced":
            return web.Response(body=WAV)
        response = web.StreamResponse()
        await response.prepare(request)
        for start in range(0, len(WAV), 1000):
            await response.write(WAV[start : start + 1000])
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, f"{server}/announced", "larger than")
        await fails(prompts, f"{server}/chunked", "larger than")

    run(handler, scene)


def test_a_compressed_transfer_is_understood() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=gzip.compress(WAV), headers={"Content-Encoding": "gzip"})

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, _ = await heard(prompts, server)
        assert len(audio) == 16_000

    run(handler, scene)


def wav_header(*, channels: int = 1, rate_hz: int = 16_000, bits: int = 16, tag: int = 1, size: int = 1000) -> bytes:
    frame = max(1, channels * bits // 8)
    return (
        b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        + tag.to_bytes(2, "little") + channels.to_bytes(2, "little") + rate_hz.to_bytes(4, "little")
        + (rate_hz * frame % 2**32).to_bytes(4, "little") + (frame % 65_536).to_bytes(2, "little")
        + bits.to_bytes(2, "little") + b"data" + size.to_bytes(4, "little") + bytes(1000)
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"R",
        b"<html><body>Not here</body></html>",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(100),
        wav_header(channels=0),
        wav_header(channels=65_535),
        wav_header(rate_hz=0),
        wav_header(rate_hz=4000),
        wav_header(rate_hz=192_000),
        wav_header(rate_hz=2**32 - 1),
        wav_header(bits=0),
        wav_header(tag=0x55),
        wav_header(tag=2),
        b"OggS" + bytes(1000),
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(1000),
        b"ID3\x04\x00\x00\xff\xff\xff\xff" + bytes(1000),
        b"\xff\xfb\x90\x00" + b"\xff" * 5000,
        b"fLaC" + bytes(1000),
        b"FORM" + bytes(1000),
    ],
)
def test_hostile_files_are_refused_with_a_clear_error(body: bytes) -> None:
    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, ".")

    run(gives(body), scene)


def test_damaged_files_end_in_audio_or_a_clear_error() -> None:
    """Every 13th byte of each kind of file changed, one at a time, and every such length cut."""
    kinds = [encoded("WAV", "PCM_16", seconds=0.05), encoded("WAV", "GSM610", seconds=0.05), MP3[:3000]]
    kinds.append(encoded("OGG", "OPUS", seconds=0.05))
    bodies = [
        body
        for kind in kinds
        for index in range(0, min(len(kind), 800), 13)
        for body in (kind[:index], kind[:index] + bytes([kind[index] ^ 0xA5]) + kind[index + 1 :])
    ]

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bodies[int(request.path.strip("/"))], content_type="audio/mpeg")

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        for index in range(len(bodies)):
            with suppress(ProviderError):
                async for block in prompts.open(f"{server}/{index}"):
                    assert len(block.data) % 2 == 0

    run(handler, scene)


@pytest.mark.parametrize("body", [encoded("WAV", "PCM_16", seconds=3), encoded("MP3", "MPEG_LAYER_III", seconds=3)])
def test_a_file_that_plays_too_long_is_refused(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_decoding, "MAX_SECONDS", 2)

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        await fails(prompts, server, "longer than")

    run(gives(body), scene)


def test_leaving_early_stops_the_download() -> None:
    body = encoded("WAV", "PCM_16", seconds=300)
    closed = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        try:
            await response.write(body[:200_000])
            await asyncio.Event().wait()
        finally:
            closed.set()
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        stream = cast(AsyncGenerator[Pcm, None], prompts.open(server))
        await anext(stream)
        await stream.aclose()
        async with asyncio.timeout(5):
            await closed.wait()

    run(handler, scene)


def test_closing_fails_what_is_playing() -> None:
    body = encoded("WAV", "PCM_16", seconds=300)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:200_000])
        await asyncio.Event().wait()
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        stream = prompts.open(server)
        await anext(stream)
        await prompts.close()
        with pytest.raises(ProviderError):
            async for _ in stream:
                pass

    run(handler, scene)


def test_all_files_together_hold_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_HELD_BYTES", len(WAV) + 100)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(WAV))})
        await response.prepare(request)
        await response.write(WAV[:20_000])
        if "slow" in request.path:
            await asyncio.Event().wait()
        await response.write(WAV[20_000:])
        return response

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        stream = cast(AsyncGenerator[Pcm, None], prompts.open(f"{server}/slow"))
        await anext(stream)
        await fails(prompts, server, "Too many")
        await stream.aclose()
        await heard(prompts, server)

    run(handler, scene)


def test_latency_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    times: list[float] = []

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        for _ in range(30):
            began = time.perf_counter()
            stream = cast(AsyncGenerator[Pcm, None], prompts.open(server))
            await anext(stream)
            times.append(time.perf_counter() - began)
            await stream.aclose()

    run(gives(MP3), scene)
    times.sort()
    with capsys.disabled():
        sys.stdout.write(f"\nprompt file, first block: median {times[15] * 1e3:.1f} ms, p95 {times[28] * 1e3:.1f} ms\n")


def test_gsm_is_decoded_to_the_bit_like_elsewhere() -> None:
    noise = np.clip(np.random.default_rng(4).normal(0, 0.3, 32_000), -1, 1)
    file = io.BytesIO()
    soundfile.write(file, noise, 8000, format="WAV", subtype="GSM610")
    expected, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="int16")

    async def scene(prompts: HttpPromptFiles, server: str) -> None:
        audio, _ = await heard(prompts, server)
        assert (audio * 32_768).astype("<i2").tobytes() == expected.astype("<i2").tobytes()

    run(gives(file.getvalue()), scene)


def test_the_host_is_told_who_asks_for_what() -> None:
    asked: list[dict[str, str]] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(dict(request.headers))
        return web.Response(body=encoded("WAV", "PCM_16"))

    async def scene(prompts: HttpPromptFiles, url: str) -> None:
        await heard(prompts, f"{url}/hold.wav")

    run(handler, scene)
    (headers,) = asked
    assert headers["User-Agent"].startswith("ringline/")
    assert headers["Accept"].startswith("audio/mpeg")
    assert headers["Accept-Encoding"] == "identity"
