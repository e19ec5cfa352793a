"""Answering digest challenges."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringline.base import Random, RemoteProtocolError, token
from ringline.sip.digest import HASHES, DigestWords, digest_response
from ringline.sip.message import Request, Response
from ringline.sip.params import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and password for servers that ask for them."""

    username: str
    password: str = field(repr=False)
    realm: str | None = None
    "Only answer challenges of this realm; None answers any."


@dataclass(slots=True)
class DigestClient:
    """Remembers the latest challenge, so that a wrong password is not tried for ever."""

    credentials: Credentials
    _tried: bool = False
    _stale: int = 0

    def authorize(self, request: Request, response: Response, random: Random) -> bool:
        """Put the answer to a 401 or 407 into `request`; False when there is no (more) answer to give.

        A challenge is answered once; if the server calls that nonce stale, twice more.
        """
        header, answer = (
            ("WWW-Authenticate", "Authorization")
            if response.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        words = self._choose(response.headers.all(header))
        if words is None:
            return False
        if self._tried:
            if words.get("stale").lower() != "true" or self._stale >= 2:
                return False
            self._stale += 1
        self._tried = True
        request.headers.set(answer, self._answer(words, request, random))
        return True

    def _choose(self, challenges: list[str]) -> DigestWords | None:
        best: tuple[int, DigestWords] | None = None
        order = list(HASHES)
        for value in challenges:
            try:
                words = DigestWords.parse(value)
            except RemoteProtocolError:
                continue
            base = words.algorithm.removesuffix("-SESS")
            realm = self.credentials.realm
            if base not in HASHES or not words.get("nonce") or (realm is not None and realm != words.get("realm")):
                continue
            if words.qops and not {"auth", "auth-int"}.intersection(words.qops):
                continue
            if best is None or order.index(base) < best[0]:
                best = (order.index(base), words)
        return best[1] if best else None

    def _answer(self, words: DigestWords, request: Request, random: Random) -> str:
        qop = "auth" if "auth" in words.qops else "auth-int" if words.qops else ""
        cnonce = token(random, 16) if qop or words.algorithm.endswith("-SESS") else ""
        nc = "00000001" if qop else ""
        response = digest_response(
            algorithm=words.algorithm,
            username=self.credentials.username,
            realm=words.get("realm"),
            password=self.credentials.password,
            method=request.method,
            uri=request.uri,
            nonce=words.get("nonce"),
            nc=nc,
            cnonce=cnonce,
            qop=qop,
            body=request.body,
        )
        parts = [
            f"username={quote(self.credentials.username)}",
            f"realm={quote(words.get('realm'))}",
            f"nonce={quote(words.get('nonce'))}",
            f"uri={quote(request.uri)}",
            f'response="{response}"',
        ]
        if "algorithm" in words.params:
            parts.append(f"algorithm={words.params['algorithm']}")
        if qop:
            parts += [f"qop={qop}", f"nc={nc}"]
        if cnonce:
            parts.append(f'cnonce="{cnonce}"')
        if "opaque" in words.params:
            parts.append(f"opaque={quote(words.params['opaque'])}")
        return "Digest " + ", ".join(parts)
