"""What the API needs of the rest of the house, handed in once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ringline.accounts import Application, Directory, Number, TokenVerifier
from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random
from ringline.calls.events import Event, OutgoingLeg
from ringline.calls.facts import LegView
from ringline.engine.ports import LegFilter, LegRecord, StoredFile


class CallControl(Protocol):
    """The engine, as far as REST steers it."""

    def outgoing(self, application: Application, event: OutgoingLeg) -> ConversationId:
        """Create a call; give the id of its conversation."""
        ...

    def report(self, event: Event) -> None:
        """Give an event to the leg it is for."""
        ...

    def view(self, leg: LegId) -> LegView | None:
        """The record of a live leg; None when it has ended or never was."""
        ...

    def live_legs(self) -> list[LegView]: ...

    def may_dial(self, application: ApplicationId) -> bool:
        """Whether one more outbound leg is within the application's rate; counts it if so."""
        ...


class Records(Protocol):
    """What the store remembers of legs and files; `ringline.engine.ports.Store` has all of it."""

    async def leg(self, uuid: LegId) -> LegRecord | None: ...

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]: ...

    async def file(self, file_id: str) -> StoredFile | None: ...


class Registry(Protocol):
    """Keeps applications and numbers that were made through the API; each method returns once it is on disk."""

    async def save_application(self, application: Application) -> None: ...

    async def delete_application(self, application_id: ApplicationId) -> None: ...

    async def save_number(self, number: Number) -> None: ...

    async def delete_number(self, msisdn: str) -> None: ...


class FileShelf(Protocol):
    """Where the recordings are."""

    def path(self, file: StoredFile) -> Path:
        """Where a stored file is; it may be gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """The operator's settings for the API."""

    public_url: str | None = None
    "Base of the links in pages, without a slash at the end; None: the host the request was sent to."
    requests_per_second: float = 0
    "Requests for calls per application, except those that create one; 0 is no limit."
    failed_logins_per_minute: int = 20
    "Failed authentications per source address; beyond it they are answered 429. 0 is no limit."
    max_body_bytes: int = 1_048_576
    body_timeout_s: float = 30.0
    "How long a request's body may take to arrive."
    vbc_extensions: bool = False
    "Extensions are mapped to SIP, so that `vbc` endpoints can be called."
    accept_bad_ncco: bool = False
    "A faulty inline NCCO is answered 201 and reported as an error event, instead of 400."
    always_send_times: bool = False
    "Show `start_time` and `end_time` of live calls too, as the official PHP library needs it."
    balance: float = 0.0
    "What `/account/get-balance` says."
    number_pool: tuple[str, ...] = ()
    "Numbers of the installation that nobody has yet: `/number/search` shows them, `/number/buy` takes from them."
    any_number: bool = False
    "`/number/buy` takes any number, pool or not; meant for development."


def _calls_are_welcome() -> str | None:
    return None


def _count_nothing(method: str, route: str, status: int, seconds: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Everything the API works with."""

    calls: CallControl
    directory: Directory
    records: Records
    registry: Registry
    files: FileShelf
    tokens: TokenVerifier
    clock: Clock
    random: Random
    options: ApiOptions = field(default_factory=ApiOptions)
    refuses_calls: Callable[[], str | None] = _calls_are_welcome
    "A sentence that says why no new call is taken now (draining, the store is behind); None: they are welcome."
    measure: Callable[[str, str, int, float], None] = _count_nothing
    "Told of every request: method, route (`/v1/calls/{uuid}`, or empty for none), status, seconds."
