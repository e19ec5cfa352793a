"""The conversations that are open now: found by id and, in an application, by name; closed when their time is over."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypedDict

from ringline.accounts import Application, Directory, Webhook
from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random, get_log, new_conversation_id
from ringline.calls.commands import Command
from ringline.calls.events import DeleteAsked, Opened
from ringline.calls.figures import MediaFigures
from ringline.calls.membership import Profile, Resumed
from ringline.calls.parties import AppSettings, Hook
from ringline.engine.chronicler import Chronicler
from ringline.engine.ports import Sleeper, Store
from ringline.engine.rooms import Notebook, Reopened, RoomOwner

log = get_log(__name__)
MOST_NAMED: Final = 10_000
"""Lasting conversations of one application: no more can be made by REST, and for one made by a script the oldest empty
one of a script is forgotten before its time."""
_NUMBERS_CARRIED: Final = 50
_CLOSED_KEPT: Final = 2_000
_USED_S: Final = 60.0
"A conversation whose time is over while somebody is in it is looked at again so often."
_DEFAULT_HOURS: Final = 48
_TIME_OVER: Final = "its time is over"


class Conversations:
    """All open conversations, and those of earlier runs that nobody has needed since."""

    def __init__(
        self,
        directory: Directory,
        *,
        store: Store,
        clock: Clock,
        random: Random,
        inbound_limit_s: float,
        most_legs: int,
        carry_out: Callable[[RoomOwner, Command], None],
        on_bug: Callable[[RoomOwner, BaseException], None],
        measure: Callable[[LegId], MediaFigures | None],
        chronicler: Chronicler | None = None,
    ) -> None:
        self._directory = directory
        self._store = store
        self._clock = clock
        self._random = random
        self._inbound_limit_s = inbound_limit_s
        self._most_legs = most_legs
        self._carry_out = carry_out
        self._on_bug = on_bug
        self._measure = measure
        self._chronicler = chronicler
        self._rooms: dict[ConversationId, RoomOwner] = {}
        self._names: dict[ApplicationId, dict[str, ConversationId]] = {}
        "Of lasting conversations, open or asleep; oldest first."
        self._sleeping: dict[ConversationId, Sleeper] = {}
        self._expiry: dict[ConversationId, asyncio.TimerHandle] = {}
        self._closed: OrderedDict[ConversationId, Notebook] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, conversation: ConversationId) -> RoomOwner | None:
        """The conversation, woken if it is asleep."""
        return self._rooms.get(conversation) or self._wake(conversation)

    def book(self, conversation: ConversationId) -> Notebook | None:
        """The journal of a conversation, also of one closed lately: its last webhooks are still on their way."""
        room = self._rooms.get(conversation)
        return room.book if room is not None else self._closed.get(conversation)

    def note_on(self, conversation: ConversationId, *, last: int) -> None:
        """Let notes be made in the journal of a conversation of an earlier run, behind its last line."""
        if conversation not in self._rooms and conversation not in self._sleeping:
            self._keep(Notebook(conversation, store=self._store, clock=self._clock, last=last))

    def unnamed(self) -> list[RoomOwner]:
        """Those that live as long as their legs."""
        return [room for room in self._rooms.values() if room.heart.room.name is None]

    # ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, application: Application) -> RoomOwner:
        """A conversation for a leg that begins."""
        return self._open(self._settings(application))

    def open_beside(self, room: RoomOwner) -> RoomOwner:
        """A conversation for a leg that leaves `room`, under the application's present settings."""
        return self._open(self._settings_of(room))

    def named(self, source: RoomOwner, name: str) -> RoomOwner:
        """The conversation of that name in the application of `source`; made if there is none."""
        settings = self._settings_of(source)
        known = self.find(settings.id, name)
        if known is not None:
            return known
        if self.crowded(settings.id):
            self._forget_oldest_empty(settings.id)
        application = self._directory.application(settings.id)
        voice = application.voice if application is not None else None
        hours = voice.conversations_ttl_h if voice is not None else _DEFAULT_HOURS
        ttl = {"ttl": hours * 3600} if hours else {}
        return self._last(settings, Profile(name=name, properties={**ttl, "video": False}, by_script=True))

    def create(self, application: Application, profile: Profile) -> RoomOwner:
        """A conversation that REST makes. Nobody has its name, and `crowded` has been asked."""
        return self._last(self._settings(application), profile)

    def of(self, application: ApplicationId) -> list[RoomOwner]:
        """The lasting conversations of an application, those asleep are woken."""
        found = [self.get(conversation) for conversation in list(self._names.get(application, {}).values())]
        return [room for room in found if room is not None]

    def find(self, application: ApplicationId, name: str) -> RoomOwner | None:
        """The lasting conversation of that name."""
        known = self._names.get(application, {}).get(name)
        return self.get(known) if known is not None else None

    def crowded(self, application: ApplicationId) -> bool:
        """Whether the application has so many lasting conversations that no more can be made."""
        return len(self._names.get(application, ())) >= MOST_NAMED

    def renamed(self, room: RoomOwner, before: str) -> None:
        """A lasting conversation has got another name."""
        mine = self._names.get(room.heart.room.application.id, {})
        if mine.get(before) == room.id and room.heart.room.name is not None:
            del mine[before]
            mine[room.heart.room.name] = room.id

    def reopen(self, reopened: Reopened) -> RoomOwner:
        """Take over a conversation that was in use when an earlier run died, to end its legs properly."""
        room = self._own(RoomOwner(reopened, **self._ports()))
        self._sleeping.pop(room.id, None)
        if room.heart.room.name is not None and not room.heart.room.deleted:
            self._enlist(room)
        return room

    def remember(self, sleepers: Iterable[Sleeper]) -> None:
        """Conversations of earlier runs that were made to last: each is opened when somebody needs it."""
        for sleeper in sleepers:
            record = sleeper.record
            if record.id in self._rooms:
                continue
            self._sleeping[record.id] = sleeper
            self._names.setdefault(record.application, {}).setdefault(record.name, record.id)
            ttl = record.properties.get("ttl")
            if isinstance(ttl, int) and ttl > 0:
                since = record.created_at if record.by_script else record.updated_at
                left = ttl - (self._clock.wallclock() - since).total_seconds()
                self._look_at(record.id, max(1.0, left))

    # ── closing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def drop(self, room: RoomOwner) -> None:
        """Close a conversation for good; its name is free again."""
        room.close()
        if self._rooms.pop(room.id, None) is not None:
            self._keep(room.book)
        timer = self._expiry.pop(room.id, None)
        if timer is not None:
            timer.cancel()
        name, application = room.heart.room.name, room.heart.room.application.id
        mine = self._names.get(application, {})
        if name is not None and mine.get(name) == room.id:
            del mine[name]
            if not mine:
                del self._names[application]

    def free_name(self, room: RoomOwner) -> None:
        """A conversation that is deleted is not found by its name any more, while its last leg is being hung up."""
        mine = self._names.get(room.heart.room.application.id, {})
        name = room.heart.room.name
        if name is not None and mine.get(name) == room.id:
            del mine[name]

    def close(self) -> None:
        """Nothing of any conversation is wanted any more; those made to last are there again at the next start."""
        for timer in self._expiry.values():
            timer.cancel()
        self._expiry.clear()
        for room in list(self._rooms.values()):
            self.drop(room)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, book: Notebook) -> None:
        self._closed[book.conversation] = book
        if len(self._closed) > _CLOSED_KEPT:
            self._closed.popitem(last=False)

    def _open(self, settings: AppSettings, profile: Profile | None = None) -> RoomOwner:
        opened = Opened(
            conversation=new_conversation_id(self._random),
            application=settings,
            seed=self._random.bytes(16).hex(),
            name=profile.name if profile is not None else None,
            profile=profile,
        )
        return self._own(RoomOwner(opened, **self._ports()))

    def _last(self, settings: AppSettings, profile: Profile) -> RoomOwner:
        room = self._open(settings, profile)
        self._enlist(room, profile)
        return room

    def _wake(self, conversation: ConversationId) -> RoomOwner | None:
        """Open a conversation of an earlier run again."""
        sleeper = self._sleeping.pop(conversation, None)
        if sleeper is None:
            return None
        record = sleeper.record
        application = self._directory.application(record.application)
        settings = self._settings(application) if application is not None else AppSettings(id=record.application)
        opened = Opened(
            conversation=record.id,
            application=settings,
            seed=self._random.bytes(16).hex(),
            name=record.name,
            profile=Profile(
                name=record.name,
                display_name=record.display_name,
                image_url=record.image_url,
                properties=record.properties,
                numbers=record.numbers,
                callback=record.callback,
                by_script=record.by_script,
            ),
            resumed=Resumed(
                last_event=record.sequence,
                created_at=record.created_at,
                updated_at=record.updated_at,
                members=sleeper.members,
                visited=sleeper.visited,
            ),
        )
        return self._own(RoomOwner(opened, **self._ports(), last=sleeper.last_line))

    def _own(self, room: RoomOwner) -> RoomOwner:
        self._rooms[room.id] = room
        self._closed.pop(room.id, None)
        return room

    def _ports(self) -> _Ports:
        return {
            "clock": self._clock,
            "store": self._store,
            "carry_out": self._carry_out,
            "on_bug": self._on_bug,
            "measure": self._measure,
            "chronicler": self._chronicler,
        }

    def _enlist(self, room: RoomOwner, profile: Profile | None = None) -> None:
        """A conversation that lasts is found by its name, until its time is over."""
        name, application = room.heart.room.name, room.heart.room.application.id
        assert name is not None
        self._names.setdefault(application, {}).setdefault(name, room.id)
        properties = profile.properties if profile is not None else _properties_of(room)
        ttl = properties.get("ttl")
        if isinstance(ttl, int) and ttl > 0:
            self._look_at(room.id, ttl)

    def _look_at(self, conversation: ConversationId, seconds: float) -> None:
        """See after a while whether a conversation's time is over."""
        before = self._expiry.pop(conversation, None)
        if before is not None:
            before.cancel()
        loop = asyncio.get_running_loop()
        self._expiry[conversation] = loop.call_later(seconds, self._perhaps_over, conversation)

    def _perhaps_over(self, conversation: ConversationId) -> None:
        room = self.get(conversation)
        if room is None:
            return
        if room.in_use:
            self._look_at(conversation, _USED_S)
            return
        record = room.projector.record if room.projector is not None else None
        ttl = record.properties.get("ttl") if record is not None and not record.by_script else None
        left = ttl - room.idle_s() if isinstance(ttl, int) else 0.0
        if left > 1:  # what REST made lives so long after the last one has left
            self._look_at(conversation, left)
        else:
            self.free_name(room)
            room.post(DeleteAsked(why=_TIME_OVER))

    def _forget_oldest_empty(self, application: ApplicationId) -> None:
        for conversation in list(self._names[application].values()):
            room = self._rooms.get(conversation)
            by_script = room is not None and (room.projector is None or room.projector.record.by_script)
            if room is not None and by_script and not room.in_use:
                log.warning("an empty named conversation was forgotten: there are too many", conversation=room.id)
                self.free_name(room)
                room.post(DeleteAsked(why="there are too many conversations"))
                return

    def _settings_of(self, room: RoomOwner) -> AppSettings:
        """The present settings of a conversation's application; the last known ones if it was deleted meanwhile."""
        known = room.heart.room.application
        application = self._directory.application(known.id)
        return self._settings(application) if application is not None else known

    def _settings(self, application: Application) -> AppSettings:
        voice = application.voice
        numbers = self._directory.numbers_of(application.id)[:_NUMBERS_CARRIED]
        return AppSettings(
            id=application.id,
            answer=hook_of(voice.answer_url) if voice else None,
            event=hook_of(voice.event_url) if voice else None,
            record_timeout_blocks=application.settings.record_timeout_blocks,
            completed_after_failure=application.settings.completed_after_failure,
            legacy_input_payload=application.settings.legacy_input_payload,
            numbers=tuple(number.msisdn for number in numbers),
            inbound_limit_s=self._inbound_limit_s,
            most_legs=self._most_legs,
        )


class _Ports(TypedDict):
    """What every conversation is given."""

    clock: Clock
    store: Store
    carry_out: Callable[[RoomOwner, Command], None]
    on_bug: Callable[[RoomOwner, BaseException], None]
    measure: Callable[[LegId], MediaFigures | None]
    chronicler: Chronicler | None


def hook_of(webhook: Webhook | None) -> Hook | None:
    """An application's URL as the heart knows it; None when there is none."""
    return Hook(url=webhook.address, method=webhook.http_method) if webhook and webhook.address else None


def _properties_of(room: RoomOwner) -> Mapping[str, Any]:
    return room.projector.record.properties if room.projector is not None else {}
