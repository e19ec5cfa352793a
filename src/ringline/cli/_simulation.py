"""A simulated caller: listens, presses keys and speaks when it is its turn, and keeps what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from ringline.base import RinglineError
from ringline.cli._hearing import Hearing, Prompt, plain
from ringline.cli._records import Records, open_records
from ringline.cli._timeline import Row
from ringline.cli.phone import read_channels
from ringline.cli.softphone import SoftCall

_POLL_S: Final = 0.05
_PAUSE_S: Final = 0.3
"A caller lets so much silence pass before he takes his turn."
_PATIENCE_S: Final = 2.0
"When nothing is said at all, he takes it after so long."
_LAST_NEWS_S: Final = 5.0
_AUDIBLE: Final = 300
"A sample this far from zero is no comfort noise."


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, once the prompt is over."""

    keys: str


@dataclass(frozen=True, slots=True)
class Say:
    """Say something, once the prompt is over."""

    text: str
    pcm: bytes
    rate_hz: int


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until these words are heard; what follows does not wait for the end of the prompt."""

    words: str


Step = Press | Say | WaitFor


class SimulationFailed(RinglineError):
    """The call did not go as it was to; the text says where."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a simulated call."""

    answered: bool = False
    status: int | None = None
    "The SIP status of a call that was not answered."
    text: str = ""
    uuid: str | None = None
    heard: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    "What was to happen and did not; empty is well."


class Caller:
    """Goes through one call, step by step."""

    def __init__(
        self, call: SoftCall, *, store: str, position: int, tell: Callable[[Row], None], hear_s: float
    ) -> None:
        """`position` is that of the journals' newest line before the call; `hear_s` is the longest wait for words."""
        self.hearing = Hearing()
        self._call = call
        self._store = store
        self._position = position
        self._tell = tell
        self._hear_s = hear_s
        self._looked_at = 0
        "Prompts before this one were heard before the last step."
        self._at_once = False
        self._closed = asyncio.Event()

    async def go(self, steps: Sequence[Step]) -> None:
        """Take all steps.

        Raises:
            SimulationFailed: words that were waited for do not come, or the call ends before.
        """
        for step in steps:
            match step:
                case WaitFor(words=words):
                    await self._wait_for(words)
                case Press(keys=keys):
                    await self._turn(f"the keys {keys}")
                    await self._call.press(keys)
                    self._taken()
                case Say(text=text, pcm=pcm, rate_hz=rate_hz):
                    await self._turn(f"{text!r}")
                    await self._call.play(pcm, rate_hz)
                    self._taken()

    async def follow(self) -> None:
        """Read what is journaled, until cancelled."""
        with open_records(self._store) as records:
            while True:
                if await asyncio.to_thread(self._read, records):
                    self._closed.set()
                await asyncio.sleep(_POLL_S)

    async def last_news(self) -> None:
        """Wait for what is journaled after the call's end: its verdict and the last webhooks."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_NEWS_S):
                await self._closed.wait()
                await asyncio.sleep(4 * _POLL_S)

    def _read(self, records: Records) -> bool:
        """Take what is new; True when our leg has ended."""
        self._position, lines = records.lines_after(self._position)
        for line in lines:
            for row in self.hearing.take(line, self._call.sip_call_id):
                self._tell(row)
        return self.hearing.ended

    async def _wait_for(self, words: str) -> None:
        def heard() -> tuple[int, Prompt, float] | None:
            for place, prompt in enumerate(self.hearing.prompts[self._looked_at :], self._looked_at):
                seconds = prompt.says_by(words)
                if seconds is not None:
                    return place, prompt, seconds
            return None

        try:
            async with asyncio.timeout(self._hear_s):
                while (found := heard()) is None:
                    self._still_up(f"{words!r} was heard")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            texts = [prompt.text for prompt in self.hearing.prompts[self._looked_at :]]
            raise SimulationFailed(
                f"{words!r} was not heard within {self._hear_s:g} s, but {texts or 'nothing'}"
            ) from None
        place, prompt, seconds = found
        while prompt.ended is None and (datetime.now(UTC) - prompt.began).total_seconds() < seconds:
            self._still_up(f"{words!r} was heard")
            await asyncio.sleep(_POLL_S)
        self._looked_at = place
        self._at_once = True

    async def _turn(self, what: str) -> None:
        """Wait until it is the caller's turn: the prompt is over, or nothing is said and nothing asked."""
        silent_s = 0.0
        while not self._at_once:
            self._still_up(f"it was the turn of {what}")
            hearing = self.hearing
            waits = hearing.leg is None or hearing.playing or hearing.asking
            silent_s = 0.0 if waits else silent_s + _POLL_S
            prompted = len(hearing.prompts) > self._looked_at
            if silent_s >= (_PAUSE_S if prompted else _PATIENCE_S):
                return
            await asyncio.sleep(_POLL_S)

    def _taken(self) -> None:
        self._looked_at = len(self.hearing.prompts)
        self._at_once = False

    def _still_up(self, before: str) -> None:
        if self._call.outcome is not None:
            raise SimulationFailed(f"the call ended before {before}")


def missing(expected: Sequence[str], heard: Sequence[str]) -> list[str]:
    """Say which of the texts expected were not heard."""
    everything = [plain(text) for text in heard]
    return [f"{text!r} was not heard" for text in expected if not any(plain(text) in one for one in everything)]


def silence_in(record: Path) -> bool:
    """Whether nothing can be heard in the caller's recording (a call that was over at once has none)."""
    if not record.is_file():
        return True
    _, (heard, _) = read_channels(record)
    return len(heard) == 0 or int(np.abs(heard.astype(np.int32)).max()) < _AUDIBLE
