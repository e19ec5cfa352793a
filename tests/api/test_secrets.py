"""API secrets: made, shown, revoked, at most two at a time, and kept as hashes only."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from ringline.accounts import KeptSecret

from .world import FIRST_SECRET, KEY, SECRET, World, run

PATH = f"/accounts/{KEY}/secrets"
NEW = "Second5678"


async def ask(world: World, method: str, path: str = PATH, secret: str = SECRET, **more: Any) -> httpx.Response:
    async with world.stranger(auth=(KEY, secret)) as client:
        return await client.request(method, path, **more)


@run
async def test_a_new_secret_counts_at_once_and_the_old_one_can_go(world: World) -> None:
    made = await ask(world, "POST", json={"secret": NEW})
    assert made.status_code == 201
    assert made.json() == {
        "_links": {"self": {"href": f"{PATH}/{made.json()['id']}"}},
        "id": made.json()["id"],
        "created_at": "2026-03-02T09:14:05Z",
    }
    listed = (await ask(world, "GET", secret=NEW)).json()
    assert listed["_links"] == {"self": {"href": PATH}}
    assert [one["id"] for one in listed["_embedded"]["secrets"]] == [FIRST_SECRET.id, made.json()["id"]]
    assert (await ask(world, "GET", f"{PATH}/{made.json()['id']}")).json() == made.json()
    assert (await ask(world, "DELETE", f"{PATH}/{FIRST_SECRET.id}", secret=NEW)).status_code == 204
    assert (await ask(world, "GET")).status_code == 401
    assert (await ask(world, "GET", secret=NEW)).status_code == 200


@run
async def test_what_is_kept_is_not_the_secret(world: World) -> None:
    await ask(world, "POST", json={"secret": NEW})
    (kept,) = world.shelf.kept_secrets.values()
    assert NEW not in repr(kept.secret) + kept.secret.hash + kept.secret.salt
    assert kept.secret.sums["MD5"] == hashlib.md5(f"{KEY}:ringline:{NEW}".encode()).hexdigest()
    account = world.directory.account(KEY)
    assert account is not None
    assert kept.secret.sums["SHA-256"] in account.sip_sums("ringline")["SHA-256"]
    assert account.sip_sums("another realm") == {"MD5": (), "SHA-256": ()}


@pytest.mark.parametrize("secret", ["Short1x", "x" * 26 + "A1", "alllower1", "ALLUPPER1", "NoDigitsHere", "", 7, None])
@run
async def test_a_weak_secret_is_refused(world: World, secret: object) -> None:
    answer = await ask(world, "POST", json={"secret": secret})
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"] == "https://developer.vonage.com/api-errors/account/secret-management#validation"
    assert (body["title"], body["detail"]) == ("Bad Request", "The request failed due to secret validation errors")
    (parameter,) = body["invalid_parameters"]
    assert parameter["name"] == "secret"
    if isinstance(secret, str):
        assert parameter["reason"] == "Does not meet complexity requirements"


@run
async def test_there_are_at_most_two_and_at_least_one(world: World) -> None:
    last = await ask(world, "DELETE", f"{PATH}/{FIRST_SECRET.id}")
    assert last.status_code == 403
    assert last.json()["type"].endswith("secret-management#delete-last-secret")
    assert last.json()["title"] == "Secret Deletion Forbidden"
    await ask(world, "POST", json={"secret": NEW})
    third = await ask(world, "POST", json={"secret": "Third91011"})
    assert (third.status_code, third.json()["title"]) == (403, "Secret Addition Forbidden")


@run
async def test_a_secret_of_the_settings_stays_revoked(world: World) -> None:
    await world.shelf.save_secret(KeptSecret(api_key=KEY, secret=FIRST_SECRET, configured=True))
    await ask(world, "POST", json={"secret": NEW})
    await ask(world, "DELETE", f"{PATH}/{FIRST_SECRET.id}")
    assert world.shelf.kept_secrets[FIRST_SECRET.id].revoked


@run
async def test_what_is_not_there_is_404_and_without_credentials_401(world: World) -> None:
    other = await ask(world, "GET", "/accounts/other/secrets")
    assert (other.status_code, other.json()["type"].rpartition("#")[2]) == (404, "invalid-api-key")
    for wrong in ("aaaaaaaa-4a51-4f6b-86e1-46edebcf9356", "nonsense"):
        missing = await ask(world, "GET", f"{PATH}/{wrong}")
        assert (missing.status_code, missing.json()["type"].rpartition("#")[2]) == (404, "invalid-id")
    refused = await ask(world, "GET", secret="Wrong1234")
    assert (refused.status_code, refused.json()["title"]) == (401, "Unauthorized")
    assert "Authorization: Basic" in refused.json()["detail"]
    assert refused.headers["www-authenticate"] == 'Basic realm="ringline"'
