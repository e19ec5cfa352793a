"""What all resources share: the gate, the leg of a URL, bodies within their limits, the base of links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from ringline.accounts import Token
from ringline.api import bodies
from ringline.api.dependencies import Dependencies
from ringline.api.gate import Gate
from ringline.api.legs import ACTIVE, ENDED
from ringline.api.problems import bad_request
from ringline.base import ApiError, LegId, read_leg_id
from ringline.engine.ports import LegRecord
from ringline.engine.records import record_of


class Desk:
    """Where the resources take requests in."""

    def __init__(self, needs: Dependencies) -> None:
        self.needs = needs
        self.gate = Gate(needs)

    async def read_object(self, request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
        options = self.needs.options
        return await bodies.read_object(
            request, limit=options.max_body_bytes, timeout_s=options.body_timeout_s, may_be_empty=may_be_empty
        )

    async def read_form(self, request: Request) -> Mapping[str, str]:
        options = self.needs.options
        return await bodies.read_form(request, limit=options.max_body_bytes, timeout_s=options.body_timeout_s)

    def base_url(self, request: Request) -> str:
        """The public base URL, without a slash at the end."""
        return self.needs.options.public_url or str(request.base_url).rstrip("/")

    async def leg(self, request: Request, token: Token) -> LegRecord:
        """The leg that the URL names, live or ended.

        Raises:
            ApiError: 404 if there is none, or it is not the application's: nobody can tell the difference.
        """
        written = request.path_params["uuid"]
        uuid = read_leg_id(written)
        if uuid is not None:
            # A live leg of another application is looked for in the store as well: that takes as long as for none.
            record = self._live(uuid, token) or await self.needs.records.leg(uuid)
            if record is not None and record.application == token.application.id:
                return record
        raise _no_such_call(written)

    async def live_leg(self, request: Request, token: Token) -> LegRecord:
        """As `leg`, but an ended one is as good as none."""
        record = await self.leg(request, token)
        if record.status in ENDED:
            raise _no_such_call(request.path_params["uuid"])
        return record

    def must_be_active(self, leg: LegRecord) -> None:
        """See that audio flows, or that the leg's script runs: an inbound leg counts as answered from then on.

        Raises:
            ApiError: 400.
        """
        view = self.needs.calls.view(leg.uuid)
        if leg.status not in ACTIVE and not (view is not None and view.scripted):
            raise bad_request(("uuid", "call is not active"))

    def _live(self, uuid: LegId, token: Token) -> LegRecord | None:
        view = self.needs.calls.view(uuid)
        return record_of(view) if view is not None and view.application == token.application.id else None


def expect_json(request: Request) -> None:
    """See that the client takes JSON.

    Raises:
        ApiError: 406.
    """
    accepted = request.headers.get("accept", "*/*").lower()
    if accepted.strip() and "json" not in accepted and "*/*" not in accepted and "application/*" not in accepted:
        raise ApiError(406, "Invalid Accept header provided. Must be one of the following: 'application/json'")


def _no_such_call(written: str) -> ApiError:
    return ApiError(404, f"Call '{written[:100]}' does not exist, or you do not have access")


def no_such_file(written: str) -> ApiError:
    """There is no such file, or it is not the application's: nobody can tell the difference."""
    return ApiError(404, f"File '{written[:100]}' does not exist, or you do not have access")
