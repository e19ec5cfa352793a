"""What clients are told of conversations: events of those in which their users are members, in the client's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ringline.base import ConversationId, LegId, iso_ms
from ringline.calls.membership import Member, Person
from ringline.chronicle import ConversationRecord, Entry
from ringline.chronicle.shapes import person_body, thawed
from ringline.engine.clients.app_leg import AppLeg, Stage
from ringline.engine.clients.sessions import Clients
from ringline.engine.engine import Engine
from ringline.engine.rooms import RoomOwner
from ringline.rtc import Ending, Session, ending, frames

_TRANSFER: Final = "transfer"
Telling = tuple[Session, str, Mapping[str, Any]]


@dataclass(slots=True)
class _End:
    """How the end of a member's leg is told."""

    how: Ending
    hangup: Mapping[str, Any]
    told: bool
    "`rtc:hangup` is out already."


@dataclass(slots=True)
class _Hold:
    """What is held back, of the conversations a leg is in and has gone to, until its caller knows of the first."""

    leg: LegId
    waiting: list[Telling] = field(default_factory=list)


@dataclass(slots=True)
class _Room:
    """One conversation in which a user is a member who has a client."""

    users: dict[str, str] = field(default_factory=dict)
    "Member to user."
    ends: dict[str, _End] = field(default_factory=dict)
    "By member."


