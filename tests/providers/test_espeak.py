"""The offline voice, with the real espeak-ng: it speaks, its styles differ, and it survives its own death."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from importlib import util
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from ringline.base import ProviderError
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice
from ringline.speech import languages, resolve, styles

Scene = Callable[[EspeakVoice, WorkerPool], Awaitable[None]]

MAPS = Path("/proc/self/maps")
SENTENCE = "Hello, welcome to Ringline. Press one for sales, or two for support."


def run(scene: Scene) -> None:
    async def main() -> None:
        pools: list[WorkerPool] = []

        def open_workers(wanted: WorkerProgram) -> WorkerPool:
            pools.append(WorkerPool(wanted.command, name=wanted.name, size=1))
            return pools[-1]

        voice = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
        await voice.start()
        assert voice.ready() is None
        try:
            await scene(voice, pools[0])
        finally:
            await voice.close()

    asyncio.run(main())


async def samples(
    voice: EspeakVoice, text: str, language: str = "en-US", style: int = 0, *, premium: bool = False
) -> NDArray[np.float64]:
    request = SpeechRequest(text=text, language=language, style=style, premium=premium)
    blocks = [block async for block in voice.speak(request)]
    assert {block.rate_hz for block in blocks} <= {22_050}
    return np.frombuffer(b"".join(block.data for block in blocks), dtype="<i2").astype(np.float64)


def seconds(audio: NDArray[np.float64]) -> float:
    return len(audio) / 22_050


def level_db(audio: NDArray[np.float64]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio**2)) / 32768 + 1e-9))


def pitch_hz(audio: NDArray[np.float64]) -> float:
    """The strongest period between 60 and 400 Hz."""
    size = 1 << (2 * len(audio)).bit_length()
    correlation = np.fft.irfft(np.abs(np.fft.rfft(audio, size)) ** 2)
    first, last = 22_050 // 400, 22_050 // 60
    return 22_050 / (first + int(np.argmax(correlation[first:last])))


def spectrum(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy in 40 bands up to 4 kHz, in dB, without its mean: the timbre."""
    energy = np.abs(np.fft.rfft(audio)) ** 2
    edges = np.linspace(0, len(energy) * 4000 // 11_025, 41).astype(int)
    bands = np.array([energy[low:high].mean() for low, high in itertools.pairwise(edges)])
    decibel = 10 * np.log10(bands + 1)
    return np.asarray(decibel - decibel.mean())


def test_it_speaks_for_as_long_and_as_loud_as_people_do() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        audio = await samples(voice, SENTENCE)
        assert 3 < seconds(audio) < 7
        assert -30 < level_db(audio) < -14

    run(scene)


def test_styles_of_both_genders_sound_different() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        woman, man = await samples(voice, SENTENCE, style=0), await samples(voice, SENTENCE, style=7)
        assert (resolve("en-US", 0).choice.gender, resolve("en-US", 7).choice.gender) == ("female", "male")
        assert pitch_hz(woman) > 1.3 * pitch_hz(man)

    run(scene)


def test_no_two_styles_of_a_language_sound_alike() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        heard = [await samples(voice, SENTENCE, style=style) for style in styles("en-US")]
        timbres, pitches = [spectrum(audio) for audio in heard], [pitch_hz(audio) for audio in heard]
        for one, other in itertools.combinations(range(len(heard)), 2):
            timbre_db = np.sqrt(np.mean((timbres[one] - timbres[other]) ** 2))
            pitch_ratio = max(pitches[one], pitches[other]) / min(pitches[one], pitches[other])
            assert timbre_db > 2.0 or pitch_ratio > 1.08, (one, other)

    run(scene)


def test_every_language_of_the_table_is_spoken() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        for language in languages():
            audio = await samples(voice, "1 2 3", language)
            assert 0.3 < seconds(audio) < 4, language
            assert level_db(audio) > -35, language

    run(scene)


def test_languages_that_are_unknown_are_spoken_too() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        assert seconds(await samples(voice, "Hello there", "tlh", 77, premium=True)) > 0.3

    run(scene)


def test_pauses_and_speed_of_ssml_are_kept() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        plain = seconds(await samples(voice, "<speak>Good evening you</speak>"))
        paused = seconds(await samples(voice, "<speak>Good evening <break time='2s'/> you</speak>"))
        assert paused - plain == pytest.approx(2, abs=0.4)
        twice = seconds(await samples(voice, "<speak>Good evening <break/> <break time='10s'/><break/> you</speak>"))
        assert twice - plain == pytest.approx(10.5, abs=0.4)
        slow = seconds(await samples(voice, "<speak><prosody rate='x-slow'>Good evening you</prosody></speak>"))
        assert slow == pytest.approx(2 * plain, rel=0.15)

    run(scene)


def test_volume_of_ssml_is_in_decibel() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        plain = level_db(await samples(voice, "<speak>My good old friend</speak>"))
        for asked, expected in (("x-soft", -12), ("soft", -6), ("+4dB", 4)):
            text = f"<speak><prosody volume='{asked}'>My good old friend</prosody></speak>"
            assert level_db(await samples(voice, text)) - plain == pytest.approx(expected, abs=1.5)
        silent = await samples(voice, "<speak><prosody volume='silent'>My good old friend</prosody></speak>")
        assert level_db(silent) < -60

    run(scene)


def test_digits_are_read_one_by_one() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        number = seconds(await samples(voice, "<speak>7471</speak>"))
        digits = seconds(await samples(voice, "<speak><say-as interpret-as='digits'>7471</say-as></speak>"))
        assert digits < 0.9 * number  # "seven four seven one" against "seven thousand four hundred seventy one"

    run(scene)


@pytest.mark.parametrize(
    "text",
    [
        "1 < 2 & 3 > 2 <b>",
        "<speak>broken <p> tags & ends",
        "<speak>a &lt;break time='9s'/&gt; b</speak>",
        "\x01 99999p hello \x00 there",
        "\ud800 lone surrogate",
        "[[h@l'oU]] {} \\ %s",
        "\N{GRINNING FACE}" * 50,
        "<speak>" + "<emphasis>" * 30 + "x" + "</emphasis>" * 30 + "</speak>",
        "a" * 1500,
        "." * 1500,
    ],
)
def test_odd_texts_end_in_audio_or_silence_but_end(text: str) -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        before = pool.pids()
        assert seconds(await samples(voice, text)) < 600
        assert pool.pids() == before

    run(scene)


def test_endless_pauses_are_cut_at_ten_minutes() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        text = "<speak>a" + "<break time='10s'/> " * 100 + "b</speak>"
        total = 0
        async for block in voice.speak(SpeechRequest(text=text)):
            total += len(block.data)
        assert total / 44_100 == pytest.approx(600, abs=1)

    run(scene)


def test_the_first_block_is_short_and_comes_before_the_rest() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        blocks = [block async for block in voice.speak(SpeechRequest(text=SENTENCE * 5))]
        assert len(blocks) > 10
        assert 0.09 < len(blocks[0].data) / 44_100 < 0.2
        assert all(len(block.data) % 2 == 0 for block in blocks)

    run(scene)


def test_a_worker_killed_in_mid_speech_fails_that_prompt_only() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        (pid,) = pool.pids()
        stream = voice.speak(SpeechRequest(text=SENTENCE * 20))
        await anext(stream)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ProviderError, match="worker failed") as caught:
            async for _ in stream:
                pass
        assert caught.value.retryable
        assert seconds(await samples(voice, SENTENCE)) > 3
        assert voice.ready() is None

    run(scene)


