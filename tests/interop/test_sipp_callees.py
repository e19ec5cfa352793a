"""Ringline calls SIPp: by REST, and by `connect`."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, tone

from . import digest
from .application import Application, Json
from .ears import Ear
from .installation import NUMBERS, TRUNK_PASSWORD, TRUNK_USER, Installation
from .ports import free_port
from .scripts import LONG_TALK, connect, talk
from .sipp import Sipp, header
from .wire import Peer

pytestmark = pytest.mark.interop

CALLEE = "447700900999"

REFUSALS = [
    # what the far end says, a Reason header of it, what becomes of the leg
    ("404 Not Found", "", "failed", "cannot_route", "404"),
    ("408 Request Timeout", "", "unanswered", "carrier_timeout", "408"),
    ("410 Gone", "", "failed", "number_out_of_service", "410"),
    ("480 Temporarily Unavailable", "", "unanswered", "unavailable", "480"),
    ("480 Temporarily Unavailable", "Q.850;cause=17", "busy", None, "480"),
    ("484 Address Incomplete", "", "rejected", "invalid_number", "484"),
    ("486 Busy Here", "", "busy", None, "486"),
    ("487 Request Terminated", "", "unanswered", "unavailable", "487"),
    ("488 Not Acceptable Here", "", "failed", "internal_error", "488"),
    ("403 Forbidden", "", "rejected", "restricted", "403"),
    ("500 Server Internal Error", "", "failed", "internal_error", "500"),
    ("503 Service Unavailable", "", "failed", "internal_error", "503"),
    ("503 Service Unavailable", "Q.850;cause=1", "failed", "number_out_of_service", "503"),
    ("504 Server Time-out", "", "unanswered", "carrier_timeout", "504"),
    ("600 Busy Everywhere", "", "busy", None, "600"),
    ("603 Decline", "", "rejected", "declined", "603"),
    ("604 Does Not Exist Anywhere", "", "failed", "number_out_of_service", "604"),
    ("606 Not Acceptable", "", "failed", "internal_error", "606"),
    ("607 Unwanted", "", "rejected", "declined", "607"),
    ("608 Rejected", "", "rejected", "restricted", "608"),
]


@pytest.fixture(scope="module")
def unheard(_shared: tuple[Installation, Application]) -> Iterator[str]:
    """A leg to somebody who never says a word, begun before all other tests here: only after 32 s this is sure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        to = {"type": "sip", "uri": f"sip:callee@127.0.0.1:{silent.getsockname()[1]}"}
        yield _shared[0].call(to, [talk("Hello.")])


@pytest.fixture(autouse=True)
def _begin_early(unheard: str) -> None:
    """Let every test begin after that call."""


def call_sip(ringline: Installation, sipp: Sipp, *actions: Json, **more: object) -> str:
    """A REST call to where SIPp waits."""
    to = {"type": "sip", "uri": f"sip:callee@127.0.0.1:{sipp.port}"}
    return ringline.call(to, list(actions) or [talk("Hello, this is Ringline.")], **more)


def test_a_call_by_rest_is_answered_and_hears_speech(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Ear() as ear, Sipp("answer", tmp_path, fill={"rtp_port": ear.port}) as sipp:
        leg = call_sip(ringline, sipp)
        sipp.good()
        assert ear.spoken_s() > 0.8
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    end = app.wait("/event", uuid=leg, status="completed")
    assert (end["direction"], end["disconnected_by"]) == ("outbound", "platform")
    shown = ringline.request("GET", f"/v1/calls/{leg}").body
    assert shown["status"] == "completed"
    assert int(shown["duration"]) >= 1
    assert header(sipp.received()[0], "X-Ringline-Call-Id") == leg


def test_every_refusal_gets_its_status_and_detail(ringline: Installation, app: Application, tmp_path: Path) -> None:
    legs: list[tuple[str, Sipp]] = []
    runs = [
        Sipp("refuse", tmp_path, fill={"refusal": refusal, "header": f"Reason: {reason}\n" if reason else ""})
        for refusal, reason, *_ in REFUSALS
    ]
    for sipp in runs:
        with_entered = sipp.__enter__()
        legs.append((call_sip(ringline, with_entered), sipp))
    for (leg, sipp), (refusal, reason, status, detail, code) in zip(legs, REFUSALS, strict=True):
        end = app.wait("/event", uuid=leg, status=status)
        told = (end["status"], end.get("detail"), str(end.get("sip_code")))
        assert told == (status, detail, code), f"{refusal} {reason}: {end}"
        sipp.good()
        assert ringline.request("GET", f"/v1/calls/{leg}").body["status"] == status


def test_a_phone_nobody_answers_times_out_and_is_cancelled(
    ringline: Installation, app: Application, tmp_path: Path
) -> None:
    with Sipp("ring_only", tmp_path) as sipp:
        leg = call_sip(ringline, sipp, ringing_timer=2)
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "timeout")
    assert any(message.startswith("CANCEL ") for message in sipp.received())


