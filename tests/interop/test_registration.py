"""Phones that register with Ringline, and Ringline that registers with a provider."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringline.server.certificates import ensure_certificates, server_names
from ringline.testing.audio import level_dbfs

from .application import Application
from .baresip import Baresip
from .ears import Ear
from .installation import ALICE, ALICE_PASSWORD, NUMBERS, Installation
from .kamailio import Kamailio
from .linphone import Linphone
from .scripts import conversation, talk
from .sipp import header
from .wire import Peer

pytestmark = pytest.mark.interop

ALICES_NUMBER = "442079460900"


def _is_speech(pcm: bytes) -> bool:
    return level_dbfs(pcm[-8000:]) > -40


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_softphone_registers_and_is_called_by_its_number(
    ringline: Installation, app: Application, tmp_path: Path, transport: str
) -> None:
    with Baresip(
        tmp_path, user="alice", password=ALICE_PASSWORD, registrar=ringline.sip_address, transport=transport
    ) as phone:
        phone.wait_shown("registered successfully")
        leg = ringline.call({"type": "phone", "number": ALICES_NUMBER}, [talk("Hello Alice, you are registered.")])
        phone.wait("CALL_INCOMING")
        phone.accepts()
        phone.wait("CALL_ESTABLISHED")
        phone.wait_heard(_is_speech)
        phone.wait("CALL_CLOSED")
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_two_phones_of_one_user_ring_and_the_first_answer_wins(
    ringline: Installation, app: Application, tmp_path: Path
) -> None:
    login = {"user": "alice", "password": ALICE_PASSWORD, "registrar": ringline.sip_address}
    with Baresip(tmp_path, **login) as desk, Baresip(tmp_path, **login, transport="tcp") as mobile:  # type: ignore[arg-type]
        desk.wait_shown("registered successfully")
        mobile.wait_shown("registered successfully")
        leg = ringline.call({"type": "phone", "number": ALICES_NUMBER}, [talk("Hello to whoever was faster.")])
        desk.wait("CALL_INCOMING")
        mobile.wait("CALL_INCOMING")
        mobile.accepts()
        mobile.wait("CALL_ESTABLISHED")
        desk.wait("CALL_CLOSED")
        mobile.wait_heard(_is_speech)
        mobile.wait("CALL_CLOSED")
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_the_wrong_password_registers_nobody(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Baresip(tmp_path, user="alice", password="guessed", registrar=ringline.sip_address) as phone:
        phone.wait_shown("401 Unauthorized")
    leg = ringline.call({"type": "phone", "number": ALICES_NUMBER}, [talk("Nobody hears this.")])
    app.wait_statuses(leg, "started", "unanswered")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_linphone_registers_and_is_called(
    ringline: Installation, app: Application, tmp_path: Path, transport: str
) -> None:
    with Linphone(
        tmp_path, user="alice", password=ALICE_PASSWORD, registrar=ringline.sip_address, transport=transport
    ) as phone:
        phone.wait("to [LinphoneRegistrationOk]")
        leg = ringline.call({"type": "phone", "number": ALICES_NUMBER}, [talk("Hello Alice, on your Linphone.")])
        phone.wait("LinphoneCallIncomingReceived")
        phone.answers()
        phone.wait("LinphoneCallStreamsRunning")
        phone.wait("LinphoneCallReleased", within_s=20)
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_registered_phone_is_still_called_after_a_crash(app: Application, tmp_path: Path) -> None:
    server = Installation(tmp_path / "server", app.url, sections=ALICE)
    try:
        server.start()
        with Baresip(tmp_path, user="alice", password=ALICE_PASSWORD, registrar=server.sip_address) as phone:
            phone.wait_shown("registered successfully")
            _until(lambda: _kept_bindings(server) == 1)
            server.kill()
            server.start()
            leg = server.call({"type": "phone", "number": ALICES_NUMBER}, [talk("Hello Alice, we were away.")])
            phone.wait("CALL_INCOMING")
            phone.accepts()
            phone.wait_heard(_is_speech)
            phone.wait("CALL_CLOSED")
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    finally:
        server.stop()


# ── Kamailio ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_through_a_record_routing_proxy_stays_on_its_way(
    ringline: Installation, app: Application, number: str, tmp_path: Path, transport: str
) -> None:
    app.answers(number, [talk("You came through a proxy.")])
    with Kamailio(tmp_path, ringline=ringline.sip_port, transport=transport) as proxy:
        with Peer(proxy.address, number=number) as caller, Ear() as ear:
            caller.send(caller.request("INVITE", body=caller.sdp(port=ear.port)))
            answered = caller.response(200, "INVITE")
            assert f"127.0.0.1:{proxy.port}" in (header(answered, "Record-Route") or "")
            route = header(answered, "Record-Route")
            contact = (header(answered, "Contact") or "").strip("<>")
            ack = caller.request("ACK", branch="ack", headers=[f"Route: {route}"])
            caller.send(ack.replace(f"ACK sip:{number}@{proxy.address}", f"ACK {contact}", 1))
            ear.until(lambda pcm: level_dbfs(pcm[-4000:]) > -40)
            bye = caller.asked("BYE", within_s=15)
            assert bye.count("Via:") == 2
        assert proxy.seen() == ["INVITE", "ACK", "BYE"]
    asked = app.wait("/answer", to=number)
    app.wait_statuses(asked["uuid"], "started", "ringing", "answered", "completed")


def test_a_call_out_through_a_proxy_as_the_trunk(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, user="+447700900123", answers=True) as phone,
        Kamailio(tmp_path, ringline=ringline.sip_port, port=ringline.trunk_port, beyond=phone.port) as proxy,
    ):
        leg = ringline.call({"type": "phone", "number": "447700900123"}, [talk("Hello through the trunk.")])
        phone.wait("CALL_ESTABLISHED")
        phone.wait_heard(_is_speech)
        phone.wait("CALL_CLOSED")
        assert [word for word in proxy.seen() if word != "PRACK"] == ["INVITE", "ACK", "BYE"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_phone_behind_a_proxy_that_ends_tls_calls_and_is_called_encrypted(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    certificates = ensure_certificates(tmp_path / "tls", names=server_names(), now=datetime.now(UTC))
    app.answers(number, [talk("You came in private."), conversation(f"room-{number}")])
    with Kamailio(tmp_path, ringline=ringline.sip_port, port=ringline.trunk_port, certificates=certificates) as proxy:
        with Baresip(
            tmp_path,
            user="+447700900123",
            password="any",
            registrar=f"127.0.0.1:{proxy.tls_port}",
            transport="tls",
            encrypts="srtp",
            certificates=certificates,
            answers=True,
        ) as phone:
            phone.wait_shown("registered successfully")
            phone.dials(f"sip:{number}@127.0.0.1:{proxy.tls_port};transport=tls")
            phone.wait("CALL_ESTABLISHED")
            phone.wait_shown("SRTP is Enabled")
            phone.wait_heard(_is_speech)
            phone.hangs_up()
            phone.wait("CALL_CLOSED")
            leg = ringline.call({"type": "phone", "number": "447700900123"}, [talk("Hello through the proxy.")])
            app.wait_statuses(leg, "started", "ringing", "answered", "completed")
        assert proxy.seen().count("BYE") == 2
    asked = app.wait("/answer", to=number)
    app.wait_statuses(asked["uuid"], "started", "ringing", "answered", "completed")


@pytest.fixture
def registering(app: Application, tmp_path: Path) -> Iterator[tuple[Installation, Kamailio]]:
    """A server that registers with Kamailio, whose address it knows from nothing else."""
    server = Installation(tmp_path / "server", app.url, trunk_addresses=())
    server.write_settings(
        more=f"""