def test_a_worker_that_stops_answering_is_replaced() -> None:
    async def main() -> None:
        pools: list[WorkerPool] = []

        def open_workers(wanted: WorkerProgram) -> WorkerPool:
            pools.append(WorkerPool(wanted.command, name=wanted.name, size=1, silence_timeout_s=0.7))
            return pools[-1]

        voice = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
        await voice.start()
        (pid,) = pools[0].pids()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ProviderError, match="hung"):
            await samples(voice, SENTENCE)
        assert seconds(await samples(voice, SENTENCE)) > 3
        assert pid not in pools[0].pids()
        await voice.close()

    asyncio.run(main())


def test_a_listener_that_leaves_frees_the_worker() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        before = pool.pids()
        stream = cast(AsyncGenerator[Pcm, None], voice.speak(SpeechRequest(text=SENTENCE * 20)))
        await anext(stream)
        await stream.aclose()
        assert seconds(await samples(voice, "Hello")) > 0.2
        assert pool.pids() == before

    run(scene)


def test_the_server_process_never_loads_the_library() -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        await samples(voice, "Hello")
        assert "espeak" not in await asyncio.to_thread(MAPS.read_text, "utf-8")
        assert "espeakng_loader" not in sys.modules

    run(scene)


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)

    async def main() -> None:
        voice = EspeakVoice(EngineContext(open_workers=lambda program: WorkerPool((), name=""), settings={}))
        await voice.start()
        assert voice.ready() == "The offline voice is not installed: pip install ringline[espeak]"
        with pytest.raises(ProviderError, match="not installed"):
            await samples(voice, "Hello")
        await voice.close()

    asyncio.run(main())


def test_latency_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(voice: EspeakVoice, pool: WorkerPool) -> None:
        first: list[float] = []
        for index in range(40):
            began = time.perf_counter()
            async for _ in voice.speak(SpeechRequest(text=f"Order {index}. {SENTENCE}")):
                first.append(time.perf_counter() - began)
                break
        first.sort()
        with capsys.disabled():
            sys.stdout.write(f"\nespeak, first block: median {first[20] * 1e3:.1f} ms, p95 {first[38] * 1e3:.1f} ms\n")

    run(scene)
