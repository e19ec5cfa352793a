"""Fit the rejection of the offline recogniser: what tells a phrase of the grammar from anything else.

    python -m bench speech rejection --utterances 600

Every utterance is judged twice by random grammars of ten phrases: one that has it, one that has not. The phrases here
are none of those that `bench/speech/recognition.py` measures with.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
from typing import Any

import numpy as np

from bench.speech.sounds import VOICES, at_level, joined, over_the_phone, silence, speak, upsampled
from ringline.providers.pocketsphinx import _worker

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


def collect(utterances: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Measures and truth."""
    chance, noises = random.Random(5), np.random.default_rng(5)
    wanted = [(chance.choice(PHRASES), *chance.choice(VOICES)) for _ in range(utterances)]
    spoken = asyncio.run(speak(wanted))
    recogniser = _worker.Recogniser()
    words = recogniser.pronunciations(sorted({word.lower() for phrase in PHRASES for word in phrase.split()}))

    def ways(phrase: str) -> list[str]:
        found = (words[word.lower()] for word in phrase.split())
        return [" ".join(way) for way in itertools.islice(itertools.product(*found), 4)]

    measures, truth = [], []
    for (text, _, _), samples in zip(wanted, spoken, strict=True):
        heard = over_the_phone(
            joined(silence(0.5), at_level(samples, -24), silence(0.3)), noises, noise_dbfs=noises.uniform(-55, -40)
        )
        others = chance.sample([phrase for phrase in PHRASES if phrase != text], 10)
        for grammar in (others, [text, *others[1:]]):
            results = recogniser.understand([ways(phrase) for phrase in grammar], upsampled(heard))
            if results:
                measures.append(results[0]["measures"])
                truth.append(grammar[results[0]["place"]] == text)
    return np.array(measures), np.array(truth)


def fit(measures: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Logistic regression by Newton's method."""
    rows = np.column_stack([np.ones(len(measures)), measures, measures[:, 2] ** 2])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        odds = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (truth - odds) - 0.01 * weights
        curve = rows.T @ (rows * (odds * (1 - odds))[:, None]) + 0.01 * np.eye(rows.shape[1])
        weights += np.linalg.solve(curve, slope)
    return weights


def main() -> None:
    arguments = argparse.ArgumentParser(description="Fit the rejection of the offline recogniser.")
    arguments.add_argument("--utterances", type=int, default=600)
    measures, truth = collect(arguments.parse_args().utterances)
    weights = fit(measures, truth)
    odds = np.column_stack([np.ones(len(measures)), measures, measures[:, 2] ** 2]) @ weights
    said, other = odds[truth], odds[~truth]
    threshold = float(np.quantile(said, 0.04))
    print("WEIGHTS =", tuple(round(float(weight), 3) for weight in weights))
    print("threshold for 4 % false rejection:", round(1 / (1 + np.exp(-threshold)), 3))
    print("accepted although something else was said:", round(float(np.mean(other >= threshold)), 3))
    print(len(said), "phrases said,", len(other), "other", file=sys.stderr)


if __name__ == "__main__":
    main()
