"""Keeps in the store where registered users are, so that a restart does not make them unreachable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from ringline.agent import Binding, UserAgent
from ringline.base import Clock, RemoteProtocolError, get_log
from ringline.engine.ports import Bindings

log = get_log(__name__)


class Agent(Protocol):
    """The SIP stack, as far as this goes."""

    def command(self, act: Callable[[UserAgent, float], None]) -> None: ...


class Registrations:
    """Follows the registrar's bindings, and gives those of the last process back to it."""

    def __init__(self, link: Agent, store: Bindings, clock: Clock) -> None:
        self._link = link
        self._store = store
        self._clock = clock

    def changed(self, user: str) -> None:
        """A user has registered or has lost a device: write down where he is now."""
        found: list[Binding] = []
        self._link.command(lambda agent, _now: found.extend(agent.bindings(user)))
        if not found:
            self._store.forget_bindings(user)
            return
        zero_s = self._zero_s()
        last = max(binding.expires_at for binding in found) + zero_s
        document = [binding.to_json(zero_s=zero_s) for binding in found]
        self._store.write_bindings(user, document, datetime.fromtimestamp(last, UTC))

    async def restore(self) -> int:
        """Hand what the last process knew to the registrar; give how many devices can still be reached.

        Raises:
            ProviderError: the store cannot be read.
        """
        self._store.forget_lapsed_bindings(self._clock.wallclock())
        count = 0
        for user, document in await self._store.bindings():
            zero_s = self._zero_s()
            read: list[Binding] = []
            for value in document:
                try:
                    read.append(Binding.from_json(value, zero_s=zero_s))
                except RemoteProtocolError as error:
                    log.warning("a registration of the last run cannot be read", why=str(error))
            count += self._take(user, read)
        return count

    def _take(self, user: str, bindings: list[Binding]) -> int:
        taken: list[int] = []
        self._link.command(lambda agent, now: taken.append(agent.restore_bindings(user, bindings, now=now)))
        return taken[0]

    def _zero_s(self) -> float:
        """The time of day at which the monotonic clock stood at 0."""
        at = self._clock.instant()
        return at.wallclock.timestamp() - at.now
