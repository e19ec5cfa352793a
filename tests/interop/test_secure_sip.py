"""Phones over TLS, with encrypted audio: measured at both ends, and refused where it is not as it must be."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import numpy as np
import pytest

from ringline.server.certificates import Certificates, ensure_certificates, server_names
from ringline.testing.audio import has_tone, level_dbfs

from .application import Application
from .baresip import Baresip
from .installation import ALICE_PASSWORD, NUMBERS, Installation
from .linphone import Linphone
from .ports import free_port
from .scripts import conversation, talk
from .wire import Peer

pytestmark = pytest.mark.interop

_NUMBERS: Final = iter(NUMBERS[440:470])
USERS: Final = f"""
[[users]]
username = "alice"
password = "{ALICE_PASSWORD}"
number = "442079460900"
srtp = "required"
[[users]]
username = "bob"
password = "{ALICE_PASSWORD}"
number = "442079460901"
"""


class Secure:
    """A server that speaks TLS, and an authority that it and its phones believe."""

    def __init__(self, folder: Path, app: Application) -> None:
        self.app = app
        self.port = free_port()
        self.certificates = _made(folder / "certificates")
        shown = self.certificates
        self.server = Installation(
            folder / "server",
            app.url,
            sections=USERS,
            trunk_addresses=(),
            sip=f'tls_port = {self.port}\ntls_cert_file = "{shown.cert_file}"\ntls_key_file = "{shown.key_file}"\n'
            f'tls_ca_file = "{shown.ca_file}"',
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def phone(
        self, folder: Path, user: str, *, tone_hz: int, encrypts: str = "srtp-mand", answers: bool = False
    ) -> Baresip:
        """A phone that registers over TLS."""
        return Baresip(
            folder,
            user=user,
            password=ALICE_PASSWORD,
            registrar=self.address,
            transport="tls",
            tone_hz=tone_hz,
            encrypts=encrypts,
            certificates=self.certificates,
            answers=answers,
        )

    def shown(self) -> bytes:
        """The certificate that it shows."""
        context = ssl.create_default_context(cafile=str(self.certificates.ca_file))
        with (
            socket.create_connection(("127.0.0.1", self.port), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""


def _made(folder: Path) -> Certificates:
    return ensure_certificates(folder, names=server_names(), now=datetime.now(UTC))


@pytest.fixture(scope="module")
def _secure(_shared: tuple[Installation, Application], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    secure = Secure(tmp_path_factory.mktemp("secure"), _shared[1])
    try:
        secure.server.start()
        yield secure
    finally:
        secure.server.stop()


@pytest.fixture
def secure(_secure: Secure) -> Secure:
    return _secure


@pytest.fixture
def number() -> str:
    return next(_NUMBERS)


def _is_speech(pcm: bytes) -> bool:
    return level_dbfs(pcm[-8000:]) > -40


def test_two_phones_talk_encrypted_and_go_on_after_a_hold(secure: Secure, number: str, tmp_path: Path) -> None:
    with (
        secure.phone(tmp_path, "alice", tone_hz=900, answers=True) as callee,
        secure.phone(tmp_path, "bob", tone_hz=500) as caller,
    ):
        callee.wait_shown("registered successfully")
        to_alice = {"action": "connect", "endpoint": [{"type": "phone", "number": "442079460900"}]}
        secure.app.answers(number, [to_alice])
        caller.dials(f"sip:{number}@{secure.address};transport=tls")
        caller.wait("CALL_ESTABLISHED")
        caller.wait_heard(lambda pcm: has_tone(pcm, 900, share=0.9))
        callee.wait_heard(lambda pcm: has_tone(pcm, 500, share=0.9))
        for phone in (caller, callee):
            phone.wait_shown("SRTP is Enabled (cryptosuite=AES_CM_128_HMAC_SHA1_80)")
        caller.wait_receiving(lambda bits: bits > 30_000)
        caller.holds()
        caller.wait_receiving(lambda bits: bits == 0)
        caller.resumes()
        caller.wait_receiving(lambda bits: bits > 30_000)
        caller.hangs_up()
        callee.wait("CALL_CLOSED")


def test_a_server_that_shows_its_certificate_is_called(secure: Secure, tmp_path: Path) -> None:
    with Baresip(tmp_path, certificates=secure.certificates, encrypts="srtp", answers=True) as phone:
        named = phone.secure_uri.replace("127.0.0.1", "localhost")
        to = {"type": "sip", "uri": f"{named};media=srtp"}
        leg = secure.server.call(to, [talk("Hello, nobody else hears this.")])
        phone.wait("CALL_ESTABLISHED")
        phone.wait_shown("SRTP is Enabled")
        phone.wait_heard(_is_speech)
        phone.wait("CALL_CLOSED")
    secure.app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_server_with_a_certificate_of_nobody_we_know_is_not_called(secure: Secure, tmp_path: Path) -> None:
    with Baresip(tmp_path, certificates=_made(tmp_path / "own"), answers=True) as phone:
        leg = secure.server.call({"type": "sip", "uri": phone.secure_uri}, [talk("Nobody hears this.")])
        secure.app.wait_statuses(leg, "started", "unanswered")
        assert "CALL_INCOMING" not in phone.story()


def test_plain_audio_is_refused_where_encryption_is_required(secure: Secure, number: str, tmp_path: Path) -> None:
    secure.app.answers(number, [talk("Nobody hears this.")])
    with Baresip(tmp_path, user="alice", password=ALICE_PASSWORD, certificates=secure.certificates) as phone:
        phone.dials(f"sip:{number}@{secure.address};transport=tls")
        assert "488" in phone.wait("CALL_CLOSED")["param"]
    assert secure.app.requests("/answer", to=number) == []


def test_a_phone_that_can_encrypt_does_so_where_it_is_optional(secure: Secure, number: str, tmp_path: Path) -> None:
    secure.app.answers(number, [conversation(f"room-{number}")])
    with secure.phone(tmp_path, "bob", tone_hz=500, encrypts="srtp") as phone:
        phone.dials(f"sip:{number}@{secure.address};transport=tls")
        phone.wait("CALL_ESTABLISHED")
        phone.wait_shown("SRTP is Enabled")


def test_linphone_registers_over_tls_and_is_called_encrypted(secure: Secure, tmp_path: Path) -> None:
    with Linphone(
        tmp_path,
        user="alice",
        password=ALICE_PASSWORD,
        registrar=f"localhost:{secure.port}",  # it finds no addresses in certificates
        transport="tls",
        ca_file=secure.certificates.ca_file,
        encrypts=True,
    ) as phone:
        phone.wait("to [LinphoneRegistrationOk]")
        leg = secure.server.call({"type": "phone", "number": "442079460900"}, [talk("Hello Alice, in private.")])
        phone.wait("LinphoneCallIncomingReceived")
        phone.answers()
        phone.wait("LinphoneCallStreamsRunning")
        phone.wait("LinphoneCallReleased", within_s=20)
    secure.app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_linphone_calls_over_tls_and_hears_an_encrypted_phone(secure: Secure, number: str, tmp_path: Path) -> None:
    secure.app.answers(number, [{"action": "connect", "endpoint": [{"type": "phone", "number": "442079460901"}]}])
    with (
        secure.phone(tmp_path, "bob", tone_hz=500, encrypts="srtp", answers=True) as callee,
        Linphone(
            tmp_path,
            user="alice",
            password=ALICE_PASSWORD,
            registrar=f"localhost:{secure.port}",
            transport="tls",
            ca_file=secure.certificates.ca_file,
            encrypts=True,
        ) as caller,
    ):
        callee.wait_shown("registered successfully")
        caller.wait("to [LinphoneRegistrationOk]")
        caller.dials(f"sip:{number}@localhost:{secure.port};transport=tls")
        caller.wait("LinphoneCallStreamsRunning")
        caller.says(700)
        callee.wait_heard(lambda pcm: has_tone(pcm, 700, share=0.9))
        caller.wait_receiving()
        caller.hangs_up()
        callee.wait("CALL_CLOSED")


def test_a_phone_in_the_terminal_registers_over_tls_and_is_called_encrypted(secure: Secure, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    options = ["--answer", "--register", secure.address, "--user", "alice", "--password", ALICE_PASSWORD]
    options += ["--srtp", "required", "--record", str(heard)]
    with _terminal_phone(secure, *options) as phone:
        assert phone.stdout is not None
        _read_until(phone.stdout, "registered as alice")
        leg = secure.server.call({"type": "phone", "number": "442079460900"}, [talk("Hello Alice, in private.")])
        told = phone.communicate(timeout=30)[0]
    assert (phone.returncode, ", encrypted" in told) == (0, True), told
    secure.app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    assert _loudest(heard, channel=0) > -30


def test_a_phone_in_the_terminal_calls_over_tls_and_believes_no_strangers(
    secure: Secure, number: str, tmp_path: Path
) -> None:
    heard = tmp_path / "heard.wav"
    secure.app.answers(number, [talk("Hello, nobody else hears this.")])
    whom = [f"sip:{number}@{secure.address}", "--user", "bob", "--password", ALICE_PASSWORD]
    with _terminal_phone(secure, *whom, "--record", str(heard)) as phone:
        told = phone.communicate(timeout=30)[0]
    assert (phone.returncode, ", encrypted" in told) == (0, True), told
    assert _loudest(heard, channel=0) > -30
    with _terminal_phone(secure, *whom, believes=False) as phone:
        told = phone.communicate(timeout=30)[0]
    assert (phone.returncode, "answered" in told) == (3, False), told


def test_new_certificates_are_shown_without_a_restart_and_broken_ones_are_not(secure: Secure, tmp_path: Path) -> None:
    shown, before = secure.certificates, secure.shown()
    shown.cert_file.unlink()
    _made(shown.ca_file.parent)  # of the same authority
    secure.server.signal(signal.SIGHUP)
    _until(lambda: secure.shown() != before)
    after, good = secure.shown(), shown.cert_file.read_bytes()
    shown.cert_file.write_bytes(b"broken")
    secure.server.signal(signal.SIGHUP)
    _until(lambda: "tls_cert_file" in secure.server.log_tail())
    assert secure.shown() == after
    shown.cert_file.write_bytes(good)


def test_plain_sip_on_the_tls_port_disturbs_nobody(secure: Secure) -> None:
    with socket.create_connection(("127.0.0.1", secure.port), 5) as plain, suppress(OSError):
        plain.sendall(b"OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n")
        assert b"SIP" not in plain.recv(1000)
    with Peer(secure.server.sip_address) as peer:
        peer.send(peer.request("OPTIONS"))
        peer.response(200, "OPTIONS")
    assert secure.shown()


def _terminal_phone(secure: Secure, *options: str, believes: bool = True) -> subprocess.Popen[str]:
    """`ringline phone` over TLS."""
    command = [sys.executable, "-u", "-c", "from ringline.cli import main; main()", "phone", *options, "--tls"]
    if believes:
        command += ["--ca", str(secure.certificates.ca_file)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _read_until(lines: IO[str], text: str) -> None:
    for line in lines:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


def _loudest(path: Path, *, channel: int) -> float:
    """The level of the loudest 200 ms, in dBFS."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
    one = samples[:, channel]
    return max(level_dbfs(one[at : at + 1600].tobytes()) for at in range(0, max(1, len(one) - 1600), 800))


def _until(condition: object, *, within_s: float = 30.0) -> None:
    assert callable(condition)
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
