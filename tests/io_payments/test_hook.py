"""The payment hook against real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from aiohttp import web

from ringline.accounts import Account
from ringline.base import ApplicationId, ConversationId, EffectId, LegId, ProviderError, SystemClock, SystemRandom
from ringline.engine.ports import Charge, Payments
from ringline.io.payments import HookPayments
from ringline.payments import Card
from ringline.webhooks import payload_hash

SECRET = "signs payments, long enough for HS256"
NUMBER = "4929731688520378"
CHARGE = Charge(
    payment=EffectId("5b0f0f0e-5a8d-4f5e-9f57-0d6b6f9c7c11"),
    application=ApplicationId("0b9d0c55-2222-4333-8444-955566677788"),
    conversation=ConversationId("CON-8c2f4c1a-4d2b-4df6-8a77-6a0b6fb0a001"),
    leg=LegId("3d7b1f0e-8a2c-4a51-9b6e-2b1d6c0f7a90"),
    from_="447700900001",
    to="442079460000",
    amount="9.90",
    currency="eur",
    card=Card(brand="visa", number=NUMBER, expiry_month=9, expiry_year=2031, security_code="864"),
    wallclock=datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC),
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway(handler: Handler, *, timeout_s: float = 2.0, signed: bool = True) -> AsyncIterator[HookPayments]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    account = Account(api_key="abcd1234", secrets=(), signature_secret=SECRET)
    payments = HookPayments(
        f"http://127.0.0.1:{runner.addresses[0][1]}/charge",
        account=lambda: account if signed else None,
        clock=SystemClock(),
        random=SystemRandom(),
        timeout_s=timeout_s,
    )
    await payments.start()
    try:
        yield payments
    finally:
        await payments.close()
        await runner.cleanup()


def charging(reply: web.Response | Exception) -> bool:
    """Charge at a hook that replies so."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def charge() -> bool:
        async with gateway(handle) as payments:
            return await payments.charge(CHARGE)

    return asyncio.run(charge())


def test_the_charge_is_posted_signed_and_complete() -> None:
    seen: list[tuple[web.Request, bytes]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request, await request.read()))
        return web.json_response({"status": "success"})

    async def charge() -> bool:
        async with gateway(handle) as payments:
            port: Payments = payments
            return await port.charge(CHARGE)

    assert asyncio.run(charge())
    ((request, body),) = seen
    assert (request.method, request.path) == ("POST", "/charge")
    assert json.loads(body) == {
        "type": "payment",
        "payment_uuid": CHARGE.payment,
        "application_id": CHARGE.application,
        "conversation_uuid": CHARGE.conversation,
        "uuid": CHARGE.leg,
        "from": "447700900001",
        "to": "442079460000",
        "amount": "9.90",
        "currency": "eur",
        "card": {
            "brand": "visa",
            "number": NUMBER,
            "expiry_month": 9,
            "expiry_year": 2031,
            "security_code": "864",
        },
        "timestamp": "2026-03-02T09:15:30.000Z",
    }
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims["payload_hash"] == payload_hash(body)
    assert claims["application_id"] == CHARGE.application


def test_a_hook_that_declines_is_a_no() -> None:
    assert not charging(web.json_response({"status": "failure", "reason": "insufficient funds"}))


@pytest.mark.parametrize(
    "reply",
    [
        web.json_response({"status": "success"}, status=500),
        web.json_response({"status": "success"}, status=402),
        web.json_response({"status": "maybe"}),
        web.json_response({"status": ["success"]}),
        web.json_response(["success"]),
        web.Response(text="OK"),
        web.Response(status=204),
        web.Response(text="[" * 50_000),
        web.Response(text=json.dumps({"status": "success", "pad": "x" * 100_000})),
        web.Response(text=f"no such card: {NUMBER}", status=422),
        web.HTTPTemporaryRedirect("/elsewhere"),
    ],
    ids=lambda reply: f"{reply.status}-{(getattr(reply, 'text', None) or '')[:12]}",
)
def test_any_other_answer_is_an_error_without_card_data(reply: web.Response, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderError) as caught:
        charging(reply)
    assert NUMBER not in str(caught.value)
    assert not any(NUMBER[start : start + 6] in caplog.text for start in range(len(NUMBER) - 5))


def test_a_redirect_takes_the_card_nowhere() -> None:
    paths: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        raise web.HTTPPermanentRedirect("/elsewhere")

    async def charge() -> None:
        async with gateway(handle) as payments:
            with pytest.raises(ProviderError):
                await payments.charge(CHARGE)

    asyncio.run(charge())
    assert paths == ["/charge"]


def test_a_hook_that_hangs_is_given_up_and_not_asked_twice() -> None:
    asked: list[float] = []

    async def handle(_request: web.Request) -> web.StreamResponse:
        asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(30)
        raise AssertionError("nobody waits so long")

    async def charge() -> None:
        async with gateway(handle, timeout_s=0.2) as payments:
            with pytest.raises(ProviderError, match="did not answer"):
                await payments.charge(CHARGE)

    asyncio.run(charge())
    assert len(asked) == 1


def test_nobody_at_the_address_is_an_error() -> None:
    async def charge() -> None:
        payments = HookPayments(
            "http://127.0.0.1:9/charge", account=lambda: None, clock=SystemClock(), random=SystemRandom()
        )
        await payments.start()
        try:
            with pytest.raises(ProviderError):
                await payments.charge(replace(CHARGE, amount="1"))
        finally:
            await payments.close()

    asyncio.run(charge())
