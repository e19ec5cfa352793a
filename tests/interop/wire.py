"""A SIP peer made of one datagram socket: says exactly what a test wants, mistakes and all."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

from .sipp import header, session, status_of


class Peer:
    """A UDP socket and what one SIP call needs to remember. `with` opens it."""

    def __init__(self, server: str, *, number: str = "442079460100", host: str = "127.0.0.1") -> None:
        name, _, port = server.partition(":")
        self._server = (name, int(port))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.host, self.port = host, self._socket.getsockname()[1]
        self.number = number
        self.call_id = f"{uuid4().hex}@{host}"
        self.to_tag = ""
        self._tag = uuid4().hex[:8]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    # ── saying ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def request(
        self,
        method: str,
        *,
        cseq: int = 1,
        branch: str = "first",
        headers: Sequence[str] = (),
        body: str = "",
        user: str = "447700900123",
    ) -> str:
        """A request of this call. The same `branch` makes it the same transaction."""
        uri = f"sip:{self.number}@{self._server[0]}:{self._server[1]}"
        to_tag = f";tag={self.to_tag}" if self.to_tag and (method != "CANCEL") else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{self._tag}{branch}",
            f"From: <sip:{user}@{self.host}:{self.port}>;tag={self._tag}",
            f"To: <{uri}>{to_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:peer@{self.host}:{self.port}>",
            "Max-Forwards: 70",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body])

    def sdp(self, *, port: int, direction: str = "sendrecv") -> str:
        """A session description with PCMA at this port."""
        return session(direction, port=port).replace("[media_ip]", self.host).replace("\n", "\r\n")

    def ok(self, request: str) -> str:
        """A plain 200 to a request."""
        kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq)\s*:", line)]
        return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])

    def accept(self, invite: str, *, tag: str, body: str) -> str:
        """A 200 to an INVITE of the far end, as the phone with this tag."""
        kept = [line for line in invite.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq)\s*:", line)]
        lines = [
            "SIP/2.0 200 OK",
            *kept,
            f"To: {header(invite, 'To')};tag={tag}",
            f"Contact: <sip:{tag}@{self.host}:{self.port}>",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body])

    def send(self, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        self._socket.sendto(data, self._server)

    # ── hearing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def message(self, *, within_s: float = 5.0) -> str | None:
        """The next message; None when there is none in time."""
        self._socket.settimeout(max(within_s, 0.001))
        try:
            return self._socket.recv(65536).decode()
        except TimeoutError:
            return None

    def response(self, status: int, method: str | None = None, *, within_s: float = 30.0) -> str:
        """Wait for a response with this status; provisional ones before it are passed over.

        Raises:
            AssertionError: another final response, or none, came.
        """
        end = time.monotonic() + within_s
        while (message := self.message(within_s=end - time.monotonic())) is not None:
            found = status_of(message)
            asked = (header(message, "CSeq") or "").endswith(method) if method is not None else True
            if found is None or not asked:
                continue
            if found == status:
                to = header(message, "To") or ""
                self.to_tag = to.partition(";tag=")[2].partition(";")[0] or self.to_tag
                return message
            assert found < 200, f"expected {status}, but there came:\n{message}"
        raise AssertionError(f"no {status} within {within_s} s")

    def next_request(self, method: str, *, within_s: float = 30.0) -> str:
        """Wait for a request of the far end, and leave it unanswered.

        Raises:
            AssertionError: none came.
        """
        end = time.monotonic() + within_s
        while (message := self.message(within_s=end - time.monotonic())) is not None:
            if message.startswith(f"{method} "):
                return message
        raise AssertionError(f"no {method} within {within_s} s")

    def asked(self, method: str, *, within_s: float = 30.0) -> str:
        """Wait for a request of the far end, and answer it with 200.

        Raises:
            AssertionError: none came.
        """
        message = self.next_request(method, within_s=within_s)
        self.send(self.ok(message))
        return message
