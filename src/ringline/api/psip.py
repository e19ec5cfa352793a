"""`/v1/psip`: programmable SIP domains, each with its application, and the users who log in there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.accounts import Account, DomainUser, HostedDomain, make_domain_user
from ringline.api.audit import note
from ringline.api.fields import read
from ringline.api.psip_body import (
    DomainChange,
    NewDomain,
    NewUser,
    UserChange,
    write_domain,
    write_endpoint,
    write_user,
)
from ringline.api.resource import Desk, expect_json
from ringline.base import ApiError, get_log
from ringline.routing import hosts_of_domain

log = get_log(__name__)
_OURS: Final = ("sip", "sip-us", "sip-eu", "sip-ap")
"What stands before the installation's own host name, with and without a region."


class Psip:
    """The resource `psip`. A change is on disk before it counts, and calls are routed by it before it is answered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.needs.registry
        self._domains = desk.needs.directory.domains
        self._changing = asyncio.Lock()
        "Held from look-up to save, so that no name is given twice and nothing deleted comes back."

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v1/psip", self.list, methods=["GET"])
        router.add_api_route("/v1/psip", self.create, methods=["POST"])
        router.add_api_route("/v1/psip/{name}", self.show, methods=["GET"])
        router.add_api_route("/v1/psip/{name}", self.change, methods=["PUT"])
        router.add_api_route("/v1/psip/{name}", self.delete, methods=["DELETE"])
        router.add_api_route("/v1/psip/{name}/endpoints", self.endpoints, methods=["GET"])
        router.add_api_route("/v1/psip/{name}/users", self.list_users, methods=["GET"])
        router.add_api_route("/v1/psip/{name}/users", self.create_user, methods=["POST"])
        router.add_api_route("/v1/psip/{name}/users/{key}", self.show_user, methods=["GET"])
        router.add_api_route("/v1/psip/{name}/users/{key}", self.change_user, methods=["PUT"])
        router.add_api_route("/v1/psip/{name}/users/{key}", self.delete_user, methods=["DELETE"])
        return router

    # ── domains ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def list(self, request: Request) -> Response:
        """All domains, those of the settings first."""
        self._enter(request)
        return JSONResponse([write_domain(one) for one in self._domains.all().values()])

    async def create(self, request: Request) -> Response:
        account = self._enter(request)
        raw = await self._desk.read_object(request, may_be_empty=True)
        domain = read(NewDomain, raw, context={"applications": self._applications()}).domain()
        async with self._changing:
            if not self._hosts_of(domain.name).isdisjoint(self._taken_hosts()):
                raise _conflict(f"There is a domain '{domain.name}' already, or its address is another one's")
            note(self._desk, request, account, "domain.create", domain.name, application=domain.application_id)
            await self._save(domain)
        log.info("SIP domain made", domain=domain.name)
        return JSONResponse(write_domain(domain), 201)

    async def show(self, request: Request) -> Response:
        self._enter(request)
        return JSONResponse(write_domain(self._find(request)))

    async def change(self, request: Request) -> Response:
        """Change a domain; what the body leaves out stays, and so does the name."""
        account = self._enter(request)
        raw = await self._desk.read_object(request)
        async with self._changing:
            domain = self._find_own(request)
            body = read(DomainChange, raw, context={"applications": self._applications()})
            changed = body.applied_to(domain)
            what = ", ".join(sorted(body.model_fields_set)) or "nothing"
            note(self._desk, request, account, "domain.update", domain.name, changed=what)
            await self._save(changed)
        log.info("SIP domain changed", domain=domain.name)
        return JSONResponse(write_domain(changed))

    async def delete(self, request: Request) -> Response:
        """Delete a domain with its users; calls that are up go on."""
        account = self._enter(request)
        async with self._changing:
            domain = self._find_own(request)
            note(self._desk, request, account, "domain.delete", domain.name)
            await self._registry.delete_domain(domain.name)
            self._domains.drop(domain.name)
        log.info("SIP domain deleted", domain=domain.name)
        return Response(status_code=204)

    async def endpoints(self, request: Request) -> Response:
        """The addresses of a domain's users."""
        self._enter(request)
        domain, host = self._find(request), self._desk.needs.options.sip_host
        return JSONResponse([write_endpoint(domain, user, sip_host=host) for user in domain.users.values()])

    # ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def list_users(self, request: Request) -> Response:
        self._enter(request)
        return JSONResponse([write_user(one) for one in self._find(request).users.values()])

    async def create_user(self, request: Request) -> Response:
        """Add a user, who may log in at once. No answer ever repeats his secret."""
        account = self._enter(request)
        raw = await self._desk.read_object(request, may_be_empty=True)
        async with self._changing:
            domain = self._find_own(request)
            body = read(NewUser, raw)
            if self._domains.is_taken(body.key) or self._desk.needs.directory.account(body.key) is not None:
                raise _conflict(f"There is a SIP user '{body.key}' already, in this domain or elsewhere")
            note(self._desk, request, account, "domain.user.create", body.key, domain=domain.name)
            user = await self._save_user(domain, body.key, body.secret)
        log.info("SIP user made", domain=domain.name, user=user.key)
        return JSONResponse(write_user(user), 201)

    async def show_user(self, request: Request) -> Response:
        self._enter(request)
        return JSONResponse(write_user(_user_of(self._find(request), request)))

    async def change_user(self, request: Request) -> Response:
        """Give a user another secret; the old one is good no more."""
        account = self._enter(request)
        raw = await self._desk.read_object(request)
        async with self._changing:
            domain = self._find_own(request)
            user = _user_of(domain, request)
            body = read(UserChange, raw)
            note(self._desk, request, account, "domain.user.update", user.key, domain=domain.name)
            user = await self._save_user(domain, user.key, body.secret)
        log.info("SIP user changed", domain=domain.name, user=user.key)
        return JSONResponse(write_user(user))

    async def delete_user(self, request: Request) -> Response:
        """Delete a user, who can neither call nor be called any more."""
        account = self._enter(request)
        async with self._changing:
            domain = self._find_own(request)
            user = _user_of(domain, request)
            note(self._desk, request, account, "domain.user.delete", user.key, domain=domain.name)
            await self._registry.delete_domain_user(user.key)
            self._domains.put(domain.without_user(user.key))
        log.info("SIP user deleted", domain=domain.name, user=user.key)
        return Response(status_code=204)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(self, request: Request) -> Account:
        account = self._desk.gate.account(request)
        expect_json(request)
        return account

    def _find(self, request: Request) -> HostedDomain:
        written = request.path_params["name"]
        domain = self._domains.get(written.lower())
        if domain is None:
            raise ApiError(404, f"Domain '{written[:100]}' does not exist, or you do not have access")
        return domain

    def _find_own(self, request: Request) -> HostedDomain:
        """The domain, if it may be changed here.

        Raises:
            ApiError: 403 for one of the settings, 404 for none.
        """
        domain = self._find(request)
        if domain.configured:
            raise ApiError(403, f"Domain '{domain.name}' stands in the settings file: change it there")
        return domain

    def _applications(self) -> Collection[str]:
        return self._desk.needs.directory.applications()

    def _hosts_of(self, name: str) -> set[str]:
        return set(hosts_of_domain(name, self._desk.needs.options.sip_host))

    def _taken_hosts(self) -> set[str]:
        """The host names that are in use; those of a domain may look like those of another one."""
        host = self._desk.needs.options.sip_host.lower()
        taken = {host, *(f"{name}.{host}" for name in _OURS), "localhost"}
        return taken.union(*(self._hosts_of(name) for name in self._domains.all()))

    async def _save(self, domain: HostedDomain) -> None:
        """On disk first: what is in force must still be there after a restart."""
        await self._registry.save_domain(domain)
        self._domains.put(domain)

    async def _save_user(self, domain: HostedDomain, key: str, secret: str) -> DomainUser:
        user = make_domain_user(key, secret, realm=self._desk.needs.options.sip_realm)
        await self._registry.save_domain_user(domain.name, user)
        self._domains.put(domain.with_user(user))
        return user


def _user_of(domain: HostedDomain, request: Request) -> DomainUser:
    written = request.path_params["key"]
    user = domain.users.get(written)
    if user is None:
        raise ApiError(404, f"User '{written[:100]}' does not exist, or you do not have access")
    return user


def _conflict(detail: str) -> ApiError:
    return ApiError(409, detail, title="Conflict")
