"""Calls as they happen: follows the journals of a running installation and tells each new line."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from ringline.base import ConversationId
from ringline.cli._records import Records, open_records
from ringline.cli._timeline import Row, Teller, loudness

_POLL_S: Final = 0.2
_MOST_CONVERSATIONS: Final = 1000


class Follower:
    """Gives the rows that have come since the last time it was asked."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._position = records.newest_line()
        self._tellers: OrderedDict[ConversationId, Teller] = OrderedDict()

    def news(self) -> Iterator[Row]:
        """Tell what is new; conversations that were under way before are told without their steps."""
        self._position, lines = self._records.lines_after(self._position)
        for line in lines:
            teller = self._tellers.setdefault(line.conversation, Teller())
            self._tellers.move_to_end(line.conversation)
            if len(self._tellers) > _MOST_CONVERSATIONS:
                self._tellers.popitem(last=False)
            yield from teller.tell(line)


async def follow(store: str, show: Callable[[Row], None]) -> None:
    """Show every new row until cancelled; what was journaled just before that is still shown."""
    with open_records(store) as records:
        follower = Follower(records)
        try:
            while True:
                for row in await asyncio.to_thread(lambda: list(follower.news())):
                    show(row)
                await asyncio.sleep(_POLL_S)
        finally:
            for row in follower.news():
                show(row)


def print_row(console: Console, row: Row) -> None:
    """Print a row with the time of day and the beginning of the leg's id."""
    clock = row.at.astimezone().strftime("%H:%M:%S.") + f"{row.at.microsecond // 1000:03d}"
    leg = row.leg[:8] if row.leg is not None else " " * 8
    console.print(Text(f"{clock}  {leg}  {row.kind:<8} {row.text}", style=loudness(row)), soft_wrap=True)
