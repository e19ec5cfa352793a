"""What speaks for a phrase that the offline recogniser has found, and what against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringline.providers.pocketsphinx._judging import NAMES, USUAL, WEIGHTS, Evidence, Sound, confidence, measure

WAY = ["B", "IH", "L", "IH", "NG"]
GOOD = Evidence(
    way=WAY,
    heard=["B", "IH", "L", "IY", "N"],
    grammar=-1500.0,
    loop=-1100.0,
    other=-3500.0,
    speech=42,
    outside=42,
    sounds=[Sound(phoneme, frames, -25.0 * frames) for phoneme, frames in zip(WAY, (5, 8, 10, 8, 11), strict=True)],
    digits=False,
)
"Somebody said it, and clearly."
SQUEEZED = replace(
    GOOD,
    heard=["EH", "L", "AH", "F", "AH", "N", "T"],
    grammar=-4500.0,
    other=-3500.0,
    sounds=[Sound(phoneme, frames, -70.0 * frames) for phoneme, frames in zip(WAY, (3, 3, 3, 30, 3), strict=True)],
)
"Something else was said, and the phrase laid over it."


def named(evidence: Evidence) -> dict[str, float]:
    return dict(zip(NAMES, measure(evidence), strict=True))


def test_there_is_a_weight_for_each_measure() -> None:
    assert len(WEIGHTS) == 1 + len(NAMES)


def test_a_phrase_that_was_said_is_likely_and_one_that_was_squeezed_in_is_not() -> None:
    assert confidence(measure(GOOD)) > 0.9
    assert confidence(measure(SQUEEZED)) < 0.1


def test_sounds_without_room_and_one_that_fills_the_rest_are_seen() -> None:
    good, squeezed = named(GOOD), named(SQUEEZED)
    assert (good["short"], good["long"]) == (0, 0)
    assert (squeezed["short"], squeezed["long"]) == (0.8, 0.2)
    assert squeezed["uneven"] > good["uneven"]
    assert good["fit"] == pytest.approx(-0.25)


def test_near_sounds_are_less_unlike_than_far_ones() -> None:
    near, far = replace(GOOD, heard=["P", "IY", "L", "IY", "NG"]), replace(GOOD, heard=["AA", "S", "UW", "S", "AA"])
    assert 0 < named(near)["unlike"] < named(far)["unlike"]


def test_a_phrase_that_cannot_be_laid_along_the_audio_is_judged_by_the_rest() -> None:
    found = named(replace(GOOD, sounds=[]))
    assert found["unaligned"] == 1
    assert measure(replace(GOOD, sounds=[]))[NAMES.index("fit") :] == list(USUAL)


def test_who_reads_digits_aloud_may_take_his_time() -> None:
    slow = replace(GOOD, digits=True, speech=300)
    assert named(slow)["hurry"] == named(slow)["uneven"] == 0


def test_any_evidence_gives_a_confidence() -> None:
    empty = Evidence(way=[], heard=[], grammar=0.0, loop=0.0, other=None, speech=0, outside=0, sounds=[], digits=False)
    assert 0 <= confidence(measure(empty)) <= 1
    assert 0 <= confidence(measure(replace(SQUEEZED, grammar=-1e9, loop=-1e9))) <= 1
