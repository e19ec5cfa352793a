"""What a phone does when it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What a phone does when it is called."""

    rings: bool = True
    early_media: str = ""
    "Said to the caller before the answer."
    answers_after_s: float | None = None
    "Counted from the ringing."
    refuses_after_s: float | None = None
    code: int = 486
    cause: str = "response"
    "Other far ends than phones fail without a SIP code, by a cause of `LegFailed`."
    why: str = ""
    q850: int | None = None
    unreachable_after_s: float | None = None
