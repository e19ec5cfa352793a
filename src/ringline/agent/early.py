"""Early dialogs of a call of ours: one per branch of a fork, with PRACKs and early changes (RFC 3262, RFC 3311)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringline.agent.body import read_sdp
from ringline.agent.exchange import ServerExchange
from ringline.agent.reach import Target, reach
from ringline.agent.stack import Stack
from ringline.base import LegId, RemoteProtocolError
from ringline.sip import Dialog, Flow, RAck, Request, Response, reliable_number

_MOST_BRANCHES: Final = 8


@dataclass(slots=True)
class EarlyDialog:
    """One branch that has said something."""

    dialog: Dialog
    rseq: int | None = None
    "The number of its latest reliable response."
    sdp: bytes | None = None
    "The latest it said about its audio."
    agreed: bool = False
    "It answered our offer in a reliable response: the session may change before the call is answered."
    change: ServerExchange | None = None
    "Its UPDATE that waits for our answer."


class EarlyDialogs:
    """The branches of one call, told apart by their To tags."""

    def __init__(self, stack: Stack, leg: LegId) -> None:
        self._stack = stack
        self._leg = leg
        self._branches: dict[str, EarlyDialog] = {}

    def get(self, tag: str) -> EarlyDialog | None:
        return self._branches.get(tag)

    def heard(self, request: Request, response: Response, flow: Flow, now: float) -> tuple[bool, bytes | None]:
        """Take a provisional response: whether it is news, and the SDP it holds.

        A reliable one gets its PRACK; one that is a repeat, or came before its turn, is no news (RFC 3262 section 4).
        """
        rseq = reliable_number(response)
        sdp = sdp_of(response)
        branch = self._branch(request, response)
        if branch is None:
            return True, sdp
        if rseq is not None:
            if branch.rseq is not None and rseq != branch.rseq + 1:
                return False, None
            branch.rseq = rseq
            branch.agreed = branch.agreed or (sdp is not None and bool(request.body))
            self._acknowledge(branch.dialog, response, rseq, flow, now)
        branch.sdp = sdp or branch.sdp
        return True, sdp

    def answer_change(self, sdp: bytes | None, status: int, now: float) -> None:
        """Answer the UPDATE that waits: with our SDP, or with a refusal."""
        for branch in self._branches.values():
            exchange, branch.change = branch.change, None
            if exchange is not None:
                exchange.respond(self._stack.response(exchange.request, exchange.flow, status, sdp=sdp), now)

    def _branch(self, request: Request, response: Response) -> EarlyDialog | None:
        tag = response.to.tag
        if not tag:
            return None
        branch = self._branches.get(tag)
        if branch is None and len(self._branches) < _MOST_BRANCHES:
            try:
                branch = self._branches[tag] = EarlyDialog(Dialog.from_response(request, response))
            except RemoteProtocolError:
                return None
        return branch

    def _acknowledge(self, dialog: Dialog, response: Response, rseq: int, flow: Flow, now: float) -> None:
        prack = dialog.request("PRACK")
        prack.headers.add("RAck", str(RAck.of(response, rseq)))

        def send(target: Target, at: float) -> None:
            self._stack.prepare(prack, target)
            self._stack.request(
                prack,
                target,
                leg=self._leg,
                now=at,
                on_answer=lambda _response, _flow, _now: None,
                on_silence=lambda _why, _now: None,
            )

        reach(self._stack.names, dialog, flow, lost=False, use=send, now=now)


def sdp_of(response: Response) -> bytes | None:
    """The SDP of a response; None when there is none that can be read."""
    try:
        return read_sdp(response)
    except RemoteProtocolError:
        return None
