"""How official libraries tell webhooks apart, done to everything we send: each lands where it belongs.

The rules are those of the libraries' own event factories, in their order; see also `test_payloads.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ringline.webhooks import LegInfo, SpeechResult, payloads

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_000, UTC)
CON = "CON-8d0f7c1b-30f5-4a1b-8d0e-5b4a3f0c9001"
LEG = LegInfo(
    uuid="2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001",
    conversation_uuid=CON,
    from_="447700900000",
    to="442079460000",
    direction="outbound",
)
OTHER_STATUSES = (
    "started",
    "ringing",
    "busy",
    "cancelled",
    "unanswered",
    "rejected",
    "failed",
    "timeout",
    "disconnected",
)
ANSWER: dict[str, Any] = {
    "uuid": LEG.uuid,
    "conversation_uuid": CON,
    "to": LEG.to,
    "from_": LEG.from_,
    "endpoint_type": "phone",
    "region_url": "https://ringline.example.net",
}

SENT: list[tuple[str, Mapping[str, Any]]] = [
    *(("status", payloads.status(LEG, status=status, timestamp=NOW)) for status in OTHER_STATUSES),
    ("status", payloads.answered(LEG, timestamp=NOW)),
    ("status", payloads.human_or_machine(LEG, status="machine", sub_state="beep_start", timestamp=NOW)),
    (
        "status",
        payloads.completed(
            LEG,
            start_time=NOW,
            end_time=NOW,
            duration_s=0,
            rate="0.00",
            price="0",
            disconnected_by="user",
            sip_code=200,
            timestamp=NOW,
        ),
    ),
    ("answer", payloads.answer(**ANSWER, minimal=True)),
    (
        "transfer",
        payloads.transfer(uuid=LEG.uuid, conversation_uuid_from=CON, conversation_uuid_to=CON, timestamp=NOW),
    ),
    (
        "record",
        payloads.record(
            recording_uuid="r",
            recording_url="https://files.example/v1/files/r",
            size=1,
            start_time=NOW,
            end_time=NOW,
            conversation_uuid=CON,
            timestamp=NOW,
        ),
    ),
    ("error", payloads.error(reason="Text-to-speech failed.", conversation_uuid=CON, timestamp=NOW)),
    ("notify", payloads.notify(payload={"status": "mine", "reason": "mine"}, conversation_uuid=CON, timestamp=NOW)),
    ("input", payloads.input(LEG, digits="1", timed_out=False, speech=SpeechResult(), timestamp=NOW)),
    ("input", payloads.input(LEG, digits=None, timed_out=False, speech={"error": "ERR1: x"}, timestamp=NOW)),
]


def by_php(webhook: Mapping[str, Any]) -> str:
    """The PHP factory; its answer class takes four keys and no more."""
    if "status" in webhook:
        return "status"
    if set(webhook) == {"to", "from", "uuid", "conversation_uuid"}:
        return "answer"
    if webhook.get("type") == "transfer":
        return "transfer"
    for name, key in (("record", "recording_url"), ("error", "reason"), ("notify", "payload")):
        if key in webhook:
            return name
    return "input" if {"speech", "dtmf"} & set(webhook) else ""


def by_dotnet(webhook: Mapping[str, Any]) -> str:
    """The .NET event base; answers have a class of their own."""
    keys = [("status", "status"), ("conversation_uuid_from", "transfer"), ("speech", "input"), ("dtmf", "input")]
    keys += [("recording_url", "record"), ("reason", "error")]
    return next((name for key, name in keys if key in webhook), "notify" if "payload" in webhook else "answer")


@pytest.mark.parametrize("factory", [by_php, by_dotnet])
@pytest.mark.parametrize(("kind", "webhook"), SENT)
def test_every_webhook_lands_in_its_class(factory: Any, kind: str, webhook: Mapping[str, Any]) -> None:
    assert factory(webhook) == kind


@pytest.mark.parametrize("webhook", [webhook for kind, webhook in SENT if kind == "status"])
def test_what_libraries_read_without_asking_is_in_every_status_event(webhook: Mapping[str, Any]) -> None:
    for name in ("to", "from", "status", "direction", "timestamp", "conversation_uuid", "uuid"):
        assert isinstance(webhook[name], str)
    assert isinstance(webhook["headers"], dict)


@pytest.mark.parametrize("webhook", [webhook for _, webhook in SENT])
def test_times_are_valid_or_null_and_money_is_text(webhook: Mapping[str, Any]) -> None:
    for name in ("timestamp", "start_time", "end_time"):
        if webhook.get(name) is not None:
            assert datetime.fromisoformat(webhook[name]).tzinfo == UTC
            assert webhook[name].endswith("Z")
    for name in ("duration", "rate", "price"):
        assert isinstance(webhook.get(name, ""), str | None)
    assert isinstance(webhook.get("sip_code", 0), int)


def test_the_four_libraries_find_a_recording_by_its_address_and_not_by_its_id() -> None:
    webhook = next(webhook for kind, webhook in SENT if kind == "record")
    assert not {"uuid", "status", "reason"} & set(webhook)
    assert isinstance(webhook["size"], int)
