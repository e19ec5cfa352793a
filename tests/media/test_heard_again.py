"""Speech that came over a bad network is understood: a recogniser hears again what was said."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pocketsphinx
import soxr

from ringline.base import LegId
from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice
from ringline.testing.audio import silence
from ringline.testing.rtp import RtpPhone
from ringline.testing.studio import Studio

CHOICES = ("sales", "opening hours", "operator", "cancel my order", "repeat the menu")
_PAUSE_S = 0.5
_DELAY_S = 0.3
"No network here delays a voice by more."


class FarPhone(RtpPhone):
    """A phone behind a network that loses packets, and delays each by another time."""

    def __init__(self, *, loss: float, jitter_s: float) -> None:
        super().__init__(codec="PCMA")
        self._loss = loss
        self._jitter_s = jitter_s
        self._chance = random.Random(7)

    def send_raw(self, datagram: bytes) -> None:
        if self._chance.random() >= self._loss:
            late_s = self._chance.random() * self._jitter_s
            asyncio.get_running_loop().call_later(late_s, super().send_raw, datagram)


async def _spoken(texts: Sequence[str]) -> list[bytes]:
    """Each text as 8 kHz samples."""

    def open_workers(wanted: WorkerProgram) -> WorkerPool:
        return WorkerPool(wanted.command, name=wanted.name, size=1)

    voice = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
    await voice.start()
    try:
        found = []
        for text in texts:
            request = SpeechRequest(text=text, language="en-US", style=0, premium=False)
            blocks = [block async for block in voice.speak(request)]
            samples = np.frombuffer(b"".join(block.data for block in blocks), dtype="<i2")
            found.append(bytes(soxr.resample(samples, blocks[0].rate_hz, 8000).tobytes()))
        return found
    finally:
        await voice.close()


def _recogniser() -> Any:
    """A recogniser that knows the choices and nothing else."""
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("choices", f"#JSGF V1.0; grammar g; public <choice> = {' | '.join(CHOICES)};")
    decoder.activate_search("choices")
    return decoder


def _understood(decoder: Any, pcm: bytes) -> str:
    """Which of the choices is heard."""
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2"), 8000, 16_000)
    # Digital silence has no logarithm; a recogniser needs the faint noise that every line has.
    noise = np.random.default_rng(1).integers(-8, 9, len(samples))
    decoder.start_utt()
    decoder.process_raw((samples.astype(np.int32) + noise).clip(-32_768, 32_767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return str(best.hypstr) if best else ""


async def _heard(studio: Studio, name: str, phrases: Sequence[bytes], *, loss: float, jitter_s: float) -> list[bytes]:
    """Let a far phone say the phrases in a room, and give each as another phone there hears it."""
    listener = await studio.phone(f"{name}-near", codec="PCMA")
    async with FarPhone(loss=loss, jitter_s=jitter_s) as speaker:
        leg = LegId(f"{name}-far")
        speaker.aim(*studio.media.open(leg))
        studio.media.configure(leg, studio.plan(speaker))
        studio.together(f"CON-{name}", f"{name}-near", f"{name}-far")
        # The jitter buffer learns what the network is like.
        line = silence(1.5)
        begins = []
        for phrase in phrases:
            begins.append(len(line))
            line += phrase + silence(_PAUSE_S)
        speaker.say(line + silence(_DELAY_S))
        whole = await listener.hear(len(line) / 16_000 + _DELAY_S, deadline_s=60)
    after = round((_PAUSE_S - 0.1 + _DELAY_S) * 16_000) & ~1
    return [whole[begin : begin + len(phrase) + after] for begin, phrase in zip(begins, phrases, strict=True)]


def test_every_choice_is_understood_over_any_network_that_phones_are_used_on() -> None:
    networks = {"clean": (0.0, 0.0), "five": (0.05, 0.02), "ten": (0.1, 0.06)}

    async def scenario() -> None:
        phrases = await _spoken(CHOICES)
        async with Studio() as studio:
            heard = await asyncio.gather(
                *(
                    _heard(studio, name, phrases, loss=loss, jitter_s=jitter_s)
                    for name, (loss, jitter_s) in networks.items()
                )
            )
        recogniser = _recogniser()
        understood = {
            name: [_understood(recogniser, pcm) for pcm in each] for name, each in zip(networks, heard, strict=True)
        }
        right = {name: sum(map(str.__eq__, CHOICES, each)) for name, each in understood.items()}
        assert right["clean"] == len(CHOICES), understood
        assert right["five"] >= len(CHOICES) - 1, understood
        assert right["ten"] >= len(CHOICES) - 1, understood

    asyncio.run(scenario())
