"""Around every request: its trace id, one log line, one measurement, and a 500 that tells nothing of the inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringline.api.problems import INTERNAL, family_of, problem
from ringline.base import ApiError, Clock, Random, get_log

TRACE_HEADER: Final = b"x-nexmo-trace-id"

log = get_log(__name__)


def trace_of(scope: Scope) -> str:
    """The trace id of a request: 32 hexadecimal digits."""
    return str(scope["state"]["trace"])


class Frame:
    """The outermost layer. A path with a slash at its end is the same resource as without, answered directly."""

    def __init__(
        self, app: ASGIApp, *, clock: Clock, random: Random, measure: Callable[[str, str, int, float], None]
    ) -> None:
        self._app = app
        self._clock = clock
        self._random = random
        self._measure = measure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        trace = state["trace"] = self._random.bytes(16).hex()
        path = str(scope["path"])
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path.rstrip("/") or "/"
        began = self._clock.now()
        status = 0

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (TRACE_HEADER, trace.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except ClientDisconnect:
            status = status or 499  # nobody is left to answer; the number is what web servers log for it
        except Exception as error:
            log.error("a request failed: a bug", exc=error, trace=trace, path=path)
            if status:
                raise  # the body is under way: only the broken connection can say that it is not complete
            answer = problem(ApiError(500, INTERNAL), family=family_of(scope["path"]), trace=trace)
            await answer(scope, receive, send_traced)
        finally:
            self._report(scope, status, self._clock.now() - began)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        state = scope["state"]
        log.info(
            "request",
            trace=state["trace"],
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            application=state.get("application"),
            jti=state.get("jti"),
        )
        route = scope.get("route")
        self._measure(scope["method"], getattr(route, "path_format", ""), status, seconds)
