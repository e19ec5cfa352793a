"""Running a server: stopping, reading settings again, crashes, full disks, and applications that break."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .application import Application, Raw
from .ears import Ear, longest_gap_s
from .installation import DEAD_NUMBER, Installation
from .scripts import LONG_TALK, talk
from .sipp import Sipp, header
from .wire import Peer

pytestmark = pytest.mark.interop

NEW_NUMBER = "442079461800"


@contextmanager
def server(installation: Installation) -> Iterator[Installation]:
    """Start it, and stop it in any case; what it said goes with every failure."""
    try:
        installation.start()
        yield installation
    except BaseException as error:
        error.add_note(installation.log_tail())
        raise
    finally:
        installation.stop()


@contextmanager
def call_up(ringline: Installation, app: Application, number: str) -> Iterator[tuple[Peer, Ear]]:
    """A caller who hears speech."""
    app.answers(number, [LONG_TALK])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.3)
        yield peer, ear


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stopping_server_takes_no_new_calls_and_ends_the_live_ones(
    app: Application, number: str, tmp_path: Path
) -> None:
    with (
        server(Installation(tmp_path / "server", app.url, limits="drain_s = 2")) as ringline,
        call_up(ringline, app, number) as (peer, ear),
    ):
        ringline.signal(signal.SIGTERM)
        began = time.monotonic()
        _until(lambda: ringline.request("GET", "/readyz", token=None).status == 503)
        with Peer(ringline.sip_address, number=number) as late:
            late.send(late.request("INVITE", body=late.sdp(port=9)))
            assert int(header(late.response(503, "INVITE"), "Retry-After") or 0) > 0
            late.send(late.request("ACK"))
        with Peer(ringline.sip_address) as monitor:
            monitor.send(monitor.request("OPTIONS"))
            assert header(monitor.response(503, "OPTIONS"), "Retry-After")
        refused = ringline.request(
            "POST", "/v1/calls", {"to": [{"type": "sip", "uri": "sip:a@127.0.0.1"}], "ncco": [talk("x")],
                                  "from": {"type": "phone", "number": number}},
        )  # fmt: skip
        assert refused.status == 503
        ear.hears(0.5)  # whoever talks goes on talking
        peer.asked("BYE", within_s=20)
        assert 1.5 < time.monotonic() - began < 10
        assert ringline.wait_ended() == 0
    leg = app.wait("/answer", to=number)["uuid"]
    assert app.wait("/event", uuid=leg, status="completed")["disconnected_by"] == "platform"


def test_a_stopping_server_ends_when_the_last_call_has_ended(app: Application, number: str, tmp_path: Path) -> None:
    with (
        server(Installation(tmp_path / "server", app.url, limits="drain_s = 60")) as ringline,
        call_up(ringline, app, number) as (peer, _),
    ):
        ringline.signal(signal.SIGTERM)
        _until(lambda: ringline.request("GET", "/readyz", token=None).status == 503)
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")
        assert ringline.wait_ended(10) == 0
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait("/event", uuid=leg, status="completed")


def test_a_second_signal_hangs_up_at_once(app: Application, number: str, tmp_path: Path) -> None:
    with (
        server(Installation(tmp_path / "server", app.url, limits="drain_s = 60")) as ringline,
        call_up(ringline, app, number) as (peer, _),
    ):
        ringline.signal(signal.SIGTERM)
        _until(lambda: ringline.request("GET", "/readyz", token=None).status == 503)
        ringline.signal(signal.SIGTERM)
        peer.asked("BYE", within_s=20)
        assert ringline.wait_ended(10) == 0


# ── reading settings again ───────────────────────────────────────────────────────────────────────────────────────────


def test_settings_are_read_again_without_touching_a_call(app: Application, number: str, tmp_path: Path) -> None:
    ringline = Installation(tmp_path / "server", app.url)
    app.answers(NEW_NUMBER, [talk("This number is new.")])
    with server(ringline), call_up(ringline, app, number) as (peer, ear):
        with _newcomer(ringline, "refused", tmp_path, status=401) as before:
            before.good()
        start = len(ear.packets)
        ringline.write_settings(
            more=f"""
