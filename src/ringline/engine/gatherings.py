"""The conversation service: what REST (and later client sessions) do to conversations, their members and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ringline.accounts import Application
from ringline.base import ApiError, ApplicationId, Clock, ConversationId, LegId, Random, new_leg_id, uuid4
from ringline.calls import events
from ringline.calls.events import Event
from ringline.calls.membership import INVITED, JOINED, Actor, Member, Person, Profile
from ringline.calls.parties import Party
from ringline.chronicle import ConversationRecord, Entry, left_by, member_of_leg
from ringline.engine.engine import Engine
from ringline.engine.rooms import RoomOwner

MOST_MEMBERS: Final = 100
_DUPLICATE: Final = "The conversation name already exists. Please provide a unique conversation name and try again."
_SLOW_DOWN: Final = "You have exceeded your request limit. You can try again shortly."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """Who shall be a member, and how it is reached."""

    person: Person
    state: str
    "`INVITED` or `JOINED`."
    channel: Mapping[str, Any]
    "JSON, as it was asked for."
    to: Party | None = None
    "Whom to call; None: it has no connection of our own."
    from_: Party | None = None
    audio: bool = False
    enabled: bool = False
    muted: bool = False
    earmuffed: bool = False
    knocking_id: str | None = None
    ring_limit_s: float = 60
    length_limit_s: float = 7200


class Gatherings:
    """Conversations as things that can be made, joined and spoken into."""

    def __init__(self, engine: Engine, *, clock: Clock, random: Random) -> None:
        self._engine = engine
        self._clock = clock
        self._random = random

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, application: ApplicationId, conversation: ConversationId) -> RoomOwner | None:
        """A conversation of this application that is open, or can be opened again."""
        room = self._engine.conversations.get(conversation)
        if room is None or room.heart.room.application.id != application or room.heart.room.deleted:
            return None
        return room

    def create(self, application: Application, profile: Profile) -> ConversationRecord:
        """Make a conversation; one without a name gets one.

        Raises:
            ApiError: 409 when the name is taken, 400 when there are too many.
        """
        conversations = self._engine.conversations
        named = profile if profile.name else replace(profile, name=f"NAM-{uuid4(self._random)}")
        if conversations.find(application.id, named.name) is not None:
            raise duplicate_name()
        if conversations.crowded(application.id):
            raise ApiError(
                400,
                "The application has too many conversations.",
                title="Bad request.",
                code="conversation:error:maximum-number-of-conversations",
            )
        return _record(conversations.create(application, named))

    def change(self, room: RoomOwner, profile: Profile) -> ConversationRecord:
        """Say something else of a conversation.

        Raises:
            ApiError: 409 when the name is another's.
        """
        before = _record(room)
        named = replace(profile, name=profile.name or before.name, by_script=before.by_script)
        holder = self._engine.conversations.find(before.application, named.name) if before.lasts else None
        if holder is not None and holder is not room:
            raise duplicate_name()
        room.ask(events.ProfileChanged(profile=named))
        if before.lasts:
            self._engine.conversations.renamed(room, before.name)
        return _record(room)

    def delete(self, room: RoomOwner) -> None:
        """End a conversation: whoever is in it is hung up."""
        self._engine.conversations.free_name(room)
        room.ask(events.DeleteAsked())

    def forget(self, application: ApplicationId) -> None:
        """Delete all conversations of an application that is deleted itself."""
        for room in self._engine.conversations.of(application):
            self.delete(room)

    # ── members ────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_member(self, room: RoomOwner, new: NewMember, *, by: Actor | None) -> Member:
        """Invite somebody, or take them in; who has a phone is called.

        Raises:
            ApiError: 400 when there are too many, or the user is a member already; 429 when too many are called, 402
                when the application may not call anybody any more for today.
        """
        members = _members(room)
        if len(members) >= MOST_MEMBERS:
            raise _refused(
                "conversation:error:maximum-number-of-members", "The conversation has as many members as it can have."
            )
        channel = new.channel.get("type")
        if any(member.person.id == new.person.id and member.channel.get("type") == channel for member in members):
            raise _refused("conversation:error:member-already-joined", "The user is a member already.")
        if new.to is not None:
            return self._call(room, new, new.to, by)
        now = self._clock.wallclock()
        joined = new.state == JOINED
        member = Member(
            id=f"MEM-{uuid4(self._random)}",
            person=new.person,
            state=new.state,
            channel=new.channel,
            audio=new.audio,
            enabled=new.enabled,
            muted=new.muted,
            earmuffed=new.earmuffed,
            invited_at=None if joined else now,
            joined_at=now if joined else None,
            invited_by=by.user if by is not None else None,
            inviter=by.member if by is not None else None,
            knocking_id=new.knocking_id,
            initiator={"joined" if joined else "invited": _initiator(by)},
        )
        room.ask(events.MemberAdded(member=member, by=by))
        return member

    def join(self, room: RoomOwner, member: Member, *, by: Actor | None) -> Member:
        """Who was invited takes part.

        Raises:
            ApiError: 400 when it has left, or has joined already.
        """
        if member.state == JOINED:
            raise _refused("conversation:error:member-already-joined", "The member has joined already.")
        self._must_be_there(member)
        room.ask(events.MemberJoined(member=member.id, by=by))
        return _known(room, member)

    def leave(self, room: RoomOwner, member: Member, reason: Mapping[str, Any], *, by: Actor | None) -> Member:
        """A member goes, or is removed; its leg is hung up.

        Raises:
            ApiError: 400 when it has left already.
        """
        self._must_be_there(member)
        told = room.ask(events.MemberLeft(member=member.id, leg=member.leg, reason=reason, by=by))
        left = next((entry for entry in told if entry.type == "member:left" and entry.member == member.id), None)
        at = left.at if left is not None else self._clock.wallclock()
        return replace(member, state="LEFT", left_at=at, reason=dict(reason), initiator=left_by(member, _initiator(by)))

    def _must_be_there(self, member: Member) -> None:
        if member.state not in (INVITED, JOINED):
            raise ApiError(
                400,
                "The member has left the conversation.",
                title="Conflict.",
                code="conversation:error:invalid-member-state",
            )

    def _call(self, room: RoomOwner, new: NewMember, to: Party, by: Actor | None) -> Member:
        if len(room.heart.legs) >= room.heart.room.application.most_legs:
            raise _refused(
                "conversation:error:maximum-number-of-legs", "The conversation has as many legs as it can have."
            )
        if (barred := self._engine.barred(room.heart.room.application.id, to)) is not None:
            raise ApiError(429, _SLOW_DOWN) if barred.passes else ApiError(402, barred.told)
        leg = new_leg_id(self._random)
        self._engine.invite(
            room,
            events.LegInvited(
                leg=leg,
                to=to,
                from_=new.from_ or Party(kind="phone", address=""),
                person=new.person,
                ring_limit_s=new.ring_limit_s,
                length_limit_s=new.length_limit_s,
                muted=new.muted,
                earmuffed=new.earmuffed,
                knocking_id=new.knocking_id,
                by=by,
            ),
        )
        member = room.projector.member(member_of_leg(room.id, leg)) if room.projector is not None else None
        if member is None:  # it has failed at once: its events say why
            raise _refused("member:error:cannot-be-reached", "The member cannot be called.")
        return member

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, room: RoomOwner, event: Event, event_type: str) -> Entry:
        """Have an event happen, and give what is kept of it."""
        told = room.ask(event)
        entry = next((one for one in told if one.type == event_type), None)
        if entry is None:
            raise _refused("event:error:not-possible", "That cannot be done in this conversation now.")
        return entry

    def tell(self, room: RoomOwner, event: Event) -> list[Entry]:
        """Have something happen to the conversation; give its events that follow at once."""
        return room.ask(event)

    def erase(self, room: RoomOwner, event_id: int, *, member: str | None) -> None:
        """Forget the words of a posted event."""
        if self._engine.outside.chronicle is not None:
            self._engine.outside.chronicle.erase_entry(room.id, event_id)
        room.ask(events.Erased(event_id=event_id, member=member))

    def leg_in(self, room: RoomOwner, leg: LegId) -> bool:
        """Whether a leg is in this conversation now."""
        return room.heart.leg(leg) is not None

    def is_up(self, room: RoomOwner, leg: LegId) -> bool:
        """Whether audio flows both ways in it."""
        known = room.heart.leg(leg)
        return known is not None and known.up

    def records(self, room: RoomOwner) -> bool:
        """Whether a recording that REST began runs, or waits for somebody to come."""
        heart = room.heart.room
        return bool(heart.awaited) or any(one.owner is None and not one.stopping for one in heart.recordings.values())


def duplicate_name() -> ApiError:
    """409: the application has a conversation of that name already."""
    return ApiError(409, _DUPLICATE, title="Conflict.", code="conversation:error:duplicate-name")


def _refused(code: str, detail: str) -> ApiError:
    return ApiError(400, detail, title="Bad request.", code=code)


def _record(room: RoomOwner) -> ConversationRecord:
    if room.projector is None:
        raise ApiError(503, "The conversation service is not available for this conversation")
    return room.projector.record


def _members(room: RoomOwner) -> tuple[Member, ...]:
    return room.projector.members() if room.projector is not None else ()


def _known(room: RoomOwner, member: Member) -> Member:
    return (room.projector.member(member.id) if room.projector is not None else None) or member


def _initiator(actor: Actor | None) -> dict[str, Any]:
    if actor is None:
        return {"is_system": True}
    return {"is_system": False, "user_id": actor.user, "member_id": actor.member}
