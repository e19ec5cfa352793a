"""Ids as types, so that a leg cannot be taken for a conversation."""

from __future__ import annotations

import re
from typing import NewType

from ringline.base.random import Random, uuid4

LegId = NewType("LegId", str)
"A version 4 UUID with dashes, lower case; `/v1/calls/{uuid}` shows it."
ConversationId = NewType("ConversationId", str)
"`CON-` and a UUID."
ApplicationId = NewType("ApplicationId", str)
"A UUID."
EffectId = NewType("EffectId", str)
"Names one command of the heart (a prompt, a request, a recording); its result comes back under the same id."

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def new_leg_id(random: Random) -> LegId:
    """A name for a leg that begins."""
    return LegId(uuid4(random))


def new_conversation_id(random: Random) -> ConversationId:
    """A name for a conversation that begins."""
    return ConversationId("CON-" + uuid4(random))


def read_leg_id(text: str) -> LegId | None:
    """Read a leg id as people write it (any case, dashes optional); None when it is no UUID."""
    text = text.lower()
    if not _UUID.fullmatch(text):
        return None
    digits = text.replace("-", "")
    return LegId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
