"""What phones hear, as text on a timeline."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import LegId
from ringline.testing.voice import SECONDS_PER_CHARACTER


@dataclass(eq=False, slots=True, kw_only=True)
class Sound:
    """Something audible: a prompt, a tone, or a person speaking."""

    kind: str
    "`speech`, `file`, `tone`, `person`, or `audio` when it carries no text."
    text: str
    "The words spoken, the file's label, or the tone's name."
    speaker: LegId | None = None
    "Whose voice it is; None for prompts."
    level_db: float = 0.0
    length_s: float = 0.0
    "One round of it; grows while a prompt is still being fed."
    round_s: float = 0.0
    "The length of one round where all rounds are fed one after the other, as those of files are; 0 until that is seen."
    position_s: float = 0.0
    "How far it had come at `since`, rounds before included."
    since: float = 0.0
    finished: bool = False
    "It came to its own end."
    confidence: float = 0.9
    "How sure a recogniser is of it."

    def at(self, now: float) -> float:
        """How far it has come."""
        return self.position_s + now - self.since


@dataclass(eq=False, slots=True, kw_only=True)
class Heard:
    """One sound as one phone heard it: from when to when, and how much of it."""

    sound: Sound
    began: float
    "Monotonic seconds."
    offset_s: float
    "How far the sound had come when this phone began to hear it."
    ended: float | None = None
    "None while it is still heard."
    finished: bool = False
    "It was heard to its own end, not cut."

    @property
    def kind(self) -> str:
        return self.sound.kind

    @property
    def text(self) -> str:
        """All that the sound says, heard or not."""
        return self.sound.text

    @property
    def cut(self) -> bool:
        """It stopped before its end."""
        return self.ended is not None and not self.finished

    def seconds(self, now: float) -> float:
        """How long it has been heard."""
        return (now if self.ended is None else self.ended) - self.began

    def words(self, now: float) -> str:
        """The part of the text that was really heard (a sound in a loop: of its first round)."""
        if self.kind not in ("speech", "person"):
            return self.text
        end = self.offset_s + self.seconds(now)
        return self.text[_characters(self.offset_s) : _characters(end)]

    def rounds(self, now: float) -> float:
        """How often it was heard, for sounds in a loop: 2.5 is two and a half times."""
        one = self.sound.round_s or self.sound.length_s
        return self.seconds(now) / one if one else 0.0

    def spoken_at(self, words: str, *, after: int = 0) -> float | None:
        """When these words have been (or will have been) heard to their end; None when it does not say them.

        The first `after` characters of the text are passed over.
        """
        start = self.text.find(words, after)
        if start < 0:
            return None
        if self.kind not in ("speech", "person"):
            return self.began
        moment = self.began + (start + len(words)) * SECONDS_PER_CHARACTER - self.offset_s
        if start * SECONDS_PER_CHARACTER < self.offset_s - 1e-6:
            return None  # it had begun before this phone could hear it
        return moment if self.ended is None or moment <= self.ended + 1e-6 else None


def _characters(seconds: float) -> int:
    return int(seconds / SECONDS_PER_CHARACTER + 1e-6)
