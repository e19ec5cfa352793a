"""The cache in front of an engine: same request, same bytes, at once; bounded; and never worse than no cache."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ringline.base import ProviderError
from ringline.engine.ports import Pcm, SpeechRequest, Voice
from ringline.providers import CachedVoice, SpeechCache

HELLO = SpeechRequest(text="hello")


class Letters:
    """Speaks the text's letters as samples, one block each. `gate` holds it back after the first."""

    def __init__(self, version: str = "1") -> None:
        self.name = "letters"
        self.version = version
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        self.repeat = 1

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def ready(self) -> str | None:
        return "as ever" if self.error else None

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.asked.append(request.text)
        for letter in request.text:
            yield Pcm(rate_hz=16_000, data=letter.encode() * 2 * self.repeat)
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error


async def said(stream: AsyncIterator[Pcm]) -> bytes:
    return b"".join([block.data async for block in stream])


async def said_and_kept(voice: CachedVoice, text: str) -> None:
    """Hear a text and wait until it is on disk, so that one use comes after the other."""
    await said(voice.speak(SpeechRequest(text=text)))
    await asyncio.gather(*(flight.task for flight in list(voice._flights.values())))


def run(
    directory: Path,
    scene: Callable[[CachedVoice, Letters], Awaitable[None]],
    *,
    version: str = "1",
    max_bytes: int = 1_000_000,
    hot_bytes: int = 1_000_000,
) -> None:
    async def main() -> None:
        cache = SpeechCache(directory, max_bytes=max_bytes, hot_bytes=hot_bytes)
        await cache.start()
        engine = Letters(version)
        voice = CachedVoice(engine, cache)
        port: Voice = voice
        assert port.ready() is None
        await voice.start()
        await scene(voice, engine)
        await voice.close()
        await cache.close()

    asyncio.run(main())


def entries(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("??/*") if path.is_file())


def test_the_second_time_the_engine_is_not_asked_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        first = await said(voice.speak(HELLO))
        assert first == b"hheelllloo"
        assert await said(voice.speak(HELLO)) == first
        assert engine.asked == ["hello"]

    run(tmp_path, scene)


def test_audio_outlives_a_restart(tmp_path: Path) -> None:
    async def first(voice: CachedVoice, engine: Letters) -> None:
        await said(voice.speak(HELLO))

    async def second(voice: CachedVoice, engine: Letters) -> None:
        blocks = [block async for block in voice.speak(HELLO)]
        assert blocks == [Pcm(rate_hz=16_000, data=b"hheelllloo")]
        assert engine.asked == []

    run(tmp_path, first)
    assert len(entries(tmp_path)) == 1
    run(tmp_path, second)


def test_voice_text_and_engine_version_all_count(tmp_path: Path) -> None:
    async def first(voice: CachedVoice, engine: Letters) -> None:
        for request in (
            HELLO,
            SpeechRequest(text="hello", style=1),
            SpeechRequest(text="hello", language="de-DE"),
            SpeechRequest(text="hello."),
            SpeechRequest(text="hello", language="EN_us"),  # the same voice as the first
        ):
            await said(voice.speak(request))
        assert engine.asked == ["hello", "hello", "hello", "hello."]

    async def second(voice: CachedVoice, engine: Letters) -> None:
        await said(voice.speak(HELLO))
        assert engine.asked == ["hello"]

    run(tmp_path, first)
    run(tmp_path, second, version="2")


