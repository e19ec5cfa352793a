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
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
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
    PeerSpec,
    PeerState,
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
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.tls import TlsContexts, client_context
from ringline.sip import Credentials, Destination, Uri

__all__ = ["Happening", "Privacy", "SoftCall", "Softphone"]

MEDIA_PORTS: Final = (20_000, 20_998)
"Away from those of a platform on the same machine."


_REGISTRAR: Final = "registrar"
_REGISTER_S: Final = 10.0
_LEAVE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How much of its calls a phone keeps from others."""

    tls: bool = False
    "Signalling goes over TLS, where the address does not say otherwise."
    ca_file: Path | None = None
    "A PEM file of authorities that are believed besides those of the system."
    unverified: bool = False
    "Take every certificate as it is."
    srtp: str = "off"
    "Whether audio is encrypted: `off`, `optional` (where the far end wants it; offered over TLS) or `required`."


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
        privacy: Privacy | None = None,
    ) -> None:
        """`port` 0 takes a free one. `watch` is told what happens, on the event loop."""
        self.on_call: Callable[[SoftCall], None] | None = None
        "Given each call that comes in, while it rings; without it callers get 480."
        self._bind = bind
        self._port = port
        self._codecs = codecs
        self._privacy = privacy or Privacy()
        self._registration: asyncio.Future[PeerState] | None = None
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
        contacts = dict.fromkeys(("udp", "tcp"), self.address)
        if self._privacy.tls:
            contacts["tls"] = (self._bind, _free_port(self._bind))
        config = AgentConfig(
            contacts=contacts,
            user_agent=f"Ringline-phone/{__version__}",
            realm="ringline-phone",
        )
        agent = UserAgent(config, self._random, _let_in, lambda username: None)
        contexts = _contexts(self._privacy) if self._privacy.tls else None
        self._resolver = SipResolver(transports=tuple(contacts))
        pump = SipPump(agent, self._clock, on_event=self._heard, resolver=self._resolver)
        self._media.listen(self._heard_media)
        self._media.start(asyncio.get_running_loop())
        try:
            await pump.start(self._bind, self._port, transports=("udp", "tcp"))
            if contexts is not None:
                private = TcpConnections(pump.message, pump.lost, TcpLimits(), name="tls", tls=contexts)
                await private.listen(*contacts["tls"])
                pump.carry_over(private)
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
        if self._registration is not None:
            await self._deregister()
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

    async def register(self, registrar: str, *, username: str, password: str) -> None:
        """Log in at a registrar (`host`, `host:port` or a SIP address), so that calls to the user come here; and stay.

        Raises:
            ConfigError: the address is none, the registrar refuses or says nothing.
        """
        at = _read(registrar, self._privacy)
        spec = PeerSpec(
            name=_REGISTRAR,
            uri=str(Uri(at.scheme, None, at.host, at.port, at.params)),
            aor=str(Uri("sip", username, at.host, at.port)),
            registers=True,
            credentials=Credentials(username=username, password=password),
        )
        self._registration = asyncio.get_running_loop().create_future()
        self._command(lambda agent, now: agent.peers.watch((spec,), now))
        try:
            async with asyncio.timeout(_REGISTER_S):
                state = await self._registration
        except TimeoutError:
            raise ConfigError("no answer to the registration", where="command line", key=registrar) from None
        if not state.registered:
            raise ConfigError(f"refuses the registration ({state.why})", where="command line", key=registrar)

    async def _deregister(self) -> None:
        """Take the registration back, in the time it may take."""
        self._command(lambda agent, now: agent.peers.watch((), now))
        left: list[int] = [1]
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                while left[-1]:
                    self._command(lambda agent, _now: left.append(agent.gauges()["client_transactions"]))
                    await asyncio.sleep(0.02)

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
        target = _read(uri, self._privacy)
        destinations = await self._resolve(target)
        leg = new_leg_id(self._random)
        call = self._open(leg, f"to {uri}", private=all(each.transport == "tls" for each in destinations))
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
        wanted = "tls" if target.scheme == "sips" else target.transport
        found = await self._resolver.resolve(target.host, target.port, wanted)
        if not found:
            raise ConfigError("cannot be found", where="command line", key=target.host)
        return tuple(found)

    def _open(self, leg: LegId, about: str, *, private: bool = False) -> SoftCall:
        """`private`: nobody else reads the signalling, so it may name keys unasked."""
        host, port = self._media.open(leg)
        capabilities = sdp.Capabilities(
            host=host,
            port=port,
            session_id=int(leg.replace("-", "")[:15], 16),
            codecs=self._codecs,
            srtp=self._privacy.srtp,
            offers_srtp=private,
            keys=tuple((suite, self._random.bytes(sdp.KEY_BYTES)) for suite in sdp.SUITES),
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
        elif isinstance(event, PeerState):
            if self._registration is not None and not self._registration.done():
                self._registration.set_result(event)
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


def _read(uri: str, privacy: Privacy) -> Uri:
    """A SIP address as people write them; over TLS where that is wanted and the address does not say otherwise."""
    named = uri.lower().startswith(("sip:", "sips:", "tel:")) or (":" in uri.partition("@")[0] and "@" in uri)
    try:
        target = Uri.parse(uri if named else f"sip:{uri}")
    except RemoteProtocolError as error:
        raise ConfigError(f"is no SIP address ({error})", where="command line", key=uri) from error
    if target.scheme not in ("sip", "sips"):
        raise ConfigError("is no sip: address", where="command line", key=uri)
    if "tls" in (target.transport, target.scheme.replace("sips", "tls")) and not privacy.tls:
        raise ConfigError("wants TLS: add --tls", where="command line", key=uri)
    if privacy.tls and target.transport is None and target.scheme == "sip":
        target = replace(target, params=target.params.with_("transport", "tls"))
    return target


def _contexts(privacy: Privacy) -> TlsContexts:
    """Nobody connects to a phone over TLS: the registrar calls it over the connection it has made.

    Raises:
        ConfigError: the file of authorities cannot be used.
    """
    try:
        client = client_context(privacy.ca_file)
    except ConfigError as error:
        raise ConfigError(error.why, where="command line", key="--ca") from error
    if privacy.unverified:
        client.verify_mode = ssl.CERT_NONE
    return TlsContexts(server=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), client=client, anybody=privacy.unverified)


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
