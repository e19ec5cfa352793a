"""What app clients read of conversations, and what they do in them (client SDK reference, sections 6.5, 8 and 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.accounts import User
from ringline.api.client_calls import after
from ringline.api.client_desk import Caller, ClientDesk, Place
from ringline.api.conversation_shapes import V1, Shapes
from ringline.api.fields import read
from ringline.api.legs import ENDED
from ringline.api.lobby import forbidden, no_such
from ringline.api.members import farewell
from ringline.api.posting import KeysBody, event_of, read_type
from ringline.api.problems import bad_request
from ringline.base import ApiError, ConversationId, LegId, iso_ms, read_leg_id, uuid4
from ringline.calls.membership import Member
from ringline.engine.clients.apps import no_such_leg
from ringline.engine.ports import LegRecord
from ringline.engine.records import record_of
from ringline.engine.rooms import RoomOwner
from ringline.rtc.frames import status_of

_OF_A_LEG: Final = ("audio:mute:", "audio:earmuff:")
_MAY: Final = frozenset(
    {"audio:dtmf", "audio:say", "audio:say:stop", "audio:play", "audio:play:stop"}
    | {f"{what}{how}" for what in _OF_A_LEG for how in ("on", "off")}
)
_MOST_LEGS: Final = 100


class ClientRooms:
    """A user's conversations, members and legs as its app sees them."""

    def __init__(self, desk: ClientDesk) -> None:
        self._desk = desk
        self._apps = desk.apps

    def router(self) -> APIRouter:
        router = APIRouter()
        add = router.add_api_route
        add("/v0.3/users/{user}", self.user, methods=["GET"])
        add("/v0.3/conversations/{conversation}", self.conversation, methods=["GET"])
        add("/v0.3/conversations/{conversation}/legs", self.legs, methods=["GET"])
        add("/v0.3/conversations/{conversation}/members/me", self.me, methods=["GET"])
        add("/v0.3/conversations/{conversation}/members/{member}", self.claim, methods=["PUT"])
        add("/v0.3/conversations/{conversation}/members/{member}", self.leave, methods=["DELETE"])
        add("/v0.3/conversations/{conversation}/events", self.act, methods=["POST"])
        add("/v0.3/conversations/{conversation}/events", _chat, methods=["GET"])
        add("/v0.3/legs/{leg}", self.leg, methods=["GET"])
        return router

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def user(self, request: Request) -> Response:
        """A user of the application: all of oneself, of others what everybody may know."""
        caller = await self._desk.caller(request)
        named = request.path_params["user"]
        if named in ("me", caller.user.id, caller.user.name):
            return JSONResponse(Shapes(V1, "").user(caller.user))
        found = await self._desk.lobby.chronicle.user(caller.token.application.id, named)
        if found is None:
            raise no_such("user", "User")
        return JSONResponse(_of_another(found))

    async def conversation(self, request: Request) -> Response:
        """A conversation in which the user is, or has been."""
        caller = await self._desk.caller(request)
        conversation = ConversationId(request.path_params["conversation"])
        record = await self._desk.lobby.chronicle.conversation(conversation)
        theirs = record is not None and record.application == caller.token.application.id
        if record is None or not theirs or not await self._desk.lobby.chronicle.is_member(record.id, caller.user.id):
            raise no_such("conversation", "Conversation")
        body: dict[str, Any] = {
            "id": record.id,
            "name": record.name,
            "display_name": record.display_name or "",
            "state": record.state,
            "timestamp": {"created": iso_ms(record.created_at), "updated": iso_ms(record.updated_at)},
            "properties": record.properties,
            "media_state": _media_state(None, None),
        }
        room = self._desk.lobby.gatherings.find(record.application, record.id)
        if room is not None and room.projector is not None:
            body["state"] = room.projector.record.state
            mine = [one for one in room.projector.members() if one.person.id == caller.user.id]
            if mine:
                place = self._desk.place(request, caller)
                body["_embedded"] = {"member": {"id": place.member.id, "state": place.member.state}}
                body["media_state"] = _media_state(room, place.member.leg)
        return JSONResponse(body)

    async def me(self, request: Request) -> Response:
        """The member that the user is."""
        caller = await self._desk.caller(request)
        place = self._desk.place(request, caller)
        return JSONResponse({"id": place.member.id, "state": place.member.state})

    async def leg(self, request: Request) -> Response:
        """A leg of a conversation in which the user is, or has been."""
        caller = await self._desk.caller(request)
        uuid = read_leg_id(request.path_params["leg"])
        record = await self._record(uuid) if uuid is not None else None
        if record is None or record.application != caller.token.application.id:
            raise no_such_leg()
        if not await self._desk.lobby.chronicle.is_member(record.conversation, caller.user.id):
            raise no_such_leg()
        return JSONResponse(_leg(record))

    async def legs(self, request: Request) -> Response:
        """The live legs of a conversation in which the user is."""
        caller = await self._desk.caller(request)
        place = self._desk.place(request, caller)
        records = [await self._record(leg) for leg in place.room.heart.legs[:_MOST_LEGS]]
        legs = [
            {**_leg(record), "media_state": _media_state(place.room, record.uuid)}
            for record in records
            if record is not None
        ]
        return JSONResponse({"_embedded": {"legs": legs}, "_links": {"self": {"href": request.url.path}}})

    # ── doing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, request: Request) -> Response:
        """A session wants to answer the call that this member is invited by."""
        asked = await self._desk.asked(request)
        if asked.body.get("state") != "joined":
            raise bad_request(("state", "must be joined"))
        member = self._desk.place(request, asked.caller, named=request.path_params["member"]).member
        self._apps.claim(asked.session, member)
        return JSONResponse({"id": member.id})

    async def leave(self, request: Request) -> Response:
        """Hang up, or decline."""
        caller = await self._desk.caller(request)
        member = self._desk.place(request, caller, named=request.path_params["member"]).member
        if not self._apps.knows(member.leg):
            raise no_such("conversation", "Member", code="conversation:error:member-not-found")
        return JSONResponse({}, background=after(self._apps.hang_up, member, farewell(request)))

    async def act(self, request: Request) -> Response:
        """Mute, earmuff, press keys, say or play something."""
        asked = await self._desk.asked(request)
        caller, body = asked.caller, asked.body
        named = body.get("from")
        place = self._desk.place(request, caller, named=named if isinstance(named, str) else None)
        kind = body.get("type")
        if kind not in _MAY or read_type(kind) != kind:
            raise bad_request(("type", "must be an event that an app can cause in a call"))
        content = body.get("body")
        if kind == "audio:dtmf":
            return JSONResponse({"id": self._press(place, content)})
        if kind.startswith(_OF_A_LEG):
            _own_leg_only(place.room, caller, content)
        to = _target(place.room, body.get("to"))
        event = event_of(
            kind,
            content,
            member=place.member,
            to=None if kind.startswith(_OF_A_LEG) else to,
            room=place.room,
            new_id=uuid4(self._desk.needs.random),
        )
        entry = self._desk.lobby.gatherings.post(place.room, event, kind)
        made = Shapes(V1, "").made_event(place.room.id, entry)
        if kind == "audio:say":
            made["body"] = {**entry.body, "level": round(entry.body["level"])}
        return JSONResponse({name: made[name] for name in ("id", "type", "timestamp", "body", "from") if name in made})

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _press(self, place: Place, content: Any) -> int:
        """The keys of an app's leg are those of its user: scripts hear them as from a phone. Give their last number."""
        keys = read(KeysBody, content if isinstance(content, Mapping) else {})
        digits = (keys.digits or keys.digit or "").replace("p", "").replace("P", "")
        if not digits:
            raise bad_request(("body.digit", "is required"))
        leg = place.member.leg
        if leg is None or not self._apps.knows(leg):
            raise no_such_leg()
        self._apps.press(leg, digits)
        projector = place.room.projector
        return projector.record.sequence if projector is not None else 0

    async def _record(self, leg: LegId) -> LegRecord | None:
        view = self._desk.needs.calls.view(leg)
        return record_of(view) if view is not None else await self._desk.needs.records.leg(leg)


