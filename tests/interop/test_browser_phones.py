"""Phones in browsers over SIP: JsSIP in Chromium registers over WSS, calls and is called; tones are measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from ringline.server.certificates import ensure_certificates, server_names
from ringline.testing.audio import has_tone

from .application import Application
from .baresip import Baresip
from .installation import ALICE_PASSWORD, NUMBERS, Installation
from .jssip_phone import JsSipPhone
from .ports import free_port

pytestmark = pytest.mark.interop

_NUMBERS: Final = iter(NUMBERS[470:480])
USERS: Final = f"""
[[users]]
username = "alice"
password = "{ALICE_PASSWORD}"
number = "442079460900"
[[users]]
username = "bob"
password = "{ALICE_PASSWORD}"
number = "442079460901"
"""


class Web:
    """A server that phones in browsers reach."""

    def __init__(self, folder: Path, app: Application) -> None:
        self.app = app
        self.port = free_port()
        shown = ensure_certificates(folder / "tls", names=server_names(), now=datetime.now(UTC))
        self.server = Installation(
            folder / "server",
            app.url,
            sections=USERS,
            trunk_addresses=(),
            sip=f'wss_port = {self.port}\ntls_cert_file = "{shown.cert_file}"\ntls_key_file = "{shown.key_file}"',
        )

    def phone(self, folder: Path, user: str, *, tone_hz: int, answers: bool = False) -> JsSipPhone:
        address = f"wss://127.0.0.1:{self.port}"
        return JsSipPhone(folder, user=user, password=ALICE_PASSWORD, server=address, tone_hz=tone_hz, answers=answers)


@pytest.fixture(scope="module")
def _web(_shared: tuple[Installation, Application], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"), _shared[1])
    try:
        web.server.start()
        yield web
    finally:
        web.server.stop()


@pytest.fixture
def web(_web: Web) -> Web:
    return _web


@pytest.fixture
def number() -> str:
    return next(_NUMBERS)


def test_a_browser_registers_calls_a_phone_and_holds_it(web: Web, number: str, tmp_path: Path) -> None:
    web.app.answers(number, [{"action": "connect", "endpoint": [{"type": "phone", "number": "442079460901"}]}])
    with (
        Baresip(
            tmp_path,
            user="bob",
            password=ALICE_PASSWORD,
            registrar=web.server.sip_address,
            tone_hz=700,
            answers=True,
        ) as callee,
        web.phone(tmp_path, "alice", tone_hz=500) as caller,
    ):
        callee.wait_shown("registered successfully")
        caller.wait("registered")
        caller.dials(f"sip:{number}@127.0.0.1")
        caller.wait("confirmed")
        callee.wait_heard(lambda pcm: has_tone(pcm[-16_000:], 500, share=0.8))
        caller.wait_hears(700)
        caller.holds()
        caller.wait("hold local")
        caller.resumes()
        caller.wait("unhold local")
        caller.wait_hears(700)
        caller.hangs_up()
        callee.wait("CALL_CLOSED")


def test_a_browser_is_called_with_an_offer_of_ours_and_hears_the_other_browser(web: Web, tmp_path: Path) -> None:
    with (
        web.phone(tmp_path, "alice", tone_hz=600, answers=True) as callee,
        web.phone(tmp_path, "bob", tone_hz=900) as caller,
        # A desk phone of the same user rings beside it, with plain audio.
        Baresip(tmp_path, user="alice", password=ALICE_PASSWORD, registrar=web.server.sip_address) as desk,
    ):
        desk.wait_shown("registered successfully")
        callee.wait("registered")
        caller.wait("registered")
        number = next(_NUMBERS)
        web.app.answers(number, [{"action": "connect", "endpoint": [{"type": "phone", "number": "442079460900"}]}])
        caller.dials(f"sip:{number}@127.0.0.1")
        callee.wait("confirmed")
        desk.wait("CALL_CLOSED")
        callee.wait_hears(900)
        caller.wait_hears(600)
        callee.hangs_up()
        caller.wait("ended remote")


def test_a_browser_that_changes_its_network_keeps_its_call_and_is_heard_by_the_keys_it_had(
    web: Web, number: str, tmp_path: Path
) -> None:
    to_bob = {"action": "connect", "endpoint": [{"type": "phone", "number": "442079460901"}]}
    web.app.answers(number, [to_bob])
    with (
        web.phone(tmp_path, "bob", tone_hz=700, answers=True) as bob,
        web.phone(tmp_path, "alice", tone_hz=1100) as alice,
    ):
        for phone in (alice, bob):
            phone.wait("registered")
        alice.dials(f"sip:{number}@127.0.0.1")
        for phone in (alice, bob):
            phone.wait("confirmed")
        alice.wait_hears(700)
        for phone in (alice, bob):  # who has called, and who was offered a way by us
            phone.changes_network()
            found = phone.run("phone.session.connection.iceConnectionState")
            assert found in ("connected", "completed", "checking")
            alice.wait_hears(700)
            bob.wait_hears(1100)
        alice.hangs_up()
        bob.wait("ended remote")


def test_a_wrong_password_registers_nobody(web: Web, tmp_path: Path) -> None:
    stranger = JsSipPhone(tmp_path, user="bob", password="guessed", server=f"wss://127.0.0.1:{web.port}")
    with stranger as phone:
        phone.wait("registrationFailed")
        assert "registered" not in phone.events()