[[trunks]]
name = "newcomer"
addresses = ["127.0.0.12"]
[[numbers]]
number = "{NEW_NUMBER}"
application = "shop"
"""
        )
        ringline.signal(signal.SIGHUP)
        _until(lambda: "settings were read again" in ringline.log_file.read_text())
        with _newcomer(ringline, "call", tmp_path) as after:
            after.good()
        ringline.write_settings(more="\n[nonsense]\n")
        ringline.signal(signal.SIGHUP)
        _until(lambda: "settings were not read again" in ringline.log_file.read_text())
        with _newcomer(ringline, "call", tmp_path) as still:
            still.good()
        ear.hears(0.3)
        assert longest_gap_s(ear.packets[start:]) < 0.25
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_crash_leaves_no_leg_without_an_end(app: Application, number: str, tmp_path: Path) -> None:
    ringline = Installation(tmp_path / "server", app.url)
    with server(ringline), Sipp("ring_only", tmp_path) as ringing, call_up(ringline, app, number):
        up = app.wait("/answer", to=number)["uuid"]
        calling = ringline.call({"type": "sip", "uri": f"sip:x@127.0.0.1:{ringing.port}"}, [talk("Hello.")])
        app.wait("/event", uuid=calling, status="ringing")
        ended = ringline.call({"type": "sip", "uri": "sip:x@127.0.0.1:1;transport=tcp"}, [talk("Hello.")])
        app.wait("/event", uuid=ended, status="unanswered")
        app.wait("/event", uuid=up, status="answered")
        _until(lambda: ringline.request("GET", f"/v1/calls/{ended}").body["status"] == "unanswered")
        _until(lambda: {up, calling} <= {leg["uuid"] for leg in ringline.live_legs()})
        ringline.kill()
        ringline.start()
        assert app.wait("/event", uuid=up, status="completed")["disconnected_by"] == "platform"
        app.wait("/event", uuid=calling, status="failed")
        assert ringline.live_legs() == []
        shown = {leg: ringline.request("GET", f"/v1/calls/{leg}").body["status"] for leg in (up, calling, ended)}
        assert shown == {up: "completed", calling: "failed", ended: "unanswered"}
        assert app.statuses(ended).count("unanswered") == 1
        ringline.kill()
        ringline.start()  # once closed, they are not closed again
        assert (app.statuses(up).count("completed"), app.statuses(calling).count("failed")) == (1, 1)


# ── faults at the start ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("setting", ["sip_port", "http_port"])
def test_a_port_in_use_is_said_in_a_sentence(
    ringline: Installation, app: Application, tmp_path: Path, setting: str
) -> None:
    second = Installation(tmp_path / "second", app.url)
    setattr(second, setting, getattr(ringline, setting))
    second.write_settings()
    try:
        second.launch()
        assert second.wait_ended() == 2
    finally:
        second.stop()
    said = second.log_file.read_text()
    assert str(getattr(ringline, setting)) in said
    assert "Traceback" not in said
    assert ringline.request("GET", "/readyz", token=None).status == 200


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("\n[sipp]\nport = 5060\n", "sipp"),
        ('\n[[numbers]]\nnumber = "12"\napplication = "nobody"\n', "nobody"),
        ('\n[[trunks]]\nname = "x"\naddresses = ["999.0.0.1"]\n', "999.0.0.1"),
        ("\nthis is no TOML\n", "ringline.toml"),
    ],
)
def test_wrong_settings_are_said_in_a_sentence(app: Application, tmp_path: Path, more: str, named: str) -> None:
    installation = Installation(tmp_path / "server", app.url)
    installation.write_settings(more=more)
    try:
        installation.launch()
        assert installation.wait_ended() == 2
    finally:
        installation.stop()
    said = installation.log_file.read_text()
    assert named in said
    assert "Traceback" not in said


def test_a_missing_settings_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from ringline.cli import main; main()", "serve", "--config", str(tmp_path / "no")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert str(tmp_path / "no") in ended.stderr


# ── a full disk ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_costs_the_recording_and_nothing_else(app: Application, number: str, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "server", app.url, file_limit_bytes=1_000_000)
    with server(installation) as ringline:
        # 32 channels of 8 kHz fill the allowance in two seconds.
        recorded = {"action": "record", "format": "wav", "split": "conversation", "channels": 32}
        app.answers(number, [recorded, LONG_TALK])
        with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
            peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
            peer.response(200, "INVITE")
            peer.send(peer.request("ACK", branch="ack"))
            ear.hears(3.5)
            other = "442079460198"
            app.answers(other, [talk("All is well.")])
            with Sipp("call", tmp_path, to=ringline.sip_address, number=other) as sipp:
                sipp.good()
            peer.send(peer.request("BYE", cseq=2, branch="bye"))
            peer.response(200, "BYE")
        assert longest_gap_s(ear.packets) < 0.25
        leg = app.wait("/answer", to=number)["uuid"]
        app.wait("/event", uuid=leg, status="completed")
        room = app.wait("/answer", to=number)["conversation_uuid"]
        assert app.wait("/event", reason=..., conversation_uuid=room)["reason"].startswith("Recording failed")
        assert ringline.request("GET", "/readyz", token=None).status == 200
        assert "Traceback" not in ringline.log_file.read_text()


# ── applications that break ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "reply",
    [
        Raw(body=b"<!DOCTYPE html><html><body>It works!</body></html>", content_type="text/html"),
        Raw(body=b'[{"action": "talk"', content_type="application/json"),
        Raw(body=b'[{"action": "dance"}]'),
        Raw(status=500),
        Raw(body=bytes(3_000_000)),
    ],
    ids=["html", "cut", "unknown-action", "500", "huge"],
)
def test_a_caller_is_refused_when_there_is_no_script(
    ringline: Installation, app: Application, number: str, tmp_path: Path, reply: Raw
) -> None:
    app.answers(number, reply)
    with Sipp("refused", tmp_path, to=ringline.sip_address, number=number, fill={"status": 503}) as sipp:
        sipp.good()
    leg = app.wait("/answer", to=number)["uuid"]
    assert app.wait("/event", uuid=leg, status="failed")["detail"] == "internal_error"
    assert app.statuses(leg) == ["started", "ringing", "failed"]


def test_a_dead_application_costs_its_own_calls_only(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("I am alive.")])
    with (
        Sipp("refused", tmp_path, to=ringline.sip_address, number=DEAD_NUMBER, fill={"status": 503}) as dead,
        Sipp("call", tmp_path, to=ringline.sip_address, number=number) as alive,
    ):
        alive.good()
        dead.good()
    assert app.wait("/event", to=DEAD_NUMBER, status="failed")["detail"] == "internal_error"


def test_a_slow_application_is_waited_for_and_given_up(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, Raw(delay_s=30))
    quick = "442079460197"
    app.answers(quick, [talk("I am quick.")])
    with ExitStack() as stack:
        slow = stack.enter_context(
            Sipp("refused", tmp_path, to=ringline.sip_address, number=number, fill={"status": 503}, timeout_s=40)
        )
        with Sipp("call", tmp_path, to=ringline.sip_address, number=quick) as sipp:
            sipp.good()
        slow.good()


def test_events_nobody_takes_do_not_hold_up_the_call(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Nobody listens to my events.")])
    app.reacts({"to": number, "status": "started"}, Raw(delay_s=4))
    app.reacts({"to": number, "status": "ringing"}, Raw(status=500))
    app.reacts({"to": number, "status": "answered"}, Raw(body=b"<html>", content_type="text/html"))
    began = time.monotonic()
    with (
        Ear() as ear,
        Sipp("call", tmp_path, to=ringline.sip_address, number=number, fill={"rtp_port": ear.port}) as sipp,
    ):
        sipp.good()
        assert time.monotonic() - began < 4
        assert ear.spoken_s() > 0.8
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait("/event", uuid=leg, status="completed")


def _newcomer(ringline: Installation, scenario: str, directory: Path, **fill: int) -> Sipp:
    """A caller from an address that the first settings do not know."""
    return Sipp(scenario, directory, to=ringline.sip_address, number=NEW_NUMBER, host="127.0.0.12", fill=fill)


def _until(seen: Callable[[], bool], *, within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.03)
