"""What the conversation service takes and gives: conversations, members, users and legs, by version.

`v1` and `v0.2` show the same things; their lists differ. `v0.1` has names of its own, and no links.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.api.openapi.parts import (
    ANY_WEB_URL,
    CONVERSATION,
    TIME,
    UUID,
    Json,
    arr,
    exact,
    flag,
    maybe,
    obj,
    ref,
    text,
    whole,
    wish,
    words,
)

MEMBER_ID: Final = text(pattern="^MEM-[0-9a-f-]{36}$")
USER_ID: Final = text(pattern="^USR-[0-9a-f-]{36}$")
LINK: Final = exact("href", href=text(pattern="^https?://"))
SELF: Final = exact("self", self=LINK)
LINKS: Final = exact("first self", first=LINK, self=LINK, next=LINK, prev=LINK)
NUMBER: Final[Json] = {"type": "integer", "minimum": 0}
OBJECT: Final[Json] = {"type": "object"}
METHOD: Final = words("GET", "POST", any_case=True)
_MAYBE: Final = maybe(text())
_STATES: Final = ("INVITED", "JOINED", "LEFT", "UNKNOWN")
_KINDS: Final = (
    *("app", "phone", "sip", "websocket", "vbc"),
    *("sms", "mms", "whatsapp", "viber", "messenger", "whatsapp-voice"),
)
"Channels; only the first five can be called."

# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────

_ROOM: Final = {
    "name": text(minLength=1),
    "display_name": _MAYBE,
    "image_url": _MAYBE,
    "sequence_number": NUMBER,
    "timestamp": exact("created updated destroyed", created=TIME, updated=TIME, destroyed=maybe(TIME)),
    "properties": obj(
        ttl={**NUMBER, "description": "Seconds for which it is kept once it is empty."},
        type=text(),
        custom_sort_key=text(),
        custom_data=OBJECT,
        video={"const": False},
    ),
}
_ROOM_NEEDS: Final = "name display_name image_url sequence_number timestamp properties"
_INITIATOR: Final = exact(
    **{
        what: exact("is_system", is_system={"type": "boolean"}, user_id=USER_ID, member_id=maybe(MEMBER_ID))
        for what in ("invited", "joined", "left")
    }
)
SETTINGS: Final = exact(
    "enabled earmuffed muted", **{name: {"type": "boolean"} for name in ("enabled", "earmuffed", "muted")}
)
MEDIA: Final = exact("audio audio_settings", audio={"type": "boolean"}, audio_settings=SETTINGS)
END: Final = obj("type", type=text(), number=text(), uri=text(), user=text(), extension=text(), headers=OBJECT)
CHANNEL: Final = {
    **obj(
        "type headers leg_ids legs",
        type=words(*_KINDS),
        id=text("The leg."),
        to=OBJECT,
        headers=OBJECT,
        leg_ids=arr(text()),
        legs=arr(obj("leg_id status", leg_id=text(), status=text())),
        leg_settings=OBJECT,
        cpa={"type": "boolean", "description": "Machines are looked for."},
        cpa_time={**NUMBER, "description": "Milliseconds."},
        preanswer={"type": "boolean"},
        ring_timeout={**NUMBER, "description": "Milliseconds."},
        max_length={**NUMBER, "description": "Milliseconds."},
        **{"from": OBJECT},
    ),
    "description": "How a member is reached. One without a leg shows what it was made with.",
}
_OLD_MEMBER: Final = {
    "member_id": MEMBER_ID,
    "id": MEMBER_ID,
    "user_id": USER_ID,
    "name": text(),
    "state": words(*(state.lower() for state in _STATES)),
    "timestamp": exact(invited=TIME, joined=TIME, left=TIME),
    "channel": ref("MemberChannel"),
    "initiator": _INITIATOR,
}
_USER: Final = {"id": USER_ID, "name": text(minLength=1), "display_name": text(), "image_url": text()}
_USER_MORE: Final = {
    "properties": obj(custom_data=OBJECT, ttl=NUMBER),
    "channels": OBJECT,
    "timestamp": exact("created updated destroyed", created=TIME, updated=TIME, destroyed={"type": "null"}),
}
_HREF: Final = text(pattern="^https?://")

ANSWERS: Final[Mapping[str, Json]] = {
    "RoomProblem": obj(
        "type title detail code instance",
        type=text(pattern=r"^https://developer\.vonage\.com/api/conversation#"),
        title=text(),
        detail=text(),
        code=text("As in `user:error:not-found`.", pattern="^[a-z-]+:error:[a-z-]+$"),
        instance=text(pattern="^[0-9a-f]{32}$"),
        error_title={"const": "Unauthorized"},
        invalid_parameters=arr(exact("name reason", name=text(), reason=text())),
        error={"type": "object", "additionalProperties": arr(text()), "description": "The same, by name."},
    ),
    "Conversation": exact(
        f"id state _links {_ROOM_NEEDS}",
        id=CONVERSATION,
        **_ROOM,
        state=words("ACTIVE", "INACTIVE", "DELETED"),
        numbers=arr(OBJECT),
        _links=SELF,
    ),
    "ConversationV01": exact(
        f"uuid href numbers members {_ROOM_NEEDS}",
        uuid=CONVERSATION,
        **_ROOM,
        numbers=OBJECT,
        members=arr(exact("member_id user_id name state timestamp channel initiator", **_OLD_MEMBER)),
        href=_HREF,
    ),
    "MemberChannel": CHANNEL,
    "Member": exact(
        "id conversation_id state _embedded timestamp initiator channel media knocking_id invited_by _links",
        id=MEMBER_ID,
        conversation_id=CONVERSATION,
        state=words(*_STATES),
        _embedded=exact(
            "user", user=exact("id name display_name _links", **{**_USER, "display_name": _MAYBE}, _links=SELF)
        ),
        timestamp=exact("invited joined left", invited=maybe(TIME), joined=maybe(TIME), left=maybe(TIME)),
        initiator=_INITIATOR,
        channel=ref("MemberChannel"),
        media=MEDIA,
        knocking_id=_MAYBE,
        invited_by=maybe(USER_ID),
        _links=exact("href self", href=_HREF, self=LINK),
    ),
    "MemberV01": exact("member_id user_id name state timestamp channel initiator href", **_OLD_MEMBER, href=_HREF),
    "UserInList": exact("id name _links", **_USER, _links=SELF),
    "UserInListV01": exact("id name href", **_USER, href=_HREF),
    "User": exact("id name properties channels _links", **_USER, **_USER_MORE, _links=SELF),
    "UserV01": exact("id name properties channels href", **_USER, **_USER_MORE, href=_HREF),
    "MadeThing": exact("id href", id=text(pattern="^(CON|USR)-[0-9a-f-]{36}$"), href=_HREF),
    "Session": exact(
        "id _embedded properties",
        id=text(pattern="^SES-"),
        _embedded=exact("user api_key", user=exact("id name", id=USER_ID, name=text()), api_key=text()),
        properties=obj(ttl=NUMBER),
    ),
    "Leg": exact(
        "uuid type conversation_uuid status state from to start_time end_time _links",
        uuid=UUID,
        type=words("phone", "sip", "websocket", "app", "vbc"),
        conversation_uuid=CONVERSATION,
        status=text(),
        state=words("active", "terminated"),
        to=ref("EndpointShown"),
        start_time={"anyOf": [TIME, {"const": ""}]},
        end_time={"anyOf": [TIME, {"const": ""}]},
        rtc=exact("session_id state", session_id=text(), state=text()),
        _links=SELF,
        **{"from": ref("EndpointShown")},
    ),
    "LegPage": exact(
        "count page_size record_index _links _embedded",
        count=NUMBER,
        page_size=NUMBER,
        record_index=NUMBER,
        _links=SELF,
        _embedded=exact("legs", legs=arr(ref("Leg"))),
    ),
    "PlayMessage": exact("message uuid", message=text(), uuid=text()),
}

# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────

_NO_USER_ID: Final[Json] = {"not": {"pattern": "^(me$|USR-)"}}
_TRANSCRIPTION: Final = wish(
    language=text("A language tag.", examples=["en-US"]),
    sentiment_analysis=flag(),
    event_url=arr(ANY_WEB_URL, minItems=1, maxItems=1),
    event_method=METHOD,
)
RECORDING: Final[Mapping[str, Json]] = {
    "split": words("conversation"),
    "channels": whole(1, 32),
    "format": words("mp3", "wav", "ogg", "vorbis", any_case=True),
    "transcription": _TRANSCRIPTION,
}
_ANY: Final[Json] = {}


def _listed(**members: Json) -> Json:
    """A user's channels of one kind."""
    return arr(obj(**members), maxItems=20)


