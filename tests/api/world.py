"""A small world around the API: an engine that only notes what it is told, and clients that hold a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ringline.accounts import (
    Account,
    Application,
    Directory,
    KeyPair,
    Number,
    Refusal,
    TokenVerifier,
    VoiceCapability,
    make_key_pair,
    make_secret,
)
from ringline.api import ApiOptions, Dependencies, create_app
from ringline.base import ApplicationId, ConversationId, Instant, LegId, SeededRandom, iso_ms
from ringline.calls.events import Event, HangUpAsked, OutgoingLeg
from ringline.calls.facts import LegView
from ringline.calls.parties import Party
from ringline.engine.ports import JournalLine, LegFilter, LegRecord, StoredFile
from ringline.testing.office import MemoryOffice

START = datetime(2026, 3, 2, 9, 14, 5, 250_000, tzinfo=UTC)
APP = ApplicationId("0b9d0c55-2222-4333-8444-955566677788")
OTHER = ApplicationId("1c9d0c55-2222-4333-8444-955566677788")
BARE = ApplicationId("2d9d0c55-2222-4333-8444-955566677788")
"An application without the voice capability."
KEY, SECRET = "abcd1234", "Secret1234"
FIRST_SECRET = make_secret(
    SECRET, api_key=KEY, realm="ringline", id="7aa6c1f1-2222-4333-8444-955566677788", salt=b"pepper", created_at=START
)


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a loop of its own."""

    @wraps(test)
    def runner(*args: Any, **named: Any) -> None:
        asyncio.run(test(*args, **named))

    return runner


@cache
def keys(owner: str) -> KeyPair:
    return make_key_pair()


