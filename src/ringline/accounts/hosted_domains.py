"""SIP domains by name, each with its application and the users who log in there (the resource `psip`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from ringline.accounts.secrets import sip_sums
from ringline.base import ApplicationId

Wish = Literal["always", "optional", "never"]
"Whether calls to a domain must, may or must not be encrypted."


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainUser:
    """Somebody who logs in at a domain. His secret is kept nowhere, only the sums a digest login is checked against."""

    key: str
    "His user name: no two users of an installation have the same, in whatever domains they are."
    realm: str = ""
    "The SIP realm the sums are for: they are of no use in another."
    sums: Mapping[str, str] = field(repr=False, default_factory=dict)
    "`MD5` and `SHA-256`: H(key:realm:secret), hexadecimal. Empty for a user of the settings: his password is there."


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedDomain:
    """A SIP domain: every call to it asks the answer URL of its application."""

    name: str
    "A label, or a whole host name where the settings name one."
    application_id: ApplicationId
    acl: tuple[str, ...] = ()
    "Addresses and networks that may call; empty: any, if `digest_auth` is on."
    digest_auth: bool = False
    tls: Wish = "optional"
    srtp: Wish = "optional"
    users: Mapping[str, DomainUser] = field(default_factory=dict)
    "By key, oldest first."
    configured: bool = False
    "It stands in the settings, and is changed there only."

    def with_user(self, user: DomainUser) -> HostedDomain:
        """The domain with one user more, or another one in the place of him with that key."""
        return replace(self, users={**self.users, user.key: user})

    def without_user(self, key: str) -> HostedDomain:
        return replace(self, users={one: user for one, user in self.users.items() if one != key})


def make_domain_user(key: str, secret: str, *, realm: str) -> DomainUser:
    """What is kept of a user and his secret."""
    return DomainUser(key=key, realm=realm, sums=sip_sums(key, realm, secret))


class HostedDomains:
    """The domains as they are now, those of the settings first. Nothing is written to disk here."""

    def __init__(self, domains: Iterable[HostedDomain] = ()) -> None:
        self._domains: Mapping[str, HostedDomain] = {one.name: one for one in domains}
        self._reserved: frozenset[str] = frozenset()
        self._watcher: Callable[[Sequence[str]], None] | None = None

    def watch(self, watcher: Callable[[Sequence[str]], None]) -> None:
        """Call `watcher` after every change by `put` and `drop`, so that calls are routed by it at once, with the keys
        of the users who are gone by it.
        """
        self._watcher = watcher

    def configure(self, domains: Iterable[HostedDomain], *, reserved: Collection[str] = ()) -> None:
        """Put the domains of the settings into force: they overrule what has the same name. `reserved` are user names
        that others have, such as phones of the settings that belong to no domain.
        """
        made = {name: one for name, one in self._domains.items() if not one.configured}
        configured = {one.name: one for one in domains}
        self._domains = {**configured, **{name: one for name, one in made.items() if name not in configured}}
        self._reserved = frozenset(reserved)

    def all(self) -> Mapping[str, HostedDomain]:
        """All domains by name; a view that never changes."""
        return MappingProxyType(self._domains)

    def made(self) -> tuple[HostedDomain, ...]:
        """Those that were made through the API."""
        return tuple(one for one in self._domains.values() if not one.configured)

    def get(self, name: str) -> HostedDomain | None:
        return self._domains.get(name)

    def put(self, domain: HostedDomain) -> None:
        """Add a domain or replace the one with its name; it counts from the next call on."""
        before = self._domains.get(domain.name)
        self._domains = {**self._domains, domain.name: domain}
        self._changed([key for key in before.users if key not in domain.users] if before is not None else [])

    def drop(self, name: str) -> None:
        """Remove a domain with its users. Unknown ones are ignored."""
        gone = self._domains.get(name)
        self._domains = {key: one for key, one in self._domains.items() if key != name}
        self._changed(list(gone.users) if gone is not None else [])

    def is_taken(self, key: str) -> bool:
        """Whether somebody of this installation has this user name already."""
        return key in self._reserved or any(key in one.users for one in self._domains.values())

    def _changed(self, gone: Sequence[str]) -> None:
        if self._watcher is not None:
            self._watcher(gone)
