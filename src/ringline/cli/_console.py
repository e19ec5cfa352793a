"""Where commands write, and how they fail: one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from ringline.base import ConfigError, RinglineError

OK: Final = 0
FAILED: Final = 1
"The thing asked for was tried, and did not come to a good end."
USAGE: Final = 2
"Wrong settings, wrong options, a port in use: nothing was tried."
NO_ANSWER: Final = 3

_WIDE: Final = 200
"Characters in a line when nobody looks at a screen: a pipe should get whole lines."


def console(*, stderr: bool = False) -> Console:
    """A console for the present stdout or stderr, plain and wide when it is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _WIDE, highlight=False, soft_wrap=True)


def say(text: str = "", *, style: str | None = None) -> None:
    """Write a line that may come from anywhere: nothing in it is taken for markup."""
    console().print(text, style=style, markup=False, soft_wrap=True)


def fail(why: str, code: int = FAILED) -> NoReturn:
    """Say why on stderr and end with `code`."""
    console(stderr=True).print(f"[bold red]ringline:[/] {escape(why)}", soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors Ringline raises on purpose, and those of files, into a sentence and an exit code."""
    try:
        yield
    except ConfigError as error:
        fail(str(error), USAGE)
    except RinglineError as error:
        fail(str(error), FAILED)
    except UnicodeDecodeError as error:
        fail(f"a file is no UTF-8 text: {error.reason}", USAGE)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), USAGE)
