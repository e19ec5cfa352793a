"""Callers who speak and machines that answer, over real SIP and RTP, with the voice and the recogniser of the house."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ringline.testing.audio import level_dbfs, tone

from .application import Application
from .ears import Ear
from .installation import Installation
from .scripts import LONG_TALK, talk
from .sipp import Sipp
from .sounds import channels
from .voices import spoken
from .wire import Peer

pytestmark = pytest.mark.interop


def listen(*context: str, **more: Any) -> dict[str, Any]:
    return {"action": "input", "type": ["speech"], "speech": {"context": list(context), "endOnSilence": 1, **more}}


def test_what_a_caller_says_cuts_the_prompt_and_reaches_the_application(
    ringline: Installation, app: Application, number: str
) -> None:
    hints = ("billing", "opening hours", "technical support", "Ringline")
    app.answers(number, [LONG_TALK | {"bargeIn": True}, listen(*hints, saveAudio=True), talk("Thank you.")])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.until(lambda pcm: level_dbfs(pcm) > -45)
        ear.hears(1)
        ear.says(spoken("opening hours"))
        ear.hears(0.5)
        ear.until(lambda pcm: level_dbfs(pcm) < -60, quarters=4)
        told = app.wait("/event", to=number, speech__timeout_reason="end_on_silence_timeout")
        assert [result["text"] for result in told["speech"]["results"]] == ["opening hours"]
        assert 0.35 < float(told["speech"]["results"][0]["confidence"]) <= 1
        assert told["dtmf"] == {"digits": None, "timed_out": False}
        peer.asked("BYE")
    saved = ringline.request("GET", "/v1/" + told["speech"]["recording_url"].partition("/v1/")[2])
    assert saved.status == 200
    (audio,), rate_hz = channels(saved.body)
    assert rate_hz == 16_000
    quiet, said = audio[: 2 * 16 * 350], audio[2 * 16 * 500 : 2 * 16 * 1300]
    assert level_dbfs(quiet) < -50
    assert level_dbfs(said) > -35


def test_what_is_none_of_the_hints_is_nothing_and_silence_is_told(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [listen("yes", "no"), listen("yes", "no", startTimeout=1)])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.3)
        ear.says(spoken("the weather was wonderful all through the summer"))
        told = app.wait("/event", to=number, speech__timeout_reason="end_on_silence_timeout")
        assert told["speech"] == {"timeout_reason": "end_on_silence_timeout", "results": []}
        told = app.wait("/event", to=number, speech__timeout_reason="start_timeout")
        assert told["speech"] == {"timeout_reason": "start_timeout", "results": []}
        peer.asked("BYE")


def call_out(ringline: Installation, port: int, *, answer: list[dict[str, Any]], mode: str) -> str:
    """Call a phone at a port, with advanced machine detection."""
    created = ringline.request(
        "POST",
        "/v1/calls",
        {
            "to": [{"type": "sip", "uri": f"sip:callee@127.0.0.1:{port}"}],
            "from": {"type": "phone", "number": "442079460100"},
            "ncco": answer,
            "advanced_machine_detection": {"behavior": "continue", "mode": mode, "beep_timeout": 30},
        },
    )
    assert created.status == 201, created.body
    return str(created.body["uuid"])


def test_a_message_is_left_after_the_beep(ringline: Installation, app: Application, tmp_path: Path) -> None:
    greeting = spoken(
        "You have reached the voice mail of Alice and Bob. We cannot take your call right now. "
        "Please leave a message after the tone.",
        then_silent_s=0.4,
    )
    with (
        Ear() as ear,
        Sipp("answer", tmp_path, fill={"rtp_port": ear.port, "ring_ms": 100}, timeout_s=40) as callee,
    ):
        leg = call_out(ringline, callee.port, answer=[talk("Hello, this is a message for you.")], mode="detect_beep")
        ear.hears(0.1)
        ear.says(greeting + tone(1000, 0.5) + bytes(16_000 * 30))
        seconds = len(greeting) / 16_000
        silent = ear.hears(seconds, within_s=seconds + 10)
        assert level_dbfs(silent) < -60, "nothing is said before the beep"
        told = app.wait("/event", call_uuid=leg, status="machine")
        assert told["sub_state"] == "beep_start"
        ear.until(lambda pcm: level_dbfs(pcm) > -40, quarters=8)
        app.wait("/event", uuid=leg, status="completed", within_s=15)
        callee.good()
    assert app.statuses(leg) == ["started", "ringing", "answered", "machine", "completed"]


def test_a_person_is_known_soon_after_a_short_hello(ringline: Installation, app: Application, tmp_path: Path) -> None:
    hello = spoken("hello?")
    with (
        Ear() as ear,
        Sipp("answer", tmp_path, fill={"rtp_port": ear.port, "ring_ms": 100}, timeout_s=40) as callee,
    ):
        leg = call_out(ringline, callee.port, answer=[talk("Good morning.")], mode="detect")
        ear.hears(0.1)
        ear.says(hello)
        began = time.monotonic()
        app.wait("/event", call_uuid=leg, status="human")
        # It takes 0.8 s of the caller's audio (`tests/speech/test_answering.py`); the rest is for a busy machine.
        assert time.monotonic() - began < (len(hello) / 16_000 - 30) + 4.0
        app.wait("/event", uuid=leg, status="completed", within_s=15)
        callee.good()
