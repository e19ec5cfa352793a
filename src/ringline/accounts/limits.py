"""What an application or a trunk may spend, and whom nobody may call: pure rules, with counters that know no clock.

Refusals are decided in this order: emergency, destination, calls at once, calls per second, minutes and spend of the
day (a UTC day). Minutes and spend count what live calls have used so far; a call that is up is never cut by them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

_PREMIUM: Final = frozenset({PhoneNumberType.PREMIUM_RATE})
_SATELLITE: Final = ("870", "878", "881", "882", "883")
"Calling codes of satellites and global networks: calls cost like satellites, whatever type the number has."
_GLOBAL_PREMIUM: Final = "979"
_EVERYWHERE: Final = frozenset({"112", "911"})
"Networks of any country take these for emergency numbers."
_LONGEST_EMERGENCY: Final = 6
_MOST_BUCKETS: Final = 10_000
ZERO: Final = Decimal(0)


class Bar(StrEnum):
    """Why a call is refused; the values name figures in `/metrics`."""

    EMERGENCY = "emergency"
    DESTINATION = "destination"
    AT_ONCE = "at_once"
    RATE = "rate"
    MINUTES = "minutes"
    SPEND = "spend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that is not made."""

    bar: Bar
    why: str
    "For people: whose limit, and which."

    @property
    def passes(self) -> bool:
        """Whether it is only a matter of moments: worth trying again."""
        return self.bar in (Bar.AT_ONCE, Bar.RATE)

    @property
    def told(self) -> str:
        """What the application hears, in an error event."""
        return _TOLD[self.bar]


