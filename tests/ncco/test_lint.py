"""What lint says about scripts that can run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringline.ncco import Severity, Talk, lint, parse


def warnings(script: str) -> list[tuple[str, str, str]]:
    found = lint(script)
    assert all(fault.severity is not Severity.ERROR for fault in found)
    return [(fault.pointer, fault.expected, fault.hint) for fault in found if fault.severity is Severity.WARNING]


def infos(script: str) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.expected) for fault in lint(script) if fault.severity is Severity.INFO]


def test_a_script_without_oddities_has_no_lint() -> None:
    assert lint('[{"action":"talk","text":"Hi"},{"action":"input","type":["dtmf"],"eventUrl":["https://a"]}]') == ()


@pytest.mark.parametrize(
    ("script", "warning"),
    [
        ('[{"action":"talk","text":"x","bargein":true}]',
         ("/0/bargein", "unknown option, ignored", "did you mean bargeIn?")),
        ('[{"action":"talk","text":"x","zzz":1}]', ("/0/zzz", "unknown option, ignored", "")),
        ('[{"action":"wait","timeout":0}]', ("/0/timeout", "out of range", "0.1 is used")),
        ('[{"action":"wait","timeout":1,"timeout":2}]', ("/0/timeout", "said more than once", "the last one counts")),
        ('[{"action":"input","event_url":["https://a"]}]', ("/0/event_url", "usually written eventUrl", "")),
        ('[{"action":"input","type":["dtmf"],"dtmf":{"maxdigits":1}}]',
         ("/0/dtmf/maxdigits", "unknown option, ignored", "did you mean maxDigits?")),
        ('[{"action":"stream","streamUrl":["ftp://a"]}]', ("/0/streamUrl", "not an http or https URL", "")),
        ('[{"action":"stream","streamUrl":["https://a","https://b"]}]',
         ("/0/streamUrl", "more than one URL", "the first one is used")),
        ('[{"action":"conversation","name":"x"},{"action":"talk","text":"y"}]',
         ("/1", "never reached: nothing runs after conversation", "")),
        ('[{"action":"conversation","name":"x","mute":true,"canSpeak":["2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001"]}]',
         ("/0/mute", "ignored", "canSpeak wins")),
        ('[{"action":"conversation","name":"x","transcription":{}}]', ("/0/transcription", "ignored", "needs record")),
        ('[{"action":"input","type":["dtmf"],"mode":"asynchronous","dtmf":{"maxDigits":1}},'
         '{"action":"wait"}]',
         ("/0/dtmf", "ignored", "asynchronous input has no settings")),
        ('[{"action":"talk","text":"x","voiceName":"Amy"}]', ("/0/voiceName", "deprecated", "use language and style")),
        ('[{"action":"talk","text":"x","voiceName":"Amy","style":1}]',
         ("/0/voiceName", "ignored", "language and style win")),
        ('[{"action":"record","channels":2},{"action":"wait"}]',
         ("/0/channels", "channels without split", "split is taken as conversation")),
        ('[{"action":"connect","endpoint":{"type":"app","user":"u"},"machineDetection":"hangup",'
         '"advancedMachineDetection":{}}]', ("/0/machineDetection", "ignored", "advancedMachineDetection wins")),
        ('[{"action":"connect","endpoint":[{"type":"websocket","uri":"wss://a","headers":{"a":"' + "b" * 600 + '"}}]}]',
         ("/0/endpoint", "more than 512 bytes of headers", "other platforms refuse that")),
        ('{"action":"wait","seconds":1}', ("/seconds", "unknown option, ignored", "")),
        ('[{"action":"transfer","conversationId":"CON-1","canHear":["bob"]}]',
         ("/0/canHear", "not the UUID of a leg, matches nobody", "")),
        ('[{"action":"connect","endpoint":[{"type":"phone","number":"447700900001","dtmfAnswer":"1,2"}]}]',
         ("/0/endpoint/0/dtmfAnswer", "only 0-9, *, # and p count, the rest is skipped", "")),
        ('[{"action":"connect","endpoint":[{"type":"phone","number":"447700900001","colour":1}]}]',
         ("/0/endpoint/0/colour", "unknown option, ignored", "")),
        ('[{"action":"connect","endpoint":[{"type":"sip","uri":"sip:a@b","headers":{"a b":"x"}}]}]',
         ("/0/endpoint/0/headers/a b", "not sent",
          "a header has letters, digits and dashes, and no name of the platform's own")),
        ('[{"action":"talk","text":"<b>Hi</b>"}]',
         ("/0/text", "tags are read out", "SSML stands inside <speak>…</speak>")),
        ('[{"action":"talk","text":"x","providerOptions":{}}]', ("/0/providerOptions", "ignored", "needs provider")),
        ('[{"action":"talk","text":"x","loop":0},{"action":"wait"}]',
         ("/0/loop", "repeats for ever", "what follows runs only after a REST request stops it")),
        ('[{"action":"record"}]', ("/0", "the call ends at once", "nothing in this script takes time")),
        ('[{"action":"record"},{"action":"input","type":["dtmf"],"mode":"asynchronous"}]',
         ("/1", "the call ends at once", "nothing in this script takes time")),
        ('[{"action":"input","type":["dtmf"],"speech":{}}]', ("/0/speech", "ignored", "type has no speech")),
        ('[{"action":"input","type":["dtmf"],"speech":{},"mode":"asynchronous"},{"action":"wait"}]',
         ("/0/speech", "ignored", "asynchronous input only takes keys")),
        ('[{"action":"input","type":["dtmf"],"dtmf":{},"maxDigits":1}]',
         ("/0/maxDigits", "ignored", "it stands in dtmf")),
        ('[{"action":"pay","amount":1,"prompts":[{"type":"SecurityCode","text":"x","errors":'
         '{"Timeout":{"text":"y","txet":""}}}]}]',
         ("/0/prompts/0/errors/Timeout/txet", "unknown option, ignored", "did you mean text?")),
        ('[{"action":"pay","amount":1,"prompts":{"type":"SecurityCode","text":"x","errors":{"TimeOut":{}}}}]',
         ("/0/prompts/errors/TimeOut", "SecurityCode has no such error, ignored", "")),
    ],
)  # fmt: skip
def test_oddities_are_pointed_out(script: str, warning: tuple[str, str, str]) -> None:
    parse(script)
    assert warnings(script) == [warning]


def test_lint_tells_errors_and_warnings_in_the_order_of_the_text() -> None:
    found = lint('[{"action":"talk","colour":"red"},\n{"action":"tlak"},\n{"action":"wait","timeout":99999}]')
    assert [(fault.severity.value, fault.line) for fault in found] == [
        ("error", 1),
        ("warning", 1),
        ("error", 2),
        ("warning", 3),
    ]


def test_lint_of_what_is_no_json_is_its_error() -> None:
    (only,) = lint("OK")
    assert only.severity is Severity.ERROR


LEG = "2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001"
INPUT: dict[str, Any] = {"action": "input", "type": ["dtmf"]}


@pytest.mark.parametrize(
    ("script", "info"),
    [
        ([{"action": "notify", "payload": {}}], ("/0", "without eventUrl")),
        ([{"action": "input"}], ("/0", "without type")),
        ([{**INPUT, "eventUrl": "https://a"}], ("/0/eventUrl", "usually an array with one URL")),
        (
            [
                {"action": "talk", "text": "a", "bargeIn": True},
                {"action": "talk", "text": "b", "bargeIn": False},
                INPUT,
                {"action": "talk", "text": "c", "bargeIn": False},
            ],
            ("/1/bargeIn", "interruptible all the same"),
        ),
        (
            [{"action": "record", "timeOut": 9}],
            ("/0/timeOut", "the next action waits until the recording has ended"),
        ),
        (
            [{"action": "record", "split": "conversation", "channels": 4, "format": "MP3", "endOnKey": "#"}],
            ("/0/format", "mp3 has two channels at most"),
        ),
        (
            [{"action": "conversation", "name": "x", "musicOnHoldUrl": ["https://a/b.mp3"]}],
            ("/0/musicOnHoldUrl", "this leg starts the conversation and hears no music"),
        ),
        (
            [
                {
                    "action": "connect",
                    "endpoint": [{"type": "phone", "number": "447700900001"}],
                    "ringbackTone": "https://a/b.mp3",
                }
            ],
            ("/0/ringbackTone", "not advised for phones"),
        ),
    ],
)
def test_what_is_worth_knowing_is_an_info(script: list[Any], info: tuple[str, str]) -> None:
    assert infos(json.dumps(script)) == [info]
    assert warnings(json.dumps(script)) == []


def test_voices_that_are_not_to_be_had_are_told_where_they_are_asked_for() -> None:
    def voices(talk: Talk) -> list[tuple[str, str]]:
        return [("style", f"{talk.language} has no style {talk.style}")]

    (only,) = lint('[{"action":"talk","text":"x","language":"cy-GB","style":7}]', voices=voices)
    assert (only.pointer, only.expected, only.column) == ("/0/style", "cy-GB has no style 7", 49)


def test_a_place_is_that_of_the_name_as_it_was_written() -> None:
    (first,) = lint('[{"action":"wait","time_out":0}]')
    assert (first.pointer, first.column) == ("/0/time_out", 19)


def test_a_fault_as_editors_take_it() -> None:
    (only,) = lint('[{"action":"tolk"}]')
    assert only.to_json() == {
        "pointer": "/0/action",
        "line": 1,
        "column": 12,
        "severity": "error",
        "message": "[0].action: the name of an action (did you mean talk?)",
        "expected": "the name of an action",
        "hint": "did you mean talk?",
    }


def test_what_lint_says_is_bounded() -> None:
    many = {f"option{index}": 1 for index in range(20_000)}
    assert len(lint(json.dumps([{"action": "wait", **many}]))) <= 200
    repeated = "[{" + '"a":1,' * 20_000 + '"action":"wait"}]'
    assert len(lint(repeated)) <= 200
