"""The `transfer` action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator
from pydantic_core.core_schema import ValidationInfo

from ringline.base import read_leg_id
from ringline.ncco.options import Options
from ringline.ncco.scalars import Flag, LegIds, Name


def _with_prefix(conversation: str) -> str:
    """Old examples write a conversation's id without its prefix."""
    uuid = read_leg_id(conversation)
    return f"CON-{uuid}" if uuid else conversation


class Transfer(Options):
    """Move all legs of this conversation into another (Voice API, NCCO reference: transfer)."""

    action: Literal["transfer"] = "transfer"
    conversation_id: Annotated[Name, AfterValidator(_with_prefix)]
    "`CON-` and a UUID."
    can_hear: LegIds = None
    "Whom the moved legs hear; None: everybody, empty: nobody."
    can_speak: LegIds = None
    "Who hears the moved legs; None: everybody, empty: nobody."
    mute: Flag = False
    "Not with `can_speak`: a list that is not empty wins."

    @field_validator("mute")
    @classmethod
    def _can_speak_wins(cls, mute: bool, info: ValidationInfo) -> bool:
        return mute and not info.data.get("can_speak")
