"""Scripts as a whole: there and back, what counts as one, positions, lint, schema."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ringline.ncco
from ringline.ncco import ACTIONS, Fault, NccoError, Severity, from_json, lint, looks_like_ncco, parse, schema
from ringline.ncco.positions import escape, scan

VALIDATOR = Draft202012Validator(schema())

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
    found = lint(written)
    complaints = {fault.expected for fault in found}
    assert not complaints & {"unknown option, ignored", "out of range", "said more than once"}
    assert all(fault.severity is not Severity.ERROR for fault in found)


@given(st.lists(actions, min_size=1, max_size=2))
def test_what_we_write_keeps_to_the_schema(script: list[dict[str, Any]]) -> None:
    written = from_json(script).to_json()
    assert [error.json_path for error in VALIDATOR.iter_errors(written)] == []


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
    decoder = json.JSONDecoder()
    places = dict(_places(value, ""))
    positions = scan(text, places)
    lines = text.split("\n")

    def at(line: int, column: int) -> Any:
        return decoder.raw_decode("\n".join(lines[line - 1 :])[column - 1 :])[0]

    for pointer, (key, item) in places.items():
        assert at(*positions.line_and_column(pointer)) == item
        if key is not None:
            assert at(*positions.line_and_column(pointer, of_key=True)) == key
    assert list(positions.repeated) == []


def _places(item: Any, pointer: str, key: str | None = None) -> Iterator[tuple[str, tuple[str | None, Any]]]:
    yield pointer, (key, item)
    if isinstance(item, dict):
        for name, content in item.items():
            yield from _places(content, f"{pointer}/{escape(name)}", name)
    elif isinstance(item, list):
        for index, content in enumerate(item):
            yield from _places(content, f"{pointer}/{index}")


def test_of_a_repeated_key_the_last_value_counts() -> None:
    text = '{"a": {"b": 1},\n "c": [],\n "a": {"d": 2}, "\\u0061": 3}'
    positions = scan(text, ["/a", "/a/b", "/a/d", "/c"])
    assert positions.line_and_column("/a") == (3, 27)
    assert positions.line_and_column("/a/b") == (3, 27)
    assert [(pointer, positions.place(offset)) for pointer, offset in positions.repeated] == [
        ("/a", (3, 2)),
        ("/a", (3, 17)),
    ]


def test_what_is_not_there_is_shown_at_what_is_around_it() -> None:
    positions = scan('[1,\n {"a": 2}]', ["/1/b/c", "/7"])
    assert positions.line_and_column("/1/b/c") == (2, 2)
    assert positions.line_and_column("/7") == (1, 1)
    assert positions.line_and_column("/never/asked/for") == (1, 1)


# ── the package ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_front_door_is_sorted_and_open() -> None:
    names = ringline.ncco.__all__
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and not name.isupper()]
    functions = [name for name in names if name[0].islower()]
    assert names == sorted(constants) + sorted(classes) + sorted(functions)
    assert all(hasattr(ringline.ncco, name) for name in names)
