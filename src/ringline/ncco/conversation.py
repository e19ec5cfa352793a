"""The `conversation` action."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator
from pydantic_core.core_schema import ValidationInfo

from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import Flag, LegIds, Method, Name, Url
from ringline.ncco.transcription import Transcription


class Conversation(Options):
    """Move the leg into a named conversation of the application (Voice API, NCCO reference: conversation)."""

    action: Literal["conversation"] = "conversation"
    name: Name
    music_on_hold_url: Url = None
    start_on_enter: Flag = True
    "False: waits for a leg that starts the conversation."
    end_on_exit: Flag = False
    "True: the conversation ends for everybody when this leg leaves."
    record: Flag = False
    can_speak: LegIds = None
    "Who hears this leg; None: everybody, empty: nobody."
    can_hear: LegIds = None
    "Whom this leg hears; None: everybody, empty: nobody."
    mute: Flag = False
    "Not with `can_speak`: a list that is not empty wins."
    event_url: Url = None
    event_method: Method = "POST"
    transcription: Transcription | None = None
    "Only with `record`."

    OTHER_NAMES: ClassVar[Names] = {"eventMethod": ("eventUrlMethod",)}

    @field_validator("mute")
    @classmethod
    def _can_speak_wins(cls, mute: bool, info: ValidationInfo) -> bool:
        return mute and not info.data.get("can_speak")

    @field_validator("transcription")
    @classmethod
    def _needs_recording(cls, wanted: Transcription | None, info: ValidationInfo) -> Transcription | None:
        return wanted if info.data.get("record") else None
