"""RAck: which reliable provisional response a PRACK is about (RFC 3262 section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import RemoteProtocolError
from ringline.sip.message import Request, Response


@dataclass(frozen=True, slots=True)
class RAck:
    """The response's number, and the request it answered."""

    rseq: int
    cseq: int
    method: str

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Read it.

        Raises:
            RemoteProtocolError: it is not two numbers and a method.
        """
        words = text.split()
        if len(words) != 3 or not all(word.isascii() and word.isdigit() and len(word) <= 10 for word in words[:2]):
            raise RemoteProtocolError("RAck is broken")
        return cls(int(words[0]), int(words[1]), words[2])

    @classmethod
    def of(cls, response: Response, rseq: int) -> RAck:
        """The one that acknowledges a response."""
        number, method = response.cseq
        return cls(rseq, number, method)

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


def read_rack(request: Request) -> RAck:
    """The RAck of a PRACK.

    Raises:
        RemoteProtocolError: it has none, or a broken one.
    """
    return RAck.parse(request.headers.get("RAck") or "")


def reliable_number(response: Response) -> int | None:
    """The RSeq of a provisional response that wants a PRACK; None for all others."""
    if not 100 < response.status < 200 or "100rel" not in response.headers.tokens("Require"):
        return None
    return response.number("RSeq")
