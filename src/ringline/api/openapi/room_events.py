"""The events of conversations: what the body of each type has, and which may be posted."""

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
from ringline.api.openapi.room_shapes import MEDIA, MEMBER_ID, NUMBER, OBJECT, RECORDING, SELF, USER_ID

_DIRECTION: Final = words("inbound", "outbound")
_CHANNEL: Final = ref("MemberChannel")
_MAYBE: Final = maybe(text())
_AMOUNT: Final[Json] = {"type": "number"}
_FLAG: Final[Json] = {"type": "boolean"}
_MAYBE_TIME: Final = maybe(TIME)

# ── what is told ───────────────────────────────────────────────────────────────────────────────────────────────────

_WHO: Final = {
    "member_id": MEMBER_ID,
    "user": exact(
        "id user_id member_id name display_name image_url properties media",
        id=USER_ID,
        user_id=USER_ID,
        member_id=MEMBER_ID,
        name=text(),
        display_name=_MAYBE,
        image_url=_MAYBE,
        properties=exact(custom_data=OBJECT),
        media=MEDIA,
    ),
    "channel": _CHANNEL,
    "timestamp": exact(invited=TIME, joined=TIME, left=TIME),
    "initiator": exact(
        **{
            what: exact("isSystem", isSystem=_FLAG, user_id=USER_ID, member_id=maybe(MEMBER_ID))
            for what in ("invited", "joined", "left")
        }
    ),
}
_WHO_NEEDS: Final = "member_id user channel timestamp initiator"
_LEG_STATE: Final = exact("status", status=text(), successful=_FLAG, reason=text())
_ROOM: Final = {
    "id": CONVERSATION,
    "name": text(),
    "display_name": _MAYBE,
    "image_url": _MAYBE,
    "state": words("ACTIVE", "INACTIVE", "DELETED"),
    "timestamp": exact("created updated destroyed", created=TIME, updated=TIME, destroyed=_MAYBE_TIME),
}
_WHOLE_ROOM: Final = exact(f"{' '.join(_ROOM)} properties", **_ROOM, properties=OBJECT)
_STEP: Final = exact("direction channel", direction=_DIRECTION, channel=_CHANNEL)
_MACHINE: Final = exact("type confidence channel", type=text(), confidence=NUMBER, channel=_CHANNEL)
_HANGUP: Final = exact(
    "direction channel quality bandwidth reason",
    direction=_DIRECTION,
    channel=_CHANNEL,
    quality=exact(
        "mos_score quality_percentage jitter_min_var jitter_max_var jitter_loss_rate jitter_burst_rate flaw_total "
        "packet_cnt packet_loss_perc",
        mos_score={**_AMOUNT, "description": "Mean opinion score, 1 to 5; 0 where nothing is known."},
        quality_percentage=_AMOUNT,
        jitter_min_var={**_AMOUNT, "description": "Milliseconds."},
        jitter_max_var={**_AMOUNT, "description": "Milliseconds."},
        jitter_loss_rate=_AMOUNT,
        jitter_burst_rate=_AMOUNT,
        flaw_total={**NUMBER, "description": "Packets that were lost, or too late."},
        packet_cnt={**NUMBER, "description": "Packets received."},
        packet_loss_perc=_AMOUNT,
    ),
    bandwidth={
        "type": "object",
        "description": "Bytes of audio, both ways. Two spellings are in use.",
        **exact("byte_in byte_out", byte_in=NUMBER, byte_out=NUMBER, bytes_in=NUMBER, bytes_out=NUMBER),
    },
    reason=exact("text code sip_code", text=text(), code=text(), sip_code={}),
)
_TIMES: Final = {"start_time": _MAYBE_TIME, "end_time": _MAYBE_TIME}
_RECORD: Final = exact(
    "recording_id format validity streamed beep_start beep_stop detect_speech split multitrack channels transcription",
    recording_id=UUID,
    format=words("mp3", "wav", "ogg"),
    validity=maybe({**NUMBER, "description": "Days."}),
    channels=NUMBER,
    transcription=maybe(OBJECT),
    **dict.fromkeys(("streamed", "beep_start", "beep_stop", "detect_speech", "split", "multitrack"), _FLAG),
)
_PLAYED: Final = {"loop": NUMBER, "level": _AMOUNT, "queue": _FLAG}
_SAY: Final = exact(
    "text loop level queue voice_name language style premium ssml say_id",
    text=text(),
    **_PLAYED,
    voice_name=_MAYBE,
    language=text(),
    style=NUMBER,
    premium=_FLAG,
    ssml=_FLAG,
    say_id=UUID,
)
_ASR: Final = obj(
    "asr_id call_id",
    asr_id=text(),
    call_id=UUID,
    results=arr(exact("word confidence", word=text(), confidence=text())),
    timeout_reason=text(),
    error=text(),
    destination_url=text(),
    format=text(),
)

