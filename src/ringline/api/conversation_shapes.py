"""Conversations, members, events and users as REST shows them, in the shapes of the three versions that are served.

`v1` is the reference. `v0.2` has lists in `_embedded.data`, `v0.1` has its own names and answers changes with an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringline.accounts import User
from ringline.base import ConversationId, iso_ms
from ringline.calls.membership import Member
from ringline.chronicle import ConversationRecord, Entry
from ringline.chronicle.shapes import media_body, person_body

V1, V02, V01 = "v1", "v0.2", "v0.1"
VERSIONS = (V1, V02, V01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is around the things on a page."""

    links: Mapping[str, Any]
    size: int
    "How many there may be on it."
    index: int = 0
    "How many come before it, and"
    total: int = 0
    "how many there are in all: `v0.1` says so."


class Shapes:
    """Writes for one request: one version, one public URL."""

    def __init__(self, version: str, base: str) -> None:
        self.version = version
        self.base = f"{base}/{version}"

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    def conversation(self, record: ConversationRecord, members: Sequence[Member] = ()) -> dict[str, Any]:
        href = f"{self.base}/conversations/{record.id}"
        body: dict[str, Any] = {
            "name": record.name,
            "display_name": record.display_name,
            "image_url": record.image_url,
            "sequence_number": record.sequence,
            "timestamp": {
                "created": iso_ms(record.created_at),
                "updated": iso_ms(record.updated_at),
                "destroyed": _moment(record.destroyed_at),
            },
            "properties": record.properties,
        }
        if self.version == V01:
            described = [self._old_member(member) for member in members]
            return {"uuid": record.id, **body, "numbers": {}, "members": described, "href": href}
        if record.numbers:
            body["numbers"] = list(record.numbers)
        return {"id": record.id, **body, "state": record.state, "_links": {"self": {"href": href}}}

    def changed_conversation(self, record: ConversationRecord) -> dict[str, Any]:
        """The answer to a request that made or changed one."""
        if self.version == V01:
            return {"id": record.id, "href": f"{self.base}/conversations/{record.id}"}
        return self.conversation(record)

    # ── members ────────────────────────────────────────────────────────────────────────────────────────────────────

    def member(self, conversation: ConversationId, member: Member) -> dict[str, Any]:
        href = f"{self.base}/conversations/{conversation}/members/{member.id}"
        if self.version == V01:
            return {**self._old_member(member), "href": href}
        person = member.person
        return {
            "id": member.id,
            "conversation_id": conversation,
            "state": member.state,
            "_embedded": {
                "user": {
                    "id": person.id,
                    "name": person.name,
                    "display_name": person.display_name,
                    "_links": {"self": {"href": f"{self.base}/users/{person.id}"}},
                }
            },
            "timestamp": {
                "invited": _moment(member.invited_at),
                "joined": _moment(member.joined_at),
                "left": _moment(member.left_at),
            },
            "initiator": _initiator(member),
            "channel": member.channel,
            "media": media_body(member),
            "knocking_id": member.knocking_id,
            "invited_by": member.invited_by,
            "_links": {"href": href, "self": {"href": href}},
        }

    def _old_member(self, member: Member) -> dict[str, Any]:
        moments = {"invited": member.invited_at, "joined": member.joined_at, "left": member.left_at}
        return {
            "member_id": member.id,
            "id": member.id,
            "user_id": member.person.id,
            "name": member.person.name,
            "state": member.state.lower(),
            "timestamp": {name: iso_ms(moment) for name, moment in moments.items() if moment is not None},
            "channel": member.channel,
            "initiator": _initiator(member),
        }

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def event(self, conversation: ConversationId, entry: Entry) -> dict[str, Any]:
        href = f"{self.base}/conversations/{conversation}/events/{entry.id}"
        body: dict[str, Any] = {"type": entry.type, "body": entry.body, "timestamp": iso_ms(entry.at)}
        if entry.id:
            body = {"id": entry.id, **body}
        if entry.member is not None:
            body["from"] = entry.member
        if self.version == V01:
            return {**body, "to": entry.to or "", "state": "", "href": href}
        if entry.to is not None:
            body["to"] = entry.to
        embedded: dict[str, Any] = {}
        if entry.person is not None:
            embedded["from_user"] = person_body(entry.person)
        if entry.member is not None:
            embedded["from_member"] = {"id": entry.member}
        return {**body, "_embedded": embedded, "_links": {"self": {"href": href}}}

    def made_event(self, conversation: ConversationId, entry: Entry) -> dict[str, Any]:
        """The answer to a request that made one."""
        if self.version == V01:
            href = f"{self.base}/conversations/{conversation}/events/{entry.id}"
            return {"id": entry.id, "timestamp": iso_ms(entry.at), "href": href}
        return self.event(conversation, entry)

    # ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def user(self, user: User, *, brief: bool = False) -> dict[str, Any]:
        href = f"{self.base}/users/{user.id}"
        body: dict[str, Any] = {"id": user.id, "name": user.name}
        body |= {
            name: value
            for name, value in (("display_name", user.display_name), ("image_url", user.image_url))
            if value is not None
        }
        links = {"href": href} if self.version == V01 else {"_links": {"self": {"href": href}}}
        if brief:
            return {**body, **links}
        return {
            **body,
            "properties": user.properties,
            "channels": _without_passwords(user.channels),
            "timestamp": {"created": iso_ms(user.created_at), "updated": iso_ms(user.updated_at), "destroyed": None},
            **links,
        }

    def automatic_user(self, user: str, name: str) -> dict[str, Any]:
        """A user that was made for a leg: there is nothing else to be said of it."""
        href = f"{self.base}/users/{user}"
        links = {"href": href} if self.version == V01 else {"_links": {"self": {"href": href}}}
        return {"id": user, "name": name, "properties": {}, "channels": {}, **links}

    def made_user(self, user: User) -> dict[str, Any]:
        if self.version == V1:
            return self.user(user)
        return {"id": user.id, "href": f"{self.base}/users/{user.id}"}

    # ── lists ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def page(self, kind: str, items: Sequence[Mapping[str, Any]], frame: Frame) -> dict[str, Any]:
        """One page. Lists of events have the array itself in `_embedded`, as the libraries read them."""
        found = list(items)
        body: dict[str, Any] = {"page_size": frame.size}
        if self.version == V1:
            return {**body, "_embedded": found if kind == "events" else {kind: found}, "_links": frame.links}
        if self.version == V02:
            return {**body, "_embedded": {"data": {kind: found}}, "_links": frame.links}
        body = {"count": frame.total, **body, "record_index": frame.index}
        return {**body, "_embedded": {kind: found}, "_links": frame.links}


def _initiator(member: Member) -> dict[str, Any]:
    """Who brought the member in; who ended its membership is told in the event only."""
    return {what: who for what, who in member.initiator.items() if what != "left"} or dict(member.initiator)


def _moment(value: datetime | None) -> str | None:
    return iso_ms(value) if value is not None else None


def _without_passwords(channels: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind: [
            {key: value for key, value in one.items() if key != "password"} if isinstance(one, Mapping) else one
            for one in entries
        ]
        if isinstance(entries, list)
        else entries
        for kind, entries in channels.items()
    }
