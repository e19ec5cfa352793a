"""Takes the keys of legs that enter a card, before anybody else sees them, and has the card charged.

While a payment is open, no key of its leg goes any further than here: not to the heart, its journal or its webhooks,
not to other legs. What leaves is when an entry begins, and its verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ringline.base import ApplicationId, Clock, ConversationId, EffectId, LegId, ProviderError, get_log
from ringline.calls.commands import ChargeCard, ClosePayment, CollectCard, OpenPayment
from ringline.calls.events import CardCharged, CardEntered, CardKeyed, Event, KeyDown, KeyReleased, PaymentOpened
from ringline.engine.ports import Charge, Payments
from ringline.engine.supervise import Scope
from ringline.payments import CardField, Collector, FieldVerdict

log = get_log(__name__)
TAIL_S: Final = 1.5
"Keys that follow each other this closely after the end of a payment still belong to it: nobody stops in mid-number."
_LONGEST_KEY_S: Final = 10.0
"A key that is down for longer has been forgotten by its far end."
_CHARGE_S: Final = 75.0
"The longest a gateway is waited for, whatever its own limit is."


class Cashier:
    """All payments that are open, and those whose last keys are still coming."""

    def __init__(self, *, payments: Payments | None, clock: Clock, report: Callable[[Event], None]) -> None:
        self._payments = payments
        self._clock = clock
        self._report = report
        self.on_open: Callable[[LegId], None] = _nobody
        "Told of every leg that begins to enter a card."
        self._open: dict[LegId, _Payment] = {}
        self._scope = Scope("payments")

    @property
    def busy(self) -> int:
        """How many payments are open."""
        return sum(payment.open for payment in self._open.values())

    def is_open(self, leg: LegId) -> bool:
        """Whether the leg enters a card now."""
        payment = self._open.get(leg)
        return payment is not None and payment.open

    def carry_out(
        self,
        room: ConversationId,
        application: ApplicationId,
        command: OpenPayment | CollectCard | ChargeCard | ClosePayment,
    ) -> None:
        """Do what the heart wants of a payment."""
        match command:
            case OpenPayment():
                self._begin(command)
            case CollectCard():
                self._collect(command)
            case ChargeCard():
                self._charge_card(room, application, command)
            case ClosePayment(leg=leg):
                self._end(leg)

    def drop(self, leg: LegId) -> None:
        """The leg has ended."""
        payment = self._open.pop(leg, None)
        if payment is not None:
            payment.forget()
            self._rearm(payment)

    def takes(self, event: KeyDown | KeyReleased) -> bool:
        """Whether this key belongs to a payment: then it has been dealt with, and nobody else may see it."""
        payment = self._open.get(event.leg)
        if payment is None:
            return False
        if isinstance(event, KeyReleased):
            if event.digit in payment.down:
                payment.down.remove(event.digit)
                payment.last_key = self._clock.now()
                return True
            return payment.open
        if not payment.open and not self._still_typing(payment):
            del self._open[event.leg]
            return False
        payment.down.append(event.digit)
        del payment.down[:-_MOST_DOWN]
        payment.last_key = self._clock.now()
        if payment.open:
            self._press(payment, event.digit)
        return True

    async def drained(self) -> None:
        """Wait until every charge under way is through: a card may have been charged already."""
        await self._scope.drained()

    def close(self) -> None:
        """Nothing is collected any more."""
        for leg in list(self._open):
            self.drop(leg)
        self._scope.close()

    def _begin(self, command: OpenPayment) -> None:
        """From now on the leg's keys come here; without a gateway there is nothing to collect them for."""
        self.drop(command.leg)
        ready = self._payments is not None
        if ready:
            self.on_open(command.leg)
            self._open[command.leg] = _Payment(command.leg)
        self._report(PaymentOpened(effect=command.effect, leg=command.leg, ready=ready))

    def _collect(self, command: CollectCard) -> None:
        payment = self._open.get(command.leg)
        if payment is not None:
            payment.effect = command.effect
            payment.collector.ask(CardField(command.field))
            self._rearm(payment)

    def _charge_card(self, room: ConversationId, application: ApplicationId, command: ChargeCard) -> None:
        """Have the card charged; it is forgotten here with that."""
        payment = self._open.get(command.leg)
        gateway = self._payments
        if payment is None or gateway is None:
            self._report(CardCharged(effect=command.effect, leg=command.leg, outcome="unavailable"))
            return
        charge = Charge(
            payment=command.effect,
            application=application,
            conversation=room,
            leg=command.leg,
            from_=command.from_,
            to=command.to,
            amount=command.amount,
            currency=command.currency,
            card=payment.collector.card(),
            wallclock=self._clock.wallclock(),
        )
        self._rearm(payment)
        self._scope.start(self._charge(gateway, charge), name=command.effect)

    def _end(self, leg: LegId) -> None:
        """The leg's keys are ordinary ones again, once those of an entry in full flow are over."""
        payment = self._open.get(leg)
        if payment is not None:
            payment.open = False
            payment.forget()
            self._rearm(payment)
            if not self._still_typing(payment):
                del self._open[leg]

    def _press(self, payment: _Payment, key: str) -> None:
        collector, effect = payment.collector, payment.effect
        begun = collector.begun
        verdict = collector.press(key, now=self._clock.now(), wallclock=self._clock.wallclock())
        self._rearm(payment)
        if effect is None:
            return
        if not begun and collector.begun:
            self._report(CardKeyed(effect=effect, leg=payment.leg))
        if verdict is not None:
            self._entered(payment, effect, verdict)

    def _paused(self, payment: _Payment) -> None:
        verdict = payment.collector.tick(now=self._clock.now(), wallclock=self._clock.wallclock())
        self._rearm(payment)
        if verdict is not None and payment.effect is not None:
            self._entered(payment, payment.effect, verdict)

    def _entered(self, payment: _Payment, effect: EffectId, verdict: FieldVerdict) -> None:
        payment.effect = None
        self._report(CardEntered(effect=effect, leg=payment.leg, verdict=verdict.value))

    def _still_typing(self, payment: _Payment) -> bool:
        return self._clock.now() - payment.last_key < (_LONGEST_KEY_S if payment.down else TAIL_S)

    def _rearm(self, payment: _Payment) -> None:
        if payment.timer is not None:
            payment.timer.cancel()
            payment.timer = None
        deadline = payment.collector.deadline()
        if deadline is not None:
            delay = max(0.0, deadline - self._clock.now()) + 0.001  # a coarse clock must not wake us too early
            payment.timer = asyncio.get_running_loop().call_later(delay, self._paused, payment)

    async def _charge(self, gateway: Payments, charge: Charge) -> None:
        outcome = "unavailable"
        try:
            async with asyncio.timeout(_CHARGE_S):
                outcome = "charged" if await gateway.charge(charge) else "declined"
        except (ProviderError, TimeoutError) as error:
            why = str(error) or "it takes too long"
            log.warning("the payment gateway gave no answer", payment=charge.payment, leg=charge.leg, why=why)
        finally:  # even after a bug in the adapter, so that the call goes on
            log.info("a payment was tried", payment=charge.payment, leg=charge.leg, outcome=outcome)
            self._report(CardCharged(effect=charge.payment, leg=charge.leg, outcome=outcome))


_MOST_DOWN: Final = 16
"Keys that are down at once; a far end that never releases its keys costs no more."


class _Payment:
    """One payment of a leg."""

    __slots__ = ("collector", "down", "effect", "last_key", "leg", "open", "timer")

    def __init__(self, leg: LegId) -> None:
        self.leg = leg
        self.collector = Collector()
        self.effect: EffectId | None = None
        "The field that is being collected."
        self.open = True
        self.down: list[str] = []
        "Keys taken whose release is still to come; wiped with it."
        self.last_key = float("-inf")
        self.timer: asyncio.TimerHandle | None = None

    def forget(self) -> None:
        self.collector.forget()
        self.effect = None


def _nobody(leg: LegId) -> None:
    """Nobody wants to know."""
