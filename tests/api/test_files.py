"""Downloads of recordings: whole, in parts, and for their application only."""

from __future__ import annotations

import pytest

from .world import World, run

FILE = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"
CONTENT = bytes(range(256)) * 1000
TAG = f'"{FILE}"'


@pytest.fixture(autouse=True)
def _a_file(world: World) -> None:
    world.shelf.put_file(FILE, CONTENT)


@pytest.mark.parametrize("path", [f"/v1/files/{FILE}", f"/v3/files/{FILE}", f"/v1/files/{FILE}?via=.nexmo.com/"])
@run
async def test_a_recording_is_sent_whole(world: World, path: str) -> None:
    async with world.client() as client:
        answer = await client.get(path, headers={"Accept": "audio/mpeg"})
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-disposition"] == f'attachment; filename="{FILE}.mp3"'
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == (TAG, "bytes")


@run
async def test_a_head_request_gets_the_headers_only(world: World) -> None:
    async with world.client() as client:
        answer = await client.head(f"/v1/files/{FILE}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=255999-", 255_999, 255_999),
        ("bytes=-10", 255_990, 255_999),
        ("bytes=-999999999", 0, 255_999),
        ("bytes=250000-999999", 250_000, 255_999),
    ],
)
@run
async def test_a_range_gets_its_part_of_the_file(world: World, asked: str, first: int, last: int) -> None:
    async with world.client() as client:
        answer = await client.get(f"/v1/files/{FILE}", headers={"Range": asked, "If-Range": TAG})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-1,5-6", "nonsense"])
@run
async def test_a_range_that_makes_no_sense_is_ignored(world: World, asked: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/v1/files/{FILE}", headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


@run
async def test_a_range_of_another_file_is_ignored(world: World) -> None:
    async with world.client() as client:
        answer = await client.get(f"/v1/files/{FILE}", headers={"Range": "bytes=0-1", "If-Range": '"older"'})
    assert answer.status_code == 200


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
@run
async def test_a_range_behind_the_end_cannot_be_had(world: World, asked: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/v1/files/{FILE}", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert answer.json()["title"] == "Range Not Satisfiable"


@pytest.mark.parametrize("asked", [TAG, f'"x", W/{TAG}', "*"])
@run
async def test_a_known_file_is_not_sent_again(world: World, asked: str) -> None:
    async with world.client() as client:
        answer = await client.get(f"/v1/files/{FILE}", headers={"If-None-Match": asked})
    assert (answer.status_code, answer.content) == (304, b"")


@run
async def test_the_file_of_another_is_as_unknown_as_one_that_is_gone(world: World) -> None:
    gone = world.shelf.put_file("bbbbbbbb-4a51-4f6b-86e1-46edebcf9356", b"")
    world.shelf.path(world.shelf.files[gone]).unlink()
    async with world.client("other") as other, world.client() as own, world.stranger() as stranger:
        answers = [
            await other.get(f"/v1/files/{FILE}"),
            await own.get(f"/v1/files/{gone}"),
            await own.get("/v1/files/cccccccc-4a51-4f6b-86e1-46edebcf9356"),
            await own.get("/v1/files/..%2f..%2fetc%2fpasswd"),
        ]
        assert (await stranger.get(f"/v1/files/{FILE}")).status_code == 401
    assert [answer.status_code for answer in answers] == [404] * 4
    assert all(answer.json()["type"] == 404 for answer in answers)


@run
async def test_an_acl_covers_files_too(world: World) -> None:
    async with world.client(acl={"paths": {"/*/calls/**": {}}}) as client:
        assert (await client.get(f"/v1/files/{FILE}")).status_code == 403
    async with world.client(acl={"paths": {"/*/files/**": {}}}) as client:
        assert (await client.get(f"/v1/files/{FILE}")).status_code == 200