[[trunks]]
name = "provider"
host = "127.0.0.1"
port = {server.trunk_port + 2}
username = "acct"
password = "s3cret"
register = true
options_s = 1
prefixes = ["999"]
"""
    )
    with Kamailio(tmp_path, ringline=server.sip_port, port=server.trunk_port + 2) as provider:
        try:
            server.start()
            yield server, provider
        finally:
            server.stop()


def _kept_bindings(server: Installation) -> int:
    with closing(sqlite3.connect(server.directory / "var" / "ringline.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM bindings").fetchone()
    return int(count)


def _metric(server: Installation, line: str) -> bool:
    return line in server.request("GET", "/metrics", token=None).body.decode()


def _until(found: object, *, within_s: float = 30.0) -> None:
    assert callable(found)
    end = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_ringline_registers_with_a_provider_and_is_called_by_it(
    registering: tuple[Installation, Kamailio], app: Application
) -> None:
    server, provider = registering
    _until(lambda: _metric(server, 'ringline_trunk_registered{trunk="provider"} 1.0'))
    _until(lambda: "OPTIONS" in provider.seen())
    assert _metric(server, 'ringline_trunk_up{trunk="provider"} 1.0')
    number = NUMBERS[98]
    app.answers(number, [talk("Your provider found us.")])
    with Peer(provider.address, number="acct") as caller, Ear() as ear:
        invite = caller.request("INVITE", body=caller.sdp(port=ear.port))
        caller.send(invite.replace(f"To: <sip:acct@{provider.address}>", f"To: <sip:+{number}@{provider.address}>"))
        caller.response(200, "INVITE")
        asked = app.wait("/answer", to=number)
        assert asked["endpoint_type"] == "phone"


def test_a_stopping_server_takes_its_registration_back(registering: tuple[Installation, Kamailio]) -> None:
    server, provider = registering
    _until(lambda: _metric(server, 'ringline_trunk_registered{trunk="provider"} 1.0'))
    before = provider.seen().count("REGISTER")
    server.stop()
    _until(lambda: provider.seen().count("REGISTER") == before + 1)
