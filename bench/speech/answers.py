"""Who answers: people and machines that a script makes up, each with its label.

    python -m bench speech detection [--each 12]

People say a short greeting (or nothing) and wait; machines talk on, with beeps, pauses, noise behind them, network
tones before them. Everything goes through G.711, then as RTP into the real media core, and what the detector says is
set against the label. The clock of a call runs, so all are called at once, in groups.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.speech.sounds import RATE_HZ, VOICES, Samples, at_level, joined, over_the_phone, silence, speak
from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard
from ringline.engine.ports.detection import Finding
from ringline.io.detection import EarDetector
from ringline.testing.studio import Studio

_PEOPLE = (
    "hello?", "yes?", "hi", "good morning", "Miller", "hello, Anna speaking", "yes hello", "this is Peter",
    "Jones residence", "hello? who is there?", "Bob here", "Smith, good evening", "hello hello", "speaking",
)  # fmt: skip
_MACHINES = (
    "Hi, you have reached the voice mail of Anna Miller. Please leave a message after the tone.",
    "The person you are calling is not available. Please leave a message after the beep.",
    "Thank you for calling Miller and Sons. Our office is open from Monday to Friday between nine and five.",
    "Your call has been forwarded to an automatic voice message system. At the tone, please record your message.",
    "Hello, this is Peter, I can't come to the phone right now, so leave me a message and I will call you back.",
    "Welcome to the mail box of four four two zero seven nine four six. Please speak after the signal.",
)
_TOLD_WITHIN_S = 1.5
"After a low beep 0.7 s of silence must follow, and a machine under load hears and tells of it later yet."
_SIT = ((950, 0.33), (1400, 0.33), (1800, 0.33))


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes from a phone that was answered."""

    kind: str
    machine: bool
    samples: Samples
    beep_at_s: float | None = None
    "When its beep has ended."


def tone(hz: float, seconds: float, dbfs: float = -15.0) -> Samples:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    peak = 32_768 * 2**0.5 * 10 ** (dbfs / 20)
    return np.asarray(np.sin(2 * np.pi * hz * at) * peak, dtype=np.float64)


def ringback(rounds: int) -> Samples:
    """America's: two tones at once."""
    ring = tone(440, 2.0, -22) + tone(480, 2.0, -22)
    return joined(*([ring, silence(1.0)] * rounds))


async def answers(each: int) -> list[Answer]:
    """So many of each kind."""
    chance = random.Random(7)
    texts = [(chance.choice(_PEOPLE), *chance.choice(VOICES)) for _ in range(each)]
    greetings = [(chance.choice(_MACHINES), *chance.choice(VOICES)) for _ in range(4 * each)]
    spoken = await speak([*texts, *greetings])
    people, machines = spoken[:each], spoken[each:]
    made = []
    for nth in range(each):
        level = chance.uniform(-30, -18)
        lead = silence(chance.uniform(0.1, 1.2))
        person = joined(lead, at_level(people[nth], level), silence(6))
        made.append(Answer("a person", False, person))
        if nth % 4 == 0:
            made.append(Answer("a person who says nothing", False, silence(8)))
        plain, beeping, network, music = (
            joined(lead, at_level(machine, level)) for machine in machines[4 * nth : 4 * nth + 4]
        )
        made.append(Answer("a machine without a beep", True, joined(plain, silence(8))))
        hz, length = chance.choice((425, 850, 1000, 1400, 2000)), chance.uniform(0.2, 0.8)
        beep_at = (len(beeping) / RATE_HZ) + 0.4 + length
        made.append(
            Answer(
                f"a machine with a beep of {hz} Hz",
                True,
                joined(beeping, silence(0.4), tone(hz, length), silence(6)),
                beep_at,
            )
        )
        if nth % 3 == 0:
            tones = joined(*(tone(hz, seconds) for hz, seconds in _SIT))
            made.append(
                Answer("a network's announcement", True, joined(silence(0.3), tones, silence(0.2), network, silence(4)))
            )
            notes = joined(*(tone(chance.choice((523, 587, 659, 784)), 0.25, -20) for _ in range(16)))
            made.append(Answer("a machine, then music and keys", True, joined(music, notes, _key(), silence(4))))
            made.append(Answer("a machine, then ringing", True, joined(plain, ringback(2), silence(2))))
    return made


