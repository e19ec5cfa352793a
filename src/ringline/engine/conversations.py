"""The conversations that are open now: found by id and, in an application, by name; closed when their time is over."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ringline.accounts import Application, Directory, Webhook
from ringline.base import ApplicationId, Clock, ConversationId, Random, get_log, new_conversation_id
from ringline.calls.commands import Command
from ringline.calls.events import Opened
from ringline.calls.parties import AppSettings, Hook
from ringline.engine.ports import Store
from ringline.engine.rooms import RoomOwner

log = get_log(__name__)
MOST_NAMED: Final = 10_000
"Named conversations of one application; beyond it the oldest empty one is forgotten before its time."
_NUMBERS_CARRIED: Final = 50
_CLOSED_KEPT: Final = 1000
_USED_S: Final = 60.0
"A conversation whose time is over while legs are in it is looked at again so often."
_DEFAULT_HOURS: Final = 48


class Conversations:
    """All open conversations."""

    def __init__(
        self,
        directory: Directory,
        *,
        store: Store,
        clock: Clock,
        random: Random,
        inbound_limit_s: float,
        carry_out: Callable[[RoomOwner, Command], None],
        on_bug: Callable[[RoomOwner, BaseException], None],
    ) -> None:
        self._directory = directory
        self._store = store
        self._clock = clock
        self._random = random
        self._inbound_limit_s = inbound_limit_s
        self._carry_out = carry_out
        self._on_bug = on_bug
        self._rooms: dict[ConversationId, RoomOwner] = {}
        self._named: dict[ApplicationId, dict[str, RoomOwner]] = {}
        self._expiry: dict[ConversationId, asyncio.TimerHandle] = {}
        self._closed: OrderedDict[ConversationId, RoomOwner] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, conversation: ConversationId) -> RoomOwner | None:
        return self._rooms.get(conversation)

    def get_to_note(self, conversation: ConversationId) -> RoomOwner | None:
        """The conversation, also when it was closed lately: its last webhooks are still on their way."""
        return self._rooms.get(conversation) or self._closed.get(conversation)

    def unnamed(self) -> list[RoomOwner]:
        """Those that live as long as their legs."""
        return [room for room in self._rooms.values() if room.heart.room.name is None]

    def open(self, application: Application) -> RoomOwner:
        """A conversation for a leg that begins."""
        return self._open(self._settings(application), name=None)

    def open_beside(self, room: RoomOwner) -> RoomOwner:
        """A conversation for a leg that leaves `room`, under the application's present settings."""
        return self._open(self._settings_of(room), name=None)

    def named(self, source: RoomOwner, name: str) -> RoomOwner:
        """The conversation of that name in the application of `source`; made if there is none."""
        settings = self._settings_of(source)
        mine = self._named.setdefault(settings.id, {})
        known = mine.get(name)
        if known is not None:
            return known
        if len(mine) >= MOST_NAMED:
            self._forget_oldest_empty(mine)
        room = mine[name] = self._open(settings, name=name)
        application = self._directory.application(settings.id)
        voice = application.voice if application is not None else None
        hours = voice.conversations_ttl_h if voice is not None else _DEFAULT_HOURS
        if hours:
            self._expire(room, hours * 3600.0)
        return room

    def drop(self, room: RoomOwner) -> None:
        """Close a conversation for good; its name is free again."""
        room.close()
        if self._rooms.pop(room.id, None) is not None:
            self._closed[room.id] = room
            if len(self._closed) > _CLOSED_KEPT:
                self._closed.popitem(last=False)
        timer = self._expiry.pop(room.id, None)
        if timer is not None:
            timer.cancel()
        name, application = room.heart.room.name, room.heart.room.application.id
        mine = self._named.get(application, {})
        if name is not None and mine.get(name) is room:
            del mine[name]
            if not mine:
                del self._named[application]

    def close(self) -> None:
        """Nothing of any conversation is wanted any more."""
        for room in list(self._rooms.values()):
            self.drop(room)

    def _open(self, settings: AppSettings, *, name: str | None) -> RoomOwner:
        opened = Opened(
            conversation=new_conversation_id(self._random),
            application=settings,
            seed=self._random.bytes(16).hex(),
            name=name,
        )
        room = RoomOwner(opened, clock=self._clock, store=self._store, carry_out=self._carry_out, on_bug=self._on_bug)
        self._rooms[room.id] = room
        return room

    def _expire(self, room: RoomOwner, seconds: float) -> None:
        def over() -> None:
            if _in_use(room):
                self._expire(room, _USED_S)
            else:
                self.drop(room)

        self._expiry[room.id] = asyncio.get_running_loop().call_later(seconds, over)

    def _forget_oldest_empty(self, mine: dict[str, RoomOwner]) -> None:
        empty = next((room for room in mine.values() if not _in_use(room)), None)
        if empty is not None:
            log.warning("an empty named conversation was forgotten: there are too many", conversation=empty.id)
            self.drop(empty)

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
        )


def hook_of(webhook: Webhook | None) -> Hook | None:
    """An application's URL as the heart knows it; None when there is none."""
    return Hook(url=webhook.address, method=webhook.http_method) if webhook and webhook.address else None


def _in_use(room: RoomOwner) -> bool:
    return bool(room.heart.legs or room.heart.room.recordings)