TOLD: Final[Mapping[str, Json]] = {
    "member:invited": exact(
        f"{_WHO_NEEDS} cname conversation media invited_by invited_by_member",
        **_WHO,
        cname=text(),
        conversation=exact(
            "conversation_id name display_name image_url",
            conversation_id=CONVERSATION,
            name=text(),
            display_name=_MAYBE,
            image_url=_MAYBE,
        ),
        media=MEDIA,
        invited_by=maybe(USER_ID),
        invited_by_member=maybe(MEMBER_ID),
        sdp=text(),
    ),
    "member:joined": exact(_WHO_NEEDS, **_WHO),
    "member:left": exact(f"{_WHO_NEEDS} reason", **_WHO, reason=obj(code=text(), text=text())),
    "member:media": exact("audio media channel", audio=_FLAG, media=MEDIA, channel=_CHANNEL),
    "leg:status:update": exact(
        "leg_id direction type status state statusHistory",
        leg_id=UUID,
        direction=_DIRECTION,
        type=text(),
        status=text(),
        state=_LEG_STATE,
        statusHistory=arr(
            exact(
                "conversation_id member_id status state date",
                conversation_id=CONVERSATION,
                member_id=MEMBER_ID,
                status=text(),
                state=_LEG_STATE,
                date=TIME,
            )
        ),
    ),
    "conversation:created": _WHOLE_ROOM,
    "conversation:updated": exact(" ".join(_ROOM), **_ROOM),
    "conversation:deleted": _WHOLE_ROOM,
    **{f"{family}:{what}": _STEP for family in ("sip", "rtc") for what in ("ringing", "answered")},
    "sip:machine": _MACHINE,
    "sip:amd_machine": _MACHINE,
    "sip:hangup": _HANGUP,
    "rtc:hangup": _HANGUP,
    "sip:status": exact(
        "price rate duration to from network_code channel request_time start_time end_time status direction state",
        price=text(),
        rate=text(),
        duration=text("Seconds."),
        to=text(),
        network_code=text(),
        channel=_CHANNEL,
        request_time=TIME,
        **_TIMES,
        status=text(),
        direction=words("in", "out"),
        state=_LEG_STATE,
        **{"from": text()},
    ),
    "rtc:status": exact(
        "duration start_time end_time mos price price_currency channel",
        duration=text("Seconds."),
        **_TIMES,
        mos=_AMOUNT,
        price=text(),
        price_currency=text(),
        channel=_CHANNEL,
    ),
    "rtc:transfer": exact(
        "was_member user_id transferred_from channel",
        was_member=MEMBER_ID,
        user_id=USER_ID,
        transferred_from=CONVERSATION,
        channel=_CHANNEL,
    ),
    "audio:say": _SAY,
    "audio:play": exact(
        "stream_url loop level queue play_id", stream_url=arr(text()), **_PLAYED, play_id=UUID, tone=text()
    ),
    **{
        f"audio:{what}:{how}": exact(key if how == "done" else "", **{key: text()})
        for what, key in (("say", "say_id"), ("play", "play_id"))
        for how in ("done", "stop")
    },
    "audio:dtmf": exact(
        "method",
        digit=text(),
        digits=text(),
        channel=_CHANNEL,
        dtmf_seq=NUMBER,
        method={"const": "in"},
        duration={**NUMBER, "description": "Milliseconds."},
    ),
    "audio:record": _RECORD,
    "audio:record:stop": exact(record_id=text()),
    "audio:record:done": exact(
        "event_id recording_id destination_url format start_time end_time size",
        event_id=NUMBER,
        recording_id=UUID,
        destination_url=text(),
        format=text(),
        start_time=TIME,
        end_time=TIME,
        size=NUMBER,
    ),
    "audio:asr:done": exact("asr channel", asr=_ASR, channel=_CHANNEL),
    "audio:asr:record:done": exact("asr channel", asr=_ASR, channel=_CHANNEL),
    **{f"audio:{what}:{on}": exact("rtc_id", rtc_id=UUID) for what in ("mute", "earmuff") for on in ("on", "off")},
    "audio:speaking:on": exact("channel", channel=_CHANNEL),
    "audio:speaking:off": exact("channel", channel=_CHANNEL),
    "event:delete": exact("event_id", event_id=NUMBER),
}
"What the body of each type has that the platform tells by itself."

