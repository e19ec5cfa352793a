"""What the offline recogniser understands: yes and no, a menu, and what is neither.

    python -m bench speech recognition

Speech of several synthetic voices, none of which was used to fit anything (`TEST` in `speakers.py`), at -24 dBFS,
through G.711 A-law with noise behind it (25 dB below); once more with 3 % of the packets lost. Yes and no are said by
more voices, seven times each with other noise. Who is always understood is not named. Rejection: the menu
listens while something else is said. Digits are strings of 1 to 4. Streams per core: seconds of such speech that one
core understands in a second, the judgement included.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from bench.speech.sounds import at_level, joined, narrowed, over_the_phone, silence, upsampled
from bench.speech.speakers import MORE_TEST, SMALL_CHILD, TEST, at_hand, speak_wide
from ringline.providers.pocketsphinx import ACCEPTED, _worker

DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
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


def measure(speakers: Sequence[str]) -> dict[str, Any]:
    """Shares, and the speed."""
    chance = random.Random(4)
    strings = ["".join(chance.choice("0123456789") for _ in range(length)) for length in (1, 2, 3, 4)]
    said_so = {string: " ".join(DIGITS[int(digit)] for digit in string) for string in strings}
    many = (*speakers, *MORE_TEST)
    texts = [(text, speaker) for text in (*MENU, *OTHER, *said_so.values()) for speaker in speakers]
    texts += [(text, speaker) for text in YES_NO for speaker in (*many, *SMALL_CHILD)]
    spoken = dict(zip(texts, asyncio.run(speak_wide(texts)), strict=True))
    recogniser, noises = _worker.Recogniser(), np.random.default_rng(11)
    words = recogniser.pronunciations(sorted({word for phrase in (*YES_NO, *MENU) for word in phrase.split()}))
    spent = heard_s = 0.0

    def hears(text: tuple[str, str], grammar: Sequence[str], loss: float = 0.0) -> str | None:
        nonlocal spent, heard_s
        samples = joined(silence(0.5), at_level(narrowed(spoken[text]), -24), silence(0.3))
        audio = upsampled(over_the_phone(samples, noises, noise_dbfs=-49, loss=loss))
        ways = [
            [" ".join(way) for way in itertools.islice(itertools.product(*(words[word] for word in phrase.split())), 4)]
            for phrase in grammar
        ]
        began = time.process_time()
        results = recogniser.understand(ways, audio, digits=not grammar)
        spent, heard_s = spent + time.process_time() - began, heard_s + len(audio) / 32_000
        accepted = [one for one in results if one["confidence"] >= ACCEPTED]
        if not accepted:
            return None
        return grammar[accepted[0]["place"]] if grammar else str(accepted[0]["digits"])

    def share(
        said: Sequence[str],
        grammar: Sequence[str],
        *,
        speakers: Sequence[str] = speakers,
        times: int = 1,
        loss: float = 0.0,
    ) -> dict[str, float]:
        outcomes = [
            (text, speaker, hears((text, speaker), grammar, loss))
            for text in said
            for speaker in speakers
            for _ in range(times)
        ]
        found: dict[str, float] = {"of": len(outcomes)}
        if set(said) <= set(grammar):
            found["right"] = round(sum(text == heard for text, _, heard in outcomes) / len(outcomes), 3)
            found["rejected"] = round(sum(heard is None for _, _, heard in outcomes) / len(outcomes), 3)
            for speaker in speakers:
                own = [text == heard for text, by, heard in outcomes if by == speaker]
                if not all(own):
                    found[f"right of {speaker}"] = round(sum(own) / len(own), 3)
        else:
            found["accepted"] = round(sum(heard is not None for _, _, heard in outcomes) / len(outcomes), 3)
        return found

    found = {
        "yes or no": share(YES_NO, YES_NO, speakers=many, times=7),
        "yes or no, a small child": share(YES_NO, YES_NO, speakers=SMALL_CHILD, times=7),
        "menu of 12": share(MENU, MENU),
        "menu of 12, 3 % lost": share(MENU, MENU, loss=0.03),
        "none of the menu": share(OTHER, MENU),
        "none of yes and no": share(OTHER, YES_NO),
        "strings of 1 to 4 digits": share_of_strings(said_so, speakers, hears),
    }
    return {**found, "streams_per_core": round(heard_s / spent, 1)}


def share_of_strings(
    said_so: dict[str, str], speakers: Sequence[str], hears: Callable[[tuple[str, str], Sequence[str]], str | None]
) -> dict[str, float]:
    """Whole strings that are right, of all that were said."""
    outcomes = [string == hears((text, speaker), ()) for string, text in said_so.items() for speaker in speakers]
    return {"of": len(outcomes), "right": round(sum(outcomes) / len(outcomes), 3)}


def main() -> None:
    arguments = argparse.ArgumentParser(description="What the offline recogniser understands.")
    arguments.add_argument("--speakers", type=int, default=len(TEST), help="so many of them")
    speakers = at_hand(TEST)[: arguments.parse_args().speakers]
    print("speakers:", ", ".join(speakers), file=sys.stderr)
    print(json.dumps(measure(speakers), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
