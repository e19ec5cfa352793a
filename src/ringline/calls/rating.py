"""What a leg costs: arithmetic with decimal numbers, which are written as text wherever they are kept."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

FREE: Final = "0.00000000"
"Nothing, as REST and webhooks write it."
_DIGITS: Final = Decimal(FREE)


def price(rate: Decimal, seconds: int, *, step_s: int = 1) -> Decimal:
    """What a call costs: its whole seconds, rounded up to a multiple of `step_s`, at a rate per minute."""
    billed = -(-seconds // step_s) * step_s
    return (rate * billed / 60).quantize(_DIGITS, rounding=ROUND_HALF_UP)


def written(amount: Decimal) -> str:
    """Money as the API writes it: eight decimals, never an exponent."""
    return f"{amount:.8f}"
