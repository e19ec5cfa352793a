"""One connection to an application's server, over which one request after the other is answered."""

from __future__ import annotations

import asyncio
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_LONGEST_LINE_BYTES: Final = 32_768
"Of a header: cookies and content policies grow beyond the 8 KiB that is usual."
_LONGEST_HEAD_BYTES: Final = 4 * _LONGEST_LINE_BYTES
_WITHOUT_BODY: Final = (204, 304)


class BadAnswer(Exception):
    """What came back is no HTTP, or ends before it is complete."""


class Answer:
    """What came back: its head, and as much of its body as was wanted."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        "At most one byte more than was wanted."

    def header(self, name: bytes) -> str:
        """The first header of that name (lower case), without the spaces around it; empty when there is none."""
        for each, value in self.headers:
            if each.lower() == name:
                return value.decode("utf-8", "surrogateescape").strip()
        return ""


class Connection(asyncio.Protocol):
    """Reads answers with llhttp. One request at a time: `ask`, and `usable` says afterwards whether one more may go.

    An answer without a body (204, 304) is complete with its head, whatever comes behind it (RFC 9112 section 6.3); some
    servers send one all the same, and lose the connection by it, not the answer.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # As browsers read, too: a bare LF, spaces in odd places.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer: Answer | None = None
        self._limit = 0
        self._head_bytes = 0
        "Of the answer whose head is being read; -1 behind the head."
        self._ends_with_connection = False
        self._timer: asyncio.TimerHandle | None = None
        self._patience_s = 0.0
        self._give_up_at = 0.0
        self.heard_at = 0.0
        "When something last came, or was asked; on the event loop's clock."
        self.usable = False
        "Open, and nothing is on its way in either direction."

    # ── the asking side ────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, request: bytes, *, limit: int, patience_s: float, until: float) -> Answer:
        """Send a request and wait for its answer.

        A body beyond `limit` bytes is cut there. Nothing may come for `patience_s` at most, and at `until` (the event
        loop's clock) it is over in any case.

        Raises:
            TimeoutError: the answer did not come in time.
            OSError: the connection was lost, as `ConnectionResetError` when it was reset.
            BadAnswer: what came back is no HTTP, or not all of an answer.
        """
        transport = self._transport
        if transport is None or not self.usable:
            raise BadAnswer("the server closed the connection")
        now = self.heard_at = self._loop.time()
        self.usable = False
        self._answer, self._limit, self._head_bytes = Answer(), limit, 0
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting = waiting
        self._patience_s, self._give_up_at = patience_s, until
        self._timer = self._loop.call_at(min(now + patience_s, until), self._late)
        try:
            transport.write(request)
            return await waiting
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiting = None
            self._timer.cancel()

    def abort(self) -> None:
        """Close at once; what is being waited for fails."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # ── what the event loop tells ──────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        if self._waiting is None or self._parser is None:
            self.abort()  # nobody has asked
            return
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._finish(usable=False)  # to what nobody has asked for
        except HttpParserError as error:
            self._fail(BadAnswer(str(error) or type(error).__name__))
        if self._head_bytes > _LONGEST_HEAD_BYTES:
            self._fail(BadAnswer("the head of the answer is too long"))

    def eof_received(self) -> bool:
        self.usable = False
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._transport = self._parser = None
        if self._waiting is None or self._waiting.done():
            return
        if exc is None and self._ends_with_connection and self._head_bytes < 0:
            self._finish(usable=False)
        else:
            self._fail(exc or BadAnswer("the server closed the connection"))

    # ── what the parser tells ──────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.abort()  # one more answer than questions: the next question shall not get the rest of it

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None and self._head_bytes >= 0:  # trailers tell nothing
            self._answer.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._answer is None or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:  # the real one follows
            self._answer.headers.clear()
            return
        lengths = [len(name) + len(value) for name, value in self._answer.headers]
        if lengths and (max(lengths) > _LONGEST_LINE_BYTES or sum(lengths) > _LONGEST_HEAD_BYTES):
            self._fail(BadAnswer("the head of the answer is too long"))
            return
        self._head_bytes = -1
        self._answer.status = status
        told = (self._answer.header(b"content-length"), self._answer.header(b"transfer-encoding"))
        self._ends_with_connection = told == ("", "")
        if status in _WITHOUT_BODY:
            self._finish(usable=told in (("", ""), ("0", "")) and self._parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        if self._answer is None:
            return
        self._answer.body += body
        if len(self._answer.body) > self._limit:
            del self._answer.body[self._limit + 1 :]
            self._finish(usable=False)

    def on_message_complete(self) -> None:
        if self._answer is not None and self._answer.status:
            self._finish(usable=self._parser is not None and self._parser.should_keep_alive())

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, *, usable: bool) -> None:
        """The answer is there. What comes behind it belongs to nothing, and costs the connection."""
        answer, self._answer = self._answer, None
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)
        self.usable = usable and self._transport is not None and not self._transport.is_closing()
        if not self.usable:
            self.abort()

    def _fail(self, error: Exception) -> None:
        self._answer = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.abort()

    def _late(self) -> None:
        """Nothing has come for a while, or something has, and we wait on."""
        due = min(self.heard_at + self._patience_s, self._give_up_at)
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._late)
        else:
            self._fail(TimeoutError("the answer did not come in time"))
