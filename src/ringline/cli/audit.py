"""`ringline audit`: who changed what through the API, and when."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from ringline.cli._console import console, plain_errors
from ringline.cli._installation import ConfigOption, UrlOption, installation


def audit(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many of the latest changes")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Show the latest administrative changes: who, what, when, from where."""
    with plain_errors():
        rest = installation(config).account_rest(url)
        entries = list(reversed(rest.get("/ringline/v1/audit", page_size=count)["_embedded"]["entries"]))
    if as_json:
        for entry in entries:
            typer.echo(json.dumps(entry, ensure_ascii=False))
        return
    table = Table("time", "who", "from", "what", "which", "more", box=None, header_style="bold")
    for entry in entries:
        more = ", ".join(f"{name}: {text}" for name, text in entry["details"].items())
        table.add_row(entry["time"], entry["actor"], entry["source"] or "–", entry["action"], entry["target"], more)
    console().print(table)
