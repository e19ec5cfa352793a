"""The `wait` action."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import Number


class Wait(Options):
    """Do nothing for a while; the leg hears silence (Voice API, NCCO reference: wait)."""

    action: Literal["wait"] = "wait"
    timeout: Annotated[float, Number(0.1, 7200)] = 10
    "Seconds."

    OTHER_NAMES: ClassVar[Names] = {"timeout": ("timeOut", "time_out")}
