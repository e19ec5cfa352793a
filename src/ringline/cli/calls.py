"""`ringline calls`: the latest calls, from the records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.table import Table

from ringline.calls.status import Status
from ringline.cli._console import console, plain_errors, say
from ringline.cli._installation import ConfigOption, installation
from ringline.cli._live import follow, print_row
from ringline.cli._records import open_records
from ringline.engine.ports import LegRecord


def calls(
    status: Annotated[Status | None, typer.Option(help="Only calls in this state")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many")] = 20,
    follow_: Annotated[bool, typer.Option("--follow", "-f", help="Then tell what happens, as it happens")] = False,
    config: ConfigOption = None,
) -> None:
    """List the latest calls; each line is one leg, the newest comes last."""
    with plain_errors():
        here = installation(config)
        with open_records(here.store) as records:
            found = records.legs(status=status.value if status else None, limit=limit)
        if found:
            console().print(_table(found))
        else:
            say("no calls" + (f" that are {status.value}" if status else " yet"))
        if follow_:
            out = console()
            with suppress(KeyboardInterrupt):
                asyncio.run(follow(here.store, lambda row: print_row(out, row)))


def _table(found: list[LegRecord]) -> Table:
    table = Table("uuid", "when", "way", "from", "to", "status", "for", "why", box=None, header_style="bold")
    for one in found:
        when = one.created_at.astimezone().strftime("%m-%d %H:%M:%S")
        seconds = f"{one.duration_s} s" if one.duration_s else ""
        why = " ".join(str(part) for part in (one.detail, one.sip_code) if part is not None)
        table.add_row(one.uuid, when, one.direction, _end(one.from_), _end(one.to), one.status, seconds, why)
    return table


def _end(party: Mapping[str, Any]) -> str:
    return str(next((party[key] for key in ("number", "uri", "user", "extension") if party.get(key)), "unknown"))
