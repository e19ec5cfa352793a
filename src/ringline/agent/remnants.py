"""What is left of calls whose process died: enough is written down of each dialog to end it from the next process.

A `Remnant` is taken from a leg in any phase (`UserAgent.remnant`) and is plain JSON. `end` says to the far end what it
waits for: BYE where the call was answered (RFC 3261 section 15), CANCEL where we were calling (section 9), a final
refusal where somebody called us and was not answered. A leg that calls several devices at once has one for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from ringline.base import LegId, RemoteProtocolError
from ringline.sip import (
    Credentials,
    Destination,
    Dialog,
    Flow,
    Headers,
    Request,
    Response,
    Uri,
    cancel_request,
    parse,
)

if TYPE_CHECKING:
    from ringline.agent.reach import Target
    from ringline.agent.stack import Stack

REASON: Final = "Ringline was restarted"
_REFUSAL: Final = 503
_CSEQ_LEAP: Final = 10
"A request of the last moment may not have been written down; numbers may be left out (RFC 3261 section 12.2.1.1)."
_KEPT: Final = ("Via", "Route", "Record-Route", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards")
_MOST_BRANCHES: Final = 8


@unique
class RemnantKind(StrEnum):
    """How far the call was."""

    CALLING = "our INVITE has no final answer"
    CALLED = "their INVITE has no final answer"
    UP = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remnant:
    """One dialog, as it has to be known to end it."""

    kind: RemnantKind
    call_id: str
    local_tag: str
    transport: str
    local: tuple[str, int] | None
    "Our socket's address; None where no message has come from the far end yet."
    remote: tuple[str, int]
    "Where its messages come from, or ours go to."
    invite: str = ""
    "The head of the INVITE that waits for its final answer, without credentials and what others may not know."
    encoding: str = "utf-8"
    remote_tag: str = ""
    from_: str = ""
    "Our From value, tag included; the following are those of `Dialog`."
    to: str = ""
    target: str = ""
    routes: tuple[str, ...] = ()
    cseq: int = 0
    caller: bool = False
    "The INVITE was ours."
    others: tuple[Remnant, ...] = ()
    "Further dialogs of the same leg: the other branches of a fork."

    @classmethod
    def of(cls, remnants: Iterable[Remnant]) -> Remnant | None:
        """All remnants of one leg as one; each dialog counts once. None when there are none."""
        if isinstance(remnants, tuple) and len(remnants) == 1:
            return remnants[0]
        parts = list({each.key: each for each in remnants}.values())
        return replace(parts[0], others=tuple(parts[1:])) if len(parts) > 1 else next(iter(parts), None)

    @classmethod
    def of_invite(cls, kind: RemnantKind, invite: Request, local_tag: str, to: Target, *, target: str = "") -> Remnant:
        """Of a call that has no final answer; `target` is where the far end wants requests, if it has said so since."""
        return cls(
            kind=kind,
            call_id=invite.call_id,
            local_tag=local_tag,
            transport=to.transport,
            local=to.local if isinstance(to, Flow) else None,
            remote=to.remote,
            invite=_head(invite),
            encoding=invite.encoding,
            target=target,
        )

    @classmethod
    def of_dialog(cls, dialog: Dialog, flow: Flow, *, caller: bool) -> Remnant:
        """Of an answered call."""
        return cls(
            kind=RemnantKind.UP,
            call_id=dialog.call_id,
            local_tag=dialog.local_tag,
            transport=flow.transport,
            local=flow.local,
            remote=flow.remote,
            encoding=dialog.encoding,
            remote_tag=dialog.remote_tag,
            from_=dialog.local,
            to=dialog.remote,
            target=str(dialog.remote_target),
            routes=dialog.route_set,
            cseq=dialog.local_cseq,
            caller=caller,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "kind": self.kind.name,
            "call_id": self.call_id,
            "local_tag": self.local_tag,
            "transport": self.transport,
            "local": list(self.local) if self.local is not None else None,
            "remote": list(self.remote),
            "invite": self.invite,
            "encoding": self.encoding,
            "remote_tag": self.remote_tag,
            "from": self.from_,
            "to": self.to,
            "target": self.target,
            "routes": list(self.routes),
            "cseq": self.cseq,
            "caller": self.caller,
            "others": [other.to_json() for other in self.others],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Remnant:
        """Read what `to_json` wrote.

        Raises:
            RemoteProtocolError: it is something else.
        """
        try:
            local, remote = value["local"], value["remote"]
            return cls(
                kind=RemnantKind[value["kind"]],
                call_id=str(value["call_id"]),
                local_tag=str(value["local_tag"]),
                transport=str(value["transport"]),
                local=(str(local[0]), int(local[1])) if local is not None else None,
                remote=(str(remote[0]), int(remote[1])),
                invite=str(value["invite"]),
                encoding=str(value["encoding"]),
                remote_tag=str(value["remote_tag"]),
                from_=str(value["from"]),
                to=str(value["to"]),
                target=str(value["target"]),
                routes=tuple(str(route) for route in value["routes"]),
                cseq=int(value["cseq"]),
                caller=bool(value["caller"]),
                others=tuple(cls.from_json(other) for other in value.get("others", ())),
            )
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise RemoteProtocolError(f"this is no remnant of a dialog: {error!r}") from error

    @property
    def key(self) -> tuple[str, str]:
        """What tells dialogs of ours apart."""
        return (self.call_id, self.local_tag)

    @property
    def parts(self) -> tuple[Remnant, ...]:
        """This one and the others, each for itself."""
        return (replace(self, others=()), *self.others) if self.others else (self,)

    @property
    def flow(self) -> Flow:
        """The way its messages went; the connection of a reliable one is gone."""
        return Flow(self.transport, self.local or ("", 0), self.remote)

    @property
    def way(self) -> Target:
        """Where to send without knowing more than this."""
        if self.transport == "udp" and self.local is not None:
            return self.flow
        return Destination(self.transport, *self.remote)


def end(stack: Stack, leg: LegId, remnant: Remnant, credentials: Credentials | None, now: float) -> None:
    """Say to every far end what it waits for.

    Raises:
        RemoteProtocolError: the remnant cannot be used, or one of its parts; the others were.
    """
    unusable: list[RemoteProtocolError] = []
    for part in remnant.parts:
        try:
            _end(stack, leg, part, credentials, now)
        except RemoteProtocolError as error:
            unusable.append(error)
    if unusable:
        raise unusable[0]


def _end(stack: Stack, leg: LegId, remnant: Remnant, credentials: Credentials | None, now: float) -> None:
    match remnant.kind:
        case RemnantKind.UP:
            _hang_up(stack, leg, remnant, credentials, now)
        case RemnantKind.CALLING:
            _CalledOff(stack, leg, remnant, credentials, now)
        case RemnantKind.CALLED:
            _refuse(stack, leg, remnant, now)


def _hang_up(stack: Stack, leg: LegId, remnant: Remnant, credentials: Credentials | None, now: float) -> None:
    from ringline.agent.session import Session  # sessions give remnants, and remnants become sessions

    dialog = Dialog(
        call_id=remnant.call_id,
        local_tag=remnant.local_tag,
        remote_tag=remnant.remote_tag,
        local=remnant.from_,
        remote=remnant.to,
        remote_target=Uri.parse(remnant.target),
        route_set=remnant.routes,
        local_cseq=remnant.cseq + _CSEQ_LEAP,
        remote_cseq=None,
        encoding=remnant.encoding,
    )
    flow = remnant.flow
    session = Session(
        stack, leg, dialog, flow, caller=remnant.caller, local_sdp=None, remote_sdp=None, credentials=credentials
    )
    session.register()
    if flow.reliable:
        session.flow_lost(flow, now)
    session.hang_up(REASON, now)


def _refuse(stack: Stack, leg: LegId, remnant: Remnant, now: float) -> None:
    """Refuse a caller, and say BYE: our 200 may have been sent in the last moment. Who has none of it answers 481."""
    invite = _invite(remnant)
    dialog = Dialog.accept(invite, to_tag=remnant.local_tag)
    if remnant.target:
        dialog.remote_target = Uri.parse(remnant.target)
    flow = remnant.flow
    headers = (("Retry-After", str(stack.config.retry_after_s)),)
    response = stack.response(invite, flow, _REFUSAL, to_tag=remnant.local_tag, headers=headers)
    if flow.reliable:
        # The answer goes where the topmost Via says, once the connection is gone (RFC 3261 section 18.2.2).
        stack.send(bytes(response), Destination(flow.transport, flow.remote[0], invite.via.port or 5060))
    else:
        stack.serve(invite, flow, leg=None).respond(response, now)
    answered = Remnant.of_dialog(dialog, flow, caller=False)
    _hang_up(stack, leg, answered, None, now)


class _CalledOff:
    """An INVITE of the last process: cancelled, and hung up should it have been answered meanwhile."""

    def __init__(self, stack: Stack, leg: LegId, remnant: Remnant, credentials: Credentials | None, now: float) -> None:
        self._stack = stack
        self._leg = leg
        self._credentials = credentials
        self._acks: dict[str, tuple[bytes, Target] | None] = {}
        invite = self._invite = _invite(remnant)
        exchange = stack.adopt(
            invite, remnant.way, remnant.flow, now=now, on_answer=self._answered, on_silence=lambda _why, _now: None
        )
        stack.request(
            cancel_request(invite),
            remnant.way,
            leg=None,
            now=now,
            on_answer=lambda _response, _flow, _now: None,
            on_silence=lambda _why, _now: None,
        )
        stack.agenda.at(now + stack.config.timers.patience, exchange.give_up)

    def _answered(self, response: Response, flow: Flow, now: float) -> None:
        from ringline.agent.session import Session  # see above

        branch = response.to.tag or ""
        if not 200 <= response.status < 300:
            return
        if branch in self._acks:
            if (sent := self._acks[branch]) is not None:
                self._stack.send(*sent)
            return
        if len(self._acks) >= _MOST_BRANCHES:
            return
        dialog = Dialog.from_response(self._invite, response)
        # PRACKs of the early dialog had numbers, too.
        dialog.local_cseq += _CSEQ_LEAP
        session = Session(
            self._stack,
            self._leg,
            dialog,
            flow,
            caller=True,
            local_sdp=None,
            remote_sdp=None,
            credentials=self._credentials,
        )
        ack = dialog.request("ACK", cseq=self._invite.cseq[0])
        # Repeats that come while the next hop is looked up are answered by the ACK that follows.
        self._acks[branch] = None

        def send(target: Target, _now: float) -> None:
            self._stack.prepare(ack, target)
            data = bytes(ack)
            self._acks[branch] = (data, target)
            self._stack.send(data, target)

        session.reach(send, now)
        session.leave_quietly(now)


def _head(invite: Request) -> str:
    """The headers that answers, CANCEL and ACK are made of."""
    headers = Headers()
    for name in _KEPT:
        for value in invite.headers.all(name):
            headers.add(name, value)
    bare = Request(method=invite.method, uri=invite.uri, headers=headers, encoding=invite.encoding)
    return bytes(bare).decode(invite.encoding, "replace")


def _invite(remnant: Remnant) -> Request:
    message = parse(remnant.invite.encode(remnant.encoding, "replace"))
    if not isinstance(message, Request) or message.method != "INVITE":
        raise RemoteProtocolError("this is no remnant of a call")
    message.check()
    return message
