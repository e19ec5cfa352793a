"""connect: call somebody and join them to this leg's conversation (NCCO reference: connect)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.base import EffectId, LegId
from ringline.calls.actions.base import Go, Replace, RunningAction, Step
from ringline.calls.commands import Ask, AudioFile, Dial, Fresh, Play, Source, StopPlay, Tell, Tone
from ringline.calls.detection import for_far_end
from ringline.calls.events import Event, Instructions, PlayEnded
from ringline.calls.parties import Hook, Party
from ringline.calls.report import tell_status
from ringline.calls.state import FULL, RING, Detection, Leg
from ringline.calls.status import MAY_ANSWER_WITH_SCRIPT, Direction, Status
from ringline.calls.turn import ChildEnded, ChildReady, ChildRinging, Depart, EndLeg, Inner, Remarked, Turn
from ringline.calls.verdict import Side, Verdict, cancelled, completed


@dataclass(slots=True, kw_only=True)
class Connecting(RunningAction):
    """A connect action, from dialling to the child's joining or failing."""

    to: Party
    from_: Party
    ring_limit_s: float = 60
    length_limit_s: float = 7200
    dtmf_answer: str = ""
    on_answer: Hook | None = None
    detection: Detection | None = None
    synchronous: bool = False
    ringback_url: str | None = None
    hook: Hook | None = None

    child: LegId | None = None
    ringback: EffectId | None = None
    asking: EffectId | None = None
    gone: bool = False
    "The child has ended, and the application is still to answer a remark about it."
    instead: str | None = None
    "A script that came back for a remark: what runs when this action is complete."
    answers: ClassVar[bool] = False

    def start(self, turn: Turn, leg: Leg) -> Step:
        if leg.script is not None and leg.script.whisper:
            # Who calls on, instead of joining the caller, does so in a conversation of its own.
            leg.script.whisper = False
            leg.script.position -= 1
            turn.then(Depart(leg.id, Fresh()))
            return Go.WAIT
        if len(turn.room.legs) >= turn.room.application.most_legs:
            turn.error(FULL, leg)
            return Go.NEXT
        child = Leg(
            id=turn.new_leg(),
            direction=Direction.OUTBOUND,
            from_=self.from_,
            to=self.to,
            created_at=turn.at.wallclock,
            event=self.hook or leg.event_hook,
            parent=leg.id,
            ring_limit_s=self.ring_limit_s,
            length_limit_s=self.length_limit_s,
            dtmf_answer=self.dtmf_answer,
            on_answer=self.on_answer,
            detection=for_far_end(self.detection, self.to.kind),
        )
        self.child = child.id
        turn.room.legs[child.id] = child
        tell_status(turn, child)
        turn.emit(Dial(leg=child.id, to=child.to, from_=child.from_))
        turn.wake(child, RING, child.ring_limit_s)
        if self.ringback_url:
            turn.open_early(leg)
            self._ring_back(turn, leg, AudioFile(url=self.ringback_url))
        return Go.WAIT

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case ChildRinging(child=child, early_media=early) if child == self.child and not self.ringback_url:
                self._ringing(turn, leg, child, early)
            case ChildReady(child=child) if child == self.child:
                return self._join(turn, leg, child)
            case ChildEnded(child=child) if child == self.child:
                return self._failed(turn, leg, event)
            case Remarked(about=child, script=script) if child == self.child:
                self.instead = script or self.instead
                if self.gone and child not in leg.remarks.values():
                    return self._complete()
            case PlayEnded(effect=effect, failure=reason) if effect == self.ringback:
                self.ringback = None
                if reason is None:
                    return Go.WAIT
                turn.error(reason, leg)
                if leg.up or leg.early_open:
                    self._ring_back(turn, leg, self._local_tone())
            case Instructions(effect=effect) if effect == self.asking:
                return Replace(event.script) if event.script else Go.NEXT
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        self._hush(turn, leg)
        child = turn.room.legs.get(self.child) if self.child else None
        if child is None:
            return
        if child.up:
            turn.then(EndLeg(child.id, completed(Side.PLATFORM, "its caller is gone")))
        else:
            turn.then(EndLeg(child.id, cancelled(Side.PLATFORM, "its caller gave up")))

    def claims(self, child: LegId, verdict: Verdict) -> bool:
        """The child's outcome is asked about, not merely told: its webhook may bring another script."""
        return child == self.child and self.synchronous and verdict.status in MAY_ANSWER_WITH_SCRIPT

    def _ringing(self, turn: Turn, leg: Leg, child: LegId, early_media: bool) -> None:
        if early_media:
            self._hush(turn, leg)
            turn.open_early(leg)
            leg.hears_early = child
            return
        if leg.hears_early is not None and turn.room.legs[child].up:
            leg.hears_early = None
        if (leg.up or leg.early_open) and leg.hears_early is None and self.ringback is None:
            # Another unanswered caller hears the ringing that his own network makes of our 180.
            self._ring_back(turn, leg, self._local_tone())

    def _join(self, turn: Turn, leg: Leg, child: LegId) -> Step:
        self._hush(turn, leg)
        turn.room.legs[child].joined = True
        self.child = None  # from now on it is a leg like any other
        turn.answer(leg)
        return self._complete()

    def _complete(self) -> Step:
        return Replace(self.instead) if self.instead else Go.NEXT

    def _failed(self, turn: Turn, leg: Leg, event: ChildEnded) -> Step:
        self._hush(turn, leg)
        if event.verdict.status is not Status.COMPLETED:
            leg.last_outcome = event.verdict
        if self.claims(event.child, event.verdict) and (hook := self.hook or leg.event_hook):
            self.asking = turn.new_effect()
            turn.emit(Ask(effect=self.asking, leg=leg.id, kind="event", hook=hook, fact=event.fact, after=event.child))
            if event.late is not None:
                turn.emit(Tell(leg=event.child, hook=hook, fact=event.late))
            return Go.WAIT
        if event.child in leg.remarks.values():
            self.gone = True
            return Go.WAIT
        return self._complete()

    def _ring_back(self, turn: Turn, leg: Leg, source: Source) -> None:
        self.ringback = turn.new_effect()
        turn.emit(Play(effect=self.ringback, owner=leg.id, leg=leg.id, source=source, loop=0))

    def _local_tone(self) -> Tone:
        american = self.to.kind == "phone" and self.to.address.startswith("1")
        return Tone(name="ringback-us" if american else "ringback")

    def _hush(self, turn: Turn, leg: Leg) -> None:
        leg.hears_early = None
        if self.ringback:
            turn.emit(StopPlay(effect=self.ringback))
            self.ringback = None
