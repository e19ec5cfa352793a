"""Steering a live call (REST reference, sections 6 and 7), row by row.

The states of a call (section 11) are in `tests/api/test_calls.py`.
"""

from __future__ import annotations

from typing import Any, Final

from tests.api.world import LEG, World, run

from ringline.calls.commands import Speech
from ringline.calls.events import PlayAsked

from .rows import Row, prove, table
from .voice import MOVE, TALK, URL, change

# ── 6. PUT /v1/calls/{uuid} ────────────────────────────────────────────────────────────────────────────────────────


@table(
    "rest-api 6",
    [
        *(change(action, {"action": action}) for action in ("hangup", "mute", "unmute", "earmuff", "unearmuff")),
        change("transfer by url", {"action": "transfer", "destination": {"type": "ncco", "url": [URL]}}),
        change("transfer by ncco", MOVE),
        change("mute when muted", {"action": "mute"}),
        change("url wins", {"action": "transfer", "destination": {"type": "ncco", "url": [URL], "ncco": TALK}}),
        change(
            "neither url nor ncco", {"action": "transfer", "destination": {"type": "ncco"}}, 400, fault="destination"
        ),
        change("type left out", {"action": "transfer", "destination": {"ncco": TALK}}),
        change(
            "type that is no ncco",
            {"action": "transfer", "destination": {"type": "sip", "ncco": TALK}},
            400,
            fault="destination.type",
        ),
        change("url of two", {"action": "transfer", "destination": {"url": [URL, URL]}}, 400, fault="destination.url"),
        change("url as string", {"action": "transfer", "destination": {"url": URL}}, 400, fault="destination.url"),
        change("unknown action", {"action": "dance"}, 400, fault="action"),
        change("no action", {}, 400, fault="action"),
        change("hangup right after creation", {"action": "hangup"}, leg="started"),
    ],
)
@run
async def test_a_change_of_a_call(world: World, row: Row) -> None:
    await prove(world, row)


# ── 7. Media in a live call ────────────────────────────────────────────────────────────────────────────────────────

FILE: Final = ["https://a.example/a.mp3"]


def media(path: str, name: str, body: Any, status: int = 200, *, fault: str = "", message: str = "") -> Row:
    says = {"message": message, "uuid": LEG} if message else {}
    return Row(name=name, ask=f"PUT /v1/calls/{{leg}}/{path}", json=body, status=status, fault=fault, says=says)


@table(
    "rest-api 7.1",
    [
        media("stream", "stream_url", {"stream_url": FILE}, message="Stream started"),
        media("stream", "stream_url missing", {}, 400, fault="stream_url"),
        media("stream", "stream_url string", {"stream_url": FILE[0]}, 400, fault="stream_url"),
        media("stream", "stream_url two", {"stream_url": FILE * 2}, 400, fault="stream_url"),
        media("stream", "loop 0", {"stream_url": FILE, "loop": 0}),
        media("stream", "loop -1", {"stream_url": FILE, "loop": -1}, 400, fault="loop"),
        media("stream", "level -1", {"stream_url": FILE, "level": "-1"}),
        media("stream", "level 1", {"stream_url": FILE, "level": 1}),
        media("stream", "level 1.1", {"stream_url": FILE, "level": 1.1}, 400, fault="level"),
        Row(
            name="stopped",
            ask="DELETE /v1/calls/{leg}/stream",
            status=200,
            says={"message": "Stream stopped", "uuid": LEG},
        ),
    ],
)
@run
async def test_a_stream_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


PAUSES: Final = '<break time="1s"/>' * 100
LANGUAGES: Final = (
    "ar ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-DE el-GR en-AU en-GB en-GB-WLS en-IN en-US en-ZA es-ES es-MX es-US "
    "eu-ES fi-FI fil-PH fr-CA fr-FR he-IL hi-IN hu-HU id-ID is-IS it-IT ja-JP ko-KR nb-NO nl-NL no-NO pl-PL pt-BR "
    "pt-PT ro-RO ru-RU sk-SK sv-SE th-TH tr-TR uk-UA vi-VN yue-CN"
)


@table(
    "rest-api 7.2",
    [
        media("talk", "text", {"text": "Hello"}, message="Talk started"),
        media("talk", "text missing", {}, 400, fault="text"),
        media("talk", "text empty", {"text": ""}, 400, fault="text"),
        media("talk", "text of 1500", {"text": "a" * 1500}),
        media("talk", "text of 1501", {"text": "a" * 1501}, 400, fault="text"),
        media("talk", "SSML tags do not count", {"text": f"<speak>{PAUSES}{'a' * 1500}</speak>"}),
        media("talk", "style 0", {"text": "a", "style": 0}),
        media("talk", "style -1", {"text": "a", "style": -1}, 400, fault="style"),
        media("talk", "premium", {"text": "a", "premium": True}),
        media("talk", "voice_name", {"text": "a", "voice_name": "Kimberly"}),
        media("talk", "voice_name unknown", {"text": "a", "voice_name": "Nobody"}),
        media("talk", "loop 0", {"text": "a", "loop": 0}),
        media("talk", "level -1", {"text": "a", "level": -1}),
        media("talk", "level -1.1", {"text": "a", "level": "-1.1"}, 400, fault="level"),
        media("talk", "language unknown", {"text": "a", "language": "xx-XX"}, 400, fault="language"),
        *(media("talk", f"language {one}", {"text": "a", "language": one}) for one in LANGUAGES.split()),
        Row(
            name="stopped", ask="DELETE /v1/calls/{leg}/talk", status=200, says={"message": "Talk stopped", "uuid": LEG}
        ),
    ],
)
@run
async def test_a_text_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_defaults_of_a_text(world: World) -> None:
    await prove(world, media("talk", "defaults", {"text": "Hello"}))
    (event,) = world.calls.events
    assert isinstance(event, PlayAsked)
    assert isinstance(event.source, Speech)
    assert (event.source.language, event.source.style, event.source.premium) == ("en-US", 0, False)
    assert (event.loop, event.level) == (1, 0.0)


@table(
    "rest-api 7.3",
    [
        media("dtmf", "digits", {"digits": "12p*#"}, message="DTMF sent"),
        media("dtmf", "A to D", {"digits": "ABCDabcd"}),
        media("dtmf", "500 digits", {"digits": "1" * 500}),
        media("dtmf", "501 digits", {"digits": "1" * 501}, 400, fault="digits"),
        media("dtmf", "missing", {}, 400, fault="digits"),
        media("dtmf", "empty", {"digits": ""}, 400, fault="digits"),
        media("dtmf", "other characters", {"digits": "1x"}, 400, fault="digits"),
    ],
)
@run
async def test_keys_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "rest-api 7.4",
    [
        media("input/dtmf", "event_url", {"event_url": [URL]}),
        media("input/dtmf", "event_url string", {"event_url": URL}),
        media("input/dtmf", "eventUrl", {"eventUrl": [URL]}),
        media("input/dtmf", "missing", {}, 400, fault="event_url"),
        Row(name="unsubscribe without", ask="DELETE /v1/calls/{leg}/input/dtmf", status=200),
        Row(
            name="subscribe before the answer",
            ask="PUT /v1/calls/{leg}/input/dtmf",
            json={"event_url": [URL]},
            status=200,
            leg="ringing",
        ),
    ],
)
@run
async def test_listening_to_keys(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if row.status == 200:
        assert answer.json() == {}
