"""A phone made of Ringline's own parts: the SIP user agent, its sockets and the media core.

async with Softphone() as phone:
    call = await phone.dial("sip:demo@127.0.0.1:5060", username="demo", password="…")
    if await call.answered():
        call.press("1")
        await call.ended()
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from ringline import __version__, sdp
from ringline.agent import (
    Admission,
    Admit,
    AgentConfig,
    AgentEvent,
    IncomingCall,
    InviteContext,
    Notice,
    OutgoingInvite,
    UserAgent,
)
from ringline.base import (
    ConfigError,
    LegId,
    MediaError,
    RemoteProtocolError,
    SystemClock,
    SystemRandom,
    new_leg_id,
)
from ringline.cli._softcall import Happening, SoftCall
from ringline.engine.ports import KeysSent, MediaEvent, PlaybackFinished
from ringline.io.media import MediaCore
from ringline.io.sip import SipPump, SipResolver
from ringline.sip import Credentials, Destination, Uri

__all__ = ["Happening", "SoftCall", "Softphone"]

MEDIA_PORTS: Final = (20_000, 20_998)
"Away from those of a platform on the same machine."


class Softphone:
    """A phone that makes calls, and takes all that come once `on_call` is set."""

    def __init__(
        self,
        *,
        bind: str = "127.0.0.1",
        port: int = 0,
        media_ports: tuple[int, int] = MEDIA_PORTS,
        codecs: tuple[str, ...] = ("PCMA", "PCMU"),
        watch: Callable[[Happening], None] | None = None,
    ) -> None:
        """`port` 0 takes a free one. `watch` is told what happens, on the event loop."""
        self.on_call: Callable[[SoftCall], None] | None = None
        "Given each call that comes in, while it rings; without it callers get 480."
        self._bind = bind
        self._port = port
        self._codecs = codecs
        self._watch = watch
        self._clock = SystemClock()
        self._random = SystemRandom()
        self._media = MediaCore(bind_ip=bind, port_range=media_ports, threads=1)
        self._pump: SipPump | None = None
        self._calls: dict[LegId, SoftCall] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Where it can be called."""
        return self._bind, self._port

    # ── its life ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open the sockets.

        Raises:
            ConfigError: the address or port cannot be used.
            MediaError: the media core cannot start.
        """
        if not self._port:
            self._port = _free_port(self._bind)
        config = AgentConfig(
            contacts=dict.fromkeys(("udp", "tcp"), self.address),
            user_agent=f"Ringline-phone/{__version__}",
            realm="ringline-phone",
        )
        agent = UserAgent(config, self._random, _let_in, lambda username: None)
        pump = SipPump(agent, self._clock, on_event=self._heard)
        self._media.listen(self._heard_media)
        self._media.start(asyncio.get_running_loop())
        try:
            await pump.start(self._bind, self._port, transports=("udp", "tcp"))
        except ConfigError as error:
            self._media.shut_down()
            raise ConfigError(error.why, where="command line", key="--port") from error
        except BaseException:
            self._media.shut_down()
            raise
        self._pump = pump

    async def stop(self) -> None:
        """Hang up everything and close the sockets. A second call does nothing."""
        if self._pump is None:
            return
        for call in list(self._calls.values()):
            call.hang_up()
        pump, self._pump = self._pump, None
        await pump.stop()
        self._media.shut_down()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def dial(
        self,
        uri: str,
        *,
        username: str | None = None,
        password: str | None = None,
        caller: str | None = None,
        display: str = "",
    ) -> SoftCall:
        """Call a SIP address. `caller` is the user part shown as From, `username` when it is not given.

        Raises:
            ConfigError: the address is none, or its host cannot be found.
            MediaError: no port for audio is free.
        """
        target = _read(uri)
        destinations = await self._resolve(target)
        leg = new_leg_id(self._random)
        call = self._open(leg, f"to {uri}")
        offer = sdp.offer(call.capabilities)
        call.offered = offer
        user = caller or username or "anonymous"
        from_uri = str(Uri("sip", user, target.host if username else self._bind))
        invite = OutgoingInvite(
            request_uri=str(target),
            destinations=destinations,
            from_=(display, from_uri),
            to=str(target.without_secrets()),
            sdp=bytes(offer),
            credentials=Credentials(username=username, password=password or "") if username else None,
        )
        self._command(lambda agent, now: agent.dial(leg, invite, now=now))
        return call

    async def _resolve(self, target: Uri) -> tuple[Destination, ...]:
        found = await SipResolver().resolve(target.host, target.port, target.transport)
        if not found:
            raise ConfigError("cannot be found", where="command line", key=target.host)
        return tuple(found)

    def _open(self, leg: LegId, about: str) -> SoftCall:
        host, port = self._media.open(leg)
        capabilities = sdp.Capabilities(
            host=host, port=port, session_id=int(leg.replace("-", "")[:15], 16), codecs=self._codecs
        )
        call = SoftCall(
            leg,
            capabilities,
            media=self._media,
            command=self._command,
            clock=self._clock,
            random=self._random,
            watch=self._watch,
            forget=self._forget,
            about=about,
        )
        self._calls[leg] = call
        return call

    def _forget(self, leg: LegId) -> None:
        self._calls.pop(leg, None)
        self._media.close(leg)

    def _command(self, act: Callable[[UserAgent, float], None]) -> None:
        if self._pump is not None:
            self._pump.command(act)

    # ── what it hears ──────────────────────────────────────────────────────────────────────────────────────────────

    def _heard(self, event: AgentEvent) -> None:
        if isinstance(event, IncomingCall):
            self._incoming(event)
        elif isinstance(event, Notice):
            return
        elif event.leg is not None and (call := self._calls.get(event.leg)) is not None:
            call.heard(event)

    def _incoming(self, event: IncomingCall) -> None:
        leg = event.leg
        if self.on_call is None or event.sdp is None:
            status = 480 if self.on_call is None else 488
            self._command(lambda agent, now: agent.refuse(leg, status, now=now))
            return
        try:
            offer = sdp.SessionDescription.parse(event.sdp)
            call = self._open(leg, f"from {event.from_user or 'somebody'}")
        except (RemoteProtocolError, MediaError):
            self._command(lambda agent, now: agent.refuse(leg, 488, now=now))
            return
        call.far_offer = offer
        self._command(lambda agent, now: agent.ring(leg, now=now))
        call.tell("incoming", f"call from {event.from_user or 'somebody'}")
        self.on_call(call)

    def _heard_media(self, event: MediaEvent) -> None:
        if isinstance(event, PlaybackFinished | KeysSent):
            for call in list(self._calls.values()):
                call.heard_effect(event)
            return
        leg: LegId | None = getattr(event, "leg", None)
        if leg is not None and leg in self._calls:
            self._calls[leg].heard_media(event)


def _let_in(invite: InviteContext) -> Admission:
    """A phone takes calls from anybody who can reach it; it binds loopback unless told otherwise."""
    return Admit("caller")


def _read(uri: str) -> Uri:
    try:
        target = Uri.parse(uri if ":" in uri.partition("@")[0] else f"sip:{uri}")
    except RemoteProtocolError as error:
        raise ConfigError(f"is no SIP address ({error})", where="command line", key=uri) from error
    if target.scheme != "sip":
        raise ConfigError("is no sip: address", where="command line", key=uri)
    return target


def _free_port(host: str) -> int:
    """A port that is free for UDP and TCP now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(20):
        with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((host, 0))
                tcp.bind((host, udp.getsockname()[1]))
            except OSError as error:
                last = error
                continue
            return int(udp.getsockname()[1])
    raise ConfigError(f"no free port: {last.strerror}", where="command line", key=host)
