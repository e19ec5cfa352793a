"""What is fetched once and played often: Cache-Control, single flight, revalidation, never stale, never unbounded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from ringline.base import Instant, ProviderError
from ringline.engine.ports import Pcm
from ringline.io import _copies
from ringline.io.prompt_files import REASON, HttpPromptFiles

RATE_HZ = 16_000
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def wav(value: int, seconds: float = 1.0) -> bytes:
    data = value.to_bytes(2, "little", signed=True) * round(seconds * RATE_HZ)
    sizes = [(36 + len(data)).to_bytes(4, "little"), len(data).to_bytes(4, "little")]
    head = b"RIFF" + sizes[0] + b"WAVEfmt \x10\0\0\0\x01\0\x01\0" + RATE_HZ.to_bytes(4, "little")
    return head + (2 * RATE_HZ).to_bytes(4, "little") + b"\x02\0\x10\0data" + sizes[1] + data


class HandClock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wallclock(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def instant(self) -> Instant:
        return Instant(self.now(), self.wallclock())


class Site:
    """A web server, what it was asked, and prompt files that fetch from it."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.asked: list[tuple[str, str | None]] = []
        "Path and `If-None-Match` of every request."
        self.answer: Answer = self._nothing
        self.prompts: HttpPromptFiles
        self.address = ""

    async def _nothing(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.path_qs, request.headers.get("If-None-Match")))
        return await self.answer(request)

    def gives(self, body: bytes, cache: str = "", *, etag: str = "", status: int = 200, **more: str) -> None:
        """From now on answer like this; 304 to who has that already."""
        headers = {"Cache-Control": cache} if cache else {}
        headers |= ({"ETag": etag} if etag else {}) | {name.replace("_", "-"): value for name, value in more.items()}

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if etag and request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers=headers)
            return web.Response(body=body, status=status, headers=headers)

        self.answer = answer

    async def hears(self, path: str = "/a.wav", *, rounds: int = 1) -> int:
        """Play a file; return its sample value, all of which are alike."""
        pcm = b"".join([block.data async for block in self.prompts.open(self.address + path, rounds=rounds)])
        values = {pcm[at : at + 2] for at in range(0, len(pcm), 2)}
        assert len(values) == 1
        return int.from_bytes(values.pop(), "little", signed=True)

    async def fails(self, path: str = "/a.wav") -> str:
        with pytest.raises(ProviderError) as caught:
            await self.hears(path)
        assert str(caught.value).startswith(REASON)
        return str(caught.value)


def at_a_site(scene: Callable[[Site], Awaitable[None]], directory: Path, *, max_copied_bytes: int = 1 << 30) -> Site:
    async def main() -> Site:
        site = Site()
        runner = web.ServerRunner(web.Server(site._serve, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        site.prompts = HttpPromptFiles(
            allow_private=True, directory=directory, max_copied_bytes=max_copied_bytes, clock=site.clock
        )
        try:
            await scene(site)
        finally:
            await site.prompts.close()
            await runner.cleanup()
        assert site.prompts.gauges() == {"held_bytes": 0, "kept": 0, "copied_bytes": 0}
        return site

    site = asyncio.run(main())
    assert list(directory.iterdir()) == []
    return site


def test_a_fresh_copy_is_played_without_asking_and_an_old_one_never(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "public, max-age=100")
        assert await site.hears() == 1
        site.gives(wav(2), "public, max-age=100")
        site.clock.seconds += 99
        assert await site.hears() == 1
        site.clock.seconds += 1
        assert await site.hears() == 2

    assert len(at_a_site(scene, tmp_path).asked) == 2


def test_the_whole_url_names_a_copy(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "max-age=100")
        await site.hears("/a.wav?name=alice")
        site.gives(wav(2), "max-age=100")
        assert await site.hears("/a.wav?name=bob") == 2
        assert await site.hears("/a.wav?name=alice#part") == 1

    assert len(at_a_site(scene, tmp_path).asked) == 2


@pytest.mark.parametrize("cache", ["", "no-store", "private, max-age=100", "max-age=0"])
def test_what_may_not_be_reused_is_fetched_for_every_play_but_once_for_a_loop(tmp_path: Path, cache: str) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1, seconds=0.1), cache)
        assert await site.hears(rounds=25) == 1
        assert len(site.asked) == 1
        await site.hears()
        assert site.prompts.gauges()["kept"] == 0

    assert len(at_a_site(scene, tmp_path).asked) == 2