_TOLD: Final = {
    Bar.EMERGENCY: "Emergency number not called.",
    Bar.DESTINATION: "Destination not allowed.",
    Bar.AT_ONCE: "Concurrent call limit exceeded.",
    Bar.RATE: "Rate limit exceeded.",
    Bar.MINUTES: "Daily minutes exceeded.",
    Bar.SPEND: "Daily spend exceeded.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits of one application or trunk; 0 is no limit."""

    calls_at_once: int = 0
    calls_per_second: float = 0.0
    minutes_a_day: float = 0.0
    spend_a_day: Decimal = ZERO
    "In the currency of the rate table."
    allow: tuple[str, ...] = ()
    "First digits of numbers that may be called; empty: all that are not denied."
    deny: tuple[str, ...] = ()
    "First digits of numbers that may not. The longest prefix of both lists counts; of the same length, `deny`."
    premium: bool = False
    "Premium-rate and satellite numbers may be called, too. A prefix in `allow` of one digit or more opens its own."


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """Which numbers call for help here, and how they are reached."""

    countries: tuple[str, ...] = ()
    "ISO codes of the countries in which this installation's callers are."
    numbers: tuple[str, ...] = ()
    "Numbers that count as well."
    trunk: str | None = None
    "The trunk that takes them to who helps; None: they are refused, loudly."

    def calls_for_help(self, dialled: str) -> bool:
        """Whether these digits, as they would be sent to a trunk, reach an emergency service."""
        digits = dialled.lstrip("+")
        if not digits.isascii() or not digits.isdecimal():
            return False
        if digits in self.numbers or digits in _EVERYWHERE:
            return True
        return len(digits) <= _LONGEST_EMERGENCY + 3 and any(_is_emergency(digits, one) for one in self.countries)


@lru_cache(maxsize=4096)
def _is_emergency(digits: str, country: str) -> bool:
    code = str(phonenumbers.country_code_for_region(country))
    # Some networks strip their own country code before they look.
    forms = (digits, digits.removeprefix("00"), digits.removeprefix("00").removeprefix(code))
    return any(len(form) <= _LONGEST_EMERGENCY and shortnumberinfo.is_emergency_number(form, country) for form in forms)


@lru_cache(maxsize=8192)
def dear_kind(number: str) -> str | None:
    """`premium` or `satellite` for E.164 digits that cost extra; None for all others.

    Digits too many do not hide a premium number: networks connect it as soon as it is complete.
    """
    if number.startswith(_SATELLITE):
        return "satellite"
    if number.startswith(_GLOBAL_PREMIUM):
        return "premium"
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return None
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN and phonenumbers.truncate_too_long_number(parsed):
        kind = phonenumbers.number_type(parsed)
    return "premium" if kind in _PREMIUM else None


def barred_destination(policy: Policy, number: str, *, whose: str) -> Refusal | None:
    """Judge E.164 digits by the prefixes of a policy, and by what they cost."""
    allowed = max((len(one) for one in policy.allow if number.startswith(one)), default=-1)
    denied = max((len(one) for one in policy.deny if number.startswith(one)), default=-1)
    if denied >= 0 and denied >= allowed:
        return Refusal(bar=Bar.DESTINATION, why=f"{whose} may not call numbers that begin with {number[:denied]}")
    if policy.allow and allowed < 0:
        return Refusal(bar=Bar.DESTINATION, why=f"the number is in no range that {whose} may call")
    kind = dear_kind(number)
    if kind is not None and not policy.premium and allowed < 1:
        return Refusal(bar=Bar.DESTINATION, why=f"{kind} numbers are not called for {whose}")
    return None


@dataclass(slots=True)
class _Account:
    """What one owner has used, and uses."""

    live: int = 0
    up: int = 0
    "Of these, those whose time counts."
    began: float = 0.0
    "The sum of their beginnings, so that what they have used is worked out without looking at each."
    cost_per_s: Decimal = ZERO
    cost_from: Decimal = ZERO
    "The sum of cost per second times beginning."
    day: int = 0
    seconds: int = 0
    "Of calls that have ended on this day."
    spend: Decimal = ZERO
    tokens: float = -1.0
    taken_at: float = 0.0

    def of(self, day: int) -> _Account:
        if day != self.day:
            self.day, self.seconds, self.spend = day, 0, ZERO
        return self

    def seconds_used(self, now: float) -> float:
        return self.seconds + max(0.0, self.up * now - self.began)

    def spent(self, now: float) -> Decimal:
        return self.spend + max(ZERO, Decimal(str(now)) * self.cost_per_s - self.cost_from)


@dataclass(slots=True)
class _Live:
    owners: tuple[str, ...]
    per_second: Decimal = ZERO
    since: float | None = None
    counted: frozenset[str] = field(default_factory=frozenset)


class Limits:
    """Counts calls for their owners: `app:` and an application's id, `trunk:` and a trunk's name.

    `day` is a number that changes at midnight UTC, `now` monotonic seconds.
    """

    def __init__(
        self,
        *,
        default: Policy | None = None,
        policies: Mapping[str, Policy] | None = None,
        emergency: Emergency | None = None,
    ) -> None:
        """`default` is the policy of applications that have none of their own; trunks without one have no limits, and
        leave premium and satellite numbers to the application's policy.
        """
        self._default = default or Policy()
        self._policies = dict(policies or {})
        self.emergency = emergency or Emergency()
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._live: dict[str, _Live] = {}

    def change(self, *, default: Policy, policies: Mapping[str, Policy], emergency: Emergency) -> None:
        """Put other limits into force; what is counted stays."""
        self._default, self._policies, self.emergency = default, dict(policies), emergency

    def policy(self, owner: str) -> Policy:
        found = self._policies.get(owner)
        if found is not None:
            return found
        return self._default if owner.startswith("app:") else Policy(premium=True)

    # ── before a call ──────────────────────────────────────────────────────────────────────────────────────────────

    def destination(self, owner: str, number: str) -> Refusal | None:
        """Whether this owner may call these E.164 digits."""
        return barred_destination(self.policy(owner), number, whose=_shown(owner))

    def room(self, owner: str, *, now: float, day: int, leg: str | None = None) -> Refusal | None:
        """Whether one more call is within what the owner may have at once and in a day.

        `leg` is that call where it exists already, so that it does not stand in its own way.
        """
        policy, account = self.policy(owner), self._account(owner).of(day)
        known = self._live.get(leg) if leg is not None else None
        others = account.live - (known is not None and owner in known.owners)
        if policy.calls_at_once and others >= policy.calls_at_once:
            return Refusal(bar=Bar.AT_ONCE, why=f"{_shown(owner)} has {others} calls at once already")
        if policy.minutes_a_day and account.seconds_used(now) >= policy.minutes_a_day * 60:
            return Refusal(bar=Bar.MINUTES, why=f"{_shown(owner)} has used {policy.minutes_a_day:g} minutes today")
        if policy.spend_a_day and account.spent(now) >= policy.spend_a_day:
            return Refusal(bar=Bar.SPEND, why=f"{_shown(owner)} has spent {policy.spend_a_day} today")
        return None

    def take(self, owner: str, *, now: float) -> Refusal | None:
        """Count a new call against what the owner may begin in a second; a second's worth may come at once."""
        rate = self.policy(owner).calls_per_second
        if rate <= 0:
            return None
        account = self._account(owner)
        full = max(1.0, rate)
        had = full if account.tokens < 0 else min(full, account.tokens + (now - account.taken_at) * rate)
        allowed = had >= 1
        account.tokens, account.taken_at = had - 1 if allowed else had, now
        return None if allowed else Refusal(bar=Bar.RATE, why=f"{_shown(owner)} begins too many calls per second")

    # ── during and after ───────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, leg: str, owner: str) -> None:
        """A call of this owner exists from now on; one call may have several owners."""
        live = self._live.setdefault(leg, _Live(()))
        if owner not in live.owners:
            live.owners += (owner,)
            account = self._account(owner)
            account.live += 1
            if live.since is not None:
                self._count(account, live, live.since, 1)

    def part(self, leg: str, kind: str) -> None:
        """A call is no longer that of its owners of a kind, such as `trunk:`: it takes another way."""
        live = self._live.get(leg)
        for owner in live.owners if live is not None else ():
            if live is not None and owner.startswith(kind):
                account = self._account(owner)
                account.live -= 1
                if live.since is not None:
                    self._count(account, live, live.since, -1)
                live.owners = tuple(each for each in live.owners if each != owner)

    def answered(self, leg: str, *, now: float, per_second: Decimal = ZERO) -> None:
        """Its time counts from now on, and costs so much per second."""
        live = self._live.get(leg)
        if live is not None and live.since is None:
            live.since, live.per_second = now, per_second
            for owner in live.owners:
                self._count(self._account(owner), live, now, 1)

    def end(self, leg: str, *, day: int, seconds: int = 0, spend: Decimal = ZERO) -> tuple[str, ...]:
        """It is over, and this is what it came to; give its owners."""
        live = self._live.pop(leg, None)
        if live is None:
            return ()
        for owner in live.owners:
            account = self._account(owner).of(day)
            account.live -= 1
            if live.since is not None:
                self._count(account, live, live.since, -1)
            account.seconds += seconds
            account.spend += spend
        return live.owners

    def restore(self, owner: str, *, day: int, seconds: int, spend: Decimal) -> None:
        """Take what calls of an earlier run came to on this day."""
        account = self._account(owner).of(day)
        account.seconds += seconds
        account.spend += spend

    @property
    def live(self) -> int:
        """Calls that are counted now."""
        return len(self._live)

    def _count(self, account: _Account, live: _Live, since: float, by: int) -> None:
        account.up += by
        account.began += by * since
        account.cost_per_s += by * live.per_second
        account.cost_from += by * live.per_second * Decimal(str(since))

    def _account(self, owner: str) -> _Account:
        account = self._accounts.get(owner)
        if account is None:
            account = self._accounts[owner] = _Account()
            self._forget_idle()
        return account

    def _forget_idle(self) -> None:
        """Applications come and go: those that have no calls, and had none today, need no memory."""
        if len(self._accounts) <= _MOST_BUCKETS:
            return
        for owner, account in list(self._accounts.items()):
            if not account.live and not account.seconds and not account.spend:
                del self._accounts[owner]


def _shown(owner: str) -> str:
    kind, _, name = owner.partition(":")
    return f"{'application' if kind == 'app' else kind} {name}"
