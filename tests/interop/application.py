"""A voice application in this process: answers webhooks with scripts, and keeps everything it was told."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
Script = list[Json]
Answerer = Callable[[Json], Script | None]

_WAIT_S: Final = 30.0


@dataclass(slots=True)
class Request:
    """A webhook that came."""

    path: str
    method: str
    fields: Json
    "The query and the JSON body together."
    headers: dict[str, str]
    "By lower-case name."
    body: bytes
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Raw:
    """A reply as it is: for applications that break."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    delay_s: float = 0.0


class Application:
    """The web server of an application. Numbers have their scripts; events are answered when `reacts` says so."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._scripts: dict[str, Script | Raw] = {}
        self._files: dict[str, Raw] = {}
        self._reactions: list[tuple[Json, Script | Raw | Answerer]] = []
        self.closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner._serve(self)

            def do_POST(self) -> None:
                owner._serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are kept, not printed."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that is killed breaks its connections, which is no error here."""
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    # ── what it says ───────────────────────────────────────────────────────────────────────────────────────────────

    def answers(self, number: str, script: Script | Raw) -> None:
        """What a call to this number gets."""
        self._scripts[number] = script

    def reacts(self, to: Json, script: Script | Raw | Answerer) -> None:
        """Answer events that have these fields; the last word counts."""
        self._reactions.insert(0, (to, script))

    def serves(self, path: str, body: bytes, content_type: str = "audio/wav") -> None:
        """Have a file."""
        self._files[path] = Raw(body=body, content_type=content_type)

    # ── what it heard ──────────────────────────────────────────────────────────────────────────────────────────────

    def requests(self, path: str | None = None, **fields: Any) -> list[Request]:
        """What came so far: at this path, with these fields (`...` is any value)."""
        with self._changed:
            return [one for one in self._requests if _matches(one, path, fields)]

    def wait(self, path: str | None = None, *, within_s: float = _WAIT_S, **fields: Any) -> Json:
        """Wait for the first request like this, and give its fields.

        Raises:
            AssertionError: none came; says what came instead.
        """
        with self._changed:

            def found() -> Request | None:
                return next((one for one in self._requests if _matches(one, path, fields)), None)

            if not self._changed.wait_for(lambda: found() is not None, within_s):
                told = "\n".join(f"  {one.path} {one.fields}" for one in self._requests[-12:])
                raise AssertionError(f"no webhook {path or ''} {fields} within {within_s} s; the last ones:\n{told}")
            request = found()
            assert request is not None
            return request.fields

    def statuses(self, leg: str) -> list[str]:
        """The states of a leg, as they were told."""
        return [one.fields["status"] for one in self.requests("/event", uuid=leg) if "status" in one.fields]

    def wait_statuses(self, leg: str, *expected: str, within_s: float = _WAIT_S) -> None:
        """Wait until a leg has been in exactly these states, in this order."""
        self.wait("/event", uuid=leg, status=expected[-1], within_s=within_s)
        assert self.statuses(leg) == list(expected)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        fields: Json = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if body:
            fields |= json.loads(body)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._changed:
            self._requests.append(Request(parts.path, handler.command, fields, headers, body))
            self._changed.notify_all()
        reply = self._reply(parts.path, fields)
        if isinstance(reply, Raw):
            self.closing.wait(reply.delay_s)
            raw = reply
        else:
            raw = Raw(body=json.dumps(reply).encode()) if reply is not None else Raw(status=204)
        handler.send_response(raw.status)
        if raw.status != 204:
            handler.send_header("Content-Type", raw.content_type)
            handler.send_header("Content-Length", str(len(raw.body)))
        handler.end_headers()
        handler.wfile.write(raw.body)

    def _reply(self, path: str, fields: Json) -> Script | Raw | None:
        if path in self._files:
            return self._files[path]
        if path == "/answer":
            return self._scripts.get(fields.get("to", ""), Raw(status=404))
        for wanted, script in list(self._reactions):
            if all(_value(fields, name) == value for name, value in wanted.items()):
                return script(fields) if callable(script) else script
        return None


def _matches(request: Request, path: str | None, fields: Json) -> bool:
    if path is not None and request.path != path and not request.path.startswith(path + "/"):
        return False
    found = ((_value(request.fields, name), value) for name, value in fields.items())
    return all(there is not None if value is ... else there == value for there, value in found)


def _value(fields: Json, name: str) -> Any:
    """A field; `dtmf__digits` looks inside."""
    value: Any = fields
    for part in name.split("__"):
        value = value.get(part) if isinstance(value, dict) else None
    return value
