"""What a recogniser is asked and what it may answer (Voice API, speech recognition guide). No engine, no I/O.

The table `recognition_languages.csv` has a row per language: its tag, its English name, and other tags for the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ringline.speech.voices import DEFAULT_LANGUAGE

MOST_RESULTS: Final = 10
MOST_HINTS: Final = 5000
"More hints than this are left out; it is what the guide allows in one request."
_SAME: Final = {"cmn": "zh", "no": "nb", "nn": "nb", "iw": "he", "in": "id"}
"Primary subtags that mean a language of the table under another tag."
_HOME: Final = {"en": "en-US"}
"Where an unlisted regional language goes, when that is not its own country (`fr` to `fr-FR`) or the first row."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is listened for."""

    language: str | None
    "As the table writes it, such as `en-GB`; None when nothing in the table comes near."
    hints: tuple[str, ...]
    "Words and phrases that are likely."


def recognition_languages() -> tuple[str, ...]:
    """All listed languages."""
    return tuple(tag for tag, _ in _table()[0])


def find_recognition_language(language: str) -> str | None:
    """The entry for a tag in any case, or one of the same primary language; None when there is neither."""
    rows, known = _table()
    tag = language.strip().replace("_", "-").lower()
    if tag in known:
        return known[tag]
    primary = tag.partition("-")[0]
    primary = _SAME.get(primary, primary)
    home = _HOME.get(primary, f"{primary}-{primary}").lower()
    if home in known:
        return known[home]
    return next((entry for entry, _ in rows if entry.partition("-")[0] == primary), None)


def wanted(language: str | None, hints: Iterable[str], provider_options: Mapping[str, Any] | None = None) -> Wanted:
    """Work out language and hints from an `input` action's speech options.

    `language_code` and the phrases of `speech_contexts` among the provider's options win over `language` and
    `context`, whichever engine listens; what is not of the documented shape is left aside.
    """
    options = provider_options or {}
    code = options.get("language_code")
    tag = code if isinstance(code, str) and code.strip() else language or DEFAULT_LANGUAGE
    phrases = tuple(_phrases(options.get("speech_contexts")))
    kept = dict.fromkeys(text for hint in phrases or hints if (text := hint.strip()))
    return Wanted(language=find_recognition_language(tag), hints=tuple(kept)[:MOST_HINTS])


def tidy(results: Iterable[tuple[str, float]]) -> tuple[tuple[str, str], ...]:
    """Bring what an engine heard into the webhook's shape: text and confidence as a string, best first.

    At most ten, none empty, none twice (in any case); confidence from 0 to 1 with at most eight significant digits.
    """
    best: dict[str, tuple[str, float]] = {}
    ordered = sorted(results, key=lambda result: -_bounded(result[1]))  # a stable sort: equals stay in their order
    for text, confidence in ordered:
        words = " ".join(text.split())
        if words:
            best.setdefault(words.casefold(), (words, _bounded(confidence)))
    return tuple((text, _written(confidence)) for text, confidence in list(best.values())[:MOST_RESULTS])


def _bounded(confidence: float) -> float:
    return min(max(0.0, confidence), 1.0) if confidence == confidence else 0.0  # NaN is no confidence


def _written(confidence: float) -> str:
    text = f"{confidence:.8f}" if confidence < 0.1 else f"{confidence:.8g}"
    return text if "." in text else f"{text}.0"


def _phrases(contexts: Any) -> Iterable[str]:
    for context in contexts if isinstance(contexts, Sequence) and not isinstance(contexts, str) else ():
        found = context.get("phrases") if isinstance(context, Mapping) else None
        for phrase in found if isinstance(found, Sequence) and not isinstance(found, str) else ():
            if isinstance(phrase, str):
                yield phrase


@cache
def _table() -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
    """The rows (tag and name) in their order, and every tag and alias in lower case with the tag it means."""
    text = files("ringline.speech").joinpath("recognition_languages.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    known: dict[str, str] = {}
    for row in rows:
        for tag in (row["language"], *row["aliases"].split(";")):
            if tag:
                known.setdefault(tag.lower(), row["language"])
    return tuple((row["language"], row["name"]) for row in rows), known
