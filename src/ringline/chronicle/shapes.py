"""How members, users and conversations look inside the bodies of events, and an event as it is sent out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringline.base import ApplicationId, ConversationId, iso_ms
from ringline.calls.membership import Member, Person
from ringline.calls.parties import UNKNOWN, Party
from ringline.chronicle.entries import ConversationRecord, Entry


def conversation_body(record: ConversationRecord) -> dict[str, Any]:
    """The body of `conversation:*` events."""
    destroyed = iso_ms(record.destroyed_at) if record.destroyed_at is not None else None
    return {
        "id": record.id,
        "name": record.name,
        "display_name": record.display_name,
        "image_url": record.image_url,
        "state": record.state,
        "properties": record.properties,
        "timestamp": {
            "created": iso_ms(record.created_at),
            "updated": iso_ms(record.updated_at),
            "destroyed": destroyed,
        },
    }


def user_body(member: Member) -> dict[str, Any]:
    """The `user` of `member:*` events."""
    person = member.person
    return {
        "id": person.id,
        "user_id": person.id,
        "member_id": member.id,
        "name": person.name,
        "display_name": person.display_name,
        "image_url": person.image_url,
        "properties": {"custom_data": person.custom_data} if person.custom_data else {},
        "media": media_body(member),
    }


def media_body(member: Member) -> dict[str, Any]:
    """The `media` of a member."""
    return {
        "audio": member.audio,
        "audio_settings": {"enabled": member.enabled, "earmuffed": member.earmuffed, "muted": member.muted},
    }


def timestamps(member: Member) -> dict[str, str]:
    """When it was invited, joined and left, as far as it was."""
    moments = {"invited": member.invited_at, "joined": member.joined_at, "left": member.left_at}
    return {name: iso_ms(moment) for name, moment in moments.items() if moment is not None}


def left_by(member: Member, who: Mapping[str, Any]) -> dict[str, Any]:
    """The `initiator` of a member that leaves: who brought it stays beside who ended it."""
    return {**member.initiator, "left": dict(who)}


def initiator_body(member: Member) -> dict[str, Any]:
    """Who brought about a member's state; events spell `isSystem` where REST has `is_system`."""
    return {
        what: {("isSystem" if key == "is_system" else key): value for key, value in who.items()}
        for what, who in member.initiator.items()
    }


def party_body(party: Party) -> dict[str, Any]:
    """One end of a channel."""
    if party.kind == "phone" and not party.address:
        return {"type": "phone", "number": UNKNOWN}
    return party.to_json()


def person_body(person: Person) -> dict[str, Any]:
    """The `from_user` of an event."""
    return {
        "id": person.id,
        "name": person.name,
        "display_name": person.display_name,
        "image_url": person.image_url,
        "custom_data": person.custom_data,
    }


def rtc_payload(entry: Entry, conversation: ConversationId, application: ApplicationId) -> dict[str, Any]:
    """An event as the RTC webhook and a conversation's callback get it (conversation reference, section 6)."""
    payload: dict[str, Any] = {
        "application_id": application,
        "conversation_id": conversation,
        "id": entry.id,
        "type": entry.type,
        "body": entry.body,
        "timestamp": iso_ms(entry.at),
    }
    if entry.member is not None:
        payload["from"] = entry.member
    embedded: dict[str, Any] = {}
    if entry.person is not None:
        embedded["from_user"] = person_body(entry.person)
    if entry.member is not None:
        embedded["from_member"] = {"id": entry.member}
    if embedded:
        payload["_embedded"] = embedded
    return payload


def matches(mask: str, event_type: str) -> bool:
    """Whether a type is meant by a list such as `member:*,audio:say`; an empty list means all."""
    patterns = [one for one in (part.strip() for part in mask.split(",")) if one]
    return not patterns or any(
        event_type == one or (one.endswith("*") and event_type.startswith(one[:-1])) for one in patterns
    )


def thawed(value: Any) -> Any:
    """JSON as it is written: what was read from a journal has tuples where lists were."""
    if isinstance(value, Mapping):
        return {key: thawed(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [thawed(content) for content in value]
    return value