REQUESTS: Final[Mapping[str, Json]] = {
    "ConversationWish": wish(
        name=text(minLength=1, maxLength=100),
        display_name=text(maxLength=50),
        image_url=text(maxLength=2048),
        properties=wish(
            ttl=whole(0, about="Seconds for which it is kept once it is empty; 0: for ever."),
            type=text(),
            custom_sort_key=text(maxLength=200),
            custom_data=OBJECT,
        ),
        numbers=arr(OBJECT),
        callback=wish(
            "url",
            url=ANY_WEB_URL,
            event_mask=text("Event types, apart by commas; `prefix:*` too.", maxLength=2000),
            params=OBJECT,
            method=METHOD,
        ),
    ),
    "MemberWish": wish(
        "state user channel",
        state=words("invited", "joined", any_case=True),
        user={"anyOf": [obj("id", id=text(minLength=1)), obj("name", name=text(minLength=1))]},
        channel=wish(
            "type",
            type=words(*_KINDS, any_case=True),
            to={
                **OBJECT,
                "description": "As in `POST /v1/calls`; called if `joined` with `media.audio`.",
            },
            ring_timeout=whole(1000, 120_000, default=60_000, about="Milliseconds."),
            max_length=whole(1000, 7_200_000, default=7_200_000, about="Milliseconds."),
            **{"from": OBJECT},
        ),
        media=wish(audio=flag(), audio_settings=wish(enabled=flag(), earmuffed=flag(), muted=flag())),
        knocking_id=text(),
        member_id_inviting=_ANY,
    ),
    "MemberChange": wish("state", state=words("joined", "left", any_case=True), reason=wish(code=text(), text=text())),
    "UserWish": wish(
        name={**text("Not `me`, and not as an id begins.", minLength=1, maxLength=100), **_NO_USER_ID},
        display_name=text(maxLength=200),
        image_url=text(maxLength=2048),
        properties=wish(custom_data=OBJECT, ttl=whole(0)),
        channels={
            **obj(
                pstn=_listed(number=_ANY),
                sip=_listed(uri=_ANY, username=_ANY, password={"description": "Never shown again."}),
                vbc=_listed(extension=_ANY),
                websocket=_listed(uri=_ANY, headers=_ANY, **{"content-type": _ANY}),
                messenger=_listed(id=_ANY),
                **{kind: _listed(number=_ANY) for kind in ("sms", "mms", "whatsapp", "viber")},
            ),
            "additionalProperties": False,
        },
    ),
    "RoomRecording": wish(
        "action",
        action=words("start", "stop", "pause", "resume", any_case=True),
        event_url=arr(ANY_WEB_URL, minItems=1, maxItems=1),
        event_method=METHOD,
        **RECORDING,
        retention_ttl=whole(1, 400, default=31, about="Days."),
        timeout=whole(1, 7200, default=7200, about="Seconds."),
    ),
}