def test_simultaneous_requests_share_one_synthesis(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.gate = asyncio.Event()
        listeners = [asyncio.create_task(said(voice.speak(HELLO))) for _ in range(5)]
        early = voice.speak(HELLO)
        assert (await anext(early)).data == b"hh"  # the first block is there before the last is made
        engine.gate.set()
        assert await asyncio.gather(*listeners) == [b"hheelllloo"] * 5
        assert await said(early) == b"eelllloo"
        assert engine.asked == ["hello"]

    run(tmp_path, scene)


def test_a_prompt_whose_listener_left_is_finished_for_the_next_one(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.gate = asyncio.Event()
        stream = voice.speak(HELLO)
        await anext(stream)
        del stream
        engine.gate.set()
        assert await said(voice.speak(HELLO)) == b"hheelllloo"
        assert engine.asked == ["hello"]

    run(tmp_path, scene)


def test_failures_reach_everybody_and_are_not_kept(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.error = ProviderError("no voice today", retryable=True)
        assert voice.ready() == "as ever"
        results = await asyncio.gather(said(voice.speak(HELLO)), said(voice.speak(HELLO)), return_exceptions=True)
        assert [str(result) for result in results] == ["no voice today"] * 2
        assert all(isinstance(result, ProviderError) and result.retryable for result in results)
        engine.error = None
        assert await said(voice.speak(HELLO)) == b"hheelllloo"

    run(tmp_path, scene)


def test_a_bug_in_an_engine_is_an_error_not_an_endless_wait(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.error = ZeroDivisionError("oops")
        with pytest.raises(ProviderError, match="oops"):
            await said(voice.speak(HELLO))

    run(tmp_path, scene)


@pytest.mark.parametrize("damage", [b"", b"RLS1", b"RLS1" + bytes(12) + b"x", None])
def test_damaged_entries_are_thrown_away(tmp_path: Path, damage: bytes | None) -> None:
    async def first(voice: CachedVoice, engine: Letters) -> None:
        await said(voice.speak(HELLO))

    async def second(voice: CachedVoice, engine: Letters) -> None:
        assert await said(voice.speak(HELLO)) == b"hheelllloo"
        assert engine.asked == ["hello"]

    run(tmp_path, first)
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1] + b"?" if damage is None else damage)
    run(tmp_path, second)
    assert entry.read_bytes() == whole


def test_the_disk_holds_no_more_than_it_may_and_drops_the_longest_unused(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        for letter in "abc":
            await said_and_kept(voice, letter * 100)
        await said_and_kept(voice, "a" * 100)
        await said_and_kept(voice, "d" * 100)
        assert [text[0] for text in engine.asked] == ["a", "b", "c", "d"]
        await said_and_kept(voice, "a" * 100)
        await said_and_kept(voice, "b" * 100)
        assert [text[0] for text in engine.asked] == ["a", "b", "c", "d", "b"]

    run(tmp_path, scene, max_bytes=700, hot_bytes=0)
    assert sum(path.stat().st_size for path in entries(tmp_path)) <= 700


def test_after_a_restart_the_order_of_use_is_still_known(tmp_path: Path) -> None:
    async def fill(voice: CachedVoice, engine: Letters) -> None:
        for letter in "ab":
            await said_and_kept(voice, letter * 100)

    async def more(voice: CachedVoice, engine: Letters) -> None:
        await said_and_kept(voice, "c" * 100)
        await said_and_kept(voice, "b" * 100)
        assert [text[0] for text in engine.asked] == ["c"]

    run(tmp_path, fill, max_bytes=500, hot_bytes=0)
    for path in entries(tmp_path):
        age = 100 if b"aa" in path.read_bytes() else 50
        os.utime(path, (time.time() - age, time.time() - age))
    run(tmp_path, more, max_bytes=500, hot_bytes=0)


def test_what_is_larger_than_the_cache_is_spoken_but_not_kept(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.repeat = 1000
        assert len(await said(voice.speak(HELLO))) == 10_000

    run(tmp_path, scene, max_bytes=9000, hot_bytes=9000)
    assert entries(tmp_path) == []


def test_a_directory_that_cannot_be_used_costs_only_the_disk_layer(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        assert await said(voice.speak(HELLO)) == b"hheelllloo"
        assert await said(voice.speak(HELLO)) == b"hheelllloo"
        assert engine.asked == ["hello"]

    (tmp_path / "file").write_bytes(b"")
    run(tmp_path / "file" / "cache", scene)


def test_what_a_crash_left_behind_is_removed(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None: ...

    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "abcdef-1-1.part").write_bytes(b"half")
    run(tmp_path, scene)
    assert entries(tmp_path) == []


def test_closing_ends_a_synthesis_that_hangs(tmp_path: Path) -> None:
    async def main() -> None:
        cache = SpeechCache(tmp_path)
        engine = Letters()
        engine.gate = asyncio.Event()
        voice = CachedVoice(engine, cache)
        listener = asyncio.create_task(said(voice.speak(HELLO)))
        async with asyncio.timeout(20):
            while not engine.asked:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await voice.close()
        with pytest.raises(ProviderError, match="stopped"):
            await listener
        await cache.close()

    asyncio.run(main())


def test_latency_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times: list[float] = []

    async def scene(voice: CachedVoice, engine: Letters) -> None:
        engine.repeat = 20_000
        for _ in range(100):
            began = time.perf_counter()
            stream = voice.speak(HELLO)
            await anext(stream)
            times.append(time.perf_counter() - began)
            await said(stream)

    run(tmp_path, scene)
    hot = sorted(times[1:])
    times.clear()
    run(tmp_path, scene, hot_bytes=0)
    cold = sorted(times)
    with capsys.disabled():
        sys.stdout.write(f"\ncache, first block, p95: memory {hot[94] * 1e3:.2f} ms, disk {cold[94] * 1e3:.2f} ms\n")


def test_names_of_files_owe_nothing_to_what_strangers_write(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        for text in ("../../../etc/passwd", "/absolute", "a\0b", "con", "x" * 1500, "\N{GRINNING FACE}"):
            await said_and_kept(voice, text.replace("\N{GRINNING FACE}", "smile"))
        hostile = SpeechRequest(text="a", language="../../x", options={"voice": "../../y"})
        await said(voice.speak(hostile))

    run(tmp_path / "cache", scene)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    for path in entries(tmp_path / "cache"):
        assert re.fullmatch(r"[0-9a-f]{64}\.pcm", path.name)
        assert path.parent.name == path.name[:2]


def test_what_an_engine_is_asked_besides_counts_too(tmp_path: Path) -> None:
    async def scene(voice: CachedVoice, engine: Letters) -> None:
        for options in ({}, {"voice": "a"}, {"voice": "b"}, {"voice": "a"}):
            await said(voice.speak(SpeechRequest(text="hello", options=options)))
        assert len(engine.asked) == 3

    run(tmp_path, scene)


def test_its_figures_are_told(tmp_path: Path) -> None:
    async def main() -> None:
        cache = SpeechCache(tmp_path)
        await cache.start()
        voice = CachedVoice(Letters(), cache)
        await said_and_kept(voice, "hello")
        await said(voice.speak(HELLO))
        figures = cache.gauges()
        assert (figures["cache_hits"], figures["cache_misses"]) == (1, 1)
        assert figures["cache_bytes"] == sum(path.stat().st_size for path in entries(tmp_path))
        assert figures["cache_hot_bytes"] == 10
        await voice.close()
        await cache.close()

    asyncio.run(main())
