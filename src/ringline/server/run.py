"""Runs a platform until it is told to stop: signals, draining, reading settings again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from ringline.base import ConfigError, get_log
from ringline.server.platform import Farewell, Platform
from ringline.server.settings import Settings

log = get_log(__name__)


async def run(
    settings: Settings,
    *,
    read_again: Callable[[], Settings],
    on_ready: Callable[[Platform], None],
    on_stopping: Callable[[int], None] = lambda calls: None,
) -> Farewell:
    """Start, serve, and stop in order; return what stopping did.

    SIGTERM and SIGINT drain: no new calls, `limits.drain_s` for the live ones, then they are hung up; a second signal
    ends the waiting. SIGHUP reads the settings again with `read_again`; trunks, users, domains, numbers and
    applications change, calls go on. `on_stopping` is told how many calls are up when draining begins.

    Raises:
        ConfigError: a setting cannot be used here.
        ProviderError: a folder or file cannot be used.
    """
    loop = asyncio.get_running_loop()
    platform = Platform(settings)
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    def asked_to_reload() -> None:
        try:
            platform.reload(read_again())
        except ConfigError as error:
            log.error("the settings were not read again: they are wrong", why=str(error))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    loop.add_signal_handler(signal.SIGHUP, asked_to_reload)
    try:
        await platform.start()
        on_ready(platform)
        await stop.wait()
        on_stopping(len(platform.engine.live_legs()))
        await _drain(platform, hurry)
    finally:
        farewell = await platform.stop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
    return farewell


async def _drain(platform: Platform, hurry: asyncio.Event) -> None:
    waiting = [
        asyncio.ensure_future(platform.drain(platform.settings.limits.drain_s)),
        asyncio.ensure_future(hurry.wait()),
    ]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
