"""SIP domains and their users in both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ringline.accounts import HostedDomain, make_domain_user
from ringline.base import ApplicationId
from ringline.io.store import SqlStore

from .test_office import run

ACME = HostedDomain(
    name="acme",
    application_id=ApplicationId("app"),
    acl=("198.51.100.7", "2001:db8::/32"),
    digest_auth=True,
    tls="always",
    srtp="never",
)
BARE = HostedDomain(name="a-bare-one", application_id=ApplicationId("other"))
PBX = make_domain_user("pbx-1", "größe", realm="ringline")
DESK = make_domain_user("desk", "Secret", realm="ringline")
Check = Callable[[SqlStore], Awaitable[None]]


def test_domains_and_users_are_kept_changed_and_deleted(place: str) -> None:
    async def first(store: SqlStore) -> None:
        assert list(await store.domains()) == []
        for one in (ACME, BARE):
            await store.save_domain(one)
        for user in (PBX, DESK):
            await store.save_domain_user("acme", user)
        await store.save_domain(replace(ACME, acl=()))

    async def second(store: SqlStore) -> None:
        changed = replace(ACME, acl=()).with_user(PBX).with_user(DESK)
        assert list(await store.domains()) == [changed, BARE]
        other = make_domain_user("pbx-1", "another", realm="ringline")
        await store.save_domain_user("acme", other)
        await store.delete_domain_user("desk")
        found = (await store.domains())[0]
        assert list(found.users.values()) == [other]

    async def third(store: SqlStore) -> None:
        await store.delete_domain("acme")
        assert list(await store.domains()) == [BARE]
        await store.save_domain(ACME)
        assert (await store.domains())[-1].users == {}

    checks: tuple[Check, ...] = (first, second, third)
    for check in checks:
        run(place, check)
