"""What the offline recogniser understands: yes and no, a menu, and what is neither.

    python -m bench speech recognition

Speech of several synthetic voices at -24 dBFS, through G.711 A-law with noise behind it (25 dB below); once more with
3 % of the packets lost. Rejection: the menu listens while something else is said. Streams per core: seconds of such
speech that one core understands in a second, both decoders and the judgement included.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from typing import Any

import numpy as np

from bench.speech.sounds import VOICES, at_level, joined, over_the_phone, silence, speak, upsampled
from ringline.providers.pocketsphinx import ACCEPTED, _worker

YES_NO = ("yes", "no")
MENU = (
    "sales", "support", "billing", "opening hours", "technical problem", "cancel my order", "speak to an operator",
    "main menu", "repeat", "account balance", "new customer", "goodbye",
)  # fmt: skip
OTHER = (
    "hello there", "what is the weather like", "can you hear me", "hold on a minute please", "my name is Peter",
    "twenty three", "where is the station", "purple elephant", "who is this", "let me think about it", "chocolate cake",
    "elevator music", "mister Johnson", "wednesday afternoon", "I want a pizza", "I was at the doctor yesterday",
)  # fmt: skip


def measure(voices: int) -> dict[str, Any]:
    """Shares, and the speed."""
    chosen = VOICES[:voices]
    texts = [(text, *voice) for text in (*YES_NO, *MENU, *OTHER) for voice in chosen]
    spoken = dict(zip(texts, asyncio.run(speak(texts)), strict=True))
    recogniser, random = _worker.Recogniser(), np.random.default_rng(11)
    words = recogniser.pronunciations(sorted({word for phrase in (*YES_NO, *MENU) for word in phrase.split()}))
    spent = heard_s = 0.0

    def hears(text: tuple[str, str, int], grammar: tuple[str, ...], loss: float) -> str | None:
        nonlocal spent, heard_s
        samples = joined(silence(0.5), at_level(spoken[text], -24), silence(0.3))
        audio = upsampled(over_the_phone(samples, random, noise_dbfs=-49, loss=loss))
        ways = [
            [" ".join(way) for way in itertools.islice(itertools.product(*(words[word] for word in phrase.split())), 4)]
            for phrase in grammar
        ]
        began = time.process_time()
        results = recogniser.understand(ways, audio)
        spent, heard_s = spent + time.process_time() - began, heard_s + len(audio) / 32_000
        accepted = [one for one in results if one["confidence"] >= ACCEPTED]
        return grammar[accepted[0]["place"]] if accepted else None

    def share(said: tuple[str, ...], grammar: tuple[str, ...], loss: float = 0.0) -> dict[str, float]:
        outcomes = [
            (text, hears((text, *voice), grammar, loss))
            for text in said
            for voice in chosen
            for _ in range(1 + (len(said) == 2) * 4)
        ]
        right = sum(text == heard for text, heard in outcomes)
        none = sum(heard is None for _, heard in outcomes)
        return {
            "right": round(right / len(outcomes), 3),
            "nothing": round(none / len(outcomes), 3),
            "of": len(outcomes),
        }

    found = {
        "yes or no": share(YES_NO, YES_NO),
        "menu of 12": share(MENU, MENU),
        "menu of 12, 3 % lost": share(MENU, MENU, 0.03),
        "none of the menu": share(OTHER, MENU),
        "none of yes and no": share(OTHER, YES_NO),
    }
    return {**found, "streams_per_core": round(heard_s / spent, 1)}


def main() -> None:
    arguments = argparse.ArgumentParser(description="What the offline recogniser understands.")
    arguments.add_argument("--voices", type=int, default=4)
    print(json.dumps(measure(arguments.parse_args().voices), indent=2))


if __name__ == "__main__":
    main()