class AppEvents:
    """Sends conversation events to the sessions of those who are in the conversation."""

    def __init__(self, clients: Clients, legs: Mapping[LegId, AppLeg], engine: Engine) -> None:
        self._clients = clients
        self._legs = legs
        self._engine = engine
        self._rooms: dict[ConversationId, _Room] = {}
        self._held: dict[ConversationId, _Hold] = {}
        self._next: _Hold | None = None

    # ── holding back ───────────────────────────────────────────────────────────────────────────────────────────────

    def hold_next(self, leg: LegId) -> None:
        """What the next new conversation has to tell is held back: its caller still waits for an answer."""
        self._next = _Hold(leg)

    def open(self, leg: LegId) -> None:
        """Tell what was held back for this leg's caller."""
        for session, name, payload in self._release(leg):
            self._clients.tell(session, name, payload)

    def forget(self, leg: LegId) -> None:
        """Nothing came of that call: its caller never hears of it."""
        self._release(leg)

    def holds(self, leg: LegId) -> bool:
        """Whether something is held back for this leg's caller."""
        return any(hold.leg == leg for hold in self._held.values())

    def _release(self, leg: LegId) -> list[Telling]:
        rooms = [room for room, hold in self._held.items() if hold.leg == leg]
        holds = [self._held.pop(room) for room in rooms]
        return holds[0].waiting if holds else []

    # ── telling ────────────────────────────────────────────────────────────────────────────────────────────────────

    def heard(self, record: ConversationRecord, entry: Entry) -> None:
        """An event of a conversation."""
        if not len(self._clients):
            self._rooms.clear()
            self._held.clear()
            return
        if self._next is not None:
            self._held[record.id], self._next = self._next, None
        elif entry.type == "rtc:transfer" and (hold := self._held.get(entry.body["transferred_from"])) is not None:
            self._held.setdefault(record.id, hold)
        room = self._follow(record, entry)
        if frames.is_for_clients(entry.type):
            self._pass_on(record, entry, room)
        if entry.type == "member:left" and room is not None and entry.member is not None:
            room.users.pop(entry.member, None)
            room.ends.pop(entry.member, None)
            if not room.users:
                self._rooms.pop(record.id, None)

    def tell_answer(self, session: Session, room: RoomOwner, member: Member, leg: LegId, answer: str) -> None:
        """Our session description for a browser that reconnects; kept nowhere."""
        payload = frames.envelope(
            number=None,
            conversation=room.id,
            member=member.id,
            application=session.owner.application,
            timestamp=iso_ms(self._engine.clock.wallclock()),
            body={"rtc_id": leg, "answer": answer},
            person=_person(member.person),
        )
        self._clients.tell(session, "rtc:answer", payload)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, record: ConversationRecord, entry: Entry) -> _Room | None:
        """Keep in mind who is a member while the events of one moment are told: some are of those who have left."""
        room = self._rooms.get(record.id)
        if entry.type not in ("member:joined", "member:invited", "rtc:transfer"):
            return room
        if entry.member is None or entry.person is None:
            return room
        if room is None and self._clients.of(record.application, entry.person.id):
            room = self._rooms[record.id] = _Room()
            room.users.update({one.id: one.person.id for one in self._members(record.id)})
        if room is not None:
            room.users[entry.member] = entry.person.id
        return room

    def _members(self, conversation: ConversationId) -> Sequence[Member]:
        room = self._engine.conversations.get(conversation)
        return room.projector.members() if room is not None and room.projector is not None else ()

    def _pass_on(self, record: ConversationRecord, entry: Entry, room: _Room | None) -> None:
        own = entry.person.id if entry.person is not None else None
        body = frames.body_of(entry.type, thawed(entry.body))
        if body is None:
            return
        leg = self._legs.get(LegId(str(body.get("channel", {}).get("id", ""))))
        ended = room.ends.get(entry.member or "") if room is not None else None
        match entry.type:
            case "member:invited" if leg is not None and leg.stage is Stage.INVITED:
                body = frames.invited(body, leg.offer)
                leg.invitation = {"type": entry.type, **self._payload(record, entry, body)}
            case "rtc:hangup" if leg is not None and room is not None and entry.member is not None:
                room.ends[entry.member] = self._end(record, entry, leg, body)
                if room.ends[entry.member].told:
                    self._send(record, own, entry.type, room.ends[entry.member].hangup)
                return
            case "member:left" if ended is not None:
                body = frames.left(body, ended.how)
            case "member:left" if body.get("reason", {}).get("code") == _TRANSFER:
                # It goes on elsewhere, as `rtc:transfer` tells its user.
                self._send_all(record, entry, room, self._payload(record, entry, body), without=own)
                return
        payload = self._payload(record, entry, body)
        if entry.type in frames.OF_THE_LEG:
            self._send(record, own, entry.type, payload)
        else:
            self._send_all(record, entry, room, payload)
        if ended is not None and not ended.told and entry.type == "member:left":
            self._send(record, own, "rtc:hangup", ended.hangup)

    def _end(self, record: ConversationRecord, entry: Entry, leg: AppLeg, body: Mapping[str, Any]) -> _End:
        how = ending(
            inbound=leg.inbound,
            answered=leg.stage is Stage.UP,
            reason=str(body.get("reason", {}).get("text") or ""),
            by_app=leg.by_app,
        )
        hangup = self._payload(record, entry, frames.hung_up(body, how))
        return _End(how, hangup, told=not how.left_first)

    def _payload(self, record: ConversationRecord, entry: Entry, body: Mapping[str, Any]) -> dict[str, Any]:
        return frames.envelope(
            number=entry.id or None,
            conversation=record.id,
            member=entry.member,
            application=record.application,
            timestamp=iso_ms(entry.at),
            body=body,
            person=_person(entry.person),
        )

    def _send_all(
        self,
        record: ConversationRecord,
        entry: Entry,
        room: _Room | None,
        payload: Mapping[str, Any],
        *,
        without: str | None = None,
    ) -> None:
        """Send to all who are in the conversation but one user, or to the one member it is for."""
        members = room.users if room is not None else {one.id: one.person.id for one in self._members(record.id)}
        users = [user for member, user in members.items() if entry.to in (None, member)]
        if entry.person is not None and entry.to is None:
            users.append(entry.person.id)
        for user in dict.fromkeys(users):
            self._send(record, user if user != without else None, entry.type, payload)

    def _send(self, record: ConversationRecord, user: str | None, name: str, payload: Mapping[str, Any]) -> None:
        if user is None:
            return
        held = self._held.get(record.id)
        for session in self._clients.of(record.application, user):
            if held is not None:
                held.waiting.append((session, name, payload))
            else:
                self._clients.tell(session, name, payload)


def _person(person: Person | None) -> Mapping[str, Any] | None:
    return person_body(person) if person is not None else None