def test_rounds_follow_each_other_to_the_sample(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        for seconds in (0.0101, 0.6, 1.7):
            site.gives(wav(1, seconds=seconds))
            pcm = b"".join([block.data async for block in site.prompts.open(f"{site.address}/{seconds}", rounds=7)])
            assert len(pcm) == 7 * 2 * round(seconds * RATE_HZ)
            endless = cast(AsyncGenerator[Pcm, None], site.prompts.open(f"{site.address}/{seconds}", rounds=0))
            heard = 0
            while heard < 20 * RATE_HZ:
                heard += len((await anext(endless)).data)
            await endless.aclose()

    at_a_site(scene, tmp_path)


def test_an_old_copy_is_played_again_once_the_server_says_that_it_is_the_same(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "max-age=10", etag='"one"')
        await site.hears()
        site.clock.seconds += 11
        assert await site.hears() == 1  # 304
        site.clock.seconds += 9
        assert await site.hears() == 1  # fresh again
        site.clock.seconds += 11
        site.gives(wav(2), "max-age=10", etag='"two"')
        assert await site.hears() == 2

    asked = [etag for _, etag in at_a_site(scene, tmp_path).asked]
    assert asked == [None, '"one"', '"one"']


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_old_copy_is_not_played_when_the_server_cannot_say_that_it_is_the_same(tmp_path: Path, status: int) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "no-cache", etag='"one"')
        await site.hears()
        site.gives(b"", "max-age=1000", status=status)
        assert str(status) in await site.fails()
        await site.fails()  # an error is never kept
        site.gives(wav(3), "no-cache", etag='"three"')
        assert await site.hears() == 3

    at_a_site(scene, tmp_path)


def test_many_who_want_the_same_file_at_once_make_one_request(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        gate = asyncio.Event()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            await gate.wait()
            return web.Response(body=wav(5), headers={"Cache-Control": "no-store"})

        site.answer = answer
        many = [asyncio.create_task(site.hears()) for _ in range(50)]
        one = asyncio.create_task(site.hears())
        await asyncio.sleep(0.05)
        one.cancel()  # somebody who hangs up takes the file from nobody
        gate.set()
        assert await asyncio.gather(*many) == [5] * 50

    assert len(at_a_site(scene, tmp_path).asked) == 1


def test_many_who_want_an_old_copy_at_once_ask_once_whether_it_is_the_same(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(5), "no-cache", etag='"x"')
        await site.hears()
        assert await asyncio.gather(*(site.hears() for _ in range(20))) == [5] * 20

    assert len(at_a_site(scene, tmp_path).asked) == 2


def test_a_fresh_file_that_still_arrives_is_shared_and_a_broken_one_forgotten(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        body = wav(6, seconds=30)
        gate = asyncio.Event()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Cache-Control": "max-age=100"})
            await response.prepare(request)
            await response.write(body[:200_000])
            await gate.wait()
            assert request.transport is not None
            request.transport.close()
            return response

        site.answer = answer
        first, second = (cast(AsyncGenerator[Pcm, None], site.prompts.open(site.address)) for _ in range(2))
        await anext(first)
        await anext(second)
        assert len(site.asked) == 1
        gate.set()
        for stream in (first, second):
            with pytest.raises(ProviderError, match="cannot be fetched"):
                async for _ in stream:
                    pass
        site.gives(wav(7), "max-age=100")
        assert await site.hears("/") == 7

    at_a_site(scene, tmp_path)


def test_a_redirect_is_asked_anew_and_its_target_kept(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if request.path == "/a.wav":
                return web.Response(status=302, headers={"Location": "/b.wav", "Cache-Control": "max-age=100"})
            return web.Response(body=wav(8), headers={"Cache-Control": "max-age=100"})

        site.answer = answer
        await site.hears()
        await site.hears()

    assert [path for path, _ in at_a_site(scene, tmp_path).asked] == ["/a.wav", "/b.wav", "/a.wav"]


def test_the_longest_unplayed_copies_make_room_and_what_plays_stays(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "max-age=100")
        await site.hears("/1")
        await site.hears("/2")
        await site.hears("/1")
        playing = cast(AsyncGenerator[Pcm, None], site.prompts.open(f"{site.address}/1"))
        await anext(playing)
        for path in ("/3", "/4"):
            await site.hears(path)
        assert site.prompts.gauges()["copied_bytes"] <= 100_000
        rest = b"".join([block.data async for block in playing])
        assert rest == b"" or set(rest[::2]) == {1}
        before = len(site.asked)
        await site.hears("/4")
        assert len(site.asked) == before
        await site.hears("/2")
        assert len(site.asked) == before + 1

    at_a_site(scene, tmp_path, max_copied_bytes=100_000)


def test_one_file_that_is_larger_than_all_the_room_fails_and_leaves_nothing(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1, seconds=10), "max-age=100")
        assert "Too many files" in await site.fails()
        site.gives(wav(2, seconds=1), "max-age=100")
        assert await site.hears() == 2

    at_a_site(scene, tmp_path, max_copied_bytes=100_000)


def test_no_more_copies_are_kept_than_there_are_places_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_copies, "MOST_KEPT", 3)

    async def scene(site: Site) -> None:
        site.gives(wav(1, seconds=0.1), "max-age=100")
        for number in range(10):
            await site.hears(f"/{number}")
        assert site.prompts.gauges()["kept"] == 3
        assert len(os.listdir("/proc/self/fd")) < 100

    at_a_site(scene, tmp_path)


def test_a_full_disk_is_a_clear_error_and_the_next_file_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(site: Site) -> None:
        site.gives(wav(1), "max-age=100")
        with monkeypatch.context() as patch:
            full = OSError(28, "No space left on device")

            def refuse(*_: object) -> int:
                raise full

            patch.setattr("ringline.io._copies.os.write", refuse)
            assert "no room" in await site.fails()
        assert await site.hears() == 1

    at_a_site(scene, tmp_path)
