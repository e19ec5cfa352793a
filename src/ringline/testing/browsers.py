"""App users with a browser: they log in and call over the client wire, as the official browser library does.

What `User` does by a word, a `Browser` does by frames and requests; its audio is that of the test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from ringline.accounts import User
from ringline.base import ConversationId, LegId, uuid4
from ringline.testing.sounds import Heard

if TYPE_CHECKING:
    from ringline.testing.application import WebApplication
    from ringline.testing.switchboard import Switchboard

OFFER: Final = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
_PATIENCE_S: Final = 60.0
Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replied:
    """What a request was answered."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Browser:
    """One page of one user. Two browsers of the same name are two sessions of one user."""

    def __init__(self, board: Switchboard, app: WebApplication, name: str) -> None:
        self.name = name
        self.app = app
        self.session = ""
        "The id of its session, once it is logged in."
        self.frames: list[tuple[str, Mapping[str, Any]]] = []
        "All events it has received, in order: name and payload."
        self.token = ""
        self.leg = LegId("")
        "The call it is in, or that rings."
        self.answers_pings = True
        self.conversation = ConversationId("")
        self.member = ""
        self._board = board
        self._socket: _Socket | None = None
        self._seen = 0

    # ── its session ────────────────────────────────────────────────────────────────────────────────────────────────

    async def logs_in(self, *, token: str | None = None, resumes: bool = False, **query: str) -> str:
        """Open the control channel; gives the name of the frame that came for it, `session:success` if all is well."""
        if token is None:
            user = await self._board.make_user(self.app, self.name)
            token = self.app.token(sub=user.name, acl={"paths": {"/**": {}}})
        self.token = token
        asked = {"token": token, "EIO": "4", "transport": "websocket", **query}
        if resumes:
            asked["session_id"] = self.session
        else:
            asked["acknowledge_events"] = "true"
        self._socket = _Socket(self._board, asked)
        before = len(self.frames)
        self._socket.open(self._receive)
        await self._until(lambda: len(self.frames) > before or self._closed, "no frame came")
        if len(self.frames) == before:
            return "closed"
        name, payload = self.frames[before]
        if name == "session:success":
            self.session = payload["body"]["id"]
            for event in payload["body"]["pending_events"]:
                self._note(str(event["type"]), event)
        return name

    async def logs_out(self) -> None:
        """End the session."""
        self._say('42["session:logout",{"tid":"1","body":{}}]')
        self._say("41")
        await asyncio.sleep(0)

    def loses_its_socket(self) -> None:
        """The network is gone, without a word."""
        assert self._socket is not None
        self._socket.cut()

    def is_connected(self) -> bool:
        """Whether its socket is open."""
        return self._socket is not None and not self._socket.closed

    def says(self, frame: str) -> None:
        """Send a frame as it is."""
        self._say(frame)

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def asks(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, headers: Mapping[str, str] = {}
    ) -> Replied:
        """Make a request with its token."""
        return await _request(
            self._board, method, path, body, {"authorization": f"bearer {token or self.token}"} | {**headers}
        )

    async def posts(self, event: str, body: Mapping[str, Any], **more: Any) -> Replied:
        """Cause an event in its conversation."""
        given = {"type": event, "from": self.member, "originating_session": self.session, "body": body, **more}
        return await self.asks("POST", f"/v0.3/conversations/{self.conversation}/events", given)

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def reserves(self, offer: str = OFFER) -> Replied:
        """Open audio for a call (`POST /v0.3/legs`)."""
        body = {"originating_session": self.session, "body": {"offer": {"type": "offer", "sdp": offer}}}
        return await self.asks("POST", "/v0.3/legs", body)

    async def knocks(self, leg: str, context: Mapping[str, Any] | None = None) -> Replied:
        """Call the application with that audio (`POST /v0.3/knocking`)."""
        called = (context or {}).get("to", "")
        channel = {
            "type": "app",
            "id": leg,
            "from": {"type": "app", "user": self.name},
            "to": {"type": "phone", "number": called if isinstance(called, str) else ""},
        }
        properties = {"custom_data": dict(context or {})}
        body = {"originating_session": self.session, "channel": channel, "properties": properties}
        return await self.asks("POST", "/v0.3/knocking", body)

    async def calls_in(self, context: Mapping[str, Any] | None = None) -> LegId:
        """Call the application (`serverCall`), and wait until it is joined."""
        reserved = await self.reserves()
        assert reserved.status == 200, reserved
        leg = reserved.body["rtc_id"]
        await asyncio.sleep(0.01)
        knocked = await self.knocks(leg, context)
        assert knocked.status == 200, knocked
        self.leg = LegId(leg)
        payload = await self.hears_of("member:joined")
        self._is_in(payload)
        return self.leg

    async def is_invited(self) -> Mapping[str, Any]:
        """Wait until it rings; gives the invitation."""
        payload = await self.hears_of("member:invited")
        self._is_in(payload)
        self.leg = LegId(payload["body"]["channel"]["id"])
        return payload

    async def claims(self) -> Replied:
        """Want to answer what rings."""
        path = f"/v0.3/conversations/{self.conversation}/members/{self.member}"
        channel = {"type": "app"}
        body = {"originating_session": self.session, "channel": channel, "from": self.member, "state": "joined"}
        return await self.asks("PUT", path, body)

    async def answers(self, sdp: str = OFFER) -> Replied:
        """Answer what rings."""
        claimed = await self.claims()
        if claimed.status != 200:
            return claimed
        path = f"/v0.3/conversations/{self.conversation}/rtc/{self.leg}/answer"
        body = {"originating_session": self.session, "from": self.member, "body": {"answer": sdp}}
        return await self.asks("POST", path, body)

    async def reconnects(self) -> Replied:
        """Give the call new audio."""
        path = f"/v0.3/conversations/{self.conversation}/rtc/{self.leg}/offer"
        body = {"originating_session": self.session, "from": self.member, "body": {"offer": {"sdp": OFFER}}}
        return await self.asks("POST", path, body)

    async def hangs_up(self, **reason: str) -> Replied:
        """End the call, or decline it."""
        query = f"?{urlencode({f'reason_{name}': text for name, text in reason.items()})}" if reason else ""
        return await self.asks("DELETE", f"/v0.2/conversations/{self.conversation}/members/{self.member}{query}")

    async def presses(self, digits: str) -> Replied:
        """Press keys."""
        return await self.posts("audio:dtmf", {"digit": digits, "channel": {"id": self.leg, "type": "app"}})

    # ── hearing ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def hears_of(self, event: str, *, within_s: float = _PATIENCE_S) -> Mapping[str, Any]:
        """Wait for the next event of this name (each call looks behind the one found last); gives its payload.

        Raises:
            AssertionError: none came.
        """
        async with asyncio.timeout(within_s):
            found: list[Mapping[str, Any]] = []

            def look() -> bool:
                for place in range(self._seen, len(self.frames)):
                    if self.frames[place][0] == event:
                        self._seen = place + 1
                        found.append(self.frames[place][1])
                        return True
                return False

            await self._until(look, f"{self.name} did not hear of {event}, but of {self.names()[self._seen :]}")
            return found[0]

    def names(self) -> list[str]:
        """The names of all events it has received."""
        return [name for name, _ in self.frames]

    def received(self, event: str) -> list[Mapping[str, Any]]:
        """The payloads of all events of this name."""
        return [payload for name, payload in self.frames if name == event]

    @property
    def heard(self) -> list[Heard]:
        """What was heard in its call."""
        return self._board.media.heard(self.leg)

    def can_hear(self, leg: LegId) -> bool:
        """Whether it hears another leg now."""
        return self._board.media.hears(self.leg, leg)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _closed(self) -> bool:
        return self._socket is None or self._socket.closed

    def _is_in(self, payload: Mapping[str, Any]) -> None:
        self.conversation = ConversationId(payload["cid"])
        self.member = payload["body"]["member_id"]

    def _say(self, frame: str) -> None:
        assert self._socket is not None
        self._socket.say(frame)

    def _receive(self, text: str) -> None:
        if text.startswith("0"):
            self._say("40")
        elif text == "2":
            if self.answers_pings:
                self._say("3")
        elif text.startswith("42"):
            start = text.index("[")
            if number := text[2:start]:
                self._say(f"43{number}[]")
            name, payload = json.loads(text[start:])
            self._note(name, payload)
        self._board.pulse.beat()

    def _note(self, name: str, payload: Mapping[str, Any]) -> None:
        self.frames.append((name, payload))

    async def _until(self, look: Any, otherwise: str) -> None:
        await self._board.pulse.until(
            lambda: True if look() else None, within_s=_PATIENCE_S, otherwise=lambda: otherwise
        )


