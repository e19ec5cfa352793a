"""Bearer tokens: the JWT an application or one of its users shows at the API (RFC 7519, RS256 only)."""

from __future__ import annotations

import base64
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidTokenError

from ringline.accounts.acl import Acl, acl_of, read_acl
from ringline.accounts.applications import Application
from ringline.accounts.keys import KeyCache, PublicKeyError, decoy_key
from ringline.base import ApplicationId

LEEWAY_S: Final = 60.0
"How far the clocks of a client and ours may be apart."
DEFAULT_LIFETIME_S: Final = 900.0
"How long a token without `exp` is good for, counted from `iat`."
LONGEST_LIFETIME_S: Final = 86_400.0
LONGEST_TOKEN: Final = 8192
"Characters."

USER_PATHS: Final = tuple(
    f"/*/{name}/**"
    for name in (
        "sessions",
        "users",
        "conversations",
        "image",
        "media",
        "knocking",
        "push",
        "devices",
        "applications",
        "legs",
    )
)
"What a user token without an `acl` may reach: what the client libraries need, no calls, no files."


_MOST_USED_TOKENS: Final = 100_000
_NOT_BY_WILDCARD: Final = ("calls", "files")
"What a user token reaches only where its acl names it."


class TokenFault(Enum):
    """Why a request is not let in; the API has a body for each."""

    MISSING = "missing"
    "No `Authorization` header: 401."
    INVALID = "invalid"
    "Malformed, wrong signature, unknown application or user, claims that cannot be: 401, all alike."
    EXPIRED = "expired"
    "401."
    FORBIDDEN = "forbidden"
    "A good token that does not reach this far: 403."


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was verified."""

    application: Application
    sub: str | None
    "The user name of a user token; None for the application itself."
    jti: str
    acl: Acl | None
    "None: everything of the application."
    expires: float
    "When it ends, in seconds since 1970; it is taken a little longer, for clocks differ."

    def may(self, path: str, method: str) -> bool:
        """Whether its acl allows this request. `path` is the URL's path as it came, percent-encoding and all."""
        if self.acl is None:
            return True
        return self.acl.allows(path, method, spelled_out=() if self.sub is None else _NOT_BY_WILDCARD)


class TokenVerifier:
    """Verifies tokens against the applications that exist now. Asks nobody else, keeps parsed keys."""

    def __init__(
        self,
        application: Callable[[ApplicationId], Application | None],
        *,
        user_exists: Callable[[ApplicationId, str], bool] | None = None,
        leeway_s: float = LEEWAY_S,
        reject_replays: bool = False,
    ) -> None:
        """`application` finds an application, `user_exists` a user of one by name (None: no user is known).

        With `reject_replays` every token is good for one use. Some official libraries use one many times, so it is
        only for those who are sure that their clients do not.
        """
        self._application = application
        self._user_exists = user_exists
        self._leeway_s = leeway_s
        self._replays = _Replays() if reject_replays else None
        self._keys = KeyCache()
        self._decoy = decoy_key()
        self._jws = PyJWS(algorithms=["RS256"])

    def verify(self, authorization: str | None, *, wallclock: datetime) -> Token | TokenFault:
        """Check the value of an `Authorization` header; never raises for what is in it."""
        if authorization is None or not authorization.strip():
            return TokenFault.MISSING
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            return TokenFault.INVALID
        return self.verify_token(token.strip(), wallclock=wallclock)

    def verify_token(self, token: str, *, wallclock: datetime) -> Token | TokenFault:
        """Check a bare token, such as one in a query parameter or a socket's first message."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return TokenFault.INVALID
        parts = token.split(".")
        if len(parts) != 3:
            return TokenFault.INVALID
        header, claims = _read_part(parts[0]), _read_part(parts[1])
        # The algorithm is ours to choose: a token naming another one is not looked at any further.
        if header is None or claims is None or header.get("alg") != "RS256" or header.get("crit"):
            return TokenFault.INVALID
        application = self._signer(token, claims)
        if application is None:
            return TokenFault.INVALID
        now = wallclock.timestamp()
        found = self._check_times(claims, now) or self._admit(application, claims)
        if self._replays is not None and isinstance(found, Token):
            good_until = (_seconds(claims.get("exp")) or now + LONGEST_LIFETIME_S) + self._leeway_s
            if self._replays.seen((application.id, found.jti), now=now, good_until=good_until):
                return TokenFault.INVALID
        return found

    def _signer(self, token: str, claims: dict[str, Any]) -> Application | None:
        """The application that really signed this token; unknown ones and bad signatures look the same."""
        application_id = claims.get("application_id")
        if not isinstance(application_id, str):
            return None
        application = self._application(ApplicationId(application_id))
        pem = application.public_key if application is not None else None
        try:
            key = self._keys.get(pem) if pem is not None else self._decoy
            self._jws.decode_complete(token, key, algorithms=["RS256"])
        except (InvalidTokenError, PublicKeyError):
            return None
        return application if pem is not None else None

    def _check_times(self, claims: dict[str, Any], now: float) -> TokenFault | None:
        issued = _seconds(claims.get("iat"))
        if issued is None or not isinstance(claims.get("jti"), str) or not claims["jti"]:
            return TokenFault.INVALID
        expires = _seconds(claims["exp"]) if "exp" in claims else issued + DEFAULT_LIFETIME_S
        starts = _seconds(claims["nbf"]) if "nbf" in claims else issued
        if expires is None or starts is None:
            return TokenFault.INVALID
        if max(issued, starts) > now + self._leeway_s:
            return TokenFault.INVALID
        if not 0 < expires - issued <= LONGEST_LIFETIME_S:
            return TokenFault.INVALID
        if expires + self._leeway_s < now:
            return TokenFault.EXPIRED
        return None

    def _admit(self, application: Application, claims: dict[str, Any]) -> Token | TokenFault:
        acl: Acl | None = None
        if "acl" in claims:
            acl = read_acl(claims["acl"])
            if acl is None:
                return TokenFault.INVALID
        sub = claims.get("sub")
        if sub is not None:
            if not isinstance(sub, str) or self._user_exists is None or not self._user_exists(application.id, sub):
                return TokenFault.INVALID
            acl = acl or acl_of(USER_PATHS)
        expires = _seconds(claims["exp"]) if "exp" in claims else (_seconds(claims["iat"]) or 0.0) + DEFAULT_LIFETIME_S
        return Token(application=application, sub=sub, jti=claims["jti"], acl=acl, expires=expires or 0.0)


class _Replays:
    """Remembers the tokens that were used, for as long as they are good; the oldest are forgotten when it is full."""

    def __init__(self) -> None:
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def seen(self, token: tuple[str, str], *, now: float, good_until: float) -> bool:
        """Whether this token was used before; from now on it was."""
        if self._used.get(token, now) > now:
            return True
        self._used[token] = good_until
        self._used.move_to_end(token)
        if len(self._used) > _MOST_USED_TOKENS:
            self._used.popitem(last=False)
        return False


def _read_part(part: str) -> dict[str, Any] | None:
    """Decode one base64url JSON object of a token; None when it is anything else."""
    try:
        value = json.loads(_from_base64url(part))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _seconds(value: Any) -> float | None:
    """Read a NumericDate: an integer, a float or a numeric string (published samples have all three)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None
