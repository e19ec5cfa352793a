"""The numbers an account owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ringline.base import ApplicationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Where calls to a number are connected straight to, without asking an application (`voiceCallbackType`)."""

    kind: Literal["sip", "tel"]
    target: str
    "A SIP URI for `sip`, a number in E.164 without `+` for `tel`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number people can call, and the application it belongs to."""

    msisdn: str
    "Digits only, in E.164 without `+`; short internal numbers of an installation are allowed too."
    country: str | None = None
    "Two capital letters (ISO 3166-1), where known."
    application_id: ApplicationId | None = None
    "None: calls to it are refused, unless they are forwarded."
    forward: Forward | None = None
    "Wins over the application."
    status_callback: str | None = None
    "`voiceStatusCallback`: hears about the end of every inbound call to the number, besides the application."
