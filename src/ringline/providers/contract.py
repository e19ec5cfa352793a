"""What a speech engine is, and what it is given: the contract of the entry points in group `ringline.speech`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ringline.engine.ports import Pcm, SpeechRequest


class SpeechEngine(Protocol):
    """A `Voice` with a life: engines, the cache and the fallback chain all look like this."""

    @property
    def name(self) -> str:
        """As in the settings, such as `espeak`."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same text may sound different; part of the cache's keys."""
        ...

    async def start(self) -> None:
        """Make ready for the first request. Does not raise for an engine that is not there: `ready` tells."""
        ...

    async def close(self) -> None:
        """Give back everything; the engine is not used again."""
        ...

    def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """As in `ringline.engine.ports.Voice`."""
        ...

    def ready(self) -> str | None:
        """As in `ringline.engine.ports.Voice`."""
        ...


class Workers(Protocol):
    """A pool of worker processes of one program; `ringline.io.workers.WorkerPool` is one."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def trouble(self) -> str | None: ...

    def request(self, payload: bytes) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProgram:
    """A program to run as worker processes."""

    name: str
    command: tuple[str, ...]
    silence_timeout_s: float = 5.0
    "How long a worker may say nothing during a request before it counts as hung."
    start_timeout_s: float = 10.0
    "How long it may take to say hello."
    size: int | None = None
    "How many; None: as many as the settings say."


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineContext:
    """What an engine's constructor gets, as its only argument."""

    open_workers: Callable[[WorkerProgram], Workers]
    "Makes (does not start) a pool for a program."
    settings: Mapping[str, str]
    "The engine's own settings, by name."
    timeout_s: float = 10.0
    "How long a service or worker may say nothing before it counts as hung."
