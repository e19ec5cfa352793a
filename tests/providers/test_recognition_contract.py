"""The contract of recognition engines: the same for a fake, the offline one, services with recorded answers, and
libraries in workers (of which stand-ins are loaded here, with the documented interface of each).
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import re
import signal
import tomllib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pytest
import soxr

from ringline.base import ConfigError, ProviderError
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.azure.recognition import AzureRecogniser
from ringline.providers.espeak import EspeakVoice
from ringline.providers.faster_whisper import WhisperRecogniser
from ringline.providers.google.recognition import GoogleRecogniser
from ringline.providers.openai_speech import OpenAiRecogniser
from ringline.providers.pocketsphinx import PocketsphinxRecogniser
from ringline.providers.recognition import Heard, RecognitionEngine, Task, WholeStream
from ringline.providers.sherpa_onnx import SherpaRecogniser
from ringline.providers.vosk import VoskRecogniser

from .hearing_services import AzureHearing, GoogleHearing, HearingService, OpenAiHearing

STANDINS: Final = Path(__file__).with_name("standins")
PHRASES: Final = ("yes", "opening hours")
TASK: Final = Task(language="en-GB", hints=PHRASES, words=True)
_FIRST_ON_THE_PATH: Final = (
    "import runpy, sys; sys.path.insert(0, {place!r}); sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


class Bench(ABC):
    """An engine and what is around it."""

    def __init__(self, spoken: dict[str, bytes], folder: Path) -> None:
        self.spoken = spoken
        self.said = {hashlib.sha256(audio).hexdigest(): text for text, audio in spoken.items()}
        self.folder = folder
        self.pools: list[WorkerPool] = []
        self.engine: RecognitionEngine

    def open_workers(self, program: WorkerProgram) -> WorkerPool:
        command = program.command
        if program.name in ("vosk", "sherpa", "whisper"):
            command = (command[0], "-I", "-c", _FIRST_ON_THE_PATH.format(place=str(STANDINS)), *command[2:])
        self.pools.append(WorkerPool(command, name=program.name, size=1, start_timeout_s=60, silence_timeout_s=30))
        return self.pools[-1]

    def context(self, **settings: str) -> EngineContext:
        return EngineContext(open_workers=self.open_workers, settings=settings, timeout_s=2)

    @abstractmethod
    async def start(self) -> None: ...

    async def stop(self) -> None:
        await self.engine.close()

    @abstractmethod
    def failing(self) -> AsyncIterator[bytes]:
        """While this lasts, the engine cannot understand the audio it gives."""


class FakeBench(Bench):
    """An engine that knows by heart what it hears."""

    class Engine:
        name = "fake"
        needs_hints = False

        def __init__(self, said: dict[str, str]) -> None:
            self._said = said
            self.broken = False

        def knows(self, language: str) -> bool:
            return language.startswith("en")

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def ready(self) -> str | None:
            return None

        def open(self, task: Task) -> WholeStream:
            async def understand(audio: bytes) -> Sequence[Heard]:
                if self.broken:
                    raise ProviderError("it is broken")
                text = self._said.get(hashlib.sha256(audio).hexdigest())
                return [Heard(text=text, confidence=1.0)] if text else []

            return WholeStream(understand)

    async def start(self) -> None:
        self.engine = self.fake = FakeBench.Engine(self.said)

    async def failing(self) -> AsyncIterator[bytes]:
        self.fake.broken = True
        yield bytes(32_000)
        self.fake.broken = False


class OfflineBench(Bench):
    async def start(self) -> None:
        self.engine = PocketsphinxRecogniser(self.context())
        await self.engine.start()

    async def failing(self) -> AsyncIterator[bytes]:
        async def kill() -> None:
            while True:  # a worker that dies is replaced and asked again, once
                await asyncio.sleep(0.1)
                for pid in self.pools[0].pids():
                    os.kill(pid, signal.SIGKILL)

        killing = asyncio.create_task(kill())
        yield (self.spoken["opening hours"] * 18)[: 32_000 * 18]  # it takes much longer than that
        killing.cancel()


class ServiceBench(Bench):
    service_type: type[HearingService]
    make: Callable[[EngineContext], RecognitionEngine]

    async def start(self) -> None:
        self.service = self.service_type()
        self.service.said = self.said
        await self.service.start()
        self.engine = type(self).make(self.context(**self.service.settings))
        await self.engine.start()

    async def stop(self) -> None:
        await super().stop()
        await self.service.stop()
        assert self.service.faults == []

    async def failing(self) -> AsyncIterator[bytes]:
        self.service.mode = "down"
        yield self.spoken["yes"]
        self.service.mode = "fine"


class OpenAiBench(ServiceBench):
    service_type, make = OpenAiHearing, OpenAiRecogniser


class GoogleBench(ServiceBench):
    service_type, make = GoogleHearing, GoogleRecogniser


class AzureBench(ServiceBench):
    service_type, make = AzureHearing, AzureRecogniser


class LibraryBench(Bench):
    make: Callable[[EngineContext], RecognitionEngine]
    options: ClassVar[dict[str, str]] = {}
    deadly = b"\x01\x02" * 16_000

    async def start(self) -> None:
        told = self.said | {hashlib.sha256(self.deadly).hexdigest(): "!die"}
        (self.folder / "said.json").write_text(json.dumps(told))
        for name in ("encoder-epoch-99.onnx", "encoder-epoch-99.int8.onnx", "decoder-epoch-99.onnx"):
            (self.folder / name).touch()
        for name in ("joiner-epoch-99.onnx", "tokens.txt"):
            (self.folder / name).touch()
        self.engine = type(self).make(self.context(model=str(self.folder), **self.options))
        await self.engine.start()

    async def failing(self) -> AsyncIterator[bytes]:
        yield self.deadly


class VoskBench(LibraryBench):
    make = VoskRecogniser


class SherpaBench(LibraryBench):
    make = SherpaRecogniser


class StreamingSherpaBench(LibraryBench):
    make = SherpaRecogniser
    options: ClassVar[dict[str, str]] = {"kind": "streaming"}


class WhisperBench(LibraryBench):
    make = WhisperRecogniser


BENCHES: Final[list[type[Bench]]] = [
    *(FakeBench, OfflineBench, OpenAiBench, GoogleBench, AzureBench),
    *(VoskBench, SherpaBench, StreamingSherpaBench, WhisperBench),
]


@pytest.fixture(scope="module")
def spoken() -> dict[str, bytes]:
    """The phrases as a telephone brings them, with half a second of silence around them."""

    async def main() -> dict[str, bytes]:
        pools: list[WorkerPool] = []

        def open_workers(program: WorkerProgram) -> WorkerPool:
            pools.append(WorkerPool(program.command, name=program.name, size=1))
            return pools[-1]

        voice = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
        await voice.start()
        made = {}
        for text in PHRASES:
            request = {"voice": "en-us+m3", "pitch": 50, "rate": 160, "text": text, "ssml": False}
            pcm = b"".join([block async for block in pools[0].request(json.dumps(request).encode())])
            samples = soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float64), 22_050, 16_000)
            speech = np.clip(samples * 0.7, -32_768, 32_767).astype("<i2").tobytes()
            made[text] = bytes(16_000) + speech + bytes(16_000)
        await voice.close()
        return made

    return asyncio.run(main())


@pytest.fixture(params=BENCHES, ids=lambda bench: bench.__name__.removesuffix("Bench"))
def bench(
    request: pytest.FixtureRequest, spoken: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.syspath_prepend(str(STANDINS))  # so that the engines find their libraries installed
    made: Bench = request.param(spoken, tmp_path)
    return made


def play(bench: Bench, scene: Callable[[RecognitionEngine], Awaitable[None]]) -> None:
    async def main() -> None:
        await bench.start()
        assert bench.engine.ready() is None
        try:
            await scene(bench.engine)
        finally:
            await bench.stop()

    asyncio.run(main())


async def understood(engine: RecognitionEngine, *parts: bytes) -> Sequence[Heard]:
    """Feed an engine as a call does: in pieces, with a pause after each part."""
    stream = engine.open(TASK)
    for part in parts:
        for start in range(0, len(part), 3200):
            stream.feed(part[start : start + 3200])
        stream.pause()
        await asyncio.sleep(0)
    return await stream.result()


def test_what_is_said_is_understood_and_silence_is_nothing(bench: Bench) -> None:
    async def scene(engine: RecognitionEngine) -> None:
        assert engine.knows("en-GB")
        heard = await understood(engine, bench.spoken["opening hours"])
        assert heard[0].text == "opening hours"
        assert 0 < heard[0].confidence <= 1
        assert [one.confidence for one in heard] == sorted((one.confidence for one in heard), reverse=True)
        words = heard[0].words
        assert not words or [word.text for word in words] == ["opening", "hours"]
        assert all(0 <= word.start_ms < word.end_ms <= 5000 and 0 <= word.confidence <= 1 for word in words)
        assert list(await understood(engine, bytes(32_000))) == []

    play(bench, scene)


def test_who_goes_on_after_a_pause_is_understood_as_a_whole_and_callers_are_kept_apart(bench: Bench) -> None:
    async def scene(engine: RecognitionEngine) -> None:
        audio = bench.spoken["opening hours"]
        half = len(audio) // 4 * 2
        found = await asyncio.gather(
            understood(engine, bench.spoken["yes"]), understood(engine, audio[:half], audio[half:])
        )
        assert [one[0].text for one in found] == ["yes", "opening hours"]

    play(bench, scene)


def test_a_failure_is_told_and_the_next_utterance_is_understood(bench: Bench) -> None:
    async def scene(engine: RecognitionEngine) -> None:
        async with asynccontextmanager(bench.failing)() as audio:
            with pytest.raises(ProviderError):
                await understood(engine, audio)
        assert (await understood(engine, bench.spoken["yes"]))[0].text == "yes"
        assert engine.ready() is None

    play(bench, scene)


def test_nothing_is_left_of_an_utterance_that_is_cancelled(bench: Bench) -> None:
    async def scene(engine: RecognitionEngine) -> None:
        stream = engine.open(TASK)
        stream.feed(bench.spoken["opening hours"])
        stream.pause()
        await asyncio.sleep(0.05)
        stream.cancel()
        stream.cancel()
        assert (await understood(engine, bench.spoken["yes"]))[0].text == "yes"

    play(bench, scene)


# ── what is each engine's own ────────────────────────────────────────────────────────────────────────────────────────


def no_workers(program: WorkerProgram) -> WorkerPool:
    raise AssertionError("no workers are needed")


@pytest.mark.parametrize(
    ("make", "settings", "why"),
    [
        (GoogleRecogniser, {}, r"recognition\.options\.google\.api_key.*is needed"),
        (GoogleRecogniser, {"api_key": "k", "colour": "blue"}, "colour"),
        (AzureRecogniser, {}, r"recognition\.options\.azure\.region"),
        (AzureRecogniser, {"region": "westeurope"}, r"recognition\.options\.azure\.key"),
        (VoskRecogniser, {}, r"recognition\.options\.vosk\.model"),
        (VoskRecogniser, {"model": "/nowhere"}, "is no folder: /nowhere"),
        (SherpaRecogniser, {"model": "/tmp", "kind": "magic"}, "kind.*is none of transducer"),
        (WhisperRecogniser, {"model": "/tmp", "threads": "0"}, "threads.*must be from 1"),
        (WhisperRecogniser, {"model": "/tmp", "compute": "int3"}, "compute.*is none of"),
    ],
)
def test_wrong_settings_are_named(
    make: Callable[[EngineContext], RecognitionEngine], settings: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        make(EngineContext(open_workers=no_workers, settings=settings))


@pytest.mark.parametrize(
    ("make", "extra"), [(VoskRecogniser, "vosk"), (SherpaRecogniser, "sherpa"), (WhisperRecogniser, "whisper")]
)
def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    make: Callable[[EngineContext], RecognitionEngine], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringline.providers.recognition.local.util.find_spec", lambda name: None)
    engine = make(EngineContext(open_workers=no_workers, settings={"model": str(tmp_path)}))
    assert f"pip install ringline[{extra}]" in (engine.ready() or "")
    with pytest.raises(ProviderError, match=rf"ringline\[{extra}\]"):
        engine.open(TASK)


def test_models_are_chosen_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STANDINS))
    programs: list[WorkerProgram] = []

    def open_workers(program: WorkerProgram) -> WorkerPool:
        programs.append(program)
        return WorkerPool(program.command, name=program.name, size=1)

    folders = {name: tmp_path / name for name in ("english", "german", "swiss")}
    for folder in folders.values():
        folder.mkdir()
    settings = {"model": "english", "model_de": "german", "model_de_CH": "swiss"}
    engine = VoskRecogniser(
        EngineContext(open_workers=open_workers, settings={key: str(tmp_path / name) for key, name in settings.items()})
    )
    assert [program.command[3] for program in programs] == [str(folders[one]) for one in ("english", "german", "swiss")]
    assert [engine.knows(tag) for tag in ("en-GB", "de-DE", "de-CH", "fr-FR")] == [True, True, True, False]
    assert [engine._model_for(tag) for tag in ("en-GB", "de-AT", "de-CH")] == list(folders.values())
    anything = WhisperRecogniser(
        EngineContext(open_workers=open_workers, settings={"model": str(tmp_path), "languages": "*"})
    )
    assert anything.knows("km-KH")


def test_a_model_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STANDINS))
    bench = SherpaBench({}, tmp_path)

    async def main() -> None:
        engine = SherpaRecogniser(bench.context(model=str(tmp_path)))
        await engine.start()
        assert "there is no encoder*.onnx in the folder of the model" in (engine.ready() or "")
        await engine.close()

    asyncio.run(main())


@pytest.mark.parametrize("bench_type", [GoogleBench, AzureBench])
def test_a_service_gets_a_minute_at_most_and_what_it_is_to_listen_for(
    bench_type: type[ServiceBench], spoken: dict[str, bytes], tmp_path: Path
) -> None:
    bench = bench_type(spoken, tmp_path)

    async def scene(engine: RecognitionEngine) -> None:
        assert list(await understood(engine, b"\x01\x00" * 16_000 * 75)) == []
        stream = engine.open(Task(language="zh", hints=("room", "x" * 101, "$OOV_CLASS_DIGIT_SEQUENCE")))
        stream.feed(spoken["yes"])
        await stream.result()
        asked = bench.service.asked[-1]
        if isinstance(engine, GoogleRecogniser):
            assert asked["languageCode"] == "cmn-Hans-CN"
            assert asked["speechContexts"] == [{"phrases": ["room", "$OOV_CLASS_DIGIT_SEQUENCE"]}]
        else:
            assert asked == {"language": "zh-CN", "format": "detailed", "profanity": "raw"}

    play(bench, scene)


@pytest.mark.parametrize("bench_type", [GoogleBench, AzureBench])
@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("refuses", "401 the key is not valid"),
        ("garbage", "the answer is no JSON"),
        ("busy", "429 Rate exceeded"),
        ("hangs", "no answer in time"),
    ],
)
def test_what_a_service_refuses_is_told_without_the_key(
    bench_type: type[ServiceBench], mode: str, why: str, spoken: dict[str, bytes], tmp_path: Path
) -> None:
    bench = bench_type(spoken, tmp_path)

    async def scene(engine: RecognitionEngine) -> None:
        bench.service.mode = mode
        with pytest.raises(ProviderError) as caught:
            await understood(engine, spoken["yes"])
        assert why in str(caught.value)
        assert bench.service.key not in str(caught.value)
        assert engine.ready() == str(caught.value)
        bench.service.mode = "fine"
        assert (await understood(engine, spoken["yes"]))[0].text == "yes"
        assert engine.ready() is None

    play(bench, scene)


def test_the_extras_that_are_named_are_there() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    named = {
        extra
        for file in (*(root / "src").rglob("*.py"), *(root / "docs").rglob("*.md"), root / "README.md")
        for extra in re.findall(r"ringline\[([a-z0-9]+)\]", file.read_text())
    }
    assert named <= set(project["optional-dependencies"])
    for group in ("ringline.recognition", "ringline.speech"):
        for point in project["entry-points"][group].values():
            module, _, name = point.partition(":")
            assert hasattr(importlib.import_module(module), name)
