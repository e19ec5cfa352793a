"""How a call's end is told to the apps of its user: which reasons, and in which order (client SDK reference, 6.2, 6.3).

The library tells its app by the pair of `rtc:hangup` and `member:left`: which comes first matters, and so do the codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NOBODY_CAME: Final = frozenset({"timeout", "temporarily_unavailable", "request_timeout", "request_terminated"})
_DECLINED: Final = frozenset({"rejected", "busy", "busy_here"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the two events of an end say."""

    hangup: str
    "`reason.code` of `rtc:hangup`."
    left: str
    "`reason.code` of `member:left`."
    sip_code: int
    left_first: bool = False
    "`member:left` goes before `rtc:hangup`."


def ending(*, inbound: bool, answered: bool, reason: str, by_app: bool) -> Ending:
    """Choose what is told of a leg's end.

    `inbound`: the app called; `reason` as conversation events have it (`ok`, `timeout`, `rejected` …); `by_app`: its
    own user hung up or declined.
    """
    if answered or inbound:
        return _of_a_call(answered=answered, reason=reason, by_app=by_app)
    if reason in _DECLINED:
        return Ending(hangup="REMOTE_REJECTED", left="REMOTE_REJECT", sip_code=603)
    if reason == "timeout":
        return Ending(hangup="RING_TIMER", left="ring_timer", sip_code=487)
    return Ending(hangup="REMOTE_CANCEL", left="remote_cancel", sip_code=0)


def _of_a_call(*, answered: bool, reason: str, by_app: bool) -> Ending:
    if by_app:
        return Ending(hangup="LOCAL_HANGUP", left="local_hangup", sip_code=200)
    if answered or reason == "ok":
        return Ending(hangup="REMOTE_HANGUP", left="remote_hangup", sip_code=200)
    if reason in _DECLINED:
        busy = reason != "rejected"
        code = "REMOTE_BUSY" if busy else "REMOTE_REJECTED"
        return Ending(hangup=code, left="remote_rejected", sip_code=486 if busy else 603, left_first=True)
    if reason in _NOBODY_CAME:
        return Ending(hangup="REMOTE_NO_ANSWER", left="ring_timer", sip_code=408, left_first=True)
    if reason == "not_found":
        return Ending(hangup="REMOTE_NOT_FOUND", left="remote_failure", sip_code=404)
    return Ending(hangup="REMOTE_FAILURE", left="remote_failure", sip_code=500)
