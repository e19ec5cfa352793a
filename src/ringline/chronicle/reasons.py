"""How a leg ended, in the words of conversation events (conversation reference, 2.4; endpoints reference, 1.1)."""

from __future__ import annotations

from typing import Final

from ringline.calls.facts import LegView

_BY_CODE: Final = {
    400: "address_incomplete",
    401: "forbidden",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "failed",
    407: "forbidden",
    408: "request_timeout",
    410: "gone",
    414: "address_incomplete",
    416: "not_found",
    420: "bad_extension",
    421: "bad_extension",
    480: "temporarily_unavailable",
    484: "address_incomplete",
    486: "busy_here",
    487: "request_terminated",
    500: "server_internal_error",
    501: "not_implemented",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "server_timeout",
    505: "version_not_supported",
    513: "server_internal_error",
    600: "busy",
    603: "rejected",
    604: "not_found",
    607: "rejected",
    608: "rejected",
}
_BY_STATUS: Final = {
    "completed": "ok",
    "busy": "busy",
    "cancelled": "cancelled",
    "timeout": "timeout",
    "rejected": "rejected",
    "unanswered": "temporarily_unavailable",
}
_BY_DETAIL: Final = {
    "cannot_route": "not_found",
    "carrier_timeout": "request_timeout",
    "invalid_number": "address_incomplete",
}
_OUR_OWN: Final = frozenset({"completed", "timeout", "cancelled"})
"Here the status says it; a code, if there is one, is of our own making."


def reason_of(view: LegView) -> str:
    """The `reason` of a leg's end: `ok`, `busy_here`, `timeout` …"""
    if view.status in _OUR_OWN:
        return _BY_STATUS[view.status]
    if view.sip_code in _BY_CODE:
        return _BY_CODE[view.sip_code]
    return _BY_DETAIL.get(view.detail or "") or _BY_STATUS.get(view.status, "failed")


def state_of(view: LegView) -> dict[str, object]:
    """The `state` object of a leg."""
    if view.ended_at is None:
        status = "answered" if view.status == "machine" else view.status
        return {"status": status}
    reason = reason_of(view)
    return {"status": "completed", "successful": reason == "ok", "reason": reason}


def status_for_clients(view: LegView) -> str:
    """A leg's status in the words client libraries know; they have none for a call that nobody took."""
    return "timeout" if view.status == "unanswered" else view.status
