"""What leaves through a trunk and what does not: dear numbers, numbers that call for help, calls at once."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .application import Application
from .crowd import until
from .installation import Installation

pytestmark = pytest.mark.interop
NCCO = [{"action": "talk", "text": "Hello."}]


@contextmanager
def carrier(port: int) -> Iterator[list[str]]:
    """A carrier that is always busy; gives the first lines of the INVITEs it got."""
    seen: list[str] = []
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                data, peer = sock.recvfrom(65_535)
            except TimeoutError:
                continue
            if not data.startswith(b"INVITE "):
                continue
            lines = data.split(b"\r\n\r\n", 1)[0].decode().split("\r\n")
            if lines[0] not in seen:
                seen.append(lines[0])
            wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
            kept = [line for line in lines[1:] if line.lower().startswith(wanted)]
            kept = [f"{line};tag=busy" if line.lower().startswith("to:") else line for line in kept]
            sock.sendto("\r\n".join(["SIP/2.0 486 Busy Here", *kept, "Content-Length: 0", "", ""]).encode(), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        sock.close()


def create(server: Installation, to: dict[str, Any]) -> str:
    answer = server.request(
        "POST", "/v1/calls", {"to": [to], "from": {"type": "phone", "number": "442079460000"}, "ncco": NCCO}
    )
    assert answer.status == 201, answer.body
    uuid: str = answer.body["uuid"]
    return uuid


def test_dear_numbers_and_calls_for_help_never_reach_the_carrier(tmp_path: Path) -> None:
    app = Application()
    server = Installation(tmp_path / "server", app.url)
    (tmp_path / "server" / "rates.csv").write_text("prefix,rate,network\n44,0.1,23410\n")
    try:
        server.start()
        with carrier(server.trunk_port) as seen:
            busy = create(server, {"type": "phone", "number": "447700900123"})
            app.wait("/event", uuid=busy, status="busy")
            for to in (
                {"type": "phone", "number": "449091234567"},
                {"type": "sip", "uri": f"sip:+449091234567@127.0.0.1:{server.trunk_port}"},
                {"type": "phone", "number": "999"},
                {"type": "sip", "uri": f"sip:999@127.0.0.1:{server.trunk_port}"},
                {"type": "sip", "uri": "sip:112@192.0.2.7"},
            ):
                leg = create(server, to)
                assert app.wait("/event", uuid=leg, status="failed")["detail"] == "cannot_route", to
            assert [line.split()[1].partition("@")[0] for line in seen] == ["sip:+447700900123"]
        text = server.request("GET", "/metrics", token=None).body.decode()
        assert "ringline_calls_refused_emergency_total 3.0" in text
        assert "ringline_calls_refused_destination_total 2.0" in text
        assert server.log_file.read_text().count("AN EMERGENCY NUMBER WAS NOT CALLED") == 3
    except BaseException as error:
        error.add_note(server.log_tail())
        raise
    finally:
        server.stop()
        app.close()


def test_calls_for_help_leave_through_the_emergency_trunk_whatever_the_limits(tmp_path: Path) -> None:
    app = Application()
    sections = '[emergency]\ntrunk = "carrier"\n[prices]\nfile = "rates.csv"\n'
    server = Installation(tmp_path / "server", app.url, sections=sections, limits='deny = [""]')
    (tmp_path / "server" / "rates.csv").write_text("prefix,rate,network\n44,0.1,23410\n")
    try:
        server.start()
        with carrier(server.trunk_port) as seen:
            for to in ({"type": "phone", "number": "999"}, {"type": "sip", "uri": "sip:+999@pbx.example"}):
                app.wait("/event", uuid=create(server, to), status="busy")
            denied = create(server, {"type": "phone", "number": "447700900123"})
            app.wait("/event", uuid=denied, status="failed")
            assert {line.split()[1].partition("@")[0] for line in seen} == {"sip:999"}
        (tmp_path / "server" / "rates.csv").write_text("prefix,rate,network\n44,much,23410\n")
        server.signal(signal.SIGHUP)
        until(lambda: "line 2: rate 'much'" in server.log_file.read_text(), within_s=20)
        assert server.request("GET", "/readyz", token=None).status == 200
    except BaseException as error:
        error.add_note(server.log_tail())
        raise
    finally:
        server.stop()
        app.close()
