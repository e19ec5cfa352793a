"""What an application does with its calls by REST, without HTTP: the same events for the same engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ringline import ncco
from ringline.base import ApiError, ConversationId, LegId
from ringline.calls import events
from ringline.calls.actions import party
from ringline.calls.commands import AudioFile, Speech
from ringline.calls.detection import wished
from ringline.calls.facts import LegView
from ringline.calls.parties import Hook, Party
from ringline.calls.state import Detection
from ringline.engine.ports import LegRecord
from ringline.testing.scripts import Action, endpoint_for

if TYPE_CHECKING:
    from ringline.engine.engine import Engine
    from ringline.testing.application import WebApplication


class Call:
    """One leg under an application's control; refusals are those of the REST API.

    Every method raises `ApiError` 404 for a leg that has ended or is not the application's, and 400 where the leg must
    have been answered and has not.
    """

    def __init__(self, engine: Engine, application: WebApplication, leg: LegId) -> None:
        self.uuid = leg
        self._engine = engine
        self._application = application

    @property
    def status(self) -> str:
        """As `GET /v1/calls/{uuid}` shows it."""
        return self._live().status

    @property
    def conversation_uuid(self) -> ConversationId:
        """Where the leg is now."""
        return self._live().conversation

    async def record(self) -> LegRecord:
        """The leg's record, also after its end.

        Raises:
            ApiError: 404, there never was such a leg.
        """
        found = await self._engine.outside.store.leg(self.uuid)
        if found is None or found.application != self._application.id:
            raise ApiError(404, "no such call")
        return found

    def hang_up(self) -> None:
        """End the leg; before its answer, too."""
        self._live()
        self._engine.report(events.HangUpAsked(leg=self.uuid))

    def mute(self, muted: bool = True) -> None:
        """Nobody hears it any more."""
        self._up()
        self._engine.report(events.MuteAsked(leg=self.uuid, muted=muted))

    def unmute(self) -> None:
        self.mute(False)

    def earmuff(self, earmuffed: bool = True) -> None:
        """It hears nobody any more."""
        self._up()
        self._engine.report(events.EarmuffAsked(leg=self.uuid, earmuffed=earmuffed))

    def unearmuff(self) -> None:
        self.earmuff(False)

    def transfer(self, *actions: Action, url: str | None = None) -> None:
        """Run another script on it, given here or fetched from `url`.

        Raises:
            ApiError: also 400, the script is faulty.
        """
        self._up()
        script = None if url is not None else _script(actions)
        self._engine.report(events.TransferAsked(leg=self.uuid, script=script, url=url))

    def talk(self, text: str, *, loop: int = 1, level: float = 0.0, language: str = "en-US", style: int = 0) -> None:
        """Speak to this leg only."""
        self._up()
        source = Speech(text=text, language=language, style=style)
        self._engine.report(events.PlayAsked(leg=self.uuid, kind="talk", source=source, loop=loop, level=level))

    def stop_talk(self) -> None:
        self._live()
        self._engine.report(events.StopAsked(leg=self.uuid, kind="talk"))

    def stream(self, url: str, *, loop: int = 1, level: float = 0.0) -> None:
        """Play a file to this leg only."""
        self._up()
        source = AudioFile(url=url)
        self._engine.report(events.PlayAsked(leg=self.uuid, kind="stream", source=source, loop=loop, level=level))

    def stop_stream(self) -> None:
        self._live()
        self._engine.report(events.StopAsked(leg=self.uuid, kind="stream"))

    def send_keys(self, digits: str) -> None:
        """Send DTMF to its far end."""
        self._up()
        self._engine.report(events.KeysAsked(leg=self.uuid, digits=digits))

    def listen_for_keys(self, url: str) -> None:
        """Report every key it presses to `url`."""
        self._live()
        self._engine.report(events.ListenAsked(leg=self.uuid, hook=Hook(url=url)))

    def stop_listening(self) -> None:
        self._live()
        self._engine.report(events.ListenAsked(leg=self.uuid, hook=None))

    def _live(self) -> LegView:
        view = self._engine.view(self.uuid)
        if view is None or view.application != self._application.id:
            raise ApiError(404, f"Call '{self.uuid}' does not exist, or you do not have access")
        return view

    def _up(self) -> LegView:
        view = self._live()
        if view.answered_at is None and not view.scripted:
            raise ApiError(400, "call is not active", parameters=(("uuid", "call is not active"),))
        return view


def create_call(
    engine: Engine,
    application: WebApplication,
    leg: LegId,
    *,
    to: str,
    from_: str,
    script: tuple[Action, ...] | None,
    answer_url: str | None,
    answer_method: str,
    event_url: str | None,
    event_method: str,
    ringing_timer: float,
    length_timer: float,
    endpoint: dict[str, Any] | None,
    machine_detection: str | None = None,
    advanced_machine_detection: Mapping[str, Any] | None = None,
) -> Call:
    """Do what `POST /v1/calls` does.

    Raises:
        ApiError: 400 for a faulty script or endpoint, 429 above the rate of new calls.
    """
    owner = engine.directory.application(application.id)
    assert owner is not None
    source = None if script is None else _script(script)
    try:
        wanted = ncco.endpoint_from_json(endpoint_for(to, endpoint))
    except ncco.NccoError as error:
        raise ApiError(400, error.reason) from error
    if not engine.may_dial(application.id):
        raise ApiError(429, "Please wait, then retry your request")
    engine.outgoing(
        owner,
        events.OutgoingLeg(
            leg=leg,
            to=party(wanted),
            from_=Party(kind="phone", address=from_),
            script=source,
            answer=Hook(url=answer_url, method=answer_method) if answer_url and script is None else None,
            event=Hook(url=event_url, method=event_method) if event_url else None,
            ring_limit_s=ringing_timer,
            length_limit_s=length_timer,
            dtmf_answer=wanted.dtmf_answer if isinstance(wanted, ncco.Phone) else "",
            detection=_detection(machine_detection, advanced_machine_detection),
        ),
    )
    return Call(engine, application, leg)


def _detection(basic: str | None, advanced: Mapping[str, Any] | None) -> Detection | None:
    if advanced is None:
        return wished(basic, None, None, None)
    return wished(None, advanced.get("behavior"), advanced.get("mode", "detect"), advanced.get("beep_timeout"))


def _script(actions: tuple[Action, ...]) -> str:
    source = json.dumps(actions)
    try:
        read = ncco.parse(source)
    except ncco.NccoError as error:
        raise ApiError(400, error.reason) from error
    if not read.actions:
        raise ApiError(400, "the ncco is empty")
    return json.dumps(read.to_json())
