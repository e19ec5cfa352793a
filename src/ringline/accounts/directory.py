"""The book of who is who: applications, numbers, accounts, SIP domains; in memory, looked up on every call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ringline.accounts.account import Account
from ringline.accounts.applications import Application
from ringline.accounts.hosted_domains import HostedDomain, HostedDomains
from ringline.accounts.numbers import Number
from ringline.base import ApplicationId


class Directory:
    """Applications, numbers and accounts as they are now.

    Every change makes new tables and leaves the old ones as they were, so a table somebody is walking through never
    changes under him. Nothing is written to disk here.
    """

    def __init__(
        self,
        *,
        applications: Iterable[Application] = (),
        numbers: Iterable[Number] = (),
        accounts: Iterable[Account] = (),
        domains: Iterable[HostedDomain] = (),
    ) -> None:
        self._applications: Mapping[ApplicationId, Application] = {one.id: one for one in applications}
        self._accounts: Mapping[str, Account] = {one.api_key: one for one in accounts}
        self._set_numbers({one.msisdn: one for one in numbers})
        self.domains = HostedDomains(domains)

    # ── applications ───────────────────────────────────────────────────────────────────────────────────────────────

    def application(self, application_id: ApplicationId) -> Application | None:
        return self._applications.get(application_id)

    def applications(self) -> Mapping[ApplicationId, Application]:
        """All applications by id, oldest first; a view that never changes."""
        return MappingProxyType(self._applications)

    def put_application(self, application: Application) -> None:
        """Add an application or replace the one with its id; a new key counts from the next request on."""
        self._applications = {**self._applications, application.id: application}

    def drop_application(self, application_id: ApplicationId) -> tuple[Number, ...]:
        """Remove an application; return its numbers as they are now, linked to nothing. Unknown ids are ignored."""
        self._applications = {key: one for key, one in self._applications.items() if key != application_id}
        unlinked = tuple(replace(one, application_id=None) for one in self.numbers_of(application_id))
        self._set_numbers({**self._numbers, **{one.msisdn: one for one in unlinked}})
        return unlinked

    # ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, msisdn: str) -> Number | None:
        """Find a number by its digits."""
        return self._numbers.get(msisdn)

    def numbers(self) -> Mapping[str, Number]:
        """All numbers by their digits; a view that never changes."""
        return MappingProxyType(self._numbers)

    def numbers_of(self, application_id: ApplicationId) -> tuple[Number, ...]:
        """The numbers linked to an application, oldest first."""
        return self._by_application.get(application_id, ())

    def put_number(self, number: Number) -> None:
        """Add a number or replace the one with its digits."""
        self._set_numbers({**self._numbers, number.msisdn: number})

    def drop_number(self, msisdn: str) -> None:
        """Give a number back. Unknown ones are ignored."""
        self._set_numbers({key: one for key, one in self._numbers.items() if key != msisdn})

    # ── what routing asks ──────────────────────────────────────────────────────────────────────────────────────────

    def owns(self, msisdn: str) -> bool:
        """Whether the number belongs to this installation, so that it may be shown as caller id."""
        return msisdn in self._numbers

    def application_of(self, msisdn: str) -> ApplicationId | None:
        """The application whose answer URL an inbound call to the number asks; None when there is none."""
        number = self._numbers.get(msisdn)
        return number.application_id if number is not None else None

    def is_forwarded(self, msisdn: str) -> bool:
        """Whether calls to the number are connected straight on, whatever application it has."""
        number = self._numbers.get(msisdn)
        return number is not None and number.forward is not None

    # ── accounts ───────────────────────────────────────────────────────────────────────────────────────────────────

    def account(self, api_key: str) -> Account | None:
        return self._accounts.get(api_key)

    def accounts(self) -> Mapping[str, Account]:
        return MappingProxyType(self._accounts)

    def put_account(self, account: Account) -> None:
        self._accounts = {**self._accounts, account.api_key: account}

    def authenticate(self, api_key: str, api_secret: str) -> Account | None:
        """The account of a key and one of its secrets; an unknown key and a wrong secret are answered alike.

        An unknown key takes as long as a known one.
        """
        account = self._accounts.get(api_key)
        known = account if account is not None else next(iter(self._accounts.values()), None)
        accepted = known is not None and known.accepts(api_secret)
        return account if accepted else None

    def _set_numbers(self, numbers: Mapping[str, Number]) -> None:
        by_application: dict[ApplicationId, list[Number]] = {}
        for one in numbers.values():
            if one.application_id is not None:
                by_application.setdefault(one.application_id, []).append(one)
        self._numbers = numbers
        self._by_application = {key: tuple(found) for key, found in by_application.items()}
