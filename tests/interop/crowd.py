"""Many phones behind one datagram socket: they call, answer, ring and hang up, and keep what they were told."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from uuid import uuid4

from .sipp import header, session, status_of

_COPIED = re.compile(r"(Via|From|To|Call-ID|CSeq|Record-Route)\s*:", re.IGNORECASE)


class Habit(StrEnum):
    """What a phone does when it is called."""

    ANSWERS = "answers"
    RINGS = "rings"
    LEAVES = "answers and hangs up"


@dataclass(slots=True)
class Line:
    """One call of one phone, as the phone sees it."""

    name: str
    "Its address; what the platform's side of the call is found by."
    call_id: str
    called: bool
    "The platform called it."
    invite: str
    tag: str = field(default_factory=lambda: uuid4().hex[:10])
    statuses: list[int] = field(default_factory=list)
    "The answers to its own INVITE."
    answered: bool = False
    their_tag: str = ""
    hung_up: bool = False
    "By itself."
    told: list[str] = field(default_factory=list)
    "Methods of the requests that came after the INVITE, as they came first."
    faults: list[str] = field(default_factory=list)
    "What was wrong with them."
    moved: float = field(default_factory=time.monotonic)
    "When it began or was answered."

    @property
    def over(self) -> bool:
        """Whether it knows that the call is over."""
        if self.called:
            return "BYE" in self.told or (self.hung_up and self.answered) or ("CANCEL" in self.told)
        return self.hung_up or "BYE" in self.told or any(status >= 300 for status in self.statuses)


class Crowd:
    """The phones. `with` opens the socket and listens in a thread."""

    def __init__(self, server: str, habit: Callable[[str], Habit]) -> None:
        """`habit` says what a phone does, by its name."""
        name, _, port = server.partition(":")
        self._server = (name, int(port))
        self._habit = habit
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self.lines: dict[str, Line] = {}
        "By Call-ID."
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(5)
        self._socket.close()

    # ── what phones do ─────────────────────────────────────────────────────────────────────────────────────────────

    def calls(self, name: str, number: str) -> Line:
        """A phone calls a number."""
        body = session("sendrecv", port=9).replace("[media_ip]", "127.0.0.1").replace("\n", "\r\n")
        line = Line(name=name, call_id=f"{uuid4().hex}@127.0.0.1", called=False, invite="")
        line.invite = self._request(line, "INVITE", number, cseq=1, body=body, more=f"X-Name: {name}\r\n")
        with self._lock:
            self.lines[line.call_id] = line
        self._send(line.invite)
        return line

    def leaves(self, line: Line) -> None:
        """A phone hangs up, if it is in a call at all."""
        with self._lock:
            if not line.answered or line.over:
                return
            line.hung_up = True
        if line.called:
            self._send(self._bye_of_called(line))
        else:
            number = re.match(r"INVITE sip:(\d+)@", line.invite)
            assert number is not None
            self._send(self._request(line, "BYE", number[1], cseq=2))

    # ── what they hear ─────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                data = self._socket.recv(65536).decode("utf-8", "replace")
            except (TimeoutError, ConnectionError):
                continue
            with self._lock:
                self._take(data)

    def _take(self, message: str) -> None:
        call_id = header(message, "Call-ID") or ""
        line = self.lines.get(call_id)
        status = status_of(message)
        if status is not None:
            if line is not None and not line.called and (header(message, "CSeq") or "").endswith("INVITE"):
                self._answer_to_invite(line, message, status)
            return
        method = message.partition(" ")[0]
        if method == "INVITE" and line is None:
            self._called(message, call_id)
        elif line is not None and method in ("BYE", "CANCEL"):
            self._ended(line, message, method)

    def _answer_to_invite(self, line: Line, message: str, status: int) -> None:
        if status not in line.statuses:
            line.statuses.append(status)
        if status < 200:
            return
        line.their_tag = _tag(header(message, "To") or "")
        number = re.match(r"INVITE sip:(\d+)@", line.invite)
        assert number is not None
        if status < 300:
            if not line.answered:
                line.answered, line.moved = True, time.monotonic()
            self._send(self._request(line, "ACK", number[1], cseq=1, branch="ack"))
        else:
            self._send(self._request(line, "ACK", number[1], cseq=1))

    def _called(self, invite: str, call_id: str) -> None:
        name = re.match(r"INVITE sip:([^@;>]+)@", invite)
        assert name is not None
        line = Line(name=name[1], call_id=call_id, called=True, invite=invite)
        line.their_tag = _tag(header(invite, "From") or "")
        self.lines[call_id] = line
        self._reply(line, 180, "Ringing")
        if self._habit(line.name) is not Habit.RINGS:
            line.answered = True
            self._reply(line, 200, "OK")

    def _ended(self, line: Line, message: str, method: str) -> None:
        if method not in line.told:
            line.told.append(method)
            if method == "CANCEL" and header(message, "Via") != header(line.invite, "Via"):
                line.faults.append("the CANCEL is of another transaction")
            if method == "BYE" and (
                _tag(header(message, "To") or "") != line.tag or _tag(header(message, "From") or "") != line.their_tag
            ):
                line.faults.append("the BYE is of another dialog")
        self._send(_response(message, 200, "OK"))
        if method == "CANCEL" and not line.answered:
            self._reply(line, 487, "Request Terminated")

    # ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, message: str) -> None:
        self._socket.sendto(message.encode(), self._server)

    def _request(
        self, line: Line, method: str, number: str, *, cseq: int, body: str = "", more: str = "", branch: str = ""
    ) -> str:
        uri = f"sip:{number}@{self._server[0]}:{self._server[1]}"
        to_tag = f";tag={line.their_tag}" if line.their_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{line.tag}{cseq}{branch}\r\n"
            f"From: <sip:{line.name}@127.0.0.1:{self.port}>;tag={line.tag}\r\n"
            f"To: <{uri}>{to_tag}\r\nCall-ID: {line.call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{line.name}@127.0.0.1:{self.port}>\r\nMax-Forwards: 70\r\n{more}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _bye_of_called(self, line: Line) -> str:
        to = header(line.invite, "From") or ""
        from_ = header(line.invite, "To") or ""
        target = re.search(r"<([^>]+)>", header(line.invite, "Contact") or "")
        assert target is not None
        return (
            f"BYE {target[1]} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{uuid4().hex}\r\n"
            f"From: {from_};tag={line.tag}\r\nTo: {to}\r\nCall-ID: {line.call_id}\r\nCSeq: 1 BYE\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )

    def _reply(self, line: Line, status: int, reason: str) -> None:
        body = ""
        if status == 200:
            body = session("sendrecv", port=9).replace("[media_ip]", "127.0.0.1").replace("\n", "\r\n")
        contact = f"Contact: <sip:{line.name}@127.0.0.1:{self.port}>"
        self._send(_response(line.invite, status, reason, tag=line.tag, more=contact, body=body))


def _response(request: str, status: int, reason: str, *, tag: str = "", more: str = "", body: str = "") -> str:
    lines = [f"SIP/2.0 {status} {reason}"]
    for each in request.partition("\r\n\r\n")[0].split("\r\n")[1:]:
        if _COPIED.match(each):
            add = f";tag={tag}" if tag and each.lower().startswith("to") and "tag=" not in each else ""
            lines.append(each + add)
    lines += [more] if more else []
    lines += ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def _tag(value: str) -> str:
    return value.partition(";tag=")[2].partition(";")[0]


def until(seen: Callable[[], bool], *, within_s: float, otherwise: Callable[[], object] = lambda: "") -> None:
    """Wait for something.

    Raises:
        AssertionError: it did not come; `otherwise` says what there was.
    """
    end = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.03)
