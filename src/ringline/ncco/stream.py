"""The `stream` action."""

from __future__ import annotations

from typing import Annotated, Literal

from ringline.ncco.options import Options
from ringline.ncco.scalars import Flag, Number, RequiredUrl


class Stream(Options):
    """Play an audio file into the conversation (Voice API, NCCO reference: stream)."""

    action: Literal["stream"] = "stream"
    stream_url: RequiredUrl
    level: Annotated[float, Number(-1, 1, digits=1)] = 0
    "Volume from -1 to 1."
    barge_in: Flag = False
    loop: Annotated[int, Number(0, whole=True)] = 1
    "How often it is played; 0 repeats until something ends it."
