"""Sends one request to an application: written, signed, timed, and noted in the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ringline.accounts import Account, Application, Directory
from ringline.base import Clock, ConversationId, LegId, Random, get_log
from ringline.engine.delivery.delivery_log import note
from ringline.engine.ports import HttpClient, HttpFailure, HttpReply, HttpRequest
from ringline.webhooks import Attempt, build_request, sign

log = get_log(__name__)

EVENT_ID: Final = "X-Ringline-Event-Id"
"The same at every attempt to deliver one event, also after a restart."

Trace = Callable[[ConversationId, LegId | None, dict[str, Any]], None]
Measure = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What all attempts to deliver one event have in common."""

    event_id: str
    name: str
    room: ConversationId
    leg: LegId | None
    owner: Application | None
    rtc: bool = False
    "An event of the conversation service, which has a switch of its own for signing."


class Courier:
    """Knows how to send; whether to send again is decided elsewhere."""

    def __init__(self, *, http: HttpClient, directory: Directory, clock: Clock, random: Random, trace: Trace) -> None:
        self._http = http
        self._directory = directory
        self._clock = clock
        self._random = random
        self._trace = trace
        self.measure: Measure = _measure_nothing
        "Told of every request: what it was, how it came out, seconds."

    async def send(self, attempt: Attempt, parcel: Parcel) -> HttpReply | HttpFailure:
        """Send one request and give what came back."""
        request = build_request(attempt.hook, attempt.payload)
        account = self._account()
        owner = parcel.owner
        if owner is not None and account is not None and account.signature_secret and _signed(owner, rtc=parcel.rtc):
            token = sign(
                secret=account.signature_secret,
                api_key=account.api_key,
                application_id=owner.id,
                body=request.signed_bytes,
                wallclock=self._clock.wallclock(),
                random=self._random,
            )
            request = request.authorized(token)
        began = self._clock.now()
        reply = await self._http.send(
            HttpRequest(
                method=request.method,
                url=request.url,
                headers=(*request.headers, (EVENT_ID, parcel.event_id)),
                body=request.body,
                connect_timeout_s=attempt.hook.connect_timeout_s,
                read_timeout_s=attempt.hook.read_timeout_s,
            )
        )
        took = self._clock.now() - began
        self.measure(parcel.name, str(reply.status) if isinstance(reply, HttpReply) else reply.reason, took)
        if isinstance(reply, HttpFailure):
            log.info("a webhook failed", name=parcel.name, leg=parcel.leg, reason=reply.reason, detail=reply.detail)
        if parcel.rtc and isinstance(reply, HttpReply) and 200 <= reply.status < 300:
            return reply  # there are many of them, and the conversation's events say the same
        line = note(parcel.name, parcel.event_id, attempt, request.body, reply, took_s=took)
        self._trace(parcel.room, parcel.leg, line)
        return reply

    def _account(self) -> Account | None:
        return next(iter(self._directory.accounts().values()), None)


def _measure_nothing(name: str, outcome: str, seconds: float) -> None:
    """Nobody counts."""


def _signed(owner: Application, *, rtc: bool) -> bool:
    if rtc:
        return owner.rtc is None or owner.rtc.signed_callbacks
    return owner.voice is None or owner.voice.signed_callbacks
