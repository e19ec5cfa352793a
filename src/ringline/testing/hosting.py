"""Applications in the test's own process: ASGI and WSGI applications as they are, asked as if over the wire.

An ASGI application runs on the test's event loop, in virtual time: `asyncio.sleep(2)` in a handler is a server that
thinks for two seconds. A WSGI application runs in a thread, and so do plain handlers of FastAPI and Starlette; time
stands still while they work.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from ringline.testing.threads import hold_time_for_anyio
from ringline.testing.web import Answer, Received, Reply, as_reply, breaks

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]
"An ASGI 3 application: FastAPI, Starlette, Quart, or a function."
WsgiApplication = Callable[..., Iterable[bytes]]
"A WSGI application: Flask, Django, Bottle, or a function (PEP 3333)."
Trouble = Callable[[str, BaseException | None], None]
"Is told what went wrong in an application, and by which exception."

_CLIENT: Final = ("192.0.2.1", 40_000)
_BROKEN: Final = Reply(status=500, body=b"Internal Server Error", content_type="text/plain")


class Closing(Protocol):
    """Something that ends with its switchboard."""

    async def close(self) -> None:
        """Nothing more will be asked of it."""
        ...


class Site(Closing, Protocol):
    """Something that answers requests."""

    async def respond(self, request: Received) -> Reply:
        """Answer a request; cancelled when whoever asks has lost patience."""
        ...


class AsgiSite:
    """An ASGI application; its lifespan begins with the first request and ends with the switchboard."""

    def __init__(self, app: AsgiApplication, *, trouble: Trouble) -> None:
        self._app = app
        self._trouble = trouble
        self._lifespan = _Lifespan(app)
        self._tasks: set[asyncio.Task[None]] = set()
        hold_time_for_anyio()

    async def respond(self, request: Received) -> Reply:
        try:
            state = await self._lifespan.begun()
        except Exception as error:
            self._trouble("the application did not start", error)
            return breaks()
        exchange = _Exchange(request)
        task = asyncio.get_running_loop().create_task(self._run(exchange, state))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await exchange.reply
        finally:
            exchange.gone.set()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._lifespan.end()
        except Exception as error:
            self._trouble("the application did not stop", error)

    async def _run(self, exchange: _Exchange, state: dict[str, Any]) -> None:
        request = exchange.request
        try:
            await self._app(_scope(request, state), exchange.receive, exchange.send)
        except Exception as error:
            self._trouble(f"the application failed at {request.method} {request.path}", error)
        # What a server does with an application that has not answered, or not to the end.
        exchange.finish(breaks() if exchange.begun else _BROKEN)


class _Exchange:
    """One request and its response, as ASGI passes them on in messages."""

    def __init__(self, request: Received) -> None:
        self.request = request
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self.begun = False
        self._asked = False
        self._status = 0
        self._content_type = ""
        self._body = b""

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._status = message["status"]
            headers = {bytes(name).lower(): bytes(value) for name, value in message.get("headers", ())}
            self._content_type = headers.get(b"content-type", b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self.finish(Reply(status=self._status, body=self._body, content_type=self._content_type))

    def finish(self, reply: Reply) -> None:
        if not self.reply.done():
            self.reply.set_result(reply)


class _Lifespan:
    """The lifespan of an ASGI application; many have none, which is fine."""

    def __init__(self, app: AsgiApplication) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._up: asyncio.Future[None] | None = None
        self._down: asyncio.Future[None] | None = None
        self._ending = asyncio.Event()

    async def begun(self) -> dict[str, Any]:
        """Start the application if that has not been done; gives a state for one request.

        Raises:
            RuntimeError: it says that it cannot start.
        """
        if self._up is None:
            loop = asyncio.get_running_loop()
            self._up, self._down = loop.create_future(), loop.create_future()
            self._task = loop.create_task(self._live(self._up, self._down))
        if not self._up.done():
            await asyncio.wait((self._up,))
        self._up.result()
        return dict(self._state)

    async def end(self) -> None:
        """Let it clean up.

        Raises:
            RuntimeError: it says that it could not.
        """
        if self._task is None or self._down is None:
            return
        self._ending.set()
        await asyncio.wait((self._task,))
        if self._down.done():
            self._down.result()

    async def _live(self, up: asyncio.Future[None], down: asyncio.Future[None]) -> None:
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "lifespan.startup"}
            await self._ending.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            kind, _, outcome = str(message["type"]).rpartition(".")
            stage = up if kind == "lifespan.startup" else down
            if stage.done():
                return
            if outcome == "complete":
                stage.set_result(None)
            else:
                stage.set_exception(RuntimeError(message.get("message") or f"{kind} failed"))

        try:
            await self._app({"type": "lifespan", "asgi": _ASGI, "state": self._state}, receive, send)
        except Exception as error:
            if up.done() and not down.done():
                down.set_exception(RuntimeError(f"its lifespan failed: {error!r}"))
        if not up.done():  # it knows no lifespan: an exception, or nothing at all, is how that is said
            up.set_result(None)


class WsgiSite:
    """A WSGI application, asked in a thread."""

    def __init__(self, app: WsgiApplication, *, trouble: Trouble) -> None:
        self._app = app
        self._trouble = trouble
        flask = self._flask()
        if flask is not None:  # it turns exceptions into status 500 and keeps them to itself, but tells those who ask
            flask.got_request_exception.connect(self._flask_failed, self._app)

    async def respond(self, request: Received) -> Reply:
        return await asyncio.get_running_loop().run_in_executor(None, self._ask, request)

    async def close(self) -> None:
        flask = self._flask()
        if flask is not None:
            flask.got_request_exception.disconnect(self._flask_failed, self._app)

    def _ask(self, request: Received) -> Reply:
        head: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            head.append((status, headers))
            return written.append

        try:
            parts = self._app(_environ(request), start_response)
            try:
                written += parts
            finally:
                if (close := getattr(parts, "close", None)) is not None:
                    close()
        except Exception as error:
            self._trouble(f"the application failed at {request.method} {request.path}", error)
            return _BROKEN
        if not head:
            self._trouble(f"the application did not call start_response at {request.method} {request.path}", None)
            return _BROKEN
        status, headers = head[-1]
        content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
        return Reply(status=int(status.split()[0]), body=b"".join(written), content_type=content_type)

    def _flask(self) -> Any:
        """The module, when the application is one of its own."""
        flask = sys.modules.get("flask")
        return flask if flask is not None and isinstance(self._app, flask.Flask) else None

    def _flask_failed(self, _sender: Any, exception: BaseException, **_: Any) -> None:
        self._trouble("the application failed", exception)


class FunctionSite:
    """A plain function from request to answer."""

    def __init__(self, handler: Callable[[Received], Answer], *, trouble: Trouble) -> None:
        self._handler = handler
        self._trouble = trouble

    async def respond(self, request: Received) -> Reply:
        try:
            return as_reply(self._handler(request))
        except Exception as error:
            self._trouble(f"the application failed at {request.method} {request.path}", error)
            return _BROKEN

    async def close(self) -> None:
        """There is nothing to let go of."""


def site_of(
    asgi: AsgiApplication | None,
    wsgi: WsgiApplication | None,
    handler: Callable[[Received], Answer] | None,
    *,
    trouble: Trouble,
) -> Site | None:
    """The site of the one that is given; None when none is."""
    assert sum(one is not None for one in (asgi, wsgi, handler)) <= 1, "give one of asgi, wsgi and handler"
    if asgi is not None:
        return AsgiSite(asgi, trouble=trouble)
    if wsgi is not None:
        return WsgiSite(wsgi, trouble=trouble)
    return FunctionSite(handler, trouble=trouble) if handler is not None else None


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────

_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


def _scope(request: Received, state: dict[str, Any]) -> Scope:
    parts = urlsplit(request.url)
    raw_path = (parts.path or "/").encode("ascii", "replace")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
        "raw_path": raw_path,
        "query_string": parts.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        "client": _CLIENT,
        "server": (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)),
        "state": state,
    }


def _environ(request: Received) -> dict[str, Any]:
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _CLIENT[0],
        "REMOTE_PORT": str(_CLIENT[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
