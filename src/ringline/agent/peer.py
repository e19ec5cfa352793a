"""One trunk under watch: pinged by OPTIONS, and told by REGISTER where we are (RFC 3261 sections 10.2 and 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringline.agent.agenda import Alarm
from ringline.agent.config import PeerSpec
from ringline.agent.events import PeerState
from ringline.agent.exchange import SilenceHandler
from ringline.agent.reach import Target
from ringline.agent.stack import Stack
from ringline.base import RemoteProtocolError, integer, token
from ringline.sip import (
    PING,
    Destination,
    DigestClient,
    Flow,
    NameAddr,
    Params,
    Request,
    Response,
    Uri,
    read_contacts,
    read_retry_after,
)

_Answered = Callable[[Response, float], None]
_FIRST_PAUSE_S: Final = 15.0
_LONGEST_PAUSE_S: Final = 600.0
_SHORTEST_REFRESH_S: Final = 20.0
_MOST_EXPIRES_S: Final = 86_400
_KEEP_OPEN_S: Final = 25.0


class Peer:
    """Its health, and our registration with it."""

    def __init__(self, stack: Stack, spec: PeerSpec) -> None:
        self.spec = spec
        self._stack = stack
        self._uri = Uri.parse(spec.uri)
        self._call_id = token(stack.random, 24)
        self._tag = token(stack.random, 12)
        self._cseq = 0
        self._alive = True
        self._paused_until = float("-inf")
        self._registered = False
        self._why = ""
        self._expires = spec.expires_s
        self._failures = 0
        self._targets: tuple[Destination, ...] = ()
        self._used = 0
        self._ping: Alarm | None = None
        self._renew: Alarm | None = None
        self._wake: Alarm | None = None
        self._keep: Alarm | None = None
        self._left = False

    @property
    def up(self) -> bool:
        """Whether calls can go there."""
        return self._alive and self._paused_until == float("-inf")

    def state(self) -> PeerState:
        registered = self._registered if self.spec.registers else None
        return PeerState(name=self.spec.name, up=self.up, registered=registered, why=self._why)

    def is_at(self, address: str) -> bool:
        """Whether this is the address of the server we are registered with."""
        return self._registered and any(each.host == address for each in self._targets)

    def begin(self, now: float) -> None:
        """Start to ask and to tell; a little apart, so that many trunks do not do it all at once."""
        if self.spec.ping_s:
            wait = integer(self._stack.random, 1000) / 1000
            self._ping = self._stack.agenda.at(now + wait, self._ask)
        if self.spec.registers:
            self._register(None, now)

    def leave(self, now: float) -> None:
        """Stop; a registration is taken back."""
        self._left = True
        for alarm in (self._ping, self._renew, self._wake, self._keep):
            if alarm is not None:
                alarm.cancel()
        if self._registered:
            self._expires = 0
            self._register(None, now)
        self._registered = False

    def pause(self, seconds: float, now: float) -> None:
        """Leave it alone for a while."""
        self._paused_until = now + seconds
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._stack.agenda.at(self._paused_until, self._resume)
        self._tell("it asked to be left alone")

    def target_lost(self, remote: tuple[str, int], now: float) -> None:
        """The connection we registered over is gone."""
        if self._registered and any(each.reliable and each.remote == remote for each in self._targets):
            self._plan(now + 1.0 + integer(self._stack.random, 2000) / 1000)

    def _resume(self, _now: float) -> None:
        self._wake = None
        self._paused_until = float("-inf")
        self._tell("")

    def _tell(self, why: str) -> None:
        self._why = why
        if not self._left:
            self._stack.emit(self.state())

    # ── health ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, now: float) -> None:
        self._ping = self._stack.agenda.at(now + max(self.spec.ping_s, 1.0), self._ask)
        request = self._request("OPTIONS", str(self._uri), to=str(NameAddr(self._uri)))
        request.headers.add("Accept", "application/sdp")
        self._send(request, now, answered=self._pinged, silent=lambda why, _now: self._hears(why))

    def _pinged(self, response: Response, now: float) -> None:
        # Whatever it thinks of the question: it is there, unless it says itself that it is not.
        self._hears("503 Service Unavailable" if response.status == 503 else "")

    def _hears(self, trouble: str) -> None:
        alive = not trouble
        if alive is not self._alive and not self._left:
            self._alive = alive
            self._tell(trouble)

    # ── registration ───────────────────────────────────────────────────────────────────────────────────────────────

    def _register(self, auth: tuple[DigestClient, Response] | None, now: float) -> None:
        self._renew = None
        spec = self.spec
        registrar = str(Uri(self._uri.scheme, None, self._uri.host, self._uri.port, self._uri.params))
        request = self._request("REGISTER", registrar, to=str(NameAddr(Uri.parse(spec.aor))))
        request.headers.add("Expires", str(self._expires))
        client = auth[0] if auth is not None else DigestClient(spec.credentials) if spec.credentials else None
        if auth is not None and not auth[0].authorize(request, auth[1], self._stack.random):
            self._failed(f"{auth[1].status} {auth[1].reason}", None, now)
            return
        self._send(
            request,
            now,
            answered=lambda response, at: self._heard(response, client, at),
            silent=lambda why, at: self._failed(why, None, at),
        )

    def _heard(self, response: Response, client: DigestClient | None, now: float) -> None:
        status = response.status
        if status in (401, 407) and client is not None:
            self._register((client, response), now)
        elif self._left:
            return
        elif 200 <= status < 300:
            granted = self._granted(response)
            self._failures = 0
            # Renewed early enough for a second attempt before the time is over.
            self._plan(now + max(granted * 0.8 - 5, min(granted / 2, _SHORTEST_REFRESH_S)))
            if not self._registered:
                self._registered = True
                self._tell("")
            if self._keep is None:
                self._keep = self._stack.agenda.at(now + _KEEP_OPEN_S, self._keep_open)
        elif status == 423 and self._expires < (least := response.number("Min-Expires") or 0) <= _MOST_EXPIRES_S:
            self._expires = least
            self._register(None, now)
        else:
            self._failed(f"{status} {response.reason}", read_retry_after(response.headers), now)

    def _keep_open(self, now: float) -> None:
        """Say nothing, often enough that no NAT or firewall on the way forgets us (RFC 5626 section 3.5.1)."""
        self._keep = None
        if self._registered and self._targets:
            self._stack.send(PING, self._targets[self._used % len(self._targets)])
            self._keep = self._stack.agenda.at(now + _KEEP_OPEN_S, self._keep_open)

    def _granted(self, response: Response) -> int:
        """For how long, in seconds: what our own contact got, else what the header says, else what we asked for."""
        try:
            contacts = read_contacts(response.headers) or []
        except RemoteProtocolError:
            contacts = []
        mine = [each.expires for each in contacts if each.uri.user == self._contact_user and each.expires]
        return (max(mine) if mine else response.number("Expires")) or self._expires

    def _failed(self, why: str, retry_after_s: int | None, now: float) -> None:
        if self._left:
            return
        # A registration at one address failed: the next one found for the name is tried, sooner or later.
        self._used += 1
        pause = min(_FIRST_PAUSE_S * 2 ** min(self._failures, 8), _LONGEST_PAUSE_S)
        self._failures += 1
        spread = 0.75 + integer(self._stack.random, 500) / 1000
        self._plan(now + max(pause * spread, float(retry_after_s or 0)))
        was = self._registered
        self._registered = False
        if was or self._why != why:
            self._tell(why)

    def _plan(self, when: float) -> None:
        if self._renew is not None:
            self._renew.cancel()
        self._renew = self._stack.agenda.at(when, lambda now: self._register(None, now))

    # ── the way there ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _contact_user(self) -> str:
        return Uri.parse(self.spec.aor).user or "ringline"

    def _request(self, method: str, uri: str, *, to: str) -> Request:
        self._cseq += 1
        # OPTIONS and REGISTER may cross: their numbers run together, each in its own Call-ID.
        call_id = self._call_id if method == "REGISTER" else f"{self._call_id}-{self._cseq}"
        request = Request(method=method, uri=uri)
        headers = request.headers
        headers.add("Max-Forwards", "70")
        from_ = Uri.parse(self.spec.aor)
        headers.add("From", str(NameAddr(from_, "", Params((("tag", self._tag),)))))
        headers.add("To", to)
        headers.add("Call-ID", call_id)
        headers.add("CSeq", f"{self._cseq} {method}")
        return request

    def _send(self, request: Request, now: float, *, answered: _Answered, silent: SilenceHandler) -> None:
        def use(found: tuple[Destination, ...], at: float) -> None:
            if not found:
                silent("the host cannot be found", at)
                return
            self._targets = found
            self._go(request, found[self._used % len(found)], answered, silent, at)

        self._stack.names.find(self._uri, use, now)

    def _go(self, request: Request, target: Target, answered: _Answered, silent: SilenceHandler, now: float) -> None:
        if request.method == "REGISTER":
            request.headers.add("Contact", self._stack.contact(target, user=self._contact_user))
        self._stack.prepare(request, target)

        def heard(response: Response, _flow: Flow, at: float) -> None:
            if response.status >= 200:
                answered(response, at)

        self._stack.request(request, target, leg=None, now=now, on_answer=heard, on_silence=silent)
