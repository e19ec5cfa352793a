"""What the official Python library's own builders make of every action and endpoint is read as it was meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from vonage_voice.models import connect_endpoints, input_types, ncco
from vonage_voice.models.common import AdvancedMachineDetection, WebsocketAuthorization

from ringline.ncco import AdvancedMachineDetection as Detection
from ringline.ncco import (
    App,
    Authorization,
    Connect,
    Conversation,
    DtmfSettings,
    Input,
    Notify,
    OnAnswer,
    Phone,
    Record,
    Sip,
    SpeechSettings,
    StandardHeaders,
    Stream,
    Talk,
    Transfer,
    Vbc,
    Wait,
    WebSocket,
    from_json,
    schema,
)

LEG = "2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001"
URL = "https://app.example.org/x"
NUMBER = "447700900000"


def sent(action: Any) -> dict[str, Any]:
    """The action as the library's documentation says to write it into the answer of a webhook."""
    body: dict[str, Any] = action.model_dump(mode="json", by_alias=True, exclude_none=True)
    return body


def connect(endpoint: Any, **more: Any) -> Any:
    return ncco.Connect(endpoint=[endpoint], **({"from_": NUMBER} | more))


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (ncco.Record(), Record()),
        (
            ncco.Record(
                format="wav",
                channels=4,
                endOnSilence=4,
                endOnKey="*",
                timeOut=30,
                beepStart=True,
                eventUrl=[URL],
                eventMethod="POST",
            ),
            Record(
                format="wav",
                split="conversation",
                channels=4,
                end_on_silence=4,
                end_on_key="*",
                timeout=30,
                beep_start=True,
                event_url=URL,
            ),
        ),
        (
            ncco.Conversation(
                name="room",
                musicOnHoldUrl=[URL],
                startOnEnter=False,
                endOnExit=True,
                record=True,
                canSpeak=[LEG],
                canHear=[],
                eventUrl=[URL],
                eventMethod="GET",
            ),
            Conversation(
                name="room",
                music_on_hold_url=URL,
                start_on_enter=False,
                end_on_exit=True,
                record=True,
                can_speak=(LEG,),
                can_hear=(),
                event_url=URL,
                event_method="GET",
            ),
        ),
        (
            ncco.Talk(text="Hi", bargeIn=True, loop=0, level=-0.5, language="en-GB", style=3, premium=True),
            Talk(text="Hi", barge_in=True, loop=0, level=-0.5, language="en-GB", style=3, premium=True),
        ),
        (
            ncco.Stream(streamUrl=[URL], level=0.5, bargeIn=False, loop=2),
            Stream(stream_url=URL, level=0.5, loop=2),
        ),
        (
            ncco.Input(
                type=["dtmf", "speech"],
                dtmf=input_types.Dtmf(timeOut=5, maxDigits=12, submitOnHash=True),
                speech=input_types.Speech(
                    uuid=[LEG],
                    endOnSilence=1.5,
                    language="en-GB",
                    context=["yes", "no"],
                    startTimeout=5,
                    maxDuration=20,
                    saveAudio=True,
                    sensitivity=50,
                ),
                eventUrl=[URL],
                eventMethod="POST",
            ),
            Input(
                type=("dtmf", "speech"),
                dtmf=DtmfSettings(timeout_s=5, max_digits=12, submit_on_hash=True),
                speech=SpeechSettings(
                    uuid=LEG,
                    end_on_silence_s=1.5,
                    language="en-GB",
                    context=("yes", "no"),
                    start_timeout_s=5,
                    max_duration_s=20,
                    save_audio=True,
                    sensitivity=50,
                ),
                event_url=URL,
            ),
        ),
        (ncco.Notify(payload={"a": 1}, eventUrl=[URL], eventMethod="POST"), Notify(payload={"a": 1}, event_url=URL)),
        (ncco.Wait(timeout=0.5), Wait(timeout=0.5)),
        (
            ncco.Transfer(conversationId=f"CON-{LEG}", canHear=[LEG], mute=True),
            Transfer(conversation_id=f"CON-{LEG}", can_hear=(LEG,), mute=True),
        ),
        (
            connect(
                connect_endpoints.PhoneEndpoint(
                    number="447700900001",
                    dtmfAnswer="1p2",
                    onAnswer=connect_endpoints.OnAnswer(url=URL, ringbackTone=URL),
                    shaken="x",
                ),
                eventType="synchronous",
                timeout=15,
                limit=100,
                machineDetection="hangup",
                advancedMachineDetection=AdvancedMachineDetection(
                    behavior="hangup", mode="detect_beep", beep_timeout=50
                ),
                eventUrl=[URL],
                eventMethod="GET",
                ringbackTone=[URL],
            ),
            Connect(
                endpoint=Phone(
                    number="447700900001",
                    dtmf_answer="1p2",
                    on_answer=OnAnswer(url=URL, ringback_tone=URL),
                    shaken="x",
                ),
                from_=NUMBER,
                event_type="synchronous",
                timeout=15,
                limit=100,
                machine_detection="hangup",
                advanced_machine_detection=Detection(behavior="hangup", mode="detect_beep", beep_timeout=50),
                event_url=URL,
                event_method="GET",
                ringback_tone=URL,
            ),
        ),
        (
            connect(connect_endpoints.AppEndpoint(user="jamie"), from_=None, randomFromNumber=True),
            Connect(endpoint=App(user="jamie"), random_from_number=True),
        ),
        (
            connect(
                connect_endpoints.WebsocketEndpoint(
                    uri="wss://example.com/ws",
                    contentType="audio/l16;rate=8000",
                    headers={"a": {"b": 1}},
                    authorization=WebsocketAuthorization(type="custom", value="Bearer x"),
                )
            ),
            Connect(
                endpoint=WebSocket(
                    uri="wss://example.com/ws",
                    content_type="audio/l16;rate=8000",
                    headers={"a": {"b": 1}},
                    authorization=Authorization(type="custom", value="Bearer x"),
                ),
                from_=NUMBER,
            ),
        ),
        (
            connect(
                connect_endpoints.SipEndpoint(
                    uri="sip:desk@example.com", headers={"k": "v"}, standardHeaders={"User-to-User": "4d;encoding=hex"}
                )
            ),
            Connect(
                endpoint=Sip(
                    uri="sip:desk@example.com",
                    headers={"k": "v"},
                    standard_headers=StandardHeaders(user_to_user="4d;encoding=hex"),
                ),
                from_=NUMBER,
            ),
        ),
        (
            connect(connect_endpoints.VbcEndpoint(extension="123")),
            Connect(endpoint=Vbc(extension="123"), from_=NUMBER),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_every_builder_of_the_library_makes_is_read_as_it_is_meant(made: Any, meant: Any) -> None:
    body = sent(made)
    assert from_json([body, *([{"action": "input"}] if body.get("bargeIn") else [])]).actions[0] == meant
    assert list(Draft202012Validator(schema()).iter_errors([body])) == []


def test_the_library_has_no_action_that_we_do_not_know() -> None:
    known = {"record", "conversation", "connect", "talk", "stream", "input", "notify", "wait", "transfer"}
    assert {one.value for one in ncco.NccoActionType} == known


def test_money_keeps_its_digits() -> None:
    (action,) = from_json([{"action": "pay", "amount": "9.90"}]).actions
    assert action.action == "pay"
    assert action.amount == Decimal("9.90")
