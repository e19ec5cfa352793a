"""The web as webhooks see it: servers that answer, refuse, dawdle or hang, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ringline.engine.ports import HttpFailure, HttpReply, HttpRequest
from ringline.testing.pulse import Pulse
from ringline.testing.scripts import Action

LATENCY_S: Final = 0.02
"So long every request takes at least, there and back."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server does with one request."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    after_s: float = 0.0
    "How long it thinks."
    failure: str = ""
    "No reply at all, for this reason (`Connection closed.`, `Connection reset.`)."
    hangs: bool = False
    "It takes the request and never says a word."


def ncco(*actions: Action, after_s: float = 0.0) -> Reply:
    """A reply with a script."""
    return Reply(body=json.dumps(actions).encode(), after_s=after_s)


def text(body: str, *, status: int = 200, content_type: str = "text/plain", after_s: float = 0.0) -> Reply:
    """A reply with any other body."""
    return Reply(status=status, body=body.encode(), content_type=content_type, after_s=after_s)


def status(code: int, *, after_s: float = 0.0) -> Reply:
    """A reply that is only a status code."""
    return Reply(status=code, after_s=after_s)


def breaks(reason: str = "Connection closed.") -> Reply:
    """No reply: the connection breaks."""
    return Reply(failure=reason)


HANGS: Final = Reply(hangs=True)
"No reply, ever."
FINE: Final = Reply(status=204)
"Received, nothing to say."

Answer = Reply | Sequence[Action] | None
"How a server replies: a list of actions is a script, None is `204 No Content`."


Server = Callable[["Received"], "Answer | Awaitable[Reply]"]
"What answers at a host."
_TOO_LATE: Final = Reply(failure="Socket timeout.")


def as_reply(answer: Answer) -> Reply:
    """Turn what tests write into a reply."""
    if answer is None:
        return FINE
    return answer if isinstance(answer, Reply) else ncco(*answer)


@dataclass(slots=True, kw_only=True, eq=False)
class Received:
    """One request that reached a server."""

    method: str
    url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    "By their names in lower case."
    body: bytes
    at: float
    "Monotonic seconds."
    reply: Reply = FINE
    "What the server does with it."

    @property
    def json(self) -> Any:
        """The fields: the JSON of a POST, or the query of a GET (where objects are read from their JSON strings)."""
        if self.method == "POST":
            return json.loads(self.body)
        return {name: _read(value) for name, value in self.query.items()}


class Web:
    """The `HttpClient` of a test: finds the server by the URL's host."""

    def __init__(self, *, pulse: Pulse) -> None:
        self._servers: dict[str, Server] = {}
        self._pulse = pulse
        self.requests: list[Received] = []
        "Everything that was sent, to whomever."

    def serve(self, host: str, answer: Server) -> None:
        """Put a server there; `answer` is asked about every request, and may take its time."""
        self._servers[host] = answer

    async def send(self, request: HttpRequest) -> HttpReply | HttpFailure:
        """Let a request go out and its reply come back."""
        received, answer = self._take(request)
        self.requests.append(received)
        self._pulse.beat()
        if isinstance(answer, Reply):
            received.reply = answer
        else:
            received.reply = await _patiently(answer, request.read_timeout_s)
        reply = received.reply
        await asyncio.sleep(LATENCY_S)
        if reply.failure:
            return HttpFailure(reason=reply.failure, detail="the server of this test does so")
        if reply.hangs or reply.after_s > request.read_timeout_s:
            await asyncio.sleep(request.read_timeout_s)
            return HttpFailure(reason="Socket timeout.", detail=f"nothing came in {request.read_timeout_s:g} s")
        if reply.after_s:
            await asyncio.sleep(reply.after_s)
        self._pulse.beat()
        most = request.max_body_bytes
        return HttpReply(
            status=reply.status,
            content_type=reply.content_type,
            body=reply.body[:most],
            too_long=len(reply.body) > most,
        )

    def _take(self, request: HttpRequest) -> tuple[Received, Reply | Awaitable[Reply]]:
        parts = urlsplit(request.url)
        server = self._servers.get(parts.hostname or "")
        received = Received(
            method=request.method,
            url=request.url,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=_on_the_wire(request, parts.netloc),
            body=request.body or b"",
            at=asyncio.get_running_loop().time(),
        )
        if server is None:
            return received, breaks()
        answer = server(received)
        return received, answer if isinstance(answer, Awaitable) else as_reply(answer)


async def _patiently(answer: Awaitable[Reply], patience_s: float) -> Reply:
    try:
        async with asyncio.timeout(patience_s):
            return await answer
    except TimeoutError:
        return _TOO_LATE


def _on_the_wire(request: HttpRequest, host: str) -> dict[str, str]:
    """The headers that reach a server: those of the request and those an HTTP client adds."""
    headers = {"host": host}
    for name, value in request.headers:
        headers[name.lower()] = value
    if request.body is not None:
        headers["content-length"] = str(len(request.body))
    return headers


def _read(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
