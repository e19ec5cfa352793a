"""A call goes from one phone of a user to another: linphone sends INVITE with Replaces (RFC 3891)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from ringline.testing.audio import has_tone

from .application import Application
from .baresip import Baresip
from .installation import ALICE_PASSWORD, Installation
from .linphone import Linphone

pytestmark = pytest.mark.interop

USERS: Final = f"""
[[users]]
username = "alice"
password = "{ALICE_PASSWORD}"
number = "442079460900"
"""


def test_linphone_takes_over_the_call_of_another_phone_of_its_user(
    app: Application, number: str, tmp_path: Path
) -> None:
    # No trunk: whoever calls from this machine is who he logs in as.
    server = Installation(tmp_path / "server", app.url, sections=USERS, trunk_addresses=())

    def phone() -> Linphone:
        return Linphone(tmp_path, user="alice", password=ALICE_PASSWORD, registrar=server.sip_address)

    try:
        server.start()
        with Baresip(tmp_path, user="carol", tone_hz=900, answers=True) as carol, phone() as mobile, phone() as desk:
            app.answers(number, [{"action": "connect", "endpoint": [{"type": "sip", "uri": carol.uri}]}])
            for each in (mobile, desk):
                each.wait("to [LinphoneRegistrationOk]")
            mobile.dials(f"sip:{number}@{server.sip_address}")
            mobile.wait("to LinphoneCallStreamsRunning")
            # One phone calls the other directly and tells it which call to take over.
            mobile.dials(desk.uri)
            desk.wait("to LinphoneCallIncomingReceived")
            desk.answers(1)
            desk.wait("to LinphoneCallStreamsRunning")
            mobile.wait("to LinphoneCallStreamsRunning", times=2)
            mobile.transfers(2, 1)
            desk.wait("\nReplaces: ")
            desk.wait("to LinphoneCallStreamsRunning", times=2)
            desk.says(700, call=2)
            carol.wait_heard(lambda pcm: has_tone(pcm, 700, share=0.8))
            desk.wait_receiving()
            mobile.wait("to LinphoneCallReleased", times=2)
            carol.hangs_up()
            desk.wait("to LinphoneCallReleased", times=2)
    finally:
        server.stop()
