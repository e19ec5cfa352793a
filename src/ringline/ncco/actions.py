"""The actions by name. A new action is a new module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from ringline.ncco.connect import Connect
from ringline.ncco.conversation import Conversation
from ringline.ncco.input import Input
from ringline.ncco.notify import Notify
from ringline.ncco.options import Options
from ringline.ncco.pay import Pay
from ringline.ncco.record import Record
from ringline.ncco.stream import Stream
from ringline.ncco.talk import Talk
from ringline.ncco.transfer import Transfer
from ringline.ncco.wait import Wait

ACTIONS: Final[Mapping[str, type[Options]]] = {
    "connect": Connect,
    "conversation": Conversation,
    "input": Input,
    "notify": Notify,
    "pay": Pay,
    "record": Record,
    "stream": Stream,
    "talk": Talk,
    "transfer": Transfer,
    "wait": Wait,
}
"By the value of `action`."

Action = Annotated[
    Connect | Conversation | Input | Notify | Pay | Record | Stream | Talk | Transfer | Wait,
    Field(discriminator="action"),
]
"Any one action."
