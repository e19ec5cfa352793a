"""pay: take a card payment by keypad (NCCO reference: pay).

The heart never sees a digit. It says which field is asked for and hears a verdict; the keys themselves go to the
collector alone, and nobody else hears or records the leg meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

from ringline.base import EffectId
from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.commands import ChargeCard, ClosePayment, CollectCard, OpenPayment, Play, Speech, StopPlay, Tell
from ringline.calls.events import (
    CardCharged,
    CardEntered,
    CardKeyed,
    Event,
    PaymentOpened,
    PlayAsked,
    PlayEnded,
    StopAsked,
)
from ringline.calls.facts import PayFact
from ringline.calls.parties import Hook
from ringline.calls.state import ACTION, Leg
from ringline.calls.status import Direction
from ringline.calls.turn import Inner, Turn, Woke
from ringline.payments import FIELDS, KEY_WAIT_S, CardField, FieldVerdict, error_text, prompt_text

NOT_HERE: Final = "Payment not possible: only the first leg of an inbound call can pay."
_CHARGE_S: Final = 90.0
"Longer than any payment gateway is waited for: should its answer get lost, the call goes on all the same."
_LAST_KEY_S: Final = 0.5
"The last key is still down when its verdict, or that of a quick gateway, is known: its tone must not be heard either."


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPrompt:
    """What is said to ask for one field."""

    text: str
    errors: Mapping[str, str] = field(default_factory=dict)
    "By the name of the error."


class PayState(StrEnum):
    """How far the payment has come."""

    OPENING = "opening"
    ASKING = "asking"
    CHARGING = "charging"
    LEAVING = "leaving"
    "It is over; the last key is let go."


@dataclass(slots=True, kw_only=True)
class Paying(RunningAction):
    """A pay action."""

    ENUMS: ClassVar = {"state": PayState}

    amount: str
    currency: str
    hook: Hook | None
    language: str
    style: int
    prompts: Mapping[str, CardPrompt]
    "By the name of the field."

    state: PayState = PayState.OPENING
    effect: EffectId | None = None
    "What is waited for: the opening, a field or the charge."
    place: int = 0
    "Which of `FIELDS` is asked for."
    failures: int = 0
    "How often the present field has failed."
    saying: tuple[str, ...] = ()
    "What is still to be said after what plays now."
    playing: EffectId | None = None
    entered_s: float = 0.0
    "When the last field was complete."
    status: str = "failure"
    "What will be reported."
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        if leg.direction is not Direction.INBOUND or turn.room.first_leg != leg.id:
            turn.error(NOT_HERE, leg)
            return self._report(turn, leg, "failure")
        leg.hushed = True
        self.effect = turn.new_effect()
        turn.emit(OpenPayment(effect=self.effect, leg=leg.id))
        return Go.WAIT

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case PaymentOpened(effect=effect, ready=ready) if effect == self.effect:
                return self._ask(turn, leg) if ready else self._report(turn, leg, "failure")
            case PlayEnded(effect=effect, failure=failure) if effect == self.playing:
                if failure:
                    turn.error(failure, leg)
                self._say_next(turn, leg)
            case StopAsked(kind="talk") if self.playing:
                self._cut(turn)
                self._say_next(turn, leg)
            case PlayAsked() if self.playing:  # REST speaks instead; the entry goes on
                self._cut(turn)
                self.saying = ()
                self._say_next(turn, leg)
            case CardKeyed(effect=effect) if effect == self.effect:
                self._cut(turn)
                self.saying = ()
                leg.timers.pop(ACTION, None)  # from now on the collector knows when the last key was
            case CardEntered(effect=effect, verdict=verdict) if effect == self.effect:
                return self._entered(turn, leg, verdict)
            case CardCharged(effect=effect, outcome=outcome) if effect == self.effect:
                return self._leave(turn, leg, "success" if outcome == "charged" else "failure")
            case Woke(timer=timer) if timer == ACTION:
                if self.state is PayState.ASKING:
                    return self._entered(turn, leg, FieldVerdict.TIMEOUT)
                return self._report(turn, leg, self.status)
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        leg.timers.pop(ACTION, None)
        self._cut(turn)
        if leg.hushed:
            leg.hushed = False
            turn.emit(ClosePayment(leg=leg.id))

    # ── the dialogue ───────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, turn: Turn, leg: Leg, *first: str) -> Step:
        """Ask for the present field, after what is to be said first. Keys count from now on, also while we speak."""
        name = FIELDS[self.place]
        self.state = PayState.ASKING
        self.effect = turn.new_effect()
        turn.emit(CollectCard(effect=self.effect, leg=leg.id, field=name.value))
        self.saying = (*first, self._text(name))
        self._say_next(turn, leg)
        return Go.WAIT

    def _entered(self, turn: Turn, leg: Leg, verdict: str) -> Step:
        self._cut(turn)
        leg.timers.pop(ACTION, None)
        self.entered_s = turn.at.now
        if verdict == FieldVerdict.OK:
            self.failures = 0
            self.place += 1
            return self._ask(turn, leg) if self.place < len(FIELDS) else self._charge(turn, leg)
        self.failures += 1
        if self.failures == 1:
            return self._ask(turn, leg, self._error(FIELDS[self.place], verdict))
        return self._leave(turn, leg, "failure")

    def _leave(self, turn: Turn, leg: Leg, status: str) -> Step:
        """Report it as soon as the last key has surely been let go."""
        self.state, self.effect, self.status = PayState.LEAVING, None, status
        left = self.entered_s + _LAST_KEY_S - turn.at.now
        if left <= 0:
            return self._report(turn, leg, status)
        turn.wake(leg, ACTION, left)
        return Go.WAIT

    def _charge(self, turn: Turn, leg: Leg) -> Step:
        self.state = PayState.CHARGING
        self.effect = turn.new_effect()
        turn.wake(leg, ACTION, _CHARGE_S)
        turn.emit(
            ChargeCard(
                effect=self.effect,
                leg=leg.id,
                from_=leg.from_.shown,
                to=leg.to.shown,
                amount=self.amount,
                currency=self.currency,
            )
        )
        return Go.WAIT

    def _report(self, turn: Turn, leg: Leg, status: str) -> Step:
        self.stop(turn, leg)
        self.effect = None
        fact = PayFact(
            uuid=leg.id,
            conversation=turn.room.id,
            from_=leg.from_.shown,
            to=leg.to.shown,
            status=status,
            timestamp=turn.at.wallclock,
        )
        turn.emit(Tell(leg=leg.id, hook=self.hook, fact=fact))
        return Go.NEXT

    # ── what is said ───────────────────────────────────────────────────────────────────────────────────────────────

    def _say_next(self, turn: Turn, leg: Leg) -> None:
        """Say what comes next, to the payer alone; when all is said, the wait for the first key begins."""
        self.playing = None
        if not self.saying:
            turn.wake(leg, ACTION, KEY_WAIT_S)
            return
        text, self.saying = self.saying[0], self.saying[1:]
        self.playing = turn.new_effect()
        speech = Speech(text=text, language=self.language, style=self.style)
        turn.emit(Play(effect=self.playing, owner=leg.id, leg=leg.id, source=speech))

    def _cut(self, turn: Turn) -> None:
        if self.playing:
            turn.emit(StopPlay(effect=self.playing))
            self.playing = None

    def _text(self, name: CardField) -> str:
        own = self.prompts.get(name.value)
        return own.text if own is not None else prompt_text(name)

    def _error(self, name: CardField, verdict: str) -> str:
        own = self.prompts.get(name.value)
        return (own.errors.get(verdict) if own is not None else None) or error_text(FieldVerdict(verdict))
