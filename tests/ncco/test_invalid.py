"""Every case in which a script cannot run, and what its author is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ringline.base import RinglineError
from ringline.ncco import NccoError, endpoint_from_json, from_json, parse

PHONE = {"type": "phone", "number": "447700900001"}


def faults(value: object) -> list[tuple[str, str]]:
    with pytest.raises(NccoError) as caught:
        from_json(value)
    return [(fault.pointer, fault.expected) for fault in caught.value.faults]


def fault(action: str, **options: Any) -> tuple[str, str]:
    (only,) = faults([{"action": action, **options}])
    return only


def test_the_reason_begins_with_the_documented_sentence_and_goes_on_with_details() -> None:
    with pytest.raises(NccoError) as caught:
        parse('[{"action":"wait"},{"action":"wait"},{"action":"connect"}]')
    assert caught.value.reason == ("Syntax error in NCCO. Invalid value type or action. [2].endpoint: required")
    assert str(caught.value) == caught.value.reason
    assert caught.value.pointer == "/2/endpoint"
    assert isinstance(caught.value, RinglineError)


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"OK", b"<html></html>", b"[", b"[{]", b"[{},]", b"nul", b"[1] 2", b"{'action':'talk'}",
        b"[NaN]", b'[{"action":"talk","text":"\\ud800"}]', b'[{"action":"wait","timeout":1e999}]',
        b'[{"action":"wait","timeout":' + b"9" * 5000 + b"}]", b"\xff\xfe[]", b'["\xe4"]', b"[" * 100_000,
        b'{"a":' * 100_000, b'[{"action":"notify","payload":' + b"[" * 100 + b"]" * 100 + b"}]",
        b"[" + b" " * 2_000_000 + b"]", b"[" + b'{"action":"wait"},' * 1000 + b'{"action":"wait"}]',
    ],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_what_is_no_reasonable_json_is_one_clear_fault(body: bytes) -> None:
    with pytest.raises(NccoError) as caught:
        parse(body)
    assert len(caught.value.faults) == 1
    assert len(caught.value.reason) < 1000


@pytest.mark.parametrize("value", [None, 5, "talk", True, {}, {"talk": 1}, {"action": "nothing"}])
def test_what_is_no_array_of_actions_is_refused(value: object) -> None:
    assert len(faults(value)) == 1


@pytest.mark.parametrize("element", [None, 5, "talk", [], [{"action": "wait"}]])
def test_an_element_must_be_an_object(element: object) -> None:
    assert faults([{"action": "wait"}, element]) == [("/1", "an action object")]


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({}, "required"),
        ({"action": None}, "required"),
        ({"action": ""}, "the name of an action"),
        ({"action": "fly"}, "the name of an action"),
        ({"action": ["talk"]}, "the name of an action"),
    ],
)
def test_an_element_must_have_a_known_action(element: object, expected: str) -> None:
    assert faults([element]) == [("/0/action", expected)]


def test_a_misspelt_action_gets_a_hint() -> None:
    with pytest.raises(NccoError) as caught:
        parse('[{"action":"strem"}]')
    assert caught.value.faults[0].hint == "did you mean stream?"


@pytest.mark.parametrize(
    ("action", "option"),
    [
        ("conversation", "name"),
        ("connect", "endpoint"),
        ("talk", "text"),
        ("stream", "streamUrl"),
        ("notify", "payload"),
        ("transfer", "conversationId"),
        ("pay", "amount"),
    ],
)
def test_required_options_are_required(action: str, option: str) -> None:
    assert fault(action) == (f"/0/{option}", "required")
    if action != "notify":
        assert fault(action, **{option: None}) == (f"/0/{option}", "required")


@pytest.mark.parametrize("nothing", [[], "", [""]])
def test_a_stream_needs_a_url(nothing: object) -> None:
    assert fault("stream", streamUrl=nothing) == ("/0/streamUrl", "required")


@pytest.mark.parametrize(
    ("action", "options", "pointer"),
    [
        ("talk", {"text": 5}, "/text"),
        ("talk", {"text": ["x"]}, "/text"),
        ("talk", {"text": "x", "loop": "often"}, "/loop"),
        ("talk", {"text": "x", "loop": 1.5}, "/loop"),
        ("talk", {"text": "x", "level": "loud"}, "/level"),
        ("talk", {"text": "x", "level": True}, "/level"),
        ("talk", {"text": "x", "level": "nan"}, "/level"),
        ("talk", {"text": "x", "level": "Infinity"}, "/level"),
        ("talk", {"text": "x", "premium": "yes"}, "/premium"),
        ("talk", {"text": "x", "premium": 2}, "/premium"),
        ("talk", {"text": "x", "style": {}}, "/style"),
        ("talk", {"text": "x", "language": 5.5}, "/language"),
        ("talk", {"text": "x", "providerOptions": []}, "/providerOptions"),
        ("stream", {"streamUrl": 5}, "/streamUrl"),
        ("stream", {"streamUrl": [5]}, "/streamUrl"),
        ("stream", {"streamUrl": {"url": "x"}}, "/streamUrl"),
        ("record", {"format": "flac"}, "/format"),
        ("record", {"split": "both"}, "/split"),
        ("record", {"endOnKey": "A"}, "/endOnKey"),
        ("record", {"endOnKey": "12"}, "/endOnKey"),
        ("record", {"eventMethod": "PUT"}, "/eventMethod"),
        ("record", {"eventUrlMethod": "PUT"}, "/eventUrlMethod"),
        ("record", {"transcription": "yes"}, "/transcription"),
        ("record", {"transcription": {"sentimentAnalysis": "perhaps"}}, "/transcription/sentimentAnalysis"),
        ("record", {"time_out": "x"}, "/time_out"),
        ("conversation", {"name": ""}, "/name"),
        ("conversation", {"name": {}}, "/name"),
        ("conversation", {"name": "x", "canHear": [1]}, "/canHear"),
        ("conversation", {"name": "x", "canSpeak": {}}, "/canSpeak"),
        ("input", {"type": ["fax"]}, "/type"),
        ("input", {"type": 5}, "/type"),
        ("input", {"mode": "sometimes"}, "/mode"),
        ("input", {"dtmf": []}, "/dtmf"),
        ("input", {"dtmf": {"timeout": "x"}}, "/dtmf/timeout"),
        ("input", {"timeout": "x"}, "/timeout"),
        ("input", {"speech": {"context": 5}}, "/speech/context"),
        ("input", {"speech": {"saveAudio": []}}, "/speech/saveAudio"),
        ("wait", {"timeout": "long"}, "/timeout"),
        ("transfer", {"conversationId": []}, "/conversationId"),
        ("pay", {"amount": 0}, "/amount"),
        ("pay", {"amount": -1}, "/amount"),
        ("pay", {"amount": "much"}, "/amount"),
        ("pay", {"amount": True}, "/amount"),
        ("pay", {"amount": 1, "prompts": [{"type": "CardNumber", "text": "x"}]}, "/prompts/0/errors"),
        ("pay", {"amount": 1, "prompts": {"type": "Pin", "text": "x", "errors": {}}}, "/prompts/type"),
        ("pay", {"amount": 1, "prompts": [{"type": "CardNumber", "text": "x", "errors": {"Timeout": {}}}]},
         "/prompts/0/errors/Timeout/text"),
        ("connect", {"endpoint": PHONE, "eventType": "asynchronous"}, "/eventType"),
        ("connect", {"endpoint": PHONE, "machineDetection": "detect"}, "/machineDetection"),
        ("connect", {"endpoint": PHONE, "advancedMachineDetection": {"mode": "fast"}},
         "/advancedMachineDetection/mode"),
        ("connect", {"endpoint": PHONE, "advanced_machine_detection": {"beepTimeout": "x"}},
         "/advanced_machine_detection/beepTimeout"),
        ("connect", {"endpoint": PHONE, "timeout": []}, "/timeout"),
        ("connect", {"endpoint": "447700900001"}, "/endpoint"),
        ("connect", {"endpoint": []}, "/endpoint"),
        ("connect", {"endpoint": [PHONE, PHONE]}, "/endpoint"),
        ("connect", {"endpoint": [{"number": "447700900001"}]}, "/endpoint/0/type"),
        ("connect", {"endpoint": {"type": "fax"}}, "/endpoint/type"),
        ("connect", {"endpoint": [{"type": 5}]}, "/endpoint/0/type"),
        ("connect", {"endpoint": [{"type": "phone"}]}, "/endpoint/0/number"),
        ("connect", {"endpoint": [{"type": "phone", "number": "123456"}]}, "/endpoint/0/number"),
        ("connect", {"endpoint": [{"type": "phone", "number": "1" * 16}]}, "/endpoint/0/number"),
        ("connect", {"endpoint": [{"type": "phone", "number": "０１２３４５６７８"}]}, "/endpoint/0/number"),
        ("connect", {"endpoint": [{**PHONE, "onAnswer": {}}]}, "/endpoint/0/onAnswer/url"),
        ("connect", {"endpoint": [{**PHONE, "onAnswer": "https://x"}]}, "/endpoint/0/onAnswer"),
        ("connect", {"endpoint": [{**PHONE, "dtmfAnswer": []}]}, "/endpoint/0/dtmfAnswer"),
        ("connect", {"endpoint": [{"type": "sip"}]}, "/endpoint/0"),
        ("connect", {"endpoint": [{"type": "sip", "user": "a"}]}, "/endpoint/0"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:a@b", "user": "a", "domain": "b"}]}, "/endpoint/0"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "a@b"}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:a@b\r\nX: y"}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:" + "a" * 252}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:a@b", "headers": []}]}, "/endpoint/0/headers"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:a@b", "headers": {"a": "b" * 5000}}]},
         "/endpoint/0/headers"),
        ("connect", {"endpoint": [{"type": "sip", "uri": "sip:a@b", "standardHeaders": {"userToUser": "x" * 257}}]},
         "/endpoint/0/standardHeaders/userToUser"),
        ("connect", {"endpoint": [{"type": "websocket"}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "https://a/b"}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://user:pw@a/b"}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://a/" + "b" * 2048}]}, "/endpoint/0/uri"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://a", "content_type": "audio/l16;rate=44100"}]},
         "/endpoint/0/content_type"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://a", "headers": {"a": "b" * 4096}}]},
         "/endpoint/0/headers"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://a", "authorization": {"type": "custom"}}]},
         "/endpoint/0/authorization"),
        ("connect", {"endpoint": [{"type": "websocket", "uri": "wss://a", "authorization": {"type": "custom",
         "value": "a\r\nb"}}]}, "/endpoint/0/authorization"),
        ("connect", {"endpoint": [{"type": "app"}]}, "/endpoint/0/user"),
        ("connect", {"endpoint": [{"type": "vbc", "extension": "12345678901"}]}, "/endpoint/0/extension"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_where_it_stands(action: str, options: dict[str, Any], pointer: str) -> None:
    where, expected = fault(action, **options)
    assert where == "/0" + pointer
    assert expected


def test_a_caller_and_a_random_number_exclude_each_other() -> None:
    options = {"endpoint": [PHONE], "from": "447700900000", "randomFromNumber": "true"}
    assert fault("connect", **options) == ("/0/randomFromNumber", "not together with from")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("a" * 1500, True),
        ("a" * 1501, False),
        ("<b>" * 501, False),
        ("<speak>" + "a" * 1500 + "</speak>", True),
        ("<speak>" + "a" * 1501 + "</speak>", False),
        ("  ", False),
        ("", False),
        ("<speak></speak>", False),
        ("<speak>" + "<" * 1_000_000, False),
        ("😀" * 1500, True),
    ],
    ids=lambda value: str(value)[:12],
)
def test_text_has_at_most_1500_characters_without_tags(text: str, valid: bool) -> None:
    if valid:
        from_json([{"action": "talk", "text": text}])
    else:
        assert fault("talk", text=text)[0] == "/0/text"


TALK = {"action": "talk", "text": "x"}
BARGE = {"action": "talk", "text": "x", "bargeIn": "true"}
STREAM = {"action": "stream", "streamUrl": ["https://x"], "barge_in": 1}


@pytest.mark.parametrize(
    ("script", "places"),
    [
        ([BARGE, {"action": "input"}], []),
        ([BARGE, TALK, STREAM, {"action": "Input"}], []),
        ([STREAM, BARGE, {"action": "input"}, TALK], []),
        ([BARGE], ["/0/bargeIn"]),
        ([BARGE, TALK], ["/0/bargeIn"]),
        ([BARGE, {"action": "connect", "endpoint": [PHONE]}], ["/0/bargeIn"]),
        ([BARGE, {"action": "record"}, {"action": "input"}], ["/0/bargeIn"]),
        ([BARGE, {"action": "notify", "payload": {}}, {"action": "input"}], ["/0/bargeIn"]),
        ([BARGE, {"action": "wait"}, {"action": "input"}], ["/0/bargeIn"]),
        ([TALK, STREAM, BARGE], ["/1/barge_in", "/2/bargeIn"]),
    ],
)
def test_what_can_be_interrupted_needs_an_input_after_the_prompts(script: list[Any], places: list[str]) -> None:
    if places:
        assert [pointer for pointer, _ in faults(script)] == places
    else:
        from_json(script)


def test_all_faults_come_at_once_with_line_and_column() -> None:
    text = """[
  {"action": "talk", "loop": "x"},
  {"action": "connect",
   "from": "447700900000", "random_from_number": true,
   "endpoint": [{"type": "phone", "number": "12"}]},
  {"action": "dance"}
]"""
    with pytest.raises(NccoError) as caught:
        parse(text)
    assert [(fault.pointer, fault.line, fault.column) for fault in caught.value.faults] == [
        ("/0/text", 2, 3),
        ("/0/loop", 2, 30),
        ("/1/random_from_number", 4, 50),
        ("/1/endpoint/0/number", 5, 45),
        ("/2/action", 6, 14),
    ]
    assert caught.value.reason.endswith("; and 2 more")
    assert str(caught.value.faults[3]) == "5:45: [1].endpoint[0].number: a phone number of 7 to 15 digits"


def test_broken_json_is_located_in_characters() -> None:
    with pytest.raises(NccoError) as caught:
        parse('[\n  {"action": "tälk" "text": "x"}\n]')
    (only,) = caught.value.faults
    assert (only.line, only.column) == (2, 21)


def test_a_bare_action_has_pointers_without_index() -> None:
    assert faults({"action": "talk"}) == [("/text", "required")]


def test_many_faults_are_bounded() -> None:
    with pytest.raises(NccoError) as caught:
        parse(json.dumps([{"action": "talk"}] * 500))
    assert len(caught.value.faults) == 100
    assert len(caught.value.reason) < 500


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**5000, "\ud800", object(), {1: 2}, {"\ud800": 1}])
def test_json_that_cannot_be_written_again_is_refused(value: object) -> None:
    assert faults([{"action": "notify", "payload": value}])[0][0].startswith("/0/payload")


def test_deep_nesting_is_refused_in_what_was_parsed_elsewhere() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = [deep]
    assert len(faults([{"action": "notify", "payload": deep}])) == 1


def test_values_never_show_in_the_reason() -> None:
    with pytest.raises(NccoError) as caught:
        from_json([{"action": "connect", "endpoint": [{"type": "phone", "number": "secret-number"}]}])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"type": "phone"}, "/number"),
        ({"type": "fax"}, "/type"),
        ([{"type": "websocket", "uri": "x"}], "/0/uri"),
        (5, ""),
        ({"type": "sip"}, ""),
        ({"type": "app", "user": "\ud800"}, "/user"),
    ],
)
def test_a_single_endpoint_is_read_with_the_same_care(value: object, pointer: str) -> None:
    assert endpoint_from_json(PHONE).address == "447700900001"
    with pytest.raises(NccoError) as caught:
        endpoint_from_json(value)
    assert caught.value.pointer == pointer


# ── hints ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("element", "pointer", "hint"),
    [
        ({"acton": "talk"}, "/0/action", "acton is unknown"),
        ({"action": "hangup"}, "/0/action", "leave it out: a call ends after its last action"),
        ({"action": "say"}, "/0/action", "did you mean talk?"),
        ({"action": "conect"}, "/0/action", "did you mean connect?"),
        ({"action": "talk", "txt": "x"}, "/0/text", "txt is unknown"),
        ({"action": "stream", "streamURI": ["https://a"]}, "/0/streamUrl", "streamURI is unknown"),
        ({"action": "talk", "text": "x", "premium": "yes"}, "/0/premium", "did you mean true?"),
        ({"action": "record", "format": "mp4"}, "/0/format", "did you mean mp3?"),
        ({"action": "record", "eventMethod": "PUT"}, "/0/eventMethod", ""),
        ({"action": "connect", "endpoint": [{"type": "phones"}]}, "/0/endpoint/0/type", "did you mean phone?"),
        ({"action": "connect", "endpoint": [{"typ": "phone"}]}, "/0/endpoint/0/type", "typ is unknown"),
        ({"action": "connect", "endpoint": [{**PHONE, "onAnswer": {"uri": "https://a"}}]},
         "/0/endpoint/0/onAnswer/url", ""),
    ],
)  # fmt: skip
def test_a_hint_says_what_may_have_been_meant(element: dict[str, Any], pointer: str, hint: str) -> None:
    with pytest.raises(NccoError) as caught:
        parse(json.dumps([element]))
    assert [(fault.pointer, fault.hint) for fault in caught.value.faults] == [(pointer, hint)]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("[{'action': 'talk'}]", "strings stand in double quotes"),
        ('[{action: "talk"}]', "names of options stand in double quotes"),
        ('[{"action": "talk",}]', "no comma after the last one"),
        ('[{"action": "talk", "text": "a\nb"}]', r"a line break inside a string is written \n"),
        ('[{"action": "talk", "text": "\\ud83d"}]', "half of a character that needs two escapes"),
        ('// mine\n[{"action": "talk"}]', "JSON has no comments"),
        ('[{"action": "talk", "bargeIn": True}]', "write true, false and null"),
        ('[{"action": "wait", "timeout": NaN}]', "no such number in JSON"),
        ("<!doctype html>", "this is a web page or XML"),
        ("[] []", "something stands behind the end"),
        ('[{"action": "wait"', "the end is missing"),
        ("OK", ""),
    ],
)
def test_broken_json_gets_the_usual_reason(body: str, hint: str) -> None:
    with pytest.raises(NccoError) as caught:
        parse(body)
    (only,) = caught.value.faults
    assert only.hint == hint
    assert only.line is not None


def test_a_key_that_comes_twice_is_told_beside_the_fault_it_may_have_caused() -> None:
    with pytest.raises(NccoError) as caught:
        parse('[{"action": "talk", "text": "Hi",\n "text": 5}]')
    assert [(str(fault), fault.severity.value) for fault in caught.value.faults] == [
        ("2:2: [0].text: said more than once (the last one counts)", "warning"),
        ("2:10: [0].text: a string", "error"),
    ]
    assert caught.value.reason == "Syntax error in NCCO. Invalid value type or action. [0].text: a string"
    assert caught.value.pointer == "/0/text"


# ── size ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reason_is_bounded_whatever_the_names_in_a_script_are() -> None:
    deep: Any = {}
    for _ in range(70):
        deep = {"k" * 1000: deep}
    with pytest.raises(NccoError) as caught:
        parse(json.dumps([{"action": "notify", "payload": deep}]))
    assert caught.value.reason.startswith("Syntax error in NCCO. Invalid value type or action. [0].payload.k")
    assert len(caught.value.reason) == 500


LONG = "k" * 50_000


@pytest.mark.parametrize(
    "script",
    [
        [{}] * 100_000,
        [{"action": "wait"}] * 50_000,
        [{"action": "notify", "payload": {LONG: [1] * 400_000}}, {"action": "x"}],
        [{"action": "notify", "payload": {LONG: [[]] * 200_000}}, {"action": "x"}],
        [{"action": "conversation", "name": "x", "canHear": [1] * 300_000}],
        [{"action": "pay", "amount": 1, "prompts": [{}] * 200_000}],
        [{"action": "connect", "endpoint": [{}] * 200_000}],
        [{"action": "tolk", **{f"option{index}": 1 for index in range(50_000)}}],
        [{"action": "connect", "endpoint": [{**PHONE, "dtmfAnswer": "1" * 1_000_000}]}],
        [{"action": "talk", "text": '"\\' * 250_000}],
    ],
    ids=lambda script: json.dumps(script[0])[:24],
)
def test_a_giant_document_is_refused_with_work_that_grows_with_its_size(script: list[Any]) -> None:
    text = json.dumps(script, separators=(",", ":"))
    assert len(text) < 1_048_576
    began = time.process_time()
    with pytest.raises(NccoError) as caught:
        parse(text)
    # Half a second at most, usually; copying the long key for each value under it would take minutes, and gigabytes.
    assert time.process_time() - began < 5
    assert len(caught.value.faults) <= 200


@pytest.mark.parametrize("size", [1_048_576, 1_048_577])
def test_the_limit_is_one_mebibyte_of_bytes(size: int) -> None:
    text = '[{"action":"wait"}]'
    body = text + " " * (size - len(text))
    assert parse(text + " " * 100).actions
    if size <= 1_048_576:
        assert parse(body).actions
        assert parse(body.encode()).actions
    else:
        with pytest.raises(NccoError, match="at most 1048576 bytes"):
            parse(body)
    with pytest.raises(NccoError, match="at most 1048576 bytes"):
        parse('[{"action":"talk","text":"' + "ü" * 600_000 + '"}]')


def test_numbers_out_of_range_are_noted_for_the_log() -> None:
    ncco = parse(
        '[{"action":"wait","timeout":99999},{"action":"input","dtmf":{"maxDigits":22,"timeOut":10}},'
        '{"action":"talk","text":"x","level":"-7","loop":2}]'
    )
    assert ncco.notes == (
        "timeout is out of range, 7200 is used",
        "max_digits is out of range, 20 is used",
        "level is out of range, -1 is used",
    )
    assert ncco == from_json(ncco.to_json())
