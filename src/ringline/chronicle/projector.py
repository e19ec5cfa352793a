"""From a conversation's journal to its numbered events (conversation reference, sections 4 and 5).

Fed with what the journal is fed with, line by line: `begin` with the event before the rules see it (they change a leg
that arrives), `end` with the commands it led to. The same journal gives the same events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ringline.base import Instant, LegId
from ringline.calls import commands, events
from ringline.calls.commands import Command
from ringline.calls.events import Event, Opened
from ringline.calls.facts import InputFact, LegView, StatusFact
from ringline.calls.figures import MediaFigures
from ringline.calls.membership import Member
from ringline.chronicle.entries import Changes, ConversationRecord
from ringline.chronicle.ledger import Ledger
from ringline.chronicle.members import Members
from ringline.chronicle.shapes import conversation_body, thawed
from ringline.chronicle.sounds import Sounds

_EPHEMERAL = "ephemeral"


class Projector:
    """One conversation's events, members and state, as its journal tells them."""

    def __init__(self, opened: Opened, at: Instant) -> None:
        """The journal's first line; also the first one after a restart."""
        self._ledger = Ledger(opened, at.wallclock)
        self._members = Members(self._ledger)
        self._sounds = Sounds(self._ledger, self._members.legs)
        self._event: Event | None = None
        if opened.profile is not None and opened.resumed is None:
            self._ledger.tell("conversation:created", conversation_body(self._ledger.record))

    # ── what it knows ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def record(self) -> ConversationRecord:
        """The conversation as it is now."""
        return self._ledger.record

    @property
    def visited(self) -> bool:
        """Whether anybody has taken part in it."""
        return self._ledger.visited

    def members(self) -> tuple[Member, ...]:
        """Those who have not left, oldest first."""
        return tuple(self._ledger.members.values())

    def member(self, member: str) -> Member | None:
        """A member who has not left."""
        return self._ledger.members.get(member)

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, event: Event, at: Instant) -> None:
        """An event is about to be worked on."""
        self._ledger.turn(at.wallclock)
        self._event = event
        match event:
            case events.MuteAsked():
                self._members.muted(event)
            case events.EarmuffAsked():
                self._members.earmuffed(event)
            case events.KeyReleased():
                self._sounds.key(event)
            case events.PlayEnded():
                self._sounds.play_ended(event)
            case events.RecordingDone():
                self._sounds.recording_done(event)
            case events.RecordingFailed():
                self._sounds.recording_failed(event)
            case events.LegArrived():
                self._members.arrives(event)
            case events.OutgoingLeg():
                self._members.dials(event)
            case events.IncomingLeg():
                self._members.comes(event)
            case events.LegIdentified():
                self._members.identified(event)
            case events.SpeakingChanged():
                self._members.speaks(event)
            case _:
                self._by_rest(event)

    def end(self, given: Iterable[Command], figures: Iterable[MediaFigures] = ()) -> Changes:
        """The event has been worked on: these commands follow. Give all that has changed by it.

        `figures` are those of the legs that end with it.
        """
        lived = self._ledger.lives
        self._members.measured(figures)
        for command in given:
            self._decided(command)
        match self._event:
            case events.ProfileChanged(profile=profile):
                self._ledger.describe(profile)
                record = conversation_body(self._ledger.record)
                self._ledger.tell("conversation:updated", {key: record[key] for key in record if key != "properties"})
            case events.DeleteAsked():
                self._ledger.delete()
                if lived:
                    self._ledger.tell("conversation:deleted", conversation_body(self._ledger.record))
        self._event = None
        return self._ledger.take()

    def opened(self) -> Changes:
        """What the opening itself has changed."""
        return self._ledger.take()

    def _by_rest(self, event: Event) -> None:
        match event:
            case events.LegInvited():
                self._members.invited(event)
            case events.MemberAdded():
                self._members.added(event)
            case events.MemberJoined():
                self._members.joined(event)
            case events.MemberLeft():
                self._members.left(event)
            case events.Posted():
                self._posted(event)
            case events.Erased(event_id=event_id, member=member):
                self._ledger.tell("event:delete", {"event_id": event_id}, member)
            case events.RoomPlayAsked():
                self._sounds.asked(event)
            case events.RoomStopAsked():
                self._sounds.stop_asked(event)
            case events.RoomRecordStopAsked():
                self._sounds.recording_stop_asked(event)
            case events.RoomRecordAsked():
                self._sounds.recording_asked(event)
            case events.RoomKeysAsked():
                self._keys_sent(event)

    def _posted(self, event: events.Posted) -> None:
        body: dict[str, Any] = thawed(event.body)
        if event.type == _EPHEMERAL:
            self._ledger.pass_on(event.type, body, event.member, to=event.to)
        else:
            self._ledger.tell(event.type, body, event.member, to=event.to)

    def _keys_sent(self, event: events.RoomKeysAsked) -> None:
        key = "digit" if len(event.digits) == 1 else "digits"
        body: dict[str, Any] = {key: event.digits, "method": "in"}
        story = self._members.legs.get(event.sender) if event.sender is not None else None
        if story is not None:
            story.keys += 1
            body |= {"channel": story.channel(), "dtmf_seq": story.keys}
        self._ledger.tell("audio:dtmf", body, event.member)

    def _decided(self, command: Command) -> None:
        match command:
            case commands.Publish(view=view):
                self._published(view)
            case commands.Tell(fact=StatusFact() as fact) | commands.Ask(fact=StatusFact() as fact):
                self._members.status_told(fact)
            case commands.Tell(fact=InputFact() as said) | commands.Ask(fact=InputFact() as said):
                self._sounds.input_told(said)
            case commands.Arrange(hears=hears, crowd=crowd):
                self._members.arranged(crowd or (leg for leg, _ in hears))
            case commands.Move(leg=leg):
                self._sounds.leg_left(leg.id)
                self._members.moves(LegId(leg.id))
            case commands.Play():
                self._sounds.plays(command)
            case commands.StopPlay():
                self._sounds.stopped(command)
            case commands.StartRecording():
                self._sounds.records(command)
            case commands.StopRecording():
                self._sounds.recording_stopped(command)
            case commands.Listen():
                self._sounds.listens(command)
            case commands.Close():
                self._ledger.delete()

    def _published(self, view: LegView) -> None:
        if view.ended_at is not None:
            self._sounds.leg_left(view.uuid)
        self._members.published(view)
