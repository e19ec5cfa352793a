"""`ringline lint`: what is wrong with an NCCO, and what is odd about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ringline.cli._console import FAILED, console, plain_errors, say
from ringline.ncco import Severity
from ringline.ncco import lint as lint_ncco


def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An NCCO as JSON; `-` reads standard input")],
) -> None:
    """Check an NCCO: every error and warning with its place. Exit code 1 when it cannot run."""
    with plain_errors():
        source = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    faults = lint_ncco(source)
    out = console()
    for fault in faults:
        error = fault.severity is Severity.ERROR
        style, word = ("bold red", "error") if error else ("yellow", "warning")
        out.print(f"[{style}]{word}[/] ", end="")
        say(f"{file}:{fault}")
    if any(fault.severity is Severity.ERROR for fault in faults):
        raise typer.Exit(FAILED)
    if not faults:
        say(f"{file}: nothing to say")
