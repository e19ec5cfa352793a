"""The owner of all conversations: gives each event to the one it belongs to, and each command to who can do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ringline.accounts import Application, Directory, Limits, Policy, RateTable, Refusal
from ringline.base import (
    ApplicationId,
    Clock,
    ConversationId,
    EffectId,
    LegId,
    Random,
    get_log,
)
from ringline.calls import commands, events
from ringline.calls.commands import Command
from ringline.calls.events import Event
from ringline.calls.facts import LegView
from ringline.calls.figures import MediaFigures
from ringline.calls.membership import Person
from ringline.calls.parties import MOST_LEGS, Hook, Party
from ringline.chronicle import Entry
from ringline.engine import ports
from ringline.engine.aftermath.broken import broken
from ringline.engine.cashier import Cashier
from ringline.engine.chronicler import Chronicler, Watcher
from ringline.engine.conversations import Conversations
from ringline.engine.delivery.hooks import Hooks
from ringline.engine.guard import Guard
from ringline.engine.records import record_of
from ringline.engine.rooms import Reopened, RoomOwner
from ringline.engine.sound.barge_in import BargeIns
from ringline.engine.sound.detection import Detections
from ringline.engine.sound.listening import Listeners
from ringline.engine.sound.prompts import Prompts
from ringline.engine.sound.recorder import Recorder
from ringline.engine.sound.speaking import Speaking
from ringline.engine.sound.transcriptions import Transcriptions
from ringline.engine.transfers import Transfers

log = get_log(__name__)
_LAST_WORDS_S = 30.0
MediaWatcher = Callable[[ports.MediaConnected | ports.MediaInterrupted], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the engine must know of the installation."""

    public_url: str
    "Base URL of the REST API as applications reach it, without a slash at the end."
    file_url: str
    "Where recordings are fetched, with `{id}` in place of the file's id."
    legs_per_second: float = 0
    "New outbound legs per application; 0 is no limit."
    inbound_limit_s: float = 7200
    conversation_legs: int = MOST_LEGS
    "The most of one conversation."
    limits: Limits | None = None
    "What applications and trunks may spend, and whom nobody may call; None: only `legs_per_second`, and the defaults."
    rates: RateTable | None = None
    "What calls cost; None: nothing."
    rate_step_s: int = 1
    "The time that is paid for is rounded up to a multiple of so many seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The shells, as the engine knows them."""

    media: ports.Media
    voice: ports.Voice
    files: ports.PromptFiles
    recordings: ports.Recordings
    http: ports.HttpClient
    store: ports.Store
    detector: ports.Detector | None = None
    "None: everybody who answers is a person."
    recogniser: ports.Recogniser | None = None
    "None: speech is not recognised, and `input` says so."
    transcriber: ports.Transcriber | None = None
    "None: recordings are not written down, and the webhook says so."
    payments: ports.Payments | None = None
    "None: `pay` fails at once."
    chronicle: ports.Chronicle | None = None
    "None: there is no conversation service, and conversations are forgotten with the process."


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
        self._prompts = Prompts(
            ear_of=lambda listening: self._listeners.ear(listening),
            media=outside.media,
            voice=outside.voice,
            files=outside.files,
            clock=clock,
            report=self._report_of_room,
        )
        self.recorder = Recorder(
            media=outside.media,
            recordings=outside.recordings,
            store=outside.store,
            clock=clock,
            file_url=options.file_url,
            report=self._report_of_room,
        )
        self._barge_ins = BargeIns(clock=clock, trace=self.trace)
        self.transcriptions = Transcriptions(
            transcriber=outside.transcriber,
            recordings=outside.recordings,
            store=outside.store,
            clock=clock,
            file_url=options.file_url,
            tell=self.hooks.tell,
        )
        self._detections = Detections(outside.detector, report=self.report, trace=self.trace)
        self._cashier = Cashier(payments=outside.payments, clock=clock, report=self.report)
        self._listeners = Listeners(
            recogniser=outside.recogniser,
            recordings=outside.recordings,
            store=outside.store,
            file_url=options.file_url,
            barred=self._cashier.is_open,
            report=self.report,
        )
        self._cashier.on_open = self._listeners.deafen
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
            measure=self._measure,
            chronicler=self.chronicler,
        )
        self._where: dict[LegId, RoomOwner] = {}
        self.transfers = Transfers(self._where, self._reached_by)
        self._views: dict[LegId, LegView] = {}
        self._sent_keys: dict[EffectId, LegId] = {}
        self._watched: dict[EffectId, LegId] = {}
        self.guard = Guard(
            clock=clock,
            book=outside.store,
            limits=options.limits or Limits(default=Policy(calls_per_second=options.legs_per_second)),
            rates=options.rates,
            step_s=options.rate_step_s,
        )
        self._speaking = Speaking(media=outside.media, directory=directory, report=self.report)
        self._watchers: list[Callable[[LegView], None]] = [self.guard.follow, self._speaking.follow]
        self._media_watchers: list[MediaWatcher] = []
        self._idle = asyncio.Event()
        self._idle.set()
        outside.media.listen(self._heard)

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
        self._media_watchers.append(watcher)

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
        if isinstance(event, events.KeyDown | events.KeyReleased) and self._cashier.takes(event):
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
            "prompts": self._prompts.busy,
            "recordings": self.recorder.busy,
            "transcriptions": self.transcriptions.busy,
            "webhooks": self.hooks.busy,
            "keys being sent": len(self._sent_keys),
            "silence watches": len(self._watched),
            "listeners": self._listeners.busy,
            "payments": self._cashier.busy,
            "detections": self._detections.busy,
            "voices watched": self._speaking.busy,
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
                await self._cashier.drained()
                await self.recorder.drained()
                self.transcriptions.close()
                await self.hooks.drained()
        except TimeoutError:
            log.warning("stopped before all was sent", left=self.leftovers())
        self.transcriptions.close()
        self.hooks.close()
        self._prompts.close()
        self._listeners.close()
        self._cashier.close()
        self._speaking.close()
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
        self.outside.media.arrange(room.id, {})
        for effect in list(room.heart.room.recordings):
            self.recorder.stop(effect)
        if self.chronicler is not None and room.projector is not None:
            self.chronicler.broken(room.projector, self.clock.wallclock())
        self._conversations.drop(room)

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, room: RoomOwner, command: Command) -> None:
        media = self.outside.media
        match command:
            case commands.Tell():
                self.hooks.tell(room.id, room.heart.room.application.id, command)
            case commands.Ask():
                self.hooks.ask(room.id, room.heart.room.application.id, command)
            case commands.Play():
                self._prompts.play(room.id, command, application=room.heart.room.application.id)
            case commands.StopPlay(effect=effect):
                self._barge_ins.cut(effect, room.working_on)
                self._prompts.stop(effect)
            case commands.SendKeys(effect=effect, leg=leg, digits=digits):
                self._sent_keys[effect] = leg
                media.send_keys(effect, leg, digits)
            case commands.WatchSilence(effect=effect, leg=leg, seconds=seconds):
                self._watched[effect] = leg
                media.watch_silence(effect, leg, seconds)
            case commands.Unwatch(effect=effect):
                self._watched.pop(effect, None)
                media.unwatch(effect)
            case commands.Detect():
                self._detections.start(command)
            case commands.StopDetecting(effect=effect):
                self._detections.stop(effect)
            case commands.StartRecording():
                self.recorder.start(room.id, room.heart.room.application.id, command)
            case commands.PauseRecording(effect=effect, paused=paused):
                self.recorder.pause(effect, paused=paused)
            case commands.StopRecording(effect=effect):
                self.recorder.stop(effect)
            case commands.Transcribe():
                self.transcriptions.start(room.id, room.heart.room.application.id, command)
            case commands.Listen():
                self._listeners.listen(room.heart.room.application.id, command)
            case commands.StopListening(effect=effect, finish=finish):
                self._listeners.stop(effect, finish=finish)
            case commands.OpenPayment() | commands.CollectCard() | commands.ChargeCard() | commands.ClosePayment():
                self._cashier.carry_out(room.id, room.heart.room.application.id, command)
            case commands.Arrange(hears=hears, muted=muted, crowd=crowd, silent=silent):
                plan = dict.fromkeys(crowd, frozenset(crowd).difference(silent))
                plan.update((leg, frozenset(heard)) for leg, heard in hears)
                media.arrange(room.id, plan, muted=frozenset(muted))
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
                raise AssertionError(f"nobody carries out {type(command).__name__}")

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
        self._prompts.drop_owned_by(leg)
        self._listeners.drop(leg)
        self._cashier.drop(leg)
        self._detections.drop_owned_by(leg)
        self._barge_ins.drop(leg)
        self.hooks.drop_questions_of(leg)
        for awaited in (self._sent_keys, self._watched):
            for effect in [effect for effect, owner in awaited.items() if owner == leg]:
                del awaited[effect]
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

    # ── what the media core tells ──────────────────────────────────────────────────────────────────────────────────

    def _heard(self, event: ports.MediaEvent) -> None:
        match event:
            case ports.KeyDown(leg=leg, digit=digit):
                self.report(events.KeyDown(leg=leg, digit=digit))
            case ports.KeyReleased(leg=leg, digit=digit, held_ms=held):
                self.report(events.KeyReleased(leg=leg, digit=digit, held_ms=held))
            case ports.PlaybackFinished():
                self._barge_ins.finished(event)
                self._prompts.finished(event)
            case ports.KeysSent(keys=effect):
                leg_of_keys = self._sent_keys.pop(effect, None)
                if leg_of_keys is not None:
                    self.report(events.KeysSent(effect=effect, leg=leg_of_keys))
            case ports.SilenceReached(watch=effect):
                watched = self._watched.pop(effect, None)
                if watched is not None:
                    self.report(events.SilenceFound(effect=effect, leg=watched))
            case ports.SpeechStarted() | ports.SpeechStopped():
                self._speaking.heard(event)
            case ports.MediaTimeout(leg=leg):
                self.report(events.LegLost(leg=leg, why="no audio came any more"))
            case ports.LegMediaFailed(leg=leg, why=why):
                self.report(events.LegLost(leg=leg, why=why))
            case ports.MediaConnected() | ports.MediaInterrupted():
                for watcher in self._media_watchers:
                    watcher(event)
            case ports.AudioStarted(leg=leg):
                self.trace(leg, {"what": "audio", "text": "first audio from the far end"})

    def _measure(self, leg: LegId) -> MediaFigures | None:
        """What a leg's audio has amounted to so far; None when it has none."""
        counted = self.outside.media.counters(leg)
        if counted is None:
            return None
        barge_ins, barge_in_ms = self._barge_ins.figures(leg)
        return MediaFigures(
            leg=leg,
            packets_received=counted.packets_received,
            packets_lost=counted.packets_lost,
            packets_late=counted.packets_late,
            jitter_ms=round(counted.jitter_ms, 3),
            opinion=round(counted.opinion, 3) if counted.opinion is not None else None,
            bytes_in=counted.bytes_in,
            bytes_out=counted.bytes_out,
            barge_ins=barge_ins,
            barge_in_ms=barge_in_ms,
        )

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
