"""The `talk` action."""

from __future__ import annotations

import html
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator

from ringline.ncco.options import Options
from ringline.ncco.scalars import Flag, Number, OptionalName, Text, expected

MAX_SPOKEN_CHARACTERS: Final = 1500

_MAX_WRITTEN_CHARACTERS: Final = 50_000
"With all its tags; far more than tags for 1500 characters need."

_TAG = re.compile(r"<[^<>]*>")


def spoken_length(text: str) -> int:
    """Count the characters that are spoken: code points without SSML tags, entities as the character they stand for.

    Text is SSML when it begins with `<speak`; in any other text tags count like everything else.
    """
    stripped = text.strip()
    if stripped.startswith("<speak"):
        stripped = html.unescape(_TAG.sub("", stripped)).strip()
    return len(stripped)


def _check_length(text: str) -> str:
    length = len(text) if len(text) > _MAX_WRITTEN_CHARACTERS else spoken_length(text)
    if length == 0:
        raise expected("text to speak")
    if length > MAX_SPOKEN_CHARACTERS:
        raise expected(f"at most {MAX_SPOKEN_CHARACTERS} characters without SSML tags")
    return text


class Talk(Options):
    """Speak text into the conversation (Voice API, NCCO reference: talk)."""

    action: Literal["talk"] = "talk"
    text: Annotated[Text, AfterValidator(_check_length)]
    "Plain text, or SSML inside `<speak>`."
    barge_in: Flag = False
    loop: Annotated[int, Number(0, whole=True)] = 1
    "How often it is spoken; 0 repeats until something ends it."
    level: Annotated[float, Number(-1, 1, digits=1)] = 0
    "Volume from -1 to 1."
    language: OptionalName = None
    "BCP 47, any case; None when not given, which means `en-US` (or what `voice_name` says)."
    style: Annotated[int | None, Number(0, whole=True)] = None
    "Which voice of the language; None when not given, which means 0."
    premium: Flag = False
    voice_name: OptionalName = None
    "Deprecated name of a voice; counts only if neither `language` nor `style` is given."
    provider: OptionalName = None
    "The speech engine the application would like."
    provider_options: dict[str, Any] | None = None
