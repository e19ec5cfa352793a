"""What `/metrics` shows of every part, and which of its figures only ever grow."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.agent import UserAgent
from ringline.engine.clients.apps import Apps
from ringline.engine.clients.sessions import COUNTERS as CLIENT_COUNTERS
from ringline.engine.engine import Engine
from ringline.engine.guard import COUNTERS as GUARD_COUNTERS
from ringline.engine.sip.phones import Phones
from ringline.io.media import MediaCore
from ringline.io.prompt_files import HttpPromptFiles
from ringline.io.recordings import FileRecordings
from ringline.io.sockets import CoreSockets
from ringline.io.store import SqlStore
from ringline.server.metrics import Metrics
from ringline.server.quality import quality
from ringline.server.secure_sip import SecureSip
from ringline.server.speech import SpeechEngines

_MEDIA_COUNTERS = (
    *(f"{what}_seconds" for what in ("busy", "concealed", "cpu")),
    "frames_skipped",
    "keys_received",
    *(f"packets_{kind}" for kind in ("foreign", "handed_on", "late", "lost", "malformed", "received", "rtcp", "sent")),
    "packets_unsendable",
    "reports_sent",
    "rooms_moved",
    "slots",
    "slots_late",
)
_SOCKET_COUNTERS = (
    *(f"frames_{what}" for what in ("cleared", "overflowed", "received", "sent", "skipped", "unread")),
    *("cpu_seconds", "disconnected", "failed", "messages_ignored", "opened", "wakes"),
)
_STORE_COUNTERS = (
    *(f"store_rows_{what}" for what in ("written", "dropped", "refused", "spooled")),
    "store_spool_rows_lost",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a platform that have figures."""

    engine: Engine
    agent: UserAgent
    phones: Phones
    apps: Apps
    media: MediaCore
    sockets: CoreSockets
    secure_sip: SecureSip
    store: SqlStore
    recordings: FileRecordings
    files: HttpPromptFiles
    speech: SpeechEngines

    def trunks_up(self) -> dict[str, float]:
        return {state.name: float(state.up) for state in self.agent.peers.states()}

    def trunks_registered(self) -> dict[str, float]:
        states = self.agent.peers.states()
        return {state.name: float(state.registered) for state in states if state.registered is not None}

    def quality(self) -> dict[str, float]:
        found = [self.media.counters(view.uuid) for view in self.engine.live_legs()]
        return quality(counters for counters in found if counters is not None)


def show(metrics: Metrics, parts: Parts) -> None:
    """Have every part's figures shown from now on."""
    engine, voice = parts.engine, parts.speech.voice
    engine.watch(metrics.leg)
    engine.hooks.measure = metrics.webhook
    voice.measure = metrics.speech
    metrics.live_legs(engine.live_legs)
    metrics.figures("events", engine.hooks.gauges, counters=("dropped",))
    metrics.figures("media", parts.media.gauges, counters=_MEDIA_COUNTERS)
    metrics.figures("media", parts.quality)
    metrics.figures("sockets", parts.sockets.gauges, counters=_SOCKET_COUNTERS)
    metrics.figures("clients", parts.apps.gauges, counters=CLIENT_COUNTERS)
    metrics.figures("calls", engine.guard.gauges, counters=GUARD_COUNTERS)
    metrics.figures("sip", parts.agent.gauges, counters=("messages_dropped",))
    metrics.figures("sip_tls", parts.secure_sip.gauges, counters=("handshakes_failed", "refused", "mistrusted"))
    metrics.labelled("trunk_up", "Whether the trunk answers", "trunk", parts.trunks_up)
    metrics.labelled("trunk_registered", "Whether it knows where we are", "trunk", parts.trunks_registered)
    metrics.labelled("trunk_calls", "Calls it carries, both ways", "trunk", parts.phones.trunk_calls)
    metrics.figures("", parts.store.gauges, counters=_STORE_COUNTERS)
    metrics.figures("recordings", parts.recordings.gauges)
    metrics.figures("transcriptions", engine.effects.transcriptions.gauges)
    metrics.figures("files", parts.files.gauges)
    metrics.figures("speech", parts.speech.gauges, counters=("cache_hits", "cache_misses"))
    metrics.labelled("speech_up", "Whether the speech engine works", "engine", voice.up)
