"""The REST API in a test: Ringline's own, on the engine of the switchboard.

`board.rest.app` is an ASGI application for `httpx.ASGITransport`; `board.rest.url` is a real port on loopback, for
clients that know nothing else, such as the official libraries. Both are the same API, and virtual time is its clock.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jwt
import numpy as np
import soundfile
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ringline.accounts import KeyPair, TokenVerifier, UserNames, make_key_pair
from ringline.audio import extension
from ringline.base import uuid4
from ringline.engine.gatherings import Gatherings
from ringline.server.certificates import Certificates, ensure_certificates, server_names
from ringline.testing.clock import VirtualLoop
from ringline.testing.recordings import MemoryRecordings
from ringline.testing.threads import hold_time_for_anyio

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ringline.base import ApplicationId
    from ringline.engine.ports import StoredFile
    from ringline.testing.switchboard import Switchboard

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TOKEN_S: Final = 86_400
"A token is good for a day of virtual time."
_ANY_AGE_S: Final = 100 * 365 * 86_400.0
"Client libraries date their tokens by the machine's clock, which is another one than the test's."


class RestApi:
    """The REST API of one switchboard."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self.user_names = UserNames()
        "The users that tokens may be of."
        self._servers: dict[str, _Server] = {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        hold_time_for_anyio()

    @cached_property
    def app(self) -> FastAPI:
        """The API as an ASGI application; await it on the test's own event loop."""
        from ringline.api import (  # not everybody needs it, and it takes a moment
            ApiOptions,
            ConversationService,
            Dependencies,
            create_app,
        )

        board = self._board
        return create_app(
            Dependencies(
                calls=board.engine,
                directory=board.directory,
                records=board.store,
                registry=board.store,
                files=self,
                tokens=TokenVerifier(
                    board.directory.application, user_exists=self.user_names.exists, leeway_s=_ANY_AGE_S
                ),
                clock=board.clock,
                random=board.random,
                options=ApiOptions(failed_logins_per_minute=0, any_number=True),
                conversations=ConversationService(
                    gatherings=Gatherings(board.engine, clock=board.clock, random=board.random),
                    chronicle=board.store,
                    user_names=self.user_names,
                    apps=board.apps,
                ),
            )
        )

    @property
    def url(self) -> str:
        """The same on a real port on loopback; it opens with the first question for it.

        Ask it from the application (its thread waits for the answer), or from the test by `asyncio.to_thread`: a
        request that blocks the event loop waits for itself.
        """
        return self._serve("http")

    @property
    def secure_url(self) -> str:
        """The same over TLS, which is all that some official libraries speak; they must trust `ca_file`."""
        return self._serve("https")

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority to trust for `secure_url`: `REQUESTS_CA_BUNDLE` and its like."""
        return self._certificates.ca_file

    def token(self, application: ApplicationId, **claims: Any) -> str:
        """A token of an application, as it would sign one itself."""
        now = int(self._board.clock.wallclock().timestamp())
        own = {"application_id": application, "iat": now, "exp": now + TOKEN_S, "jti": uuid4(self._board.random)}
        return jwt.encode({**own, **claims}, _signing_key(), algorithm="RS256")

    def path(self, file: StoredFile) -> Path:
        """Write a recording down: silence of the right length, in the format asked for. What is said in it is in
        `Switchboard.recordings`."""
        return _written(self._board.recordings, file, self._folder)

    async def remove(self, file: StoredFile) -> None:
        """Delete a file that was written down."""
        self.path(file).unlink(missing_ok=True)

    async def close(self) -> None:
        """Close the ports."""
        for server in self._servers.values():
            server.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def _folder(self) -> Path:
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="ringline-testing-")
        return Path(self._temporary.name)

    @cached_property
    def _certificates(self) -> Certificates:
        return ensure_certificates(self._folder, names=server_names(), now=datetime.now(UTC))

    def _serve(self, scheme: str) -> str:
        if scheme not in self._servers:
            tls = self._certificates if scheme == "https" else None
            self._servers[scheme] = _Server(self._forward, tls=tls)
        return self._servers[scheme].url

    async def _forward(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take a request from the server's thread to the test's event loop, and its answer back."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        answer = asyncio.run_coroutine_threadsafe(self._ask(scope, body), self._board.loop)
        for message in await asyncio.wrap_future(answer):
            await send(message)

    async def _ask(self, scope: Message, body: bytes) -> list[Message]:
        if isinstance(self._board.loop, VirtualLoop):
            self._board.loop.joins_who_holds()
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(dict(scope), receive, send)
        return messages


@cache
def key_pair() -> KeyPair:
    """The key pair of every application in this process: one is made once, and that takes a while."""
    return make_key_pair()


@cache
def _signing_key() -> RSAPrivateKey:
    """Read once: that takes longer than a request."""
    key = load_pem_private_key(key_pair().private_key.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


class _Server:
    """uvicorn in a thread of its own."""

    def __init__(
        self, app: Callable[[Message, Receive, Send], Awaitable[None]], *, tls: Certificates | None = None
    ) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"{'https' if tls is not None else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._socket.listen()
        config = uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            ws="none",
            loop="asyncio",
            interface="asgi3",
            ssl_certfile=tls.cert_file if tls is not None else None,
            ssl_keyfile=tls.key_file if tls is not None else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="ringline-testing-rest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _written(recordings: MemoryRecordings, file: StoredFile, folder: Path) -> Path:
    path = folder / f"{file.file_id}.{extension(file.media_type)}"
    if not path.exists():
        made = next((one for one in recordings.made if one.stored is not None and one.stored == file), None)
        if made is not None:
            silence = np.zeros((round(made.seconds * _RATE_HZ), made.channels), dtype="<i2")
            soundfile.write(path, silence, _RATE_HZ, **_FORMATS[made.container])
        elif file.file_id in recordings.kept:
            path.write_bytes(recordings.kept[file.file_id])
    return path


_RATE_HZ: Final = 8000
_FORMATS: Final[dict[str, dict[str, str]]] = {
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
}
