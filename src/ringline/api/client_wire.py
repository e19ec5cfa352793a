"""The control channel of clients: Socket.IO frames over a WebSocket (client SDK reference, section 4)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ringline.accounts import Token, TokenFault
from ringline.api.client_desk import ClientDesk
from ringline.base import RemoteProtocolError, get_log, uuid4
from ringline.engine.clients.apps import owner_of
from ringline.rtc import EXPIRED_TOKEN, INVALID_TOKEN, INVALID_USER, PERMISSION
from ringline.rtc.packets import (
    PING,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
    Connect,
    connected,
    opening,
    read_packet,
)

log = get_log(__name__)
PATH: Final = "/v2/rtc/"
_HELLO_S: Final = 20.0
"A client asks for the namespace within so long."
_MOST_WAITING: Final = 1_000
"Frames a socket may be behind; it is closed then, and its session waits for the client to come back."
_REFUSED: Final = 4400
_FAULTS: Final = {
    TokenFault.EXPIRED: EXPIRED_TOKEN,
    TokenFault.FORBIDDEN: PERMISSION,
}


class ClientWire:
    """The WebSocket at which clients log in and hear of what happens."""

    def __init__(self, desk: ClientDesk) -> None:
        self._desk = desk
        self._clients = desk.apps.clients

    def router(self) -> APIRouter:
        router = APIRouter()
        for path in (PATH, PATH.rstrip("/")):
            router.add_api_websocket_route(path, self.serve)
        return router

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one client until its socket, or its session, is gone."""
        query = websocket.query_params
        if query.get("EIO") != "4" or query.get("transport") != "websocket":
            await websocket.close(_REFUSED)
            return
        await websocket.accept()
        socket = _Socket(websocket)
        number = self._clients.opened(socket)
        writer = asyncio.get_running_loop().create_task(socket.write(), name=f"client:{number}")
        try:
            await self._talk(websocket, socket, number)
        except (WebSocketDisconnect, RemoteProtocolError, TimeoutError):
            pass  # the session, if there is one, waits for the client to come back
        finally:
            self._clients.lost(number)
            socket.close()
            await writer

    async def _talk(self, websocket: WebSocket, socket: _Socket, number: int) -> None:
        sid = uuid4(self._desk.needs.random)
        socket.send(opening(sid))
        async with asyncio.timeout(_HELLO_S):
            while not isinstance(read_packet(await websocket.receive_text()), Connect):
                pass
        socket.send(connected(sid))
        await self._log_in(websocket, number)
        while True:
            text = await websocket.receive_text()
            socket.heard()
            if not self._clients.received(number, text):
                return

    async def _log_in(self, websocket: WebSocket, number: int) -> None:
        query = websocket.query_params
        token = self._desk.lobby.desk.gate.client(websocket, query.get("token", ""))
        if not isinstance(token, Token):
            self._clients.refuse(number, _FAULTS.get(token, INVALID_TOKEN) if token is not None else INVALID_TOKEN)
            return
        user = await self._desk.lobby.chronicle.user(token.application.id, token.sub) if token.sub else None
        if user is None:
            self._clients.refuse(number, INVALID_USER)
            return
        self._clients.log_in(
            number,
            owner_of(user),
            expires=token.expires,
            confirms=query.get("acknowledge_events") == "true",
            wanted=query.get("session_id"),
            api_key=next(iter(self._desk.needs.directory.accounts()), "ringline"),
            pending=self._desk.apps.pending,
        )


class _Socket:
    """What is on its way to one client, and whether it still answers."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self._closing = False
        self._answered = True

    def send(self, frame: str) -> None:
        if self._closing:
            return
        if self._waiting.qsize() >= _MOST_WAITING:
            log.info("a client is too far behind: its socket is closed")
            self._waiting = asyncio.Queue()
            self.close()
            return
        self._waiting.put_nowait(frame)

    def close(self) -> None:
        """Close it after what is waiting."""
        if not self._closing:
            self._closing = True
            self._waiting.put_nowait(None)

    def heard(self) -> None:
        """Something came from the client: it is there."""
        self._answered = True

    async def write(self) -> None:
        """Send what waits, and a ping now and then, until it is closed."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            while (frame := await self._next()) is not None:
                await self._websocket.send_text(frame)
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close()

    async def _next(self) -> str | None:
        try:
            async with asyncio.timeout(PING_INTERVAL_S if self._answered else PING_TIMEOUT_S):
                return await self._waiting.get()
        except TimeoutError:
            if not self._answered:
                return None
            self._answered = False
            return PING
