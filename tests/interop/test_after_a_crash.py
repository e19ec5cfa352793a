"""What far ends are told after a crash, where that takes more than a datagram: TCP, and trunks that ask who we are."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from .application import Application
from .installation import NUMBERS, TRUNK_USER, Installation
from .scripts import LONG_TALK
from .sipp import header, session

pytestmark = pytest.mark.interop

SDP = session("sendrecv", port=9).replace("[media_ip]", "127.0.0.1").replace("\n", "\r\n")


@contextmanager
def _server(tmp_path: Path) -> Iterator[tuple[Installation, Application]]:
    app = Application()
    server = Installation(tmp_path / "server", app.url)
    try:
        server.start()
        yield server, app
    except BaseException as error:
        error.add_note(server.log_tail())
        raise
    finally:
        server.stop()
        app.close()


def _read(connection: socket.socket, begins: str, *, within_s: float = 30.0) -> str:
    """The next message that begins so.

    Raises:
        AssertionError: none came.
    """
    data = ""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        connection.settimeout(max(0.01, end - time.monotonic()))
        data += connection.recv(65536).decode()
        for message in re.split(r"(?=SIP/2\.0 \d{3} |(?:INVITE|ACK|BYE|CANCEL|OPTIONS) sip:)", data):
            if message.startswith(begins) and "\r\n\r\n" in message:
                return message
    raise AssertionError(f"no {begins}: {data}")


def _answer(request: str, status: str, more: str = "", body: str = "") -> bytes:
    kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq)\s*:", line)]
    if status != "100 Trying":
        kept = [f"{line};tag=far" if line.startswith("To:") and "tag=" not in line else line for line in kept]
    text = "\r\n".join([f"SIP/2.0 {status}", *kept])
    return f"{text}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_call_over_tcp_is_hung_up_over_a_new_connection(tmp_path: Path) -> None:
    with _server(tmp_path) as (server, app), closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        app.answers(NUMBERS[0], [LONG_TALK])
        head = (
            f"From: <sip:a@127.0.0.1:{port}>;tag=near\r\nCall-ID: over-tcp\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:a@127.0.0.1:{port};transport=tcp>\r\n"
        )
        uri = f"sip:{NUMBERS[0]}@{server.sip_address}"
        via = f"Via: SIP/2.0/TCP 127.0.0.1:{port};branch=z9hG4bK"
        with closing(socket.create_connection(("127.0.0.1", server.sip_port))) as connection:
            connection.sendall(
                f"INVITE {uri} SIP/2.0\r\n{via}one\r\n{head}To: <{uri}>\r\nCSeq: 1 INVITE\r\n"
                f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}".encode()
            )
            to = header(_read(connection, "SIP/2.0 200"), "To")
            connection.sendall(
                f"ACK {uri} SIP/2.0\r\n{via}ack\r\n{head}To: {to}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n".encode()
            )
            leg = app.wait("/event", status="answered")["uuid"]
            time.sleep(0.2)  # beyond the group commit
            server.kill()
        server.start()
        listener.settimeout(10)
        connection, _ = listener.accept()
        with closing(connection):
            bye = _read(connection, "BYE ")
            assert header(bye, "Call-ID") == "over-tcp"
            assert header(bye, "From") == to
            connection.sendall(_answer(bye, "200 OK"))
        assert app.wait("/event", uuid=leg, status="completed")["disconnected_by"] == "platform"


def test_a_trunk_that_asks_who_hangs_up_is_answered(tmp_path: Path) -> None:
    with _server(tmp_path) as (server, app), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as trunk:
        trunk.bind(("127.0.0.1", server.trunk_port))
        us = ("127.0.0.1", server.sip_port)
        leg = server.call({"type": "phone", "number": "447700900123"}, [LONG_TALK])
        invite = _read(trunk, "INVITE ")
        contact = f"Contact: <sip:trunk@127.0.0.1:{server.trunk_port}>\r\nContent-Type: application/sdp\r\n"
        trunk.sendto(_answer(invite, "200 OK", contact, SDP), us)
        _read(trunk, "ACK ")
        app.wait("/event", uuid=leg, status="answered")
        time.sleep(0.2)  # beyond the group commit
        server.kill()
        server.start()
        bye = _read(trunk, "BYE ")
        challenge = 'WWW-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"\r\n'
        trunk.sendto(_answer(bye, "401 Unauthorized", challenge), us)
        end = time.monotonic() + 10
        while "Authorization" not in bye and time.monotonic() < end:
            bye = _read(trunk, "BYE ")
        assert f'username="{TRUNK_USER}"' in (header(bye, "Authorization") or "")
        trunk.sendto(_answer(bye, "200 OK"), us)
        app.wait("/event", uuid=leg, status="completed")
