"""Where the events of conversations go: to the store, to the application's URLs, to whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ringline.accounts import Directory
from ringline.base import get_log
from ringline.calls.membership import LEFT
from ringline.calls.parties import Hook
from ringline.chronicle import Changes, ConversationRecord, Entry, Projector, matches, rtc_payload
from ringline.engine.delivery.hooks import CALLBACK, RTC, Hooks
from ringline.engine.ports import Chronicle, KeptMember

log = get_log(__name__)
Watcher = Callable[[ConversationRecord, Entry], None]
_FOR_CLIENTS_ONLY: Final = ("rtc:answer",)
_ON_REQUEST: Final = "audio:speaking:"


class Chronicler:
    """Hands on what conversations' projections give. Nothing here waits, and no call waits for it."""

    def __init__(self, *, store: Chronicle, hooks: Hooks, directory: Directory) -> None:
        self._store = store
        self._hooks = hooks
        self._directory = directory
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Be told of every event of every conversation, in order, on the event loop."""
        self._watchers.append(watcher)

    def note(self, projector: Projector, changes: Changes) -> None:
        """Store what has changed and send the events on their way."""
        if not (changes.entries or changes.members or changes.conversation is not None):
            return
        record = projector.record
        if changes.conversation is not None:
            self._store.write_conversation(record)
        for member in changes.members:
            kept = KeptMember(conversation=record.id, application=record.application, member=member)
            self._store.write_member(kept)
        for entry in changes.entries:
            if entry.id:
                self._store.write_entry(record.id, entry)
                self._send(record, entry)
            for watcher in self._watchers:
                watcher(record, entry)

    def broken(self, projector: Projector, at: datetime) -> None:
        """The rules of a conversation broke: it is over, and so are its memberships."""
        record = replace(projector.record, state="DELETED", destroyed_at=at, updated_at=at)
        self._store.write_conversation(record)
        for member in projector.members():
            gone = replace(member, state=LEFT, left_at=at)
            self._store.write_member(KeptMember(conversation=record.id, application=record.application, member=gone))

    def _send(self, record: ConversationRecord, entry: Entry) -> None:
        if entry.type in _FOR_CLIENTS_ONLY:
            return
        application = self._directory.application(record.application)
        asked = application is not None and application.settings.speaking_events
        rtc = application.rtc.event_url if application is not None and application.rtc is not None else None
        callback = record.callback
        payload: dict[str, Any] | None = None
        if rtc is not None and rtc.address and (asked or not entry.type.startswith(_ON_REQUEST)):
            payload = rtc_payload(entry, record.id, record.application)
            hook = Hook(url=rtc.address, method=rtc.http_method)
            self._hooks.pass_on(RTC, record.id, record.application, hook, _written(payload, hook))
        if callback is not None and matches(callback.event_mask, entry.type):
            payload = payload or rtc_payload(entry, record.id, record.application)
            hook = Hook(url=callback.url, method=callback.method)
            self._hooks.pass_on(CALLBACK, record.id, record.application, hook, _written(payload, hook))


def _written(payload: dict[str, Any], hook: Hook) -> dict[str, Any]:
    """As it is sent: a query takes only what is a single value."""
    if hook.method != "GET":
        return payload
    return {name: value for name, value in payload.items() if not isinstance(value, dict | list)}
