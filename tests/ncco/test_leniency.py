"""Everything that must be read without complaint (NCCO reference, leniency table), row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringline.ncco import (
    Connect,
    Conversation,
    Input,
    Ncco,
    Notify,
    Pay,
    Phone,
    Record,
    Sip,
    Stream,
    Talk,
    Transfer,
    Wait,
    WebSocket,
    from_json,
    parse,
)

LEG = "2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001"
URL = "https://app.example.org/x"


def one(action: str, **options: Any) -> Any:
    (out,) = from_json([{"action": action, **options}]).actions
    return out


def talk(**options: Any) -> Talk:
    out = one("talk", text="Hello", **options)
    assert isinstance(out, Talk)
    return out


def read_input(**options: Any) -> Input:
    out = one("input", **options)
    assert isinstance(out, Input)
    return out


def record(**options: Any) -> Record:
    out = one("record", **options)
    assert isinstance(out, Record)
    return out


def connect(**options: Any) -> Connect:
    out = one("connect", **{"endpoint": [{"type": "phone", "number": "447700900001"}], **options})
    assert isinstance(out, Connect)
    return out


def endpoint(**options: Any) -> Any:
    return connect(endpoint=[options]).endpoint


def conversation(**options: Any) -> Conversation:
    out = one("conversation", name="room", **options)
    assert isinstance(out, Conversation)
    return out


@pytest.mark.parametrize("yes", [True, "true", "True", "TRUE", " true ", "1", 1, 1.0])
def test_true_is_written_in_many_ways(yes: object) -> None:
    assert talk(premium=yes).premium is True


@pytest.mark.parametrize("no", [False, "false", "False", "0", 0, 0.0, None])
def test_false_is_written_in_many_ways(no: object) -> None:
    assert talk(premium=no).premium is False


@pytest.mark.parametrize("number", [45, "45", " 45 ", 45.0, "45.0", "4.5e1", "+45"])
def test_numbers_may_be_strings_and_integers_may_have_a_point(number: object) -> None:
    timeout = connect(timeout=number).timeout
    assert timeout == 45
    assert isinstance(timeout, int)


@pytest.mark.parametrize(
    ("level", "read"), [("-0.4", -0.4), (0.4, 0.4), ("1", 1), (3, 1), ("-7", -1), (0.44, 0.4), (".5", 0.5)]
)
def test_level_is_a_number_or_a_string_from_minus_one_to_one(level: object, read: float) -> None:
    assert talk(level=level).level == read


@pytest.mark.parametrize("url", [[URL], URL, [URL, "https://other.example"], f" {URL} "])
def test_urls_come_bare_or_in_an_array_and_the_first_counts(url: object) -> None:
    assert read_input(eventUrl=url).event_url == URL
    assert record(eventUrl=url).event_url == URL
    assert conversation(musicOnHoldUrl=url).music_on_hold_url == URL
    assert connect(ringbackTone=url).ringback_tone == URL
    stream = one("stream", streamUrl=url)
    assert isinstance(stream, Stream)
    assert stream.stream_url == URL


@pytest.mark.parametrize("nothing", [[], "", " ", [""], [None], None])
def test_an_empty_url_is_no_url(nothing: object) -> None:
    assert read_input(eventUrl=nothing).event_url is None
    assert connect(ringbackTone=nothing, eventUrl=nothing).ringback_tone is None


@pytest.mark.parametrize("uuid", [[LEG], LEG, LEG.upper(), LEG.replace("-", "")])
def test_the_leg_of_speech_comes_bare_or_in_an_array(uuid: object) -> None:
    speech = read_input(type=["speech"], speech={"uuid": uuid}).speech
    assert speech is not None
    assert speech.uuid == LEG


def test_an_endpoint_comes_in_an_array_of_one_or_bare() -> None:
    phone = {"type": "phone", "number": "447700900001"}
    assert connect(endpoint=[phone]) == connect(endpoint=phone)
    assert connect(endpoint=phone).endpoint == Phone(number="447700900001")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["dtmf"], ("dtmf",)),
        ("dtmf", ("dtmf",)),
        ("SPEECH", ("speech",)),
        (["speech", "dtmf"], ("speech", "dtmf")),
        (["dtmf", "dtmf"], ("dtmf",)),
    ],
)
def test_the_type_of_input_is_an_array_or_a_string(given: object, read: tuple[str, ...]) -> None:
    action = read_input(type=given)
    assert action.type == read
    assert (action.speech is not None) == ("speech" in read)


@pytest.mark.parametrize("option", ["canSpeak", "canHear", "can_speak", "can_hear"])
@pytest.mark.parametrize(("given", "read"), [(None, None), ([], ()), (LEG, (LEG,)), ([LEG.upper(), "x"], (LEG, "x"))])
def test_an_empty_list_of_legs_differs_from_none(option: str, given: object, read: object) -> None:
    action = conversation(**{option: given})
    assert (action.can_speak if "peak" in option else action.can_hear) == read
    assert conversation().can_speak is None


@pytest.mark.parametrize("given", ["sales", ["sales"]])
def test_speech_context_is_an_array_or_a_string(given: object) -> None:
    speech = read_input(speech={"context": given}).speech
    assert speech is not None
    assert speech.context == ("sales",)


@pytest.mark.parametrize("option", ["eventMethod", "event_method", "eventUrlMethod"])
@pytest.mark.parametrize("method", ["GET", "get", " Get "])
def test_methods_come_in_any_case_and_under_an_old_name(option: str, method: str) -> None:
    assert record(**{option: method}).event_method == "GET"
    assert read_input(**{option: method}).event_method == "GET"
    assert record().event_method == "POST"


@pytest.mark.parametrize("option", ["timeOut", "timeout", "time_out"])
def test_timeout_has_several_spellings(option: str) -> None:
    assert record(**{option: 9}).timeout == 9
    assert connect(**{option: 9}).timeout == 9
    assert read_input(type=["dtmf"], dtmf={option: 9}).dtmf.timeout_s == 9
    wait = one("wait", **{option: 9})
    assert isinstance(wait, Wait)
    assert wait.timeout == 9


@pytest.mark.parametrize("option", ["content-type", "contentType", "content_type"])
@pytest.mark.parametrize("value", ["audio/l16;rate=8000", "Audio/L16; Rate=8000"])
def test_the_websocket_content_type_has_several_spellings(option: str, value: str) -> None:
    socket = endpoint(type="websocket", uri="wss://example.com/socket", **{option: value})
    assert isinstance(socket, WebSocket)
    assert (socket.content_type, socket.rate_hz) == ("audio/l16;rate=8000", 8000)


@pytest.mark.parametrize("outer", ["advancedMachineDetection", "advanced_machine_detection"])
@pytest.mark.parametrize("inner", ["beep_timeout", "beepTimeout"])
@pytest.mark.parametrize(("given", "read"), [(60, 60), ("60", 60), (5, 30), (500, 120)])
def test_advanced_machine_detection_in_the_spellings_of_the_libraries(
    outer: str, inner: str, given: object, read: int
) -> None:
    detection = connect(**{outer: {"mode": "detect_beep", inner: given}}).advanced_machine_detection
    assert detection is not None
    assert (detection.behavior, detection.mode, detection.beep_timeout) == ("continue", "detect_beep", read)


def test_advanced_machine_detection_detects_without_beep_by_default() -> None:
    detection = connect(advancedMachineDetection={}).advanced_machine_detection
    assert detection is not None
    assert (detection.behavior, detection.mode, detection.beep_timeout) == ("continue", "detect", 45)


@pytest.mark.parametrize("option", ["machineDetection", "machine_detection"])
def test_machine_detection_in_snake_case(option: str) -> None:
    assert connect(**{option: "Hangup"}).machine_detection == "hangup"


@pytest.mark.parametrize("option", ["randomFromNumber", "random_from_number"])
def test_random_from_number_in_snake_case(option: str) -> None:
    assert connect(**{option: "true"}).random_from_number is True


@pytest.mark.parametrize("outer", ["standardHeaders", "standard_headers"])
@pytest.mark.parametrize("inner", ["User-to-User", "userToUser", "user_to_user"])
def test_standard_headers_in_the_spellings_of_the_libraries(outer: str, inner: str) -> None:
    sip = endpoint(type="sip", uri="sip:a@example.com", **{outer: {inner: "34;encoding=hex"}})
    assert isinstance(sip, Sip)
    assert sip.standard_headers.user_to_user == "34;encoding=hex"


@pytest.mark.parametrize("option", ["conversationId", "conversation_id"])
@pytest.mark.parametrize("given", [f"CON-{LEG}", LEG])
def test_the_target_of_a_transfer_in_snake_case_and_without_prefix(option: str, given: str) -> None:
    transfer = one("transfer", **{option: given})
    assert isinstance(transfer, Transfer)
    assert transfer.conversation_id == f"CON-{LEG}"


@pytest.mark.parametrize("option", ["ringbackTone", "ringback", "ringback_tone"])
@pytest.mark.parametrize("url", ["https://app.example.org/whisper", ["https://app.example.org/whisper"]])
def test_on_answer_with_its_older_name_of_the_ringback(option: str, url: object) -> None:
    phone = endpoint(type="phone", number="447700900001", onAnswer={"url": url, option: URL})
    assert isinstance(phone, Phone)
    assert phone.on_answer is not None
    assert (phone.on_answer.url, phone.on_answer.ringback_tone) == ("https://app.example.org/whisper", URL)


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ("synchronous", "synchronous"),
        ("asynchronous", "asynchronous"),
        ("Asynchronous", "asynchronous"),
        ("asyncronous", "asynchronous"),
        (None, "synchronous"),
    ],
)
def test_the_mode_of_input_even_misspelt(given: str | None, mode: str) -> None:
    assert read_input(type=["dtmf"], mode=given).mode == mode


def test_asynchronous_input_ignores_settings_and_speech() -> None:
    action = read_input(type=["dtmf", "speech"], mode="asynchronous", dtmf={"maxDigits": 9}, speech={})
    assert action == read_input(type=["dtmf"], mode="asynchronous")
    assert (action.type, action.speech, action.dtmf.max_digits) == (("dtmf",), None, 4)


def test_a_voice_name_is_kept_for_whoever_knows_voices() -> None:
    assert talk(voiceName="Amy").voice_name == "Amy"
    assert talk(voice_name="Nobody").voice_name == "Nobody"
    assert (talk().voice_name, talk().language, talk().style) == (None, None, None)


@pytest.mark.parametrize("given", ["+447700900000", "+44 7700-900000", "+44 (7700) 900.000", 447700900000])
def test_numbers_lose_their_decoration(given: object) -> None:
    assert connect(**{"from": given}).from_ == "447700900000"
    assert endpoint(type="phone", number=given).address == "447700900000"


@pytest.mark.parametrize("given", ["", " ", None, "+"])
def test_an_empty_caller_is_none(given: object) -> None:
    assert connect(**{"from": given}).from_ is None
    assert connect(**{"from": given}, randomFromNumber=True).random_from_number is True


def test_null_is_absent_for_every_optional_option() -> None:
    nulls: dict[str, dict[str, object]] = {
        "talk": dict.fromkeys(["bargeIn", "loop", "level", "language", "style", "premium", "voiceName", "provider"]),
        "record": dict.fromkeys(["format", "split", "channels", "endOnKey", "timeOut", "eventUrl", "transcription"]),
        "input": dict.fromkeys(["type", "dtmf", "speech", "mode", "eventUrl", "eventMethod"]),
        "connect": dict.fromkeys(["from", "eventType", "timeout", "limit", "machineDetection", "ringbackTone"]),
        "conversation": dict.fromkeys(["canSpeak", "canHear", "mute", "record", "musicOnHoldUrl", "transcription"]),
        "wait": dict.fromkeys(["timeout"]),
        "notify": dict.fromkeys(["eventUrl", "eventMethod"]),
    }
    needed: dict[str, dict[str, object]] = {
        "talk": {"text": "x"},
        "connect": {"endpoint": [{"type": "app", "user": "jamie"}]},
        "conversation": {"name": "room"},
        "notify": {"payload": {}},
    }
    for action, options in nulls.items():
        required = needed.get(action, {})
        assert one(action, **required, **options) == one(action, **required)


def test_a_bare_action_is_an_array_of_one() -> None:
    assert parse('{"action": "wait"}') == parse('[{"action": "wait"}]')


@pytest.mark.parametrize("around", ["{}", "\ufeff{}", " \r\n\t{}\n ", "\ufeff  {}  "])
def test_a_byte_order_mark_and_outer_spaces_are_skipped(around: str) -> None:
    text = around.format('[{"action":"wait"}]')
    assert parse(text) == parse(text.encode()) == Ncco((Wait(),))


@pytest.mark.parametrize("name", ["talk", "Talk", " TALK "])
def test_the_name_of_an_action_comes_in_any_case(name: str) -> None:
    (action,) = from_json([{"action": name, "text": "x"}]).actions
    assert action == Talk(text="x")


def test_unknown_options_are_ignored() -> None:
    assert talk(colour="red", bargein=True) == Talk(text="Hello")


def test_the_proper_name_wins_over_another() -> None:
    for options in ({"eventUrl": URL, "event_url": "https://no"}, {"event_url": "https://no", "eventUrl": URL}):
        assert read_input(**options).event_url == URL
    assert read_input(eventUrl=None, event_url=URL).event_url == URL


# ── input without `type` ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_input_has_its_settings_at_the_top() -> None:
    action = read_input(submitOnHash="true", timeOut="7", maxDigits=2)
    assert action.type == ("dtmf",)
    assert (action.dtmf.timeout_s, action.dtmf.max_digits, action.dtmf.submit_on_hash) == (7, 2, True)
    assert action.oldest_form is True


def test_types_are_inferred_from_what_is_there() -> None:
    assert read_input(speech={}).type == ("speech",)
    assert read_input(dtmf={}).type == ("dtmf",)
    assert read_input(speech={}, dtmf={}).type == ("dtmf", "speech")
    assert read_input().type == ("dtmf",)
    assert not read_input(dtmf={}).oldest_form
    assert not read_input(type=["dtmf"], submitOnHash=True).oldest_form


def test_settings_at_the_top_count_only_without_an_object_of_their_own() -> None:
    assert read_input(type=["dtmf"], maxDigits=1).dtmf.max_digits == 1
    assert read_input(type=["dtmf"], maxDigits=1, dtmf={}).dtmf.max_digits == 4


def test_nobody_can_pretend_the_oldest_form() -> None:
    assert not read_input(type=["dtmf"], oldestForm=True, oldest_form=True).oldest_form


# ── ranges ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("given", "read"), [(0, 0.1), (0.1, 0.1), ("0.5", 0.5), (-3, 0.1), (99999, 7200), (None, 10)])
def test_wait_is_clamped(given: object, read: float) -> None:
    wait = one("wait", timeout=given)
    assert isinstance(wait, Wait)
    assert wait.timeout == read


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        ("endOnSilence", 1, 3),
        ("endOnSilence", "99", 10),
        ("timeOut", 1, 3),
        ("timeOut", 10**30, 7200),
        ("channels", 0, 1),
        ("channels", 33, 32),
    ],
)
def test_record_is_clamped(option: str, given: object, read: int) -> None:
    action = record(**{option: given})
    names = {"endOnSilence": action.end_on_silence, "timeOut": action.timeout, "channels": action.channels}
    assert names[option] == read


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [("timeOut", 0, 1), ("timeOut", 11, 10), ("maxDigits", 0, 1), ("maxDigits", 22, 20), ("maxDigits", "3", 3)],
)
def test_dtmf_is_clamped(option: str, given: object, read: int) -> None:
    settings = read_input(type=["dtmf"], dtmf={option: given}).dtmf
    assert (settings.timeout_s if option == "timeOut" else settings.max_digits) == read


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        ("end_on_silence_s", 0.1, 0.4),
        ("end_on_silence_s", 11, 10),
        ("start_timeout_s", 0, 1),
        ("start_timeout_s", 100, 60),
        ("max_duration_s", 0.2, 1),
        ("max_duration_s", 61, 60),
        ("sensitivity", 0, 10),
        ("sensitivity", 101, 100),
    ],
)
def test_speech_is_clamped(option: str, given: object, read: float) -> None:
    spelling = {
        "end_on_silence_s": "endOnSilence",
        "start_timeout_s": "startTimeout",
        "max_duration_s": "maxDuration",
        "sensitivity": "sensitivity",
    }
    speech = read_input(speech={spelling[option]: given}).speech
    assert speech is not None
    assert getattr(speech, option) == read


def test_connect_is_clamped_and_a_limit_of_zero_is_the_default() -> None:
    action = connect(timeout=0, limit=0)
    assert (action.timeout, action.limit) == (1, 7200)
    assert connect(limit=-1).limit == 1
    assert connect(limit=99999, timeout=99999).limit == 7200


def test_defaults_are_the_documented_ones() -> None:
    action = connect()
    assert (action.timeout, action.limit, action.event_type, action.event_method) == (60, 7200, None, "POST")
    prompt = talk()
    assert (prompt.loop, prompt.level, prompt.barge_in, prompt.premium) == (1, 0, False, False)
    keys = read_input().dtmf
    assert (keys.timeout_s, keys.max_digits, keys.submit_on_hash) == (3, 4, False)
    speech = read_input(speech={}).speech
    assert speech is not None
    assert (speech.end_on_silence_s, speech.start_timeout_s, speech.max_duration_s) == (2, 10, 60)
    assert (speech.sensitivity, speech.save_audio, speech.language) == (90, False, None)
    room = conversation()
    assert (room.start_on_enter, room.end_on_exit, room.record, room.mute) == (True, False, False, False)


# ── options that depend on each other ──────────────────────────────────────────────────────────────────────────────


def test_a_list_of_listeners_wins_over_mute() -> None:
    assert conversation(mute=True, canSpeak=[LEG]).mute is False
    assert conversation(mute=True, canSpeak=[]).mute is True
    assert conversation(mute=True).mute is True
    transfer = one("transfer", conversationId="CON-1", mute=True, canSpeak=LEG)
    assert isinstance(transfer, Transfer)
    assert transfer.mute is False


def test_a_transcription_needs_a_recording() -> None:
    assert conversation(transcription={}).transcription is None
    assert conversation(record=True, transcription={}).transcription is not None
    wanted = record(transcription={"language": "en-GB", "sentiment_analysis": "true"}).transcription
    assert wanted is not None
    assert (wanted.language, wanted.sentiment_analysis) == ("en-GB", True)


@pytest.mark.parametrize(
    ("options", "split", "container"),
    [
        ({}, None, "mp3"),
        ({"channels": 2}, "conversation", "mp3"),
        ({"channels": 3}, "conversation", "wav"),
        ({"channels": "3", "format": "MP3"}, "conversation", "wav"),
        ({"channels": 3, "format": "ogg"}, "conversation", "ogg"),
        ({"split": "Conversation"}, "conversation", "mp3"),
    ],
)
def test_channels_ask_for_split_and_decide_the_format(options: dict[str, Any], split: str, container: str) -> None:
    action = record(**options)
    assert (action.split, action.format) == (split, container)


def test_record_waits_only_with_a_condition() -> None:
    assert not record(beepStart=True).has_end
    assert record(timeOut=5).has_end
    assert record(endOnKey="#").has_end
    assert record(endOnKey=1).end_on_key == "1"
    assert record(endOnSilence=3).has_end


# ── endpoints ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_after_answer_are_only_keys_and_pauses() -> None:
    assert endpoint(type="phone", number="447700900001", dtmfAnswer="1P2w,#a*").dtmf_answer == "1p2#*"
    assert endpoint(type="phone", number="447700900001").dtmf_answer == ""


@pytest.mark.parametrize("kind", ["phone", "Phone", " PHONE "])
def test_the_kind_of_an_endpoint_comes_in_any_case(kind: str) -> None:
    assert endpoint(type=kind, number="447700900001") == Phone(number="447700900001")


def test_sip_headers_are_sent_with_their_prefix_and_nothing_else() -> None:
    sip = endpoint(
        type="sip",
        uri="sip:agent7@pbx.example.com:5062;transport=tls;media=srtp",
        headers={
            "Location": "Lab 4",
            "X-Ticket": 8812,
            "nested": {"a": [1]},
            "Evil": "a\r\nVia: b",
            "bad name": "x",
            "Nexmo-Id": "x",
            "X-Vonage-Id": "x",
            "x-ringline-call-id": "x",
        },
        standardHeaders={"User-to-User": "4d79;encoding=hex"},
    )
    assert isinstance(sip, Sip)
    assert sip.headers["Evil"] == "a\r\nVia: b"  # kept as given: routing decides what goes into the INVITE
    assert sip.standard_headers.user_to_user == "4d79;encoding=hex"


def test_a_sip_user_at_a_trunk_stands_for_an_address() -> None:
    sip = endpoint(type="sip", user="alice", domain="office", standard_headers={})
    assert isinstance(sip, Sip)
    assert (sip.uri, sip.address) == (None, "sip:alice@office")


def test_websocket_headers_keep_their_json() -> None:
    headers = {"customer": "C-77", "nested": {"null": None, "list": [1, 2.5, True]}}
    socket = endpoint(type="websocket", uri="wss://bot.example.com/socket?x=1", headers=headers)
    assert isinstance(socket, WebSocket)
    assert (socket.headers, socket.rate_hz) == (headers, 16000)


@pytest.mark.parametrize("kind", ["vonage", "Vonage", "ringline"])
def test_websocket_authorization_by_our_own_token(kind: str) -> None:
    socket = endpoint(type="websocket", uri="ws://localhost:8080", authorization={"type": kind, "value": "x"})
    assert socket.authorization.type == "vonage"


def test_a_custom_authorization_is_not_shown() -> None:
    socket = endpoint(
        type="websocket", uri="ws://localhost", authorization={"type": "custom", "value": "Bearer s3cr3t"}
    )
    assert socket.authorization.value == "Bearer s3cr3t"
    assert "s3cr3t" not in repr(socket)


@pytest.mark.parametrize("extension", ["4521", 4521])
def test_an_extension_is_a_string_or_a_number(extension: object) -> None:
    assert endpoint(type="vbc", extension=extension).address == "4521"


def test_an_app_user_is_called_by_name() -> None:
    assert endpoint(type="app", user="jamie").address == "jamie"


# ── the rest ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("payload", [{}, {"foo": None}, [], "text", 0, None, [{"a": [None]}]])
def test_notify_takes_any_json(payload: object) -> None:
    action = one("notify", payload=payload, eventUrl=[URL])
    assert isinstance(action, Notify)
    assert (action.payload, action.event_url) == (payload, URL)


def test_notify_without_url_uses_the_event_url() -> None:
    assert one("notify", payload={}).event_url is None


@pytest.mark.parametrize("amount", [9.99, "9.99", "1e1", 10])
def test_an_amount_is_a_number_or_a_string(amount: object) -> None:
    action = one(
        "pay",
        amount=amount,
        currency="EUR",
        prompts={
            "type": "cardnumber",
            "text": "Card number, please.",
            "errors": {"Timeout": {"text": "Once more."}, "Nonsense": {"text": "x"}},
        },
    )
    assert isinstance(action, Pay)
    assert 9 < action.amount <= 10
    assert action.currency == "eur"
    assert [(prompt.type, list(prompt.errors)) for prompt in action.prompts] == [("CardNumber", ["Timeout"])]


def test_ssml_tags_do_not_count_towards_the_length() -> None:
    spoken = "a" * 1500
    text = f"<speak><prosody rate='slow'>{spoken}</prosody> <break time='1s'/></speak>"
    assert one("talk", text=text).text == text
    entities = "<speak>" + "&amp;" * 1500 + "</speak>"
    assert one("talk", text=entities).text == entities


def test_numbers_and_switches_in_quotes_are_read_as_the_php_library_sends_them() -> None:
    ncco = parse(
        json.dumps(
            [
                {"action": "talk", "text": "Hi", "bargeIn": "false", "level": "0", "loop": "1", "premium": "false"},
                {"action": "record", "beepStart": "true", "timeOut": "30", "endOnSilence": "3", "channels": "2"},
                {"action": "connect", "timeout": "45", "limit": "120", "endpoint": [{"type": "app", "user": "u"}]},
            ]
        )
    )
    assert [action.action for action in ncco.actions] == ["talk", "record", "connect"]


def test_the_published_barge_in_example_is_valid() -> None:
    ncco = parse(
        '[{"action":"stream","streamUrl":["https://example.com/a.mp3"],"bargeIn":"true"},'
        '{"action":"input","submitOnHash":"true","eventUrl":["https://example.com/ivr"]}]'
    )
    prompt, keys = ncco.actions
    assert isinstance(prompt, Stream)
    assert prompt.barge_in
    assert isinstance(keys, Input)
    assert (keys.type, keys.dtmf.submit_on_hash, keys.event_url) == (("dtmf",), True, "https://example.com/ivr")
