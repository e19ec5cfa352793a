"""`/conversations`: make them, list them, look at one, change it, delete it; speak, play and record in one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from ringline.api.conversation_shapes import V01
from ringline.api.cursors import PageQuery
from ringline.api.fields import Body, Date, Method, Text, WebUrl, WebUrlsOrOne, one_of, read, refused, whole
from ringline.api.live_media import StreamBody, TalkBody
from ringline.api.lobby import Lobby, Visitor, given_query, routed
from ringline.base import ApiError, ApplicationId, EffectId, uuid4
from ringline.calls import events
from ringline.calls.commands import AudioFile, Source
from ringline.calls.membership import Callback, Profile
from ringline.calls.parties import Hook, TranscriptionWish


def at_most(length: int, *, at_least: int = 0) -> AfterValidator:
    """A text of a certain length."""

    def check(value: str) -> str:
        if not at_least <= len(value) <= length:
            raise refused(f"must have {at_least} to {length} characters")
        return value

    return AfterValidator(check)


def _no_object_but_small(value: dict[str, Any]) -> dict[str, Any]:
    if len(str(value)) > 20_000:
        raise refused("is too large")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_no_object_but_small)]


class ConversationProperties(Body):
    """`properties` of a conversation."""

    ttl: Annotated[int | None, whole(0)] = None
    "Seconds for which it is kept once it is empty; 0 or absent: for ever."
    type: Text | None = None
    custom_sort_key: Annotated[Text, at_most(200)] | None = None
    custom_data: JsonObject | None = None


class CallbackBody(Body):
    """Where a conversation's own events go."""

    url: WebUrl
    event_mask: Annotated[Text, at_most(2000)] = ""
    params: JsonObject | None = None
    method: Method = "POST"


class ConversationBody(Body):
    """What is said of a conversation."""

    name: Annotated[Text, at_most(100, at_least=1)] | None = None
    display_name: Annotated[Text, at_most(50)] | None = None
    image_url: Annotated[Text, at_most(2048)] | None = None
    properties: ConversationProperties = ConversationProperties()
    numbers: list[dict[str, Any]] | None = None
    callback: CallbackBody | None = None

    @property
    def profile(self) -> Profile:
        properties = self.properties.model_dump(exclude_none=True)
        callback = self.callback
        return Profile(
            name=self.name or "",
            display_name=self.display_name,
            image_url=self.image_url,
            properties=properties,
            numbers=tuple(self.numbers or ()),
            callback=Callback(
                url=callback.url,
                method=callback.method,
                event_mask=callback.event_mask,
                params=callback.params or {},
            )
            if callback is not None
            else None,
        )


class ConversationQuery(PageQuery):
    """The query of the list."""

    date_start: Date | None = None
    date_end: Date | None = None


class TranscriptionBody(Body):
    """`transcription` of a recording."""

    language: Text = "en-US"
    sentiment_analysis: bool = False
    event_url: WebUrlsOrOne | None = None
    event_method: Method = "POST"

    @property
    def wish(self) -> TranscriptionWish:
        """What the heart is told."""
        hook = Hook(url=self.event_url, method=self.event_method) if self.event_url else None
        return TranscriptionWish(language=self.language, sentiment=self.sentiment_analysis, hook=hook)


class RecordBody(Body):
    """Start or stop recording a conversation; pause all of its recordings, or go on with them."""

    action: Annotated[str, one_of("start", "stop", "pause", "resume")]
    event_url: WebUrlsOrOne | None = None
    event_method: Method = "POST"
    split: Annotated[str | None, one_of("conversation")] = None
    channels: Annotated[int | None, whole(1, 32)] = None
    format: Annotated[str, one_of("mp3", "wav", "ogg", "vorbis")] = "mp3"
    retention_ttl: Annotated[int, whole(1, 400)] = 31
    timeout: Annotated[int, whole(1, 7200)] = 7200
    transcription: TranscriptionBody | None = None

    def event(self, effect: EffectId, *, member: str | None = None) -> events.RoomRecordAsked:
        """What the heart is told."""
        channels = self.channels or (2 if self.split else 1)
        wishes: dict[str, Any] = {}
        if self.transcription is not None:
            wishes["transcription"] = self.transcription.model_dump(exclude_none=True)
        container = "ogg" if self.format == "vorbis" else self.format
        return events.RoomRecordAsked(
            effect=effect,
            container="wav" if container == "mp3" and channels > 2 else container,
            channels=channels,
            heard=self.split is not None and self.channels is None,
            hook=Hook(url=self.event_url, method=self.event_method) if self.event_url else None,
            limit_s=self.timeout,
            keep_days=self.retention_ttl,
            wishes=wishes,
            transcription=self.transcription.wish if self.transcription is not None else None,
            member=member,
        )


