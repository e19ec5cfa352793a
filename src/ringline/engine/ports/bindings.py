"""Where registered users are, kept for the next process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol


class Bindings(Protocol):
    """One row for each user who has registered devices."""

    def write_bindings(self, user: str, document: Sequence[Mapping[str, Any]], expires_at: datetime) -> None:
        """Insert or replace where a user is. JSON, of use until `expires_at`."""
        ...

    def forget_bindings(self, user: str) -> None: ...

    def forget_lapsed_bindings(self, before: datetime) -> None:
        """Delete what was of no use any more at that time."""
        ...

    async def bindings(self) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
        """Everybody's: the user, and what was written."""
        ...
