"""SIPp calls Ringline."""

from __future__ import annotations

from pathlib import Path

import pytest

from .application import Application, Raw
from .ears import Ear, longest_gap_s, spoken_s
from .installation import Installation
from .scripts import LONG_TALK, keys, talk
from .sipp import Sipp, session, status_of

pytestmark = pytest.mark.interop

UNKNOWN = "442079469999"


def test_a_caller_hears_speech_and_is_hung_up(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Good morning. This is a test call.")])
    with (
        Ear() as ear,
        Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill={"rtp_port": ear.port}) as sipp,
    ):
        sipp.good()
        assert ear.spoken_s() > 1
    asked = app.wait("/answer", to=number)
    assert (asked["from"], asked["endpoint_type"]) == ("447700900123", "phone")
    app.wait_statuses(asked["uuid"], "started", "ringing", "answered", "completed")
    end = app.wait("/event", uuid=asked["uuid"], status="completed")
    assert (end["disconnected_by"], end["direction"]) == ("platform", "inbound")


def test_a_call_over_tcp_is_answered_and_heard(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("This came over a connection.")])
    fill = {}
    with Ear() as ear:
        fill["rtp_port"] = ear.port
        with Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill=fill, transport="t1") as sipp:
            sipp.good()
            assert ear.spoken_s() > 0.8
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_keys_of_rfc_4733_become_digits(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    app.answers(number, [keys(5, wait_s=6, dtmf={"maxDigits": 5, "timeOut": 6, "submitOnHash": True})])
    with Sipp("call_keys", tmp_path, to=ringline.sip_address, number=number) as sipp:
        leg = app.wait("/answer", to=number)["uuid"]
        told = app.wait("/event", uuid=leg, dtmf__digits="12")
        assert told["dtmf"]["timed_out"] is False
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_caller_who_gives_up_is_cancelled(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, Raw(delay_s=3))
    with Sipp("cancel", tmp_path, to=ringline.sip_address, number=number) as sipp:
        sipp.good()
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "cancelled")
    assert app.wait("/event", uuid=leg, status="cancelled")["direction"] == "inbound"


def test_a_cancel_that_crosses_the_200_changes_nothing(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [LONG_TALK])
    with Sipp("crossing", tmp_path, to=ringline.sip_address, number=number) as sipp:
        sipp.good()
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    assert app.wait("/event", uuid=leg, status="completed")["disconnected_by"] == "user"


