"""Proving who asks: digest challenges to strangers, at a limited rate, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Callable

from ringline.agent.flood import Flood
from ringline.agent.guard import Guard
from ringline.agent.stack import Stack
from ringline.sip import DigestServer, Flow, KeptSums, Missing, Request, Stale, Verified, Wrong


class Login:
    """One digest for every request that needs one."""

    def __init__(
        self,
        stack: Stack,
        guard: Guard,
        flood: Flood,
        secrets: Callable[[str], str | KeptSums | None],
        trusts: Callable[[str], bool],
    ) -> None:
        self._stack = stack
        self._guard = guard
        self._flood = flood
        self._secrets = secrets
        self._trusts = trusts
        self._digest = DigestServer(stack.config.realm, stack.random, algorithms=stack.config.digest_algorithms)

    def shuns(self, flow: Flow, now: float) -> bool:
        """Whether this source failed too often to be answered at present."""
        return self._guard.blocked(flow.remote[0], now=now) and not self._trusts(flow.remote[0])

    def lets_pass(self, flow: Flow, now: float) -> bool:
        """Whether a message is read at all; who failed too often pays tenfold."""
        price = 10.0 if self._guard.blocked(flow.remote[0], now=now) else 1.0
        return self._flood.passes(flow.remote[0], now=now, price=price)

    def may_answer(self, flow: Flow, now: float) -> bool:
        """Known trunks are answered as often as they ask, their health checks are no scan; strangers are rationed."""
        return self._trusts(flow.remote[0]) or self._guard.may_answer(flow.remote[0], now=now)

    def failed(self, flow: Flow, now: float) -> None:
        """Somebody was turned away who had better not come back."""
        self._guard.failed(flow.remote[0], now=now)

    def prove(self, request: Request, flow: Flow, now: float) -> str | None:
        """The user name the request proves; None when it proves none, and a challenge was sent."""
        source = flow.remote[0]
        verdict = self._digest.verify(
            request.headers.all("Authorization"),
            method=request.method,
            source=source,
            secrets=self._secrets,
            now=now,
        )
        match verdict:
            case Verified(username):
                self._guard.proved(source, now=now)
                self._flood.proved(source, now=now)
                return username
            case Wrong():
                self._guard.failed(source, now=now)
            case Stale() | Missing():
                pass
        if self.may_answer(flow, now):
            challenges = self._digest.challenges(source, now=now, stale=isinstance(verdict, Stale))
            # JsSIP, too, takes the last challenge for the only one, and calls itself whatever its page likes.
            if flow.is_websocket or _gives_up_over_sha256(request):
                challenges = [value for value in challenges if "algorithm=MD5," in value] or challenges
            headers = tuple(("WWW-Authenticate", value) for value in challenges)
            self._stack.answer_stateless(request, flow, 401, headers=headers)
        return None


def _gives_up_over_sha256(request: Request) -> bool:
    """Whether this phone ends the call at a challenge it does not know, wherever it stands (RFC 7616 section 3.3 wants
    it passed over). So does baresip before 3.11, which is in Debian 12.
    """
    name, _, version = (request.headers.get("User-Agent") or "").partition(" v")
    numbers = version.partition(" ")[0].split(".")[:2]
    known = len(numbers) == 2 and all(each.isascii() and each.isdigit() and len(each) < 5 for each in numbers)
    return name == "baresip" and known and (int(numbers[0]), int(numbers[1])) < (3, 11)