SCHEMAS: Final[Mapping[str, Json]] = {**ANSWERS, **REQUESTS}


def of_user(conversation: str) -> Json:
    """A conversation in the list of a user's, with the user's own membership."""
    shown = ANSWERS[conversation]
    mine = exact("id state", id=MEMBER_ID, state=words(*_STATES))
    return {
        **shown,
        "properties": {**shown["properties"], "_embedded": mine},
        "required": [*shown["required"], "_embedded"],
    }


def page(version: str, kind: str, schema: Json) -> Json:
    """A page of a list. In `v1` a list of events has the array itself in `_embedded`, as the libraries read it."""
    items: dict[str, Any] = {kind: arr(schema)}
    size = {"type": "integer", "minimum": 1, "maximum": 100}
    if version == "v1":
        embedded = arr(schema) if kind == "events" else exact(kind, **items)
        return exact("page_size _embedded _links", page_size=size, _embedded=embedded, _links=LINKS)
    if version == "v0.2":
        embedded = exact("data", data=exact(kind, **items))
        return exact("page_size _embedded _links", page_size=size, _embedded=embedded, _links=LINKS)
    return exact(
        "count page_size record_index _embedded _links",
        count=NUMBER,
        page_size=size,
        record_index=NUMBER,
        _embedded=exact(kind, **items),
        _links=LINKS,
    )
