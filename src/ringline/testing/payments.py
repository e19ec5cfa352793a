"""A payment gateway that does what a test tells it."""

from __future__ import annotations

import asyncio

from ringline.base import ProviderError
from ringline.engine.ports import Charge


class ScriptedPayments:
    """The `Payments` of a test. It charges every card; what it was asked for is in `charges`, cards included."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.delay_s = 0.0
        "How long it thinks."
        self._declining = False
        self._failing = ""
        self._hanging = False

    def declines(self) -> None:
        """From now on it declines every card."""
        self._declining = True

    def fails(self, why: str = "the gateway cannot be reached") -> None:
        """From now on it cannot be reached."""
        self._failing = why

    def hangs(self) -> None:
        """From now on it never answers."""
        self._hanging = True

    async def charge(self, charge: Charge) -> bool:
        """Charge a card.

        Raises:
            ProviderError: it was told to fail.
        """
        self.charges.append(charge)
        if self._hanging:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay_s)
        if self._failing:
            raise ProviderError(self._failing)
        return not self._declining
