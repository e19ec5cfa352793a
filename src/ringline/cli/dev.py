"""`ringline dev`: a platform on this machine to try and develop with, with a demo application to call."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ringline.cli import _banner
from ringline.cli._console import console, plain_errors, say
from ringline.cli._installation import ConfigOption, DevNote, load_settings
from ringline.cli._live import follow, print_row
from ringline.cli.demo import BOB, BOB_PORT, BROWSER_USER, DEMO_NUMBER, ECHO, MENU_HELP, Demo, PhonePage
from ringline.server.logs import write_logs
from ringline.server.platform import Farewell, Platform
from ringline.server.run import run
from ringline.server.settings import Settings

HTTPS_PORT = 8443


def dev(
    config: ConfigOption = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Without the demo application and its numbers")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell what happens in calls")] = False,
) -> None:
    """Run a platform on this machine: loopback only, well-known keys, no limits, and a demo to call. Ctrl-C ends it."""
    with plain_errors():
        settings = dev_settings(config)
        write_logs("people", "WARNING")
        demo = None if no_demo else Demo(settings.data_dir)
        farewell = asyncio.run(_develop(settings, demo, lambda: dev_settings(config), quiet=quiet))
        for line in _banner.goodbye(farewell):
            say(line)


def dev_settings(config: Path | None) -> Settings:
    """The settings in the profile `dev`, with https beside http: two official client libraries speak nothing else.

    Raises:
        ConfigError: something in them is wrong.
    """
    settings = load_settings(config, profile="dev")
    server, public = settings.server, settings.public
    if server.https_port is None:
        server = server.model_copy(update={"https_port": HTTPS_PORT})
    if public.base_url is None:  # links and recording URLs stay plain: no program trusts our authority by itself
        plain = settings.model_copy(update={"server": server.model_copy(update={"https_port": None})})
        public = public.model_copy(update={"base_url": plain.base_url()})
    return settings.model_copy(update={"server": server, "public": public})


async def _develop(
    settings: Settings, demo: Demo | None, read_again: Callable[[], Settings], *, quiet: bool
) -> Farewell:
    def with_demo(plain: Settings) -> Settings:
        return plain if demo is None else demo.add_to(plain)

    telling: list[asyncio.Task[None]] = []

    page = PhonePage(demo) if demo is not None else None

    def ready(platform: Platform) -> None:
        if page is not None:
            page.platform = platform
        _note(platform.settings, demo).write(platform.settings.data_dir)
        _introduce(platform.settings, demo)
        if (why := platform.speech.voice.ready()) is not None:
            say(f"  mind: nothing can be spoken: {why}", style="yellow")
        if not quiet:
            out = console()
            story = follow(platform.settings.store_url(), lambda row: print_row(out, row))
            telling.append(asyncio.create_task(story, name="live view"))

    def stopping(calls: int) -> None:
        say(f"stopping: {calls} calls are up (Ctrl-C again hangs them up at once)" if calls else "stopping")

    if demo is not None:
        await demo.start()
    try:
        return await run(
            with_demo(settings),
            read_again=lambda: with_demo(read_again()),
            on_ready=ready,
            on_stopping=stopping,
            also=[page.router()] if page is not None else [],
        )
    finally:
        for task in telling:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        DevNote.remove(settings.data_dir)
        if demo is not None:
            await demo.stop()


def _note(settings: Settings, demo: Demo | None) -> DevNote:
    server, account = settings.server, settings.account
    assert account is not None  # the profile has one
    return DevNote(
        base_url=f"http://{server.http_bind}:{server.http_port}",
        https_url=f"https://{server.https_bind}:{server.https_port}" if server.https_port is not None else None,
        api_key=account.api_key,
        api_secret=account.api_secret.get_secret_value(),
        application=demo.application_id if demo is not None else None,
        key_file=str(demo.key_file) if demo is not None else None,
    )


def _introduce(settings: Settings, demo: Demo | None) -> None:
    account = settings.account
    assert account is not None
    say("Ringline is up, for development on this machine.", style="bold green")
    rows = list(_banner.addresses(settings))
    audio = [name for name, _ in rows].index("audio")
    rows.insert(audio, ("keys", f"api_key {account.api_key}, api_secret {account.api_secret.get_secret_value()}"))
    for name, place in rows:
        say(f"  {name:<11} {place}")
    for warning in _banner.warnings(settings):
        say(f"  mind: {warning}", style="yellow")
    if demo is not None:
        _introduce_demo(settings, demo)
    say("Ctrl-C stops it. What happens in calls is told below.\n")


def _introduce_demo(settings: Settings, demo: Demo) -> None:
    program = _program()
    sip = f"{settings.sip_host()}:{settings.sip.port}"
    login = f"--user {demo.username} --password {demo.password}"
    say("The demo", style="bold")
    for name, text in (
        ("number", f"{DEMO_NUMBER} is a menu: {MENU_HELP}"),
        ("call it", f"{program} phone sip:{DEMO_NUMBER}@{sip} {login}"),
        ("", f"or with any softphone: user {demo.username}, password {demo.password}, server {sip}"),
        ("Bob", f"{BOB.number} rings at {program} phone --answer --port {BOB_PORT}"),
        ("echo", f"{ECHO.number} says back what it hears"),
        ("browser", f"http://{settings.server.http_bind}:{settings.server.http_port}/phone calls it, too, by a click"),
        ("", f'and rings at {program} call app:{BROWSER_USER} --text "Hello from Ringline"'),
        ("be called", f'{program} call {BOB.number} --text "Hello from Ringline"'),
        ("application", f"{demo.application_id}, key in {demo.key_file}"),
        ("webhooks", f"{demo.url}, kept in {demo.events_file}"),
    ):
        say(f"  {name:<11} {text}")


def _program() -> str:
    """How this program is called in another terminal of the same folder."""
    if shutil.which("ringline") is not None:
        return "ringline"
    started = Path(sys.argv[0])
    if started.name != "ringline":
        return f"{shlex.quote(sys.executable)} -m ringline"
    with suppress(ValueError):
        started = started.resolve().relative_to(Path.cwd())
    return shlex.quote(str(started))
