"""Creating a call (REST reference, section 3), row by row."""

from __future__ import annotations

import re
from typing import Final

from tests.api.world import World, run

from .rows import Row, prove, table
from .voice import L16, PHONE, SOCKET, URL, create, detection, to

# ── 3. POST /v1/calls ──────────────────────────────────────────────────────────────────────────────────────────────


@table(
    "rest-api 3.1",
    [
        create("to"),
        create("to missing", 400, to=None, fault="to"),
        create("to empty", 400, to=[], fault="to"),
        create("to two", 400, to=[PHONE, PHONE], fault="to"),
        create("to bare object", to=PHONE),
        create("from missing", 400, from_=None, fault="from"),
        create("from string", from_="447700900900"),
        create("from string with plus", from_="+447700900900"),
        create("from string sip", from_="sip:me@example.com"),
        create("from sip URI as number", from_={"type": "phone", "number": "sip:me@example.com"}),
        create("random_from_number", from_=None, random_from_number=True),
        create("random_from_number and from", 400, random_from_number=True, fault="from"),
        create("random_from_number false", random_from_number=False),
        create("ncco empty", 400, ncco=[], fault="ncco"),
        create("ncco faulty", 400, ncco=[{"action": "talk"}], fault="ncco[0].text"),
        create("ncco and answer_url", 400, answer_url=[URL], fault="ncco"),
        create("neither ncco nor answer_url", 400, ncco=None, fault="ncco"),
        create("answer_url", ncco=None, answer_url=[URL]),
        create("answer_url string", 400, ncco=None, answer_url=URL, fault="answer_url"),
        create("answer_url two", 400, ncco=None, answer_url=[URL, URL], fault="answer_url"),
        create("answer_url relative", 400, ncco=None, answer_url=["/answer"], fault="answer_url"),
        create("answer_method GET", ncco=None, answer_url=[URL], answer_method="GET"),
        create("answer_method POST", ncco=None, answer_url=[URL], answer_method="POST"),
        create("answer_method PUT", 400, ncco=None, answer_url=[URL], answer_method="PUT", fault="answer_method"),
        create("event_url", event_url=[URL]),
        create("event_url string", 400, event_url=URL, fault="event_url"),
        create("event_url ftp", 400, event_url=["ftp://shop.example/"], fault="event_url"),
        create("event_url absent everywhere"),
        create("event_method GET", event_url=[URL], event_method="GET"),
        create("event_method PATCH", 400, event_url=[URL], event_method="PATCH", fault="event_method"),
        create("machine_detection continue", machine_detection="continue"),
        create("machine_detection hangup", machine_detection="hangup"),
        create("machine_detection stop", 400, machine_detection="stop", fault="machine_detection"),
        detection("behavior continue", behavior="continue"),
        detection("behavior hangup", behavior="hangup"),
        detection("behavior else", 400, behavior="wait", fault="advanced_machine_detection.behavior"),
        detection("mode default", mode="default"),
        detection("mode detect", mode="detect"),
        detection("mode detect_beep", mode="detect_beep"),
        detection("mode else", 400, mode="beep", fault="advanced_machine_detection.mode"),
        detection("beep_timeout 30", beep_timeout=30),
        detection("beep_timeout 120", beep_timeout=120),
        detection("beep_timeout 29", 400, beep_timeout=29, fault="advanced_machine_detection.beep_timeout"),
        detection("beep_timeout 121", 400, beep_timeout=121, fault="advanced_machine_detection.beep_timeout"),
        create("length_timer 1", length_timer=1),
        create("length_timer 86400", length_timer=86400),
        create("length_timer 0", 400, length_timer=0, fault="length_timer"),
        create("length_timer 86401", 400, length_timer=86401, fault="length_timer"),
        create("ringing_timer 1", ringing_timer=1),
        create("ringing_timer 120", ringing_timer=120),
        create("ringing_timer 0", 400, ringing_timer=0, fault="ringing_timer"),
        create("ringing_timer 121", 400, ringing_timer=121, fault="ringing_timer"),
        create("not fields: ringing_timeout, timeout, limit", ringing_timeout=900, timeout=900, limit=90000),
    ],
)
@run
async def test_a_field_of_a_new_call(world: World, row: Row) -> None:
    await prove(world, row)
    assert len(world.calls.created) == (row.status == 201)


