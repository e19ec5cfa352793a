"""Which voice a `talk` means: language, style, premium and the old voice names (Voice API, text-to-speech guide).

The table `voices.csv` has a row per language and style: the genders of its standard and premium form (empty where
there is none), whether it takes SSML, and its old voice name. Every entry is accepted whatever engine is installed; the
engine makes the best of `VoiceChoice`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

Gender = Literal["female", "male"]

DEFAULT_LANGUAGE: Final = "en-US"

_RETIRED: Final = {
    "agnieszka": ("pl-PL", 0),
    "chipmunk": ("en-US", 8),
    "eric": ("en-US", 9),
    "jennifer": ("en-US", 0),
}
"Old names that only the REST enum still lists."

_HOME: Final = {"en": "en-US", "zh": "cmn-CN", "cmn": "cmn-CN", "no": "nb-NO", "nb": "nb-NO"}
"Where a bare or unknown regional language goes, when that is not its own country (`pt` to `pt-PT`) or the first row."


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceChoice:
    """The voice that a request means, as a row of the public table."""

    language: str
    "As the table writes it, such as `en-GB`."
    style: int
    gender: Gender
    premium: bool
    "True when it is the premium form of the style."
    ssml: bool
    "False when the style only takes plain text; SSML is then spoken without its tags."
    nth: int
    "How many styles of this gender the language has before this one: lets an engine make styles sound different."
    name: str = ""
    "The old voice name of the row, where there is one; some engines have a voice of that very name."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a request's voice fields lead to."""

    choice: VoiceChoice
    notes: tuple[str, ...] = ()
    "What could not be had as asked, a sentence each, for the log. Never a reason to fail a call."


@dataclass(frozen=True, slots=True)
class _Row:
    standard: Gender | None
    premium: Gender | None
    ssml: bool
    name: str


def resolve(
    language: str | None = None, style: int | None = None, *, premium: bool = False, voice_name: str | None = None
) -> Resolution:
    """Find the voice for the fields of `talk`; anything is accepted.

    `language` or `style`, when present, win over the old `voice_name`. Languages match in any case and with `_` for
    `-`; unknown ones go to the same language elsewhere, else to en-US. An unknown style is style 0.
    """
    notes: list[str] = []
    if language is None and style is None and voice_name is not None:
        named = legacy_voice(voice_name)
        if named is None:
            notes.append("unknown voice name, using en-US/0")
        language, style = named or (DEFAULT_LANGUAGE, 0)
        premium = False
    found = DEFAULT_LANGUAGE if language is None else find_language(language)
    if found is None:
        notes.append("unknown language, using en-US")
        found = DEFAULT_LANGUAGE
    rows = _table()[found]
    wanted = 0 if style is None else style
    if wanted not in rows:
        notes.append("the language has no such style, using style 0")
        wanted = 0
    row = rows[wanted]
    is_premium = row.standard is None or (premium and row.premium is not None)
    gender = (row.premium if is_premium else row.standard) or "female"
    nth = sum(1 for number, other in rows.items() if number < wanted and gender in (other.standard, other.premium))
    choice = VoiceChoice(
        language=found, style=wanted, gender=gender, premium=is_premium, ssml=row.ssml, nth=nth, name=row.name
    )
    return Resolution(choice=choice, notes=tuple(notes))


def find_language(language: str) -> str | None:
    """Give the table's language for a BCP-47 tag; None when not even its primary language is known.

    `en-gb` is en-GB, `pt` is pt-PT, `zh-HK` is cmn-CN, `en-XX` is en-US.
    """
    tag = language.strip().replace("_", "-").lower()
    if tag in _by_tag():
        return _by_tag()[tag]
    primary = tag.partition("-")[0]
    if primary in _HOME:
        return _HOME[primary]
    home = f"{primary}-{primary}"
    if home in _by_tag():
        return _by_tag()[home]
    return next((name for name in _table() if name.lower().partition("-")[0] == primary), None)


def is_listed(language: str) -> bool:
    """Tell whether the language is in the public table or falls back to one of the same language (REST asks this)."""
    return find_language(language) is not None


def legacy_voice(name: str) -> tuple[str, int] | None:
    """Give language and style of an old voice name (any case); None when it never existed."""
    return _by_name().get(name.strip().lower())


def languages() -> tuple[str, ...]:
    """All languages, in the table's order."""
    return tuple(_table())


def styles(language: str) -> tuple[int, ...]:
    """The styles of a language as the table writes it, ascending; empty for others."""
    return tuple(_table().get(language, {}))


def _gender(text: str) -> Gender | None:
    match text:
        case "female" | "male":
            return text
        case "":
            return None
        case _:
            raise ValueError(f"voices.csv: {text!r} is no gender")


def _rows() -> list[dict[str, str]]:
    text = files("ringline.speech").joinpath("voices.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _table() -> dict[str, dict[int, _Row]]:
    table: dict[str, dict[int, _Row]] = {}
    for row in _rows():
        table.setdefault(row["language"], {})[int(row["style"])] = _Row(
            _gender(row["standard"]), _gender(row["premium"]), row["ssml"] == "yes", row["name"]
        )
    return table


@cache
def _by_tag() -> dict[str, str]:
    return {name.lower(): name for name in _table()}


@cache
def _by_name() -> dict[str, tuple[str, int]]:
    names = dict(_RETIRED)
    for row in _rows():
        if row["name"]:
            # Nora and Henrik stand in both nb-NO and its alias no-NO; the first row wins.
            names.setdefault(row["name"].lower(), (row["language"], int(row["style"])))
    return names
