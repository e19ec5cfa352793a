"""What the API needs of the rest of the house, handed in once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ringline.accounts import (
    Application,
    AuditEntry,
    Directory,
    DomainUser,
    HostedDomain,
    KeptSecret,
    Number,
    Refusal,
    TokenVerifier,
    UserNames,
)
from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random
from ringline.calls.events import Event, OutgoingLeg
from ringline.calls.facts import LegView
from ringline.calls.parties import Party
from ringline.engine.clients.apps import Apps
from ringline.engine.gatherings import Gatherings
from ringline.engine.ports import Chronicle, FileFilter, FileInfo, JournalLine, LegFilter, LegRecord, StoredFile


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

    def barred(self, application: ApplicationId, to: Party | None = None) -> Refusal | None:
        """Why the application may not begin one more outbound leg now; None: it may, and the leg is counted."""
        ...


class Records(Protocol):
    """What the store remembers of legs and files; `ringline.engine.ports.Store` has all of it."""

    async def leg(self, uuid: LegId) -> LegRecord | None: ...

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]: ...

    async def traces(self, leg: LegId) -> Sequence[JournalLine]:
        """What was noted about a leg for people: SIP, webhooks; oldest first."""
        ...

    async def file(self, file_id: str) -> StoredFile | None: ...

    async def files_of(self, wanted: FileFilter) -> tuple[Sequence[StoredFile], int]:
        """The page asked for, and how many match in all."""
        ...

    async def file_infos(self, file_ids: Sequence[str]) -> Sequence[FileInfo]:
        """What was written beside these files; those that have nothing are left out."""
        ...

    async def audit(self, *, limit: int, offset: int = 0) -> tuple[Sequence[AuditEntry], int]:
        """The latest lines of the audit log, newest first, and how many there are in all."""
        ...


class Registry(Protocol):
    """Keeps what is made through the API; what is awaited returns once it is on disk."""

    async def save_application(self, application: Application) -> None: ...

    async def delete_application(self, application_id: ApplicationId) -> None: ...

    async def save_number(self, number: Number) -> None: ...

    async def delete_number(self, msisdn: str) -> None: ...

    async def save_domain(self, domain: HostedDomain) -> None:
        """Keep a SIP domain, except for its users."""
        ...

    async def delete_domain(self, name: str) -> None:
        """Delete a SIP domain with its users."""
        ...

    async def save_domain_user(self, domain: str, user: DomainUser) -> None: ...

    async def delete_domain_user(self, key: str) -> None: ...

    async def secrets(self, api_key: str) -> Sequence[KeptSecret]: ...

    async def save_secret(self, kept: KeptSecret) -> None: ...

    async def delete_secret(self, secret_id: str) -> None: ...

    def write_audit(self, entry: AuditEntry) -> None:
        """Add a line to the audit log; it goes to disk with the change it is about."""
        ...

    async def save_file_info(self, info: FileInfo) -> None: ...

    def count_download(self, file_id: str, at: datetime) -> None:
        """A file was fetched from its beginning."""
        ...

    async def delete_file(self, file_id: str) -> None: ...


class FileShelf(Protocol):
    """Where the recordings are."""

    def path(self, file: StoredFile) -> Path:
        """Where a stored file is; it may be gone, or kept elsewhere."""
        ...

    async def remove(self, file: StoredFile) -> None:
        """Delete the file; one that is gone already is no fault."""
        ...


class DistantFiles(Protocol):
    """Where recordings are that are not on this disk (any more)."""

    async def distant_size(self, file: StoredFile) -> int | None:
        """How many bytes it has; None: it is not there.

        Raises:
            ProviderError: nobody can tell now.
        """
        ...

    def read_distant(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """Give its bytes from `start` up to `end`."""
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
    sip_realm: str = "ringline"
    "The realm of SIP logins: sums of new secrets are made for it."
    sip_host: str = "localhost"
    "The public SIP host of the installation: SIP domains are called below it."
    balance: float = 0.0
    "What `/account/get-balance` says."
    number_pool: tuple[str, ...] = ()
    "Numbers of the installation that nobody has yet: `/number/search` shows them, `/number/buy` takes from them."
    any_number: bool = False
    "`/number/buy` takes any number, pool or not; meant for development."


def _calls_are_welcome() -> str | None:
    return None


async def _no_need_to_wait() -> None:
    """Everybody keeps up."""


def _count_nothing(method: str, route: str, status: int, seconds: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationService:
    """The conversation service, as the API needs it."""

    gatherings: Gatherings
    chronicle: Chronicle
    user_names: UserNames
    apps: Apps | None = None
    "None: no app can log in."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Everything the API works with."""

    calls: CallControl
    directory: Directory
    records: Records
    registry: Registry
    files: FileShelf
    distant_files: DistantFiles | None = None
    "Looked into for what is not in `files`."
    tokens: TokenVerifier
    clock: Clock
    random: Random
    options: ApiOptions = field(default_factory=ApiOptions)
    conversations: ConversationService | None = None
    "None: conversations, users and legs are not served."
    refuses_calls: Callable[[], str | None] = _calls_are_welcome
    "A sentence that says why no new call is taken now (draining, the store is behind); None: they are welcome."
    pace: Callable[[], Awaitable[None]] = _no_need_to_wait
    "Awaited before a new call is taken: it returns when the store has caught up, or after a few seconds."
    measure: Callable[[str, str, int, float], None] = _count_nothing
    "Told of every request: method, route (`/v1/calls/{uuid}`, or empty for none), status, seconds."