@run
async def test_defaults_of_a_new_call(world: World) -> None:
    await prove(world, create("defaults", ncco=None, answer_url=[URL], event_url=[URL], advanced_machine_detection={}))
    (made,) = world.calls.created
    assert (made.ring_limit_s, made.length_limit_s) == (60, 7200)
    assert made.answer is not None
    assert made.event is not None
    assert (made.answer.method, made.event.method) == ("GET", "POST")
    assert made.detection is not None
    assert made.detection.mode == "detect"
    assert made.detection.beep_timeout_s == 45


@run
async def test_advanced_detection_overrides_the_plain_one(world: World) -> None:
    await prove(
        world,
        create(
            "both", machine_detection="hangup", advanced_machine_detection={"behavior": "continue", "mode": "detect"}
        ),
    )
    (made,) = world.calls.created
    assert made.detection is not None
    assert not made.detection.hangs_up


SIP: Final = "sip:bob@example.com;transport=tls"


@table(
    "rest-api 3.2",
    [
        to("phone 7 digits", type="phone", number="1234567"),
        to("phone 15 digits", type="phone", number="123456789012345"),
        to("phone 6 digits", 400, type="phone", number="123456", fault="to[0].number"),
        to("phone 16 digits", 400, type="phone", number="1234567890123456", fault="to[0].number"),
        to("phone without number", 400, type="phone", fault="to[0].number"),
        to("phone with plus", type="phone", number="+447700900123"),
        to("dtmfAnswer", type="phone", number="447700900123", dtmfAnswer="1p2#"),
        to("dtmfAnswer x is skipped", type="phone", number="447700900123", dtmfAnswer="1x2"),
        to("shaken", type="phone", number="447700900123", shaken="eyJ;info=<https://a.example>;alg=ES256"),
        to("sip", type="sip", uri=SIP),
        to("sips", type="sip", uri="sips:bob@example.com"),
        to("sip media=srtp", type="sip", uri="sip:bob@example.com;media=srtp"),
        to("sip 255 characters", type="sip", uri="sip:" + "b" * 239 + "@example.com"),
        to("sip 256 characters", 400, type="sip", uri="sip:" + "b" * 240 + "@example.com", fault="to[0].uri"),
        to("sip without uri", 400, type="sip", fault="to[0]"),
        to("sip headers", type="sip", uri=SIP, headers={"location": "New York", "occupation": "developer"}),
        to("sip standard_headers empty", type="sip", uri=SIP, standard_headers={}),
        to("sip User-to-User", type="sip", uri=SIP, standard_headers={"User-to-User": "342342ef34;encoding=hex"}),
        to("websocket 8000", type="websocket", uri=SOCKET, content__type="audio/l16;rate=8000"),
        to("websocket 16000", type="websocket", uri=SOCKET, content__type=L16),
        to("websocket 24000", type="websocket", uri=SOCKET, content__type="audio/l16;rate=24000"),
        to("websocket content-type missing", type="websocket", uri=SOCKET),
        to(
            "websocket 44100",
            400,
            type="websocket",
            uri=SOCKET,
            content__type="audio/l16;rate=44100",
            fault="to[0].content-type",
        ),
        to("websocket without uri", 400, type="websocket", content__type=L16, fault="to[0].uri"),
        to("websocket headers", type="websocket", uri=SOCKET, content__type=L16, headers={"a": {"b": [1]}}),
        to(
            "websocket authorization vonage",
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "vonage"},
        ),
        to(
            "websocket authorization custom",
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "custom", "value": "Bearer abc"},
        ),
        to(
            "websocket authorization too long",
            400,
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "custom", "value": "a" * 8192},
            fault="to[0].authorization",
        ),
        to("websocket uri 2048", type="websocket", uri="wss://bot.example.com/".ljust(2048, "a"), content__type=L16),
        to(
            "websocket uri 2049",
            400,
            type="websocket",
            uri="wss://bot.example.com/".ljust(2049, "a"),
            content__type=L16,
            fault="to[0].uri",
        ),
        to("app", type="app", user="alice"),
        to("app without user", 400, type="app", fault="to[0].user"),
        to("vbc not mapped", 400, type="vbc", extension="123", fault="to[0].type"),
        to("type missing", 400, number="447700900123", fault="to[0].type"),
        to("type unknown", 400, type="fax", number="447700900123", fault="to[0].type"),
    ],
)
@run
async def test_an_endpoint_that_is_called(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_a_created_call_is_described_as_published(world: World) -> None:
    answer = await prove(world, create("rest-api 3.3"))
    found = answer.json()
    assert set(found) == {"uuid", "status", "direction", "conversation_uuid"}
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["uuid"])
    assert found["conversation_uuid"].startswith("CON-")
    assert (found["status"], found["direction"]) == ("started", "outbound")
