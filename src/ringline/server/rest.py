"""REST as a part of the platform: the API put together from the settings and the parts it works on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI

from ringline.accounts import TokenVerifier, UserNames
from ringline.api import ApiOptions, ConversationService, Dependencies, create_app
from ringline.base import Clock, Random
from ringline.engine.clients.apps import Apps
from ringline.engine.engine import Engine
from ringline.engine.gatherings import Gatherings
from ringline.io.bucket_recordings import BucketRecordings
from ringline.io.recordings import FileRecordings
from ringline.io.store import SqlStore
from ringline.server.health import Health
from ringline.server.metrics import Metrics, MetricsAccess
from ringline.server.settings import Settings


def make_rest(
    settings: Settings,
    *,
    engine: Engine,
    apps: Apps,
    store: SqlStore,
    recordings: FileRecordings,
    user_names: UserNames,
    health: Health,
    metrics: Metrics,
    clock: Clock,
    random: Random,
    refuses_calls: Callable[[], str | None],
    also: Sequence[APIRouter] = (),
) -> FastAPI:
    """Everything that is served by HTTP.

    `refuses_calls` says why no new calls are taken now, or None; `also` is served beside the API.
    """
    return create_app(
        Dependencies(
            calls=engine,
            directory=engine.directory,
            records=store,
            registry=store,
            files=recordings,
            distant_files=recordings if isinstance(recordings, BucketRecordings) else None,
            tokens=TokenVerifier(
                engine.directory.application,
                user_exists=user_names.exists,
                leeway_s=settings.auth.leeway_s,
                reject_replays=settings.auth.jti_replay == "reject",
            ),
            clock=clock,
            random=random,
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
                number_pool=settings.numbers_on_sale(),
                any_number=settings.profile == "dev",
            ),
            conversations=ConversationService(
                gatherings=Gatherings(engine, clock=clock, random=random),
                chronicle=store,
                user_names=user_names,
                apps=apps,
            ),
            refuses_calls=refuses_calls,
            pace=store.pace,
            measure=metrics.request,
        ),
        also=[health.router(), metrics.router(_access(settings)), *also],
    )


def _access(settings: Settings) -> MetricsAccess:
    given = settings.metrics
    return MetricsAccess(token=given.token.get_secret_value() if given.token is not None else None, anyone=given.anyone)
