"""A softphone calls Ringline, and is called by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .baresip import Baresip
from .ears import Ear
from .installation import ALICE, ALICE_PASSWORD, NUMBERS, Installation
from .scripts import connect, conversation, keys, talk
from .sipp import Sipp
from .wire import Peer

pytestmark = pytest.mark.interop


def test_a_softphone_hears_speech_and_its_keys_arrive(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Please enter your code.", bargeIn=True), keys(3)])
    app.reacts({"to": number, "dtmf__digits": "528"}, [talk("Thank you. Your code was right.")])
    with Baresip(tmp_path) as phone:
        phone.dials(f"sip:{number}@{ringline.sip_address}")
        phone.wait("CALL_ESTABLISHED")
        leg = app.wait("/answer", to=number)["uuid"]
        phone.wait_heard(_is_speech)
        phone.presses("528")
        pressed = app.wait("/event", uuid=leg, dtmf__digits="528")
        assert pressed["dtmf"]["timed_out"] is False
        before = len(phone.heard())
        phone.wait("CALL_CLOSED")
        after = phone.heard()[before:]
        assert level_dbfs(after) > -45
        assert len(after) > 16_000  # more than a second
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_softphone_logs_in(app: Application, tmp_path: Path) -> None:
    """At a server for which its address is nobody's."""
    server = Installation(tmp_path / "server", app.url, sections=ALICE, trunk_addresses=())
    number = NUMBERS[99]
    app.answers(number, [talk("Welcome, whoever you are.")])
    try:
        server.start()
        with Baresip(tmp_path, user="alice", password="guessed") as phone:
            phone.dials(f"sip:{number}@{server.sip_address}")
            assert "401" in phone.wait("CALL_CLOSED")["param"]
        assert app.requests("/answer", to=number) == []
        with Baresip(tmp_path, user="alice", password=ALICE_PASSWORD) as phone:
            phone.dials(f"sip:{number}@{server.sip_address}")
            phone.wait("CALL_ESTABLISHED")
            phone.wait_heard(_is_speech)
            phone.wait("CALL_CLOSED")
        asked = app.wait("/answer", to=number)
        assert (asked["from"], asked["endpoint_type"]) == ("442079460900", "sip")
        app.wait_statuses(asked["uuid"], "started", "ringing", "answered", "completed")
    finally:
        server.stop()


def test_a_call_to_a_softphone_is_answered(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Baresip(tmp_path) as phone:
        leg = ringline.call({"type": "sip", "uri": phone.uri}, [talk("Hello, this is Ringline calling.")])
        phone.wait("CALL_INCOMING")
        app.wait("/event", uuid=leg, status="ringing")
        phone.accepts()
        phone.wait("CALL_ESTABLISHED")
        phone.wait_heard(_is_speech)
        phone.wait("CALL_CLOSED")
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_softphone_declines_a_call(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Baresip(tmp_path) as phone:
        leg = ringline.call({"type": "sip", "uri": phone.uri}, [talk("Hello.")])
        phone.wait("CALL_INCOMING")
        phone.hangs_up()
        app.wait_statuses(leg, "started", "ringing", "busy")  # baresip says 486


def test_tones_go_both_ways_between_two_phones(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Baresip(tmp_path, tone_hz=440, answers=True) as phone, Ear() as ear:
        app.answers(number, [connect(phone.uri)])
        with Peer(ringline.sip_address, number=number) as caller:
            caller.send(caller.request("INVITE", body=caller.sdp(port=ear.port)))
            caller.response(200, "INVITE")
            caller.send(caller.request("ACK", branch="ack"))
            ear.hears(0.1)
            ear.says(tone(1000, 1))
            phone.wait_heard(lambda pcm: has_tone(pcm, 1000, share=0.9))
            ear.until(lambda pcm: has_tone(pcm, 440, share=0.9))
            phone.hangs_up()
            caller.asked("BYE")
    owner = app.wait("/answer", to=number)
    app.wait_statuses(owner["uuid"], "started", "ringing", "answered", "completed")
    child = app.wait("/event", conversation_uuid=owner["conversation_uuid"], direction="outbound", status="completed")
    assert child["disconnected_by"] == "user"


def test_two_softphones_talk(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    with Baresip(tmp_path, tone_hz=500) as one, Baresip(tmp_path, user="other", tone_hz=900, answers=True) as other:
        app.answers(number, [connect(other.uri)])
        one.dials(f"sip:{number}@{ringline.sip_address}")
        one.wait("CALL_ESTABLISHED")
        one.wait_heard(lambda pcm: has_tone(pcm, 900, share=0.9))
        other.wait_heard(lambda pcm: has_tone(pcm, 500, share=0.9))
        one.hangs_up()
        other.wait("CALL_CLOSED")


def test_a_softphone_on_hold_hears_and_says_nothing(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Baresip(tmp_path, tone_hz=440) as phone, Ear() as ear:
        room = [conversation(f"hold-{number}")]
        app.answers(number, room)
        phone.dials(f"sip:{number}@{ringline.sip_address}")
        phone.wait("CALL_ESTABLISHED")
        with Sipp("answer", tmp_path, fill={"rtp_port": ear.port}) as listener:
            leg = ringline.call({"type": "sip", "uri": f"sip:listener@127.0.0.1:{listener.port}"}, room)
            app.wait("/event", uuid=leg, type="transfer")
            ear.hears(0.1)
            ear.says(tone(1000, 1))
            ear.until(lambda pcm: has_tone(pcm, 440))
            phone.wait_heard(lambda pcm: has_tone(pcm, 1000, share=0.9))
            phone.wait_receiving(lambda bits: bits > 30_000)
            phone.holds()
            ear.until(lambda pcm: not has_tone(pcm, 440))
            phone.wait_receiving(lambda bits: bits == 0)
            phone.resumes()
            ear.until(lambda pcm: has_tone(pcm, 440))
            # Its recorder ends with the hold, so that only the rate tells of the time after.
            phone.wait_receiving(lambda bits: bits > 30_000)
            assert ringline.change(leg, action="hangup").status == 204
            listener.good()
        phone.hangs_up()
        phone.wait("CALL_CLOSED")


def _is_speech(pcm: bytes) -> bool:
    return level_dbfs(pcm[-8000:]) > -40
