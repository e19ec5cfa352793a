"""What is forgotten after its days: legs, journals, delivery logs, usage and audit lines; a few hundred at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Select, or_, select

from ringline.base import ApplicationId
from ringline.io.store import rows, statements
from ringline.io.store.lending import Lends
from ringline.io.store.tables import FILES, JOURNAL, JOURNALS, LEG_COUNTS, LEGS

_AT_ONCE: Final = 500
"Legs or conversations that are deleted together: so little that calls do not wait for it."


class _Rows(Lends, Protocol):
    """What the store lends, and what it must know of journals that are gone."""

    def _journal_is_gone(self, conversation: str) -> None: ...

    async def last_moment(self, conversation: str) -> int: ...

    async def forget_legs(self, before: datetime, *, application: ApplicationId | None = None) -> int: ...

    async def forget_journals(self, before: datetime, *, application: ApplicationId | None = None) -> int: ...


class Retention:
    """Mixed into a store. What is deleted is gone from the disk when these return."""

    async def forget(self: _Rows, before: datetime, *, application: ApplicationId | None = None) -> None:
        """Delete ended legs made before a time, of one application or of all.

        Without `application`, journals whose last line is older are deleted too: a conversation is kept as long as
        anything happens in it.
        """
        await self.forget_legs(before, application=application)
        if application is None:
            await self.forget_journals(before)

    async def forget_legs(self: _Rows, before: datetime, *, application: ApplicationId | None = None) -> int:
        """Delete ended legs made before a time; return how many."""
        ended = or_(LEGS.c.end_time.is_not(None), LEGS.c.status.in_(statements.FINAL))
        old = select(LEGS.c.uuid).where(LEGS.c.created_at < rows.to_microseconds(before), ended)
        if application is not None:
            old = old.where(LEGS.c.application == application)
        gone = 0
        while found := await self._all(old.order_by(LEGS.c.created_at).limit(_AT_ONCE)):
            for row in found:
                self._put(statements.DELETE_LEG, {"uuid": row["uuid"]})
            await self.flush()
            gone += len(found)
        return gone

    async def forget_journals(self: _Rows, before: datetime, *, application: ApplicationId | None = None) -> int:
        """Delete the journals in which nothing has happened since a time; return how many."""
        moment, gone, after = rows.to_microseconds(before), 0, (0, "")
        while found := await self._all(_opened_before(moment, after, application)):
            for row in found:
                room = row["conversation"]
                if await self.last_moment(room) < moment:
                    # The statements look again: a line may have been written since.
                    self._put(statements.FORGET_LINES, {"conversation": room, "before": moment})
                    self._put(statements.FORGET_PAIRS, {"conversation": room})
                    self._put(statements.FORGET_JOURNAL, {"conversation": room})
                    self._journal_is_gone(room)
                    gone += 1
            await self.flush()
            after = (found[-1]["opened_at"], found[-1]["conversation"])
        return gone

    async def forget_traces(self: _Rows, before: datetime, *, application: ApplicationId | None = None) -> int:
        """Delete SIP and webhook logs of conversations in which nothing has happened since; return of how many."""
        moment, gone, after = rows.to_microseconds(before), 0, (0, "")
        while found := await self._all(_opened_before(moment, after, application).where(JOURNALS.c.traced == 1)):
            for row in found:
                if await self.last_moment(row["conversation"]) < moment:
                    self._put(statements.FORGET_TRACES, {"conversation": row["conversation"]})
                    self._put(statements.TRACES_GONE, {"room": row["conversation"]})
                    gone += 1
            await self.flush()
            after = (found[-1]["opened_at"], found[-1]["conversation"])
        return gone

    async def forget_usage(self: _Rows, before_day: int) -> None:
        """Delete what calls came to on days before this one."""
        self._put(statements.FORGET_USAGE, {"before": before_day})
        await self.flush()

    async def forget_audit(self: _Rows, before: datetime) -> None:
        """Delete lines of the audit log."""
        self._put(statements.FORGET_AUDIT, {"before": rows.to_microseconds(before)})
        await self.flush()

    async def owners(self: _Rows) -> Sequence[ApplicationId]:
        """All applications of which anything is kept, those that were deleted included; "" for unknown ones."""
        found: set[str] = set()
        for column in (LEG_COUNTS.c.application, JOURNALS.c.application, FILES.c.application):
            found |= {row["application"] for row in await self._all(select(column.label("application")).distinct())}
        return [ApplicationId(one) for one in sorted(found)]

    async def last_moment(self: _Rows, conversation: str) -> int:
        """When the last line of a journal was written, in microseconds; 0 when it has none."""
        lines = select(JOURNAL.c.wallclock).where(JOURNAL.c.conversation == conversation)
        found = await self._all(lines.order_by(JOURNAL.c.sequence.desc()).limit(1))
        return int(found[0]["wallclock"]) if found else 0


def _opened_before(moment: int, after: tuple[int, str], application: ApplicationId | None) -> Select[Any]:
    opened, room = JOURNALS.c.opened_at, JOURNALS.c.conversation
    query = select(JOURNALS).where(opened < moment, or_(opened > after[0], (opened == after[0]) & (room > after[1])))
    if application is not None:
        query = query.where(JOURNALS.c.application == application)
    return query.order_by(opened, room).limit(_AT_ONCE)


def application_of_opening(data: rows.Row) -> str:
    """The application named in the first line of a journal; empty when it names none."""
    event = data.get("event")
    settings = event.get("application") if isinstance(event, dict) else None
    name = settings.get("id") if isinstance(settings, dict) else None
    return name if isinstance(name, str) else ""