def test_a_call_hung_up_by_rest_while_it_rings_is_cancelled(
    ringline: Installation, app: Application, tmp_path: Path
) -> None:
    with Sipp("ring_only", tmp_path) as sipp:
        leg = call_sip(ringline, sipp)
        app.wait("/event", uuid=leg, status="ringing")
        assert ringline.change(leg, action="hangup").status == 204
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "cancelled")


def test_an_answer_that_crosses_the_cancel_is_hung_up(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("answer_too_late", tmp_path) as sipp:
        leg = call_sip(ringline, sipp)
        app.wait("/event", uuid=leg, status="ringing")
        assert ringline.change(leg, action="hangup").status == 204
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "cancelled")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nobody_at_the_address_is_noticed_at_once(ringline: Installation, app: Application, transport: str) -> None:
    uri = f"sip:callee@127.0.0.1:{free_port()};transport={transport}"
    leg = ringline.call({"type": "sip", "uri": uri}, [talk("Hello.")])
    end = app.wait("/event", uuid=leg, status="unanswered")
    assert (end["detail"], str(end["sip_code"])) == ("carrier_timeout", "408")


def test_the_far_end_hangs_up(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("answer_and_hang_up", tmp_path, fill={"talk_ms": 1000}) as sipp:
        leg = call_sip(ringline, sipp, LONG_TALK)
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    end = app.wait("/event", uuid=leg, status="completed")
    assert (end["disconnected_by"], end["duration"]) == ("user", "1")


def test_a_slow_answer_is_still_an_answer(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("answer", tmp_path, fill={"ring_ms": 4000}) as sipp:
        leg = call_sip(ringline, sipp, talk("At last."), ringing_timer=8)
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


@pytest.mark.parametrize(
    ("challenge", "name", "answer"),
    [
        ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
    ],
)
def test_a_trunk_is_shown_its_credentials(
    ringline: Installation, app: Application, tmp_path: Path, challenge: str, name: str, answer: str
) -> None:
    fill = {"challenge": challenge, "challenge_header": name}
    with Sipp("challenge", tmp_path, fill=fill, port=ringline.trunk_port) as sipp:
        leg = ringline.call({"type": "phone", "number": CALLEE}, [talk("Hello.")])
        sipp.good()
    invites = [each for each in sipp.received() if each.startswith("INVITE ")]
    second = next(each for each in invites if header(each, answer))
    first = next(each for each in invites if header(each, "Call-ID") == header(second, "Call-ID"))
    assert header(first, answer) is None
    shown = digest.read(header(second, answer) or "")
    assert shown["username"] == TRUNK_USER
    assert shown["response"] == digest.response(shown, method="INVITE", user=TRUNK_USER, password=TRUNK_PASSWORD)
    assert first.startswith(f"INVITE sip:+{CALLEE}@127.0.0.1")
    assert NUMBERS[0] in (header(first, "P-Asserted-Identity") or "")
    app.wait_statuses(leg, "started", "answered", "completed")


def test_a_redirect_is_followed(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with (
        Sipp("answer", tmp_path) as there,
        Sipp("redirect", tmp_path, fill={"moved_to": f"127.0.0.1:{there.port}"}) as here,
    ):
        leg = call_sip(ringline, here)
        here.good()
        there.good()
    assert there.received()[0].startswith("INVITE sip:moved@")
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_connect_joins_two_phones_both_ways(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Ear() as caller_ear,
        Ear() as callee_ear,
        Sipp("answer", tmp_path, fill={"rtp_port": callee_ear.port, "ring_ms": 300}) as callee,
        Peer(ringline.sip_address, number=number) as caller,
    ):
        app.answers(number, [connect(f"sip:callee@127.0.0.1:{callee.port}")])
        caller.send(caller.request("INVITE", body=caller.sdp(port=caller_ear.port)))
        caller.response(200, "INVITE")
        caller.send(caller.request("ACK", branch="ack"))
        caller_ear.hears(0.1)
        callee_ear.hears(0.1)
        caller_ear.says(tone(440, 1))
        callee_ear.says(tone(1000, 1))
        callee_ear.until(lambda pcm: has_tone(pcm, 440))
        caller_ear.until(lambda pcm: has_tone(pcm, 1000))
        caller.send(caller.request("BYE", cseq=2, branch="bye"))
        caller.response(200, "BYE")
        callee.good()
    owner = app.wait("/answer", to=number)
    child = app.wait("/event", direction="outbound", status="answered", conversation_uuid=owner["conversation_uuid"])
    app.wait_statuses(child["uuid"], "started", "ringing", "answered", "completed")
    app.wait_statuses(owner["uuid"], "started", "ringing", "answered", "completed")
    assert app.wait("/event", uuid=owner["uuid"], status="completed")["disconnected_by"] == "user"
    assert app.wait("/event", uuid=child["uuid"], status="completed")["disconnected_by"] == "platform"


def test_connect_to_a_busy_phone_goes_on_with_the_script(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Sipp("refuse", tmp_path, fill={"refusal": "486 Busy Here"}) as callee:
        app.answers(number, [connect(f"sip:callee@127.0.0.1:{callee.port}"), talk("They are busy, good bye.")])
        with (
            Ear() as ear,
            Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill={"rtp_port": ear.port}) as caller,
        ):
            caller.good()
            assert ear.spoken_s() > 0.8
        callee.good()
    owner = app.wait("/answer", to=number)
    child = app.wait("/event", direction="outbound", status="busy", conversation_uuid=owner["conversation_uuid"])
    assert app.statuses(child["uuid"]) == ["started", "busy"]
    app.wait_statuses(owner["uuid"], "started", "ringing", "answered", "completed")


def test_connect_gives_up_after_its_timeout_and_the_next_one_rings(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Sipp("ring_only", tmp_path) as nobody, Sipp("answer_and_hang_up", tmp_path) as somebody:
        app.answers(
            number,
            [
                connect(f"sip:nobody@127.0.0.1:{nobody.port}", timeout=2),
                connect(f"sip:somebody@127.0.0.1:{somebody.port}"),
            ],
        )
        with Sipp("call", tmp_path, to=ringline.sip_address, number=number) as caller:
            for sipp in (nobody, somebody, caller):
                sipp.good()
    owner = app.wait("/answer", to=number)
    room = owner["conversation_uuid"]
    assert app.wait("/event", direction="outbound", status="timeout", conversation_uuid=room)
    app.wait_statuses(owner["uuid"], "started", "ringing", "answered", "completed")
    assert app.wait("/event", uuid=owner["uuid"], status="completed")["disconnected_by"] == "platform"


def test_a_caller_who_leaves_cancels_the_phone_that_rings(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Sipp("ring_only", tmp_path) as callee:
        app.answers(number, [connect(f"sip:callee@127.0.0.1:{callee.port}")])
        with Sipp("cancel", tmp_path, to=ringline.sip_address, number=number, fill={"patience_ms": 1500}) as caller:
            caller.good()
        callee.good()
    owner = app.wait("/answer", to=number)
    app.wait_statuses(owner["uuid"], "started", "ringing", "cancelled")
    room = owner["conversation_uuid"]
    child = app.wait("/event", direction="outbound", status="cancelled", conversation_uuid=room)
    assert app.statuses(child["uuid"]) == ["started", "ringing", "cancelled"]


def test_early_media_of_the_far_end_is_heard_before_the_answer(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Ear() as caller_ear,
        Ear() as callee_ear,
        Sipp("early_media", tmp_path, fill={"rtp_port": callee_ear.port, "ring_ms": 2500}) as callee,
    ):
        app.answers(number, [talk("One moment."), connect(f"sip:callee@127.0.0.1:{callee.port}", limit=2)])
        fill = {"rtp_port": caller_ear.port}
        with Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill=fill) as caller:
            room = app.wait("/answer", to=number)["conversation_uuid"]
            app.wait("/event", direction="outbound", status="ringing", conversation_uuid=room)
            callee_ear.hears(0.1)
            callee_ear.says(tone(700, 1))
            caller_ear.until(lambda pcm: has_tone(pcm, 700))
            assert app.requests("/event", direction="outbound", status="answered", conversation_uuid=room) == []
            app.wait("/event", direction="outbound", status="answered", conversation_uuid=room)
            callee.good()
            caller.good()


def test_ten_calls_go_out_at_once(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("answer", tmp_path, calls=10) as sipp:
        began = time.monotonic()
        legs = [call_sip(ringline, sipp) for _ in range(10)]
        sipp.good()
        assert time.monotonic() - began < 15
    for leg in legs:
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_call_nobody_responds_to_is_unanswered_in_the_end(app: Application, unheard: str) -> None:
    end = app.wait("/event", uuid=unheard, status="unanswered", within_s=40)
    assert (end["detail"], str(end["sip_code"])) == ("carrier_timeout", "408")
