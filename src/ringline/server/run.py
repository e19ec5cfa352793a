"""Runs a platform until it is told to stop: signals, draining, reading settings again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence

from fastapi import APIRouter

from ringline.base import ConfigError, ProviderError, get_log
from ringline.server.descriptors import raise_file_limit
from ringline.server.memory import settle_memory
from ringline.server.platform import Farewell, Platform
from ringline.server.public_address import with_public_address
from ringline.server.settings import Settings

log = get_log(__name__)


async def run(
    settings: Settings,
    *,
    read_again: Callable[[], Settings],
    on_ready: Callable[[Platform], None],
    on_stopping: Callable[[int], None] = lambda calls: None,
    also: Sequence[APIRouter] = (),
) -> Farewell:
    """Start, serve, and stop in order; return what stopping did.

    SIGTERM and SIGINT drain: no new calls, `limits.drain_s` for the live ones, then they are hung up; a second signal
    ends the waiting. SIGHUP reads the settings again with `read_again`; trunks, users, domains, numbers,
    applications and certificates of SIP change, calls go on. `on_stopping` is told how many calls are up when draining
    begins. `also` is served beside the API.

    Raises:
        ConfigError: a setting cannot be used here.
        ProviderError: a folder or file cannot be used.
    """
    loop = asyncio.get_running_loop()
    platform = Platform(await with_public_address(settings), also=also)
    stop, hurry = asyncio.Event(), asyncio.Event()

    reloads: list[asyncio.Task[None]] = []
    one_after_the_other = asyncio.Lock()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    def asked_to_reload() -> None:
        try:
            new = read_again()
        except ConfigError as error:
            log.error("the settings were not read again: they are wrong", why=str(error))
            return
        task = loop.create_task(reload(new), name="reload")
        reloads.append(task)
        task.add_done_callback(reloads.remove)

    async def reload(new: Settings) -> None:
        try:
            async with one_after_the_other:
                await platform.reload(await with_public_address(new))
        except ConfigError as error:
            log.error("the settings were not read again: they are wrong", why=str(error))
        except ProviderError as error:
            log.error("the settings were not put into force: the store cannot be asked", why=str(error))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop)
    loop.add_signal_handler(signal.SIGHUP, asked_to_reload)
    raise_file_limit()
    try:
        await platform.start()
        settle_memory()
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
