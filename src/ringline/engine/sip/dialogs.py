"""Keeps in the store what the far ends of live SIP legs would have to be told, and tells those of a dead process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ringline.agent import Remnant, UserAgent
from ringline.base import LegId, RemoteProtocolError, get_log
from ringline.engine.ports import Store
from ringline.sip import Credentials

log = get_log(__name__)
_T = TypeVar("_T")


class Agent(Protocol):
    """The SIP stack, as far as this goes."""

    def command(self, act: Callable[[UserAgent, float], None]) -> None: ...

    def look(self, ask: Callable[[UserAgent], _T]) -> _T: ...


class Dialogs:
    """The dialogs of all live SIP legs."""

    def __init__(self, link: Agent, store: Store, credentials: Callable[[str], Credentials | None]) -> None:
        """`credentials` finds how we log in to a trunk, by its name: passwords are not written down."""
        self._link = link
        self._store = store
        self._credentials = credentials
        self._known: dict[LegId, Remnant] = {}

    def follow(self, leg: LegId, trunk: str | None) -> None:
        """Something happened in a leg's dialog: write it down if that makes a difference for its end."""
        before = self._known.get(leg)
        remnant = self._link.look(lambda agent: agent.remnant(leg, before))
        if remnant == before:
            return
        if remnant is None:
            del self._known[leg]
            self._store.forget_dialog(leg)
        else:
            self._known[leg] = remnant
            self._store.write_dialog(leg, remnant.to_json() | {"trunk": trunk})

    def end(self, left: Sequence[tuple[LegId, Mapping[str, Any]]]) -> int:
        """Tell the far ends of legs whose process died; return how many were told."""
        told = 0
        for leg, document in left:
            trunk = document.get("trunk")
            credentials = self._credentials(trunk) if isinstance(trunk, str) else None
            try:
                remnant = Remnant.from_json(document)
                self._end(leg, remnant, credentials)
                told += 1
            except RemoteProtocolError as error:
                log.warning("the far end of a call of the last run cannot be told", leg=leg, why=str(error))
            self._store.forget_dialog(leg)
        return told

    def _end(self, leg: LegId, remnant: Remnant, credentials: Credentials | None) -> None:
        self._link.command(lambda agent, now: agent.end_remnant(leg, remnant, credentials, now=now))
