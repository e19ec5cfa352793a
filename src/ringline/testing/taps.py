"""One recording of the simulated media core: silence of the right length, with captions where something is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ringline.base import ConversationId, LegId
from ringline.engine.ports import HeardLayout, MonoLayout, RecordingLayout, RecordingSink, SlotLayout
from ringline.testing.captions import Caption, captioned, samples_of
from ringline.testing.listeners import Ear
from ringline.testing.sounds import Sound

_RATE_HZ: Final = 8000
_BLOCK_FRAMES: Final = 10 * _RATE_HZ


@dataclass(frozen=True, slots=True)
class _Noted:
    at: int
    channel: int
    samples: bytes


class Tap:
    """A running recording."""

    def __init__(self, room: ConversationId, layout: RecordingLayout, sink: RecordingSink, *, began: float) -> None:
        self.room = room
        self.paused = False
        "What is audible meanwhile is not taken down."
        self._layout = layout
        self._sink = sink
        self._began = began
        self._noted: list[_Noted] = []
        self._known: set[tuple[int, Sound]] = set()
        self._slots: list[LegId] = []

    @property
    def _channels(self) -> int:
        match self._layout:
            case MonoLayout():
                return 1
            case HeardLayout():
                return 2
            case SlotLayout(channels=channels):
                return channels

    def note(
        self, now: float, said: Mapping[LegId, Sound | None], prompts: Iterable[Sound], ears: Mapping[LegId, Ear]
    ) -> None:
        """Take down what is audible now."""
        match self._layout:
            case MonoLayout():
                for sound in [*prompts, *said.values()]:
                    self._write(now, 0, sound)
            case HeardLayout(leg=leg):
                self._write(now, 0, said.get(leg))
                for sound in ears[leg].sounds if leg in ears else ():
                    self._write(now, 1, sound)
            case SlotLayout(channels=channels):
                for leg, voice in said.items():
                    if leg not in self._slots:
                        self._slots.append(leg)
                    self._write(now, min(self._slots.index(leg), channels - 1), voice)

    def finish(self, now: float) -> None:
        """Give everything to the sink."""
        frames = round((now - self._began) * _RATE_HZ)
        channels = self._channels
        waiting = sorted(self._noted, key=lambda noted: noted.at)
        done = 0
        while done < frames:
            end = min(done + _BLOCK_FRAMES, frames)
            # A caption is never cut in two: the block ends before one that does not fit any more.
            for noted in waiting:
                if done < noted.at < end < noted.at + len(noted.samples) // 2 and end < frames:
                    end = noted.at
            block = np.zeros((end - done, channels), dtype="<i2")
            while waiting and waiting[0].at < end:
                noted = waiting.pop(0)
                samples = samples_of(noted.samples)[: end - noted.at]
                block[noted.at - done : noted.at - done + len(samples), noted.channel] = samples
            self._sink.write(block.tobytes())
            done = end

    def _write(self, now: float, channel: int, sound: Sound | None) -> None:
        if sound is None or not sound.text or (channel, sound) in self._known:
            return
        self._known.add((channel, sound))
        if self.paused:
            return
        kind = sound.kind if sound.kind in ("speech", "file", "person") else "file"
        samples = captioned(Caption(kind, sound.text), seconds=0.0, rate_hz=_RATE_HZ)
        self._noted.append(_Noted(round((now - self._began) * _RATE_HZ), channel, samples))
