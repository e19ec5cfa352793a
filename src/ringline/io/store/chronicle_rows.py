"""Conversations, members, events and users as rows, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from ringline.accounts import User
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls.membership import Callback, Member, Person
from ringline.chronicle import ConversationRecord, Entry
from ringline.engine.ports import KeptMember
from ringline.io.store.rows import (
    JSON,
    Row,
    from_microseconds,
    maybe_microseconds,
    maybe_moment,
    to_microseconds,
)

_MOMENTS: Final = ("invited_at", "joined_at", "left_at")
_PLAIN: Final = ("muted", "earmuffed", "audio", "enabled", "invited_by", "inviter", "knocking_id")


def conversation_row(record: ConversationRecord) -> dict[str, Any]:
    callback = record.callback
    document = {
        "display_name": record.display_name,
        "image_url": record.image_url,
        "properties": record.properties,
        "numbers": list(record.numbers),
        "callback": asdict(callback) if callback is not None else None,
        "by_script": record.by_script,
    }
    return {
        "conversation": record.id,
        "application": record.application,
        "name": record.name,
        "state": record.state,
        "alive": int(record.state != "DELETED"),
        "lasts": int(record.lasts),
        "sequence": record.sequence,
        "created_at": to_microseconds(record.created_at),
        "updated_at": to_microseconds(record.updated_at),
        "destroyed_at": to_microseconds(record.destroyed_at) if record.destroyed_at is not None else None,
        "document": JSON(document),
    }


def conversation_of(row: Row) -> ConversationRecord:
    document = json.loads(row["document"])
    callback = document["callback"]
    destroyed = row["destroyed_at"]
    return ConversationRecord(
        id=ConversationId(row["conversation"]),
        application=ApplicationId(row["application"]),
        name=row["name"],
        state=row["state"],
        lasts=bool(row["lasts"]),
        sequence=row["sequence"],
        created_at=from_microseconds(row["created_at"]),
        updated_at=from_microseconds(row["updated_at"]),
        destroyed_at=from_microseconds(destroyed) if destroyed is not None else None,
        display_name=document["display_name"],
        image_url=document["image_url"],
        properties=document["properties"],
        numbers=tuple(document["numbers"]),
        callback=Callback(**callback) if callback is not None else None,
        by_script=document["by_script"],
    )


def member_row(kept: KeptMember) -> dict[str, Any]:
    member = kept.member
    since = member.invited_at or member.joined_at or member.left_at
    document: dict[str, Any] = {
        "person": _person(member.person),
        "channel": member.channel,
        "leg": member.leg,
        "initiator": member.initiator,
        "reason": member.reason,
        **{name: getattr(member, name) for name in _PLAIN},
        **{name: maybe_microseconds(getattr(member, name)) for name in _MOMENTS},
    }
    return {
        "member": member.id,
        "conversation": kept.conversation,
        "application": kept.application,
        "person": member.person.id,
        "state": member.state,
        "since": to_microseconds(since) if since is not None else 0,
        "document": JSON(document),
    }


def member_of(row: Row) -> Member:
    document: dict[str, Any] = json.loads(row["document"])
    leg = document["leg"]
    moments: dict[str, Any] = {name: maybe_moment(document[name]) for name in _MOMENTS}
    return Member(
        id=row["member"],
        person=Person(**document["person"]),
        state=row["state"],
        channel=document["channel"],
        leg=LegId(leg) if leg is not None else None,
        initiator=document["initiator"],
        reason=document["reason"],
        **{name: document[name] for name in _PLAIN},
        **moments,
    )


def entry_row(conversation: ConversationId, entry: Entry) -> dict[str, Any]:
    return {
        "conversation": conversation,
        "number": entry.id,
        "type": entry.type,
        "at": to_microseconds(entry.at),
        "member": entry.member,
        "recipient": entry.to,
        "person": JSON(_person(entry.person)) if entry.person is not None else None,
        "body": JSON(entry.body),
    }


def entry_of(row: Row) -> Entry:
    person = row["person"]
    return Entry(
        id=row["number"],
        type=row["type"],
        at=from_microseconds(row["at"]),
        member=row["member"],
        to=row["recipient"],
        person=Person(**json.loads(person)) if person is not None else None,
        body=json.loads(row["body"]),
    )


def user_row(user: User) -> dict[str, Any]:
    document = {
        "display_name": user.display_name,
        "image_url": user.image_url,
        "properties": user.properties,
        "channels": user.channels,
        "updated_at": to_microseconds(user.updated_at),
    }
    return {
        "person": user.id,
        "application": user.application,
        "name": user.name,
        "created_at": to_microseconds(user.created_at),
        "document": JSON(document),
    }


def user_of(row: Row) -> User:
    document = json.loads(row["document"])
    return User(
        id=row["person"],
        application=ApplicationId(row["application"]),
        name=row["name"],
        created_at=from_microseconds(row["created_at"]),
        updated_at=from_microseconds(document["updated_at"]),
        display_name=document["display_name"],
        image_url=document["image_url"],
        properties=document["properties"],
        channels=document["channels"],
    )


def _person(person: Person) -> dict[str, Any]:
    """As JSON types: what `asdict` gives, at a tenth of its cost, for every event has one."""
    return {
        "id": person.id,
        "name": person.name,
        "display_name": person.display_name,
        "image_url": person.image_url,
        "custom_data": person.custom_data,
    }
