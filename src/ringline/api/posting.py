"""Events that may be posted, and what each of them makes happen (conversation reference, section 5.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator

from ringline.api.conversations import RecordBody
from ringline.api.fields import Body, Flag, Level, Text, WebUrlsOrOne, read, refused, whole
from ringline.api.live_media import TalkBody
from ringline.api.problems import bad_request
from ringline.base import ApiError, EffectId, LegId, read_leg_id
from ringline.calls import events
from ringline.calls.commands import AudioFile
from ringline.calls.events import Event
from ringline.calls.membership import Member
from ringline.engine.rooms import RoomOwner

_Model = TypeVar("_Model", bound=Body)
LONGEST_CUSTOM: Final = 100
MOST_BYTES: Final = 4096
_CUSTOM: Final = re.compile(r"custom:[\w\-:]+", re.ASCII)
_KEYS: Final = re.compile(r"[abcdABCD0-9*#pPeEfF]{1,100}")
_MESSAGES: Final = frozenset(
    {
        "message",
        *(f"message:{what}" for what in ("submitted", "rejected", "undeliverable", "seen", "delivered")),
        "text",
        *(f"text:{what}" for what in ("seen", "delivered", "update", "typing:on", "typing:off")),
        "image",
        "image:seen",
        "image:delivered",
        "event:delivered",
        "event:seen",
        "ephemeral",
    }
)


class SayBody(TalkBody):
    """`audio:say`."""

    queue: Flag = False


class PlayBody(Body):
    """`audio:play`."""

    stream_url: WebUrlsOrOne
    loop: Annotated[int, whole(0)] = 1
    level: Level = 0.0
    queue: Flag = False


class StopBody(Body):
    """`audio:say:stop` and `audio:play:stop`."""

    say_id: Text | None = None
    play_id: Text | None = None


class RecordEventBody(RecordBody):
    """`audio:record`; `validity` is its word for `retention_ttl`."""

    beep_start: Flag = False
    beep_stop: Flag = False
    streamed: Flag = False
    detect_speech: Flag = False


class RecordStopBody(Body):
    """`audio:record:stop`."""

    record_id: Text | None = None
    recording_id: Text | None = None


def _read_keys(value: object) -> str:
    if not isinstance(value, str) or not _KEYS.fullmatch(value):
        raise refused("must be 1 to 100 of 0-9, A-D, *, # and p")
    return "".join(key if key in "pP" else key.upper() for key in value).replace("P", "p")


class KeysBody(Body):
    """`audio:dtmf`."""

    digit: Annotated[str | None, BeforeValidator(_read_keys)] = None
    digits: Annotated[str | None, BeforeValidator(_read_keys)] = None


def _read_leg(value: str) -> str:
    leg = read_leg_id(value)
    if leg is None:
        raise refused("must be the UUID of a leg")
    return leg


class LegBody(Body):
    """`audio:mute:*` and `audio:earmuff:*`."""

    rtc_id: Annotated[Text, AfterValidator(_read_leg)]


def read_type(value: object) -> str:
    """A type that may be posted."""
    if isinstance(value, str) and (value in _MESSAGES or value in ACTING):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_CUSTOM and _CUSTOM.fullmatch(value):
        return value
    raise refused("must be an event type that can be created, such as message, custom:… or audio:say")


def event_of(
    event_type: str, content: Any, *, member: Member | None, to: Member | None, room: RoomOwner, new_id: str
) -> Event:
    """What the conversation is told. `new_id` names what begins with it.

    Raises:
        ApiError: 400 with everything that is wrong with the body; 404 for a leg that is not here.
    """
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise bad_request(("body", "must be an object"))
    if _size(content) > MOST_BYTES * (1 if event_type.startswith("custom:") else 16):
        raise bad_request(("body", f"must have at most {MOST_BYTES} bytes"))
    act = ACTING.get(event_type)
    if act is None:
        return events.Posted(
            type=event_type,
            body=dict(content),
            member=member.id if member is not None else None,
            to=to.id if to is not None else None,
        )
    return act(_Asked(event_type, content, member, to, room, EffectId(new_id)))


def _size(content: Mapping[str, Any]) -> int:
    """Bytes of it as compact JSON in UTF-8."""
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


class _Asked:
    """One posted event that makes something happen."""

    __slots__ = ("body", "effect", "member", "room", "sender", "to", "type")

    def __init__(
        self,
        event_type: str,
        body: Mapping[str, Any],
        member: Member | None,
        to: Member | None,
        room: RoomOwner,
        effect: EffectId,
    ) -> None:
        self.type = event_type
        self.body = body
        self.member = member.id if member is not None else None
        self.sender = member.leg if member is not None else None
        self.to = to
        self.room = room
        self.effect = effect

    @property
    def leg(self) -> LegId | None:
        """The leg of the one member it is for; None: everybody.

        Raises:
            ApiError: 400 when that member has none.
        """
        if self.to is None:
            return None
        if self.to.leg is None or self.room.heart.leg(self.to.leg) is None:
            raise bad_request(("to", "has no leg in this conversation"))
        return self.to.leg


def _say(asked: _Asked) -> Event:
    body = _within(SayBody, asked)
    return events.RoomPlayAsked(
        effect=asked.effect,
        kind="talk",
        source=body.speech,
        loop=body.loop,
        level=body.level,
        queue=body.queue,
        leg=asked.leg,
        member=asked.member,
    )


def _play(asked: _Asked) -> Event:
    body = _within(PlayBody, asked)
    return events.RoomPlayAsked(
        effect=asked.effect,
        kind="stream",
        source=AudioFile(url=body.stream_url),
        loop=body.loop,
        level=body.level,
        queue=body.queue,
        leg=asked.leg,
        member=asked.member,
    )


def _stop(asked: _Asked) -> Event:
    body = _within(StopBody, asked)
    talk = asked.type == "audio:say:stop"
    wanted = body.say_id if talk else body.play_id
    effect = EffectId(wanted) if wanted else None
    return events.RoomStopAsked(kind="talk" if talk else "stream", effect=effect, member=asked.member)


def _dtmf(asked: _Asked) -> Event:
    body = _within(KeysBody, asked)
    digits = body.digits or body.digit
    if not digits:
        raise bad_request(("body.digit", "is required"))
    return events.RoomKeysAsked(digits=digits, leg=asked.leg, member=asked.member, sender=asked.sender)


def _mute(asked: _Asked) -> Event:
    leg = LegId(_within(LegBody, asked).rtc_id)
    known = asked.room.heart.leg(leg)
    if known is None:
        raise ApiError(404, "Leg does not exist, or you do not have access.", code="leg:error:not-found")
    if not known.up:
        raise ApiError(400, "The leg is not answered.", title="Bad request.", code="leg:error:not-answered")
    on = asked.type.endswith(":on")
    if asked.type.startswith("audio:mute"):
        return events.MuteAsked(leg=leg, muted=on, posted=True)
    return events.EarmuffAsked(leg=leg, earmuffed=on, posted=True)


def _record(asked: _Asked) -> Event:
    body = dict(asked.body)
    validity = body.get("validity")
    if "retention_ttl" not in body and validity is not None:
        body["retention_ttl"] = validity
    if isinstance(body.get("split"), bool):
        body["split"] = "conversation" if body["split"] else None
    if body.get("format") is None:
        body.pop("format", None)
    recording = _read_within(RecordEventBody, {**body, "action": "start"})
    event = recording.event(asked.effect, member=asked.member)
    return replace(event, beep_start=recording.beep_start, beep_stop=recording.beep_stop)


def _record_stop(asked: _Asked) -> Event:
    body = _within(RecordStopBody, asked)
    wanted = body.record_id or body.recording_id
    return events.RoomRecordStopAsked(effect=EffectId(wanted) if wanted else None, member=asked.member)


def _within(model: type[_Model], asked: _Asked) -> _Model:
    return _read_within(model, asked.body)


def _read_within(model: type[_Model], body: Mapping[str, Any]) -> _Model:
    """Read what is inside `body`; faults are named with their whole path."""
    try:
        return read(model, body)
    except ApiError as error:
        raise bad_request(*((f"body.{name}", reason) for name, reason in error.parameters)) from None


ACTING: Final[Mapping[str, Callable[[_Asked], Event]]] = {
    "audio:say": _say,
    "audio:say:stop": _stop,
    "audio:play": _play,
    "audio:play:stop": _stop,
    "audio:dtmf": _dtmf,
    "audio:record": _record,
    "audio:record:stop": _record_stop,
    "audio:mute:on": _mute,
    "audio:mute:off": _mute,
    "audio:earmuff:on": _mute,
    "audio:earmuff:off": _mute,
}
"Types that do what they say."
