"""The `connect` action."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from ringline.ncco.endpoints import Endpoint
from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import Caller, Flag, Method, Number, Url, expected, read_choice


class AdvancedMachineDetection(Options):
    """How to find out whether a machine answered."""

    behavior: Annotated[Literal["continue", "hangup"], BeforeValidator(read_choice)] = "continue"
    "What happens when it is a machine."
    mode: Annotated[Literal["default", "detect", "detect_beep"], BeforeValidator(read_choice)] = "detect"
    "`default` is a value, the asynchronous mode; it is not the default."
    beep_timeout: Annotated[float, Number(30, 120)] = Field(default=45, alias="beep_timeout")
    "Seconds to wait for the beep."

    OTHER_NAMES: ClassVar[Names] = {"beep_timeout": ("beepTimeout", "beepTimeOut"), "behavior": ("behaviour",)}


class Connect(Options):
    """Call somebody and join the new leg to this conversation (Voice API, NCCO reference: connect)."""

    action: Literal["connect"] = "connect"
    endpoint: Endpoint
    from_: Caller = Field(default=None, alias="from")
    "The caller's number without decoration; None: unknown."
    random_from_number: Flag = False
    "True: one of the application's numbers is the caller's."
    event_type: Annotated[Literal["synchronous"] | None, BeforeValidator(read_choice)] = None
    "`synchronous`: an unsuccessful outcome may be answered with a new script."
    timeout: Annotated[float, Number(1, 7200)] = 60
    "Seconds it rings."
    limit: Annotated[float, Number(1, 7200, zero=7200)] = 7200
    "Seconds the new leg lasts at most after answer."
    machine_detection: Annotated[Literal["continue", "hangup"] | None, BeforeValidator(read_choice)] = None
    advanced_machine_detection: AdvancedMachineDetection | None = None
    "Counts instead of `machine_detection`."
    event_url: Url = None
    "Where the new leg's events go; None: as the parent's."
    event_method: Method = "POST"
    ringback_tone: Url = None
    "What the caller hears until the new leg is joined."

    OTHER_NAMES: ClassVar[Names] = {"timeout": ("timeOut", "time_out"), "eventMethod": ("eventUrlMethod",)}

    @field_validator("random_from_number")
    @classmethod
    def _one_caller(cls, random: bool, info: ValidationInfo) -> bool:
        if random and info.data.get("from_") is not None:
            raise expected("not together with from")
        return random
