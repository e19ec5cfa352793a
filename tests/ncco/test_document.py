"""Scripts as a whole: there and back, what counts as one, positions, lint, schema."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringline.ncco
from ringline.ncco import ACTIONS, Fault, NccoError, Severity, from_json, lint, looks_like_ncco, parse, schema
from ringline.ncco.positions import scan

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(string.printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-_/~", max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
urls = st.sampled_from(["https://a.example/x", ["https://a.example/y"], [], None])
flags = st.sampled_from([True, False, "true", "FALSE", 0, "1", None])
numbers = (
    st.integers(-10, 10_000) | st.floats(-2, 9000).map(lambda x: round(x, 3)) | st.sampled_from(["3", "0.5", None])
)
wholes = st.integers(-10, 10_000) | st.sampled_from(["3", 4.0, None])
legs = st.sampled_from([None, [], "2C5C8F9E6C524D7E9D250F6D5E6AB001", ["x", "y"]])
methods = st.sampled_from(["get", "POST", None])
phones = st.fixed_dictionaries(
    {"type": st.just("phone"), "number": st.sampled_from(["+447700900001", 447700900002])},
    optional={"dtmfAnswer": st.text("0p*#x"), "onAnswer": st.just({"url": "https://a"}), "shaken": st.just("x")},
)
sips = st.fixed_dictionaries(
    {"type": st.just("sip"), "uri": st.just("sip:a@b.example;transport=tls")},
    optional={"headers": st.dictionaries(st.text("aX-", max_size=4), json_values, max_size=3),
              "standard_headers": st.sampled_from([{}, {"userToUser": "ab"}])},
)  # fmt: skip
sockets = st.fixed_dictionaries(
    {"type": st.just("websocket"), "uri": st.just("wss://a.example/b")},
    optional={"headers": st.dictionaries(st.text(max_size=4), json_values, max_size=3),
              "contentType": st.just("audio/L16; rate=24000"),
              "authorization": st.just({"type": "custom", "value": "x"})},
)  # fmt: skip
others = st.sampled_from(
    [{"type": "app", "user": "jamie"}, {"type": "vbc", "extension": 12}, {"type": "sip", "user": "a", "domain": "b"}]
)


def of(action: str, required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"action": st.just(action), **required}, optional=optional)


actions = st.one_of(
    of("talk", {"text": st.sampled_from(["Hi", "<speak>Hi</speak>", "ünï"])}, loop=wholes, level=numbers,
       language=st.sampled_from(["en-gb", "", None]), style=wholes, premium=flags, voice_name=st.just("Amy"),
       providerOptions=st.dictionaries(st.text(max_size=3), json_values, max_size=2)),
    of("stream", {"streamUrl": st.sampled_from(["https://a", ["https://b", "https://c"]])}, loop=wholes, level=numbers),
    of("input", {}, type=st.sampled_from(["dtmf", ["speech"], ["dtmf", "speech"], [], None]), mode=st.sampled_from(
       ["asyncronous", "synchronous", None]), dtmf=st.fixed_dictionaries({}, optional={"timeOut": numbers,
       "maxDigits": wholes, "submitOnHash": flags}), speech=st.fixed_dictionaries({}, optional={"uuid": legs.filter(
       lambda x: x is None or isinstance(x, str)), "context": st.sampled_from(["a", ["b", "c"]]), "saveAudio": flags,
       "endOnSilence": numbers}), maxDigits=wholes, eventUrl=urls, eventUrlMethod=methods),
    of("record", {}, format=st.sampled_from(["mp3", "OGG", None]), channels=wholes, endOnKey=st.sampled_from(["#", 3]),
       endOnSilence=numbers, timeout=numbers, beep_start=flags, eventUrl=urls, transcription=st.sampled_from(
       [None, {}, {"language": "en-GB", "eventUrl": ["https://t"]}])),
    of("connect", {"endpoint": st.one_of(phones, sips, sockets, others, phones.map(lambda phone: [phone]))},
       **{"from": st.sampled_from(["+44 7700", "", None])}, eventType=st.sampled_from(["Synchronous", None]),
       timeout=numbers, limit=numbers, advanced_machine_detection=st.sampled_from([{}, {"beepTimeout": 60}, None]),
       ringbackTone=urls),
    of("conversation", {"name": st.sampled_from(["room", 5])}, canHear=legs, canSpeak=legs, mute=flags, record=flags,
       startOnEnter=flags, transcription=st.sampled_from([None, {}]), musicOnHoldUrl=urls),
    of("notify", {"payload": json_values}, eventUrl=urls, eventMethod=methods),
    of("wait", {}, timeout=numbers),
    of("transfer", {"conversationId": st.just("2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001")}, canHear=legs, mute=flags),
    of("pay", {"amount": st.sampled_from([9.99, "0.10", 7])}, currency=st.just("EUR"), voice=st.just({"style": 2}),
       prompts=st.just({"type": "SecurityCode", "text": "x", "errors": {"Timeout": {"text": "y"}}})),
)  # fmt: skip


@given(st.lists(actions, max_size=4))
def test_what_we_write_we_read_back(script: list[dict[str, Any]]) -> None:
    ncco = from_json(script)
    written = ncco.to_json()
    assert from_json(written) == ncco
    assert parse(json.dumps(written)) == ncco
    assert from_json(written).to_json() == written


@given(st.lists(actions, min_size=1, max_size=3))
def test_what_we_write_has_nothing_to_complain_about(script: list[dict[str, Any]]) -> None:
    written = json.dumps(from_json(script).to_json())
    complaints = {fault.expected for fault in lint(written)}
    assert not complaints & {"unknown option, ignored", "out of range", "said more than once"}
    assert all(fault.severity is Severity.WARNING for fault in lint(written))


def faults_of(source: bytes | str) -> Sequence[Fault]:
    """What `parse` complains about."""
    try:
        parse(source)
    except NccoError as error:
        return error.faults
    return ()


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_noise_is_only_ever_refused_politely(noise: bytes) -> None:
    assert faults_of(noise) is not None
    looks_like_ncco(noise)
    lint(noise)


@given(json_values, st.sampled_from(sorted(ACTIONS)), st.sampled_from(["text", "endpoint", "type", "dtmf", "payload",
       "name", "streamUrl", "amount", "prompts", "timeOut", "speech", "advancedMachineDetection"]))  # fmt: skip
def test_any_value_anywhere_is_only_ever_refused_politely(value: Any, action: str, option: str) -> None:
    text = json.dumps([{"action": action, option: value}])
    assert all(fault.line == 1 and fault.column is not None for fault in faults_of(text))
    lint(text)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b'[{"action":"talk"}]', True),
        (b"[{}]", True),
        (b'[1, {"a": 1}]', True),
        (b'{"action":"talk"}', True),
        (b'\xef\xbb\xbf [{"action":"talk"}]', True),
        (b"[]", False),
        (b"[1]", False),
        (b'["OK"]', False),
        (b"", False),
        (b"{}", False),
        (b'{"status":"ok"}', False),
        (b"OK", False),
        (b'"OK"', False),
        (b"null", False),
        (b"<html></html>", False),
        (b'[{"action":"talk"', False),
        (b"[" * 5000, False),
        (b"\xff", False),
    ],
)
def test_which_answers_are_meant_as_scripts(body: bytes, is_one: bool) -> None:
    assert looks_like_ncco(body) is is_one


def test_an_empty_array_is_a_script_with_nothing_to_do() -> None:
    assert parse(b"[]").actions == ()


@given(json_values)
def test_every_value_is_found_where_it_stands(value: Any) -> None:
    text = json.dumps(value, indent=2)
    positions = scan(text)
    decoder = json.JSONDecoder()

    def walk(item: Any, pointer: str) -> None:
        found, _ = decoder.raw_decode(text, positions.values[pointer])
        assert found == item
        if isinstance(item, dict):
            for key, content in item.items():
                inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
                assert decoder.raw_decode(text, positions.keys[inner])[0] == key
                walk(content, inner)
        elif isinstance(item, list):
            for index, content in enumerate(item):
                walk(content, f"{pointer}/{index}")

    walk(value, "")
    assert positions.repeated == ()


# ── lint ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def warnings(script: str) -> list[tuple[str, str, str]]:
    found = lint(script)
    assert all(fault.severity is Severity.WARNING for fault in found)
    return [(fault.pointer, fault.expected, fault.hint) for fault in found]


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
        ('[{"action":"conversation","name":"x","mute":true,"canSpeak":["a"]}]',
         ("/0/mute", "ignored", "canSpeak wins")),
        ('[{"action":"conversation","name":"x","transcription":{}}]', ("/0/transcription", "ignored", "needs record")),
        ('[{"action":"input","type":["dtmf"],"mode":"asynchronous","dtmf":{"maxDigits":1}}]',
         ("/0/dtmf", "ignored", "asynchronous input has no settings")),
        ('[{"action":"talk","text":"x","voiceName":"Amy"}]', ("/0/voiceName", "deprecated", "use language and style")),
        ('[{"action":"talk","text":"x","voiceName":"Amy","style":1}]',
         ("/0/voiceName", "ignored", "language and style win")),
        ('[{"action":"record","channels":2}]',
         ("/0/channels", "channels without split", "split is taken as conversation")),
        ('[{"action":"connect","endpoint":{"type":"app","user":"u"},"machineDetection":"hangup",'
         '"advancedMachineDetection":{}}]', ("/0/machineDetection", "ignored", "advancedMachineDetection wins")),
        ('[{"action":"connect","endpoint":[{"type":"websocket","uri":"wss://a","headers":{"a":"' + "b" * 600 + '"}}]}]',
         ("/0/endpoint", "more than 512 bytes of headers", "other platforms refuse that")),
        ('{"action":"wait","seconds":1}', ("/seconds", "unknown option, ignored", "")),
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


# ── the package ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_schema_knows_every_action_and_can_be_written() -> None:
    made = schema()
    assert made["type"] == "array"
    assert sorted(made["items"]["discriminator"]["mapping"]) == sorted(ACTIONS)
    assert "eventUrl" in json.dumps(made)


def test_the_front_door_is_sorted_and_open() -> None:
    names = ringline.ncco.__all__
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and not name.isupper()]
    functions = [name for name in names if name[0].islower()]
    assert names == sorted(constants) + sorted(classes) + sorted(functions)
    assert all(hasattr(ringline.ncco, name) for name in names)
