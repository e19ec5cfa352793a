"""`ringline journal` takes the journal of a call out of the store; `ringline replay` runs one again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from ringline.base import RinglineError
from ringline.calls import Difference
from ringline.calls import replay as run_again
from ringline.cli import _journal
from ringline.cli._console import FAILED, console, plain_errors, say
from ringline.cli._installation import ConfigOption, installation
from ringline.cli._records import open_records
from ringline.engine.ports import JournalLine


def journal(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The call's UUID, or the beginning of it")],
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it here (default: print it)", show_default=False)
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Take the journals of all conversations a call was in, as JSON lines."""
    with plain_errors():
        with open_records(installation(config).store) as records:
            lines = records.journals_of(records.leg(uuid).uuid)
        if export is None:
            for line in lines:
                typer.echo(json.dumps(_journal.to_json(line), separators=(",", ":")))
        else:
            count = _journal.write(lines, export)
            say(f"{count} lines in {export}; it holds numbers and what was said: mind whom you give it to")


def replay(
    source: Annotated[
        str, typer.Argument(metavar="FILE|UUID", help="A file of `ringline journal --export`, or a call's UUID")
    ],
    config: ConfigOption = None,
) -> None:
    """Run the journal of a call again, and compare what is decided now with what was decided then.

    Exit code 0: every decision is the same. 1: there is a difference, which is shown.
    """
    with plain_errors():
        if Path(source).is_file():
            lines: Sequence[JournalLine] = _journal.read(Path(source))
        else:
            with open_records(installation(config).store) as records:
                lines = records.journals_of(records.leg(source).uuid)
        inputs = [line for line in lines if line.kind == "input"]
        if not inputs:
            raise RinglineError("the journal is empty: there is nothing to run again")
        different = False
        for conversation, part in groupby(inputs, key=lambda line: line.conversation):
            entries = [line.data for line in part]
            found = _run(conversation, entries)
            different = different or found is not None
            if found is None:
                say(f"{conversation}: {len(entries)} events, all decisions as then", style="green")
            else:
                _show(conversation, found)
    if different:
        raise typer.Exit(FAILED)


def _run(conversation: str, entries: Sequence[Mapping[str, Any]]) -> Difference | None:
    try:
        return run_again(entries)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RinglineError(f"{conversation}: the journal is damaged ({type(error).__name__}: {error})") from error


def _show(conversation: str, found: Difference) -> None:
    say(f"{conversation}: event {found.line} leads to something else now", style="bold yellow")
    out = console()
    for name, value in (("event", found.event), ("then", found.recorded), ("now", found.now)):
        out.print(f"[bold]{name}[/]")
        out.print_json(json.dumps(value))
