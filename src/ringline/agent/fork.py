"""One call to several devices at once: all ring, the first answer wins, the others are cancelled."""

from __future__ import annotations

from collections.abc import Sequence

from ringline.agent.config import OutgoingInvite
from ringline.agent.events import AgentEvent, Answered, Failed
from ringline.agent.leg import Leg
from ringline.agent.outgoing import Outgoing
from ringline.agent.remnants import Remnant
from ringline.agent.stack import Stack
from ringline.base import LegId, RemoteProtocolError

_ELSEWHERE = "Call completed elsewhere"


class Fork(Leg):
    """A leg made of branches until one of them is answered."""

    def __init__(self, stack: Stack, leg: LegId, invites: Sequence[OutgoingInvite], now: float) -> None:
        super().__init__(leg)
        self._stack = stack
        self._over = False
        self._failures: list[Failed] = []
        self._branches: list[Outgoing] = []
        self._expected = len(invites)
        stack.legs[leg] = self
        for invite in invites:
            try:
                self._branches.append(Outgoing(stack, leg, invite, now, tell=self._told))
            except RemoteProtocolError as error:
                self._told(Failed(leg=leg, status=None, reason=str(error), q850=None, why="unreachable"), now)

    def hang_up(self, reason: str | None, now: float) -> None:
        if self._over:
            return
        self._finish()
        self._stack.emit(Failed(leg=self.leg, status=487, reason=reason or "", q850=None, why="cancelled"))
        for branch in self._branches:
            branch.hang_up(reason, now)
        self._branches.clear()

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        """There is nothing to refuse: it is given up."""
        self.hang_up(reason or None, now)

    def accept_offer(self, sdp: bytes, now: float) -> None:
        for branch in self._branches:
            branch.accept_offer(sdp, now)

    def refuse_offer(self, status: int, now: float) -> None:
        for branch in self._branches:
            branch.refuse_offer(status, now)

    def remnants(self) -> tuple[Remnant, ...]:
        return tuple(remnant for branch in self._branches for remnant in branch.remnants())

    def _told(self, event: AgentEvent, now: float) -> None:
        """A branch has something to tell."""
        if self._over:
            return
        match event:
            case Answered():
                self._finish()
                self._stack.emit(event)
                for branch in self._branches:
                    branch.hang_up(_ELSEWHERE, now)
                self._branches.clear()
            case Failed():
                self._failures.append(event)
                if len(self._failures) == self._expected:
                    self._finish()
                    self._branches.clear()
                    self._stack.emit(min(self._failures, key=_rank))
            case _:
                self._stack.emit(event)

    def _finish(self) -> None:
        self._over = True
        self._stack.forget_leg(self)


def _rank(failure: Failed) -> tuple[int, int]:
    """Which failure tells most: 6xx, then the lowest class, silence last (RFC 3261 section 16.7)."""
    status = failure.status
    if status is None:
        return (9, 0)
    if status >= 600:
        return (0, status)
    # A device that asks for a password says nothing about the person who was called.
    return (status // 100 + (1 if status in (401, 407, 408) else 0), status)
