"""`/v3/media`: the index of files, what is written beside them, and what that does to downloads."""

from __future__ import annotations

import pytest

from .world import SHOWN_START, World, run

ONE = "11111111-4a51-4f6b-86e1-46edebcf9356"
TWO = "22222222-4a51-4f6b-86e1-46edebcf9356"


@run
async def test_files_are_listed_with_what_is_known_of_them(world: World) -> None:
    for file in (ONE, TWO):
        world.shelf.put_file(file, b"abcd")
    async with world.client() as client, world.client("other") as other:
        page = (await client.get("/v3/media", params={"page_size": 1})).json()
        assert (page["count"], page["page_size"], page["page_index"]) == (2, 1, 0)
        assert page["_links"]["next"]["href"] == "http://voice.example/v3/media?page_size=1&page_index=1"
        assert sorted(page["_links"]) == ["first", "last", "next", "self"]
        shown = (await client.get(f"/v3/media/{ONE}/info")).json()
        assert shown == {
            "id": ONE,
            "original_file_name": f"{ONE}.mp3",
            "mime_type": "audio/mpeg",
            "account_id": "abcd1234",
            "store_id": "0b9d0c55-2222-4333-8444-955566677788",
            "media_size": 4,
            "etag": ONE,
            "time_created": SHOWN_START,
            "time_last_updated": SHOWN_START,
            "times_downloaded": 0,
            "max_downloads_allowed": 0,
            "public": False,
            "metadata_primary": "",
            "metadata_secondary": "",
        }
        assert (await other.get("/v3/media")).json()["count"] == 0
        for method, path in (("GET", "/info"), ("PUT", "/info"), ("DELETE", ""), ("GET", "")):
            assert (await other.request(method, f"/v3/media/{ONE}{path}")).status_code == 404
        late = await client.get("/v3/media", params={"start_time": "2030-01-01 00:00:00"})
        assert late.json()["count"] == 0


@pytest.mark.parametrize("kind", ["multipart", "form", "json"])
@run
async def test_words_beside_a_file_come_as_a_form_of_any_kind(world: World, kind: str) -> None:
    world.shelf.put_file(ONE, b"abcd")
    words = {"title": "Größe", "public": "true", "max_downloads_allowed": "2", "metadata_primary": "x"}
    async with world.client() as client:
        match kind:
            case "multipart":
                answer = await client.put(f"/v3/media/{ONE}/info", files={k: (None, v) for k, v in words.items()})
            case "form":
                answer = await client.put(f"/v3/media/{ONE}/info", data=words)
            case _:
                answer = await client.put(f"/v3/media/{ONE}/info", json=words)
        assert answer.status_code == 204
        shown = (await client.get(f"/v3/media/{ONE}/info")).json()
    assert (shown["title"], shown["public"], shown["max_downloads_allowed"]) == ("Größe", True, 2)
    assert (shown["metadata_primary"], shown["metadata_secondary"]) == ("x", "")


@run
async def test_a_public_file_needs_no_token_and_is_fetched_as_often_as_it_may_be(world: World) -> None:
    world.shelf.put_file(ONE, b"abcd")
    async with world.client() as client, world.stranger() as stranger:
        assert (await stranger.get(f"/v3/media/{ONE}")).status_code == 401
        await client.put(f"/v3/media/{ONE}/info", json={"public": True, "max_downloads_allowed": 2})
        assert (await stranger.get(f"/v1/files/{ONE}")).content == b"abcd"
        part = await stranger.get(f"/v3/media/{ONE}", headers={"Range": "bytes=2-"})
        assert (part.status_code, part.content) == (206, b"cd")
        begin = await stranger.get(f"/v3/files/{ONE}", headers={"Range": "bytes=0-1"})
        assert (begin.status_code, begin.content) == (206, b"ab")
        assert (await client.get(f"/v3/media/{ONE}/info")).json()["times_downloaded"] == 2
        gone = await stranger.get(f"/v3/media/{ONE}")
        assert (gone.status_code, gone.json()["title"]) == (410, "Gone")


@run
async def test_a_deleted_file_is_gone(world: World) -> None:
    world.shelf.put_file(ONE, b"abcd")
    async with world.client() as client:
        assert (await client.delete(f"/v3/media/{ONE}")).status_code == 204
        assert (await client.get(f"/v1/files/{ONE}")).status_code == 404
        assert (await client.get("/v3/media")).json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"public": "perhaps"}, "public"),
        ({"max_downloads_allowed": -1}, "max_downloads_allowed"),
        ({"mime_type": "text/html\r\nX: y"}, "mime_type"),
        ({"title": "x" * 2001}, "title"),
    ],
)
@run
async def test_what_cannot_be_written_is_refused(world: World, body: dict[str, object], name: str) -> None:
    world.shelf.put_file(ONE, b"abcd")
    async with world.client() as client:
        answer = await client.put(f"/v3/media/{ONE}/info", json=body)
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == [name]
