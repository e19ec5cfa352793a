"""Who charges cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ringline.base import ApplicationId, ConversationId, EffectId, LegId
from ringline.payments import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One charge, asked for once: it is never repeated by us."""

    payment: EffectId
    "Its id: a gateway that sees it twice charges once."
    application: ApplicationId
    conversation: ConversationId
    leg: LegId
    from_: str
    to: str
    amount: str
    "A decimal number greater than 0, such as `9.99`."
    currency: str
    "Lower case, such as `usd`."
    card: Card
    "Its `repr` shows no digits."
    wallclock: datetime


class Payments(Protocol):
    """The operator's payment gateway."""

    async def charge(self, charge: Charge) -> bool:
        """Charge the card; False when the gateway declines. Keeps nothing of the card once it returns.

        Raises:
            ProviderError: the gateway cannot be reached or gives no usable answer; its text has no card data.
        """
        ...
