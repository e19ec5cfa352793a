"""`ringline serve`: a platform for others."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ringline.cli import _banner
from ringline.cli._console import plain_errors, say
from ringline.cli._installation import ConfigOption, load_settings
from ringline.server.logs import Form, write_logs
from ringline.server.platform import Platform
from ringline.server.run import run


def serve(
    config: ConfigOption = None,
    log_form: Annotated[Form, typer.Option("--log", help="How log lines are written, on stderr")] = "json",
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR")] = "INFO",
) -> None:
    """Run a platform until SIGTERM or Ctrl-C; SIGHUP reads trunks, users, numbers and applications again.

    Stopping takes no new calls and waits `limits.drain_s` for those that are up; a second signal hangs them up.
    """
    with plain_errors():
        settings = load_settings(config)
        write_logs(log_form, _level(log_level))
        for warning in _banner.warnings(settings):
            say(f"mind: {warning}", style="yellow")

        def ready(platform: Platform) -> None:
            for name, place in _banner.addresses(settings):
                say(f"{name:<11} {place}")
            if (why := platform.speech.voice.ready()) is not None:
                say(f"mind: nothing can be spoken: {why}", style="yellow")
            say("ready", style="bold green")

        def stopping(calls: int) -> None:
            say(f"stopping: {calls} calls are up; no new ones are taken, a second signal hangs them up")

        farewell = asyncio.run(
            run(settings, read_again=lambda: load_settings(config), on_ready=ready, on_stopping=stopping)
        )
        for line in _banner.goodbye(farewell):
            say(line)


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise typer.BadParameter("must be DEBUG, INFO, WARNING or ERROR", param_hint="--log-level")
    return text.upper()
