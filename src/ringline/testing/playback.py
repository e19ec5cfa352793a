"""One prompt being played: fed in blocks, in rounds, standing still while there is nothing to play."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ringline.base import EffectId
from ringline.engine.ports import MediaEvent, PlaybackFinished
from ringline.testing.captions import caption_of
from ringline.testing.sounds import Sound

_LABEL_BYTES: Final = 100_000
"The label of a prompt is known by its first six seconds."


class Playback:
    """A prompt from its first block to its end."""

    def __init__(
        self,
        play: EffectId,
        target: str,
        *,
        rate_hz: int,
        loop: int,
        tones: Mapping[bytes, str],
        update: Callable[[], None],
        done: Callable[[Playback, MediaEvent], None],
    ) -> None:
        self.play = play
        self.target = target
        self.sound = Sound(kind="audio", text="")
        self.audible = False
        self._rate_hz = rate_hz
        self._rounds = loop
        self._tones = tones
        self._update = update
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self._first = b""
        self._complete = False
        self._over = False
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, pcm: bytes, *, last: bool) -> None:
        """Take more audio."""
        if self._over or self._complete:
            return
        if not self.sound.length_s:
            self._first = pcm
        elif not self.sound.round_s and pcm == self._first and self.sound.kind == "file":
            self.sound.round_s = self.sound.length_s  # it begins again
        self.sound.length_s += len(pcm) / 2 / self._rate_hz
        self._complete = last
        if not self.sound.text and len(self._head) < _LABEL_BYTES:
            self._head += pcm[: _LABEL_BYTES - len(self._head)]
            self._label()
        if not self.audible and self.sound.length_s > 0:
            self.audible = True
            self.sound.since = self._loop.time()
            self._update()
        self._rearm()

    def end(self, stopped: bool) -> None:
        """It is over; `stopped` says that somebody cut it."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self.sound.finished = not stopped
        played = self.sound.at(self._loop.time()) if self.audible else self.sound.position_s
        self._done(self, PlaybackFinished(play=self.play, played_ms=round(played * 1000), stopped=stopped))

    def _label(self) -> None:
        caption = caption_of(self._head)
        if caption is not None:
            self.sound.kind, self.sound.text = caption.kind, caption.text
        elif self._head in self._tones:
            self.sound.kind, self.sound.text = "tone", self._tones[self._head]

    def _available_s(self) -> float | None:
        """How much can be played from the beginning on; None for ever."""
        if not self._complete:
            return self.sound.length_s
        return self.sound.length_s * self._rounds if self._rounds else None

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        available = self._available_s()
        if available is not None and not self._over:
            at = self.sound.since + available - self.sound.position_s
            self._timer = self._loop.call_at(max(at, self._loop.time()), self._run_out)

    def _run_out(self) -> None:
        if self._complete:
            self.end(stopped=False)
        else:  # starved: stand still until more comes
            self.sound.position_s = self.sound.length_s
            self.audible = False
            self._update()
