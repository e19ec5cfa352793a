"""The whole platform: every part made, joined and started in order, and stopped in the opposite one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from fastapi import APIRouter

from ringline.accounts import AuditEntry, Secret, User, UserNames
from ringline.base import ApplicationId, SystemClock, SystemRandom, get_log, uuid4
from ringline.engine.aftermath.recovery import Recovery, in_hand
from ringline.engine.bots import Bots
from ringline.engine.clients.apps import Apps
from ringline.engine.clients.sessions import Clients
from ringline.engine.engine import Engine
from ringline.engine.outside import EngineOptions, Outside
from ringline.engine.ports import Remains, Sleeper
from ringline.io.detection import EarDetector
from ringline.io.http import PooledClient
from ringline.io.media import MediaCore
from ringline.io.payments import HookPayments
from ringline.io.prompt_files import HttpPromptFiles
from ringline.io.sockets import CoreSockets
from ringline.io.store import SqlStore
from ringline.io.webrtc import CoreWebRtc
from ringline.server.allowances import change_limits, keeping_of, make_limits, rates_of
from ringline.server.books import (
    make_directory,
    reload_directory,
    voices_of,
)
from ringline.server.figures import Parts, show
from ringline.server.health import Health
from ringline.server.metrics import Metrics
from ringline.server.recordings import make_recordings
from ringline.server.rest import make_rest
from ringline.server.secrets import settle_secrets
from ringline.server.settings import Settings
from ringline.server.sip import SipService
from ringline.server.speech import SpeechEngines
from ringline.server.upkeep import Upkeep
from ringline.server.web import WebListeners

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
        self.http = PooledClient(allow_private=settings.webhooks.allow_private)
        self.speech = SpeechEngines(
            settings,
            media=self.media,
            recordings=self.recordings,
            prefers=lambda application: voices_of(self.settings, application),
        )
        self.payments: HookPayments | None = None
        self.metrics = Metrics()
        self.listeners = WebListeners()
        self._parts = AsyncExitStack()
        self._farewell = Farewell()
        self.engine: Engine
        self.bots: Bots
        self.apps: Apps
        self.clients: Clients
        self.sip: SipService
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
        await self._start_shells()
        await self._start_engine()
        self.engine.conversations.remember(one for one in sleepers if one.record.id not in in_hand(remains))
        await self._start_sip()
        await self._start_rest()
        self._parts.push_async_callback(self._stop_engine)
        self._start_upkeep()
        await self._end_last_run(remains, sleepers)
        self._started = True

    async def _start_shells(self) -> None:
        """Media, sockets, HTTP, files and speech; the database runs already."""
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

    async def _start_engine(self) -> None:
        """The engine with what is known of applications, limits and prices, and its endpoints that need no SIP."""
        settings = self.settings
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

    async def _start_sip(self) -> None:
        self.sip = SipService(
            self.settings,
            engine=self.engine,
            media=self.media,
            webrtc=self.webrtc,
            store=self.store,
            clock=self.clock,
            random=self.random,
            on_message=self.metrics.sip_message,
        )
        self.engine.add_endpoint(self.sip.phones, "phone", "sip", "vbc")
        await self.sip.start()
        self.engine.directory.domains.watch(self.sip.route_anew)
        self._parts.push_async_callback(self.sip.stop)

    async def _start_rest(self) -> None:
        """Figures, health and the API: from here on calls may be asked for."""
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
        rest = make_rest(
            self.settings,
            engine=self.engine,
            apps=self.apps,
            store=self.store,
            recordings=self.recordings,
            user_names=self._user_names,
            health=self.health,
            metrics=self.metrics,
            clock=self.clock,
            random=self.random,
            refuses_calls=self._refuses_calls,
            also=self._also,
        )
        self._parts.push_async_callback(self.listeners.stop)
        await self.listeners.start(rest, self.settings, now=self.clock.wallclock())

    def _start_upkeep(self) -> None:
        self._upkeep = Upkeep(
            store=self.store,
            recordings=self.recordings,
            directory=self.engine.directory,
            clock=self.clock,
            keeping=keeping_of(self.settings),
        )
        self._upkeep.start()
        self._parts.push_async_callback(self._upkeep.stop)

    async def _end_last_run(self, remains: Remains, sleepers: Sequence[Sleeper]) -> None:
        """Give what a process that died has left its end; calls of this run come and go meanwhile."""
        left_over = in_hand(remains)
        recovered = await Recovery(self.engine, self.store, end_dialogs=self.sip.phones.end_remnants).run(remains)
        self.engine.conversations.remember(one for one in sleepers if one.record.id in left_over)
        if recovered.legs or recovered.events:
            log.warning(
                "the last run was brought to its end",
                calls=recovered.legs,
                far_ends_told=recovered.dialogs,
                webhooks=recovered.events,
                recordings=recovered.recordings,
            )
        await self.engine.effects.recorder.drained()
        await self.recordings.sweep()

    def _show_figures(self) -> None:
        parts = Parts(
            engine=self.engine,
            agent=self.sip.agent,
            phones=self.sip.phones,
            apps=self.apps,
            media=self.media,
            sockets=self.sockets,
            secure_sip=self.sip.secure,
            store=self.store,
            recordings=self.recordings,
            files=self.files,
            speech=self.speech,
        )
        show(self.metrics, parts)
        self.metrics.start()

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

    async def _settle_secrets(self, settings: Settings) -> tuple[Secret, ...] | None:
        return await settle_secrets(settings, self.store, clock=self.clock, random=self.random)

    # ── reload and stop ────────────────────────────────────────────────────────────────────────────────────────────

    async def reload(self, new: Settings) -> None:
        """Put changed trunks, users, domains, numbers, applications, secret and SIP's certificates into force; calls go
        on untouched.
        """
        rates = rates_of(new)
        contexts = await self.sip.prepare(new)
        secrets = await self._settle_secrets(new)
        self.store.write_audit(
            AuditEntry(
                at=self.clock.wallclock(), actor="operator", action="settings.reload", target="ringline.toml", source=""
            )
        )
        reload_directory(self.engine.directory, old=self.settings, new=new, secrets=secrets)
        self.sip.change(new, contexts)
        change_limits(self.engine.guard.limits, new)
        self._upkeep.keeping = keeping_of(new)
        self.engine.guard.rates, self.engine.guard.step_s = rates, new.prices.step_s
        self.settings = new
        log.info("settings were read again", trunks=len(new.trunks), users=len(new.users), numbers=len(new.numbers))

    async def drain(self, seconds: float) -> None:
        """Take no new calls, and wait for the live ones to end, so long at most."""
        self._draining = True
        self.sip.drain()
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
        self.sip.leave_trunks()

    async def _stop_store(self) -> None:
        unwritten = await self.store.stop()
        if unwritten:
            self._farewell.notes.append(f"{unwritten} journal lines could not be written")

    def _refuses_calls(self) -> str | None:
        if self._draining:
            return "the platform is stopping"
        return "the store is behind" if self.store.overloaded() else None
