"""The audit log: who changed what, when, from where. `/ringline/v1/audit` shows it."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.accounts import Account, AuditEntry
from ringline.api.fields import Body, empty_is_absent, read, whole
from ringline.api.resource import Desk, expect_json
from ringline.base import iso_ms

_LONGEST: Final = 200
"Characters of a detail: strangers cannot write it, but neither shall a slip fill the log."


class AuditQuery(Body):
    """The query of the list."""

    page_size: Annotated[int, whole(1, 1000)] = 100
    page: Annotated[int, whole(1, 1_000_000)] = 1


class AuditLog:
    """The resource `audit`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/ringline/v1/audit", self.list, methods=["GET"])
        return router

    async def list(self, request: Request) -> Response:
        """`GET`, with the account's key and secret: the changes, newest first."""
        self._desk.gate.account(request)
        expect_json(request)
        query = read(AuditQuery, empty_is_absent(request.query_params))
        offset = (query.page - 1) * query.page_size
        entries, count = await self._desk.needs.records.audit(limit=query.page_size, offset=offset)
        base = f"{self._desk.base_url(request)}/ringline/v1/audit"

        def link(page: int) -> dict[str, str]:
            return {"href": f"{base}?{urlencode({'page_size': query.page_size, 'page': page})}"}

        links = {"self": link(query.page), "first": link(1)}
        if offset + query.page_size < count:
            links["next"] = link(query.page + 1)
        body = {
            "count": count,
            "page_size": query.page_size,
            "page": query.page,
            "_embedded": {"entries": [_written(entry) for entry in entries]},
            "_links": links,
        }
        return JSONResponse(body)


def note(desk: Desk, request: Request, account: Account, action: str, target: str, **details: str) -> None:
    """Write a line about a change that is about to be saved: both go to disk together."""
    desk.needs.registry.write_audit(
        AuditEntry(
            at=desk.needs.clock.wallclock(),
            actor=account.api_key,
            action=action,
            target=target,
            source=request.client.host if request.client is not None else "",
            details={name: text[:_LONGEST] for name, text in details.items()},
        )
    )


def _written(entry: AuditEntry) -> dict[str, object]:
    return {
        "time": iso_ms(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "source": entry.source,
        "details": dict(entry.details),
    }
