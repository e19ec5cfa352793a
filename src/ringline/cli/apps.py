"""`ringline apps`: the account's applications, over the REST API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ringline.base import ConfigError
from ringline.cli._console import console, plain_errors, say
from ringline.cli._installation import ConfigOption, UrlOption, installation
from ringline.cli._rest import ApplicationToken, Rest

app = typer.Typer(help="Applications: list, create, show, token, delete.", no_args_is_help=True)
_PAGE = 100


@app.command("list")
def list_apps(config: ConfigOption = None, url: UrlOption = None) -> None:
    """List all applications."""
    with plain_errors():
        rest = installation(config).account_rest(url)
        table = Table("id", "name", "answer URL", "event URL", box=None, header_style="bold")
        for one in _all(rest):
            hooks = one.get("capabilities", {}).get("voice", {}).get("webhooks", {})
            table.add_row(one["id"], one["name"], *(_address(hooks.get(name)) for name in ("answer_url", "event_url")))
        console().print(table)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Its name")],
    answer_url: Annotated[str | None, typer.Option(help="Asked what to do with a call")] = None,
    event_url: Annotated[str | None, typer.Option(help="Told what happens")] = None,
    fallback_url: Annotated[str | None, typer.Option(help="Asked when the answer URL fails")] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Where its private key goes (default: NAME.key)")
    ] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Create an application, and write its private key into a file that only you may read."""
    with plain_errors():
        target = key_file or Path(_file_name(name) + ".key")
        if target.exists():
            raise ConfigError("is there already; choose another --key", where="command line", key=str(target))
        hooks = {
            hook: {"address": address, "http_method": method}
            for hook, address, method in (
                ("answer_url", answer_url, "GET"),
                ("event_url", event_url, "POST"),
                ("fallback_answer_url", fallback_url, "GET"),
            )
            if address is not None
        }
        rest = installation(config).account_rest(url)
        made = rest.post("/v2/applications", {"name": name, "capabilities": {"voice": {"webhooks": hooks}}})
        _write_private(target, made["keys"]["private_key"])
    say(f"application {made['id']}")
    say(f"private key in {target}")


@app.command()
def show(
    app_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None, url: UrlOption = None
) -> None:
    """Show an application as the API gives it."""
    with plain_errors():
        found = installation(config).account_rest(url).get(f"/v2/applications/{app_id}")
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def token(
    app_id: Annotated[str, typer.Argument(metavar="ID")],
    key_file: Annotated[Path, typer.Option("--key", metavar="FILE", help="Its private key")],
) -> None:
    """Print a token of an application, for `Authorization: Bearer`; it is good for a few minutes."""
    with plain_errors():
        typer.echo(ApplicationToken(app_id, key_file).header().removeprefix("Bearer "))


@app.command()
def delete(
    app_id: Annotated[str, typer.Argument(metavar="ID")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Delete an application; its calls end."""
    if not yes:
        typer.confirm(f"Delete application {app_id}, and end its calls?", abort=True)
    with plain_errors():
        installation(config).account_rest(url).delete(f"/v2/applications/{app_id}")
    say(f"application {app_id} is deleted")


def _all(rest: Rest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        document = rest.get("/v2/applications", page=page, page_size=_PAGE)
        found += document["_embedded"]["applications"]
        if page >= int(document.get("total_pages", 1)):
            return found
        page += 1


def _address(hook: Any) -> str:
    return f"{hook.get('http_method', '')} {hook['address']}" if hook and hook.get("address") else "–"


def _file_name(name: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in name).strip(".-") or "application"


def _write_private(target: Path, text: str) -> None:
    """Write a new file that was never readable by others, not even for a moment."""
    with open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(text)
