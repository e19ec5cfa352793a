"""Who may come in: application tokens for voice, the account's key and secret for what belongs to the account."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final

from fastapi import Request
from starlette.requests import HTTPConnection

from ringline.accounts import Account, Token, TokenFault, read_basic
from ringline.api.dependencies import Dependencies
from ringline.api.problems import FORBIDDEN, SLOW_DOWN
from ringline.api.rate_limit import RateLimit
from ringline.base import ApiError, Clock

_TOKEN_FAULTS: Final = {
    TokenFault.MISSING: "You did not provide a token. Please provide a valid token.",
    TokenFault.INVALID: "You did not provide a valid token. Please provide a valid token.",
    TokenFault.EXPIRED: "You provided an expired token. Please provide a valid token.",
}
_WRONG_CREDENTIALS: Final = "You did not provide correct credentials."
_MOST_ADDRESSES: Final = 10_000
_SESSIONS: Final = "/v0.3/sessions"
"What a token's acl must allow for a session."


class Gate:
    """Checks the credentials of requests."""

    def __init__(self, needs: Dependencies) -> None:
        self._directory = needs.directory
        self._tokens = needs.tokens
        self._clock = needs.clock
        self._failures = _Failures(needs.options.failed_logins_per_minute, needs.clock)
        self._rate = RateLimit(needs.options.requests_per_second, needs.clock)

    def application(self, request: Request, *, voice: bool = True, counted: bool = True) -> Token:
        """Let in an application by its token. `voice` asks for the capability, `counted` for the request rate.

        Raises:
            ApiError: 401, 403 or 429.
        """
        token = self.bearer(request)
        if voice and token.application.voice is None:
            raise ApiError(403, FORBIDDEN)
        if not token.may(_path_as_sent(request), request.method):
            raise ApiError(403, FORBIDDEN)
        if counted and not self._rate.take(token.application.id):
            raise ApiError(429, SLOW_DOWN)
        return token

    def bearer(self, request: Request) -> Token:
        """Let in whoever has a good token, whatever its acl says.

        Raises:
            ApiError: 401, 403 or 429.
        """
        token = self._tokens.verify(request.headers.get("authorization"), wallclock=self._clock.wallclock())
        if isinstance(token, TokenFault):
            if token is TokenFault.FORBIDDEN:
                raise ApiError(403, FORBIDDEN)
            raise self._failed(request, _TOKEN_FAULTS[token])
        request.state.application = token.application.id
        request.state.jti = token.jti
        return token

    def account(self, request: Request) -> Account:
        """Let in an account by Basic authentication.

        Raises:
            ApiError: 401 or 429.
        """
        credentials = read_basic(request.headers.get("authorization"))
        account = self._directory.authenticate(*credentials) if credentials is not None else None
        if account is None:
            raise self._failed(request, _WRONG_CREDENTIALS)
        return account

    def account_of_numbers(self, request: Request, form: Mapping[str, str] | None = None) -> Account:
        """Let in an account as the Numbers API does: Basic, or `api_key` and `api_secret` in query or form.

        Raises:
            ApiError: 401 or 429.
        """
        credentials = read_basic(request.headers.get("authorization"))
        for source in (request.query_params, form or {}):
            if credentials is None and "api_key" in source:
                credentials = (source["api_key"], source.get("api_secret") or "")
        account = self._directory.authenticate(*credentials) if credentials is not None else None
        if account is None:
            raise self._failed(request, "authentication failed")
        return account

    def client(self, connection: HTTPConnection, token: str) -> Token | TokenFault | None:
        """Judge the token of an app that wants a session; None when too many failed from its address."""
        found = self._tokens.verify_token(token, wallclock=self._clock.wallclock())
        if isinstance(found, Token):
            return found if found.may(_SESSIONS, "POST") else TokenFault.FORBIDDEN
        address = connection.client.host if connection.client is not None else ""
        return found if self._failures.count(address) else None

    def _failed(self, request: Request, detail: str) -> ApiError:
        address = request.client.host if request.client is not None else ""
        return ApiError(401, detail) if self._failures.count(address) else ApiError(429, SLOW_DOWN)


def _path_as_sent(request: Request) -> str:
    raw: bytes | None = request.scope.get("raw_path")
    return raw.decode("latin-1") if raw is not None else request.scope["path"]


class _Failures:
    """Failed authentications per source address and minute; the least recent addresses are forgotten."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> bool:
        """Count a failure; False when there were too many in this minute."""
        if self._per_minute <= 0:
            return True
        key = _neighbourhood(address)
        now = self._clock.now()
        since, count = self._seen.pop(key, (now, 0))
        if now - since >= 60:
            since, count = now, 0
        self._seen[key] = (since, count + 1)
        if len(self._seen) > _MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return count < self._per_minute


def _neighbourhood(address: str) -> str:
    """One IPv6 customer has 2**64 addresses and more: all of them count as one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> 64)
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
