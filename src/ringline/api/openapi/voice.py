"""The Voice API: calls, what is played into them, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ringline.api.legs import STATUSES
from ringline.api.openapi.errors import refusals
from ringline.api.openapi.parts import (
    ANY_WEB_URL,
    CONVERSATION,
    DATE,
    JSON,
    MONEY,
    TIME,
    UUID,
    Json,
    answer,
    arr,
    body,
    flag,
    in_path,
    obj,
    operation,
    query,
    ref,
    text,
    whole,
    wish,
    words,
)

TOKEN: Final[list[Json]] = [{"token": []}]
_LEG: Final = [in_path("uuid", UUID, "The leg's id.")]
_FILE: Final = [in_path("id", UUID, "The file's id.")]
_LEVEL: Final[Json] = {
    "description": "Volume from -1 to 1.",
    "default": "0",
    "anyOf": [{"type": "number", "minimum": -1, "maximum": 1}, text(pattern=r"^(-?0?\.[0-9]{1,3}|-?[01](\.0{1,3})?)$")],
}
_ONE_URL: Final = arr(ANY_WEB_URL, minItems=1, maxItems=1)
_METHOD: Final = words("GET", "POST", any_case=True)
_LINK: Final = obj("href", href=text())
_LINKS: Final = obj("self first last", self=_LINK, first=_LINK, last=_LINK, next=_LINK, prev=_LINK)

_ENDPOINTS: Final[Mapping[str, Json]] = {
    "EndpointShown": obj(
        "type",
        type=words("phone", "sip", "websocket", "app", "vbc"),
        number=text("Digits, or `anonymous` and the like for callers who hide."),
        uri=text(),
        user=text(),
        extension=text(),
        headers={"type": "object"},
        **{"content-type": text()},
    ),
}

_CALL_OPTIONS: Final[Mapping[str, Json]] = {
    "event_url": {**_ONE_URL, "description": "Hears what happens, instead of the application's event URL."},
    "event_method": {**_METHOD, "default": "POST"},
    "machine_detection": words("continue", "hangup", any_case=True),
    "advanced_machine_detection": wish(
        behavior=words("continue", "hangup", any_case=True),
        mode={**words("default", "detect", "detect_beep", any_case=True), "default": "detect"},
        beep_timeout=whole(30, 120, default=45, about="Seconds."),
    ),
    "length_timer": whole(1, 86_400, default=7200, about="Seconds from answer to the forced end."),
    "ringing_timer": whole(1, 120, default=60, about="Seconds of ringing."),
}
_SIP_URI: Final = r"^[Ss][Ii][Pp][Ss]?:[A-Za-z0-9._-]{1,60}@[A-Za-z0-9]([A-Za-z0-9.-]{0,60}[A-Za-z0-9])?$"
_HEADERS: Final[Json] = {
    "type": "object",
    "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9 ]{0,100}$"},
}
_TARGETS: Final[Mapping[str, Json]] = {
    "phone": wish(
        "type number",
        type={"const": "phone"},
        number=text("With country code.", pattern=r"^\+?[1-9][0-9]{6,14}$"),
        dtmfAnswer=text("Keys sent when it is answered; `p` pauses.", pattern="^[0-9*#p]{1,50}$"),
        shaken=text("Content of the `Identity` header."),
    ),
    "sip": wish(
        "type uri",
        type={"const": "sip"},
        uri=text(pattern=_SIP_URI),
        headers={**_HEADERS, "description": "Each is sent as `X-…`."},
        standard_headers=obj(**{"User-to-User": text(pattern="^[A-Za-z0-9=;]{1,100}$")}),
    ),
    "websocket": wish(
        "type uri",
        type={"const": "websocket"},
        uri=text(pattern=r"^[Ww][Ss][Ss]?://[a-z0-9]{1,60}(/[a-z0-9]{0,60})?$"),
        headers={"type": "object", "description": "Sent in the first message."},
        **{"content-type": words("audio/l16;rate=8000", "audio/l16;rate=16000", "audio/l16;rate=24000")},
    ),
    "app": wish("type user", type={"const": "app"}, user=text(pattern="^[A-Za-z0-9]{1,60}$")),
}
_TO: Final = {
    "description": "Exactly one endpoint.",
    **arr({"anyOf": list(_TARGETS.values())}, minItems=1, maxItems=1),
}
_FROM: Final[Json] = {
    "description": "Who is shown as calling: a number, or a SIP URI.",
    "anyOf": [
        text(pattern=r"^\+?[0-9]{1,15}$"),
        text(pattern=r"^sip:[a-z0-9]{1,30}@[a-z0-9]{1,30}$"),
        obj("type number", type={"const": "phone"}, number=text(pattern=r"^\+?[0-9]{1,15}$")),
        obj("type uri", type={"const": "sip"}, uri=text(pattern=r"^sips?:[a-z0-9]{1,30}@[a-z0-9]{1,30}$")),
    ],
}


def _create(script: str, caller: str) -> Json:
    """One of the ways to ask for a call: with a script or an answer URL, from a number or a random one."""
    made = wish(f"to {script} {caller}", to=_TO, **_CALL_OPTIONS)
    members: Json = made["properties"]
    if script == "ncco":
        members["ncco"] = ref("Ncco")
        members["answer_url"] = {"type": "null"}
    else:
        members["answer_url"] = {**_ONE_URL, "description": "Asked what to do when the call is answered."}
        members["answer_method"] = {"anyOf": [{**_METHOD, "default": "GET"}, {"type": "null"}]}
        members["ncco"] = {"type": "null"}
    if caller == "from":
        members["from"] = _FROM
        members["random_from_number"] = {"enum": [False, None]}
    else:
        members["random_from_number"] = {"const": True, "description": "One of the application's numbers."}
        members["from"] = {"type": "null"}
    return made


_EXAMPLES: Final = {
    "script": {
        "to": [{"type": "phone", "number": "447700900123"}],
        "from": {"type": "phone", "number": "447700900900"},
        "ncco": [{"action": "talk", "text": "Your parcel is here."}],
    },
    "answer URL": {
        "to": [{"type": "sip", "uri": "sip:bob@example.com", "headers": {"ticket": "7"}}],
        "from": {"type": "phone", "number": "447700900900"},
        "answer_url": ["https://shop.example/answer"],
        "event_url": ["https://shop.example/event"],
        "ringing_timer": 40,
    },
}

SCHEMAS: Final[Mapping[str, Json]] = {
    **_ENDPOINTS,
    "CreateCall": {
        "anyOf": [
            _create(script, caller) for script in ("ncco", "answer_url") for caller in ("from", "random_from_number")
        ]
    },
    "CreateCallFrom": {"anyOf": [_create(script, "from") for script in ("ncco", "answer_url")]},
    "CallCreated": obj(
        "uuid status direction conversation_uuid",
        uuid=UUID,
        status={"const": "started"},
        direction={"const": "outbound"},
        conversation_uuid=CONVERSATION,
    ),
    "Call": {
        **obj(
            "uuid conversation_uuid status direction to from _links",
            uuid=UUID,
            conversation_uuid=CONVERSATION,
            status=words(*STATUSES),
            direction=words("inbound", "outbound"),
            to=ref("EndpointShown"),
            rate=MONEY,
            price=MONEY,
            duration=text("Seconds from answer to end.", pattern="^[0-9]+$"),
            network=text("MCC and MNC, or `unknown`."),
            start_time=TIME,
            end_time={"anyOf": [TIME, {"const": ""}]},
            _links=obj("self", self=_LINK),
            **{"from": ref("EndpointShown")},
        ),
        "description": "A leg. Times, duration and price are there once it has ended.",
    },
    "CallPage": obj(
        "count page_size record_index _embedded _links",
        count={"type": "integer", "minimum": 0},
        page_size={"type": "integer", "minimum": 1, "maximum": 100},
        record_index={"type": "integer", "minimum": 0},
        _embedded=obj("calls", calls=arr(ref("Call"))),
        _links=_LINKS,
    ),
    "ChangeCall": {
        "anyOf": [
            obj("action", action=words("hangup", "mute", "unmute", "earmuff", "unearmuff", any_case=True)),
            obj(
                "action destination",
                action={"const": "transfer"},
                destination={
                    "anyOf": [
                        obj("url", type={"const": "ncco"}, url=_ONE_URL),
                        obj("ncco", type={"const": "ncco"}, ncco=ref("Ncco"), url={"type": "null"}),
                    ]
                },
            ),
        ]
    },
    "StartStream": wish(
        "stream_url", stream_url=_ONE_URL, loop=whole(0, default=1, about="0 repeats without end."), level=_LEVEL
    ),
    "StartTalk": wish(
        "text",
        text=text(
            "Plain, or SSML in `<speak>`; at most 1500 characters without the tags.",
            pattern="[A-Za-z0-9]",
            maxLength=1500,
        ),
        language=text("A language tag such as `en-GB`.", examples=["en-GB"]),
        style=whole(0),
        premium=flag(),
        voice_name=text("Only without `language` and `style`.", deprecated=True),
        loop=whole(0, default=1, about="0 repeats without end."),
        level=_LEVEL,
    ),
    "SendKeys": obj("digits", digits=text("Keys; `p` pauses for half a second.", pattern="^[0-9*#pA-Da-d]{1,500}$")),
    "ListenToKeys": {"anyOf": [obj("event_url", event_url=one) for one in (_ONE_URL, ANY_WEB_URL)]},
    "Level": _LEVEL,
    "MediaMessage": obj("message uuid", message=text(), uuid=UUID),
    "Nothing": {"type": "object", "maxProperties": 0},
    "FileInfo": obj(
        "id mime_type media_size time_created time_last_updated times_downloaded max_downloads_allowed public etag",
        id=UUID,
        original_file_name=text(),
        mime_type=text(),
        account_id=text(),
        store_id=text("The application's id."),
        media_size={"type": "integer", "minimum": 0},
        etag=text(),
        time_created=TIME,
        time_last_updated=TIME,
        times_downloaded={"type": "integer", "minimum": 0},
        max_downloads_allowed={"type": "integer", "minimum": 0},
        public={"type": "boolean"},
        title=text(),
        description=text(),
        metadata_primary=text(),
        metadata_secondary=text(),
    ),
    "FilePage": obj(
        "count page_size page_index _embedded _links",
        count={"type": "integer", "minimum": 0},
        page_size={"type": "integer"},
        page_index={"type": "integer"},
        _embedded=obj("media", media=arr(ref("FileInfo"))),
        _links=_LINKS,
    ),
    "ChangeFileInfo": wish(
        public=flag("May be fetched without a token."),
        max_downloads_allowed=whole(0, about="0: as often as one likes."),
        title=text(maxLength=2000),
        description=text(maxLength=2000),
        mime_type=text(pattern="^[A-Za-z0-9][A-Za-z0-9.+-]{0,60}/[A-Za-z0-9][A-Za-z0-9.+-]{0,60}$"),
        metadata_primary=text(maxLength=2000),
        metadata_secondary=text(maxLength=2000),
    ),
    "WebhookLog": obj(
        "uuid count _embedded",
        uuid=UUID,
        count={"type": "integer", "minimum": 0},
        _embedded=obj("webhooks", webhooks=arr({"type": "object"})),
    ),
}


def _call(name: str, summary: str, sent: str | None, got: str, about: str = "", *, empty: bool = False) -> Json:
    """An operation on a live leg."""
    return operation(
        name,
        summary,
        tag="Live calls",
        security=TOKEN,
        parameters=_LEG,
        request=body(ref(sent)) if sent is not None else None,
        answers={200: answer(got, ref("Nothing" if empty else "MediaMessage"))},
        errors=refusals("voice", 403, 404, 406, *((400, 408, 413, 415) if sent is not None else ())),
        about=about,
    )


_BYTES: Final[Json] = {"type": "string", "contentMediaType": "application/octet-stream"}
_FILE_HEADERS: Final[Json] = {
    "x-nexmo-trace-id": {"$ref": "#/components/headers/trace"},
    "ETag": {"schema": {"type": "string"}, "required": True},
}


def _download(name: str, path: str) -> Json:
    kinds = ("audio/mpeg", "audio/wav", "audio/ogg", JSON)
    content = {kind: {"schema": {} if kind == JSON else _BYTES} for kind in kinds}
    made = {"headers": _FILE_HEADERS, "content": content}
    return operation(
        name,
        f"Download a recording or transcription ({path})",
        tag="Files",
        security=[*TOKEN, {}],
        parameters=_FILE,
        answers={
            200: {"description": "The file.", **made},
            206: {"description": "The part of it that `Range` asks for.", **made},
            304: {"description": "It is what `If-None-Match` names.", "headers": _FILE_HEADERS},
        },
        errors=refusals("voice", 403, 404, 410, 416),
        about="Needs no token where the file was made public.",
    )


def _with_head(get: Json) -> Json:
    head = {**get, "operationId": get["operationId"] + "Head"}
    head["responses"] = {
        status: {name: value for name, value in one.items() if name != "content"}
        for status, one in get["responses"].items()
    }
    return {"get": get, "head": head}


_INFO: Final = {
    kind: {"schema": ref("ChangeFileInfo")}
    for kind in ("multipart/form-data", "application/x-www-form-urlencoded", JSON)
}

PATHS: Final[Mapping[str, Json]] = {
    "/v1/calls": {
        "post": operation(
            "createCall",
            "Call somebody",
            tag="Calls",
            security=TOKEN,
            request=body(ref("CreateCall"), examples=_EXAMPLES),
            answers={201: answer("The call is being made.", ref("CallCreated"))},
            errors=refusals("voice", 400, 402, 403, 406, 408, 413, 415),
            about="The same request with the same token id within ten seconds is the same call.",
        ),
        "get": operation(
            "listCalls",
            "List calls",
            tag="Calls",
            security=TOKEN,
            parameters=[
                query("status", words(*STATUSES, any_case=True)),
                query("date_start", DATE, "Created at or after."),
                query("date_end", DATE, "Created at or before."),
                query("page_size", whole(1, 100, default=10)),
                query("record_index", whole(0, default=0), "How many records to pass over."),
                query("order", words("asc", "desc", any_case=True)),
                query("conversation_uuid", text()),
            ],
            answers={200: answer("A page.", ref("CallPage"))},
            errors=refusals("voice", 400, 403, 406),
        ),
    },
    "/v1/calls/{uuid}": {
        "get": operation(
            "getCall",
            "Look at a call",
            tag="Calls",
            security=TOKEN,
            parameters=_LEG,
            answers={200: answer("The leg.", ref("Call"))},
            errors=refusals("voice", 403, 404, 406),
        ),
        "put": operation(
            "changeCall",
            "Hang up, mute, earmuff or transfer a call",
            tag="Live calls",
            security=TOKEN,
            parameters=_LEG,
            request=body(ref("ChangeCall"), examples={"hang up": {"action": "hangup"}}),
            answers={204: answer("It will be done.")},
            errors=refusals("voice", 400, 403, 404, 406, 408, 413, 415),
        ),
    },
    "/v1/calls/{uuid}/stream": {
        "put": _call("startStream", "Play an audio file", "StartStream", "It begins."),
        "delete": _call("stopStream", "Stop the audio file", None, "It is over."),
    },
    "/v1/calls/{uuid}/talk": {
        "put": _call("startTalk", "Speak", "StartTalk", "It begins."),
        "delete": _call("stopTalk", "Stop speaking", None, "It is over."),
    },
    "/v1/calls/{uuid}/dtmf": {"put": _call("sendKeys", "Send keys", "SendKeys", "They are being sent.")},
    "/v1/calls/{uuid}/input/dtmf": {
        "put": _call("listenToKeys", "Hear of each key at once", "ListenToKeys", "From now on.", empty=True),
        "delete": _call("stopListeningToKeys", "Hear of keys no more", None, "No more.", empty=True),
    },
    "/v2/calls": {
        "post": operation(
            "createCallLater",
            "Call somebody; the ids come in the first event",
            tag="Calls",
            security=TOKEN,
            request=body(ref("CreateCallFrom"), examples=_EXAMPLES),
            answers={202: answer("The call is being made.", ref("Nothing"))},
            errors=refusals("voice", 400, 402, 403, 406, 408, 413, 415),
        )
    },
    "/v1/files/{id}": _with_head(_download("downloadFile", "version 1")),
    "/v3/files/{id}": _with_head(_download("downloadFileV3", "version 3")),
    "/v3/media/{id}": {
        **_with_head(_download("downloadMedia", "Media API")),
        "delete": operation(
            "deleteMedia",
            "Delete a file",
            tag="Files",
            security=TOKEN,
            parameters=_FILE,
            answers={204: answer("It is gone.")},
            errors=refusals("voice", 403, 404),
        ),
    },
    "/v3/media": {
        "get": operation(
            "listMedia",
            "List files",
            tag="Files",
            security=TOKEN,
            parameters=[
                query("order", words("ascending", "descending", any_case=True)),
                query("page_index", whole(0, default=0)),
                query("page_size", whole(1, 100, default=20)),
                query("start_time", DATE, "A week ago, if it is left out."),
                query("end_time", DATE),
            ],
            answers={200: answer("A page.", ref("FilePage"))},
            errors=refusals("voice", 400, 403, 406),
        )
    },
    "/v3/media/{id}/info": {
        "get": operation(
            "getMediaInfo",
            "Look at what is known of a file",
            tag="Files",
            security=TOKEN,
            parameters=_FILE,
            answers={200: answer("What is known.", ref("FileInfo"))},
            errors=refusals("voice", 403, 404, 406),
        ),
        "put": operation(
            "changeMediaInfo",
            "Write beside a file",
            tag="Files",
            security=TOKEN,
            parameters=_FILE,
            request={"required": False, "content": _INFO},
            answers={204: answer("It is written.")},
            errors=refusals("voice", 400, 403, 404, 408, 413),
        ),
    },
    "/ringline/v1/calls/{uuid}/webhooks": {
        "get": operation(
            "listWebhooks",
            "What was sent to the application about a call, and what came back",
            tag="Ringline",
            security=TOKEN,
            parameters=_LEG,
            answers={200: answer("The requests, oldest first.", ref("WebhookLog"))},
            errors=refusals("voice", 403, 404, 406),
        )
    },
}
