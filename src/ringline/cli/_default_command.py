"""A group of commands with one that needs no name: `ringline call 4420…` beside `ringline call show UUID`."""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperGroup

DEFAULT: Final = "to"


class DefaultGroup(TyperGroup):
    """Takes words that name no command of the group as the arguments of its command `to`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
