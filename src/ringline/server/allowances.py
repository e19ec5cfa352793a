"""From settings to limits, emergency numbers, rates and days of keeping, at start and at a reload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ringline.accounts import Emergency, Limits, Policy, RateTable, RateTableError, read_rates
from ringline.base import ApplicationId
from ringline.routing import country_of
from ringline.server.sections import CallLimits
from ringline.server.settings import Settings
from ringline.server.upkeep import Days, Keeping


def make_limits(settings: Settings) -> Limits:
    """The limits of all applications and trunks, and which numbers call for help."""
    return Limits(default=default_policy(settings), policies=policies_of(settings), emergency=emergency_of(settings))


def change_limits(limits: Limits, settings: Settings) -> None:
    """Put changed settings into force; what is counted stays."""
    limits.change(default=default_policy(settings), policies=policies_of(settings), emergency=emergency_of(settings))


def default_policy(settings: Settings) -> Policy:
    """What holds for applications that the settings say nothing special about."""
    limits = settings.limits
    return Policy(
        calls_at_once=limits.calls_at_once,
        calls_per_second=limits.calls_per_second,
        minutes_a_day=limits.minutes_a_day,
        spend_a_day=limits.spend_a_day,
        allow=limits.allow,
        deny=limits.deny,
        premium=limits.premium,
    )


def policies_of(settings: Settings) -> dict[str, Policy]:
    """The policies of applications and trunks that have limits of their own, by owner."""
    default = default_policy(settings)
    found = {f"app:{one.id}": _policy(one.limits, default) for one in settings.applications}
    found |= {f"trunk:{one.name}": _policy(one.limits, Policy(premium=True)) for one in settings.trunks}
    return found


def emergency_of(settings: Settings) -> Emergency:
    """Which numbers call for help: of the countries that are set, else of those the numbers and trunks are in."""
    section = settings.emergency
    countries = section.countries
    if not countries:
        numbers = [*(one.number for one in settings.numbers), *(one.number for one in settings.users)]
        known = [one.country or country_of(one.number) for one in settings.numbers]
        known += [country_of(number) for number in numbers if number is not None]
        known += [one.country for one in settings.trunks]
        countries = tuple(dict.fromkeys(one for one in known if one is not None))
    return Emergency(countries=countries, numbers=section.numbers, trunk=section.trunk)


def read_rate_file(file: Path) -> RateTable:
    """Read the operator's table of rates.

    Raises:
        RateTableError: it cannot be read, or lines in it are wrong.
    """
    try:
        return read_rates(file.read_text(encoding="utf-8"), name=str(file))
    except OSError as error:
        raise RateTableError(str(file), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise RateTableError(str(file), ["is not UTF-8"]) from error


def rates_of(settings: Settings) -> RateTable:
    """The table of rates; an empty one where none is set.

    Raises:
        RateTableError: it cannot be read, or lines in it are wrong.
    """
    return read_rate_file(settings.prices.file) if settings.prices.file is not None else RateTable()


def keeping_of(settings: Settings) -> Keeping:
    """After how many days what is forgotten."""
    retention = settings.retention
    default = Days(journal=retention.journal_days, log=retention.log_days, recording=settings.recordings.keep_days)
    own = {
        ApplicationId(one.id): Days(
            journal=one.retention.journal_days or default.journal,
            log=one.retention.log_days or default.log,
            recording=one.retention.recording_days or default.recording,
        )
        for one in settings.applications
    }
    return Keeping(default=default, of=own, audit=retention.audit_days)


def _policy(section: CallLimits, default: Policy) -> Policy:
    return replace(default, **{name: value for name, value in section if value is not None})
