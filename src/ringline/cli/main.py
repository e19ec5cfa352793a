"""The command `ringline`: one module per subcommand, put together here; only the one that is run is loaded."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from ringline import __version__

_RUN, _USE, _LOOK = "Run a platform", "Use a running platform", "Look into calls and scripts"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """Where a subcommand is found."""

    panel: str
    module: str
    function: str = ""
    "Empty: the module has commands of its own, in `app`."
    cls: str = ""
    "The class of the module that reads its arguments, where that is not the usual one."
    context: Mapping[str, Any] = field(default_factory=dict)

    def add(self, app: typer.Typer, name: str) -> None:
        module = import_module(f"ringline.cli.{self.module}")
        if not self.function:
            app.add_typer(module.app, name=name, rich_help_panel=self.panel)
            return
        options: dict[str, Any] = {"cls": getattr(module, self.cls)} if self.cls else {}
        if self.context:
            options["context_settings"] = dict(self.context)
        app.command(name, rich_help_panel=self.panel, **options)(getattr(module, self.function))


_COMMANDS: Final = {
    "dev": _Command(panel=_RUN, module="dev", function="dev"),
    "serve": _Command(panel=_RUN, module="serve", function="serve"),
    "trial": _Command(panel=_RUN, module="trial", function="trial"),
    "check": _Command(panel=_RUN, module="check", function="check"),
    "trust": _Command(panel=_RUN, module="trust", function="trust"),
    "erase": _Command(panel=_RUN, module="erase", function="erase_number"),
    "apps": _Command(panel=_USE, module="apps"),
    "numbers": _Command(panel=_USE, module="numbers"),
    "call": _Command(panel=_USE, module="call"),
    "phone": _Command(panel=_USE, module="phone", function="phone"),
    "run": _Command(panel=_USE, module="run", function="run", context={"ignore_unknown_options": True}),
    "simulate": _Command(panel=_USE, module="simulate", function="simulate", cls="InOrder"),
    "calls": _Command(panel=_LOOK, module="calls", function="calls"),
    "journal": _Command(panel=_LOOK, module="journal", function="journal"),
    "replay": _Command(panel=_LOOK, module="journal", function="replay"),
    "lint": _Command(panel=_LOOK, module="lint", function="lint"),
    "audit": _Command(panel=_LOOK, module="audit", function="audit"),
}


def make_app(only: str | None = None) -> typer.Typer:
    """The command with its subcommands; with one of them, if `only` names one."""
    app = typer.Typer(
        name="ringline",
        help="A self-hosted programmable voice platform. `ringline dev` starts one on this machine to try it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(root)
    for name in [only] if only in _COMMANDS else list(_COMMANDS):
        _COMMANDS[name].add(app, name)
    return app


@cache
def whole_app() -> typer.Typer:
    """The command with all its subcommands, made once."""
    return make_app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ringline {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the subcommand."""


def main() -> None:
    """The entry point."""
    # What is loaded now stays for good: a garbage collector that looks through it again and again finds nothing, and
    # takes a fifth of the time.
    gc.disable()
    try:
        app = make_app(next(iter(sys.argv[1:]), None))
    finally:
        gc.freeze()
        gc.enable()
    app()
