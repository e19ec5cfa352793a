"""The application under test, from its server's side: what it answers, and what it has been told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ringline.accounts import (
    Application,
    ApplicationSettings,
    VoiceCapability,
    answer_webhook,
    event_webhook,
)
from ringline.base import ApplicationId, LegId
from ringline.testing.control import Call
from ringline.testing.hosting import Site
from ringline.testing.matching import matches, nearest
from ringline.testing.rest import key_pair
from ringline.testing.scripts import Action
from ringline.testing.web import Answer, Received, Reply
from ringline.testing.web import ncco as script

if TYPE_CHECKING:
    from ringline.testing.switchboard import Switchboard

_PATIENCE_S: Final = 60.0
Rule = Callable[[Received], tuple[bool, Answer]]


class WebApplication:
    """An application with its own server, `https://<name>.example.org`, and its numbers.

    `/answer` is its answer URL, `/event` its event URL unless it was made with others, `/fallback` its fallback URL
    once it has one. Orders given here come first, then the application's own code is asked (`Switchboard.application`);
    what neither answers is answered with 204.
    """

    def __init__(
        self, application: Application, *, board: Switchboard, host: str, number: str, site: Site | None = None
    ) -> None:
        self.id: ApplicationId = application.id
        self.name = application.name
        self.number = number
        "The number that calls it."
        self._board = board
        self._host = host
        self._site = site
        self._directory = board.directory
        self._pulse = board.pulse
        self._replies: dict[str, list[Answer]] = {}
        self._rules: list[Rule] = []
        self._looked_at: dict[str, int] = {}
        self.requests: list[Received] = []
        "Everything it has received, in order."
        board.directory.put_application(application)
        board.web.serve(host, self._answer)

    # ── what it answers ────────────────────────────────────────────────────────────────────────────────────────────

    def url(self, path: str) -> str:
        """One of its URLs."""
        return f"https://{self._host}{path}"

    def answers(self, *actions: Action) -> None:
        """Answer calls with this script."""
        self.replies("/answer", script(*actions))

    def replies(self, path: str, *answers: Answer) -> None:
        """Reply on a path with these, one after the other; the last one again and again."""
        self._replies[path] = list(answers)

    def on_event(self, status: str, reply: Answer, *, leg: LegId | None = None) -> None:
        """Reply to status events of this kind (of one leg, or of all)."""
        self._rules.append(lambda received: (_is_event(received, status, leg), reply))

    def on_digits(self, digits: str, reply: Answer) -> None:
        """Reply to an `input` that collected exactly these digits."""
        self._rules.append(lambda received: (_digits(received) == digits, reply))

    def on(self, matches: Callable[[Received], bool], reply: Answer | Callable[[Received], Answer]) -> None:
        """Reply to all requests that match; `reply` may be worked out from the request."""

        def rule(received: Received) -> tuple[bool, Answer]:
            if not matches(received):
                return False, None
            return True, reply(received) if callable(reply) else reply

        self._rules.append(rule)

    def changes(self, **settings: Any) -> None:
        """Change settings of the application: of its `VoiceCapability` or its `ApplicationSettings`."""
        application = self._directory.application(self.id)
        assert application is not None
        own = {name: value for name, value in settings.items() if name in ApplicationSettings.__dataclass_fields__}
        of_voice = {name: value for name, value in settings.items() if name not in own}
        voice = replace(application.voice or VoiceCapability(), **of_voice)
        self._directory.put_application(
            replace(application, voice=voice, settings=replace(application.settings, **own))
        )

    def has_fallback(self, *answers: Answer, method: str = "GET") -> None:
        """Have a fallback URL, `/fallback`, that replies with these."""
        self.changes(fallback_answer_url=answer_webhook(self.url("/fallback"), method))
        self.replies("/fallback", *answers)

    def is_told_by_get(self) -> None:
        """Ask for events as GET requests."""
        self.changes(event_url=event_webhook(self.url("/event"), "GET"))

    @property
    def private_key(self) -> str:
        """Its private key (PEM), for a client library that signs its own tokens."""
        self._has_keys()
        return key_pair().private_key

    def token(self, **claims: Any) -> str:
        """A token for the REST API (`Switchboard.rest`), signed with its key."""
        self._has_keys()
        return self._board.rest.token(self.id, **claims)

    # ── what it does by REST ───────────────────────────────────────────────────────────────────────────────────────

    async def calls(
        self,
        to: str,
        *,
        ncco: Sequence[Action] | None = None,
        answer_url: str | None = None,
        answer_method: str = "GET",
        event_url: str | None = None,
        event_method: str = "POST",
        from_: str | None = None,
        ringing_timer: float = 60,
        length_timer: float = 7200,
        endpoint: dict[str, Any] | None = None,
        machine_detection: str | None = None,
        advanced_machine_detection: Mapping[str, Any] | None = None,
    ) -> Call:
        """Call somebody, as `POST /v1/calls` does; without `ncco` the leg asks `answer_url` (`/answer`) once answered.

        Raises:
            ApiError: 400 for a faulty script or endpoint, 429 above the rate of new calls.
        """
        return self._board.create_call(
            self,
            to,
            None if ncco is None else tuple(ncco),
            from_=self.number if from_ is None else from_,
            answer_url=answer_url or self.url("/answer"),
            answer_method=answer_method,
            event_url=event_url,
            event_method=event_method,
            ringing_timer=ringing_timer,
            length_timer=length_timer,
            endpoint=endpoint,
            machine_detection=machine_detection,
            advanced_machine_detection=advanced_machine_detection,
        )

    def call(self, leg: LegId) -> Call:
        """Take hold of a leg, such as that of somebody who called in."""
        return self._board.call(self, leg)

    # ── what it has been told ──────────────────────────────────────────────────────────────────────────────────────

    def received(self, path: str) -> list[Received]:
        """All requests on a path so far."""
        return [received for received in self.requests if received.path == path]

    async def gets(
        self, path: str, *, within_s: float = _PATIENCE_S, where: Callable[[Received], bool] = lambda _: True
    ) -> Received:
        """Wait for the next request on a path; each is given once.

        Raises:
            AssertionError: none came in time.
        """

        def look() -> Received | None:
            for place in range(self._looked_at.get(path, 0), len(self.requests)):
                received = self.requests[place]
                if received.path == path and where(received):
                    self._looked_at[path] = place + 1
                    return received
            return None

        return await self._pulse.until(
            look, within_s=within_s, otherwise=lambda: f"{self.name} got nothing on {path}, but {self._summary()}"
        )

    async def hears_of(self, status: str, leg: LegId | None = None, *, within_s: float = _PATIENCE_S) -> dict[str, Any]:
        """Wait until there is a status event of this kind, and give it; events that came before count too.

        Raises:
            AssertionError: none came in time.
        """
        return await self._pulse.until(
            lambda: next((event for event in self.events(leg) if event["status"] == status), None),
            within_s=within_s,
            otherwise=lambda: f"{self.name} was not told of {status}, but of {self.statuses(leg)}",
        )

    async def is_told(self, *, within_s: float = _PATIENCE_S, **wanted: Any) -> dict[str, Any]:
        """Wait until a webhook with these fields has come, and give all its fields; earlier ones count too.

        Of an object only the members named must be there: `is_told(dtmf={"digits": "1"})`. A function in place of a
        value is asked about it, and `from_` is the field `from`.

        Raises:
            AssertionError: none came in time; the text says which comes nearest, and what is other in it.
        """
        fields = {name.removesuffix("_"): value for name, value in wanted.items()}
        return await self._pulse.until(
            lambda: next((told for told in map(_fields, self.requests) if matches(told, fields)), None),
            within_s=within_s,
            otherwise=lambda: f"{self.name} was not told: {nearest([_fields(one) for one in self.requests], fields)}",
        )

    async def is_warned(self, words: str, *, within_s: float = _PATIENCE_S) -> str:
        """Wait until there is an error event whose reason has these words, and give the reason.

        Raises:
            AssertionError: none came in time.
        """
        return await self._pulse.until(
            lambda: next((reason for reason in self.errors() if words in reason), None),
            within_s=within_s,
            otherwise=lambda: f"{self.name} was not told of {words!r}, but of {self.errors() or 'no error'}",
        )

    def events(self, leg: LegId | None = None, path: str | None = None) -> list[dict[str, Any]]:
        """The status events so far, of one leg or of all."""
        return [
            received.json
            for received in self.requests
            if "status" in _fields(received)
            and _fields(received).get("type") != "payment"
            and leg in (None, _fields(received).get("uuid"))
            and path in (None, received.path)
        ]

    def statuses(self, leg: LegId | None = None) -> list[str]:
        """The statuses one leg (or all) went through, as the application was told."""
        return [event["status"] for event in self.events(leg)]

    def errors(self) -> list[str]:
        """The reasons of all error events."""
        return [fields["reason"] for fields in self._telling("reason") if "original_request" not in fields]

    def transfers(self, leg: LegId | None = None) -> list[dict[str, Any]]:
        """All events of legs moving between conversations."""
        return [fields for fields in self._telling("conversation_uuid_from") if leg in (None, fields["uuid"])]

    def payments(self) -> list[dict[str, Any]]:
        """All events of `pay` actions that have come out one way or the other."""
        return [fields for fields in self._telling("status") if fields.get("type") == "payment"]

    def recordings(self) -> list[dict[str, Any]]:
        """All events of finished recordings."""
        return self._telling("recording_url")

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, received: Received) -> Answer | Awaitable[Reply]:
        answer = self._choose(received)
        self.requests.append(received)
        return answer

    def _choose(self, received: Received) -> Answer | Awaitable[Reply]:
        for rule in self._rules:
            matches, answer = rule(received)
            if matches:
                return answer
        replies = self._replies.get(received.path)
        if not replies:
            return self._site.respond(received) if self._site is not None else None
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _has_keys(self) -> None:
        application = self._directory.application(self.id)
        assert application is not None, f"{self.name} was deleted"
        if application.public_key is None:
            self._directory.put_application(replace(application, public_key=key_pair().public_key))

    def _telling(self, field: str) -> list[dict[str, Any]]:
        return [_fields(received) for received in self.requests if field in _fields(received)]

    def _summary(self) -> list[str]:
        return [f"{received.path} {_fields(received).get('status', '')}".strip() for received in self.requests]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where an application has its webhooks."""

    answer: str = "/answer"
    answer_method: str = "GET"
    event: str = "/event"
    event_method: str = "POST"


def new_application(identity: ApplicationId, name: str, base: str, paths: Paths) -> Application:
    """An application with an answer and an event URL."""
    voice = VoiceCapability(
        answer_url=answer_webhook(base + paths.answer, paths.answer_method),
        event_url=event_webhook(base + paths.event, paths.event_method),
    )
    return Application(id=identity, name=name, voice=voice, other_capabilities='{"vbc": {}}')


def _fields(received: Received) -> dict[str, Any]:
    fields = received.json
    return fields if isinstance(fields, dict) else {}


def _is_event(received: Received, status: str, leg: LegId | None) -> bool:
    fields = _fields(received)
    return fields.get("status") == status and fields.get("type") != "payment" and leg in (None, fields.get("uuid"))


def _digits(received: Received) -> str | None:
    dtmf: Mapping[str, Any] | str = _fields(received).get("dtmf") or {}
    return dtmf if isinstance(dtmf, str) else dtmf.get("digits")
