"""How a leg ended: decided once, where the fact is known; webhooks, records and metrics read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from ringline.calls.status import Status


class Side(StrEnum):
    """Who ended it, as `disconnected_by` says it."""

    FAR = "user"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The end of a leg."""

    ENUMS: ClassVar = {"status": Status, "side": Side}

    status: Status
    side: Side
    detail: str | None = None
    "Only with `unanswered`, `rejected` and `failed`."
    sip_code: int | None = None
    "The final SIP code of the leg, where it has one."
    why: str = ""
    "For people and logs: what happened in our own words."


_BY_CODE: Final[dict[int, tuple[Status, str | None]]] = {
    **dict.fromkeys((400, 401, 405, 407, 415, 420, 488, 491, 606), (Status.FAILED, "internal_error")),
    **dict.fromkeys((402, 403, 423, 608), (Status.REJECTED, "restricted")),
    404: (Status.FAILED, "cannot_route"),
    **dict.fromkeys((406, 484, 485, 416), (Status.REJECTED, "invalid_number")),
    408: (Status.UNANSWERED, "carrier_timeout"),
    **dict.fromkeys((410, 604), (Status.FAILED, "number_out_of_service")),
    480: (Status.UNANSWERED, "unavailable"),
    **dict.fromkeys((486, 600), (Status.BUSY, None)),
    487: (Status.UNANSWERED, "unavailable"),
    **dict.fromkeys((500, 501, 502, 503, 505, 513, 580), (Status.FAILED, "internal_error")),
    504: (Status.UNANSWERED, "carrier_timeout"),
    **dict.fromkeys((603, 607), (Status.REJECTED, "declined")),
}
_BY_Q850: Final[dict[int, tuple[Status, str | None]]] = {
    1: (Status.FAILED, "number_out_of_service"),
    17: (Status.BUSY, None),
    18: (Status.UNANSWERED, "unavailable"),
    19: (Status.UNANSWERED, "unavailable"),
    21: (Status.REJECTED, "declined"),
    27: (Status.UNANSWERED, "unavailable"),
    28: (Status.REJECTED, "invalid_number"),
}
_REFINED_BY_Q850: Final = frozenset({480, 503})
_REFUSAL: Final[dict[Status, int]] = {Status.BUSY: 486, Status.REJECTED: 603, Status.FAILED: 503}


def of_sip(code: int, q850: int | None = None) -> Verdict:
    """Judge the final response to our INVITE, with the `Reason: Q.850;cause=` it may carry."""
    known = _BY_CODE.get(code)
    if q850 in _BY_Q850 and (known is None or code in _REFINED_BY_Q850):
        known = _BY_Q850[q850]
    if known is None:
        if 300 <= code < 400:
            known = (Status.FAILED, "cannot_route")
        elif code >= 600:
            known = (Status.REJECTED, "restricted")
        else:
            known = (Status.FAILED, "internal_error")
    status, detail = known
    return Verdict(status=status, side=Side.FAR, detail=detail, sip_code=code, why=f"the far end answered {code}")


def no_response() -> Verdict:
    """Nothing came back at all, or the far end cannot be reached."""
    return Verdict(status=Status.UNANSWERED, side=Side.FAR, detail="carrier_timeout", sip_code=408, why="no response")


def no_route(why: str) -> Verdict:
    """No trunk, name or permission for this destination."""
    return Verdict(status=Status.FAILED, side=Side.PLATFORM, detail="cannot_route", why=why)


def unavailable(why: str) -> Verdict:
    """The far end is known, but nowhere to be found now."""
    return Verdict(status=Status.UNANSWERED, side=Side.FAR, detail="unavailable", why=why)


def invalid_number(why: str) -> Verdict:
    """The destination is no number we could dial."""
    return Verdict(status=Status.REJECTED, side=Side.PLATFORM, detail="invalid_number", why=why)


def rejected(why: str) -> Verdict:
    """A limit of ours forbids the leg."""
    return Verdict(status=Status.REJECTED, side=Side.PLATFORM, detail="restricted", why=why)


def declined(why: str) -> Verdict:
    """The person called pressed the red button, where there is no SIP to say so."""
    return Verdict(status=Status.REJECTED, side=Side.FAR, detail="declined", why=why)


def internal_error(why: str, *, sip_code: int | None = 503) -> Verdict:
    """We failed before the leg was up."""
    return Verdict(status=Status.FAILED, side=Side.PLATFORM, detail="internal_error", sip_code=sip_code, why=why)


def timed_out() -> Verdict:
    """Our ringing timer expired."""
    return Verdict(status=Status.TIMEOUT, side=Side.PLATFORM, why="nobody answered in time")


def cancelled(side: Side, why: str) -> Verdict:
    """The originator gave up before the answer."""
    return Verdict(status=Status.CANCELLED, side=side, why=why)


def completed(side: Side, why: str, *, sip_code: int | None = 200) -> Verdict:
    """An answered leg ended."""
    return Verdict(status=Status.COMPLETED, side=side, sip_code=sip_code, why=why)


def refusal_code(verdict: Verdict) -> int:
    """The SIP code with which a caller who was never answered hears of this end."""
    if verdict.status is Status.CANCELLED:
        return 603
    return _REFUSAL.get(verdict.status, 480)
