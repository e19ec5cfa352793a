"""`/v2/applications`: make, list, look at, change and delete the account's applications."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.accounts import Account, Application, make_key_pair
from ringline.api.application_body import ApplicationBody, write_application
from ringline.api.audit import note
from ringline.api.fields import Body, empty_is_absent, read, whole
from ringline.api.resource import Desk, expect_json
from ringline.base import ApiError, ApplicationId, get_log, uuid4
from ringline.calls.events import HangUpAsked

log = get_log(__name__)


class PageQuery(Body):
    """The query of a list."""

    page_size: Annotated[int, whole(1, 1000)] = 10
    page: Annotated[int, whole(1)] = 1


class Applications:
    """The resource `applications`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs
        self._directory = desk.needs.directory
        self._changing = asyncio.Lock()
        "Held from look-up to save, so that a change cannot bring back what is being deleted."

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v2/applications", self.list, methods=["GET"])
        router.add_api_route("/v2/applications", self.create, methods=["POST"])
        router.add_api_route("/v2/applications/{id}", self.show, methods=["GET"])
        router.add_api_route("/v2/applications/{id}", self.replace, methods=["PUT"])
        router.add_api_route("/v2/applications/{id}", self.delete, methods=["DELETE"])
        return router

    async def list(self, request: Request) -> Response:
        self._enter(request)
        query = read(PageQuery, empty_is_absent(request.query_params))
        applications = list(self._directory.applications().values())
        size, page = query.page_size, query.page
        pages = max(1, -(-len(applications) // size))
        base = f"{self._desk.base_url(request)}/v2/applications"

        def link(number: int | None) -> dict[str, str]:
            numbered = {} if number is None else {"page": number}
            return {"href": f"{base}?{urlencode({'page_size': size, **numbered})}"}

        links = {"self": link(page), "first": link(None), "last": link(pages)}
        if page > 1:
            links["prev"] = link(min(page - 1, pages))
        if page < pages:
            links["next"] = link(page + 1)
        shown = applications[(page - 1) * size : page * size]
        return JSONResponse(
            {
                "page_size": size,
                "page": page,
                "total_items": len(applications),
                "total_pages": pages,
                "_embedded": {"applications": [write_application(application) for application in shown]},
                "_links": links,
            }
        )

    async def create(self, request: Request) -> Response:
        """Make an application; without a public key it gets a new pair, whose private half only this answer shows."""
        account = self._enter(request)
        body = read(ApplicationBody, await self._desk.read_object(request, may_be_empty=True))
        application_id = ApplicationId(uuid4(self._needs.random))
        application = body.applied_to(Application(id=application_id, name=body.name))
        private_key = None
        if application.public_key is None:
            pair = await asyncio.to_thread(make_key_pair)
            application = replace(application, public_key=pair.public_key)
            private_key = pair.private_key
        note(self._desk, request, account, "application.create", application.id, name=application.name)
        await self._save(application)
        log.info("application made", application=application.id)
        return JSONResponse(write_application(application, private_key=private_key), 201)

    async def show(self, request: Request) -> Response:
        self._enter(request)
        return JSONResponse(write_application(self._find(request)))

    async def replace(self, request: Request) -> Response:
        """Change an application; a new key counts at once, tokens of the old one no longer do."""
        account = self._enter(request)
        raw = await self._desk.read_object(request)
        async with self._changing:
            application = self._find(request)
            changed = read(ApplicationBody, raw).applied_to(application)
            what = _differences(application, changed)
            note(self._desk, request, account, "application.update", application.id, changed=what)
            await self._save(changed)
        log.info("application changed", application=application.id)
        return JSONResponse(write_application(changed))

    async def delete(self, request: Request) -> Response:
        """Delete an application with its users and conversations: its calls end, its numbers are free again, its
        tokens are worthless.
        """
        account = self._enter(request)
        async with self._changing:
            application = self._find(request)
            note(self._desk, request, account, "application.delete", application.id, name=application.name)
            await self._needs.registry.delete_application(application.id)
            for number in self._directory.drop_application(application.id):
                await self._needs.registry.save_number(number)
        for leg in self._needs.calls.live_legs():
            if leg.application == application.id:
                self._needs.calls.report(HangUpAsked(leg=leg.uuid, why="its application was deleted"))
        if (service := self._needs.conversations) is not None:
            service.gatherings.forget(application.id)
            service.user_names.drop_all(application.id)
            await service.chronicle.delete_users(application.id)
        log.info("application deleted", application=application.id)
        return Response(status_code=204)

    def _enter(self, request: Request) -> Account:
        account = self._desk.gate.account(request)
        expect_json(request)
        return account

    def _find(self, request: Request) -> Application:
        written = request.path_params["id"]
        application = self._directory.application(ApplicationId(written.lower()))
        if application is None:
            raise ApiError(404, f"ID '{written[:100]}' does not exist, or you do not have access")
        return application

    async def _save(self, application: Application) -> None:
        """On disk first: what the directory has must still be there after a restart."""
        await self._needs.registry.save_application(application)
        self._directory.put_application(application)


def _differences(before: Application, after: Application) -> str:
    """The names of the fields that were changed, for the audit log."""
    names = [one.name for one in fields(Application) if getattr(before, one.name) != getattr(after, one.name)]
    return ", ".join(names) or "nothing"
