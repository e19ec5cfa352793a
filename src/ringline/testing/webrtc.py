"""Browsers' audio in a test: descriptions that can be told apart, and a way that stands, or does not."""

from __future__ import annotations

import asyncio
from typing import Final

from ringline.base import LegId, MediaError
from ringline.engine.ports import DescriptionRefused, MediaConnected, MediaInterrupted, RtpPlan
from ringline.testing.media import ScriptedMedia

_PLAN: Final = RtpPlan(remote_host="192.0.2.99", remote_port=9, codec="opus", payload_type=111, clock_hz=48_000)


class ScriptedWebRtc:
    """`WebRtc` in virtual time, beside the `ScriptedMedia` that has the legs.

    A description is any text with an `m=audio` line; ours name the leg and count: `s=answer 2 of <leg>`. The way stands
    at once, unless `connects` is False.
    """

    def __init__(self, media: ScriptedMedia) -> None:
        self.connects = True
        "Whether the way of descriptions taken from now on will ever stand."
        self.taken: dict[LegId, list[str]] = {}
        "The descriptions that each leg's far end has given, in order."
        self.candidates: dict[LegId, list[str]] = {}
        self._media = media
        self._loop = asyncio.get_running_loop()
        self._written: dict[LegId, int] = {}
        self._offered: set[LegId] = set()

    # ── for tests ──────────────────────────────────────────────────────────────────────────────────────────────────

    def connect(self, leg: LegId) -> None:
        """The way to the leg's far end stands (again)."""
        self._media.tell(MediaConnected(leg=leg))

    def interrupt(self, leg: LegId, why: str = "the far end answers no checks") -> None:
        """The way to the leg's far end is lost."""
        self._media.tell(MediaInterrupted(leg=leg, why=why))

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, leg: LegId, offer: str) -> str:
        self._take(leg, offer)
        self._open(leg)
        self._establish(leg)
        return self._write("answer", leg)

    def offer(self, leg: LegId) -> str:
        self._open(leg)
        self._offered.add(leg)
        return self._write("offer", leg)

    def accept(self, leg: LegId, answer: str) -> None:
        if leg not in self._offered or not self._media.is_open(leg):
            raise MediaError(f"nothing was offered to leg {leg}")
        self._take(leg, answer)
        self._offered.discard(leg)
        self._establish(leg)

    def withdraw(self, leg: LegId) -> None:
        self._offered.discard(leg)

    def add_candidate(self, leg: LegId, candidate: str) -> None:
        if self._media.is_open(leg):
            self.candidates.setdefault(leg, []).append(candidate)

    def _take(self, leg: LegId, description: str) -> None:
        if "m=audio" not in description:
            raise DescriptionRefused("there is no audio in the description", sip_status=488)
        self.taken.setdefault(leg, []).append(description)

    def _open(self, leg: LegId) -> None:
        if not self._media.is_open(leg):
            self._media.open(leg)

    def _establish(self, leg: LegId) -> None:
        self._media.configure(leg, _PLAN)
        if self.connects:
            self._loop.call_soon(self.connect, leg)

    def _write(self, kind: str, leg: LegId) -> str:
        count = self._written[leg] = self._written.get(leg, 0) + 1
        head = f"v=0\r\no=ringline {count} 0 IN IP4 192.0.2.1\r\ns={kind} {count} of {leg}\r\nt=0 0\r\n"
        return head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
