"""`ringline call`: makes a call and follows it; `ringline call show` tells what happened in one."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from ringline.base import ConfigError
from ringline.cli._console import FAILED, OK, console, plain_errors, say
from ringline.cli._default_command import DefaultGroup
from ringline.cli._installation import ConfigOption, Installation, UrlOption, installation
from ringline.cli._records import open_records
from ringline.cli._rest import Rest, RestError
from ringline.cli._timeline import Row, clock, letters, loudness, timeline
from ringline.ncco import NccoError, parse

app = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Make a call (`ringline call TO`), or tell what happened in one (`ringline call show UUID`).",
    subcommand_metavar="TO | show UUID | webhooks UUID",
)
_POLL_S: Final = 0.3
_GOOD: Final = "completed"
_LIVE: Final = frozenset({"started", "ringing", "answered", "machine"})


@app.command("to")
def call_to(
    to: Annotated[str, typer.Argument(metavar="TO", help="A number such as 447700900123, sip:user@host or app:user")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="Caller id (default: one of the application's)")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Speak this, then hang up")] = None,
    ncco: Annotated[Path | None, typer.Option(metavar="FILE", help="Run this NCCO (JSON)")] = None,
    answer_url: Annotated[str | None, typer.Option(help="Ask this URL for the NCCO")] = None,
    application: Annotated[str | None, typer.Option("--app", metavar="ID", help="Call as this application")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key")] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Call somebody and follow the call until it ends: exit code 0 when it was answered, else 1."""
    with plain_errors():
        script = _script(text, ncco, answer_url)
        rest = installation(config).application_rest(url, application, key)
        caller: dict[str, Any] = {"from": {"type": "phone", "number": from_}} if from_ else {"random_from_number": True}
        made = rest.post("/v1/calls", {"to": [_endpoint(to)], **caller, **script})
        uuid = str(made["uuid"])
        say(f"call {uuid}")
        try:
            end = _follow(rest, uuid)
        except KeyboardInterrupt:
            rest.put(f"/v1/calls/{uuid}", {"action": "hangup"})
            say("hung up")
            end = _follow(rest, uuid)
        say(_summary(end))
    raise typer.Exit(OK if end.get("status") == _GOOD else FAILED)


@app.command()
def show(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The call's UUID, or the beginning of it")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON lines")] = False,
    config: ConfigOption = None,
) -> None:
    """Tell what happened in a call: SIP, script steps, webhooks, keys, recordings and how it ended."""
    with plain_errors():
        rows = _rows(installation(config), uuid)
        if as_json:
            for row in rows:
                fields = {"at": row.at.isoformat(), "leg": row.leg, "kind": row.kind, "text": row.text, "bad": row.bad}
                typer.echo(json.dumps(fields, ensure_ascii=False))
        else:
            _print(rows)


@app.command()
def webhooks(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The call's UUID, or the beginning of it")],
    bodies: Annotated[bool, typer.Option("--bodies", help="Show what was sent and what came back")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON lines, bodies included")] = False,
    config: ConfigOption = None,
) -> None:
    """Tell which webhooks of a call were sent where, when, and what came back; retries and fallbacks included."""
    with plain_errors():
        with open_records(installation(config).store) as records:
            found = records.webhooks_of(records.leg(uuid).uuid)
        if as_json:
            for one in found:
                typer.echo(json.dumps(one, ensure_ascii=False))
            return
        if not found:
            say("no webhooks of this call are in the journal")
        for one in found:
            _print_webhook(one, bodies=bodies)


def _print_webhook(one: dict[str, Any], *, bodies: bool) -> None:
    out = console()
    good = one["status"] is not None and 200 <= one["status"] < 300
    outcome = one["status"] if one["status"] is not None else one["failure"]
    tried = f" [{one['phase']}]" if one["phase"] not in (None, "first attempt") else ""
    sent = f"{one['method']} {one['url']}{tried} → " if one["method"] else ""
    took = f" in {one['duration_ms']} ms" if one["duration_ms"] is not None else ""
    detail = f" ({one['detail']})" if one["detail"] else ""
    line = f"{one['time']}  {one['name'] or '?':<11} {sent}{outcome}{took}{detail}"
    out.print(Text(line, style="" if good else "yellow"), soft_wrap=True)
    if bodies:
        out.print(Text(f"    event {one['event_id'] or '?'}", style="dim"), soft_wrap=True)
        for arrow, body in (("→", one["request"]["body"]), ("←", one["response"]["body"])):
            if body:
                out.print(Text(f"    {arrow} {body}", style="dim"), soft_wrap=True)


def _rows(here: Installation, uuid: str) -> list[Row]:
    with open_records(here.store) as records:
        return timeline(records.journals_of(records.leg(uuid).uuid))


def _print(rows: list[Row]) -> None:
    out = console()
    if not rows:
        say("the journal of this call is empty")
        return
    names = letters(rows)
    start = rows[0].at
    out.print(Text(f"begins {start.isoformat(timespec='milliseconds')}", style="bold"))
    for leg, name in names.items():
        out.print(Text(f"  {name} = {leg}"))
    for row in rows:
        text = row.text
        for leg, name in names.items():
            text = text.replace(leg, name)
        name = names[row.leg] if row.leg is not None else ""
        line = f"{clock(row, start):>10} {name:<2} {row.kind:<8} {text}"
        out.print(Text(line, style=loudness(row)), soft_wrap=True)


def _script(text: str | None, ncco: Path | None, answer_url: str | None) -> dict[str, Any]:
    """What the call runs, as the API wants it.

    Raises:
        ConfigError: none or more than one of the three is given, or the file holds no NCCO that can run.
    """
    if sum(each is not None for each in (text, ncco, answer_url)) != 1:
        raise ConfigError("give one of --text, --ncco and --answer-url", where="command line", key="call")
    if answer_url is not None:
        return {"answer_url": [answer_url]}
    if text is not None:
        return {"ncco": [{"action": "talk", "text": text}]}
    assert ncco is not None
    source = sys.stdin.buffer.read() if str(ncco) == "-" else ncco.read_bytes()
    try:
        parse(source)
    except NccoError as error:
        faults = "\n".join(f"  {ncco}:{fault}" for fault in error.faults)
        raise ConfigError(f"this NCCO cannot run\n{faults}", where="command line", key="--ncco") from None
    document = json.loads(source)
    return {"ncco": document if isinstance(document, list) else [document]}


def _endpoint(to: str) -> dict[str, str]:
    if to.startswith(("sip:", "sips:")):
        return {"type": "sip", "uri": to}
    if to.startswith("app:"):
        return {"type": "app", "user": to.removeprefix("app:")}
    return {"type": "phone", "number": to.removeprefix("+").replace(" ", "")}


def _follow(rest: Rest, uuid: str) -> dict[str, Any]:
    """Say each new status until the call has ended; return its last record."""
    told = ""
    while True:
        try:
            found: dict[str, Any] = rest.get(f"/v1/calls/{uuid}")
        except RestError as error:
            if error.status != 429:
                raise
            time.sleep(1)
            continue
        status = str(found.get("status"))
        if status != told:
            say(status)
            told = status
        if status not in _LIVE:
            return found
        time.sleep(_POLL_S)


def _summary(end: dict[str, Any]) -> str:
    if end.get("status") == _GOOD:
        return f"talked for {end.get('duration', '?')} s"
    return f"the call came to nothing: {end.get('status', '?')}"
