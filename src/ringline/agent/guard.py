"""Keeping scanners quiet: who fails too often is no longer answered. Memory is bounded, the oldest is forgotten."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class _Record:
    since: float
    failures: int = 0
    answers: int = 0
    blocked_until: float = 0.0


class Guard:
    """Counts per source address (per /64 for IPv6) in windows of `window_s` seconds."""

    def __init__(
        self,
        *,
        failures: int = 10,
        answers: int = 120,
        window_s: float = 60.0,
        blocked_s: float = 300.0,
        remembered: int = 10_000,
    ) -> None:
        """`failures` proved ones block a source; `answers` is how many strangers' requests it gets answered per window.

        The two are apart because addresses of datagrams can be forged: asking in somebody's name must not lock him out
        for long, only answering with a nonce that was sent to him.
        """
        self._failures = failures
        self._answers = answers
        self._window_s = window_s
        self._blocked_s = blocked_s
        self._remembered = remembered
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def blocked(self, host: str, *, now: float) -> bool:
        """Whether this source is not answered at present."""
        record = self._records.get(source_of(host))
        return record is not None and record.blocked_until > now

    def failed(self, host: str, *, now: float) -> None:
        """Note a failed authentication or a stranger turned away."""
        record = self._record(host, now)
        record.failures += 1
        if record.failures >= self._failures:
            record.blocked_until = now + self._blocked_s
            record.failures = 0

    def may_answer(self, host: str, *, now: float) -> bool:
        """Whether a stranger's request (challenge, OPTIONS, error) is answered; notes that it was."""
        record = self._record(host, now)
        record.answers += 1
        return record.answers <= self._answers

    def proved(self, host: str, *, now: float) -> None:
        """Somebody there knew a password: busy trunks are challenged with every call, and must go on being answered."""
        self._record(host, now).answers = 0

    def __len__(self) -> int:
        return len(self._records)

    def _record(self, host: str, now: float) -> _Record:
        source = source_of(host)
        record = self._records.get(source)
        if record is None:
            record = self._records[source] = _Record(now)
            while len(self._records) > self._remembered:
                self._records.popitem(last=False)
        elif now - record.since >= self._window_s:
            record.since, record.failures, record.answers = now, 0, 0
        self._records.move_to_end(source)
        return record


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, or a /64 of IPv6."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host