def _key() -> Samples:
    return joined(tone(770, 0.2, -18) + tone(1336, 0.2, -18), silence(0.3))


async def measure(each: int, *, at_once: int = 16) -> dict[str, Any]:
    """Call them all; give the confusion matrix, and what became of the beeps."""
    noises = np.random.default_rng(3)
    found: Counter[tuple[bool, str]] = Counter()
    beeps: Counter[str] = Counter()
    wrong: list[str] = []
    human_after_ms: list[float] = []
    beep_after_ms: list[float] = []
    everybody = await answers(each)
    for start in range(0, len(everybody), at_once):
        group = everybody[start : start + at_once]
        async with Studio(threads=1, port_range=(43_000, 43_999)) as studio:
            results = await asyncio.gather(
                *(_call(studio, f"{start + nth}", one, noises) for nth, one in enumerate(group))
            )
        for one, (verdict, why, after_s, beep_s) in zip(group, results, strict=True):
            found[one.machine, verdict] += 1
            if one.kind == "a person" and verdict == "human":
                human_after_ms.append(after_s * 1000)
            if one.machine != (verdict == "machine"):
                wrong.append(f"{one.kind}: {verdict}, {why}")
            if verdict == "machine":
                beeps[_beep_outcome(one, beep_s)] += 1
                if beep_s is not None and one.beep_at_s is not None:
                    beep_after_ms.append((beep_s - one.beep_at_s) * 1000)
                if "wrong" in _beep_outcome(one, beep_s) or "missed" in _beep_outcome(one, beep_s):
                    wrong.append(f"{one.kind}: {_beep_outcome(one, beep_s)} at {beep_s}, due {one.beep_at_s}")
    return {
        "people": {"human": found[False, "human"], "machine": found[False, "machine"]},
        "machines": {"human": found[True, "human"], "machine": found[True, "machine"]},
        "beeps": dict(beeps),
        "human_after_ms_worst": round(max(human_after_ms, default=0.0)),
        "beep_after_ms_worst": round(max(beep_after_ms, default=0.0)),
        "wrong": wrong,
    }


def _beep_outcome(one: Answer, beep_s: float | None) -> str:
    if one.beep_at_s is None:
        return "none, none told" if beep_s is None else "none, wrongly told"
    if beep_s is None:
        return "one, missed"
    return "one, told" if 0.0 < beep_s - one.beep_at_s < _TOLD_WITHIN_S else "one, told at the wrong time"


async def _call(
    studio: Studio, leg: str, one: Answer, noises: np.random.Generator
) -> tuple[str, str, float, float | None]:
    """Verdict, reason, when the verdict came after the end of speech, when the beep."""
    loop = asyncio.get_running_loop()
    phone = await studio.phone(leg, codec="PCMA")
    verdict: asyncio.Future[tuple[str, str, float]] = loop.create_future()
    beep: asyncio.Future[float] = loop.create_future()
    heard = over_the_phone(one.samples, noises, noise_dbfs=noises.uniform(-65, -48))
    began = loop.time()

    def report(finding: Finding) -> None:
        if isinstance(finding, BeepHeard):
            beep.set_result(loop.time() - began)
        else:
            verdict.set_result((finding.verdict, finding.why, loop.time() - began))

    detector = EarDetector(studio.media)
    phone.say(heard.tobytes())
    detector.detect(EffectId(f"detect-{leg}"), LegId(leg), beep=True, report=report)
    said, why, at = await asyncio.wait_for(verdict, 10)
    beep_at = None
    if said == "machine":
        left = len(heard) / RATE_HZ - (loop.time() - began)
        done, _ = await asyncio.wait([beep], timeout=max(0.1, left))
        beep_at = beep.result() if done else None
    detector.stop(EffectId(f"detect-{leg}"))
    phone.hush()
    end_of_speech_s = (len(one.samples) / RATE_HZ) - 6
    return said, why, at - end_of_speech_s, beep_at


def main() -> None:
    arguments = argparse.ArgumentParser(description="Machine detection against labelled answers.")
    arguments.add_argument("--each", type=int, default=12)
    print(json.dumps(asyncio.run(measure(arguments.parse_args().each)), indent=2))


if __name__ == "__main__":
    main()
