"""Why something ended: status texts and the Reason header (RFC 3326)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringline.sip.headers import Headers
from ringline.sip.params import Params, quote

STATUS_TEXTS: Final[dict[int, str]] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}


def status_text(status: int) -> str:
    """The usual words for a status; those of its class for one we do not know."""
    return STATUS_TEXTS.get(status) or STATUS_TEXTS.get(status // 100 * 100) or "Unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of the Reason header."""

    protocol: str
    "`SIP` or `Q.850`, upper case."
    cause: int | None
    "A SIP status, or a cause of the telephone network."
    text: str | None = None

    @classmethod
    def parse(cls, value: str) -> Reason:
        """Read one value; what cannot be read is left out, nothing raises."""
        protocol, _, rest = value.partition(";")
        params = Params.parse(rest)
        number = params.get("cause") or ""
        known = number.isascii() and number.isdigit() and len(number) <= 3
        return cls(protocol.strip().upper(), int(number) if known else None, params.get("text"))

    def __str__(self) -> str:
        cause = f";cause={self.cause}" if self.cause is not None else ""
        text = f";text={quote(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}"


def read_reasons(headers: Headers) -> tuple[Reason, ...]:
    """Every Reason of a message."""
    return tuple(Reason.parse(value) for value in headers.split("Reason"))


def read_reason(headers: Headers) -> tuple[str | None, int | None]:
    """The text and the Q.850 cause of the Reason headers; None for what is not there."""
    text: str | None = None
    cause: int | None = None
    for reason in read_reasons(headers):
        text = reason.text or text
        if reason.protocol == "Q.850" and reason.cause is not None:
            cause = reason.cause
    return text, cause


_Q850_OF_STATUS: Final[dict[int, int]] = {
    200: 16,
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    408: 102,
    410: 22,
    480: 18,
    484: 28,
    486: 17,
    487: 16,
    488: 65,
    500: 41,
    502: 38,
    503: 34,
    504: 102,
    600: 17,
    603: 21,
    604: 1,
    606: 65,
}


def q850_reason(status: int) -> Reason:
    """The cause of the telephone network that says what a SIP status says (RFC 3398 section 8.2.6.1, RFC 6432)."""
    return Reason("Q.850", _Q850_OF_STATUS.get(status, 127))


def write_reason(status: int, text: str) -> str:
    """A Reason value that says why we end something."""
    return str(Reason("SIP", status, text))


def read_retry_after(headers: Headers) -> int | None:
    """Seconds to leave the sender alone (`Retry-After: 120 (maintenance);duration=60`); None when it does not say."""
    text = (headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
    return min(int(text), 86_400) if text.isascii() and text.isdigit() and len(text) <= 10 else None
