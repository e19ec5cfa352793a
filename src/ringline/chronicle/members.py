"""Members and their legs, as events: who comes, who rings, who is heard, who leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls import events
from ringline.calls.facts import LegView, StatusFact
from ringline.calls.figures import MediaFigures
from ringline.calls.membership import INVITED, JOINED, LEFT, Actor, Member, Person
from ringline.calls.parties import Party
from ringline.chronicle.identity import automatic_person, member_of_leg
from ringline.chronicle.ledger import Ledger
from ringline.chronicle.legs import LegStory
from ringline.chronicle.shapes import conversation_body, initiator_body, left_by, media_body, timestamps, user_body

_MACHINES: Final = frozenset({"human", "machine"})
_PREFIX: Final = "SipHeader_"
_TRANSFERRED: Final = {"code": "transfer", "text": "transferred"}


_NOBODY: Final = LegView(
    uuid=LegId(""),
    conversation=ConversationId(""),
    application=ApplicationId(""),
    status="started",
    direction="outbound",
    from_=Party(kind="phone", address=""),
    to=Party(kind="phone", address=""),
    created_at=datetime(1970, 1, 1, tzinfo=UTC),
    answered_at=None,
    ended_at=None,
    duration_s=None,
    detail=None,
    sip_code=None,
    disconnected_by=None,
)
"The record of a leg that is on its way here."


class Members:
    """Who is in one conversation, with or without a leg."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.legs: dict[LegId, LegStory] = {}
        self._arrival: events.LegArrived | None = None
        self._invitation: events.LegInvited | None = None
        self._order: events.OutgoingLeg | None = None
        self._caller: events.IncomingLeg | None = None
        self._farewell: dict[LegId, events.MemberLeft] = {}
        self._nameless: dict[LegId, tuple[LegView, events.OutgoingLeg | None]] = {}
        """App users who are being called, as long as it is not known which users they are: the record of the leg as it
        began, and the order that made it."""
        for member in list(ledger.members.values()):
            self._forget_leg_of(member)

    # ── what REST says ─────────────────────────────────────────────────────────────────────────────────────────────

    def arrives(self, event: events.LegArrived) -> None:
        """A leg comes from another conversation; it is a member once its record is published."""
        leg = event.leg
        room = self._ledger.conversation
        story = LegStory(
            member=member_of_leg(room, leg.id, leg.moves + 1),
            person=leg.person or automatic_person(leg.id, inbound=leg.direction == "inbound"),
            view=_NOBODY,
            ring_s=leg.ring_limit_s,
            length_s=leg.length_limit_s,
            detects=leg.detection is not None,
            headers=_own_names(leg.sip_headers),
        )
        self.legs[leg.id] = story
        self._arrival = replace(event, leg=replace(leg))

    def dials(self, event: events.OutgoingLeg) -> None:
        self._order = event

    def comes(self, event: events.IncomingLeg) -> None:
        self._caller = event

    def identified(self, event: events.LegIdentified) -> None:
        """It is known which user is being called: now it can be said who is invited."""
        began = self._nameless.pop(event.leg, None)
        if began is not None:
            self._introduce(began[0], began[1], event.person)

    def speaks(self, event: events.SpeakingChanged) -> None:
        """Somebody has begun to speak, or is silent again."""
        story = self.legs.get(event.leg)
        if story is not None:
            what = f"audio:speaking:{'on' if event.speaks else 'off'}"
            self._ledger.tell(what, {"channel": story.channel()}, story.member)

    def measured(self, figures: Iterable[MediaFigures]) -> None:
        """What the audio of legs amounted to that end now."""
        for one in figures:
            if one.leg in self.legs:
                self.legs[one.leg].figures = one

    def invited(self, event: events.LegInvited) -> None:
        self._invitation = event

    def added(self, event: events.MemberAdded) -> None:
        """Somebody is a member without a leg."""
        member = self._ledger.put(event.member)
        self._tell_invited(member) if member.state == INVITED else self._tell_joined(member)

    def joined(self, event: events.MemberJoined) -> None:
        """Who was invited takes part."""
        member = self._ledger.members.get(event.member)
        if member is not None and member.state == INVITED:
            now = self._ledger.at
            changed = replace(member, state=JOINED, joined_at=now, initiator={"joined": _by(event.by)})
            self._tell_joined(self._ledger.put(changed))

    def left(self, event: events.MemberLeft) -> None:
        """A member is gone; one with a leg is once the leg has ended."""
        if event.leg in self.legs and event.leg is not None:
            self._farewell[event.leg] = event
            return
        member = self._ledger.members.get(event.member)
        if member is not None:
            self._leave(member, event.reason, event.by)

    def muted(self, event: events.MuteAsked) -> None:
        self._set(event.leg, "mute", event.muted, posted=event.posted)

    def earmuffed(self, event: events.EarmuffAsked) -> None:
        self._set(event.leg, "earmuff", event.earmuffed, posted=event.posted)

    def _set(self, leg: LegId, what: str, on: bool, *, posted: bool) -> None:
        story = self.legs.get(leg)
        member = self._ledger.members.get(story.member) if story is not None else None
        if story is None or member is None:
            return
        changed = replace(member, muted=on) if what == "mute" else replace(member, earmuffed=on)
        if changed == member and not posted:
            return
        self._ledger.put(changed)
        self._ledger.tell(f"audio:{what}:{'on' if on else 'off'}", {"rtc_id": leg}, member.id)
        self._tell_media(story, changed)

    # ── what legs do ───────────────────────────────────────────────────────────────────────────────────────────────

    def published(self, view: LegView) -> None:
        """A leg's record has changed."""
        began = self._nameless.pop(view.uuid, None)
        if began is not None:  # it goes on without anybody having said who it is
            self._introduce(began[0], began[1], None)
        story = self.legs.get(view.uuid)
        if story is None:
            self._begins(view)
        elif story.view is _NOBODY:
            story.view = view
            self._has_arrived(story)
        else:
            story.view = view
            self._goes_on(story)

    def status_told(self, fact: StatusFact) -> None:
        """What is said of a leg beyond its record: who has answered, and what it has cost."""
        story = self.legs.get(fact.uuid)
        if story is None:
            return
        if fact.status in _MACHINES:
            advanced = story.advanced or fact.sub_state is not None
            body = {"type": fact.sub_state or fact.status, "confidence": 100, "channel": story.channel()}
            self._ledger.tell("sip:amd_machine" if advanced else "sip:machine", body, story.member)
        elif fact.end_time is not None:
            story.end = fact

    def arranged(self, legs: Iterable[LegId]) -> None:
        """These legs are in the room: those who are answered take part from now on."""
        for leg in legs:
            story = self.legs.get(leg)
            if story is None or story.on or story.view.answered_at is None:
                continue
            story.on = True
            member = self._ledger.members.get(story.member)
            if member is None:
                continue
            joined = replace(
                member,
                state=JOINED,
                joined_at=member.joined_at or self._ledger.at,
                channel=story.channel(),
                audio=True,
                enabled=True,
                initiator=member.initiator if member.state == JOINED else {"joined": {"is_system": True}},
            )
            self._ledger.put(joined)
            if not story.announced:
                self._tell_joined(joined)
            self._tell_media(story, joined)

    def moves(self, leg: LegId) -> None:
        """A leg leaves for another conversation."""
        story = self.legs.pop(leg, None)
        member = self._ledger.members.get(story.member) if story is not None else None
        if member is not None:
            self._leave(member, _TRANSFERRED, None)

    def _begins(self, view: LegView) -> None:
        """A leg is there for the first time."""
        invitation = self._invitation if self._invitation and self._invitation.leg == view.uuid else None
        order = self._order if self._order and self._order.leg == view.uuid else None
        caller = self._caller if self._caller and self._caller.leg == view.uuid else None
        self._invitation = self._order = self._caller = None
        if view.direction == "outbound" and view.to.kind == "app" and invitation is None and view.ended_at is None:
            self._nameless[view.uuid] = (view, order)
            return
        person = invitation.person if invitation is not None else caller.person if caller is not None else None
        self._introduce(view, order, person, invitation=invitation, caller=caller)

    def _introduce(
        self,
        view: LegView,
        order: events.OutgoingLeg | None,
        person: Person | None,
        *,
        invitation: events.LegInvited | None = None,
        caller: events.IncomingLeg | None = None,
    ) -> None:
        """Tell of a leg's member."""
        room = self._ledger.conversation
        inbound = view.direction == "inbound"
        story = LegStory(
            member=member_of_leg(room, view.uuid),
            person=person or automatic_person(view.uuid, inbound=inbound),
            view=view,
            child=not inbound and order is None and invitation is None,
            headers=_own_names(caller.sip_headers) if caller is not None else {},
        )
        limits = order or invitation
        if limits is not None:
            story.ring_s, story.length_s = limits.ring_limit_s, limits.length_limit_s
        if order is not None and order.detection is not None:
            story.detects, story.advanced = True, not order.detection.basic
        self.legs[view.uuid] = story
        now, actor = self._ledger.at, invitation.by if invitation is not None else None
        member = Member(
            id=story.member,
            person=story.person,
            state=JOINED if inbound else INVITED,
            channel=story.channel(),
            leg=view.uuid,
            audio=not inbound,
            enabled=not inbound,
            muted=invitation is not None and invitation.muted,
            earmuffed=invitation is not None and invitation.earmuffed,
            invited_at=None if inbound else now,
            joined_at=now if inbound else None,
            invited_by=actor.user if actor is not None else None,
            inviter=actor.member if actor is not None else None,
            knocking_id=invitation.knocking_id if invitation is not None else None,
            initiator={"joined" if inbound else "invited": _by(actor)},
        )
        self._ledger.put(member)
        if inbound:
            self._tell_joined(member)
        else:
            self._tell_invited(member)
        self._tell_status(story)

    def _has_arrived(self, story: LegStory) -> None:
        """A leg has come from another conversation."""
        arrival, self._arrival = self._arrival, None
        leg = story.view.uuid
        now, up = self._ledger.at, story.view.answered_at is not None
        story.announced = up
        story.status = "answered" if story.view.status == "machine" else story.view.status
        inbound = story.view.direction == "inbound"
        member = Member(
            id=story.member,
            person=story.person,
            state=JOINED if up or inbound else INVITED,
            channel=story.channel(),
            leg=leg,
            audio=up,
            enabled=up,
            muted=arrival is not None and arrival.leg.muted,
            earmuffed=arrival is not None and arrival.leg.earmuffed,
            invited_at=None if inbound else now,
            joined_at=now if up or inbound else None,
            initiator={"joined": _by(None)},
        )
        self._ledger.put(member)
        if arrival is not None:
            body = {
                "was_member": member_of_leg(arrival.source, leg, arrival.leg.moves),
                "user_id": story.person.id,
                "transferred_from": arrival.source,
                "channel": story.channel(),
            }
            self._ledger.tell("rtc:transfer", body, story.member)
        self._tell_joined(member)

    def _goes_on(self, story: LegStory) -> None:
        """A leg has come further, or to its end."""
        view = story.view
        if not self._tell_status(story):
            return
        if view.ended_at is not None:
            self._ends(story)
            return
        member = self._ledger.members.get(story.member)
        if member is not None:
            self._ledger.put(replace(member, channel=story.channel()))
        body = {"direction": view.direction, "channel": story.channel()}
        if story.status == "ringing" and view.direction == "outbound":
            self._ledger.tell(f"{story.family}:ringing", body, story.member)
        elif story.status == "answered":
            self._ledger.tell(f"{story.family}:answered", body, story.member)
            if not story.child:
                self.arranged([view.uuid])

    def _ends(self, story: LegStory) -> None:
        """A leg has ended: its member is gone."""
        leg = story.view.uuid
        self._ledger.tell(f"{story.family}:hangup", story.hangup(), story.member)
        self._ledger.tell(f"{story.family}:status", story.bill(), story.member)
        del self.legs[leg]
        farewell = self._farewell.pop(leg, None)
        member = self._ledger.members.get(story.member)
        if member is None:
            return
        member = replace(member, channel=story.channel(), audio=False, enabled=False)
        if story.on:
            self._tell_media(story, member)
        reason = farewell.reason if farewell is not None else {}
        self._leave(member, reason or story.reason(), farewell.by if farewell is not None else None)

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _leave(self, member: Member, reason: Mapping[str, Any], by: Actor | None) -> None:
        now = self._ledger.at
        gone = replace(
            member, state=LEFT, left_at=now, reason=dict(reason), initiator=left_by(member, _by(by)), audio=False
        )
        body = {**self._member_body(gone), "reason": gone.reason}
        self._ledger.tell("member:left", body, gone.id, person=gone.person)
        self._ledger.put(gone)

    def _tell_status(self, story: LegStory) -> bool:
        body = story.advance(self._ledger.conversation, self._ledger.at)
        if body is not None:
            self._ledger.tell("leg:status:update", body, story.member)
        return body is not None

    def _tell_joined(self, member: Member) -> None:
        self._ledger.tell("member:joined", self._member_body(member), member.id)

    def _tell_invited(self, member: Member) -> None:
        record = self._ledger.record
        about = conversation_body(record)
        body = {
            **self._member_body(member),
            "cname": record.name,
            "conversation": {
                "conversation_id": record.id,
                **{key: about[key] for key in ("name", "display_name", "image_url")},
            },
            "media": media_body(member),
            "invited_by": member.invited_by,
            "invited_by_member": member.inviter,
        }
        self._ledger.tell("member:invited", body, member.id)

    def _tell_media(self, story: LegStory, member: Member) -> None:
        body = {"audio": member.audio, "media": media_body(member), "channel": story.channel()}
        self._ledger.tell("member:media", body, member.id)

    def _member_body(self, member: Member) -> dict[str, Any]:
        return {
            "member_id": member.id,
            "user": user_body(member),
            "channel": member.channel,
            "timestamp": timestamps(member),
            "initiator": initiator_body(member),
        }

    def _forget_leg_of(self, member: Member) -> None:
        """A leg of an earlier run is nobody's any more."""
        if member.leg is not None:
            self._leave(replace(member, leg=None), {"code": "", "text": "failed"}, None)


def _own_names(sip_headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as the caller spelled them: without the prefix of the answer webhook."""
    return {name.removeprefix(_PREFIX): value for name, value in sip_headers.items()}


def _by(actor: Actor | None) -> dict[str, Any]:
    if actor is None:
        return {"is_system": True}
    return {"is_system": False, "user_id": actor.user, "member_id": actor.member}
