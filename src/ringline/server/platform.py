"""The whole platform: every part made, joined and started in order, and stopped in the opposite one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ringline import __version__
from ringline.accounts import TokenVerifier
from ringline.agent import Admission as AgentAdmission
from ringline.agent import Admit as LetIn
from ringline.agent import AgentConfig, AgentEvent, InviteContext, Traced, UserAgent
from ringline.agent import Challenge as AskWho
from ringline.agent import Refuse as TurnAway
from ringline.api import ApiOptions, Dependencies, create_app
from ringline.base import SystemClock, SystemRandom, get_log
from ringline.engine.engine import Engine, EngineOptions, Outside
from ringline.engine.phones import Phones
from ringline.engine.recovery import close_unfinished
from ringline.io.http import AiohttpClient
from ringline.io.media import MediaCore
from ringline.io.prompt_files import HttpPromptFiles
from ringline.io.recordings import FileRecordings
from ringline.io.sip import SipPump, SipResolver
from ringline.io.store import SqlStore
from ringline.io.workers import WorkerPool
from ringline.providers import SpeechCache, SpeechEngine, WorkerProgram, load
from ringline.routing import Admit, Challenge, RoutingTable
from ringline.server.books import make_directory, make_routing, reload_directory
from ringline.server.certificates import ensure_certificates, server_names
from ringline.server.health import Health
from ringline.server.metrics import Metrics
from ringline.server.settings import Settings
from ringline.server.upkeep import Upkeep
from ringline.server.web import WebListener

log = get_log(__name__)
_CODECS = ("PCMA", "PCMU")
_MEDIA_COUNTERS = (
    "busy_seconds",
    "frames_skipped",
    "keys_received",
    *(f"packets_{kind}" for kind in ("foreign", "late", "lost", "malformed", "received", "rtcp", "sent", "unsendable")),
    "slots",
    "slots_late",
)
_STORE_COUNTERS = ("store_rows_written", "store_rows_dropped", "store_rows_refused")


@dataclass(slots=True)
class Farewell:
    """What stopping did, for people."""

    calls_hung_up: int = 0
    notes: list[str] = field(default_factory=list)


class Platform:
    """One running Ringline."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.random = SystemRandom()
        data = settings.data_dir
        self.recordings_dir = data / "recordings"
        self.store = SqlStore(settings.store_url())
        self.media = MediaCore(
            bind_ip=settings.media.bind,
            advertise_ip=settings.media_host(),
            port_range=(settings.media.port_min, settings.media.port_max),
            threads=settings.media.threads,
            media_timeout_s=settings.media.media_timeout_s,
        )
        self.recordings = FileRecordings(self.recordings_dir, clock=self.clock, random=self.random)
        self.files = HttpPromptFiles(allow_private=settings.webhooks.allow_private)
        self.http = AiohttpClient(allow_private=settings.webhooks.allow_private)
        self._cache = SpeechCache(data / "speech", max_bytes=settings.speech.cache_mb * 1_000_000)
        self.voice: SpeechEngine = load(
            settings.speech.engines,
            open_workers=self._open_workers,
            settings=settings.speech.options,
            cache=self._cache,
        )
        self.metrics = Metrics()
        self.listeners: list[WebListener] = []
        self._parts = AsyncExitStack()
        self._farewell = Farewell()
        self._agent: UserAgent
        self.engine: Engine
        self.phones: Phones
        self.sip: SipPump
        self.health: Health
        self._upkeep: Upkeep
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
        unfinished = await self.store.unfinished_legs()
        self.media.start(asyncio.get_running_loop())
        self._parts.callback(self.media.shut_down)
        await self.http.start()
        self._parts.push_async_callback(self.http.close)
        await self.recordings.start()
        self._parts.push_async_callback(self.recordings.close)
        await self._cache.start()
        self._parts.push_async_callback(self._cache.close)
        await self.voice.start()
        self._parts.push_async_callback(self.voice.close)
        self._parts.push_async_callback(self.files.close)
        directory = make_directory(
            settings,
            saved_applications=await self.store.applications(),
            saved_numbers=await self.store.numbers(),
        )
        self.engine = Engine(
            Outside(
                media=self.media,
                voice=self.voice,
                files=self.files,
                recordings=self.recordings,
                http=self.http,
                store=self.store,
            ),
            directory,
            EngineOptions(
                public_url=settings.base_url(),
                file_url=settings.file_url(),
                legs_per_second=settings.limits.calls_per_second,
                inbound_limit_s=settings.limits.inbound_limit_s,
            ),
            clock=self.clock,
            random=self.random,
        )
        await self._start_sip(make_routing(settings, directory))
        self._parts.push_async_callback(self.sip.stop)
        self.health = Health(
            voice=self.voice,
            store=self.store,
            draining=lambda: self._draining,
            starting=lambda: not self._started,
        )
        self._feed_metrics()
        self._parts.push_async_callback(self.metrics.stop)
        await self._start_web()
        self._parts.push_async_callback(self._stop_engine)
        self._upkeep = Upkeep(
            store=self.store,
            recordings=self.recordings,
            directory=directory,
            clock=self.clock,
            keep_days=settings.recordings.keep_days,
        )
        self._upkeep.start()
        self._parts.push_async_callback(self._upkeep.stop)
        closed = close_unfinished(self.engine, unfinished)
        if closed:
            log.warning("calls of the last run were closed", calls=closed)
        self._started = True

    async def _start_sip(self, routing: RoutingTable) -> None:
        settings = self.settings
        public = (settings.sip_host(), settings.sip.port)
        config = AgentConfig(
            contacts=dict.fromkeys(settings.sip_transports(), public),
            user_agent=f"Ringline/{__version__}",
            realm=settings.sip.realm,
        )
        self._agent = UserAgent(config, self.random, self._admit, self._password_of)
        self.sip = SipPump(self._agent, self.clock, on_event=self._sip_event)
        self.phones = Phones(
            engine=self.engine,
            link=self.sip,
            media=self.media,
            directory=self.engine.directory,
            routing=routing,
            resolver=SipResolver(),
            codecs=_CODECS,
        )
        self.engine.add_endpoint(self.phones, "phone", "sip", "vbc")
        await self.sip.start(settings.sip.bind, settings.sip.port, transports=settings.sip_transports())

    async def _start_web(self) -> None:
        settings = self.settings
        app = create_app(
            Dependencies(
                calls=self.engine,
                directory=self.engine.directory,
                records=self.store,
                registry=self.store,
                files=self.recordings,
                tokens=TokenVerifier(
                    self.engine.directory.application,
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
                    balance=settings.account.balance if settings.account is not None else 0.0,
                    number_pool=settings.account.number_pool if settings.account is not None else (),
                    any_number=settings.profile == "dev",
                ),
                refuses_calls=self._refuses_calls,
                measure=self.metrics.request,
            ),
            also=[self.health.router(), self.metrics.router()],
        )
        server = settings.server
        plain = WebListener(app)
        await plain.start(server.http_bind, server.http_port, key="server.http_port")
        self._parts.push_async_callback(plain.stop)
        self.listeners.append(plain)
        if server.https_port is not None:
            cert_file, key_file = await self._certificate()
            secure = WebListener(app, cert_file=cert_file, key_file=key_file)
            await secure.start(server.https_bind, server.https_port, key="server.https_port")
            self._parts.push_async_callback(secure.stop)
            self.listeners.append(secure)

    async def _certificate(self) -> tuple[Path, Path]:
        """The certificate of the settings, or one of an authority of our own."""
        server, public = self.settings.server, self.settings.public
        if server.cert_file is not None and server.key_file is not None:
            return server.cert_file, server.key_file
        base = urlsplit(public.base_url or "").hostname
        names = server_names((server.https_bind, public.sip_host, base), official=True)
        made = await asyncio.to_thread(
            ensure_certificates, certificates_dir(self.settings), names=names, now=self.clock.wallclock()
        )
        return made.cert_file, made.key_file

    def _feed_metrics(self) -> None:
        metrics = self.metrics
        self.engine.watch(metrics.leg)
        self.engine.hooks.measure = metrics.webhook
        metrics.live_legs(self.engine.live_legs)
        metrics.figures("media", self.media.gauges, counters=_MEDIA_COUNTERS)
        metrics.figures("media", self._jitter)
        metrics.figures("sip", self._agent.gauges)
        metrics.figures("", self.store.gauges, counters=_STORE_COUNTERS)
        metrics.figures("recordings", self.recordings.gauges)
        metrics.figures("files", self.files.gauges)
        metrics.start()

    def _jitter(self) -> dict[str, float]:
        """Interarrival jitter of the live legs, the mean and the worst."""
        found = [self.media.counters(view.uuid) for view in self.engine.live_legs()]
        jitters = [counters.jitter_ms for counters in found if counters is not None]
        mean = sum(jitters) / len(jitters) if jitters else 0.0
        return {"jitter_mean_ms": mean, "jitter_worst_ms": max(jitters, default=0.0)}

    def _sip_event(self, event: AgentEvent) -> None:
        if isinstance(event, Traced):
            self.metrics.sip_message(event.direction, event.line)
        self.phones.heard(event)

    def _open_workers(self, program: WorkerProgram) -> WorkerPool:
        return WorkerPool(program.command, name=program.name, size=self.settings.speech.workers or None)

    # ── what the user agent asks and tells ─────────────────────────────────────────────────────────────────────────

    def _admit(self, invite: InviteContext) -> AgentAdmission:
        found = self.phones.routing.admit(
            source=invite.source.remote[0], username=invite.username, to_host=invite.request_uri.host
        )
        match found:
            case Admit(identity=identity):
                return LetIn(identity)
            case Challenge():
                return AskWho()
            case refused:
                return TurnAway(refused.status, refused.reason)

    def _password_of(self, username: str) -> str | None:
        return self.phones.routing.password_of(username)

    # ── reload and stop ────────────────────────────────────────────────────────────────────────────────────────────

    def reload(self, new: Settings) -> None:
        """Put changed trunks, users, domains, numbers and applications into force; calls go on untouched."""
        reload_directory(self.engine.directory, old=self.settings, new=new)
        self.phones.routing = make_routing(new, self.engine.directory)
        self.settings = new
        log.info("settings were read again", trunks=len(new.trunks), users=len(new.users), numbers=len(new.numbers))

    async def drain(self, seconds: float) -> None:
        """Take no new calls, and wait for the live ones to end, so long at most."""
        self._draining = True
        self.sip.command(lambda agent, now: setattr(agent, "draining", True))
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
        await self.engine.close()

    async def _stop_store(self) -> None:
        unwritten = await self.store.stop()
        if unwritten:
            self._farewell.notes.append(f"{unwritten} journal lines could not be written")

    def _refuses_calls(self) -> str | None:
        if self._draining:
            return "the platform is stopping"
        return "the store is behind" if self.store.overloaded() else None


def certificates_dir(settings: Settings) -> Path:
    """Where the authority and certificate of our own making are."""
    return settings.data_dir / "certificates"
