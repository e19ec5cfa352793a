"""A real media core with real phones around it, for tests that listen."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

from ringline.base import ConversationId, EffectId, LegId
from ringline.engine.ports import MediaEvent, RtpPlan
from ringline.io.media import MediaCore
from ringline.testing.rtp import RtpPhone

_DEADLINE_S = 10.0
_E = TypeVar("_E")


@dataclass(slots=True)
class Tape:
    """A `RecordingSink` that keeps everything."""

    pcm: bytearray = field(default_factory=bytearray)
    blocks: int = 0
    lost_ms: int = 0

    def write(self, pcm: bytes) -> None:
        """Keep a block."""
        self.pcm += pcm
        self.blocks += 1

    def lost(self, milliseconds: int) -> None:
        """Count what was lost."""
        self.lost_ms += milliseconds

    def channel(self, index: int, channels: int) -> bytes:
        """Give one channel of what was kept so far."""
        return b"".join(bytes(self.pcm[start : start + 2]) for start in range(2 * index, len(self.pcm), 2 * channels))


class Studio:
    """A media core on loopback; legs are named by the tests. Use with `async with`."""

    def __init__(
        self, *, threads: int = 2, port_range: tuple[int, int] = (42_000, 42_999), media_timeout_s: float = 60.0
    ) -> None:
        self.media = MediaCore(threads=threads, port_range=port_range, media_timeout_s=media_timeout_s)
        self.events: list[MediaEvent] = []
        "All that happened, in order."
        self._happened = asyncio.Event()
        self._stack = AsyncExitStack()
        self._effects = 0

    async def __aenter__(self) -> Studio:
        self.media.listen(self._take)
        self.media.start(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self.media.shut_down()

    def _take(self, event: MediaEvent) -> None:
        self.events.append(event)
        self._happened.set()

    async def event(self, kind: type[_E], **fields: object) -> _E:
        """Give the first event of this kind with these fields; wait for it if need be.

        Raises:
            TimeoutError: it did not come.
        """
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and all(getattr(event, name) == fields[name] for name in fields):
                        return event
                self._happened.clear()
                await self._happened.wait()

    async def phone(
        self, leg: str, *, codec: str = "PCMU", dtmf: bool = True, packet_ms: int = 20, ptime_ms: int = 20
    ) -> RtpPhone:
        """Open a leg and a phone that talks with it."""
        phone = await self._stack.enter_async_context(RtpPhone(codec=codec, packet_ms=packet_ms))
        phone.aim(*self.media.open(LegId(leg)))
        self.media.configure(LegId(leg), self.plan(phone, dtmf=dtmf, ptime_ms=ptime_ms))
        return phone

    def plan(
        self, phone: RtpPhone, *, dtmf: bool = True, ptime_ms: int = 20, send: bool = True, receive: bool = True
    ) -> RtpPlan:
        """Give the plan that reaches a phone."""
        host, port = phone.address
        return RtpPlan(
            remote_host=host,
            remote_port=port,
            codec=phone.codec,
            payload_type=phone.payload_type,
            dtmf_payload_type=phone.dtmf_payload_type if dtmf else None,
            ptime_ms=ptime_ms,
            send=send,
            receive=receive,
        )

    def together(self, room: str, *legs: str, muted: str = "") -> None:
        """Arrange a room in which all hear all, but for the legs whose names are in `muted`."""
        names = [LegId(leg) for leg in legs]
        hears = {leg: frozenset(voice for voice in names if voice != leg and voice not in muted) for leg in names}
        self.media.arrange(ConversationId(room), hears, muted=frozenset(leg for leg in names if leg in muted))

    def play(self, target: str, pcm: bytes, *, rate_hz: int = 8000, level_db: float = 0.0, loop: int = 1) -> EffectId:
        """Play something to a leg or room; give the prompt's id."""
        self._effects += 1
        play = EffectId(f"play-{self._effects}")
        self.media.play(play, LegId(target), rate_hz=rate_hz, level_db=level_db, loop=loop)
        self.media.feed(play, pcm, last=True)
        return play
