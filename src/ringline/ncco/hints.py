"""Guesses at what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 64
"Characters of a word that is looked at; the known ones are shorter."

_OTHER_WORDS: Final = {
    "answer": "a call is answered by its first action with audio",
    "collect": "did you mean input?",
    "conference": "did you mean conversation?",
    "dial": "did you mean connect?",
    "gather": "did you mean input?",
    "hangup": "leave it out: a call ends after its last action",
    "hang_up": "leave it out: a call ends after its last action",
    "pause": "did you mean wait?",
    "play": "did you mean stream?",
    "redirect": "did you mean transfer?",
    "say": "did you mean talk?",
    "sleep": "did you mean wait?",
    "speak": "did you mean talk?",
}
"What actions are called elsewhere."


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word may have been meant; empty when none is near."""
    lowered = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower()[:_LONGEST], list(lowered), n=1, cutoff=0.66)
    return f"did you mean {lowered[found[0]]}?" if found else ""


def nearest_action(word: str, known: Iterable[str]) -> str:
    """Say which action may have been meant."""
    return _OTHER_WORDS.get(word) or nearest(word, known)


def misspelt(name: str, keys: Iterable[object], known: Iterable[str]) -> str:
    """Say which unknown key may have been meant for a missing option."""
    strangers = [key for key in keys if isinstance(key, str) and key not in known][:_LONGEST]
    by_lower = {key.lower()[:_LONGEST]: key for key in strangers}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.7)
    return f"{by_lower[found[0]][:_LONGEST]} is unknown" if found else ""


def json_hint(message: str, before: str, after: str) -> str:
    """Say what is usually behind a mistake in JSON, from the reader's words and the text around the place."""
    word = after[:16]
    if word.startswith("'") or before.endswith("'"):
        return "strings stand in double quotes"
    if "key must be" in message:
        return "names of options stand in double quotes"
    if "trailing comma" in message:
        return "no comma after the last one"
    if "control character" in message:
        return r"a line break inside a string is written \n"
    if "surrogate" in message or "hex escape" in message:
        return "half of a character that needs two escapes"
    if word.startswith(("//", "/*", "#")) or before.endswith("/"):
        return "JSON has no comments"
    if word.startswith(("True", "False", "None")):
        return "write true, false and null"
    if word.startswith(("NaN", "Infinity", "-Infinity")):
        return "no such number in JSON"
    if word.lstrip().startswith("<"):
        return "this is a web page or XML"
    if "trailing characters" in message:
        return "something stands behind the end"
    if "EOF" in message:
        return "the end is missing"
    return ""
