"""The part of the store for SIP domains made through the API, and for their users."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, bindparam, delete, select
from sqlalchemy.dialects import postgresql

from ringline.accounts import DomainUser, HostedDomain
from ringline.base import ApplicationId
from ringline.io.store.database import Statement
from ringline.io.store.lending import Lends
from ringline.io.store.rows import JSON, Row, to_microseconds
from ringline.io.store.statements import compiled
from ringline.io.store.tables import METADATA

SIP_DOMAINS: Final = Table(
    "sip_domains",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("application_id", Text, nullable=False),
    Column("acl", Text, nullable=False),
    Column("digest_auth", Integer, nullable=False),
    Column("tls", Text, nullable=False),
    Column("srtp", Text, nullable=False),
)

# Never a secret itself: the sums a login is checked against, for one realm.
SIP_DOMAIN_USERS: Final = Table(
    "sip_domain_users",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("realm", Text, nullable=False),
    Column("sums", Text, nullable=False),
    Index("ix_sip_domain_users_domain", "domain"),
)


def _put(table: Table, key: str) -> Statement:
    """Insert a row, or replace the one with the same key; when it was made stays."""
    insert = postgresql.insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    changed = {one.name: insert.excluded[one.name] for one in table.columns if one.name not in (key, "created_at")}
    return compiled(insert.on_conflict_do_update(index_elements=[key], set_=changed))


def _take(table: Table, column: str) -> Statement:
    return compiled(delete(table).where(table.c[column] == bindparam(column)), fence=True)


_PUT_DOMAIN: Final = _put(SIP_DOMAINS, "name")
_PUT_USER: Final = _put(SIP_DOMAIN_USERS, "key")
_TAKE_DOMAIN: Final = _take(SIP_DOMAINS, "name")
_TAKE_USER: Final = _take(SIP_DOMAIN_USERS, "key")
_TAKE_USERS: Final = _take(SIP_DOMAIN_USERS, "domain")


class HostedDomainTables:
    """Mixed into a store. What changes returns once it is on disk."""

    async def domains(self: Lends) -> Sequence[HostedDomain]:
        """All of them with their users, oldest first."""
        users: dict[str, dict[str, DomainUser]] = {}
        order = SIP_DOMAIN_USERS.c.created_at, SIP_DOMAIN_USERS.c.key
        for row in await self._all(select(SIP_DOMAIN_USERS).order_by(*order)):
            user = DomainUser(key=row["key"], realm=row["realm"], sums=json.loads(row["sums"]))
            users.setdefault(row["domain"], {})[user.key] = user
        found = await self._all(select(SIP_DOMAINS).order_by(SIP_DOMAINS.c.created_at, SIP_DOMAINS.c.name))
        return [_domain(row, users.get(row["name"], {})) for row in found]

    async def save_domain(self: Lends, domain: HostedDomain) -> None:
        """Insert or replace, except for its users."""
        row = {
            "name": domain.name,
            "created_at": to_microseconds(datetime.now(UTC)),
            "application_id": domain.application_id,
            "acl": JSON(list(domain.acl)),
            "digest_auth": int(domain.digest_auth),
            "tls": domain.tls,
            "srtp": domain.srtp,
        }
        self._put(_PUT_DOMAIN, row)
        await self.flush()

    async def delete_domain(self: Lends, name: str) -> None:
        """Delete a domain with its users."""
        self._put(_TAKE_USERS, {"domain": name})
        self._put(_TAKE_DOMAIN, {"name": name})
        await self.flush()

    async def save_domain_user(self: Lends, domain: str, user: DomainUser) -> None:
        """Insert or replace a user of a domain."""
        row = {
            "key": user.key,
            "domain": domain,
            "created_at": to_microseconds(datetime.now(UTC)),
            "realm": user.realm,
            "sums": JSON(dict(user.sums)),
        }
        self._put(_PUT_USER, row)
        await self.flush()

    async def delete_domain_user(self: Lends, key: str) -> None:
        self._put(_TAKE_USER, {"key": key})
        await self.flush()


def _domain(row: Row, users: Mapping[str, DomainUser]) -> HostedDomain:
    return HostedDomain(
        name=row["name"],
        application_id=ApplicationId(row["application_id"]),
        acl=tuple(json.loads(row["acl"])),
        digest_auth=bool(row["digest_auth"]),
        tls=row["tls"],
        srtp=row["srtp"],
        users=users,
    )