def _own_leg_only(room: RoomOwner, caller: Caller, content: Any) -> None:
    written = content.get("rtc_id") if isinstance(content, Mapping) else None
    leg = read_leg_id(written) if isinstance(written, str) else None
    members = room.projector.members() if room.projector is not None else ()
    if leg is not None and not any(one.leg == leg and one.person.id == caller.user.id for one in members):
        raise forbidden()


def _target(room: RoomOwner, named: object) -> Member | None:
    """The one member an event is for.

    Raises:
        ApiError: 400 when it is not in the conversation.
    """
    if not isinstance(named, str) or not named:
        return None
    found = room.projector.member(named) if room.projector is not None else None
    if found is None:
        reason = "is not a member of this conversation"
        raise ApiError(400, "Input validation failure.", title="Bad request.", parameters=(("to", reason),))
    return found


def _media_state(room: RoomOwner | None, leg: LegId | None) -> dict[str, bool]:
    heart = room.heart.room if room is not None else None
    known = room.heart.leg(leg) if room is not None and leg is not None else None
    prompts = [known.prompt_kind] if known is not None and known.prompt is not None else []
    recordings = list(heart.recordings.values()) if heart is not None else []
    if heart is not None:
        prompts += [one.kind for one in heart.announcements.values() if one.playing]
    return {
        "mute": known is not None and known.muted,
        "earmuff": known is not None and known.earmuffed,
        "play_stream": "stream" in prompts,
        "tts": "talk" in prompts,
        "recording": any(not one.stopping for one in recordings),
        "transcribing": any(one.transcription is not None and not one.stopping for one in recordings),
    }


def _leg(leg: LegRecord) -> dict[str, Any]:
    kind = (leg.from_ if leg.direction == "inbound" else leg.to).get("type", "phone")
    status = "completed" if leg.status in ENDED else status_of(leg.status) or leg.status
    started = leg.start_time or leg.created_at
    return {
        "id": leg.uuid,
        "conversation_id": leg.conversation,
        "status": status,
        "start_time": iso_ms(started),
        "end_time": iso_ms(leg.end_time) if leg.end_time is not None else "",
        "direction": leg.direction,
        "type": kind,
        "from": leg.from_,
        "to": leg.to,
    }


async def _chat(request: Request) -> Response:
    """The list of events belongs to chat, which is not served: no such thing is here."""
    raise ApiError(404, "There is nothing at this path")


def _of_another(user: User) -> dict[str, Any]:
    body = {"id": user.id, "name": user.name, "display_name": user.display_name, "image_url": user.image_url}
    return {name: value for name, value in body.items() if value is not None}
