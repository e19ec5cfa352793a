"""The operator's payment hook: one request per charge, over TLS, signed as webhooks are, never repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from ringline.accounts import Account
from ringline.base import Clock, ProviderError, Random, iso_ms
from ringline.engine.ports import Charge, HttpFailure, HttpReply, HttpRequest
from ringline.io.http import PooledClient
from ringline.webhooks import Hook, build_request, sign

CONNECT_S: Final = 5.0
_LONGEST_ANSWER: Final = 65_536
_OUTCOMES: Final = {"success": True, "failure": False}


class HookPayments:
    """`engine.ports.Payments` over HTTP: posts the charge as JSON and takes `{"status": "success"}` for a yes.

    The hook may be on a private network: its URL is the operator's own. Redirects are not followed, because a card
    goes to that URL or nowhere. Nothing of a request or its answer is logged or kept.
    """

    def __init__(
        self, url: str, *, account: Callable[[], Account | None], clock: Clock, random: Random, timeout_s: float = 20.0
    ) -> None:
        """Prepare; `account` has the secret that signs, and `timeout_s` is the longest the hook is waited for."""
        self._url = url
        self._account = account
        self._clock = clock
        self._random = random
        self._timeout_s = timeout_s
        self._http = PooledClient(allow_private=True, max_redirects=0)

    async def start(self) -> None:
        """Open the pool of connections."""
        await self._http.start()

    async def close(self) -> None:
        """Close every connection; charges under way fail."""
        await self._http.close()

    async def charge(self, charge: Charge) -> bool:
        """Charge the card; False when the hook answers `failure`.

        Raises:
            ProviderError: there is no answer in time, or one that says neither.
        """
        hook = Hook(url=self._url, connect_timeout_s=CONNECT_S, read_timeout_s=self._timeout_s)
        request = build_request(hook, _document(charge))
        account = self._account()
        if account is not None and account.signature_secret:
            token = sign(
                secret=account.signature_secret,
                api_key=account.api_key,
                application_id=charge.application,
                body=request.signed_bytes,
                wallclock=self._clock.wallclock(),
                random=self._random,
            )
            request = request.authorized(token)
        reply = await self._http.send(
            HttpRequest(
                method=request.method,
                url=request.url,
                headers=request.headers,
                body=request.body,
                connect_timeout_s=hook.connect_timeout_s,
                read_timeout_s=hook.read_timeout_s,
                max_body_bytes=_LONGEST_ANSWER,
            )
        )
        if isinstance(reply, HttpFailure):
            raise ProviderError(f"the payment hook did not answer: {reply.detail}")
        return _outcome(reply)


def _document(charge: Charge) -> dict[str, Any]:
    card = charge.card
    return {
        "type": "payment",
        "payment_uuid": charge.payment,
        "application_id": charge.application,
        "conversation_uuid": charge.conversation,
        "uuid": charge.leg,
        "from": charge.from_,
        "to": charge.to,
        "amount": charge.amount,
        "currency": charge.currency,
        "card": {
            "brand": card.brand,
            "number": card.number,
            "expiry_month": card.expiry_month,
            "expiry_year": card.expiry_year,
            "security_code": card.security_code,
        },
        "timestamp": iso_ms(charge.wallclock),
    }


def _outcome(reply: HttpReply) -> bool:
    """Read the answer; whatever else it says is not looked at, for it may repeat the card."""
    if not 200 <= reply.status < 300:
        raise ProviderError(f"the payment hook answered with status {reply.status}")
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    status = answer.get("status") if isinstance(answer, dict) else None
    outcome = _OUTCOMES.get(status) if isinstance(status, str) else None
    if outcome is None:
        raise ProviderError("the payment hook's answer has no status success or failure")
    return outcome
