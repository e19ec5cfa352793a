"""`/v1/calls` and `/v2/calls`: create calls, list them, look at one, steer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, model_validator

from ringline.accounts import Application
from ringline.api.create_call import ACCEPT_BAD_NCCO, LACKS_VBC, VBC_EXTENSIONS, CreateCall, Script
from ringline.api.fields import Body, WebUrls, empty_is_absent, one_of, read, refused
from ringline.api.legs import LegQuery, write_leg, write_page
from ringline.api.problems import SLOW_DOWN, bad_request
from ringline.api.repeats import Repeats
from ringline.api.resource import Desk, expect_json
from ringline.base import ApiError, ConversationId, EffectId, LegId, new_leg_id
from ringline.calls import events
from ringline.calls.events import Event
from ringline.calls.parties import Hook, Party
from ringline.engine.ports import LegFilter
from ringline.routing import choose_number

_CREATING = EffectId("create-call")
_PHP = "vonage-php/"


class Destination(Body):
    """Where a transfer goes: a script, or a URL that has one. The URL wins if both are given."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    type: Annotated[str, one_of("ncco")] = "ncco"
    url: WebUrls | None = None
    ncco: Script | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_of_them(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = {name: data[name] for name in ("url", "ncco") if data.get(name) is not None}
        if not given:
            raise refused("must have url or ncco")
        if "url" in given:
            given.pop("ncco", None)
        return given if data.get("type") is None else {"type": data["type"], **given}


class ModifyCall(Body):
    """The body of `PUT /v1/calls/{uuid}`."""

    action: Annotated[str, one_of("hangup", "mute", "unmute", "earmuff", "unearmuff", "transfer")]


class Transfer(ModifyCall):
    """The same with the action `transfer`."""

    destination: Destination


class Calls:
    """The resource `calls`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs
        self._repeats = Repeats(desk.needs.clock)

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v1/calls", self.create, methods=["POST"])
        router.add_api_route("/v1/calls", self.list, methods=["GET"])
        router.add_api_route("/v1/calls/{uuid}", self.show, methods=["GET"])
        router.add_api_route("/v1/calls/{uuid}", self.modify, methods=["PUT"])
        router.add_api_route("/v2/calls", self.create_later, methods=["POST"])
        return router

    # ── create ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, request: Request) -> Response:
        """`POST /v1/calls`."""
        leg, conversation = await self._create(request)
        body = {"uuid": leg, "status": "started", "direction": "outbound", "conversation_uuid": conversation}
        return JSONResponse(body, 201)

    async def create_later(self, request: Request) -> Response:
        """`POST /v2/calls`: the same; the ids arrive in the first event."""
        await self._create(request, from_required=True)
        return JSONResponse({}, 202)

    async def _create(self, request: Request, *, from_required: bool = False) -> tuple[LegId, ConversationId]:
        token = self._desk.gate.application(request, counted=False)
        application = token.application
        expect_json(request)
        options = self._needs.options
        context = {
            ACCEPT_BAD_NCCO: options.accept_bad_ncco,
            VBC_EXTENSIONS: options.vbc_extensions,
            LACKS_VBC: not application.calls_extensions,
        }
        body = await self._desk.read_object(request)
        await self._needs.pace()  # nothing may be waited for from here on: of two repetitions one is the call
        repeated = self._repeats.key(token, request.url.path, body)
        if (made := self._repeats.find(repeated)) is not None:
            return made
        asked = read(CreateCall, body, context=context)
        if from_required and asked.from_ is None:
            raise bad_request(("from", "is required"))
        destination = asked.destination
        caller = asked.from_ or self._own_number(application, destination)
        if (why := self._needs.refuses_calls()) is not None:
            raise ApiError(503, why)
        if (barred := self._needs.calls.barred(application.id, destination)) is not None:
            raise ApiError(429, SLOW_DOWN) if barred.passes else ApiError(402, barred.told)
        leg = new_leg_id(self._needs.random)
        conversation = self._needs.calls.outgoing(
            application,
            events.OutgoingLeg(
                leg=leg,
                to=destination,
                from_=caller,
                script=asked.ncco.text if asked.ncco is not None else None,
                answer=Hook(url=asked.answer_url, method=asked.answer_method) if asked.answer_url else None,
                event=Hook(url=asked.event_url, method=asked.event_method) if asked.event_url else None,
                ring_limit_s=asked.ringing_timer,
                length_limit_s=asked.length_timer,
                dtmf_answer=asked.first_keys,
                detection=asked.detection,
            ),
        )
        if asked.ncco is not None and asked.ncco.fault is not None:
            faulty = events.InstructionsFaulty(effect=_CREATING, leg=leg, reason=asked.ncco.fault)
            self._needs.calls.report(faulty)
        self._repeats.add(repeated, (leg, conversation))
        return leg, conversation

    def _own_number(self, application: Application, destination: Party) -> Party:
        """One of the application's numbers, of the destination's country if there is any."""
        numbers = [number.msisdn for number in self._needs.directory.numbers_of(application.id)]
        chosen = choose_number(numbers, destination.address, self._needs.random)
        if chosen is None:
            raise bad_request(("random_from_number", "no number is linked to the application"))
        return Party(kind="phone", address=chosen)

    # ── look ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def list(self, request: Request) -> Response:
        """`GET /v1/calls`."""
        application = self._desk.gate.application(request).application
        expect_json(request)
        given = empty_is_absent(request.query_params)
        query = read(LegQuery, given)
        conversation = query.conversation_uuid
        legs, count = await self._needs.records.legs(
            LegFilter(
                application=application.id,
                status=query.status,
                date_start=query.date_start,
                date_end=query.date_end,
                conversation=ConversationId(conversation) if conversation is not None else None,
                order=query.order,
                offset=query.record_index,
                limit=query.page_size,
            )
        )
        always_times = self._always_times(request)
        written = [write_leg(leg, always_times=always_times) for leg in legs]
        return JSONResponse(write_page(written, count, query=query, given=given, base=self._desk.base_url(request)))

    async def show(self, request: Request) -> Response:
        """`GET /v1/calls/{uuid}`."""
        token = self._desk.gate.application(request)
        expect_json(request)
        leg = await self._desk.leg(request, token)
        return JSONResponse(write_leg(leg, always_times=self._always_times(request)))

    def _always_times(self, request: Request) -> bool:
        """The official PHP library throws on a call without times."""
        return self._needs.options.always_send_times or request.headers.get("user-agent", "").startswith(_PHP)

    # ── steer ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def modify(self, request: Request) -> Response:
        """`PUT /v1/calls/{uuid}`."""
        token = self._desk.gate.application(request)
        expect_json(request)
        body = await self._desk.read_object(request)
        leg = await self._desk.live_leg(request, token)
        asked = read(ModifyCall, body)
        lacks_vbc = not token.application.calls_extensions
        event = _event(leg.uuid, asked.action, body, {LACKS_VBC: lacks_vbc})
        if asked.action != "hangup":
            self._desk.must_be_active(leg)
        self._needs.calls.report(event)
        return Response(status_code=204)


def _event(leg: LegId, action: str, body: Mapping[str, Any], context: Mapping[str, bool]) -> Event:
    match action:
        case "hangup":
            return events.HangUpAsked(leg=leg)
        case "mute" | "unmute":
            return events.MuteAsked(leg=leg, muted=action == "mute")
        case "earmuff" | "unearmuff":
            return events.EarmuffAsked(leg=leg, earmuffed=action == "earmuff")
        case _:
            target = read(Transfer, body, context=context).destination
            return events.TransferAsked(leg=leg, script=target.ncco.text if target.ncco else None, url=target.url)
