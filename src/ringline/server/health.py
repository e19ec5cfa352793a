"""`/healthz` and `/readyz`: whether the process lives, and whether calls had better be sent elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse


class Speaks(Protocol):
    """The voice or the recogniser, as far as health goes."""

    def ready(self) -> str | None:
        """None when it works; else a sentence that says why not."""
        ...


class Keeps(Protocol):
    """The store, as far as health goes."""

    def trouble(self) -> str | None:
        """None when all can be written; else why not."""
        ...


class Health:
    """Asks the parts how they are."""

    def __init__(
        self,
        *,
        voice: Speaks,
        recogniser: Speaks | None = None,
        store: Keeps,
        draining: Callable[[], bool],
        starting: Callable[[], bool] = lambda: False,
        notes: Callable[[], list[str]] = list,
    ) -> None:
        """`notes` are troubles that keep no call away, such as a speech engine for which another one speaks."""
        self._notes = notes
        self._voice = voice
        self._recogniser = recogniser
        self._store = store
        self._draining = draining
        self._starting = starting

    def reasons(self) -> list[str]:
        """Why no calls should come; empty when all is well."""
        found = []
        if self._starting():
            found.append("starting: not every part is up yet")
        if self._draining():
            found.append("draining: the server is being stopped")
        if (why := self._voice.ready()) is not None:
            found.append(f"speech: {why}")
        if self._recogniser is not None and (why := self._recogniser.ready()) is not None:
            found.append(f"recognition: {why}")
        if (why := self._store.trouble()) is not None:
            found.append(f"store: {why}")
        return found

    def router(self) -> APIRouter:
        """`/healthz` and `/readyz`; neither asks for credentials."""
        router = APIRouter()
        router.add_api_route("/healthz", self._alive, methods=["GET", "HEAD"])
        router.add_api_route("/readyz", self._ready, methods=["GET", "HEAD"])
        return router

    async def _alive(self) -> Response:
        """The process lives, whatever its parts say; what they say stands beside it."""
        reasons = self.reasons()
        return JSONResponse({"status": "ok"} | ({"reasons": reasons} if reasons else {}))

    async def _ready(self) -> Response:
        reasons = self.reasons()
        if reasons:
            return JSONResponse({"status": "not ready", "reasons": reasons}, 503)
        notes = self._notes()
        return JSONResponse({"status": "ready"} | ({"notes": notes} if notes else {}))
