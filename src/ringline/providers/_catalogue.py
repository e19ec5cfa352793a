"""The voices a service says it has, and which of them a row of the public table means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringline.speech import Gender, VoiceChoice

_SAME: Final = {
    "arb": "ar", "ar-xa": "ar", "zh-cn": "cmn-cn", "zh-tw": "cmn-tw", "zh-hk": "yue-cn", "yue-hk": "yue-cn",
    "no-no": "nb-no", "iw-il": "he-il",
}  # fmt: skip
"Tags that mean the same language; services and the table differ in them."
_SHIFTS_PERCENT: Final = (0, 8, -8, 14, -14)
"By how much the pitch of a voice is moved when there are more styles than voices."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceVoice:
    """One voice of a service."""

    id: str
    "As requests name it."
    languages: tuple[str, ...]
    "BCP 47; the first is its own."
    gender: Gender
    premium: bool = False
    "Whether it is one of the service's better ones."
    kind: str = ""
    "For the engine's own use."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Who speaks."""

    voice: ServiceVoice
    language: str
    "The tag under which the service has it."
    pitch_percent: int = 0
    "Moves the pitch, so that two styles that share a voice sound different."


class Catalogue:
    """All voices of a service."""

    def __init__(self, voices: Iterable[ServiceVoice]) -> None:
        self._voices = tuple(sorted(voices, key=lambda voice: voice.id))
        self._by_id = {voice.id.lower(): voice for voice in self._voices}

    def __len__(self) -> int:
        return len(self._voices)

    def pick(self, choice: VoiceChoice, *, named: str | None = None) -> Pick | None:
        """Choose the voice: the one `named`, the one of the style's old name, else by language, gender and tier.

        The same language and gender come first, then the same language, then the same language of another country.
        None when nobody speaks it.
        """
        wanted = _canonical(choice.language)
        if named is not None and (asked := self._by_id.get(named.strip().lower())) is not None:
            return Pick(voice=asked, language=_tag(asked, wanted))
        namesake = self._by_id.get(choice.name.lower()) if choice.name else None
        if namesake is not None and not choice.premium and _speaks(namesake, wanted):
            return Pick(voice=namesake, language=_tag(namesake, wanted))
        exact = [voice for voice in self._voices if _speaks(voice, wanted)]
        above = [voice for voice in self._voices if _speaks(voice, wanted.rpartition("-")[0])]  # en-GB for en-GB-SCT
        near = [voice for voice in self._voices if _primary(wanted) in map(_primary, _tags(voice))]
        for found in (exact, above, near):
            same = [voice for voice in found if voice.gender == choice.gender]
            tier = [voice for voice in same if voice.premium == choice.premium]
            candidates = tier or same
            if candidates:
                turn, index = divmod(choice.nth, len(candidates))
                return _shifted(candidates[index], wanted, turn)
            if found:
                # Nobody of that gender: another voice, moved, so that it does not sound like its own style.
                return _shifted(found[choice.nth % len(found)], wanted, 1 + choice.nth // len(found))
        return None


def _shifted(voice: ServiceVoice, wanted: str, turn: int) -> Pick:
    return Pick(voice=voice, language=_tag(voice, wanted), pitch_percent=_SHIFTS_PERCENT[turn % len(_SHIFTS_PERCENT)])


def _canonical(tag: str) -> str:
    lower = tag.lower()
    return _SAME.get(lower, lower)


def _primary(tag: str) -> str:
    return tag.partition("-")[0]


def _tags(voice: ServiceVoice) -> list[str]:
    return [_canonical(tag) for tag in voice.languages]


def _speaks(voice: ServiceVoice, wanted: str) -> bool:
    return wanted in _tags(voice)


def _tag(voice: ServiceVoice, wanted: str) -> str:
    """How the service calls the language that is wanted; the voice's own if it is not among its languages."""
    for tag in voice.languages:
        if _canonical(tag) == wanted:
            return tag
    return next((tag for tag in voice.languages if _primary(_canonical(tag)) == _primary(wanted)), voice.languages[0])
