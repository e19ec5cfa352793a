"""Figures for operators, in the text format of Prometheus.

Nothing here asks for anything by itself: the wiring feeds it (`leg` as a watcher of the engine, `webhook` as the
measure of its hooks, `request` of the API, `sip_message` of the SIP pump) and names what is to be read at each scrape.
Labels only have values from short fixed lists, whatever strangers send.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ringline.base import ApiError
from ringline.calls.facts import LegView

Figures = Callable[[], Mapping[str, float]]
_M = TypeVar("_M", Counter, Histogram)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SIP_METHODS: Final = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE", "INFO", "REGISTER", "PRACK"})
_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_WEBHOOK: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RINGING: Final = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
_TALKING: Final = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_LAG: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
_LOOK_S: Final = 0.05
"The event loop is looked at so often: in a run of 20 s one look in a hundred is four of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAccess:
    """Who may read the figures. Whoever may not is told that there are none."""

    token: str | None = field(default=None, repr=False)
    "A bearer token that opens them from anywhere."
    anyone: bool = False

    def allows(self, request: Request) -> bool:
        """Whether this request may: from this machine itself (not through a proxy on it), or with the token."""
        if self.anyone:
            return True
        given = request.headers.get("authorization", "")
        if self.token is not None and hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            return True
        return _is_here(request)


def _is_here(request: Request) -> bool:
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class Metrics:
    """All figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._task: asyncio.Task[None] | None = None
        self._children: dict[Counter | Histogram, dict[tuple[str, ...], Any]] = {}
        self._ended = self._counter("legs_ended", "Legs that ended, by verdict", "direction", "status", "detail")
        self._ringing = self._histogram(
            "leg_setup_seconds", "From a leg's creation to its answer", _RINGING, "direction"
        )
        self._talking = self._histogram("leg_duration_seconds", "From a leg's answer to its end", _TALKING, "direction")
        self._webhooks = self._counter("webhooks", "Requests to applications, by what came back", "name", "outcome")
        self._webhook_time = self._histogram("webhook_seconds", "How long applications took", _WEBHOOK, "outcome")
        self._requests = self._counter("http_requests", "REST requests", "method", "route", "status")
        self._request_time = self._histogram("http_request_seconds", "How long REST took", _QUICK, "method", "route")
        self._sip = self._counter("sip_messages", "SIP messages", "direction", "message")
        self._speech = self._counter("speech_requests", "Texts for speech engines", "engine", "outcome")
        self._speech_time = self._histogram(
            "speech_first_audio_seconds",
            "How long engines (and the cache before them) took",
            _QUICK,
            "engine",
            "outcome",
        )
        self._lag = self._histogram("event_loop_lag_seconds", "How late the event loop came to a timer", _LAG)

    # ── what is fed ────────────────────────────────────────────────────────────────────────────────────────────────

    def leg(self, view: LegView) -> None:
        """Take a change of a leg's record; its end is what counts."""
        if view.ended_at is None:
            return
        self._ended.labels(view.direction, view.status, view.detail or "").inc()
        if view.answered_at is not None:
            ringing = (view.answered_at - view.created_at).total_seconds()
            self._ringing.labels(view.direction).observe(max(0.0, ringing))
            self._talking.labels(view.direction).observe(view.duration_s or 0)

    def webhook(self, name: str, outcome: str, seconds: float) -> None:
        """Take a request to an application; `outcome` is the status of the reply, or why there was none."""
        kind = f"{outcome[0]}xx" if outcome.isdecimal() else outcome.rstrip(".").lower().replace(" ", "-")
        self._child(self._webhooks, name, kind).inc()
        self._child(self._webhook_time, kind).observe(seconds)

    def speech(self, engine: str, outcome: str, seconds: float) -> None:
        """Take a text that an engine (or its cache) spoke, failed to speak, or nobody waited for."""
        self._child(self._speech, engine, outcome).inc()
        self._child(self._speech_time, engine, outcome).observe(seconds)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take a REST request; `route` is the template of its path, empty when there is none."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._request_time.labels(method, route).observe(seconds)

    def sip_message(self, direction: str, line: str) -> None:
        """Take a SIP message by its first line: `INVITE sip:…` or `200 OK`."""
        word = line.partition(" ")[0]
        known = word in _SIP_METHODS or (len(word) == 3 and word.isascii() and word.isdecimal())
        self._child(self._sip, direction, word if known else "other").inc()

    # ── what is read at each scrape ────────────────────────────────────────────────────────────────────────────────

    def live_legs(self, legs: Callable[[], Iterable[LegView]]) -> None:
        """Show the live legs by direction and status."""
        self._registry.register(_LiveLegs(legs))

    def figures(self, prefix: str, poll: Figures, *, counters: Collection[str] = ()) -> None:
        """Show every figure that `poll` gives as `ringline_<prefix>_<name>`; those in `counters` only ever grow."""
        self._registry.register(_Polled(f"ringline_{prefix}_" if prefix else "ringline_", poll, frozenset(counters)))

    def labelled(self, name: str, what: str, label: str, poll: Figures) -> None:
        """Show `ringline_<name>` once for every name that `poll` gives, with that name as the label."""
        self._registry.register(_Labelled(f"ringline_{name}", what, label, poll))

    # ── the event loop ─────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to measure how late the event loop is."""
        self._task = asyncio.get_running_loop().create_task(self._measure_lag(), name="metrics")

    async def stop(self) -> None:
        """Stop measuring."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_S
            await asyncio.sleep(_LOOK_S)
            self._lag.observe(max(0.0, loop.time() - due))

    # ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def text(self) -> bytes:
        """All figures, as `/metrics` shows them."""
        return generate_latest(self._registry)

    def router(self, access: MetricsAccess | None = None) -> APIRouter:
        """`/metrics`, for those whom `access` lets in; None: for this machine only."""
        access = access or MetricsAccess()

        async def show(request: Request) -> Response:
            if not access.allows(request):
                raise ApiError(404, "There is nothing at this path")
            return self._show()

        router = APIRouter()
        router.add_api_route("/metrics", show, methods=["GET"])
        return router

    def _show(self) -> Response:
        return Response(self.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _child(self, of: _M, *labels: str) -> _M:
        """What counts for these labels. Looked up for every message, and the library takes its time for it."""
        children = self._children.setdefault(of, {})
        child = children.get(labels)
        if child is None:
            child = children[labels] = of.labels(*labels)
        found: _M = child
        return found

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"ringline_{name}", what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"ringline_{name}", what, labels, buckets=buckets, registry=self._registry)


class _LiveLegs(Collector):
    """Counts the live legs when asked, so that the figure can never drift."""

    def __init__(self, legs: Callable[[], Iterable[LegView]]) -> None:
        self._legs = legs

    def describe(self) -> Iterator[Metric]:
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        tally = Tally((view.direction, view.status) for view in self._legs())
        for labels, count in sorted(tally.items()):
            family.add_metric(labels, count)
        yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily("ringline_legs", "Live legs", labels=("direction", "status"))


class _Polled(Collector):
    """Figures somebody else keeps."""

    def __init__(self, prefix: str, poll: Figures, counters: frozenset[str]) -> None:
        self._prefix = prefix
        self._poll = poll
        self._counters = counters

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked before the first scrape: the parts may not run yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        for name, value in sorted(self._poll().items()):
            words = name.replace("_", " ")
            if name in self._counters:
                yield CounterMetricFamily(self._prefix + name, f"{words.capitalize()}, since the start", value=value)
            else:
                yield GaugeMetricFamily(self._prefix + name, words.capitalize(), value=value)


class _Labelled(Collector):
    """One figure for each of a few named things that somebody else keeps."""

    def __init__(self, name: str, what: str, label: str, poll: Figures) -> None:
        self._name = name
        self._what = what
        self._label = label
        self._poll = poll

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked before the first scrape: the parts may not run yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._what, labels=(self._label,))
        for key, value in sorted(self._poll().items()):
            family.add_metric((key,), value)
        yield family
