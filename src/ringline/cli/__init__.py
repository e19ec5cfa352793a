"""The command line: `ringline …`, one module per command."""

from typing import TYPE_CHECKING

from ringline.cli.main import main, whole_app

if TYPE_CHECKING:
    import typer

    app: typer.Typer

__all__ = ["app", "main"]


def __getattr__(name: str) -> "typer.Typer":
    """`app` is every command, loaded when somebody asks for it."""
    if name == "app":
        return whole_app()
    raise AttributeError(name)
