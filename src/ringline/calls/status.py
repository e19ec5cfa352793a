"""The states of a leg and the arrows between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Direction(StrEnum):
    """From the platform's view."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Status(StrEnum):
    """What a leg is doing, in the words of webhooks and REST."""

    STARTED = "started"
    RINGING = "ringing"
    ANSWERED = "answered"
    HUMAN = "human"
    MACHINE = "machine"
    DISCONNECTED = "disconnected"
    COMPLETED = "completed"
    BUSY = "busy"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    UNANSWERED = "unanswered"


_NEVER_ANSWERED: Final = (
    Status.BUSY,
    Status.CANCELLED,
    Status.FAILED,
    Status.REJECTED,
    Status.TIMEOUT,
    Status.UNANSWERED,
)

NEXT: Final[dict[Status, tuple[Status, ...]]] = {
    Status.STARTED: (Status.RINGING, Status.ANSWERED, *_NEVER_ANSWERED),
    Status.RINGING: (Status.ANSWERED, *_NEVER_ANSWERED),
    Status.ANSWERED: (Status.HUMAN, Status.MACHINE, Status.DISCONNECTED, Status.COMPLETED),
    Status.HUMAN: (Status.DISCONNECTED, Status.COMPLETED),
    Status.MACHINE: (Status.MACHINE, Status.DISCONNECTED, Status.COMPLETED),
    Status.DISCONNECTED: (Status.COMPLETED,),
    Status.COMPLETED: (),
    Status.BUSY: (),
    Status.CANCELLED: (),
    Status.FAILED: (),
    Status.REJECTED: (),
    Status.TIMEOUT: (),
    Status.UNANSWERED: (),
}
"One row per state: where a leg may go from there. A final state is never left."

FINAL: Final = frozenset(status for status, following in NEXT.items() if not following)
UP: Final = frozenset({Status.ANSWERED, Status.HUMAN, Status.MACHINE, Status.DISCONNECTED})
"States in which audio flows both ways."
MAY_ANSWER_WITH_SCRIPT: Final = frozenset(
    {Status.TIMEOUT, Status.FAILED, Status.REJECTED, Status.UNANSWERED, Status.BUSY}
)
"Outcomes of a synchronous `connect` whose webhook may be answered with a new NCCO."


def shown_by_rest(status: Status) -> str:
    """The `status` of `GET /v1/calls/{uuid}`: `human` and `disconnected` exist in webhooks only."""
    return Status.ANSWERED.value if status in (Status.HUMAN, Status.DISCONNECTED) else status.value
