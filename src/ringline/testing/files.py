"""Audio files on the web that exist only in the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from ringline.base import ProviderError
from ringline.engine.ports import Pcm
from ringline.testing.captions import Caption, captioned

_BLOCK_BYTES: Final = 16_000


@dataclass(frozen=True, slots=True)
class _File:
    seconds: float
    says: str
    delay_s: float
    failure: str


class AudioFiles:
    """The `PromptFiles` of a test: a URL is known with what it says and how long that takes, or it fails."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self.fetched: list[str] = []
        "Every URL asked for, in order."

    def has(self, url: str, *, seconds: float = 10.0, says: str = "", delay_s: float = 0.0) -> str:
        """Put a file there and give its URL back; phones hear it as `says`, or as its URL."""
        self._files[url] = _File(seconds, says or url, delay_s, "")
        return url

    def fails(self, url: str, why: str = "404 Not Found", *, delay_s: float = 0.0) -> str:
        """Fetching this URL fails."""
        self._files[url] = _File(0.0, "", delay_s, why)
        return url

    async def open(self, url: str, *, rounds: int = 1) -> AsyncIterator[Pcm]:
        """Give a file's audio, `rounds` times (0: for ever).

        Raises:
            ProviderError: it is told to fail, or nobody put it there.
        """
        self.fetched.append(url)
        file = self._files.get(url)
        if file is None:
            raise ProviderError("there is no such file")
        if file.delay_s:
            await asyncio.sleep(file.delay_s)
        if file.failure:
            raise ProviderError(file.failure)
        audio = captioned(Caption("file", file.says), seconds=file.seconds)
        for _ in range(rounds) if rounds else count():
            for start in range(0, len(audio), _BLOCK_BYTES):
                yield Pcm(rate_hz=8000, data=audio[start : start + _BLOCK_BYTES])
            if not audio:
                return
