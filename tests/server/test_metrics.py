"""Figures and health, as operators' tools read them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from prometheus_client.parser import text_string_to_metric_families

from ringline.base import ApiError, ApplicationId, ConversationId, LegId
from ringline.calls.facts import LegView
from ringline.calls.parties import Party
from ringline.server.health import Health
from ringline.server.metrics import Metrics, MetricsAccess

START = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)


def leg(**changes: Any) -> LegView:
    fields: dict[str, Any] = {
        "uuid": LegId("63f61863-4a51-4f6b-86e1-46edebcf9356"),
        "conversation": ConversationId("CON-1"),
        "application": ApplicationId("app"),
        "status": "answered",
        "direction": "inbound",
        "from_": Party(kind="phone", address="447700900123"),
        "to": Party(kind="phone", address="442079460000"),
        "created_at": START,
        "answered_at": START + timedelta(seconds=3),
        "ended_at": None,
        "duration_s": None,
        "detail": None,
        "sip_code": None,
        "disconnected_by": None,
    }
    return LegView(**{**fields, **changes})


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of a scrape by its name and labels; buckets are left out."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created")):
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_ended_legs_are_counted_by_verdict() -> None:
    metrics = Metrics()
    metrics.leg(leg())
    end = START + timedelta(seconds=20)
    metrics.leg(leg(status="completed", ended_at=end, duration_s=17))
    metrics.leg(leg(status="rejected", detail="declined", answered_at=None, ended_at=end, duration_s=0))
    found = samples(metrics)
    assert found["ringline_legs_ended_total{detail=,direction=inbound,status=completed}"] == 1
    assert found["ringline_legs_ended_total{detail=declined,direction=inbound,status=rejected}"] == 1
    assert found["ringline_leg_setup_seconds_sum{direction=inbound}"] == 3
    assert found["ringline_leg_duration_seconds_sum{direction=inbound}"] == 17
    assert found["ringline_leg_duration_seconds_count{direction=inbound}"] == 1


def test_live_legs_are_counted_at_the_scrape() -> None:
    metrics = Metrics()
    live = [leg(), leg(status="ringing"), leg()]
    metrics.live_legs(lambda: live)
    assert samples(metrics)["ringline_legs{direction=inbound,status=answered}"] == 2
    live.clear()
    assert not [name for name in samples(metrics) if name.startswith("ringline_legs{")]


def test_webhooks_are_counted_by_what_came_back() -> None:
    metrics = Metrics()
    for outcome in ("200", "204", "503", "Socket timeout.", "Connection closed."):
        metrics.webhook("answer", outcome, 0.5)
    found = samples(metrics)
    assert found["ringline_webhooks_total{name=answer,outcome=2xx}"] == 2
    assert found["ringline_webhooks_total{name=answer,outcome=5xx}"] == 1
    assert found["ringline_webhooks_total{name=answer,outcome=socket-timeout}"] == 1
    assert found["ringline_webhooks_total{name=answer,outcome=connection-closed}"] == 1
    assert found["ringline_webhook_seconds_sum{outcome=2xx}"] == 1.0


def test_strangers_cannot_invent_labels() -> None:
    metrics = Metrics()
    metrics.request("BREW", "", 405, 0.1)
    metrics.request("GET", "/v1/calls/{uuid}", 200, 0.1)
    for line in ("INVITE sip:x", "200 OK", "EVIL sip:x", "٣٣٣ x", ""):
        metrics.sip_message("in", line)
    found = samples(metrics)
    assert found["ringline_http_requests_total{method=other,route=,status=405}"] == 1
    assert found["ringline_http_requests_total{method=GET,route=/v1/calls/{uuid},status=200}"] == 1
    assert found["ringline_sip_messages_total{direction=in,message=INVITE}"] == 1
    assert found["ringline_sip_messages_total{direction=in,message=200}"] == 1
    assert found["ringline_sip_messages_total{direction=in,message=other}"] == 3


def test_figures_of_the_parts_are_read_at_each_scrape() -> None:
    metrics = Metrics()
    kept = {"ports_used": 2.0, "packets_lost": 5.0}
    metrics.figures("media", lambda: kept, counters=("packets_lost",))
    metrics.figures("", lambda: {"store_lag_seconds": 0.25})
    assert samples(metrics)["ringline_media_ports_used{}"] == 2
    kept["ports_used"] = 3
    found = samples(metrics)
    assert found["ringline_media_ports_used{}"] == 3
    assert found["ringline_media_packets_lost_total{}"] == 5
    assert found["ringline_store_lag_seconds{}"] == 0.25


def test_named_things_get_a_label_each() -> None:
    metrics = Metrics()
    metrics.labelled("trunk_up", "Whether the trunk answers", "trunk", lambda: {"b": 0.0, "a": 1.0})
    found = samples(metrics)
    assert found["ringline_trunk_up{trunk=a}"] == 1
    assert found["ringline_trunk_up{trunk=b}"] == 0


def test_two_servers_in_one_process_do_not_share_figures() -> None:
    first, second = Metrics(), Metrics()
    first.sip_message("in", "BYE sip:x")
    assert "ringline_sip_messages_total{direction=in,message=BYE}" not in samples(second)


def test_the_lag_of_the_event_loop_is_measured() -> None:
    async def live() -> dict[str, float]:
        metrics = Metrics()
        metrics.start()
        await asyncio.sleep(0.3)
        await metrics.stop()
        return samples(metrics)

    assert asyncio.run(live())["ringline_event_loop_lag_seconds_count{}"] >= 1


class _Part:
    """Stands in for voice and store."""

    def __init__(self) -> None:
        self.why: str | None = None

    def ready(self) -> str | None:
        return self.why

    def trouble(self) -> str | None:
        return self.why


def test_the_server_says_why_it_is_not_ready() -> None:
    voice, store = _Part(), _Part()
    draining = False
    health = Health(voice=voice, store=store, draining=lambda: draining)
    metrics = Metrics()
    app = FastAPI()
    app.include_router(health.router())
    app.include_router(metrics.router())

    async def ask(path: str) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 4000)), base_url="http://x"
        ) as client:
            return await client.get(path)

    ready = asyncio.run(ask("/readyz"))
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    voice.why, store.why, draining = "espeak is not installed", "the disk is full", True
    not_ready = asyncio.run(ask("/readyz"))
    assert not_ready.status_code == 503
    assert not_ready.json() == {
        "status": "not ready",
        "reasons": [
            "draining: the server is being stopped",
            "speech: espeak is not installed",
            "store: the disk is full",
        ],
    }
    alive = asyncio.run(ask("/healthz"))
    assert alive.status_code == 200
    assert alive.json() == {"status": "ok", "reasons": not_ready.json()["reasons"]}
    figures = asyncio.run(ask("/metrics"))
    assert figures.headers["content-type"].startswith("text/plain; version=")
    assert "ringline_event_loop_lag_seconds_bucket" in figures.text


@pytest.mark.parametrize(
    ("address", "headers", "access", "status"),
    [
        ("127.0.0.1", {}, {}, 200),
        ("::1", {}, {}, 200),
        ("192.0.2.9", {}, {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.9"}, {}, 404),
        ("192.0.2.9", {"Authorization": "Bearer a-long-secret-token"}, {"token": "a-long-secret-token"}, 200),
        ("192.0.2.9", {"Authorization": "Bearer another-long-token"}, {"token": "a-long-secret-token"}, 404),
        ("192.0.2.9", {}, {"anyone": True}, 200),
    ],
)
def test_figures_are_for_this_machine_and_for_who_has_the_token(
    address: str, headers: dict[str, str], access: dict[str, Any], status: int
) -> None:
    app = FastAPI()
    app.include_router(Metrics().router(MetricsAccess(**access)))
    app.add_exception_handler(ApiError, lambda request, error: Response(status_code=error.status))

    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=(address, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
            return (await client.get("/metrics")).status_code

    assert asyncio.run(ask()) == status
