"""Stands where calls leave: limits, denied and emergency numbers, and what a call costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Final, Protocol

from ringline.accounts import Bar, Emergency, Limits, RateTable, Refusal
from ringline.base import ApplicationId, Clock, LegId, Private, get_log
from ringline.calls.events import LegFailed, LegRated
from ringline.calls.facts import LegView
from ringline.calls.parties import Party
from ringline.calls.rating import written
from ringline.routing import digits_of, read_sip_address

log = get_log(__name__)
_MINUTE_S: Final = 60


class UsageBook(Protocol):
    """Where it is kept what calls came to."""

    def write_usage(self, owner: str, *, day: int, seconds: int, spend: Decimal) -> None:
        """Add to what an owner has used on a day."""
        ...


class Guard:
    """One per installation. Follows all legs by their records."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: UsageBook,
        limits: Limits | None = None,
        rates: RateTable | None = None,
        step_s: int = 1,
    ) -> None:
        self.limits = limits or Limits()
        self.rates = rates or RateTable()
        "Replaced as a whole when it is read again."
        self.step_s = step_s
        "The time that is paid for is rounded up to a multiple of so many seconds."
        self._clock = clock
        self._book = book
        self._refused: Counter[Bar] = Counter()

    @property
    def emergency(self) -> Emergency:
        return self.limits.emergency

    # ── before a call ──────────────────────────────────────────────────────────────────────────────────────────────

    def begins(
        self, application: ApplicationId, to: Party | None = None, *, leg: LegId | None = None
    ) -> Refusal | None:
        """Whether the application may begin one more outbound leg, or this one, which exists already; counted if so.

        No limit stands in the way of a call for help, where there is a trunk for it.
        """
        if to is not None and self.emergency.trunk is not None and self.emergency.calls_for_help(dialled_digits(to)):
            return None
        owner = _application(application)
        refusal = self.limits.room(owner, now=self._clock.now(), day=self.today(), leg=leg)
        return self._noted(refusal or self.limits.take(owner, now=self._clock.now()), application)

    def reaches(self, application: ApplicationId, number: str | None) -> Refusal | None:
        """Whether the application may call this number, whatever trunk leads there. It is E.164, None: no number."""
        refusal = self.limits.destination(_application(application), number) if number is not None else None
        return self._noted(refusal, application, number)

    def leaves(self, leg: LegId, application: ApplicationId, trunk: str, number: str | None) -> Refusal | None:
        """Whether the leg may leave through this trunk; counted for it, and for no other trunk, if so."""
        self.limits.part(leg, _trunk(""))
        owner, now = _trunk(trunk), self._clock.now()
        refusal = None
        if number is not None:
            refusal = self.limits.destination(_application(application), number)
            refusal = refusal or self.limits.destination(owner, number)
        refusal = refusal or self.limits.room(owner, now=now, day=self.today()) or self.limits.take(owner, now=now)
        if refusal is None:
            self.limits.begin(leg, owner)
        return self._noted(refusal, application, number)

    def comes(self, leg: LegId, trunk: str) -> Refusal | None:
        """Whether one more call may come in through this trunk; counted for it if so."""
        owner = _trunk(trunk)
        refusal = self.limits.room(owner, now=self._clock.now(), day=self.today())
        if refusal is not None and refusal.bar is Bar.AT_ONCE:
            return self._noted(refusal)
        self.limits.begin(leg, owner)
        return None

    def help_refused(self, application: ApplicationId, dialled: str) -> Refusal:
        """Somebody calls for help, and nobody would hear it: say so as loudly as we can."""
        self._refused[Bar.EMERGENCY] += 1
        why = f"{dialled} is an emergency number, and no emergency trunk is configured"
        log.error(
            "AN EMERGENCY NUMBER WAS NOT CALLED: no emergency trunk is configured",
            application=application,
            number=dialled,
        )
        return Refusal(bar=Bar.EMERGENCY, why=why)

    def rating(self, leg: LegId, direction: str, number: str | None) -> LegRated | None:
        """What the table says of a leg to or from (`in`: called at) this number; None: nothing, it is free."""
        found = self.rates.find(direction, number) if number is not None else None
        if found is None:
            return None
        return LegRated(leg=leg, rate=written(found.rate), network=found.network, step_s=self.step_s)

    def failure(self, leg: LegId, refusal: Refusal) -> LegFailed:
        """What becomes of an outbound leg that is refused."""
        nowhere = refusal.bar in (Bar.EMERGENCY, Bar.DESTINATION)
        return LegFailed(leg=leg, cause="no-route" if nowhere else "limit", why=refusal.why, error=refusal.told)

    # ── during and after ───────────────────────────────────────────────────────────────────────────────────────────

    def follow(self, view: LegView) -> None:
        """Take a change of a leg's record."""
        if view.ended_at is not None:
            self._ended(view)
            return
        if view.direction == "outbound":
            self.limits.begin(view.uuid, _application(view.application))
        if view.answered_at is not None:
            self.limits.answered(view.uuid, now=self._clock.now(), per_second=Decimal(view.rate) / _MINUTE_S)

    def today(self) -> int:
        """The number of this day, in UTC."""
        return self._clock.wallclock().astimezone(UTC).toordinal()

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`, by name."""
        refused = {f"refused_{bar}": float(self._refused[bar]) for bar in Bar}
        return {"live_calls": float(self.limits.live), **refused}

    def _ended(self, view: LegView) -> None:
        day, seconds, spend = self.today(), view.duration_s or 0, Decimal(view.price)
        owners = self.limits.end(view.uuid, day=day, seconds=seconds, spend=spend)
        if seconds or spend:
            for owner in owners:
                self._book.write_usage(owner, day=day, seconds=seconds, spend=spend)

    def _noted(
        self, refusal: Refusal | None, application: ApplicationId | None = None, number: str | None = None
    ) -> Refusal | None:
        if refusal is not None:
            self._refused[refusal.bar] += 1
            log.warning(
                "a call was refused",
                bar=refusal.bar.value,
                why=refusal.why,
                application=application,
                number=Private(number) if number else None,
            )
        return refusal


COUNTERS: Final = tuple(f"refused_{bar}" for bar in Bar)
"Which of the figures only ever grow."


def _application(application: ApplicationId) -> str:
    return f"app:{application}"


def _trunk(name: str) -> str:
    return f"trunk:{name}"


def dialled_digits(to: Party) -> str:
    """The digits that are sent to call somebody; empty when it is no number."""
    match to.kind:
        case "phone":
            return digits_of(to.address) or ""
        case "sip" if "trunk" in to.details:
            return digits_of(to.details["user"]) or ""
        case "sip":
            address = read_sip_address(to.address)
            return digits_of(address.userinfo or "") or "" if address is not None else ""
        case _:
            return ""
