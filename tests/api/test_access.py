"""Who may come in, and what a refusal looks like."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest

from .world import APP, KEY, LEG, OTHER, SECRET, World, keys, run

MISSING = "You did not provide a token. Please provide a valid token."
INVALID = "You did not provide a valid token. Please provide a valid token."
EXPIRED = "You provided an expired token. Please provide a valid token."


def now_of(world: World) -> int:
    return int(world.clock.wallclock().timestamp())


async def ask(world: World, authorization: str | bytes | None, *, method: str = "GET", path: str = "/v1/calls") -> Any:
    headers: dict[str, Any] = {} if authorization is None else {"Authorization": authorization}
    async with world.stranger(headers=headers) as client:
        return await client.request(method, path)


# ── tokens (authentication reference, section 8) ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({}, None),
        ({"exp": None, "iat": -14 * 60}, None),
        ({"exp": None, "iat": -16 * 60 - 1}, EXPIRED),
        ({"exp": "900"}, None),
        ({"exp": 900.5}, None),
        ({"iat": 59}, None),
        ({"iat": 61}, INVALID),
        ({"exp": 86400}, None),
        ({"exp": 86401}, INVALID),
        ({"exp": -61, "iat": -900}, EXPIRED),
        ({"nbf": 61}, INVALID),
        ({"jti": None}, INVALID),
        ({"application_id": "ffffffff-2222-4333-8444-955566677788"}, INVALID),
        ({"sub": "nobody"}, INVALID),
        ({"acl": 7}, INVALID),
    ],
)
@run
async def test_a_token_is_judged_by_its_claims(world: World, claims: dict[str, Any], detail: str | None) -> None:
    now = now_of(world)
    moved = {
        name: (str(int(value) + now) if isinstance(value, str) else value + now)
        if name in ("iat", "exp", "nbf") and value is not None
        else value
        for name, value in claims.items()
    }
    answer = await ask(world, f"Bearer {world.token(**moved)}")
    if detail is None:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert answer.json() == {
            "type": "UNAUTHORIZED",
            "error_title": "Unauthorized",
            "title": "Unauthorized",
            "detail": detail,
            "instance": answer.headers["x-nexmo-trace-id"],
        }
        assert answer.headers["www-authenticate"] == "Bearer"


@run
async def test_tricks_with_the_algorithm_do_not_work(world: World) -> None:
    now = now_of(world)
    claims = {"application_id": APP, "iat": now, "jti": "1", "exp": now + 900}

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."
    signed = world.token()
    head, _, signature = signed.split(".")
    tampered = f"{head}.{part({**claims, 'application_id': OTHER})}.{signature}"
    # The public key is known to everybody, so it must not pass for the secret of a symmetric signature.
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    digest = hmac.digest(keys("app").public_key.encode(), text.encode(), "sha256")
    symmetric = f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    foreign = jwt.encode(claims, keys("other").private_key, algorithm="RS256")
    for token in (unsigned, tampered, symmetric, foreign, "x.y.z", "a" * 9000, "", "é"):
        answer = await ask(world, f"Bearer {token}".encode())
        assert (answer.status_code, answer.json()["detail"]) == (401, INVALID)


@run
async def test_the_scheme_is_bearer_in_any_case(world: World) -> None:
    token = world.token()
    basic = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert (await ask(world, f"bEARER {token}")).status_code == 200
    assert (await ask(world, f"Basic {basic}")).status_code == 401
    assert (await ask(world, token)).status_code == 401
    missing = await ask(world, None)
    assert (missing.status_code, missing.json()["detail"]) == (401, MISSING)


@run
async def test_one_token_is_good_for_many_requests(world: World) -> None:
    token = world.token()
    assert [(await ask(world, f"Bearer {token}")).status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("acl", "method", "status"),
    [
        ({"paths": {"/*/calls/**": {}}}, "GET", 200),
        ({"paths": {"/*/calls/**": {"methods": ["GET"]}}}, "GET", 200),
        ({"paths": {"/*/calls/**": {"methods": ["GET"]}}}, "POST", 403),
        ({"paths": {"/v1/calls": {}}}, "GET", 200),
        ({"paths": {"/*/users/**": {}}}, "GET", 403),
        ({"paths": {}}, "GET", 403),
    ],
)
@run
async def test_an_acl_limits_paths_and_methods(world: World, acl: Any, method: str, status: int) -> None:
    answer = await ask(world, f"Bearer {world.token(acl=acl)}", method=method, path="/v1/calls/")
    assert answer.status_code == status
    if status == 403:
        found = answer.json()
        assert found["type"] == "https://developer.vonage.com/api-errors#forbidden"
        assert found["detail"] == "Your account does not have permission to perform this action"


@run
async def test_a_user_reaches_calls_only_where_his_acl_names_them(world: World) -> None:
    assert (await ask(world, f"Bearer {world.token(sub='alice')}")).status_code == 403
    named = world.token(sub="alice", acl={"paths": {"/*/calls/**": {}}})
    assert (await ask(world, f"Bearer {named}")).status_code == 200


@run
async def test_an_application_without_voice_has_no_calls(world: World) -> None:
    async with world.client("bare") as client:
        assert (await client.get("/v1/calls")).status_code == 403
        assert (await client.get("/v1/files/aaaaaaaa-4a51-4f6b-86e1-46edebcf9356")).status_code == 404


@run
async def test_a_token_does_not_open_what_belongs_to_the_account(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/v2/applications")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="ringline"'
        found = answer.json()
        assert found["type"] == "https://developer.vonage.com/api-errors#unauthorized"
        assert found["title"] == "Invalid credentials supplied"
        assert found["detail"] == "You did not provide correct credentials."
        answer = await client.get("/account/numbers")
        assert answer.json() == {"error-code": "401", "error-code-label": "authentication failed"}


# ── limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@run
async def test_guessing_is_slowed_down_for_the_guesser_only(world: World) -> None:
    async with world.stranger(address="2001:db8::1") as guesser, world.stranger(address="2001:db8::2") as neighbour:
        statuses = [(await guesser.get("/v1/calls")).status_code for _ in range(19)]
        statuses += [(await neighbour.get("/v2/applications", auth=(KEY, "wrong"))).status_code]
        assert statuses == [401] * 20
        assert (await guesser.get("/v1/calls")).status_code == 429
        assert (await neighbour.get("/account/get-balance")).status_code == 429
        good = {"Authorization": f"Bearer {world.token()}"}
        assert (await guesser.get("/v1/calls", headers=good)).status_code == 200
        world.clock.seconds += 61
        assert (await guesser.get("/v1/calls")).status_code == 401
    async with world.stranger(address="192.0.2.1") as other:
        assert (await other.get("/v1/calls")).status_code == 401


@run
async def test_an_application_has_a_rate_of_requests(world: World) -> None:
    world = world.with_options(requests_per_second=2)
    world.calls.put(LEG, application=OTHER)
    async with world.client() as client, world.client("other") as other:
        assert [(await client.get("/v1/calls")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await other.get(f"/v1/calls/{LEG}")).status_code == 200
        world.clock.seconds += 0.5
        assert (await client.get("/v1/calls")).status_code == 200