_PERSON: Final = exact(
    "id name display_name image_url custom_data",
    id=USER_ID,
    name=text(),
    display_name=_MAYBE,
    image_url=_MAYBE,
    custom_data=OBJECT,
)
_EVENT: Final = {"type": text(), "body": OBJECT, "timestamp": TIME, "from": MEMBER_ID, "id": {**NUMBER, "minimum": 1}}


def _with_bodies(schema: Json) -> Json:
    """Beside what all events have, each type has a body of its own."""
    cases = [
        {"if": {"properties": {"type": {"const": kind}}}, "then": {"properties": {"body": one}}}
        for kind, one in TOLD.items()
    ]
    return {**schema, "allOf": cases}


# ── what may be posted ─────────────────────────────────────────────────────────────────────────────────────────────

MESSAGES: Final = (
    "message",
    *(f"message:{what}" for what in ("submitted", "rejected", "undeliverable", "seen", "delivered")),
    "text",
    *(f"text:{what}" for what in ("seen", "delivered", "update", "typing:on", "typing:off")),
    *("image", "image:seen", "image:delivered", "event:delivered", "event:seen", "ephemeral"),
)
_KEYS: Final = text(pattern="^[abcdABCD0-9*#pPeEfF]{1,100}$")
_FROM: Final = {
    "from": text("The member in whose name it happens; the application may leave it out."),
    "to": text("The one member it is for."),
}
_POSTED_PROMPT: Final = {"loop": whole(0, default=1), "level": ref("Level"), "queue": flag("Behind what plays now.")}


def _posted(kind: Json, content: Json, *, needs: str = " body") -> Json:
    return wish(f"type{needs}", type=kind, body=content, **_FROM)


def _const(*kinds: str) -> Json:
    return words(*kinds)


_POSTS: Final = (
    _posted(_const(*MESSAGES), OBJECT, needs=""),
    _posted(text("An event of your own.", pattern=r"^custom:[A-Za-z0-9_:-]{1,93}$"), OBJECT, needs=""),
    _posted(
        _const("audio:say"),
        wish(
            "text",
            text=text("Plain, or SSML in `<speak>`.", pattern="[A-Za-z0-9]", maxLength=1500),
            language=text("A language tag such as `en-GB`.", examples=["en-GB"]),
            style=whole(0),
            premium=flag(),
            voice_name=text(),
            **_POSTED_PROMPT,
        ),
    ),
    _posted(
        _const("audio:play"),
        wish(
            "stream_url",
            stream_url={"anyOf": [arr(ANY_WEB_URL, minItems=1, maxItems=1), ANY_WEB_URL]},
            **_POSTED_PROMPT,
        ),
    ),
    _posted(_const("audio:say:stop"), wish(say_id=text()), needs=""),
    _posted(_const("audio:play:stop"), wish(play_id=text()), needs=""),
    *(_posted(_const("audio:dtmf"), wish(key, **{key: _KEYS})) for key in ("digit", "digits")),
    _posted(
        _const("audio:record"),
        wish(
            **{name: one for name, one in RECORDING.items() if name != "split"},
            split={"anyOf": [words("conversation"), _FLAG]},
            validity=whole(1, 400, about="Days."),
            beep_start=flag(),
            beep_stop=flag(),
            detect_speech=flag(),
        ),
        needs="",
    ),
    _posted(_const("audio:record:stop"), wish(record_id=text()), needs=""),
    _posted(
        _const(*(f"audio:{what}:{on}" for what in ("mute", "earmuff") for on in ("on", "off"))),
        obj("rtc_id", rtc_id=UUID),
    ),
)

SCHEMAS: Final[Mapping[str, Any]] = {
    "Event": _with_bodies(
        exact(
            "type body timestamp _embedded _links",
            **_EVENT,
            to=MEMBER_ID,
            _embedded=exact(from_user=_PERSON, from_member=exact("id", id=MEMBER_ID)),
            _links=SELF,
        )
    ),
    "EventV01": _with_bodies(
        exact("type body timestamp to state href", **_EVENT, to=text(), state={"const": ""}, href=text())
    ),
    "MadeEventV01": exact("id timestamp href", id=NUMBER, timestamp=TIME, href=text()),
    "EventWish": {"anyOf": list(_POSTS)},
}