class Conversations:
    """The resource `conversations`."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._random = lobby.desk.needs.random

    def router(self) -> APIRouter:
        router = APIRouter()
        routed(router, "/conversations", self.list, "GET")
        routed(router, "/conversations", self.create, "POST")
        routed(router, "/conversations/{conversation}", self.show, "GET")
        routed(router, "/conversations/{conversation}", self.change, "PUT")
        routed(router, "/conversations/{conversation}", self.delete, "DELETE")
        routed(router, "/conversations/{conversation}/talk", self.start_talk, "PUT", "POST")
        routed(router, "/conversations/{conversation}/talk", self.stop_talk, "DELETE")
        routed(router, "/conversations/{conversation}/stream", self.start_stream, "PUT", "POST")
        routed(router, "/conversations/{conversation}/stream", self.stop_stream, "DELETE")
        routed(router, "/conversations/{conversation}/record", self.record, "PUT")
        return router

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    async def list(self, request: Request) -> Response:
        """The application's conversations, page by page."""
        visitor = await self._lobby.visitor(request, admin=True)
        query = read(ConversationQuery, given_query(request))
        window = self._lobby.window(query, visitor, "conversations")
        found = await self._lobby.chronicle.conversations(
            visitor.application.id, window, start=query.date_start, end=query.date_end
        )
        kind, write = "conversations", visitor.shapes.conversation
        return self._lobby.page(request, visitor, found, window, query, "conversations", kind=kind, write=write)

    async def create(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        asked = read(ConversationBody, await self._lobby.desk.read_object(request, may_be_empty=True))
        record = self._lobby.gatherings.create(visitor.application, asked.profile)
        return JSONResponse(visitor.shapes.changed_conversation(record), 200 if visitor.shapes.version == V01 else 201)

    async def show(self, request: Request) -> Response:
        """One conversation with its members."""
        visitor = await self._lobby.visitor(request)
        record = await self._lobby.record(request, visitor)
        room = self._lobby.gatherings.find(ApplicationId(record.application), record.id)
        members = room.projector.members() if room is not None and room.projector is not None else ()
        return JSONResponse(visitor.shapes.conversation(record, members))

    async def change(self, request: Request) -> Response:
        """Give the conversation the profile of the body."""
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request, may_be_empty=True)
        room = await self._lobby.room(request, visitor)
        record = self._lobby.gatherings.change(room, read(ConversationBody, body).profile)
        return JSONResponse(visitor.shapes.changed_conversation(record))

    async def delete(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        self._lobby.gatherings.delete(await self._lobby.room(request, visitor))
        return JSONResponse({}) if visitor.shapes.version == V01 else Response(status_code=204)

    # ── what is heard ──────────────────────────────────────────────────────────────────────────────────────────────

    async def start_talk(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        asked = read(TalkBody, await self._lobby.desk.read_object(request))
        return await self._play(request, visitor, "talk", asked.speech, asked.loop, asked.level)

    async def start_stream(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        asked = read(StreamBody, await self._lobby.desk.read_object(request))
        return await self._play(request, visitor, "stream", AudioFile(url=asked.stream_url), asked.loop, asked.level)

    async def stop_talk(self, request: Request) -> Response:
        return await self._stop(request, "talk")

    async def stop_stream(self, request: Request) -> Response:
        return await self._stop(request, "stream")

    async def _play(
        self, request: Request, visitor: Visitor, kind: str, source: Source, loop: int, level: float
    ) -> Response:
        room = await self._lobby.room(request, visitor)
        effect = EffectId(uuid4(self._random))
        actor = self._lobby.actor(visitor, room)
        member = actor.member if actor is not None else None
        play = events.RoomPlayAsked(effect=effect, kind=kind, source=source, loop=loop, level=level, member=member)
        self._lobby.gatherings.tell(room, play)
        return JSONResponse({"message": f"{kind.capitalize()} started", "uuid": effect})

    async def _stop(self, request: Request, kind: str) -> Response:
        visitor = await self._lobby.visitor(request)
        room = await self._lobby.room(request, visitor)
        actor = self._lobby.actor(visitor, room)
        member = actor.member if actor is not None else None
        told = self._lobby.gatherings.tell(room, events.RoomStopAsked(kind=kind, member=member))
        name = "say_id" if kind == "talk" else "play_id"
        stopped = next((entry.body[name] for entry in told if name in entry.body), room.id)
        return JSONResponse({"message": f"{kind.capitalize()} stopped", "uuid": stopped})

    async def record(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request)
        room = await self._lobby.room(request, visitor)
        asked = read(RecordBody, body)
        runs = self._lobby.gatherings.records(room)
        if asked.action == "start":
            if runs:
                raise _record_error("already-started", "The conversation is being recorded already.")
            self._lobby.gatherings.tell(room, asked.event(EffectId(uuid4(self._random))))
        elif asked.action == "stop":
            if not runs:
                raise _record_error("not-started", "The conversation is not being recorded.")
            self._lobby.gatherings.tell(room, events.RoomRecordStopAsked())
        else:
            if not any(not one.stopping for one in room.heart.room.recordings.values()):
                raise _record_error("not-started", "The conversation is not being recorded.")
            self._lobby.gatherings.tell(room, events.RoomRecordPauseAsked(paused=asked.action == "pause"))
        return JSONResponse({})


def _record_error(code: str, detail: str) -> ApiError:
    return ApiError(400, detail, title="Bad request.", code=f"record:error:{code}")
