"""The heart of one conversation: events in, commands out, always the same for the same.

Each conversation has its own total order. `handle` works one event off completely, follow-ups included, and returns the
commands in the order in which they are to be carried out.
"""

from __future__ import annotations

from typing import Final

from ringline.base import EffectId, Instant, LegId
from ringline.calls import announcements, detection, endings, keys, life, live, moves, recordings, referrals, scripts
from ringline.calls.commands import Close, Command
from ringline.calls.events import (
    BeepHeard,
    CardCharged,
    CardEntered,
    CardKeyed,
    ConversationFound,
    DeleteAsked,
    Event,
    HandedOver,
    IncomingLeg,
    Instructions,
    InstructionsFaulty,
    KeyDown,
    KeyReleased,
    KeysSent,
    LegAnswered,
    LegArrived,
    LegDisconnected,
    LegFailed,
    LegGone,
    LegIdentified,
    LegInvited,
    LegLost,
    LegProgress,
    LegRated,
    LegReplaces,
    LegTroubled,
    MachineVerdict,
    MemberLeft,
    Opened,
    Orphaned,
    OutgoingLeg,
    PaymentOpened,
    PlayEnded,
    ProfileChanged,
    Recognised,
    RecordingDone,
    RecordingFailed,
    ReferAsked,
    RoomKeysAsked,
    RoomPlayAsked,
    RoomRecordAsked,
    RoomRecordPauseAsked,
    RoomRecordStopAsked,
    RoomStopAsked,
    SilenceFound,
    SpeechEnded,
    SpeechStarted,
    Ticked,
)
from ringline.calls.mixing import arrange
from ringline.calls.state import BEEP, DETECTION, FAREWELL, LENGTH, RING, Leg, Room
from ringline.calls.status import Status
from ringline.calls.turn import (
    ChildEnded,
    ChildReady,
    ChildRinging,
    Depart,
    EndLeg,
    GoOn,
    Inner,
    OfLeg,
    PromptOver,
    RecordingSettled,
    ScriptDone,
    Turn,
    Woke,
)
from ringline.calls.verdict import Side, Verdict, cancelled, completed, no_response, timed_out

HEART: Final = 5
"Version of the rules; a journal written under another may give other commands."
_FAREWELL_S: Final = 3.0
_MOST_FOLLOW_UPS: Final = 10_000


class Conversation:
    """One conversation's state and rules, without I/O."""

    def __init__(self, opened: Opened) -> None:
        self.room = Room(id=opened.conversation, application=opened.application, seed=opened.seed, name=opened.name)

    @property
    def legs(self) -> tuple[LegId, ...]:
        return tuple(self.room.legs)

    def leg(self, leg: LegId) -> Leg | None:
        """The leg's state, for reading only."""
        return self.room.legs.get(leg)

    def deadline(self) -> float | None:
        """When `Ticked` is wanted next."""
        timers = [self.room.timers, *(leg.timers for leg in self.room.legs.values())]
        return min((when for timer in timers for when in timer.values()), default=None)

    def handle(self, event: Event, at: Instant) -> list[Command]:
        """Take one event; give the commands that follow from it."""
        turn = Turn(self.room, at)
        self._outer(turn, event)
        self._settle(turn)
        return turn.commands

    def _outer(self, turn: Turn, event: Event) -> None:
        match event:
            case IncomingLeg():
                life.incoming(turn, event)
            case OutgoingLeg():
                life.outgoing(turn, event)
            case LegArrived():
                moves.arrive(turn, event)
            case LegReplaces():
                referrals.replaces(turn, event)
            case RecordingDone() | RecordingFailed():
                recordings.settled(turn, event)
            case Ticked():
                _tick(turn)
            case Orphaned():
                endings.orphaned(turn, event)
            case PlayEnded(leg=None):
                announcements.ended(turn, event)
                recordings.beep_over(turn, event)
            case LegInvited() | MemberLeft() | ProfileChanged() | DeleteAsked():
                _of_members(turn, event)
            case RoomPlayAsked() | RoomStopAsked() | RoomKeysAsked() | RoomRecordAsked() | RoomRecordStopAsked():
                _to_everybody(turn, event)
            case RoomRecordPauseAsked(paused=paused):
                recordings.pause_by_rest(turn, paused=paused)
            case _:
                leg = self.room.legs.get(getattr(event, "leg", None) or LegId(""))
                if leg is not None:
                    _to_leg(turn, leg, event)

    def _settle(self, turn: Turn) -> None:
        """Work the follow-ups off, then let the rules for those who are left speak, until nothing moves any more."""
        for _ in range(_MOST_FOLLOW_UPS):
            while turn.inner:
                _follow_up(turn, turn.inner.popleft())
            _let_the_last_one_go(turn)
            if not turn.inner:
                break
        else:
            raise AssertionError("the rules chase their own tail")
        if not self.room.legs:
            recordings.stop_all(turn)
        recordings.begin_awaited(turn)
        announcements.forget_absent(turn)
        arrange(turn)
        room = self.room
        lasts = room.name is not None and not room.deleted
        if not lasts and not room.legs and not room.recordings and not room.closed:
            room.closed = True
            turn.emit(Close())


