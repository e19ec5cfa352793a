"""Several engines in a row, and finding them by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

import pytest

import ringline.providers
from ringline.base import ApplicationId, ConfigError, ProviderError
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import CachedVoice, FallbackVoice, SpeechCache, WorkerProgram, load
from ringline.providers.espeak import EspeakVoice

HELLO = SpeechRequest(text="hello")
ESPEAK = EntryPoint(name="espeak", value="ringline.providers.espeak:EspeakVoice", group="ringline.speech")
BROKEN = EntryPoint(name="broken", value="ringline.nowhere:Voice", group="ringline.speech")


class Scripted:
    """Gives some blocks, then fails or ends."""

    def __init__(self, name: str, blocks: int, error: ProviderError | None = None) -> None:
        self.name = name
        self.version = f"{name}-1"
        self.running = False
        self.left = False
        self.asked: list[SpeechRequest] = []
        self._blocks = blocks
        self._error = error

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False

    def ready(self) -> str | None:
        return str(self._error) if self._error else None

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.asked.append(request)
        try:
            for _ in range(self._blocks):
                yield Pcm(rate_hz=8000, data=self.name.encode())
            if self._error is not None:
                raise self._error
        finally:
            self.left = True


class Slow(Scripted):
    """Starts only when it is let."""

    def __init__(self, name: str, blocks: int) -> None:
        super().__init__(name, blocks)
        self.gate = asyncio.Event()

    async def start(self) -> None:
        await self.gate.wait()
        await super().start()


async def said(stream: AsyncIterator[Pcm]) -> bytes:
    return b"".join([block.data async for block in stream])


def open_workers(wanted: WorkerProgram) -> WorkerPool:
    return WorkerPool(wanted.command, name=wanted.name, size=1)


def test_the_next_engine_speaks_when_the_first_cannot() -> None:
    first, second = Scripted("a", 0, ProviderError("a is down")), Scripted("b", 2)
    voice = FallbackVoice([first, second])
    assert asyncio.run(said(voice.speak(HELLO))) == b"bb"
    assert voice.ready() is None
    assert (voice.name, voice.version) == ("a+b", "a-1+b-1")


def test_an_engine_that_breaks_off_is_not_continued_by_another() -> None:
    voice = FallbackVoice([Scripted("a", 1, ProviderError("a broke off")), Scripted("b", 2)])
    with pytest.raises(ProviderError, match="a broke off"):
        asyncio.run(said(voice.speak(HELLO)))


def test_when_all_fail_the_last_error_is_told_and_readiness_names_the_first() -> None:
    voice = FallbackVoice([Scripted("a", 0, ProviderError("a is down")), Scripted("b", 0, ProviderError("b is down"))])
    assert voice.ready() == "a is down"
    with pytest.raises(ProviderError, match="b is down"):
        asyncio.run(said(voice.speak(HELLO)))


def test_all_engines_live_and_die_together() -> None:
    engines = [Scripted("a", 1), Scripted("b", 1)]
    voice = FallbackVoice(engines)
    asyncio.run(voice.start())
    assert all(engine.running for engine in engines)
    asyncio.run(voice.close())
    assert not any(engine.running for engine in engines)


def test_nobody_waits_for_engines_that_few_ask_for() -> None:
    async def main() -> None:
        usual, other = Scripted("a", 1), Slow("slow", 1)
        voice = FallbackVoice([usual], others=[other])
        await voice.start()
        assert [engine.running for engine in (usual, other)] == [True, False]
        other.gate.set()
        await voice.started()
        assert [engine.running for engine in (usual, other)] == [True, True]
        await voice.close()
        never = FallbackVoice([usual], others=[Slow("slow", 1)])
        await never.start()
        await never.close()

    asyncio.run(main())


def test_leaving_early_leaves_the_engine_too() -> None:
    engine = Scripted("a", 100)

    async def main() -> None:
        stream = FallbackVoice([engine]).speak(HELLO)
        await anext(stream)
        await cast(AsyncGenerator[Pcm, None], stream).aclose()
        assert engine.left

    asyncio.run(main())


def test_a_fallback_needs_an_engine() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FallbackVoice([])


def test_engines_are_found_by_entry_point() -> None:
    voice = load(["espeak", "espeak"], also=["espeak"], open_workers=open_workers, found=[ESPEAK])
    assert voice.name == "espeak"
    assert isinstance(voice._known["espeak"], EspeakVoice)


def test_each_engine_is_behind_the_cache(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path)
    voice = load(["espeak"], open_workers=open_workers, cache=cache, found=[ESPEAK])
    assert isinstance(voice._known["espeak"], CachedVoice)
    asyncio.run(cache.close())


def test_the_action_chooses_before_the_application_and_that_before_the_usual_order() -> None:
    shop = ApplicationId("shop")
    voice = FallbackVoice(
        [Scripted("a", 1)],
        others=[Scripted("b", 1), Scripted("polly", 1)],
        prefers=lambda application: ("b",) if application == shop else (),
    )

    def speaker(request: SpeechRequest) -> str:
        return asyncio.run(said(voice.speak(request))).decode()

    assert speaker(HELLO) == "a"
    assert speaker(replace(HELLO, application=shop)) == "b"
    assert speaker(replace(HELLO, application=ApplicationId("other"))) == "a"
    assert speaker(replace(HELLO, application=shop, provider="Amazon")) == "polly"
    assert speaker(replace(HELLO, provider="nobody")) == "a"


def test_the_options_of_an_action_reach_only_the_engine_they_are_for() -> None:
    a, b = Scripted("a", 1), Scripted("b", 0, ProviderError("b is down"))
    voice = FallbackVoice([a], others=[b])
    asyncio.run(said(voice.speak(replace(HELLO, provider="b", options={"voice": "Joanna"}))))
    assert b.asked[-1].options == {"voice": "Joanna"}
    assert a.asked[-1].options == {}


def test_an_engine_that_keeps_failing_is_passed_over_for_a_while() -> None:
    now = [0.0]
    down, up = Scripted("down", 0, ProviderError("it is away", retryable=True)), Scripted("up", 1)
    voice = FallbackVoice([down, up], clock=lambda: now[0])
    for _ in range(5):
        asyncio.run(said(voice.speak(HELLO)))
    assert (len(down.asked), len(up.asked)) == (3, 5)
    now[0] = 31.0
    asyncio.run(said(voice.speak(HELLO)))
    assert len(down.asked) == 4
    alone = FallbackVoice([down], clock=lambda: now[0])
    for _ in range(5):
        with pytest.raises(ProviderError, match="away"):
            asyncio.run(said(alone.speak(HELLO)))
    assert len(down.asked) == 9


def test_what_engines_do_is_measured() -> None:
    seen: list[tuple[str, str]] = []
    broken = Scripted("broken", 1, ProviderError("it broke off"))
    voice = FallbackVoice(
        [Scripted("down", 0, ProviderError("it is down")), Scripted("up", 3)],
        others=[broken],
        measure=lambda engine, outcome, seconds: seen.append((engine, outcome)),
    )
    asyncio.run(said(voice.speak(HELLO)))
    with pytest.raises(ProviderError, match="broke off"):
        asyncio.run(said(voice.speak(replace(HELLO, provider="broken"))))
    assert seen == [("down", "failed"), ("up", "spoken"), ("broken", "failed")]
    assert voice.up() == {"down": 0.0, "up": 1.0, "broken": 0.0}
    assert voice.troubles() == {"down": "it is down", "broken": "it broke off"}


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([], "names no engine"),
        (["tin-can"], r"there is no speech engine 'tin-can' \(installed: broken, espeak\)"),
        (["broken"], "cannot be imported"),
    ],
)
def test_wrong_settings_are_explained(names: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        load(names, open_workers=open_workers, found=[ESPEAK, BROKEN])
    assert caught.value.key == "speech.engines"


def test_the_front_door_is_sorted() -> None:
    assert ringline.providers.__all__ == sorted(ringline.providers.__all__)
    assert all(hasattr(ringline.providers, name) for name in ringline.providers.__all__)
