"""SIP as a part of the platform: the user agent, its sockets, the endpoint behind it, and who may come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ringline import __version__
from ringline.agent import (
    Admission,
    AgentConfig,
    AgentEvent,
    InviteContext,
    PeerState,
    RegisterContext,
    Registered,
    Traced,
    UserAgent,
)
from ringline.base import Clock, Random, get_log
from ringline.engine.engine import Engine
from ringline.engine.sip.phones import Phones
from ringline.engine.sip.registrations import Registrations
from ringline.io.media import MediaCore
from ringline.io.sip import SipPump, SipResolver
from ringline.io.sip.tls import TlsContexts
from ringline.io.store import SqlStore
from ringline.io.webrtc import CoreWebRtc
from ringline.routing import RoutingTable
from ringline.server.books import make_peers, make_places, make_routing
from ringline.server.secure_sip import SecureSip
from ringline.server.settings import Settings
from ringline.sip import KeptSums

log = get_log(__name__)


class SipService:
    """Everything of one platform that speaks SIP. Make it, `start` it once, `stop` it."""

    def __init__(
        self,
        settings: Settings,
        *,
        engine: Engine,
        media: MediaCore,
        webrtc: CoreWebRtc,
        store: SqlStore,
        clock: Clock,
        random: Random,
        on_message: Callable[[str, str], None],
    ) -> None:
        """`on_message` is told the direction (`in`, `out`) and the first line of every message."""
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._on_message = on_message
        places = make_places(settings)
        config = AgentConfig(
            contacts=settings.sip_contacts(),
            user_agent=f"Ringline/{__version__}",
            realm=settings.sip.realm,
            places=places.others,
            takes_refer=True,
        )
        binds = [settings.sip.bind, *(place.bind or "" for place in places.others)]
        resolver = SipResolver(ipv6=any(":" in bind for bind in binds), transports=settings.sip_transports())
        self.agent = UserAgent(
            config,
            random,
            self._admit,
            self._password_of,
            registers=self._may_register,
            trusts=self._trusts,
        )
        self.pump = SipPump(self.agent, clock, on_event=self._heard, resolver=resolver, places=places)
        self.phones = Phones(
            engine=engine,
            link=self.pump,
            media=media,
            directory=engine.directory,
            routing=self._table(settings),
            resolver=resolver,
            codecs=settings.media.codecs,
            places=places,
            random=random,
            webrtc=webrtc,
        )
        self.secure = SecureSip()
        self._registrations = Registrations(self.pump, store, clock)

    async def start(self) -> None:
        """Remember who had registered, and listen.

        Raises:
            ConfigError: an address or a port cannot be had, or a certificate cannot be used.
        """
        settings = self._settings
        if devices := await self._registrations.restore():
            log.info("phones that registered before the restart are known", devices=devices)
        await self.pump.start(settings.sip.bind, settings.sip.port, transports=settings.sip_transports())
        await self.secure.start(settings, self.pump, now=self._clock.wallclock())
        self._watch_trunks(settings)

    async def stop(self) -> None:
        """Close every socket."""
        await self.pump.stop()

    # ── changes while calls go on ──────────────────────────────────────────────────────────────────────────────────

    async def prepare(self, new: Settings) -> TlsContexts | None:
        """Read the certificates again; what they give is for `change`.

        Raises:
            ConfigError: a file cannot be used; nothing has changed.
        """
        return await self.secure.prepare(new, now=self._clock.wallclock())

    def change(self, new: Settings, contexts: TlsContexts | None) -> None:
        """Put trunks, users, domains and certificates of new settings into force."""
        self.phones.routing = self._table(new)
        self.secure.change(contexts)
        self._watch_trunks(new)
        self._settings = new

    def route_anew(self, gone: Sequence[str]) -> None:
        """A SIP domain was changed through the API, and these users are gone by it."""
        self.phones.routing = self._table(self._settings)

        def forget(agent: UserAgent, _now: float) -> None:
            for user in gone:
                agent.forget_bindings(user)

        self.pump.command(forget)

    def drain(self) -> None:
        """Take no new calls; those that stand go on."""
        self.pump.command(lambda agent, now: setattr(agent, "draining", True))
        self.leave_trunks()

    def leave_trunks(self) -> None:
        """Providers we registered with shall send new calls elsewhere."""
        self.pump.command(lambda agent, now: agent.peers.watch((), now))

    def _watch_trunks(self, settings: Settings) -> None:
        peers = make_peers(settings)
        self.pump.command(lambda agent, now: agent.peers.watch(peers, now))

    def _table(self, settings: Settings) -> RoutingTable:
        directory = self._engine.directory
        return make_routing(settings, directory, directory.domains.made())

    # ── what the user agent asks and tells ─────────────────────────────────────────────────────────────────────────

    def _admit(self, invite: InviteContext) -> Admission:
        source = invite.source.remote[0]
        return self.phones.routing.admit(
            source=source,
            username=invite.username,
            to_host=invite.request_uri.host,
            registered_at=self.agent.peers.at(source),
            transport=invite.source.transport,
        )

    def _may_register(self, register: RegisterContext) -> Admission:
        return self.phones.routing.may_register(
            source=register.source.remote[0],
            username=register.username,
            aor_user=register.aor_user,
            transport=register.source.transport,
        )

    def _trusts(self, address: str) -> bool:
        return self.phones.routing.trusts(address) or self.agent.peers.at(address) is not None

    def _password_of(self, username: str) -> str | KeptSums | None:
        account = self._engine.directory.account(username)
        if account is not None:
            return KeptSums(account.sip_sums(self._settings.sip.realm))
        return self.phones.routing.password_of(username)

    def _heard(self, event: AgentEvent) -> None:
        if isinstance(event, Traced):
            self._on_message(event.direction, event.line)
        elif isinstance(event, PeerState):
            log.info("a trunk changed", trunk=event.name, up=event.up, registered=event.registered, why=event.why)
        elif isinstance(event, Registered):
            self._registrations.changed(event.user)
        self.phones.heard(event)