def _of_members(turn: Turn, event: LegInvited | MemberLeft | ProfileChanged | DeleteAsked) -> None:
    match event:
        case LegInvited():
            life.invited(turn, event)
        case MemberLeft():
            endings.removed(turn, event)
        case DeleteAsked():
            endings.deleted(turn, event)
        case ProfileChanged(profile=profile) if turn.room.name is not None:
            turn.room.name = profile.name


def _to_everybody(
    turn: Turn, event: RoomPlayAsked | RoomStopAsked | RoomKeysAsked | RoomRecordAsked | RoomRecordStopAsked
) -> None:
    match event:
        case RoomPlayAsked():
            announcements.ask(turn, event)
        case RoomStopAsked():
            announcements.stop(turn, event)
        case RoomKeysAsked():
            announcements.send_keys(turn, event)
        case RoomRecordAsked():
            recordings.start_by_rest(turn, event)
        case RoomRecordStopAsked():
            recordings.stop_by_rest(turn, event)


def _tick(turn: Turn) -> None:
    now = turn.at.now
    for name in [name for name, when in turn.room.timers.items() if when <= now]:
        del turn.room.timers[name]
        recordings.stop_recording(turn, EffectId(name.removeprefix(recordings.TIMER)))
    due = [(when, leg.id, name) for leg in turn.room.legs.values() for name, when in leg.timers.items() if when <= now]
    for _, leg_id, name in sorted(due, key=lambda entry: entry[0]):
        turn.room.legs[leg_id].timers.pop(name, None)
        turn.then(Woke(leg_id, name))


def _to_leg(turn: Turn, leg: Leg, event: Event) -> None:
    match event:
        case LegProgress():
            life.progress(turn, leg, event)
        case LegAnswered():
            life.answered(turn, leg)
        case LegFailed():
            endings.failed(turn, leg, event)
        case LegRated():
            life.rated(leg, event)
        case LegIdentified(person=person):
            leg.person = person
        case LegGone(sip_code=code):
            why = "the far end hung up"
            verdict = completed(Side.FAR, why, sip_code=code or 200) if leg.up else cancelled(Side.FAR, why)
            turn.then(EndLeg(leg.id, verdict, far_is_gone=True))
        case LegLost(why=why, sip_code=code):
            turn.then(EndLeg(leg.id, _lost(leg, why, code)))
        case LegDisconnected(why=why):
            life.disconnected(turn, leg, why or "the application closed the socket")
        case MachineVerdict():
            detection.judged(turn, leg, event)
        case BeepHeard():
            detection.beeped(turn, leg, event)
        case KeyDown():
            keys.pressed(turn, leg, event)
        case KeyReleased():
            keys.released(turn, leg, event)
        case KeysSent(effect=effect) if effect == leg.keys:
            life.after_keys(turn, leg)
        case Instructions(effect=effect) if effect == leg.asking:
            life.instructed(turn, leg, event)
        case Instructions(effect=effect) if effect == leg.transferring:
            live.transfer_instructed(turn, leg, event)
        case Instructions(effect=effect) if effect in leg.remarks:
            life.remarked(turn, leg, event)
        case InstructionsFaulty(reason=reason) | LegTroubled(reason=reason):
            turn.error(reason, leg)
        case PlayEnded(effect=effect) if effect == leg.prompt:
            leg.prompt = None
            if event.failure:
                turn.error(event.failure, leg)
            turn.then(PromptOver(leg.id))
        case ReferAsked():
            referrals.asked(turn, leg, event)
        case HandedOver():
            referrals.handed_over(turn, leg, event)
        case PlayEnded(effect=effect) if leg.referral is not None and effect == leg.referral.ringback:
            referrals.tone_ended(turn, leg, event)
        case PlayEnded(effect=effect) if effect == leg.music:
            leg.music = None
            if event.failure:
                turn.error(event.failure, leg)
        case PlayEnded() | SilenceFound() | Instructions() | ConversationFound():
            scripts.hear(turn, leg, event)
        case SpeechStarted() | SpeechEnded() | Recognised():
            scripts.hear(turn, leg, event)
        case PaymentOpened() | CardKeyed() | CardEntered() | CardCharged():
            scripts.hear(turn, leg, event)
        case _:
            live.control(turn, leg, event)


