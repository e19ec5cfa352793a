"""The reference of programmable SIP domains (endpoints, chapter 4.3), row by row."""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.api.world import APP, BARE, OTHER, World, run

from ringline.accounts import DomainUser, HostedDomain, make_domain_user

from .rows import Row, prove, table

ACME: Final[dict[str, Any]] = {
    "name": "acme",
    "application_id": APP,
    "acl": ["198.51.100.7", "203.0.113.0/28"],
    "digest_auth": True,
    "tls": "optional",
    "srtp": "optional",
}
LEFT_OUT: Final = object()
UNKNOWN: Final = "9f9d0c55-2222-4333-8444-955566677788"


@pytest.fixture
def world(tmp_path: Any) -> World:
    """A world with the domain `house`, which has the user `pbx-1`, and one of the settings, `office`."""
    world = World(tmp_path).with_options(sip_host="ringline.example")
    user = make_domain_user("pbx-1", "Secret", realm="ringline")
    house = HostedDomain(name="house", application_id=APP, digest_auth=True, users={user.key: user})
    world.shelf.hosted_domains = {"house": house}
    world.directory.domains.put(house)
    world.directory.domains.configure(
        [HostedDomain(name="office", application_id=OTHER, users={"desk": DomainUser(key="desk")}, configured=True)],
        reserved=["alice"],
    )
    return world


def ask(name: str, what: str, status: int, **more: Any) -> Row:
    """A row that the account's key and secret ask."""
    return Row(name=name, ask=what, status=status, **{"who": "operator", **more})


def make(title: str, status: int = 201, /, *, fault: str = "", says: Any = None, **body: Any) -> Row:
    """A row about making a domain."""
    sent = {one: value for one, value in {**ACME, **body}.items() if value is not LEFT_OUT}
    return ask(title, "POST /v1/psip", status, json=sent, fault=fault, says=says or {})


def user(title: str, status: int = 201, /, *, fault: str = "", **body: Any) -> Row:
    """A row about making a user."""
    sent = {one: value for one, value in {"key": "pbx-2", "secret": "Secret1", **body}.items() if value is not LEFT_OUT}
    lacks = ["secret", "sums", "realm"] if status == 201 else []
    return ask(title, "POST /v1/psip/house/users", status, json=sent, fault=fault, lacks=lacks)


