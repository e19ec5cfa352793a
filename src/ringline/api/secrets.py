"""`/accounts/{api_key}/secrets`: the account's API secrets, at most two at a time, so that they can be changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from ringline.accounts import MOST_SECRETS, SALT_BYTES, Account, KeptSecret, Secret, is_strong, make_secret
from ringline.api.audit import note
from ringline.api.fields import Body, Text, read, refused
from ringline.api.resource import Desk, expect_json
from ringline.base import ApiError, get_log, read_leg_id, uuid4

log = get_log(__name__)
WEAK: Final = "Does not meet complexity requirements"
TOO_MANY: Final = f"Account reached maximum number [{MOST_SECRETS}] of allowed secrets"
LAST: Final = "Can not delete the last secret. The account must always have at least 1 secret active at any time"


def _check_strength(value: str) -> str:
    if not is_strong(value):
        raise refused(WEAK)
    return value


class SecretBody(Body):
    """The body of `POST`."""

    secret: Annotated[Text, AfterValidator(_check_strength)]


class Secrets:
    """The resource `secrets`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs
        self._changing = asyncio.Lock()
        "Held from look-up to save, so that two requests cannot make a third secret, or delete the last one."

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/accounts/{api_key}/secrets", self.list, methods=["GET"])
        router.add_api_route("/accounts/{api_key}/secrets", self.create, methods=["POST"])
        router.add_api_route("/accounts/{api_key}/secrets/{id}", self.show, methods=["GET"])
        router.add_api_route("/accounts/{api_key}/secrets/{id}", self.revoke, methods=["DELETE"])
        return router

    async def list(self, request: Request) -> Response:
        account = self._enter(request)
        body = {
            "_links": {"self": {"href": f"/accounts/{account.api_key}/secrets"}},
            "_embedded": {"secrets": [_written(account, secret) for secret in account.secrets]},
        }
        return JSONResponse(body)

    async def create(self, request: Request) -> Response:
        """Add a secret; it counts at once. The answer does not repeat it."""
        account = self._enter(request)
        value = read(SecretBody, await self._desk.read_object(request, may_be_empty=True)).secret
        async with self._changing:
            account = self._latest(account)
            if len(account.secrets) >= MOST_SECRETS:
                raise ApiError(403, TOO_MANY, title="Secret Addition Forbidden", code="add-excess-secret")
            secret = make_secret(
                value,
                api_key=account.api_key,
                realm=self._needs.options.sip_realm,
                id=uuid4(self._needs.random),
                salt=self._needs.random.bytes(SALT_BYTES),
                created_at=self._needs.clock.wallclock(),
            )
            note(self._desk, request, account, "secret.create", secret.id)
            await self._needs.registry.save_secret(KeptSecret(api_key=account.api_key, secret=secret))
            self._needs.directory.put_account(replace(account, secrets=(*account.secrets, secret)))
        log.info("an API secret was made", id=secret.id)
        return JSONResponse(_written(account, secret), 201)

    async def show(self, request: Request) -> Response:
        account = self._enter(request)
        return JSONResponse(_written(account, _find(account, request)))

    async def revoke(self, request: Request) -> Response:
        """Take a secret out of force, at once and for ever, also if it stands in the settings."""
        account = self._enter(request)
        async with self._changing:
            account = self._latest(account)
            secret = _find(account, request)
            if len(account.secrets) == 1:
                raise ApiError(403, LAST, title="Secret Deletion Forbidden", code="delete-last-secret")
            note(self._desk, request, account, "secret.revoke", secret.id)
            registry = self._needs.registry
            kept = {one.secret.id: one for one in await registry.secrets(account.api_key)}.get(secret.id)
            if kept is not None and kept.configured:
                await registry.save_secret(replace(kept, revoked=True))
            else:
                await registry.delete_secret(secret.id)
            left = tuple(one for one in account.secrets if one.id != secret.id)
            self._needs.directory.put_account(replace(account, secrets=left))
        log.info("an API secret was revoked", id=secret.id)
        return Response(status_code=204)

    def _enter(self, request: Request) -> Account:
        account = self._desk.gate.account(request)
        expect_json(request)
        written = request.path_params["api_key"]
        if written != account.api_key:
            detail = f"API key '{written[:100]}' does not exist, or you do not have access"
            raise ApiError(404, detail, title="Invalid API Key", code="invalid-api-key")
        return account

    def _latest(self, account: Account) -> Account:
        """The account as it is now that nobody else changes it."""
        return self._needs.directory.account(account.api_key) or account


def _find(account: Account, request: Request) -> Secret:
    written = request.path_params["id"]
    wanted = read_leg_id(written)
    for secret in account.secrets:
        if secret.id == wanted:
            return secret
    detail = f"Secret '{written[:100]}' does not exist, or you do not have access"
    raise ApiError(404, detail, title="Not Found", code="invalid-id")


def _written(account: Account, secret: Secret) -> Mapping[str, Any]:
    return {
        "_links": {"self": {"href": f"/accounts/{account.api_key}/secrets/{secret.id}"}},
        "id": secret.id,
        "created_at": secret.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
