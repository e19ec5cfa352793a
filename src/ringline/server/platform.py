"""The whole platform: every part made, joined and started in order, and stopped in the opposite one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter

from ringline import __version__
from ringline.accounts import AuditEntry, Secret, TokenVerifier, User, UserNames
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
from ringline.api import ApiOptions, ConversationService, Dependencies, create_app
from ringline.base import ApplicationId, SystemClock, SystemRandom, get_log, uuid4
from ringline.engine.aftermath.recovery import Recovery, in_hand
from ringline.engine.bots import Bots
from ringline.engine.clients.apps import Apps
from ringline.engine.clients.sessions import Clients
from ringline.engine.engine import Engine, EngineOptions, Outside
from ringline.engine.gatherings import Gatherings
from ringline.engine.sip.phones import Phones
from ringline.engine.sip.registrations import Registrations
from ringline.io.bucket_recordings import BucketRecordings
from ringline.io.detection import EarDetector
from ringline.io.http import AiohttpClient
from ringline.io.media import MediaCore
from ringline.io.payments import HookPayments
from ringline.io.prompt_files import HttpPromptFiles
from ringline.io.sip import SipPump, SipResolver
from ringline.io.sockets import CoreSockets
from ringline.io.store import SqlStore
from ringline.io.webrtc import CoreWebRtc
from ringline.routing import RoutingTable
from ringline.server.allowances import change_limits, keeping_of, make_limits, rates_of
from ringline.server.books import (
    make_directory,
    make_peers,
    make_places,
    make_routing,
    reload_directory,
    voices_of,
)
from ringline.server.certificates import certificate_names, ensure_certificates
from ringline.server.figures import Parts, show
from ringline.server.health import Health
from ringline.server.keeping import make_recordings
from ringline.server.metrics import Metrics, MetricsAccess
from ringline.server.secrets import settle_secrets
from ringline.server.secure_sip import SecureSip
from ringline.server.settings import Settings
from ringline.server.shares import Shares
from ringline.server.speech import SpeechEngines
from ringline.server.upkeep import Upkeep
from ringline.server.web import WebListener
from ringline.sip import KeptSums

log = get_log(__name__)


@dataclass(slots=True)
class Farewell:
    """What stopping did, for people."""

    calls_hung_up: int = 0
    notes: list[str] = field(default_factory=list)


class Platform:
    """One running Ringline."""

    def __init__(self, settings: Settings, *, also: Sequence[APIRouter] = ()) -> None:
        """`also` is served beside the API, such as pages for development."""
        self.settings = settings
        self._also = also
        self.clock = SystemClock()
        self.random = SystemRandom()
        data = settings.data_dir
        self.recordings_dir = data / "recordings"
        self.store = SqlStore(settings.store_url(), spool_bytes=settings.store.spool_mb * 1_000_000, data_dir=data)
        self.media = MediaCore(
            bind_ip=settings.media.bind,
            advertise_ip=settings.media_host(),
            port_range=(settings.media.port_min, settings.media.port_max),
            threads=settings.media.threads,
            media_timeout_s=settings.media.media_timeout_s,
            loudest_above=settings.media.loudest_above,
            loudest_speakers=settings.media.loudest_speakers,
        )
        self.webrtc = CoreWebRtc(self.media, codecs=settings.media.browser_codecs, public_ip=settings.public.media_host)
        private = settings.websockets.allow_private
        self.sockets = CoreSockets(
            self.media,
            allow_private=settings.webhooks.allow_private if private is None else private,
            authorities=settings.websockets.ca_file,
            threads=settings.websockets.threads,
        )
        self.recordings = make_recordings(settings, clock=self.clock, random=self.random)
        self.files = HttpPromptFiles(allow_private=settings.webhooks.allow_private, directory=data, clock=self.clock)
        self.http = AiohttpClient(allow_private=settings.webhooks.allow_private)
        self.speech = SpeechEngines(
            settings,
            media=self.media,
            recordings=self.recordings,
            prefers=lambda application: voices_of(self.settings, application),
        )
        self.payments: HookPayments | None = None
        self.metrics = Metrics()
        self.listeners: list[WebListener] = []
        self._secure_sip = SecureSip()
        self._parts = AsyncExitStack()
        self._farewell = Farewell()
        self._agent: UserAgent
        self.engine: Engine
        self.phones: Phones
        self.bots: Bots
        self.apps: Apps
        self.clients: Clients
        self.sip: SipPump
        self.health: Health
        self._upkeep: Upkeep
        self._user_names: UserNames
        self._started = False
        self._draining = False

    # ── start ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Start every part.

        Raises:
            ConfigError: a setting cannot be used here (a port is taken, an address is not ours).
            ProviderError: a folder or file cannot be used.
        """
        settings = self.settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        await self.store.start()
        self._parts.push_async_callback(self._stop_store)
        # Asked before the first new call can come: from then on the store has unfinished legs of this run too.
        remains = await self.store.remains()
        sleepers = await self.store.sleepers()
        self._user_names = UserNames(await self.store.user_names())
        self.media.start(asyncio.get_running_loop())
        self._parts.callback(self.media.shut_down)
        self.sockets.start(asyncio.get_running_loop())
        self._parts.callback(self.sockets.shut_down)
        await self.http.start()
        self._parts.push_async_callback(self.http.close)
        await self.recordings.start()
        self._parts.push_async_callback(self.recordings.close)
        await self.recordings.warm_up()
        self._parts.push_async_callback(self.speech.close)
        await self.speech.start()
        self._parts.push_async_callback(self.files.close)
        directory = make_directory(
            settings,
            saved_applications=await self.store.applications(),
            saved_numbers=await self.store.numbers(),
            saved_domains=await self.store.domains(),
            secrets=await self._settle_secrets(settings),
        )
        if settings.payments.url is not None:
            self.payments = HookPayments(
                settings.payments.url,
                account=lambda: next(iter(directory.accounts().values()), None),
                clock=self.clock,
                random=self.random,
                timeout_s=settings.payments.timeout_s,
            )
            await self.payments.start()
            self._parts.push_async_callback(self.payments.close)
        rates = rates_of(settings)
        limits = make_limits(settings)
        today = self.clock.wallclock().toordinal()
        for owner, seconds, spend in await self.store.usage(today):
            limits.restore(owner, day=today, seconds=seconds, spend=spend)
        self.engine = Engine(
            Outside(
                media=self.media,
                voice=self.speech.voice,
                files=self.files,
                recordings=self.recordings,
                http=self.http,
                store=self.store,
                detector=EarDetector(self.media),
                recogniser=self.speech.recogniser if settings.recognition.engines else None,
                transcriber=self.speech.transcriber if settings.recognition.engines else None,
                payments=self.payments,
                chronicle=self.store,
            ),
            directory,
            EngineOptions(
                public_url=settings.base_url(),
                file_url=settings.file_url(),
                legs_per_second=settings.limits.calls_per_second,
                inbound_limit_s=settings.limits.inbound_limit_s,
                conversation_legs=settings.limits.conversation_legs,
                limits=limits,
                rates=rates,
                rate_step_s=settings.prices.step_s,
            ),
            clock=self.clock,
            random=self.random,
        )
        self.clients = Clients(
            clock=self.clock,
            random=self.random,
            grace_s=settings.clients.session_grace_s,
            per_user=settings.clients.sessions_per_user,
            leeway_s=settings.auth.leeway_s,
        )
        self.apps = Apps(
            engine=self.engine,
            clients=self.clients,
            webrtc=self.webrtc,
            media=self.media,
            clock=self.clock,
            random=self.random,
            media_grace_s=settings.clients.media_grace_s,
        )
        self.engine.add_endpoint(self.apps, "app")
        self.bots = Bots(engine=self.engine, sockets=self.sockets, media=self.media)
        self.engine.add_endpoint(self.bots, "websocket")
        self.engine.conversations.remember(one for one in sleepers if one.record.id not in in_hand(remains))
        await self._start_sip(make_routing(settings, directory, directory.domains.made()))
        directory.domains.watch(self._route_anew)
        self._parts.push_async_callback(self.sip.stop)
        self.health = Health(
            voice=self.speech.voice,
            recogniser=self.speech.recogniser,
            store=self.store,
            draining=lambda: self._draining,
            starting=lambda: not self._started,
            notes=lambda: [f"speech: {why}" for why in self.speech.voice.troubles().values()],
        )
        self._show_figures()
        self._parts.push_async_callback(self.metrics.stop)
        await self._start_web()
        self._parts.push_async_callback(self._stop_engine)
        self._upkeep = Upkeep(
            store=self.store,
            recordings=self.recordings,
            directory=directory,
            clock=self.clock,
            keeping=keeping_of(settings),
        )
        self._upkeep.start()
        self._parts.push_async_callback(self._upkeep.stop)
        left_over = in_hand(remains)
        recovered = await Recovery(self.engine, self.store, end_dialogs=self.phones.end_remnants).run(remains)
        self.engine.conversations.remember(one for one in sleepers if one.record.id in left_over)
        if recovered.legs or recovered.events:
            log.warning(
                "the last run was brought to its end",
                calls=recovered.legs,
                far_ends_told=recovered.dialogs,
                webhooks=recovered.events,
                recordings=recovered.recordings,
            )
        await self.engine.recorder.drained()
        await self.recordings.sweep()
        self._started = True

    async def _start_sip(self, routing: RoutingTable) -> None:
        settings = self.settings
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
        self._agent = UserAgent(
            config,
            self.random,
            self._admit,
            self._password_of,
            registers=self._may_register,
            trusts=self._trusts,
        )
        self.sip = SipPump(self._agent, self.clock, on_event=self._sip_event, resolver=resolver, places=places)
        self.phones = Phones(
            engine=self.engine,
            link=self.sip,
            media=self.media,
            directory=self.engine.directory,
            routing=routing,
            resolver=resolver,
            codecs=settings.media.codecs,
            places=places,
            random=self.random,
            webrtc=self.webrtc,
        )
        self.engine.add_endpoint(self.phones, "phone", "sip", "vbc")
        self._registrations = Registrations(self.sip, self.store, self.clock)
        if devices := await self._registrations.restore():
            log.info("phones that registered before the restart are known", devices=devices)
        await self.sip.start(settings.sip.bind, settings.sip.port, transports=settings.sip_transports())
        await self._secure_sip.start(settings, self.sip, now=self.clock.wallclock())
        self._watch_trunks(settings)

    def _watch_trunks(self, settings: Settings) -> None:
        peers = make_peers(settings)
        self.sip.command(lambda agent, now: agent.peers.watch(peers, now))

    async def _start_web(self) -> None:
        settings = self.settings
        app = create_app(
            Dependencies(
                calls=self.engine,
                directory=self.engine.directory,
                records=self.store,
                registry=self.store,
                files=self.recordings,
                distant_files=self.recordings if isinstance(self.recordings, BucketRecordings) else None,
                tokens=TokenVerifier(
                    self.engine.directory.application,
                    user_exists=self._user_names.exists,
                    leeway_s=settings.auth.leeway_s,
                    reject_replays=settings.auth.jti_replay == "reject",
                ),
                clock=self.clock,
                random=self.random,
                options=ApiOptions(
                    public_url=settings.public.base_url,
                    requests_per_second=settings.limits.requests_per_second,
                    failed_logins_per_minute=settings.limits.failed_logins_per_minute,
                    vbc_extensions=settings.has_extensions(),
                    accept_bad_ncco=settings.compat.accept_bad_ncco,
                    always_send_times=settings.compat.always_send_times,
                    sip_realm=settings.sip.realm,
                    sip_host=settings.sip_host(),
                    balance=settings.account.balance if settings.account is not None else 0.0,
                    number_pool=settings.account.number_pool if settings.account is not None else (),
                    any_number=settings.profile == "dev",
                ),
                conversations=ConversationService(
                    gatherings=Gatherings(self.engine, clock=self.clock, random=self.random),
                    chronicle=self.store,
                    user_names=self._user_names,
                    apps=self.apps,
                ),
                refuses_calls=self._refuses_calls,
                pace=self.store.pace,
                measure=self.metrics.request,
            ),
            also=[self.health.router(), self.metrics.router(self._metrics_access()), *self._also],
        )
        server = settings.server
        shares = Shares(app, sockets=settings.clients.sockets)
        plain = WebListener(shares)
        await plain.start(server.http_bind, server.http_port, key="server.http_port")
        self._parts.push_async_callback(plain.stop)
        self.listeners.append(plain)
        if server.https_port is not None:
            cert_file, key_file = await self._certificate()
            secure = WebListener(shares, cert_file=cert_file, key_file=key_file)
            await secure.start(server.https_bind, server.https_port, key="server.https_port")
            self._parts.push_async_callback(secure.stop)
            self.listeners.append(secure)

    def _metrics_access(self) -> MetricsAccess:
        given = self.settings.metrics
        return MetricsAccess(
            token=given.token.get_secret_value() if given.token is not None else None, anyone=given.anyone
        )

    async def _certificate(self) -> tuple[Path, Path]:
        """The certificate of the settings, or one of an authority of our own."""
        server = self.settings.server
        if server.cert_file is not None and server.key_file is not None:
            return server.cert_file, server.key_file
        made = await asyncio.to_thread(
            ensure_certificates,
            self.settings.certificates_dir(),
            names=certificate_names(self.settings),
            now=self.clock.wallclock(),
        )
        return made.cert_file, made.key_file

    def _show_figures(self) -> None:
        parts = Parts(
            engine=self.engine,
            agent=self._agent,
            phones=self.phones,
            apps=self.apps,
            media=self.media,
            sockets=self.sockets,
            secure_sip=self._secure_sip,
            store=self.store,
            recordings=self.recordings,
            files=self.files,
            speech=self.speech,
        )
        show(self.metrics, parts)
        self.metrics.start()

    def _sip_event(self, event: AgentEvent) -> None:
        if isinstance(event, Traced):
            self.metrics.sip_message(event.direction, event.line)
        elif isinstance(event, PeerState):
            log.info("a trunk changed", trunk=event.name, up=event.up, registered=event.registered, why=event.why)
        elif isinstance(event, Registered):
            self._registrations.changed(event.user)
        self.phones.heard(event)

    async def make_user(self, application: ApplicationId, name: str) -> User:
        """The user of that name in an application; made when there is none."""
        known = await self.store.user(application, name)
        if known is None:
            now = self.clock.wallclock()
            known = User(
                id=f"USR-{uuid4(self.random)}", application=application, name=name, created_at=now, updated_at=now
            )
            await self.store.save_user(known)
            self._user_names.add(application, name)
        return known

    # ── what the user agent asks and tells ─────────────────────────────────────────────────────────────────────────

    def _admit(self, invite: InviteContext) -> Admission:
        source = invite.source.remote[0]
        return self.phones.routing.admit(
            source=source,
            username=invite.username,
            to_host=invite.request_uri.host,
            registered_at=self._agent.peers.at(source),
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
        return self.phones.routing.trusts(address) or self._agent.peers.at(address) is not None

    def _password_of(self, username: str) -> str | KeptSums | None:
        account = self.engine.directory.account(username)
        if account is not None:
            return KeptSums(account.sip_sums(self.settings.sip.realm))
        return self.phones.routing.password_of(username)

    def _route_anew(self, gone: Sequence[str]) -> None:
        """A SIP domain was changed through the API, and these users are gone by it."""
        directory = self.engine.directory
        self.phones.routing = make_routing(self.settings, directory, directory.domains.made())

        def forget(agent: UserAgent, _now: float) -> None:
            for user in gone:
                agent.forget_bindings(user)

        self.sip.command(forget)

    async def _settle_secrets(self, settings: Settings) -> tuple[Secret, ...] | None:
        return await settle_secrets(settings, self.store, clock=self.clock, random=self.random)

    # ── reload and stop ────────────────────────────────────────────────────────────────────────────────────────────

    async def reload(self, new: Settings) -> None:
        """Put changed trunks, users, domains, numbers, applications, secret and SIP's certificates into force; calls go
        on untouched.
        """
        rates = rates_of(new)
        contexts = await self._secure_sip.prepare(new, now=self.clock.wallclock())
        secrets = await self._settle_secrets(new)
        self.store.write_audit(
            AuditEntry(
                at=self.clock.wallclock(), actor="operator", action="settings.reload", target="ringline.toml", source=""
            )
        )
        reload_directory(self.engine.directory, old=self.settings, new=new, secrets=secrets)
        self.phones.routing = make_routing(new, self.engine.directory, self.engine.directory.domains.made())
        self._secure_sip.change(contexts)
        change_limits(self.engine.guard.limits, new)
        self._upkeep.keeping = keeping_of(new)
        self.engine.guard.rates, self.engine.guard.step_s = rates, new.prices.step_s
        self._watch_trunks(new)
        self.settings = new
        log.info("settings were read again", trunks=len(new.trunks), users=len(new.users), numbers=len(new.numbers))

    async def drain(self, seconds: float) -> None:
        """Take no new calls, and wait for the live ones to end, so long at most."""
        self._draining = True
        self.sip.command(lambda agent, now: setattr(agent, "draining", True))
        # Providers we registered with shall send new calls elsewhere.
        self.sip.command(lambda agent, now: agent.peers.watch((), now))
        try:
            async with asyncio.timeout(seconds):
                await self.engine.idle()
        except TimeoutError:
            log.info("calls are still up after draining", calls=len(self.engine.live_legs()))

    async def stop(self) -> Farewell:
        """Hang up what is left, let the last webhooks and recordings out, and close every part that was started."""
        await self._parts.aclose()
        return self._farewell

    async def _stop_engine(self) -> None:
        self._farewell.calls_hung_up = len(self.engine.live_legs())
        self.bots.stopping = True
        await self.engine.close()
        self.clients.close()
        self.sip.command(lambda agent, now: agent.peers.watch((), now))

    async def _stop_store(self) -> None:
        unwritten = await self.store.stop()
        if unwritten:
            self._farewell.notes.append(f"{unwritten} journal lines could not be written")

    def _refuses_calls(self) -> str | None:
        if self._draining:
            return "the platform is stopping"
        return "the store is behind" if self.store.overloaded() else None
