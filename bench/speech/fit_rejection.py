"""Fit the rejection of the offline recogniser: what tells a phrase of the grammar from anything else.

    python -m bench speech rejection --utterances 600

Every utterance is judged twice by random grammars: one that has it, one that has not. Phrases and voices are none of
those that `bench/speech/recognition.py` measures with. What is printed last goes into the recogniser's `_judging.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys

import numpy as np
from numpy.typing import NDArray

from bench.speech.sounds import at_level, joined, narrowed, over_the_phone, silence, upsampled
from bench.speech.speakers import TRAINING, at_hand, speak_wide
from ringline.providers.pocketsphinx import _worker

Matrix = NDArray[np.float64]
PHRASES = (
    "accounts", "agent", "apartment seven", "appointments", "back", "bookings", "breakdown service", "call me later",
    "change address", "check in", "claims", "complaint", "confirm", "continue", "credit card", "delivery", "directions",
    "doctor", "emergency", "fax number", "file a report", "front desk", "get a quote", "help", "insurance", "invoice",
    "jobs", "last payment", "leave a message", "maintenance", "make a reservation", "monday morning", "next week",
    "no thank you", "office", "order status", "password reset", "pay my bill", "pharmacy", "prices", "receipts",
    "refund", "room service", "schedule", "send it again", "service desk", "shipping", "start over", "stop", "stores",
    "talk to a person", "tickets", "today", "tomorrow", "track a parcel", "transfer", "upgrade", "voice mail",
    "warranty", "yes please", "I have no idea", "just a second please", "could you say that again", "the cat is asleep",
    "what time is it", "is anybody there", "I am driving right now", "my dog is barking", "never mind", "thank you",
)  # fmt: skip


def collect(utterances: int) -> tuple[Matrix, NDArray[np.bool_], list[str]]:
    """Measures, truth and speakers."""
    chance, noises = random.Random(5), np.random.default_rng(5)
    speakers = at_hand(TRAINING)
    wanted = [(chance.choice(PHRASES), speakers[nth % len(speakers)]) for nth in range(utterances)]
    spoken = asyncio.run(speak_wide(wanted))
    recogniser = _worker.Recogniser()
    words = recogniser.pronunciations(sorted({word.lower() for phrase in PHRASES for word in phrase.split()}))

    def ways(phrase: str) -> list[str]:
        found = (words[word.lower()] for word in phrase.split())
        return [" ".join(way) for way in itertools.islice(itertools.product(*found), 4)]

    measures, truth, by = [], [], []
    for (text, speaker), samples in zip(wanted, spoken, strict=True):
        heard = over_the_phone(
            joined(
                silence(chance.uniform(0.4, 0.6)),
                at_level(narrowed(samples), chance.uniform(-32, -18)),
                silence(chance.uniform(0.25, 0.35)),
            ),
            noises,
            noise_dbfs=noises.uniform(-60, -42),
            loss=chance.choice((0.0, 0.0, 0.03)),
        )
        others = chance.sample([phrase for phrase in PHRASES if phrase != text], chance.choice((2, 5, 12)))
        for grammar in (others, [text, *others[1:]]):
            results = recogniser.understand([ways(phrase) for phrase in grammar], upsampled(heard))
            if results:
                measures.append(results[0]["measures"])
                truth.append(grammar[results[0]["place"]] == text)
                by.append(speaker)
    return np.array(measures), np.array(truth), by


def fit(measures: Matrix, truth: NDArray[np.bool_], *, held_back: float = 3.0) -> Matrix:
    """Logistic regression by Newton's method; measures are brought to one scale, that `held_back` treats them alike."""
    mean, spread = measures.mean(axis=0), measures.std(axis=0) + 1e-6
    rows = np.column_stack([np.ones(len(measures)), (measures - mean) / spread])
    weights = np.zeros(rows.shape[1])
    back = held_back * np.eye(len(weights))
    back[0, 0] = 0.0
    for _ in range(50):
        odds = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (truth - odds) - back @ weights
        curve = rows.T @ (rows * (odds * (1 - odds))[:, None]) + back
        weights += np.linalg.solve(curve, slope)
    plain = weights[1:] / spread
    return np.concatenate([[weights[0] - float(plain @ mean)], plain])


def odds_of(measures: Matrix, weights: Matrix) -> Matrix:
    return np.asarray(np.column_stack([np.ones(len(measures)), measures]) @ weights)


def accepted_at(said: Matrix, other: Matrix, false_rejection: float) -> tuple[float, float]:
    """The confidence below which so much is rejected falsely, and the share of other things that still gets through."""
    threshold = float(np.quantile(said, false_rejection))
    return 1 / (1 + float(np.exp(-threshold))), float(np.mean(other >= threshold))


def main() -> None:
    arguments = argparse.ArgumentParser(description="Fit the rejection of the offline recogniser.")
    arguments.add_argument("--utterances", type=int, default=600)
    measures, truth, by = collect(arguments.parse_args().utterances)
    judging = _worker._JUDGING
    aligned = measures[:, judging["NAMES"].index("unaligned")] == 0
    usual = measures[aligned, judging["NAMES"].index("fit") :].mean(axis=0)
    measures[~aligned, judging["NAMES"].index("fit") :] = usual
    # Each speaker is judged by what was learned of the others.
    speakers, unseen = np.array(by), np.zeros(len(by))
    for speaker in sorted(set(by)):
        own = speakers == speaker
        unseen[own] = odds_of(measures[own], fit(measures[~own], truth[~own]))
    for share in (0.03, 0.04, 0.05):
        confidence, accepted = accepted_at(unseen[truth], unseen[~truth], share)
        print(f"{share:.0%} rejected falsely: confidence {confidence:.3f}, {accepted:.1%} of other things accepted")
    print("USUAL =", tuple(round(float(one), 3) for one in usual))
    print("WEIGHTS =", tuple(round(float(weight), 3) for weight in fit(measures, truth)))
    print(int(truth.sum()), "phrases said,", int((~truth).sum()), "other", file=sys.stderr)


if __name__ == "__main__":
    main()
