"""Delivers webhooks: notifications of a leg one after the other, questions at once, each by the rules of `webhooks`."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ringline import ncco
from ringline.accounts import Account, Application, Directory, Webhook
from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random, get_log
from ringline.calls.commands import Ask, Tell
from ringline.calls.events import Event, Instructions, InstructionsFaulty
from ringline.calls.parties import Hook as Target
from ringline.engine.payloads import name_of, payload_of
from ringline.engine.ports import HttpClient, HttpFailure, HttpReply, HttpRequest
from ringline.engine.supervise import Scope
from ringline.webhooks import (
    Attempt,
    Delivery,
    Fault,
    GaveUp,
    Hook,
    Kind,
    Outcome,
    Phase,
    Reader,
    build_request,
    sign,
)
from ringline.webhooks import Instructions as Script

log = get_log(__name__)
MOST_QUEUED: Final = 1000
"Notifications that may wait in one leg's queue; beyond it new ones are dropped, and said so."

_READER: Final = Reader(parse=ncco.parse, looks_like_script=ncco.looks_like_ncco)
Trace = Callable[[ConversationId, LegId | None, dict[str, Any]], None]
Measure = Callable[[str, str, float], None]


class Hooks:
    """Everything on its way to the applications."""

    def __init__(
        self,
        *,
        http: HttpClient,
        directory: Directory,
        public_url: str,
        clock: Clock,
        random: Random,
        report: Callable[[Event], None],
        trace: Trace,
    ) -> None:
        self._http = http
        self._directory = directory
        self._public_url = public_url
        self._clock = clock
        self._random = random
        self._report = report
        self._trace = trace
        self._queues: dict[str, deque[_Notification]] = {}
        self._notifications = Scope("notifications")
        self._questions = Scope("questions")
        self._asked: dict[LegId, list[_Question]] = {}
        self.measure: Measure = _measure_nothing
        "Told of every request: what it was, how it came out, seconds."

    @property
    def busy(self) -> int:
        """How many legs have notifications or questions on their way."""
        return len(self._queues) + len(self._asked)

    def tell(self, room: ConversationId, application: ApplicationId, command: Tell) -> None:
        """Queue a notification behind those of its leg."""
        name = name_of(command.fact)
        if command.hook is None:
            self._trace(room, command.leg, {"what": "webhook", "name": name, "text": "no event URL, dropped"})
            return
        key = command.leg or room
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._notifications.start(self._work_off(key, queue), name=key)
        if len(queue) >= MOST_QUEUED:
            log.warning("a notification was dropped: too many wait", leg=command.leg, name=name)
            self._trace(room, command.leg, {"what": "webhook", "name": name, "text": "queue full, dropped"})
            return
        queue.append(_Notification(room, application, command, command.hook))

    def ask(self, room: ConversationId, application: ApplicationId, command: Ask) -> None:
        """Send a request whose answer may be a script."""
        question = _Question(room, application, command)
        self._asked.setdefault(command.leg, []).append(question)
        self._questions.start(self._question(question), name=command.effect)

    def drop_questions_of(self, leg: LegId) -> None:
        """The leg has ended: what is answered now is of no use to anybody.

        A request under way is let through all the same, for it may tell how another leg ended; it is not repeated.
        """
        for question in self._asked.pop(leg, ()):
            question.dropped = True

    async def drained(self) -> None:
        """Wait until every notification has gone out, or has been given up."""
        await self._notifications.drained()

    def close(self) -> None:
        """Nobody waits for answers any more."""
        self._questions.close()

    async def _work_off(self, key: str, queue: deque[_Notification]) -> None:
        try:
            while queue:
                await self._notify(queue.popleft())
        finally:
            if self._queues.get(key) is queue:
                del self._queues[key]

    async def _notify(self, one: _Notification) -> None:
        owner = self._directory.application(one.application)
        name = name_of(one.command.fact)
        delivery: Delivery[ncco.Ncco] = Delivery(
            Kind.NOTIFICATION,
            primary=_hook(one.hook, owner, kind="event"),
            payload=payload_of(one.command.fact, region_url=self._public_url),
            name=name,
        )
        await self._deliver(delivery, one.room, one.command.leg, owner, name)

    async def _question(self, question: _Question) -> None:
        command = question.command
        owner = self._directory.application(question.application)
        name = name_of(command.fact)
        minimal = owner is not None and owner.settings.answer_fields == "minimal"
        delivery = Delivery(
            Kind.ANSWER if command.kind == "answer" else Kind.EVENT,
            primary=_hook(command.hook, owner, kind=command.kind),
            payload=payload_of(command.fact, region_url=self._public_url, minimal=minimal),
            reader=_READER,
            fallback=_fallback(owner),
            name=name,
        )

        def faulty(reason: str) -> None:
            self._report(InstructionsFaulty(effect=command.effect, leg=command.leg, reason=reason))

        outcome = await self._deliver(delivery, question.room, command.leg, owner, name, faulty, question)
        if question.dropped:
            return
        waiting = self._asked[command.leg]
        waiting.remove(question)
        if not waiting:
            del self._asked[command.leg]
        script = json.dumps(outcome.ncco.to_json()) if isinstance(outcome, Script) else None
        failed = isinstance(outcome, GaveUp)
        why = outcome.reason if isinstance(outcome, GaveUp) else ""
        self._report(Instructions(effect=command.effect, leg=command.leg, script=script, failed=failed, why=why))

    async def _deliver(
        self,
        delivery: Delivery[ncco.Ncco],
        room: ConversationId,
        leg: LegId | None,
        owner: Application | None,
        name: str,
        faulty: Callable[[str], None] | None = None,
        question: _Question | None = None,
    ) -> Outcome[ncco.Ncco]:
        while True:
            if question is not None and question.dropped and delivery.phase is not Phase.FIRST:
                return GaveUp("")
            match delivery.poll():
                case Outcome() as outcome:
                    return outcome
                case Fault(reason=reason) if faulty is not None:
                    faulty(reason)
                case Attempt() as attempt:
                    reply = await self._send(attempt, room, leg, owner, name)
                    if isinstance(reply, HttpReply):
                        delivery.replied(reply.status, reply.body)
                    else:
                        delivery.failed(reply.reason)

    async def _send(
        self, attempt: Attempt, room: ConversationId, leg: LegId | None, owner: Application | None, name: str
    ) -> HttpReply | HttpFailure:
        request = build_request(attempt.hook, attempt.payload)
        account = self._account()
        if owner is not None and account is not None and account.signature_secret and _signed(owner):
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
                headers=request.headers,
                body=request.body,
                connect_timeout_s=attempt.hook.connect_timeout_s,
                read_timeout_s=attempt.hook.read_timeout_s,
            )
        )
        took = self._clock.now() - began
        outcome = str(reply.status) if isinstance(reply, HttpReply) else reply.reason
        self.measure(name, outcome, took)
        note: dict[str, Any] = {"what": "webhook", "name": name, "method": request.method, "url": attempt.hook.url}
        note |= {"phase": attempt.phase.value, "outcome": outcome, "ms": round(took * 1000)}
        if isinstance(reply, HttpFailure):
            note["detail"] = reply.detail
            log.info("a webhook failed", name=name, leg=leg, reason=reply.reason, detail=reply.detail)
        self._trace(room, leg, note)
        return reply

    def _account(self) -> Account | None:
        return next(iter(self._directory.accounts().values()), None)


class _Question:
    """A request whose answer somebody waits for."""

    __slots__ = ("application", "command", "dropped", "room")

    def __init__(self, room: ConversationId, application: ApplicationId, command: Ask) -> None:
        self.room = room
        self.application = application
        self.command = command
        self.dropped = False


class _Notification:
    """One notification in a queue."""

    __slots__ = ("application", "command", "hook", "room")

    def __init__(self, room: ConversationId, application: ApplicationId, command: Tell, hook: Target) -> None:
        self.room = room
        self.application = application
        self.command = command
        self.hook = hook


def _measure_nothing(name: str, outcome: str, seconds: float) -> None:
    """Nobody counts."""


def _signed(owner: Application) -> bool:
    return owner.voice is None or owner.voice.signed_callbacks


def _hook(target: Target, owner: Application | None, *, kind: str) -> Hook:
    """The hook with the time-outs of the application's URL of the same kind."""
    voice = owner.voice if owner is not None else None
    settings = (voice.answer_url if kind == "answer" else voice.event_url) if voice is not None else None
    read_s = 5.0 if kind == "answer" else 10.0
    return Hook(
        url=target.url,
        method=target.method,
        connect_timeout_s=settings.connect_timeout_ms / 1000 if settings else 1.0,
        read_timeout_s=settings.socket_timeout_ms / 1000 if settings else read_s,
    )


def _fallback(owner: Application | None) -> Hook | None:
    webhook: Webhook | None = owner.voice.fallback_answer_url if owner is not None and owner.voice else None
    if webhook is None or not webhook.address:
        return None
    return Hook(
        url=webhook.address,
        method=webhook.http_method,
        connect_timeout_s=webhook.connect_timeout_ms / 1000,
        read_timeout_s=webhook.socket_timeout_ms / 1000,
    )
