"""The part of the store for applications and numbers that were made through the API or by command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from ringline.accounts import Application, Number
from ringline.base import ApplicationId
from ringline.io.store import rows, statements
from ringline.io.store.lending import Lends
from ringline.io.store.tables import APPLICATIONS, NUMBERS


class ApplicationTables:
    """Mixed into a store. What changes returns once it is on disk."""

    async def applications(self: Lends) -> Sequence[Application]:
        """Oldest first."""
        found = await self._all(select(APPLICATIONS).order_by(APPLICATIONS.c.created_at, APPLICATIONS.c.id))
        return [rows.application_of(row) for row in found]

    async def save_application(self: Lends, application: Application) -> None:
        """Insert or replace; returns when it is on disk. Its private key is nowhere in it."""
        self._put(statements.PUT_APPLICATION, rows.application_row(application, datetime.now(UTC)))
        await self.flush()

    async def delete_application(self: Lends, application_id: ApplicationId) -> None:
        """Delete an application and unlink its numbers."""
        self._put(statements.DELETE_APPLICATION, {"id": application_id})
        self._put(statements.UNLINK_NUMBERS, {"id": application_id})
        await self.flush()

    async def numbers(self: Lends) -> Sequence[Number]:
        """Oldest first."""
        found = await self._all(select(NUMBERS).order_by(NUMBERS.c.created_at, NUMBERS.c.msisdn))
        return [rows.number_of(row) for row in found]

    async def save_number(self: Lends, number: Number) -> None:
        """Insert or replace; returns when it is on disk."""
        self._put(statements.PUT_NUMBER, rows.number_row(number, datetime.now(UTC)))
        await self.flush()

    async def delete_number(self: Lends, msisdn: str) -> None:
        self._put(statements.DELETE_NUMBER, {"msisdn": msisdn})
        await self.flush()