@cache
def _signing_key(owner: str) -> RSAPrivateKey:
    """Read once: that takes longer than a request."""
    key = load_pem_private_key(keys(owner).private_key.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


@dataclass
class StillClock:
    """A clock that a test moves."""

    seconds: float = 1000.0

    def now(self) -> float:
        return self.seconds

    def wallclock(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000)

    def instant(self) -> Instant:
        return Instant(self.now(), self.wallclock())


class Notebook:
    """Stands in for the engine: legs are in the states a test puts them in, events are noted."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock
        self.views: dict[LegId, LegView] = {}
        self.created: list[OutgoingLeg] = []
        self.events: list[Event] = []
        self.bar: Refusal | None = None
        "Why no call may be created."

    def outgoing(self, application: Application, event: OutgoingLeg) -> ConversationId:
        self.created.append(event)
        self.put(event.leg, application=application.id, to=event.to, from_=event.from_, status="started")
        return self.views[event.leg].conversation

    def report(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, HangUpAsked):
            self.views.pop(event.leg, None)

    def view(self, leg: LegId) -> LegView | None:
        return self.views.get(leg)

    def live_legs(self) -> list[LegView]:
        return list(self.views.values())

    def barred(self, application: ApplicationId, to: Party | None = None) -> Refusal | None:
        return self.bar

    def put(
        self,
        leg: LegId,
        *,
        application: ApplicationId = APP,
        status: str = "answered",
        to: Party | None = None,
        from_: Party | None = None,
    ) -> LegId:
        """Put a live leg there."""
        self.views[leg] = LegView(
            uuid=leg,
            conversation=ConversationId(f"CON-{leg}"),
            application=application,
            status=status,
            direction="outbound",
            from_=from_ or Party(kind="phone", address="447700900900"),
            to=to or Party(kind="phone", address="447700900123"),
            created_at=self._clock.wallclock(),
            answered_at=None,
            ended_at=None,
            duration_s=None,
            detail=None,
            sip_code=None,
            disconnected_by=None,
        )
        return leg


class Shelf(MemoryOffice):
    """Stands in for the store and the recordings' directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.records: dict[LegId, LegRecord] = {}
        self.lines: list[JournalLine] = []
        self.files: dict[str, StoredFile] = {}
        self.fails: Exception | None = None

    async def leg(self, uuid: LegId) -> LegRecord | None:
        if self.fails is not None:
            raise self.fails
        return self.records.get(uuid)

    async def traces(self, leg: LegId) -> list[JournalLine]:
        return [line for line in self.lines if line.leg == leg]

    async def legs(self, wanted: LegFilter) -> tuple[list[LegRecord], int]:
        if self.fails is not None:
            raise self.fails
        found = [
            one
            for one in sorted(self.records.values(), key=lambda one: one.created_at, reverse=wanted.order == "desc")
            if wanted.application == one.application
            and wanted.status in (None, one.status)
            and wanted.conversation in (None, one.conversation)
            and (wanted.date_start is None or one.created_at >= wanted.date_start)
            and (wanted.date_end is None or one.created_at <= wanted.date_end)
        ]
        return found[wanted.offset : wanted.offset + wanted.limit], len(found)

    async def file(self, file_id: str) -> StoredFile | None:
        return self.files.get(file_id)

    def path(self, file: StoredFile) -> Path:
        return self._directory / f"{file.file_id}.mp3"

    async def remove(self, file: StoredFile) -> None:
        self.path(file).unlink(missing_ok=True)

    def put_file(self, file_id: str, content: bytes, *, application: ApplicationId = APP) -> str:
        stored = StoredFile(
            file_id=file_id, application=application, media_type="audio/mpeg", size=len(content), created_at=START
        )
        self.files[file_id] = stored
        self.path(stored).write_bytes(content)
        return file_id


@dataclass
class World:
    """The API and everything around it."""

    directory_of_files: Path
    options: ApiOptions = field(default_factory=ApiOptions)
    refuses: str | None = None

    def __post_init__(self) -> None:
        self.clock = StillClock()
        self.calls = Notebook(self.clock)
        self.shelf = Shelf(self.directory_of_files)
        self.measured: list[tuple[str, str, int]] = []
        self.directory = Directory(
            applications=[
                Application(id=APP, name="Desk", public_key=keys("app").public_key, voice=VoiceCapability()),
                Application(id=OTHER, name="Other", public_key=keys("other").public_key, voice=VoiceCapability()),
                Application(id=BARE, name="Bare", public_key=keys("bare").public_key),
            ],
            numbers=[
                Number(msisdn="447700900900", country="GB", application_id=APP),
                Number(msisdn="12025550100", country="US", application_id=APP),
                Number(msisdn="33123456789"),
            ],
            accounts=[
                Account(api_key=KEY, secrets=(FIRST_SECRET,), signature_secret="s" * 32),
            ],
        )
        self.needs = Dependencies(
            calls=self.calls,
            directory=self.directory,
            records=self.shelf,
            registry=self.shelf,
            files=self.shelf,
            tokens=TokenVerifier(self.directory.application, user_exists=lambda _, name: name == "alice"),
            clock=self.clock,
            random=SeededRandom(b"api"),
            options=self.options,
            refuses_calls=lambda: self.refuses,
            measure=lambda method, route, status, seconds: self.measured.append((method, route, status)),
        )
        self.app = create_app(self.needs)

    def with_options(self, **options: Any) -> World:
        """The same world with other settings."""
        return World(self.directory_of_files, options=replace(self.options, **options))

    def allow_extensions(self) -> None:
        """Give the application the capability `vbc`."""
        known = self.directory.application(APP)
        assert known is not None
        self.directory.put_application(replace(known, other_capabilities='{"vbc": {}}'))

    def token(self, owner: str = "app", **changes: Any) -> str:
        """A token of an application; claims that are None are left out."""
        now = int(self.clock.wallclock().timestamp())
        ids = {"app": APP, "other": OTHER, "bare": BARE}
        claims = {"application_id": ids[owner], "iat": now, "jti": "one", "exp": now + 900, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, _signing_key(owner), algorithm="RS256")

    def client(self, owner: str = "app", **claims: Any) -> httpx.AsyncClient:
        """A client that shows a token."""
        return self.stranger(headers={"Authorization": f"Bearer {self.token(owner, **claims)}"})

    def operator(self) -> httpx.AsyncClient:
        """A client with the account's key and secret."""
        return self.stranger(auth=(KEY, SECRET))

    def stranger(self, *, address: str = "192.0.2.9", **options: Any) -> httpx.AsyncClient:
        """A client without credentials."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 4000))
        return httpx.AsyncClient(transport=transport, base_url="http://voice.example", **options)

    def record(self, number: int, *, application: ApplicationId = APP, **changes: Any) -> LegRecord:
        """Put an ended leg into the store."""
        leg = LegId(f"5a6b7c8d-1111-4222-8333-{number:012d}")
        made = START + timedelta(seconds=number)
        fields: dict[str, Any] = {
            "uuid": leg,
            "conversation": ConversationId(f"CON-{leg}"),
            "application": application,
            "status": "completed",
            "direction": "outbound",
            "from_": {"type": "phone", "number": "447700900900"},
            "to": {"type": "phone", "number": "447700900123"},
            "created_at": made,
            "start_time": made,
            "end_time": made + timedelta(seconds=17),
            "duration_s": 17,
            "network": "23410",
        }
        record = LegRecord(**{**fields, **changes})
        self.shelf.records[record.uuid] = record
        return record


LEG = LegId("63f61863-4a51-4f6b-86e1-46edebcf9356")
UNKNOWN_LEG = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"
SHOWN_START = iso_ms(START)