class _Socket:
    """A WebSocket to the application in this process."""

    def __init__(self, board: Switchboard, query: Mapping[str, str]) -> None:
        self.closed = False
        self._board = board
        self._query = urlencode(query, quote_via=quote)
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self, receive: Any) -> None:
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/v2/rtc/",
            "raw_path": b"/v2/rtc/",
            "query_string": self._query.encode(),
            "root_path": "",
            "headers": [],
            "client": ("192.0.2.2", 40_000),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
            "state": {},
        }
        self._out.put_nowait({"type": "websocket.connect"})

        async def send(message: Message) -> None:
            if message["type"] == "websocket.send" and not self.closed:
                receive(message["text"])
            elif message["type"] == "websocket.close":
                self._over()

        async def run() -> None:
            try:
                await self._board.rest.app(scope, self._out.get, send)
            finally:
                self._over()

        self._task = asyncio.get_running_loop().create_task(run())

    def say(self, frame: str) -> None:
        self._out.put_nowait({"type": "websocket.receive", "text": frame})

    def cut(self) -> None:
        self._over()

    def _over(self) -> None:
        if not self.closed:
            self.closed = True
            self._out.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self._board.pulse.beat()


async def _request(board: Switchboard, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Replied:
    plain, _, query = path.partition("?")
    data = b"" if body is None else json.dumps(body).encode()
    given = {"content-type": "application/json", "host": "ringline.example.net", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("192.0.2.2", 40_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    replied: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
    head: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            head["status"] = message["status"]
            head["headers"] = {name.decode().lower(): value.decode() for name, value in message.get("headers", ())}
        else:
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False) and not replied.done():
                whole = b"".join(chunks)
                is_json = "json" in head["headers"].get("content-type", "")
                replied.set_result(
                    Replied(head["status"], json.loads(whole) if is_json and whole else whole, head["headers"])
                )

    task = asyncio.get_running_loop().create_task(board.rest.app(scope, receive, send))
    done, _ = await asyncio.wait((task, replied), return_when=asyncio.FIRST_COMPLETED)
    if task in done and not replied.done():
        task.result()
    answer = await replied
    await task
    return answer


def new_user(board: Switchboard, app: WebApplication, name: str) -> User:
    """A user of an application."""
    now = board.clock.wallclock()
    return User(
        id=f"USR-{uuid4(board.random)}",
        application=app.id,
        name=name,
        created_at=now,
        updated_at=now,
        display_name=None,
    )
