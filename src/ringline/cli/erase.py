"""`ringline erase NUMBER`: delete or redact what is kept of a person's number."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from ringline.accounts import AuditEntry
from ringline.base import ConfigError, SystemClock, SystemRandom
from ringline.cli._console import FAILED, plain_errors, say
from ringline.cli._installation import ConfigOption, installation
from ringline.io.store import SqlStore
from ringline.io.store.erasure import Erased, erase
from ringline.routing import read_e164
from ringline.server.recordings import make_recordings
from ringline.server.settings import Settings


@dataclass(frozen=True, slots=True)
class _Done:
    erased: Erased
    own: bool
    "It is a number of the installation: nothing was done."


def erase_number(
    number: Annotated[str, typer.Argument(help="The number, international: +44 7700 900123")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    config: ConfigOption = None,
) -> None:
    """Delete what calls with a number left behind (journals, delivery logs, recordings, undelivered events), and take
    the number out of everything that stays. Cannot be undone. The platform may be running.
    """
    with plain_errors():
        settings = installation(config).settings
        digits = read_e164(number)
        if digits is None:
            raise ConfigError(
                f"{number!r} is no international number of 7 to 15 digits", where="command line", key="NUMBER"
            )
        if not yes:
            typer.confirm(f"Erase everything kept of {digits} in {settings.data_dir}?", abort=True)
        done = asyncio.run(_erase(settings, digits))
    if done.own:
        say(f"{digits} is a number of this installation, not a person's: nothing was erased")
        raise typer.Exit(FAILED)
    _tell(digits, done.erased)
    if done.erased.live:
        raise typer.Exit(FAILED)


async def _erase(settings: Settings, digits: str) -> _Done:
    # Without a spool: that of a running platform is its own.
    store = SqlStore(settings.store_url(), spool_bytes=0, data_dir=settings.data_dir)
    await store.start()
    recordings = make_recordings(settings, clock=SystemClock(), random=SystemRandom())
    try:
        own = {one.msisdn for one in await store.numbers()} | {one.number for one in settings.numbers}
        if digits in own:
            return _Done(Erased(), own=True)
        done = await erase(store, digits)
        for file in done.recordings:
            await recordings.remove(file)
        store.write_audit(_note(done))
        return _Done(done, own=False)
    finally:
        await recordings.close()
        await store.stop()


def _note(done: Erased) -> AuditEntry:
    """That somebody was forgotten, and when; not who."""
    details = {"journals": done.journals, "recordings": len(done.recordings), "events": done.events}
    return AuditEntry(
        at=SystemClock().wallclock(),
        actor="operator",
        action="number.erase",
        target="anonymous",
        source="",
        details={name: str(count) for name, count in details.items()},
    )


def _tell(digits: str, done: Erased) -> None:
    lines = [
        (done.journals, "journals deleted, with keys, words and delivery logs"),
        (len(done.recordings), "recordings deleted"),
        (done.events, "undelivered events deleted"),
        *((count, f"{what} redacted") for what, count in done.mentions.items()),
    ]
    if not any(count for count, _ in lines) and not done.live:
        say(f"nothing is kept of {digits}")
    for count, what in lines:
        if count:
            say(f"{count:>6}  {what}")
    if done.live:
        say(f"{len(done.live):>6}  calls with this number are up: their conversations were left alone; run this again")
    say("Not looked through: backups, log files, and what applications keep themselves.")
