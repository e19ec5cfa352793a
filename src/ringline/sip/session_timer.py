"""Session timers: agreeing how often a call proves that it is alive, and who does it (RFC 4028)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip.contact import read_seconds
from ringline.sip.message import Request, Response
from ringline.sip.params import Params

SHORTEST_S: Final = 90
"The least interval the standard allows, and the one we allow (RFC 4028 section 4)."


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The value of `Session-Expires`."""

    seconds: int
    refresher: str | None = None
    "`uac` or `uas`, seen from the transaction it stands in; None leaves it open."

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """Read it.

        Raises:
            RemoteProtocolError: it is no number.
        """
        number, _, params = text.partition(";")
        seconds = read_seconds(number)
        if seconds is None:
            raise RemoteProtocolError("Session-Expires is no number")
        refresher = (Params.parse(params).get("refresher") or "").lower()
        return cls(seconds, refresher if refresher in ("uac", "uas") else None)

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What was agreed about a session's life."""

    interval_s: int
    we_refresh: bool


class TooBrief(RemoteProtocolError):
    """The interval asked for is too short: 422 with our `Min-SE`."""

    def __init__(self) -> None:
        super().__init__("the session interval is too small", sip_status=422)


def read_session_expires(message: Request | Response) -> SessionExpires | None:
    """The header, if it is there.

    Raises:
        RemoteProtocolError: it cannot be read.
    """
    value = message.headers.get("Session-Expires")
    return SessionExpires.parse(value) if value is not None else None


def answer_terms(request: Request, *, wanted_s: int) -> tuple[SessionTerms, SessionExpires] | None:
    """What to agree to as the one who is asked, and what to write into the 2xx; None: no session timer.

    Their interval counts; without one ours does, if they know session timers at all. Who does not know them but got
    the header from a proxy is refreshed by us.

    Raises:
        TooBrief: they want less than we allow.
        RemoteProtocolError: the header cannot be read.
    """
    asked = read_session_expires(request)
    knows = "timer" in request.headers.tokens("Supported")
    if asked is None and not knows:
        return None
    if asked is not None and asked.seconds < SHORTEST_S and knows:
        raise TooBrief
    least = max(SHORTEST_S, request.number("Min-SE") or 0)
    interval = max(asked.seconds if asked is not None else wanted_s, least)
    refresher = "uas" if not knows or asked is None else asked.refresher or "uac"
    return SessionTerms(interval, refresher == "uas"), SessionExpires(interval, refresher)


def accepted_terms(response: Response) -> SessionTerms | None:
    """What a 2xx to our request agreed to; None when the far end wants no session timer."""
    try:
        answered = read_session_expires(response)
    except RemoteProtocolError:
        return None
    if answered is None:
        return None
    return SessionTerms(max(answered.seconds, SHORTEST_S), answered.refresher != "uas")
