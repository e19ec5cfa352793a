"""What every speech engine promises: the fake one of the test kit, the local ones, and the recorded cloud services."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from ringline.base import ProviderError
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, SpeechEngine, WorkerProgram
from ringline.providers.azure import AzureVoice
from ringline.providers.espeak import EspeakVoice
from ringline.providers.google import GoogleVoice
from ringline.providers.piper import PiperVoice
from ringline.providers.polly import PollyVoice
from ringline.testing import TextVoice
from ringline.testing.audio import level_dbfs

from .services import Azure, Google, Polly, Service
from .tiny_voice import write_voice

SENTENCE = "Hello, welcome to Ringline. "
KINDS = ("text", "espeak", "piper", "google", "azure", "polly")
WORKING = KINDS[1:]
"Those with something behind them that can hang."
SERVICES: dict[str, tuple[type[Service], Callable[[EngineContext], SpeechEngine]]] = {
    "google": (Google, GoogleVoice),
    "azure": (Azure, AzureVoice),
    "polly": (Polly, PollyVoice),
}


class Rig:
    """An engine, and ways to do it harm."""

    def __init__(self, engine: SpeechEngine) -> None:
        self.engine = engine
        self.fake: TextVoice | None = None
        self.pool: WorkerPool | None = None
        self.service: Service | None = None

    def breaks(self) -> None:
        """What is behind it goes away."""
        if self.fake is not None:
            self.fake.fails("it is gone")
        if self.service is not None:
            self.service.mode = "down"
        if self.pool is not None:
            for pid in self.pool.pids():
                os.kill(pid, signal.SIGKILL)

    def hangs(self) -> None:
        """What is behind it says nothing any more."""
        if self.service is not None:
            self.service.mode = "hangs"
        if self.pool is not None:
            for pid in self.pool.pids():
                os.kill(pid, signal.SIGSTOP)

    def mends(self) -> None:
        """It is well again; workers are replaced without help."""
        if self.fake is not None:
            self.fake.works()
        if self.service is not None:
            self.service.mode = "fine"


@asynccontextmanager
async def rig_of(kind: str, directory: Path, *, timeout_s: float = 5.0) -> AsyncIterator[Rig]:
    if kind == "text":
        voice = TextVoice()
        yield await _started(Rig(voice), fake=voice)
        return
    if kind in SERVICES:
        service_type, engine_type = SERVICES[kind]
        service = service_type()
        await service.start()
        context = EngineContext(open_workers=_no_workers, settings=service.settings, timeout_s=timeout_s)
        rig = await _started(Rig(engine_type(context)), service=service)
        try:
            yield rig
        finally:
            await rig.engine.close()
            await service.stop()
            assert service.faults == []
        return
    pools: list[WorkerPool] = []

    def open_workers(wanted: WorkerProgram) -> WorkerPool:
        pools.append(
            WorkerPool(
                wanted.command,
                name=wanted.name,
                size=1,
                silence_timeout_s=timeout_s,
                start_timeout_s=wanted.start_timeout_s,
            )
        )
        return pools[-1]

    if kind == "piper":
        context = EngineContext(open_workers=open_workers, settings={"voices": str(write_voice(directory))})
        rig = Rig(PiperVoice(context))
    else:
        rig = Rig(EspeakVoice(EngineContext(open_workers=open_workers, settings={})))
    rig = await _started(rig, pool=pools[0])
    try:
        yield rig
    finally:
        await rig.engine.close()


async def _started(
    rig: Rig, *, fake: TextVoice | None = None, pool: WorkerPool | None = None, service: Service | None = None
) -> Rig:
    rig.fake, rig.pool, rig.service = fake, pool, service
    await rig.engine.start()
    assert rig.engine.ready() is None
    return rig


def _no_workers(wanted: WorkerProgram) -> WorkerPool:
    raise AssertionError("a cloud voice needs no workers")


async def said(engine: SpeechEngine, text: str, language: str = "en-US", style: int = 0) -> bytes:
    request = SpeechRequest(text=text, language=language, style=style)
    return b"".join([block.data async for block in engine.speak(request)])


def run(kind: str, directory: Path, scene: Callable[[Rig], Awaitable[None]], *, timeout_s: float = 5.0) -> None:
    async def main() -> None:
        async with rig_of(kind, directory, timeout_s=timeout_s) as rig:
            await scene(rig)

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_it_speaks_in_whole_samples_of_one_rate(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        blocks = [block async for block in rig.engine.speak(SpeechRequest(text=SENTENCE * 4))]
        assert len({block.rate_hz for block in blocks}) == 1
        assert blocks[0].rate_hz >= 8000
        assert all(block.data and len(block.data) % 2 == 0 for block in blocks)
        whole = b"".join(block.data for block in blocks)
        assert 1 < len(whole) / 2 / blocks[0].rate_hz < 60
        assert kind == "text" or level_dbfs(whole) > -35
        assert rig.engine.name
        assert rig.engine.version

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "<speak>Hello <break time='300ms'/> <prosody rate='slow' pitch='+10%' volume='-3dB'>there</prosody></speak>",
        "<speak><p><s>One.</s><s>Two &amp; &lt;three&gt;</s></p> <emphasis level='strong'>now</emphasis></speak>",
        "<speak><say-as interpret-as='digits'>123</say-as> <sub alias='Mister'>Mr</sub> <say-as "
        "interpret-as='expletive'>damn</say-as> <say-as interpret-as='date' format='dmy'>1.2.2030</say-as></speak>",
        "<speak><phoneme alphabet='ipa' ph='həˈloʊ \"'>hello</phoneme> <lang xml:lang='fr-FR'>oui</lang></speak>",
        "<speak>broken <p> tags & ends",
        "1 < 2 & 3 > 2 <b>not</b> \"quoted\" 'text'",
        "control \x01 and \ud800 surrogate \x00 [[x]]",
        "no voice speaks 日本語 and 😀 here",
    ],
)
def test_every_text_that_is_accepted_is_spoken(kind: str, text: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        assert len(await said(rig.engine, text)) > 2000

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_request_sounds_the_same_and_another_text_does_not(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        first, again, other = [await said(rig.engine, text) for text in (SENTENCE, SENTENCE, SENTENCE * 3)]
        assert abs(len(first) - len(again)) < 2000
        assert len(other) > 2 * len(first)

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", WORKING)
def test_styles_of_one_language_sound_different(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        heard = [await said(rig.engine, SENTENCE, style=style) for style in (0, 2, 7)]
        assert len(set(heard)) == 3

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_languages_and_styles_are_spoken_all_the_same(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        assert await said(rig.engine, SENTENCE, "tlh", 99)

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", WORKING)
def test_the_first_audio_of_a_long_text_does_not_wait_for_the_rest(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        blocks = [block async for block in rig.engine.speak(SpeechRequest(text=SENTENCE * 50))]
        assert len(blocks) > 10
        first = blocks[0]
        assert len(first.data) / 2 / first.rate_hz < 2  # a piece of the first sentence
        if rig.service is not None:
            assert len(rig.service.texts) > 2
            assert rig.service.texts[0].count("Hello") == 1

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", KINDS)
def test_several_requests_at_once_do_not_mix(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        alone = [len(await said(rig.engine, SENTENCE * count)) for count in (1, 3, 5)]
        together = await asyncio.gather(*(said(rig.engine, SENTENCE * count) for count in (1, 3, 5)))
        assert [len(one) for one in together] == pytest.approx(alone, abs=2000)

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", WORKING)
def test_a_listener_that_leaves_frees_what_was_working_for_it(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        pids = rig.pool.pids() if rig.pool is not None else ()
        stream = cast(AsyncGenerator[Pcm, None], rig.engine.speak(SpeechRequest(text=SENTENCE * 50)))
        await anext(stream)
        await stream.aclose()
        assert await said(rig.engine, SENTENCE)
        if rig.service is not None:
            async with asyncio.timeout(20):
                while rig.service.under_way:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        if rig.pool is not None:
            assert rig.pool.pids() == pids

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_breaks_fails_clearly_and_works_again_when_mended(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        stream = rig.engine.speak(SpeechRequest(text=SENTENCE))
        rig.breaks()
        if rig.pool is None:  # a dead worker is replaced before anybody notices
            with pytest.raises(ProviderError):
                await anext(stream)
        rig.mends()
        assert await said(rig.engine, SENTENCE)
        assert rig.engine.ready() is None

    run(kind, tmp_path, scene)


@pytest.mark.parametrize("kind", WORKING)
def test_one_that_hangs_fails_in_time_and_the_next_request_is_served(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        rig.hangs()
        async with asyncio.timeout(20):
            with pytest.raises(ProviderError) as caught:
                await said(rig.engine, SENTENCE)
        assert caught.value.retryable
        rig.mends()
        assert await said(rig.engine, SENTENCE)

    run(kind, tmp_path, scene, timeout_s=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_after_its_end_it_refuses(kind: str, tmp_path: Path) -> None:
    async def scene(rig: Rig) -> None:
        await rig.engine.close()
        assert rig.engine.ready() is not None
        with pytest.raises(ProviderError):
            await said(rig.engine, SENTENCE)

    run(kind, tmp_path, scene)
