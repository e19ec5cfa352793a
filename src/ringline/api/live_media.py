"""`/v1/calls/{uuid}/stream`, `/talk`, `/dtmf` and `/input/dtmf`: what is played into a live leg and heard from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BeforeValidator

from ringline.api.fields import Body, Flag, Level, Text, WebUrls, WebUrlsOrOne, read, refused, whole
from ringline.api.resource import Desk, expect_json
from ringline.base import LegId
from ringline.calls import events
from ringline.calls.commands import AudioFile, Speech
from ringline.calls.parties import Hook
from ringline.engine.ports import LegRecord
from ringline.ncco import MAX_SPOKEN_CHARACTERS, spoken_length
from ringline.speech import DEFAULT_LANGUAGE, is_listed

_MOST_KEYS: Final = 500
_KEYS: Final = re.compile(r"[0-9*#pA-Da-d]+")
_MOST_WRITTEN_CHARACTERS: Final = 50_000
"Of a text with all its tags."


def _check_text(text: str) -> str:
    if len(text) > _MOST_WRITTEN_CHARACTERS or (length := spoken_length(text)) > MAX_SPOKEN_CHARACTERS:
        raise refused(f"must have at most {MAX_SPOKEN_CHARACTERS} characters, not counting SSML tags")
    if length == 0:
        raise refused("must not be empty")
    return text


def _check_language(language: str) -> str:
    if not is_listed(language):
        raise refused("is not a known language")
    return language


def _read_keys(value: object) -> str:
    if not isinstance(value, str):
        raise refused("must be a string")
    if not _KEYS.fullmatch(value) or len(value) > _MOST_KEYS:
        raise refused(f"must be 1 to {_MOST_KEYS} of 0-9, A-D, *, # and p")
    return "".join(key if key == "p" else key.upper() for key in value)


class StreamBody(Body):
    """Play an audio file."""

    stream_url: WebUrls
    loop: Annotated[int, whole(0)] = 1
    "0 repeats until something ends it."
    level: Level = 0.0


class TalkBody(Body):
    """Speak a text."""

    text: Annotated[Text, AfterValidator(_check_text)]
    language: Annotated[Text, AfterValidator(_check_language)] | None = None
    style: Annotated[int | None, whole(0)] = None
    premium: Flag = False
    voice_name: Text | None = None
    loop: Annotated[int, whole(0)] = 1
    "0 repeats until something ends it."
    level: Level = 0.0

    @property
    def speech(self) -> Speech:
        named = self.language is None and self.style is None
        return Speech(
            text=self.text,
            language=self.language or DEFAULT_LANGUAGE,
            style=self.style or 0,
            premium=self.premium,
            voice_name=self.voice_name if named else None,
        )


class KeysBody(Body):
    """Send keys."""

    digits: Annotated[str, BeforeValidator(_read_keys)]


class ListenBody(Body):
    """Report each key."""

    event_url: WebUrlsOrOne


class LiveMedia:
    """What belongs to the audio of one leg."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._calls = desk.needs.calls

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v1/calls/{uuid}/stream", self.start_stream, methods=["PUT"])
        router.add_api_route("/v1/calls/{uuid}/stream", self.stop_stream, methods=["DELETE"])
        router.add_api_route("/v1/calls/{uuid}/talk", self.start_talk, methods=["PUT"])
        router.add_api_route("/v1/calls/{uuid}/talk", self.stop_talk, methods=["DELETE"])
        router.add_api_route("/v1/calls/{uuid}/dtmf", self.send_keys, methods=["PUT"])
        router.add_api_route("/v1/calls/{uuid}/input/dtmf", self.listen, methods=["PUT"])
        router.add_api_route("/v1/calls/{uuid}/input/dtmf", self.stop_listening, methods=["DELETE"])
        return router

    async def start_stream(self, request: Request) -> Response:
        """Play an audio file into the leg."""
        leg, body = await self._leg_and_body(request)
        asked = read(StreamBody, body)
        self._desk.must_be_active(leg)
        source = AudioFile(url=asked.stream_url)
        play = events.PlayAsked(leg=leg.uuid, kind="stream", source=source, loop=asked.loop, level=asked.level)
        self._calls.report(play)
        return _message("Stream started", leg.uuid)

    async def stop_stream(self, request: Request) -> Response:
        leg = await self._leg(request)
        self._calls.report(events.StopAsked(leg=leg.uuid, kind="stream"))
        return _message("Stream stopped", leg.uuid)

    async def start_talk(self, request: Request) -> Response:
        """Speak a text into the leg."""
        leg, body = await self._leg_and_body(request)
        asked = read(TalkBody, body)
        self._desk.must_be_active(leg)
        play = events.PlayAsked(leg=leg.uuid, kind="talk", source=asked.speech, loop=asked.loop, level=asked.level)
        self._calls.report(play)
        return _message("Talk started", leg.uuid)

    async def stop_talk(self, request: Request) -> Response:
        leg = await self._leg(request)
        self._calls.report(events.StopAsked(leg=leg.uuid, kind="talk"))
        return _message("Talk stopped", leg.uuid)

    async def send_keys(self, request: Request) -> Response:
        """Send DTMF keys out on the leg."""
        leg, body = await self._leg_and_body(request)
        asked = read(KeysBody, body)
        self._desk.must_be_active(leg)
        self._calls.report(events.KeysAsked(leg=leg.uuid, digits=asked.digits))
        return _message("DTMF sent", leg.uuid)

    async def listen(self, request: Request) -> Response:
        """Tell the application of every key the leg presses from now on."""
        leg, body = await self._leg_and_body(request)
        if body.get("event_url") is None and "eventUrl" in body:  # so the PHP library spells it
            body["event_url"] = body["eventUrl"]
        asked = read(ListenBody, body)
        self._calls.report(events.ListenAsked(leg=leg.uuid, hook=Hook(url=asked.event_url, method="POST")))
        return JSONResponse({})

    async def stop_listening(self, request: Request) -> Response:
        leg = await self._leg(request)
        self._calls.report(events.ListenAsked(leg=leg.uuid, hook=None))
        return JSONResponse({})

    async def _leg(self, request: Request) -> LegRecord:
        token = self._desk.gate.application(request)
        expect_json(request)
        return await self._desk.live_leg(request, token)

    async def _leg_and_body(self, request: Request) -> tuple[LegRecord, dict[str, Any]]:
        token = self._desk.gate.application(request)
        expect_json(request)
        body = await self._desk.read_object(request)
        return await self._desk.live_leg(request, token), body


def _message(text: str, leg: LegId) -> Response:
    body: Mapping[str, str] = {"message": text, "uuid": leg}
    return JSONResponse(body)
