"""Recordings in a bucket of a real object store: parts, ranges, wrong keys, a full store, a store that is away."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.weed import ACCESS_KEY, SECRET_KEY, Line, object_store

from ringline.base import ApplicationId, ProviderError, SeededRandom, SystemClock
from ringline.engine.ports import StoredFile
from ringline.io import bucket_recordings
from ringline.io.bucket import Bucket, BucketAddress
from ringline.io.bucket_recordings import BucketRecordings

pytestmark = pytest.mark.interop
APPLICATION = ApplicationId("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab")
SECOND = b"\x10\x00" * 16_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_store(tmp_path_factory.mktemp("weed")) as url:
        yield url


def bucket(
    url: str, *, secret: str = SECRET_KEY, name: str = "recordings", patience_s: float = 10.0, prefix: str = ""
) -> Bucket:
    return Bucket(
        BucketAddress(
            bucket=name, endpoint=url, access_key=ACCESS_KEY, secret_key=secret, patience_s=patience_s, prefix=prefix
        )
    )


def on_a_line(url: str, scene: Callable[[Line], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Line.to(url) as line:
            await scene(line)

    asyncio.run(main())


async def whole(place: Bucket, name: str, start: int, end: int) -> bytes:
    return b"".join([block async for block in place.read(name, start, end)])


def test_a_large_file_goes_up_in_parts_and_comes_back_in_any_range(store: str, tmp_path: Path) -> None:
    async def scene() -> None:
        content = os.urandom(20_000_001)
        file = tmp_path / "large.wav"
        file.write_bytes(content)
        place = bucket(store, prefix="calls/2026")
        await place.put("large.wav", file, "audio/wav")
        assert await place.size("large.wav") == len(content)
        assert await whole(place, "large.wav", 0, len(content)) == content
        assert await whole(place, "large.wav", 8_388_600, 8_388_620) == content[8_388_600:8_388_620]
        assert await whole(place, "large.wav", 5, 5) == b""
        assert await bucket(store).size("calls/2026/large.wav") == len(content)
        await place.remove("large.wav")
        await place.remove("large.wav")
        assert await place.size("large.wav") is None
        with pytest.raises(ProviderError, match="no such file"):
            await whole(place, "large.wav", 0, 10)

    asyncio.run(scene())


def test_wrong_keys_are_told_at_once_and_in_one_sentence(store: str, tmp_path: Path) -> None:
    async def scene() -> None:
        file = tmp_path / "small.wav"
        file.write_bytes(b"x" * 1000)
        began = time.monotonic()
        with pytest.raises(ProviderError, match="does not accept our keys") as caught:
            await bucket(store, secret="wrong").put("small.wav", file, "audio/wav")
        assert not caught.value.retryable
        assert "wrong" not in str(caught.value)
        assert time.monotonic() - began < 5

    asyncio.run(scene())


def test_what_fails_on_the_way_is_tried_again(store: str, tmp_path: Path) -> None:
    content = os.urandom(9_000_000)
    file = tmp_path / "a.wav"
    file.write_bytes(content)

    async def scene(line: Line) -> None:
        line.broken = 3
        place = bucket(line.url)
        await place.put("retried.wav", file, "audio/wav")
        assert line.broken == 0
        assert await whole(place, "retried.wav", 0, len(content)) == content

    on_a_line(store, scene)


def test_a_store_that_is_full_says_so_and_the_recording_stays_here(tmp_path: Path) -> None:
    with object_store(tmp_path / "weed", volumes=7) as url:

        async def scene() -> None:
            place = bucket(url, patience_s=2.0)
            recordings = make(tmp_path / "here", place)
            await recordings.start()
            filler = tmp_path / "filler"
            filler.write_bytes(os.urandom(4_000_000))
            with pytest.raises(ProviderError):
                await fill(place, filler)
            stored = await record(recordings, seconds=60)
            assert recordings.path(stored).stat().st_size == stored.size
            assert recordings.gauges()["waiting_for_bucket"] == 1
            await recordings.close()

        asyncio.run(scene())


async def fill(place: Bucket, filler: Path) -> None:
    for number in range(12):
        await place.put(f"filler-{number}", filler, "audio/wav")


async def gone(path: Path) -> None:
    """Wait until the file is not here any more."""

    def look() -> None:
        deadline = time.monotonic() + 20
        while path.is_file():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    await asyncio.to_thread(look)


def make(directory: Path, place: Bucket) -> BucketRecordings:
    return BucketRecordings(directory, place, clock=SystemClock(), random=SeededRandom(os.urandom(8)))


async def record(recordings: BucketRecordings, *, seconds: int = 2) -> StoredFile:
    file = recordings.create(APPLICATION, recording="r", container="wav", channels=1)
    for _ in range(seconds):
        file.write(SECOND)
        await asyncio.sleep(0.002)
    return await file.finish()


def test_a_recording_is_in_the_bucket_when_it_is_told(store: str, tmp_path: Path) -> None:
    async def scene() -> None:
        recordings = make(tmp_path, bucket(store))
        await recordings.start()
        stored = await record(recordings)
        assert os.listdir(tmp_path) == []
        assert await recordings.distant_size(stored) == stored.size == 44 + 2 * len(SECOND)
        blocks = [block async for block in recordings.read_distant(stored, 44, stored.size)]
        assert b"".join(blocks) == 2 * SECOND
        await recordings.remove(stored)
        assert await recordings.distant_size(stored) is None
        await recordings.close()

    asyncio.run(scene())


def test_a_recording_waits_here_while_the_store_is_away_and_goes_up_later(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_recordings, "_FIRST_PAUSE_S", 0.05)

    async def scene(line: Line) -> None:
        line.cut = True
        recordings = make(tmp_path, bucket(line.url, patience_s=0.3))
        await recordings.start()
        stored = await record(recordings)
        assert recordings.path(stored).is_file()
        line.cut = False
        await gone(recordings.path(stored))
        assert await recordings.distant_size(stored) == stored.size
        await recordings.close()

    on_a_line(store, scene)


def test_what_did_not_go_up_before_the_end_goes_up_after_the_next_start(store: str, tmp_path: Path) -> None:
    async def scene(line: Line) -> None:
        line.cut = True
        first = make(tmp_path, bucket(line.url, patience_s=0.2))
        await first.start()
        stored = await record(first)
        await first.close()
        second = make(tmp_path, bucket(store))
        await second.start()
        await gone(second.path(stored))
        assert await second.distant_size(stored) == stored.size
        await second.close()

    on_a_line(store, scene)
