"""What every recognition engine does, whoever it is: the offline one, and one over HTTP with recorded answers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import soxr
from aiohttp import BodyPartReader, web

from ringline.base import ConfigError, ProviderError
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice
from ringline.providers.openai_speech import OpenAiRecogniser
from ringline.providers.pocketsphinx import PocketsphinxRecogniser
from ringline.providers.recognition import RecognitionEngine, Task, load_recognition

pools: list[WorkerPool] = []


def open_workers(program: WorkerProgram) -> WorkerPool:
    pools.append(WorkerPool(program.command, name=program.name, size=1, start_timeout_s=60, silence_timeout_s=30))
    return pools[-1]


def context(**settings: str) -> EngineContext:
    return EngineContext(open_workers=open_workers, settings=settings)


async def say(text: str, voice_name: str = "en-us+m3") -> bytes:
    """Speech at 16 kHz, with half a second of silence around it."""
    voice = EspeakVoice(context())
    await voice.start()
    request = {"voice": voice_name, "pitch": 50, "rate": 160, "text": text, "ssml": False}
    pcm = b"".join([block async for block in pools[-1].request(json.dumps(request).encode())])
    await voice.close()
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float64), 22_050, 16_000)
    return bytes(16_000) + bytes(np.clip(samples * 0.7, -32_768, 32_767).astype("<i2").tobytes()) + bytes(16_000)


async def understood(engine: RecognitionEngine, task: Task, audio: bytes) -> list[tuple[str, float]]:
    """Feed an engine as a call does: in pieces, with a pause that is the end."""
    stream = engine.open(task)
    for start in range(0, len(audio), 3200):
        stream.feed(audio[start : start + 3200])
    stream.pause()
    return [(one.text, one.confidence) for one in await stream.result()]


def offline(scene: Callable[[PocketsphinxRecogniser, WorkerPool], Awaitable[None]]) -> None:
    async def main() -> None:
        pools.clear()
        engine = PocketsphinxRecogniser(context())
        await engine.start()
        assert engine.ready() is None
        try:
            await scene(engine, pools[0])
        finally:
            await engine.close()

    asyncio.run(main())


def test_a_menu_digits_and_words_that_no_dictionary_has() -> None:
    async def scene(engine: PocketsphinxRecogniser, pool: WorkerPool) -> None:
        menu = Task(language="en-GB", hints=("sales", "opening hours", "Ringlinequito", "Größenwahn", "电话", "42"))
        ((text, confidence),) = await understood(engine, menu, await say("opening hours"))
        assert text == "opening hours"
        assert 0 < confidence <= 1
        ((_, after_silence),) = await understood(engine, menu, await say("opening hours") + bytes(3 * 32_000))
        assert after_silence > confidence - 0.1
        ((text, _),) = await understood(engine, menu, await say("ringlinequito"))
        assert text == "Ringlinequito"
        ((text, _),) = await understood(engine, menu, await say("forty two"))
        assert text == "42"
        digits = Task(language="en-US", hints=("$OOV_CLASS_DIGIT_SEQUENCE",))
        for text_said, meant in (("four four two", "442"), ("zero two seven three", "0273")):
            ((text, _),) = await understood(engine, digits, await say(text_said))
            assert text == meant
        assert await understood(engine, menu, bytes(32_000)) == []
        assert await understood(engine, Task(language="en-US", hints=("电话",)), await say("hello")) == []

    offline(scene)


@pytest.mark.parametrize("voice", ["en-us+Tweaky", "en-us+michel"])
def test_voices_with_other_throats_are_surely_understood_over_the_telephone(voice: str) -> None:
    """Neither has breath in it, which would be other noise each time. Heard as they are, their "no" is doubtful."""

    async def scene(engine: PocketsphinxRecogniser, pool: WorkerPool) -> None:
        task = Task(language="en-US", hints=("yes", "no"))
        hiss = np.random.default_rng(11)
        for text in ("yes", "no"):
            wide = np.frombuffer(await say(text, voice), dtype="<i2").astype(np.float64)
            narrow = soxr.resample(wide, 16_000, 8000)
            loud = narrow * 32_768 * 10 ** (-24 / 20) / np.sqrt(np.mean(narrow[4000:-4000] ** 2))
            noisy = soxr.resample(loud + hiss.normal(0, 32_768 * 10 ** (-49 / 20), len(loud)), 8000, 16_000)
            ((heard, confidence),) = await understood(engine, task, noisy.astype("<i2").tobytes())
            assert heard == text
            assert confidence > 0.9

    offline(scene)


def test_when_a_worker_dies_another_one_is_asked() -> None:
    async def scene(engine: PocketsphinxRecogniser, pool: WorkerPool) -> None:
        task, audio = Task(language="en-US", hints=("yes", "no")), await say("yes")
        assert (await understood(engine, task, audio))[0][0] == "yes"
        (pid,) = pool.pids()
        stream = engine.open(task)
        stream.feed(audio)
        stream.pause()
        os.kill(pid, signal.SIGKILL)
        assert [heard.text for heard in await stream.result()] == ["yes"]
        assert pid not in pool.pids()

    offline(scene)


def test_english_is_known_and_nothing_else() -> None:
    engine = PocketsphinxRecogniser(context())
    assert engine.knows("en-AU")
    assert not engine.knows("de-DE")
    assert engine.needs_hints


def over_http(answer: Callable[[dict[str, Any]], web.Response], *tasks: Task) -> list[Any]:
    """What an engine makes of a server's answers; failures stand in the list as their words."""

    async def main() -> list[Any]:
        async def handle(request: web.Request) -> web.Response:
            fields: dict[str, Any] = {"authorization": request.headers.get("Authorization")}
            async for part in await request.multipart():
                assert isinstance(part, BodyPartReader)
                fields[part.name or ""] = bytes(await part.read())
            return answer(fields)

        app = web.Application()
        app.router.add_post("/v1/audio/transcriptions", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        engine = OpenAiRecogniser(context(url=f"http://127.0.0.1:{port}/v1/audio/transcriptions", key="secret"))
        await engine.start()
        assert engine.ready() is None
        found: list[Any] = []
        for task in tasks:
            try:
                found.append(await understood(engine, task, bytes(32_000)))
            except ProviderError as error:
                found.append(str(error))
        await engine.close()
        await runner.cleanup()
        return found

    return asyncio.run(main())


def test_an_engine_over_http_sends_audio_hints_and_language_and_reads_text() -> None:
    asked: list[dict[str, Any]] = []

    def answer(fields: dict[str, Any]) -> web.Response:
        asked.append(fields)
        return web.json_response({"text": " Room 2212, please. ", "segments": [{"avg_logprob": -0.105}]})

    told = over_http(answer, Task(language="en-GB", hints=("room", "please")))
    assert told == [[("Room 2212, please.", pytest.approx(0.9, abs=0.01))]]
    (fields,) = asked
    assert fields["authorization"] == "Bearer secret"
    assert (fields["language"], fields["prompt"], fields["model"]) == (b"en", b"room, please", b"whisper-1")
    assert fields["file"].startswith(b"RIFF")
    assert len(fields["file"]) == 44 + 32_000


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ({"status": 500}, "openai: the server answered 500"),
        ({"status": 401}, "openai: the server answered 401"),
        ({"text": "nonsense"}, "openai: the answer is no JSON"),
        ({"text": "[1]"}, "openai: the answer has no text"),
    ],
)
def test_what_goes_wrong_over_http_is_said(response: dict[str, Any], why: str) -> None:
    assert over_http(lambda _: web.Response(**response), Task(language="en-US")) == [why]


def test_a_silent_answer_is_nothing() -> None:
    assert over_http(lambda _: web.json_response({"text": ""}), Task(language="en-US")) == [[]]


def test_engines_are_found_by_name() -> None:
    assert [one.name for one in load_recognition(["pocketsphinx", "openai"], open_workers=open_workers)] == [
        "pocketsphinx",
        "openai",
    ]
    with pytest.raises(ConfigError, match="no recognition engine 'nobody'"):
        load_recognition(["nobody"], open_workers=open_workers)
    with pytest.raises(ConfigError, match="knows no 'colour'"):
        load_recognition(["openai"], open_workers=open_workers, settings={"openai": {"colour": "blue"}})
