"""The `record` action."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import Flag, Method, Name, Number, Url, expected, read_choice, read_optional_choice
from ringline.ncco.transcription import Transcription


def _check_key(key: str) -> str:
    if len(key) != 1 or key not in "0123456789*#":
        raise expected("one of 0-9, * and #")
    return key


class Record(Options):
    """Record the leg's conversation (Voice API, NCCO reference: record)."""

    action: Literal["record"] = "record"
    channels: Annotated[int | None, Number(1, 32, whole=True)] = None
    "One per leg in order of joining; asks for `split`. None: as `split` says."
    split: Annotated[Literal["conversation"] | None, BeforeValidator(read_optional_choice)] = Field(
        default=None, validate_default=True
    )
    "`conversation`: what the first caller says and hears, or one channel a leg."
    format: Annotated[Literal["mp3", "wav", "ogg"], BeforeValidator(read_choice)] = Field(
        default="mp3", validate_default=True
    )
    "mp3 has room for two channels; with more it becomes wav."
    end_on_silence: Annotated[float | None, Number(3, 10)] = None
    "Seconds of silence that end it."
    end_on_key: Annotated[Name, AfterValidator(_check_key)] | None = None
    "One of `0`-`9`, `*` and `#`."
    timeout: Annotated[float | None, Number(3, 7200)] = Field(default=None, alias="timeOut")
    "Seconds it lasts at most."
    beep_start: Flag = False
    event_url: Url = None
    event_method: Method = "POST"
    transcription: Transcription | None = None

    OTHER_NAMES: ClassVar[Names] = {"eventMethod": ("eventUrlMethod",)}

    @field_validator("split", mode="after")
    @classmethod
    def _split_follows_channels(cls, split: str | None, info: ValidationInfo) -> str | None:
        return "conversation" if info.data.get("channels") else split

    @field_validator("format", mode="after")
    @classmethod
    def _mp3_has_two_channels(cls, container: str, info: ValidationInfo) -> str:
        return "wav" if container == "mp3" and (info.data.get("channels") or 0) > 2 else container

    @property
    def has_end(self) -> bool:
        """True when a condition ends it, so that the next action waits for it."""
        return not (self.end_on_silence is None and self.end_on_key is None and self.timeout is None)
