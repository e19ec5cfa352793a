"""The command line: `ringline …`, one module per command."""

from ringline.cli.main import app, main

__all__ = ["app", "main"]
