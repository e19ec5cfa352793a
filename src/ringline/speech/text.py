"""Texts of `talk`: is it SSML, how long does it count, and what is left without its tags."""

from __future__ import annotations

import html
import re
from typing import Final

_TAG: Final = re.compile(r"</?[A-Za-z_!?][^<>]*>?")


def is_ssml(text: str) -> bool:
    """Tell whether the text is SSML: its first non-space characters are `<speak`."""
    return text.lstrip().startswith("<speak")


def strip_tags(text: str) -> str:
    """Remove everything that looks like a tag and decode entities: what is spoken of broken SSML."""
    return html.unescape(_TAG.sub(" ", text)).strip()
