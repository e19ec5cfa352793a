"""Recordings that are kept in a bucket: served as those on this disk are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ringline.api import create_app
from ringline.base import ProviderError
from ringline.engine.ports import StoredFile

from .world import World, run

FILE = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"
CONTENT = bytes(range(256)) * 100


class Far:
    """A bucket with one file."""

    def __init__(self) -> None:
        self.away = False

    async def distant_size(self, file: StoredFile) -> int | None:
        if self.away:
            raise ProviderError("the bucket 'x' cannot be used", retryable=True)
        return len(CONTENT) if file.file_id == FILE else None

    async def read_distant(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, 7000):
            yield CONTENT[at : min(end, at + 7000)]


@pytest.fixture
def far(world: World) -> Far:
    world.shelf.put_file(FILE, CONTENT)
    world.shelf.path(world.shelf.files[FILE]).unlink()
    far = Far()
    world.needs = replace(world.needs, distant_files=far)
    world.app = create_app(world.needs)
    return far


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        (None, 200, 0, 25_599),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=1000-19990", 206, 1000, 19_990),
        ("bytes=25599-", 206, 25_599, 25_599),
        ("bytes=-10", 206, 25_590, 25_599),
        ("bytes=-999999999", 206, 0, 25_599),
        ("bytes=25000-999999", 206, 25_000, 25_599),
        ("bytes=5-2", 200, 0, 25_599),
    ],
)
@run
async def test_a_distant_file_is_sent_whole_or_in_part(
    world: World, far: Far, asked: str | None, status: int, first: int, last: int
) -> None:
    async with world.client() as client:
        headers = {} if asked is None else {"Range": asked}
        answer = await client.get(f"/v1/files/{FILE}", headers=headers)
        head = await client.head(f"/v1/files/{FILE}", headers=headers)
    assert answer.status_code == head.status_code == status
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-length"] == head.headers["content-length"] == str(last + 1 - first)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"] == f'attachment; filename="{FILE}.mp3"'
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == (f'"{FILE}"', "bytes")
    assert answer.headers.get("content-range") == (f"bytes {first}-{last}/25600" if status == 206 else None)


@run
async def test_a_range_behind_the_end_and_a_known_tag_are_answered_like_those_of_near_files(
    world: World, far: Far
) -> None:
    async with world.client() as client:
        assert (await client.get(f"/v1/files/{FILE}", headers={"Range": "bytes=25600-"})).status_code == 416
        assert (await client.get(f"/v1/files/{FILE}", headers={"If-None-Match": f'"{FILE}"'})).status_code == 304


@run
async def test_a_bucket_that_is_away_is_503_and_a_file_that_is_nowhere_404(world: World, far: Far) -> None:
    async with world.client() as client:
        far.away = True
        assert (await client.get(f"/v1/files/{FILE}")).status_code == 503
        far.away = False
        other = FILE.replace("aaaaaaaa", "bbbbbbbb")
        world.shelf.put_file(other, b"x")
        world.shelf.path(world.shelf.files[other]).unlink()
        assert (await client.get(f"/v1/files/{other}")).status_code == 404
