"""What each webhook says, compared with the documented samples, key by key and in their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ringline.webhooks import LegInfo, SpeechResult, payloads, sip_fields

UUID = "2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001"
CON = "CON-8d0f7c1b-30f5-4a1b-8d0e-5b4a3f0c9001"
CON2 = "CON-8d0f7c1b-30f5-4a1b-8d0e-5b4a3f0c9002"
NOW = datetime(2026, 3, 2, 9, 15, 30, 120_999, UTC)
LEG = LegInfo(uuid=UUID, conversation_uuid=CON, from_="447700900000", to="442079460000", direction="outbound")
COMMON = {"headers": {}, "from": "447700900000", "to": "442079460000", "uuid": UUID, "conversation_uuid": CON}


def same(made: dict[str, Any], expected: dict[str, Any]) -> None:
    assert made == expected
    assert list(made) == list(expected)


def answer(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "uuid": UUID,
        "conversation_uuid": CON,
        "to": "442079460000",
        "from_": "447700900000",
        "endpoint_type": "sip",
        "region_url": "https://api-eu-1.example.org",
    }
    return payloads.answer(**{**fields, **changes})


def test_the_answer_request_has_exactly_its_fields() -> None:
    same(
        answer(sip_headers={"SipHeader_X-UserId": "1938ND9"}),
        {
            "to": "442079460000",
            "from": "447700900000",
            "endpoint_type": "sip",
            "uuid": UUID,
            "conversation_uuid": CON,
            "region_url": "https://api-eu-1.example.org",
            "SipHeader_X-UserId": "1938ND9",
        },
    )


def test_an_app_user_stands_instead_of_a_caller() -> None:
    made = answer(from_user="JaneDoe", from_="", custom_data={"to": "support", "device_name": "Alice app"})
    assert "from" not in made
    assert (made["from_user"], made["to"], made["custom_data"]) == ("JaneDoe", "support", {"device_name": "Alice app"})
    assert "custom_data" not in answer(from_user="JaneDoe", custom_data={"to": "support"})


def test_the_minimal_answer_request_has_the_four_oldest_fields_and_the_headers() -> None:
    made = answer(minimal=True, sip_headers={"SipHeader_X-A": "b"})
    assert list(made) == ["to", "from", "uuid", "conversation_uuid", "SipHeader_X-A"]


@pytest.mark.parametrize("status", ["started", "ringing", "cancelled", "timeout", "disconnected"])
def test_a_status_event_has_the_common_fields(status: str) -> None:
    same(
        payloads.status(LEG, status=status, timestamp=NOW),
        {**COMMON, "status": status, "direction": "outbound", "timestamp": "2026-03-02T09:15:30.120Z"},
    )


def test_a_failure_says_why() -> None:
    same(
        payloads.status(LEG, status="failed", detail="cannot_route", sip_code=404, timestamp=NOW),
        {
            **COMMON,
            "status": "failed",
            "detail": "cannot_route",
            "sip_code": 404,
            "direction": "outbound",
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )
    assert payloads.status(LEG, status="busy", sip_code=486, timestamp=NOW)["sip_code"] == 486


def test_a_websocket_leg_shows_its_headers() -> None:
    leg = LegInfo(
        uuid=UUID, conversation_uuid=CON, from_="1", to="wss://a", direction="outbound", headers={"caller-id": "x"}
    )
    assert payloads.status(leg, status="disconnected", timestamp=NOW)["headers"] == {"caller-id": "x"}
    assert payloads.answered(leg, timestamp=NOW)["headers"] == {"caller-id": "x"}


def test_answered_has_three_nulls() -> None:
    same(
        payloads.answered(LEG, timestamp=NOW),
        {
            "start_time": None,
            "headers": {},
            "rate": None,
            "from": "447700900000",
            "to": "442079460000",
            "uuid": UUID,
            "conversation_uuid": CON,
            "status": "answered",
            "direction": "outbound",
            "network": None,
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )


def test_human_and_machine_name_the_leg_twice() -> None:
    same(
        payloads.human_or_machine(LEG, status="machine", sub_state="beep_start", timestamp=NOW),
        {
            "call_uuid": UUID,
            "uuid": UUID,
            "headers": {},
            "from": "447700900000",
            "to": "442079460000",
            "status": "machine",
            "sub_state": "beep_start",
            "conversation_uuid": CON,
            "direction": "outbound",
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )
    assert "sub_state" not in payloads.human_or_machine(LEG, status="human", timestamp=NOW)


def test_completed_has_strings_for_money_and_whole_seconds() -> None:
    made = payloads.completed(
        LEG,
        start_time=NOW,
        end_time=NOW + timedelta(seconds=42),
        duration_s=42,
        rate="0.00720000",
        price="0.00504000",
        network="GB-FIXED",
        disconnected_by="user",
        sip_code=200,
        timestamp=NOW + timedelta(seconds=42, milliseconds=190),
    )
    same(
        made,
        {
            "headers": {},
            "end_time": "2026-03-02T09:16:12.000Z",
            "uuid": UUID,
            "network": "GB-FIXED",
            "duration": "42",
            "start_time": "2026-03-02T09:15:30.000Z",
            "rate": "0.00720000",
            "price": "0.00504000",
            "from": "447700900000",
            "to": "442079460000",
            "conversation_uuid": CON,
            "status": "completed",
            "direction": "outbound",
            "disconnected_by": "user",
            "sip_code": 200,
            "timestamp": "2026-03-02T09:16:12.310Z",
        },
    )


def test_completed_without_answer_and_without_sip() -> None:
    made = payloads.completed(
        LEG,
        start_time=None,
        end_time=NOW,
        duration_s=0,
        rate="0.00",
        price="0",
        disconnected_by="platform",
        timestamp=NOW,
    )
    assert (made["start_time"], made["duration"], made["network"]) == (None, "0", None)
    assert "sip_code" not in made


def test_record_has_times_without_decimals() -> None:
    same(
        payloads.record(
            recording_uuid="01175e1e-f778-4b2a-aa7e-18b6fb493e00",
            recording_url="https://files.example/v1/files/a",
            size=178830,
            start_time=NOW,
            end_time=NOW + timedelta(seconds=24),
            conversation_uuid=CON,
            timestamp=NOW,
        ),
        {
            "start_time": "2026-03-02T09:15:30Z",
            "recording_url": "https://files.example/v1/files/a",
            "size": 178830,
            "recording_uuid": "01175e1e-f778-4b2a-aa7e-18b6fb493e00",
            "end_time": "2026-03-02T09:15:54Z",
            "conversation_uuid": CON,
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )


def test_a_transcription_is_ready_or_failed_but_never_gives_a_reason() -> None:
    ready = payloads.transcription(
        recording_uuid="r", conversation_uuid=CON, transcription_url="https://files.example/t", timestamp=NOW
    )
    assert list(ready) == [
        "conversation_uuid",
        "type",
        "recording_uuid",
        "status",
        "transcription_url",
        "timestamp",
    ]
    assert (ready["type"], ready["status"]) == ("record", "transcribed")
    failed = payloads.transcription(recording_uuid="r", conversation_uuid=CON, detail="no model", timestamp=NOW)
    assert (failed["status"], failed["detail"]) == ("failed", "no model")
    assert not {"reason", "transcription_url"} & set(failed)


def test_input_has_both_objects() -> None:
    same(
        payloads.input(LEG, digits="1234", timed_out=False, speech=SpeechResult(), timestamp=NOW),
        {
            "speech": {"results": []},
            "dtmf": {"digits": "1234", "timed_out": False},
            "from": "447700900000",
            "to": "442079460000",
            "uuid": UUID,
            "conversation_uuid": CON,
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )
    assert payloads.input(LEG, digits="", timed_out=True, speech={}, timestamp=NOW)["speech"] == {"results": []}


def test_speech_has_its_confidence_as_a_string() -> None:
    heard = SpeechResult(
        results=[("sales", "0.9405097"), ("sails", "0.70543784")],
        timeout_reason="end_on_silence_timeout",
        recording_url="https://files.example/s",
    )
    made = payloads.input(LEG, digits=None, timed_out=False, speech=heard, timestamp=NOW)
    assert made["dtmf"] == {"digits": None, "timed_out": False}
    same(
        made["speech"],
        {
            "recording_url": "https://files.example/s",
            "timeout_reason": "end_on_silence_timeout",
            "results": [
                {"confidence": "0.9405097", "text": "sales"},
                {"confidence": "0.70543784", "text": "sails"},
            ],
        },
    )
    override = SpeechResult(error="Speech overridden by DTMF").to_json()
    same(override, {"error": "Speech overridden by DTMF", "results": []})


def test_the_flat_input_of_2019() -> None:
    made = payloads.legacy_input(LEG, digits="1234", timed_out=True, timestamp=NOW)
    assert (made["dtmf"], made["timed_out"]) == ("1234", True)
    assert "speech" not in made


def test_one_key_of_asynchronous_dtmf() -> None:
    made = payloads.input(LEG, digits="5", timed_out=False, speech={}, timestamp=NOW)
    assert (made["dtmf"], made["speech"]) == ({"digits": "5", "timed_out": False}, {"results": []})


def test_notify_puts_the_payload_in_an_envelope() -> None:
    same(
        payloads.notify(payload={"foo": "bar"}, conversation_uuid=CON, timestamp=NOW),
        {"payload": {"foo": "bar"}, "conversation_uuid": CON, "timestamp": "2026-03-02T09:15:30.120Z"},
    )


def test_transfer_names_both_conversations() -> None:
    same(
        payloads.transfer(uuid=UUID, conversation_uuid_from=CON, conversation_uuid_to=CON2, timestamp=NOW),
        {
            "conversation_uuid_from": CON,
            "type": "transfer",
            "uuid": UUID,
            "conversation_uuid_to": CON2,
            "timestamp": "2026-03-02T09:15:30.120Z",
        },
    )


def test_pay_has_type_and_status() -> None:
    made = payloads.pay(LEG, status="failure", timestamp=NOW)
    assert list(made) == ["from", "to", "type", "uuid", "conversation_uuid", "status", "timestamp"]
    assert (made["type"], made["status"]) == ("payment", "failure")


def test_an_error_has_neither_status_nor_uuid() -> None:
    same(
        payloads.error(reason="Conversation not found.", conversation_uuid=CON, timestamp=NOW),
        {"reason": "Conversation not found.", "conversation_uuid": CON, "timestamp": "2026-03-02T09:15:30.120Z"},
    )
    assert list(payloads.error(reason="x", timestamp=NOW)) == ["reason", "timestamp"]


def test_only_status_events_transcriptions_and_payments_have_a_status_and_only_errors_a_reason() -> None:
    others = [
        payloads.input(LEG, digits="1", timed_out=False, speech={}, timestamp=NOW),
        payloads.notify(payload={}, conversation_uuid=CON, timestamp=NOW),
        payloads.transfer(uuid=UUID, conversation_uuid_from=CON, conversation_uuid_to=CON2, timestamp=NOW),
    ]
    assert not any({"status", "reason", "recording_url"} & set(payload) for payload in others)


def test_times_are_written_in_utc() -> None:
    paris = NOW.astimezone(timezone(timedelta(hours=1)))
    assert payloads.answered(LEG, timestamp=paris)["timestamp"] == "2026-03-02T09:15:30.120Z"


# ── headers of an INVITE ───────────────────────────────────────────────────────────────────────────────────────────


def test_custom_headers_are_shown_with_their_own_spelling() -> None:
    assert sip_fields([("X-UserId", "1938ND9"), ("x-other", "y"), ("Subject", "no")]) == {
        "SipHeader_X-UserId": "1938ND9",
        "SipHeader_x-other": "y",
    }


@pytest.mark.parametrize("name", ["X-Nexmo-Foo", "x-nexmo", "X-VONAGE-Id", "X-Ringline-Call-Id"])
def test_the_platforms_own_headers_are_withheld(name: str) -> None:
    assert sip_fields([(name, "x")]) == {}


def test_repeated_headers_are_joined_under_their_first_spelling() -> None:
    assert sip_fields([("X-A", "1"), ("X-B", "2"), ("x-a", "3")]) == {"SipHeader_X-A": "1,3", "SipHeader_X-B": "2"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234567890abcdef;encoding=hex", True),
        ("x" * 256, True),
        ("x" * 257, False),
        ("", False),
        ("a\r\nb", False),
        ("ü", False),
    ],
)
def test_user_to_user_is_checked(value: str, shown: bool) -> None:
    expected = {"SipHeader_User-to-User": value} if shown else {}
    assert sip_fields([("User-to-User", value)]) == expected


def test_too_many_headers_are_dropped_from_the_end() -> None:
    kept = sip_fields([(f"X-{index}", "v" * 1000) for index in range(1000)])
    assert list(kept) == [f"SipHeader_X-{index}" for index in range(8)]
