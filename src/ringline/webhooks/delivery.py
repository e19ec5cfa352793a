"""Whose turn it is after a webhook went well or not: retries, the fallback URL, and what comes of it all.

A delivery is driven by hand: `poll` says what to do next, `replied` and `failed` tell what came of it.

    while not isinstance(step := delivery.poll(), Outcome):
        match step:
            case Attempt(): send it, then delivery.replied(status, body) or delivery.failed(reason)
            case Fault(): send an error webhook with step.reason
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from ringline.base import LocalProtocolError, RinglineError
from ringline.webhooks.requests import Hook

T = TypeVar("T")

CONNECTION_CLOSED: Final = "Connection closed."
CONNECTION_RESET: Final = "Connection reset."
SOCKET_TIMEOUT: Final = "Socket timeout."
INVALID_NCCO: Final = "Invalid NCCO."
INVALID_RESPONSE_CODE: Final = "Invalid response code."
"The five values of a fallback request's `reason`."
TOO_LONG: Final = "Syntax error in NCCO. Invalid value type or action. The answer is too long: 1 MiB is the most."

_TRY_AGAIN_STATUSES: Final = (429, 503, 504)


class Kind(Enum):
    """How much depends on the answer."""

    ANSWER = "answer"
    "Answer, onAnswer and transfer URLs: a script must come back; `[]` is one, `OK` is not."
    EVENT = "event"
    "`input`, `notify` and a synchronous connect's outcomes: a script may come back, silence means go on."
    REMARK = "remark"
    "`human`, `machine` and `disconnected`: as EVENT, but a refusal by status is only logged."
    NOTIFICATION = "notification"
    "All others: the body does not matter, there is no fallback."


class Phase(Enum):
    """Which request is under way."""

    FIRST = "first attempt"
    SECOND = "second attempt"
    FALLBACK = "fallback"
    FALLBACK_AGAIN = "fallback, second attempt"
    DONE = "done"
    FAILED = "failed"


class Result(Enum):
    """What came of a request."""

    GOOD = "an answer we can go on with"
    INVALID = "an answer with an invalid script"
    UNREACHED = "no answer, or 429, 503, 504"
    REFUSED = "any other status outside 2xx"


Table = Mapping[tuple[Phase, Result], Phase]

_WITH_FALLBACK: Final[Table] = {
    (Phase.FIRST, Result.GOOD): Phase.DONE,
    (Phase.FIRST, Result.UNREACHED): Phase.SECOND,
    (Phase.FIRST, Result.REFUSED): Phase.FALLBACK,
    (Phase.FIRST, Result.INVALID): Phase.FALLBACK,
    (Phase.SECOND, Result.GOOD): Phase.DONE,
    (Phase.SECOND, Result.UNREACHED): Phase.FALLBACK,
    (Phase.SECOND, Result.REFUSED): Phase.FALLBACK,
    (Phase.SECOND, Result.INVALID): Phase.FALLBACK,
    (Phase.FALLBACK, Result.GOOD): Phase.DONE,
    (Phase.FALLBACK, Result.UNREACHED): Phase.FALLBACK_AGAIN,
    (Phase.FALLBACK, Result.REFUSED): Phase.FALLBACK_AGAIN,
    (Phase.FALLBACK, Result.INVALID): Phase.FAILED,
    (Phase.FALLBACK_AGAIN, Result.GOOD): Phase.DONE,
    (Phase.FALLBACK_AGAIN, Result.UNREACHED): Phase.FAILED,
    (Phase.FALLBACK_AGAIN, Result.REFUSED): Phase.FAILED,
    (Phase.FALLBACK_AGAIN, Result.INVALID): Phase.FAILED,
}
_REMARK: Final[Table] = {
    **_WITH_FALLBACK,
    (Phase.FIRST, Result.REFUSED): Phase.FAILED,
    (Phase.SECOND, Result.REFUSED): Phase.FAILED,
}
_NOTIFICATION: Final[Table] = {
    (Phase.FIRST, Result.GOOD): Phase.DONE,
    (Phase.FIRST, Result.UNREACHED): Phase.SECOND,
    (Phase.FIRST, Result.REFUSED): Phase.FAILED,
    (Phase.SECOND, Result.GOOD): Phase.DONE,
    (Phase.SECOND, Result.UNREACHED): Phase.FAILED,
    (Phase.SECOND, Result.REFUSED): Phase.FAILED,
}
TABLES: Final[Mapping[Kind, Table]] = {
    Kind.ANSWER: _WITH_FALLBACK,
    Kind.EVENT: _WITH_FALLBACK,
    Kind.REMARK: _REMARK,
    Kind.NOTIFICATION: _NOTIFICATION,
}
"What follows what. Without a fallback URL, `FAILED` stands where `FALLBACK` is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Generic[T]):
    """How scripts are read; the engine gives `ringline.ncco.parse` and `looks_like_ncco`."""

    parse: Callable[[bytes], T]
    "Raises a `RinglineError` whose text is the reason for the error webhook."
    looks_like_script: Callable[[bytes], bool]
    "Whether the body of an event's answer is meant as a script at all."


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Send this now, and tell what came of it."""

    hook: Hook
    payload: Mapping[str, Any]
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Tell the application with an error webhook; the delivery goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The delivery is over."""


@dataclass(frozen=True, slots=True)
class Instructions(Outcome[T]):
    """A script came back."""

    ncco: T


@dataclass(frozen=True, slots=True)
class NoInstructions(Outcome[T]):
    """It was received, and nothing came back: go on."""


@dataclass(frozen=True, slots=True)
class GaveUp(Outcome[T]):
    """It failed for good. For an answer the call ends, for all others it goes on."""

    reason: str
    "One of the five of a fallback request."


class Delivery(Generic[T]):
    """One webhook on its way (webhook reference: timeouts, retries, fallback)."""

    def __init__(
        self,
        kind: Kind,
        *,
        primary: Hook,
        payload: Mapping[str, Any],
        reader: Reader[T] | None = None,
        fallback: Hook | None = None,
    ) -> None:
        """Prepare to deliver `payload` to `primary`.

        `reader` is needed by every kind but notifications; `fallback` is the application's `fallback_answer_url`.
        """
        if reader is None and kind is not Kind.NOTIFICATION:
            raise LocalProtocolError("only a notification can do without a reader")
        self.kind = kind
        self.phase = Phase.FIRST
        self._primary = primary
        self._fallback = None if kind is Kind.NOTIFICATION else fallback
        self._payload = payload
        self._reader = None if kind is Kind.NOTIFICATION else reader
        self._reason = ""
        self._last_was_told = False
        self._waiting = False
        self._out: deque[Attempt | Fault | Outcome[T]] = deque()
        self._try()

    def poll(self) -> Attempt | Fault | Outcome[T] | None:
        """The next thing to do; None while an attempt is under way, and after the outcome."""
        return self._out.popleft() if self._out else None

    def replied(self, status: int, body: bytes, *, too_long: bool = False) -> None:
        """The attempt got an answer; `too_long` says that there was more of it than anybody reads.

        Raises:
            LocalProtocolError: no attempt is under way.
        """
        self._take_turn()
        if not 200 <= status < 300:
            self._reason = INVALID_RESPONSE_CODE
            self._advance(Result.UNREACHED if status in _TRY_AGAIN_STATUSES else Result.REFUSED)
            return
        outcome = self._read(body, too_long=too_long)
        if outcome is None:
            self._reason = INVALID_NCCO
            self._advance(Result.INVALID)
        else:
            self._advance(Result.GOOD, outcome)

    def failed(self, reason: str) -> None:
        """The attempt got no answer; `reason` is one of the connection's three.

        Raises:
            LocalProtocolError: no attempt is under way.
        """
        self._take_turn()
        self._reason = reason
        self._advance(Result.UNREACHED)

    def _take_turn(self) -> None:
        if not self._waiting:
            raise LocalProtocolError("no attempt is under way")
        self._waiting = False
        self._last_was_told = False

    def _read(self, body: bytes, *, too_long: bool) -> Outcome[T] | None:
        """Give what an accepted answer means; None when its script is invalid."""
        if self._reader is None:
            return NoInstructions()
        if too_long:
            # The beginning tells whether a script is meant: a long page of HTML is no more than `OK`.
            if self.kind is not Kind.ANSWER and not body.lstrip(b" \t\r\n\xef\xbb\xbf").startswith((b"[", b"{")):
                return NoInstructions()
            self._out.append(Fault(reason=TOO_LONG))
            self._last_was_told = True
            return None
        if self.kind is not Kind.ANSWER and not self._reader.looks_like_script(body):
            return NoInstructions()
        try:
            return Instructions(self._reader.parse(body))
        except RinglineError as error:
            self._out.append(Fault(reason=str(error)))
            self._last_was_told = True
            return None

    def _advance(self, result: Result, outcome: Outcome[T] | None = None) -> None:
        self.phase = TABLES[self.kind][self.phase, result]
        if self.phase is Phase.FALLBACK and self._fallback is None:
            self.phase = Phase.FAILED
        if self.phase is Phase.DONE:
            self._out.append(outcome or NoInstructions())
        elif self.phase is Phase.FAILED:
            if self.kind is Kind.ANSWER and not self._last_was_told:
                self._out.append(Fault(reason=f"{self._reason} No NCCO from {_place(self._primary.url)}."))
            self._out.append(GaveUp(self._reason))
        else:
            if self.phase is Phase.FALLBACK:
                self._payload = {
                    **self._payload,
                    "reason": self._reason,
                    "original_request": {
                        "url": self._primary.url,
                        "type": "answer" if self.kind is Kind.ANSWER else "event",
                    },
                }
            self._try()

    def _try(self) -> None:
        hook = self._primary
        if self.phase in (Phase.FALLBACK, Phase.FALLBACK_AGAIN) and self._fallback is not None:
            hook = self._fallback
        self._out.append(Attempt(hook=hook, payload=self._payload, phase=self.phase))
        self._waiting = True


def _place(url: str) -> str:
    """A URL as far as it may be told: without credentials and query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