def _lost(leg: Leg, why: str, code: int | None) -> Verdict:
    if leg.up:
        return completed(Side.PLATFORM, why, sip_code=code or 200)
    return cancelled(Side.FAR, why)


def _follow_up(turn: Turn, event: Inner) -> None:
    if isinstance(event, RecordingSettled):
        for waiting in list(turn.room.legs.values()):
            scripts.hear(turn, waiting, event)
        return
    leg = turn.room.legs.get(event.leg) if isinstance(event, OfLeg) else None
    if leg is None:
        return
    match event:
        case EndLeg(verdict=verdict, far_is_gone=gone):
            endings.end(turn, leg, verdict, far_is_gone=gone)
        case Depart():
            moves.depart(turn, leg, event)
        case ScriptDone():
            life.script_done(turn, leg)
        case GoOn():
            life.go_on(turn, leg)
        case Woke(timer=timer):
            _woke(turn, leg, timer)
        case ChildReady(child=child) if child not in turn.room.legs:
            pass
        case ChildReady() | ChildRinging() | ChildEnded() if referrals.hear(turn, leg, event):
            pass
        case ChildReady() | ChildRinging() | ChildEnded() | PromptOver():
            scripts.hear(turn, leg, event)


def _woke(turn: Turn, leg: Leg, timer: str) -> None:
    if timer == RING and not leg.up:
        # A socket does not ring: that it was not opened in time is as when the handshake's own time is over.
        turn.then(EndLeg(leg.id, no_response() if leg.to.kind == "websocket" else timed_out()))
    elif timer == LENGTH:
        turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "the longest allowed time is over")))
    elif timer == FAREWELL:
        leg.parting = False
        if _nobody_has_anything_left(turn.room):
            turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "its script is complete")))
    elif timer == DETECTION:
        detection.undecided(turn, leg)
    elif timer == BEEP:
        detection.no_beep(turn, leg)
    else:
        scripts.hear(turn, leg, Woke(leg.id, timer))


def _let_the_last_one_go(turn: Turn) -> None:
    """A leg left alone in its call, with nothing to run, is hung up; so are WebSockets left among themselves.

    Its recordings are closed first, and their webhooks sent before `completed`, if that takes no longer than 3 s.
    """
    room = turn.room
    for leg in room.legs.values():
        if leg.status is Status.DISCONNECTED and not leg.busy:  # nothing is left to run, and nobody to hear anything
            turn.then(EndLeg(leg.id, completed(Side.FAR, "its socket is closed"), far_is_gone=True))
    if room.name is not None or turn.inner or not room.legs:
        return
    if not _nobody_has_anything_left(room):
        return
    for leg in list(room.legs.values()):
        if room.recordings and not leg.parting:
            leg.parting = True
            turn.wake(leg, FAREWELL, _FAREWELL_S)
            recordings.stop_all(turn)
        elif not room.recordings:
            turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "its script is complete")))


def _nobody_has_anything_left(room: Room) -> bool:
    """One leg that is alone, or WebSockets among themselves, and no script that runs or is to come.

    What REST has a leg hear is heard to its end, as it would be before a further action.
    """
    legs = list(room.legs.values())
    if any(leg.busy or not leg.up or (leg.prompt is not None and leg.prompt_holds) for leg in legs):
        return False
    return len(legs) == 1 or all(leg.to.kind == "websocket" and leg.direction != "inbound" for leg in legs)
