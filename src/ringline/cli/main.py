"""The command `ringline`: one module per subcommand, put together here."""

from __future__ import annotations

from typing import Annotated

import typer

from ringline import __version__
from ringline.cli import (
    apps,
    audit,
    call,
    calls,
    check,
    dev,
    doctor,
    erase,
    journal,
    lint,
    numbers,
    phone,
    run,
    serve,
    simulate,
    trial,
    trust,
)

app = typer.Typer(
    name="ringline",
    help="A self-hosted programmable voice platform. `ringline dev` starts one on this machine to try it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
_RUN, _USE, _LOOK = "Run a platform", "Use a running platform", "Look into calls and scripts"

app.command(rich_help_panel=_RUN)(dev.dev)
app.command(rich_help_panel=_RUN)(serve.serve)
app.command(rich_help_panel=_RUN)(trial.trial)
app.command(rich_help_panel=_RUN)(check.check)
app.command(rich_help_panel=_RUN)(doctor.doctor)
app.command(rich_help_panel=_RUN)(trust.trust)
app.command("erase", rich_help_panel=_RUN)(erase.erase_number)
app.add_typer(apps.app, name="apps", rich_help_panel=_USE)
app.add_typer(numbers.app, name="numbers", rich_help_panel=_USE)
app.add_typer(call.app, name="call", rich_help_panel=_USE)
app.command(rich_help_panel=_USE)(phone.phone)
app.command(rich_help_panel=_USE, context_settings={"ignore_unknown_options": True})(run.run)
app.command(rich_help_panel=_USE, cls=simulate.InOrder)(simulate.simulate)
app.command(rich_help_panel=_LOOK)(calls.calls)
app.command(rich_help_panel=_LOOK)(journal.journal)
app.command(rich_help_panel=_LOOK)(journal.replay)
app.command(rich_help_panel=_LOOK)(lint.lint)
app.command(rich_help_panel=_LOOK)(audit.audit)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ringline {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the subcommand."""


def main() -> None:
    """The entry point."""
    app()
