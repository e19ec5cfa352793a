"""The owner of all conversations: gives each event to the one it belongs to, and each command to who can do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ringline.accounts import Application, Directory, Limits, Policy, Refusal
from ringline.base import (
    ApplicationId,
    Clock,
    ConversationId,
    LegId,
    Random,
    get_log,
)
from ringline.calls import commands, events
from ringline.calls.commands import Command
from ringline.calls.events import Event
from ringline.calls.facts import LegView
from ringline.calls.membership import Person
from ringline.calls.parties import Hook, Party
from ringline.chronicle import Entry
from ringline.engine import ports
from ringline.engine.aftermath.broken import broken
from ringline.engine.chronicler import Chronicler, Watcher
from ringline.engine.conversations import Conversations
from ringline.engine.delivery.hooks import Hooks
from ringline.engine.effects import Effects, MediaWatcher
from ringline.engine.guard import Guard
from ringline.engine.outside import EngineOptions, Outside
from ringline.engine.records import record_of
from ringline.engine.rooms import Reopened, RoomOwner
from ringline.engine.transfers import Transfers

log = get_log(__name__)
_LAST_WORDS_S = 30.0


class Engine:
    """All live conversations of this installation."""

    def __init__(
        self, outside: Outside, directory: Directory, options: EngineOptions, *, clock: Clock, random: Random
    ) -> None:
        self.outside = outside
        self.directory = directory
        self.options = options
        self.clock = clock
        self.random = random
        self.hooks = Hooks(
            http=outside.http,
            store=outside.store,
            directory=directory,
            public_url=options.public_url,
            clock=clock,
            random=random,
            report=self.report,
            trace=self._trace_hook,
        )
        self.effects = Effects(
            outside,
            directory,
            self.hooks,
            clock=clock,
            file_url=options.file_url,
            report=self.report,
            report_of_room=self._report_of_room,
            trace=self.trace,
        )
        self._endpoints: dict[str, ports.Endpoint] = {}
        self._reached_by: dict[LegId, ports.Endpoint] = {}
        self.chronicler = (
            Chronicler(store=outside.chronicle, hooks=self.hooks, directory=directory)
            if outside.chronicle is not None
            else None
        )
        self._conversations = Conversations(
            directory,
            store=outside.store,
            clock=clock,
            random=random,
            inbound_limit_s=options.inbound_limit_s,
            most_legs=options.conversation_legs,
            carry_out=self._carry_out,
            on_bug=self._end_of_a_bug,
            measure=self.effects.measure,
            chronicler=self.chronicler,
        )
        self._where: dict[LegId, RoomOwner] = {}
        self.transfers = Transfers(self._where, self._reached_by)
        self._views: dict[LegId, LegView] = {}
        self.guard = Guard(
            clock=clock,
            book=outside.store,
            limits=options.limits or Limits(default=Policy(calls_per_second=options.legs_per_second)),
            rates=options.rates,
            step_s=options.rate_step_s,
        )
        self._watchers: list[Callable[[LegView], None]] = [self.guard.follow, self.effects.follow]
        self._idle = asyncio.Event()
        self._idle.set()

    # ── who takes part ─────────────────────────────────────────────────────────────────────────────────────────────

    def add_endpoint(self, endpoint: ports.Endpoint, *kinds: str) -> None:
        """Name who reaches far ends of these kinds."""
        for kind in kinds:
            self._endpoints[kind] = endpoint

    def watch(self, watcher: Callable[[LegView], None]) -> None:
        """Be told of every change of a leg's record, on the event loop."""
        self._watchers.append(watcher)

    def watch_events(self, watcher: Watcher) -> None:
        """Be told of every event of every conversation, in order, on the event loop."""
        if self.chronicler is not None:
            self.chronicler.watch(watcher)

    def watch_media(self, watcher: MediaWatcher) -> None:
        """Be told when the way to a browser stands or is lost, of legs that have no call yet, too."""
        self.effects.watch_media(watcher)

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def conversations(self) -> Conversations:
        """All open ones, for the conversation service."""
        return self._conversations

    def invite(self, room: RoomOwner, event: events.LegInvited) -> list[Entry]:
        """Call somebody into a conversation; give the conversation's events that come of it."""
        self._where[event.leg] = room
        self._idle.clear()
        told = room.ask(event)
        if room.heart.leg(event.leg) is None and self._where.get(event.leg) is room:
            self._where.pop(event.leg)  # the conversation did not take it
            if not self._where:
                self._idle.set()
        return told

    # ── legs ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def incoming(
        self,
        leg: LegId,
        endpoint: ports.Endpoint,
        application: Application,
        *,
        from_: Party,
        to: Party,
        sip_headers: Mapping[str, str],
        custom_data: Mapping[str, Any] | None = None,
        script: str | None = None,
        person: Person | None = None,
    ) -> ConversationId:
        """A call came in for an application: it gets a conversation of its own.

        `script` is an NCCO as JSON text that is run instead of asking the application.
        """
        room = self._where[leg] = self._conversations.open(application)
        self._reached_by[leg] = endpoint
        self._idle.clear()
        number = self.directory.number(to.address) if to.kind == "phone" else None
        callback = number.status_callback if number is not None else None
        room.post(
            events.IncomingLeg(
                leg=leg,
                from_=from_,
                to=to,
                sip_headers=sip_headers,
                custom_data=custom_data,
                status_callback=Hook(url=callback) if callback else None,
                script=script,
                person=person,
            )
        )
        return room.id

    def outgoing(self, application: Application, event: events.OutgoingLeg) -> ConversationId:
        """The application calls somebody: the leg gets a conversation of its own."""
        room = self._where[event.leg] = self._conversations.open(application)
        self._idle.clear()
        room.post(event)
        return room.id

    def take_over(self, reopened: Reopened) -> RoomOwner:
        """Take a conversation of an earlier run with its legs, whose far ends nobody reaches any more."""
        room = self._conversations.reopen(reopened)
        for leg in room.heart.legs:
            self._where[leg] = room
            self._idle.clear()
        return room

    def note_on(self, conversation: ConversationId, *, last: int) -> None:
        """Let notes be made in the journal of a conversation of an earlier run, behind its last line."""
        self._conversations.note_on(conversation, last=last)

    def view(self, leg: LegId) -> LegView | None:
        """The record of a live leg; None when it has ended or never was."""
        return self._views.get(leg)

    def live_legs(self) -> list[LegView]:
        return list(self._views.values())

    def may_dial(self, application: ApplicationId) -> bool:
        """Whether one more outbound leg is within the application's limits; counts it if so."""
        return self.barred(application) is None

    def barred(self, application: ApplicationId, to: Party | None = None) -> Refusal | None:
        """Why the application may not begin one more outbound leg now; None: it may, and the leg is counted."""
        return self.guard.begins(application, to)

    def report(self, event: Event) -> None:
        """Give a leg's event to the conversation in which the leg is now; unknown legs have ended, which is no news."""
        if isinstance(event, events.KeyDown | events.KeyReleased) and self.effects.takes(event):
            return  # a digit of a card: nothing beyond this line may see it
        leg = getattr(event, "leg", None)
        room = self._where.get(leg) if leg is not None else None
        if room is not None:
            room.post(event)

    def trace(self, leg: LegId, data: dict[str, Any]) -> None:
        """Note something of a live leg in its journal."""
        room = self._where.get(leg)
        if room is not None:
            room.trace(leg, data)

    def leftovers(self) -> list[str]:
        """What is still at work, in words; empty when no call is left and everything due has been sent.

        Named conversations without legs wait for the next one: they are none.
        """
        counts = {
            "legs": len(self._where),
            "leg records": len(self._views),
            "legs with a far end": len(self._reached_by),
            "conversations": len(self._conversations.unnamed()),
            "webhooks": self.hooks.busy,
            **self.effects.busy(),
        }
        return [f"{count} {what}" for what, count in counts.items() if count]

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def idle(self) -> None:
        """Wait until no leg is left."""
        await self._idle.wait()

    async def close(self) -> None:
        """Hang up what is left, and let the last webhooks and recordings go out, for 30 s at most."""
        for leg in list(self._where):
            self.report(events.HangUpAsked(leg=leg, why="Ringline is stopping"))
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self.effects.drained()
                await self.hooks.drained()
        except TimeoutError:
            log.warning("stopped before all was sent", left=self.leftovers())
        self.hooks.close()
        self.effects.close()
        self._conversations.close()

    # ── moving legs ────────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, room: RoomOwner, command: commands.Find) -> None:
        """Say whether the application has that conversation.

        One of another application is as good as none, and so is one that the leg has just left for good.
        """
        found = self._conversations.get(command.conversation)
        there = (
            found is not None
            and found is not room
            and found.heart.room.application.id == room.heart.room.application.id
            and not found.heart.room.closed
        )
        self.report(events.ConversationFound(effect=command.effect, leg=command.leg, found=there))

    def _move(self, room: RoomOwner, command: commands.Move) -> None:
        leg = command.leg
        target: RoomOwner | None
        match command.target:
            case commands.Named(name=name):
                target = self._conversations.named(room, name)
            case commands.Existing(conversation=conversation):
                target = self._conversations.get(conversation)
            case _:
                target = self._conversations.open_beside(room)
        if target is None:  # it was closed meanwhile
            log.warning("a leg has nowhere to go", leg=leg.id)
            self._release(commands.Release(leg=leg.id))
            return
        self._where[leg.id] = target
        target.post(events.LegArrived(leg=leg, source=room.id))

    def _end_of_a_bug(self, room: RoomOwner, error: BaseException) -> None:
        """The rules of this conversation broke: end it, and only it."""
        for leg in [leg for leg, where in self._where.items() if where is room]:
            view = self._views.get(leg)
            if view is not None:
                ended, fact = broken(view, self.clock.instant())
                hook = room.heart.room.application.event
                with self.outside.store.together():
                    self.hooks.tell(room.id, view.application, commands.Tell(leg=leg, hook=hook, fact=fact))
                    self._publish(ended)
            ringing = view is not None and view.direction == "inbound" and view.answered_at is None
            self._release(commands.Release(leg=leg, sip_code=500 if ringing else None))
        self.effects.drop_room(room)
        if self.chronicler is not None and room.projector is not None:
            self.chronicler.broken(room.projector, self.clock.wallclock())
        self._conversations.drop(room)

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, room: RoomOwner, command: Command) -> None:
        match command:
            case commands.Tell():
                self.hooks.tell(room.id, room.heart.room.application.id, command)
            case commands.Ask():
                self.hooks.ask(room.id, room.heart.room.application.id, command)
            case commands.Publish(view=view):
                self._publish(view)
            case commands.Dial():
                self._dial(room, command)
            case commands.Alert(leg=leg):
                self._reached_by[leg].alert(leg)
            case commands.OpenEarly(leg=leg):
                self._reached_by[leg].open_early(leg)
            case commands.Answer(leg=leg):
                self._reached_by[leg].answer(leg)
            case commands.ShowKey(leg=leg, digit=digit, held_ms=held):
                far = self._reached_by.get(leg)
                if isinstance(far, ports.ShowsKeys):
                    far.show_key(leg, digit, held)
            case commands.TellReferrer(leg=leg, status=status, reason=reason):
                self.transfers.tell(leg, status, reason)
            case commands.Release():
                self._release(command)
            case commands.Find():
                self._find(room, command)
            case commands.Move():
                self._move(room, command)
            case commands.Close():
                self._conversations.drop(room)
            case _:
                self.effects.carry_out(room, command)

    def _dial(self, room: RoomOwner, command: commands.Dial) -> None:
        leg = command.leg
        self._where[leg] = room
        application = room.heart.room.application.id
        endpoint = self._endpoints.get(command.to.kind)
        if endpoint is None:
            why = f"no {command.to.kind} endpoints on this installation"
            self.report(events.LegFailed(leg=leg, cause="no-route", why=why))
        elif self._is_child(leg) and (refusal := self.guard.begins(application, command.to, leg=leg)) is not None:
            self.report(self.guard.failure(leg, refusal))
        else:
            self._reached_by[leg] = endpoint
            endpoint.dial(leg, command.to, command.from_, application)

    def _is_child(self, leg: LegId) -> bool:
        """Whether the leg was made by a `connect`: those of REST were counted when they were asked for."""
        owner = self._where[leg].heart.leg(leg)
        return owner is not None and owner.parent is not None

    def _release(self, command: commands.Release) -> None:
        leg = command.leg
        endpoint = self._reached_by.pop(leg, None)
        if endpoint is not None:
            endpoint.release(leg, sip_code=command.sip_code, far_is_gone=command.far_is_gone)
        self.effects.drop_leg(leg)
        self.hooks.drop_questions_of(leg)
        self._where.pop(leg, None)
        self._views.pop(leg, None)
        if not self._where:
            self._idle.set()

    def _publish(self, view: LegView) -> None:
        if view.ended_at is None:
            self._views[view.uuid] = view
        self.outside.store.write_leg(record_of(view))
        for watcher in self._watchers:
            watcher(view)

    # ── events and notes of conversations ──────────────────────────────────────────────────────────────────────────

    def _report_of_room(self, room: ConversationId, event: Event) -> None:
        """An effect of a leg follows the leg; the conversation's own stay with it."""
        if getattr(event, "leg", None) is not None:
            self.report(event)
        elif (owner := self._conversations.get(room)) is not None:
            owner.post(event)

    def _trace_hook(self, room: ConversationId, leg: LegId | None, data: dict[str, Any]) -> None:
        owner = self._where.get(leg) if leg is not None else None
        book = owner.book if owner is not None else self._conversations.book(room)
        if book is not None:
            book.write("trace", leg, data)