@table(
    "psip operations",
    [
        ask("create domain", "POST /v1/psip", 201, json=ACME, says=ACME),
        ask("list", "GET /v1/psip", 200, says={"0.name": "office", "1.name": "house"}, lacks=["1.users"]),
        ask("get", "GET /v1/psip/house", 200, says={"name": "house", "application_id": APP, "acl": []}),
        ask("get in capitals", "GET /v1/psip/House", 200, says={"name": "house"}),
        ask("update", "PUT /v1/psip/house", 200, json={"tls": "always"}, says={"tls": "always", "digest_auth": True}),
        ask("delete", "DELETE /v1/psip/house", 204),
        ask("create user", "POST /v1/psip/house/users", 201, json={"key": "pbx-2", "secret": "x"}, lacks=["secret"]),
        ask("list users", "GET /v1/psip/house/users", 200, says={"0.key": "pbx-1"}, lacks=["0.secret", "0.sums", "1"]),
        ask("get user", "GET /v1/psip/house/users/pbx-1", 200, says={"key": "pbx-1"}, lacks=["secret", "sums"]),
        ask("put user", "PUT /v1/psip/house/users/pbx-1", 200, json={"secret": "Other"}, says={"key": "pbx-1"}),
        ask("delete user", "DELETE /v1/psip/house/users/pbx-1", 204),
        ask("endpoints", "GET /v1/psip/house/endpoints", 200, says={"0.uri": "sip:pbx-1@house.sip.ringline.example"}),
    ],
)
@run
async def test_an_operation_answers_as_the_row_says(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "psip domain",
    [
        make("name of 63", name="a" * 63),
        make("name of 64", 400, name="a" * 64, fault="name"),
        make("name in capitals", 400, name="Acme", fault="name"),
        make("name with a dot", 400, name="acme.example", fault="name"),
        make("name empty", 400, name="", fault="name"),
        make("name is no label", 400, name="-acme", fault="name"),
        make("name missing", 400, name=LEFT_OUT, fault="name"),
        make("name is no string", 400, name=7, fault="name"),
        make("name taken", 409, name="house"),
        make("name taken in the settings", 409, name="office"),
        make("name of the installation", 409, name="localhost"),
        make("application_id", application_id=BARE),
        make("application_id missing", 400, application_id=LEFT_OUT, fault="application_id"),
        make("application_id unknown", 400, application_id=UNKNOWN, fault="application_id"),
        make("acl default", acl=LEFT_OUT, says={"acl": []}),
        make("acl IPv6", acl=["2001:db8::/32", "::1"]),
        make("acl no address", 400, acl=["198.51.100.7", "home"], fault="acl[1]"),
        make("acl bits behind the prefix", 400, acl=["10.0.0.1/8"], fault="acl[0]"),
        make("acl no string", 400, acl=[7], fault="acl[0]"),
        make("acl no array", 400, acl="198.51.100.7", fault="acl"),
        make("acl endless", 400, acl=["198.51.100.7"] * 1001, fault="acl"),
        make("digest_auth default", digest_auth=LEFT_OUT, says={"digest_auth": False}),
        make("digest_auth as a word", digest_auth="true", says={"digest_auth": True}),
        make("digest_auth wrong", 400, digest_auth="maybe", fault="digest_auth"),
        *(
            make(f"{one} {wish}", **{one: wish}, says={one: wish})
            for one in ("tls", "srtp")
            for wish in ("always", "optional", "never")
        ),
        make("tls default", tls=LEFT_OUT, says={"tls": "optional"}),
        make("srtp default", srtp=LEFT_OUT, says={"srtp": "optional"}),
        make("tls wrong", 400, tls="required", fault="tls"),
        make("srtp wrong", 400, srtp="off", fault="srtp"),
        ask("no body", "POST /v1/psip", 400, fault="name"),
        ask("PUT acl wrong", "PUT /v1/psip/house", 400, json={"acl": ["x"]}, fault="acl[0]"),
        ask(
            "PUT application unknown",
            "PUT /v1/psip/house",
            400,
            json={"application_id": UNKNOWN},
            fault="application_id",
        ),
    ],
)
@run
async def test_a_field_of_a_domain(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "psip user",
    [
        user("key", key="a-1"),
        user("key of 63", key="1" * 63),
        user("key of 64", 400, key="1" * 64, fault="key"),
        user("key in capitals", 400, key="PBX", fault="key"),
        user("key with an at", 400, key="a@b", fault="key"),
        user("key missing", 400, key=LEFT_OUT, fault="key"),
        user("key taken", 409, key="pbx-1"),
        user("key taken in another domain", 409, key="desk"),
        user("key taken in the settings", 409, key="alice"),
        user("key of the account", 409, key="abcd1234"),
        user("secret missing", 400, secret=LEFT_OUT, fault="secret"),
        user("secret empty", 400, secret="", fault="secret"),
        user("secret with a line break", 400, secret="a\nb", fault="secret"),
        user("secret in another script", secret="größe 大 1"),
        user("secret too long", 400, secret="x" * 256, fault="secret"),
        user("secret no string", 400, secret=7, fault="secret"),
        ask("PUT without secret", "PUT /v1/psip/house/users/pbx-1", 400, json={}, fault="secret"),
    ],
)
@run
async def test_a_field_of_a_user(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "psip refusals",
    [
        *(
            ask(f"no domain: {one}", f"{one} /v1/psip/gone", 404, json={} if one == "PUT" else None)
            for one in ("GET", "PUT", "DELETE")
        ),
        ask("no domain: users", "GET /v1/psip/gone/users", 404),
        ask("no domain: endpoints", "GET /v1/psip/gone/endpoints", 404),
        ask("no domain: make a user", "POST /v1/psip/gone/users", 404, json={"key": "a", "secret": "b"}),
        *(
            ask(
                f"no user: {one}",
                f"{one} /v1/psip/house/users/gone",
                404,
                json={"secret": "b"} if one == "PUT" else None,
            )
            for one in ("GET", "PUT", "DELETE")
        ),
        ask("user of another domain", "GET /v1/psip/house/users/desk", 404),
        ask("of the settings: look", "GET /v1/psip/office", 200, says={"application_id": OTHER}),
        ask("of the settings: users", "GET /v1/psip/office/users", 200, says={"0.key": "desk"}),
        ask("of the settings: update", "PUT /v1/psip/office", 403, json={"tls": "always"}),
        ask("of the settings: delete", "DELETE /v1/psip/office", 403),
        ask("of the settings: make a user", "POST /v1/psip/office/users", 403, json={"key": "a", "secret": "b"}),
        ask("of the settings: put a user", "PUT /v1/psip/office/users/desk", 403, json={"secret": "b"}),
        ask("of the settings: delete a user", "DELETE /v1/psip/office/users/desk", 403),
        ask("a token is refused", "GET /v1/psip", 401, who="app"),
        ask("nothing is refused", "POST /v1/psip", 401, who="stranger", json=ACME),
        ask("another method", "PATCH /v1/psip/house", 405),
        ask("not JSON", "POST /v1/psip", 400, content="{", headers={"content-type": "application/json"}),
        ask("not asked for JSON", "GET /v1/psip", 406, headers={"accept": "text/html"}),
    ],
)
@run
async def test_an_operation_is_refused_as_the_row_says(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Basic")


@run
async def test_what_is_made_is_kept_without_the_secret_and_every_change_is_in_the_audit_log(world: World) -> None:
    changes: list[list[str]] = []
    world.directory.domains.watch(lambda gone: changes.append(list(gone)))
    async with world.operator() as client:
        assert (await client.post("/v1/psip", json=ACME)).status_code == 201
        assert (await client.post("/v1/psip/acme/users", json={"key": "a", "secret": "Top-1"})).status_code == 201
        assert (await client.put("/v1/psip/acme/users/a", json={"secret": "Top-2"})).status_code == 200
        kept = world.shelf.hosted_domains["acme"]
        assert kept == world.directory.domains.get("acme")
        assert "Top-" not in repr(kept.users["a"].sums)
        assert kept.users["a"] == make_domain_user("a", "Top-2", realm="ringline")
        assert (await client.put("/v1/psip/acme", json={"acl": []})).json()["digest_auth"] is True
        assert (await client.delete("/v1/psip/acme/users/a")).status_code == 204
        assert (await client.delete("/v1/psip/acme")).status_code == 204
        assert (await client.post("/v1/psip", json=ACME)).status_code == 201
    assert [(one.action, one.target) for one in world.shelf.audit_log] == [
        ("domain.create", "acme"),
        ("domain.user.create", "a"),
        ("domain.user.update", "a"),
        ("domain.update", "acme"),
        ("domain.user.delete", "a"),
        ("domain.delete", "acme"),
        ("domain.create", "acme"),
    ]
    assert changes == [[], [], [], [], ["a"], [], []]
    assert "Top-" not in repr(world.shelf.audit_log)
