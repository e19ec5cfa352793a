"""SIP over TLS and WebSocket: the listeners, and their certificates, which may change while connections stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from ringline.base import ConfigError
from ringline.io.sip import SipPump
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.framing import Framing, StreamFraming
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.tls import TlsContexts, make_contexts
from ringline.io.sip.ws import WebSocketFraming
from ringline.server.certificates import server_certificate

if TYPE_CHECKING:
    from ringline.server.settings import Settings


class SecureSip:
    """The TLS and WebSocket ports of SIP, one on every address that is bound."""

    def __init__(self) -> None:
        self._listeners: list[TcpConnections] = []

    async def start(self, settings: Settings, pump: SipPump, *, now: datetime) -> None:
        """Listen, if the settings want it; the pump closes what it is given.

        Raises:
            ConfigError: the port cannot be had, or a file cannot be used.
        """
        sip = settings.sip
        everywhere = tuple(dict.fromkeys((sip.bind, *(each.bind for each in sip.places if each.bind is not None))))
        here = tuple(bind for bind in everywhere if ip_address(bind).is_loopback) or ("127.0.0.1",)
        contexts = None
        if sip.tls_port is not None or sip.wss_port is not None:
            contexts = await asyncio.to_thread(_contexts, settings, now)
        if sip.tls_port is not None:
            await self._listen(pump, "tls", everywhere, sip.tls_port, contexts, StreamFraming)
        web = partial(WebSocketFraming, sip.ws_origins)
        if sip.wss_port is not None:
            await self._listen(pump, "wss", everywhere, sip.wss_port, contexts, web)
        if sip.ws_port is not None:
            await self._listen(pump, "ws", here, sip.ws_port, None, web)

    async def _listen(
        self,
        pump: SipPump,
        name: str,
        binds: Sequence[str],
        port: int,
        tls: TlsContexts | None,
        framing: Callable[[], Framing],
    ) -> None:
        for bind in binds:
            listener = TcpConnections(pump.message, pump.lost, TcpLimits(), name=name, tls=tls, framing=framing)
            try:
                await listener.listen(bind, port)
            except OSError as error:
                why = f"cannot listen on {bind}:{port}: {error.strerror or error}"
                raise ConfigError(why, where="settings", key=f"sip.{name}_port") from error
            port = listener.local[1]
            self._listeners.append(listener)
            pump.carry_over(listener)

    async def prepare(self, settings: Settings, *, now: datetime) -> TlsContexts | None:
        """Read the certificates again, as they are now; None where nobody listens.

        Raises:
            ConfigError: a file cannot be used; nothing has changed.
        """
        private = any(listener.tls is not None for listener in self._listeners)
        return await asyncio.to_thread(_contexts, settings, now) if private else None

    def change(self, contexts: TlsContexts | None) -> None:
        """Use what was read for new connections; those that stand go on."""
        for listener in self._listeners:
            if listener.tls is not None:
                listener.tls = contexts or listener.tls

    def gauges(self) -> dict[str, float]:
        """Figures by name, of all ports together."""
        found: dict[str, float] = {}
        for listener in self._listeners:
            for name, value in listener.gauges().items():
                found[name] = found.get(name, 0) + value
        return found


def certificate_files(settings: Settings, *, now: datetime) -> tuple[Path, Path]:
    """Certificate and key for SIP: its own, else those of `[server]`, else of an authority of our own.

    Raises:
        ConfigError: the files of our own making cannot be written, or are damaged.
    """
    sip = settings.sip
    if sip.tls_cert_file is not None and sip.tls_key_file is not None:
        return sip.tls_cert_file, sip.tls_key_file
    return server_certificate(settings, now=now)


def _contexts(settings: Settings, now: datetime) -> TlsContexts:
    cert_file, key_file = certificate_files(settings, now=now)
    sip = settings.sip
    return make_contexts(cert_file, key_file, ca_file=sip.tls_ca_file, unverified=sip.tls_unverified)