def test_a_caller_who_hangs_up(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    app.answers(number, [LONG_TALK])
    with Sipp("call_and_hang_up", tmp_path, to=ringline.sip_address, number=number, fill={"talk_ms": 1100}) as sipp:
        sipp.good()
    leg = app.wait("/answer", to=number)["uuid"]
    end = app.wait("/event", uuid=leg, status="completed")
    assert (end["disconnected_by"], end["duration"]) == ("user", "1")


@pytest.mark.parametrize(("direction", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")])
def test_audio_stops_on_hold_and_comes_back(
    ringline: Installation, app: Application, number: str, tmp_path: Path, direction: str, answered: str
) -> None:
    app.answers(number, [LONG_TALK])
    with Ear() as ear:
        fill = {
            "rtp_port": ear.port,
            "hold_sdp": session(direction, port=ear.port, version=2),
            "back_sdp": session(port=ear.port, version=3),
        }
        with Sipp("hold", tmp_path, to=ringline.sip_address, number=number, fill=fill) as sipp:
            sipp.good()
        packets = ear.packets
    bodies = [each for each in sipp.received() if status_of(each) == 200 and "m=audio" in each]
    assert [_direction(each) for each in bodies] == ["sendrecv", answered, "sendrecv"]
    gap = longest_gap_s(packets)
    assert 1.0 < gap < 1.6
    held = next(at for at, one in enumerate(packets[1:], 1) if one.at - packets[at - 1].at == gap)
    assert spoken_s(packets[:held]) > 0.3
    assert spoken_s(packets[held:]) > 0.3


def test_a_late_offer_is_made_by_ringline(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("You made no offer, so I did.")])
    with Ear() as ear:
        fill = {"rtp_port": ear.port}
        with Sipp("late_offer", tmp_path, to=ringline.sip_address, number=number, fill=fill) as sipp:
            sipp.good()
        assert ear.spoken_s() > 0.8
    answered = next(each for each in sipp.received() if status_of(each) == 200)
    assert "m=audio" in answered


def test_a_user_logs_in_with_the_right_password(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Hello Alice.")])
    fill = {"user": "alice", "password": "alice-secret", "caller": "alice"}
    with Sipp("login", tmp_path, to=ringline.sip_address, number=number, fill=fill, host="127.0.0.3") as sipp:
        sipp.good()
    asked = app.wait("/answer", to=number)
    assert (asked["from"], asked["endpoint_type"]) == ("442079460900", "sip")


def test_a_wrong_password_stays_outside(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    fill = {"user": "alice", "password": "guessed", "caller": "alice"}
    with Sipp("login_refused", tmp_path, to=ringline.sip_address, number=number, fill=fill, host="127.0.0.4") as sipp:
        sipp.good()
    assert app.requests("/answer", to=number) == []


def test_an_unknown_number_is_not_found(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("refused", tmp_path, to=ringline.sip_address, number=UNKNOWN, fill={"status": 404}) as sipp:
        sipp.good()
    assert app.requests(to=UNKNOWN) == []


def test_a_stranger_is_asked_who_he_is_whether_the_number_exists_or_not(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    told = []
    for each in (number, UNKNOWN):
        with Sipp(
            "refused", tmp_path, to=ringline.sip_address, number=each, fill={"status": 401}, host="127.0.0.5"
        ) as sipp:
            sipp.good()
        told.append(next(message for message in sipp.received() if status_of(message) == 401))
    assert len({message.splitlines()[0] for message in told}) == 1
    assert app.requests(to=number) == []


def test_nobody_gets_in_where_nobody_can_log_in(app: Application, tmp_path: Path) -> None:
    lonely = Installation(tmp_path / "lonely", app.url, account=False)
    try:
        lonely.start()
        with Sipp("refused", tmp_path, to=lonely.sip_address, fill={"status": 403}, host="127.0.0.2") as sipp:
            sipp.good()
    finally:
        lonely.stop()


def test_no_codec_in_common_is_not_acceptable(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    fill = {"status": 488, "sdp": session(codec="18 G729/8000")}
    with Sipp("refused", tmp_path, to=ringline.sip_address, number=number, fill=fill) as sipp:
        sipp.good()
    assert app.requests(to=number) == []


def test_twenty_callers_at_once_all_hear_something(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Twenty of you are calling me now.")])
    with Ear() as ear:
        fill = {"rtp_port": ear.port}
        with Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill=fill, calls=20, rate=20) as sipp:
            sipp.good()
        packets = ear.packets
    voices = {one.ssrc for one in packets}
    assert len(voices) == 20
    assert all(spoken_s([one for one in packets if one.ssrc == voice]) > 0.8 for voice in sorted(voices))
    legs = {request.fields["uuid"] for request in app.requests("/answer", to=number)}
    assert len(legs) == 20
    for leg in sorted(legs):
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_calls_survive_the_loss_of_every_seventh_message(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Lost and found.")])
    with Sipp(
        "call", tmp_path, to=ringline.sip_address, number=number, calls=10, options=["-lost", "15"], timeout_s=40
    ) as sipp:
        sipp.good()
    legs = {request.fields["uuid"] for request in app.requests("/answer", to=number)}
    assert len(legs) == 10
    for leg in sorted(legs):
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def _direction(message: str) -> str:
    return next(word for word in ("sendrecv", "sendonly", "recvonly", "inactive") if f"a={word}" in message)
