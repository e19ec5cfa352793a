"""Real phones that transfer their calls: baresip blind, linphone attended, and who may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .baresip import Baresip
from .ears import Ear
from .installation import CLERK_PASSWORD, Installation
from .linphone import Linphone
from .scripts import LONG_TALK
from .wire import Peer

pytestmark = pytest.mark.interop

CLERKS_NUMBER = "442079460902"


@contextmanager
def calling(ringline: Installation, app: Application, number: str, number_called: str) -> Iterator[tuple[Peer, Ear]]:
    """Somebody calls a number whose application connects him to another, and is there until the end."""
    app.answers(number, [{"action": "connect", "endpoint": [{"type": "phone", "number": number_called}]}])
    with Peer(ringline.sip_address, number=number) as caller, Ear() as ear:
        caller.send(caller.request("INVITE", body=caller.sdp(port=ear.port)))
        yield caller, ear


def is_connected(caller: Peer, ear: Ear) -> None:
    """His call was answered."""
    caller.response(200, "INVITE")
    caller.send(caller.request("ACK", branch="ack"))
    ear.hears(0.1)


def test_baresip_transfers_its_caller_to_somebody_else(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Baresip(tmp_path, user="clerk", password=CLERK_PASSWORD, registrar=ringline.sip_address, tone_hz=500) as clerk,
        Baresip(tmp_path, user="carol", tone_hz=900, answers=True) as carol,
    ):
        clerk.wait_shown("registered successfully")
        with calling(ringline, app, number, CLERKS_NUMBER) as (caller, ear):
            clerk.wait("CALL_INCOMING")
            clerk.accepts()
            is_connected(caller, ear)
            ear.until(lambda pcm: has_tone(pcm, 500, share=0.9))
            clerk.transfers(carol.uri)
            clerk.wait("CALL_CLOSED")
            carol.wait("CALL_ESTABLISHED")
            ear.says(tone(1300, 3))
            carol.wait_heard(lambda pcm: has_tone(pcm, 1300, share=0.8))
            ear.until(lambda pcm: has_tone(pcm, 900, share=0.9))
            carol.hangs_up()
            caller.asked("BYE")
    owner = app.wait("/answer", to=number)
    app.wait_statuses(owner["uuid"], "started", "ringing", "answered", "completed")
    here = {"conversation_uuid": owner["conversation_uuid"], "direction": "outbound"}
    called = app.wait("/event", **here, to=carol.uri, status="completed")
    app.wait_statuses(called["uuid"], "started", "ringing", "answered", "completed")


def test_baresip_is_told_that_the_other_declines(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Baresip(tmp_path, user="clerk", password=CLERK_PASSWORD, registrar=ringline.sip_address, tone_hz=900) as clerk,
        Baresip(tmp_path, user="carol") as carol,
    ):
        clerk.wait_shown("registered successfully")
        with calling(ringline, app, number, CLERKS_NUMBER) as (caller, ear):
            clerk.wait("CALL_INCOMING")
            clerk.accepts()
            is_connected(caller, ear)
            clerk.holds()
            ear.until(lambda pcm: not has_tone(pcm, 900))
            clerk.transfers(carol.uri)
            carol.wait("CALL_INCOMING")
            ear.until(lambda pcm: has_tone(pcm, 425, share=0.8))  # he hears that it rings
            carol.hangs_up()
            clerk.wait("TRANSFER_FAILED")
            # This phone leaves its call when a transfer fails, and who is left alone is let go of.
            caller.asked("BYE")


def test_linphone_goes_on_with_its_call_when_the_other_is_not_there(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Linphone(tmp_path, user="clerk", password=CLERK_PASSWORD, registrar=ringline.sip_address) as clerk:
        clerk.wait("to [LinphoneRegistrationOk]")
        with calling(ringline, app, number, CLERKS_NUMBER) as (caller, ear):
            clerk.wait("to LinphoneCallIncomingReceived")
            clerk.answers(1)
            is_connected(caller, ear)
            clerk.wait("to LinphoneCallStreamsRunning")
            clerk.transfers(1, "sip:nobody@no.such.host.invalid")
            clerk.wait("SIP/2.0 404 Not Found")  # in a NOTIFY: there is no such host
            leg = app.wait("/event", direction="outbound", status="failed", to="sip:nobody@no.such.host.invalid")
            assert leg["detail"] == "cannot_route"
            ear.hears(0.5)
            clerk.hangs_up()
            caller.asked("BYE")


def test_linphone_brings_its_two_callers_together(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    other_number = f"{int(number) - 90}"
    with ExitStack() as until_the_end:
        clerk = until_the_end.enter_context(
            Linphone(tmp_path, user="clerk", password=CLERK_PASSWORD, registrar=ringline.sip_address)
        )
        clerk.wait("to [LinphoneRegistrationOk]")
        one, ear = until_the_end.enter_context(calling(ringline, app, number, CLERKS_NUMBER))
        clerk.wait("LinphoneCallIncomingReceived")
        clerk.answers(1)
        is_connected(one, ear)
        clerk.wait("LinphoneCallStreamsRunning")
        other, other_ear = until_the_end.enter_context(calling(ringline, app, other_number, CLERKS_NUMBER))
        clerk.wait("to LinphoneCallIncomingReceived", times=2)
        clerk.answers(2)
        is_connected(other, other_ear)
        clerk.transfers(2, 1)
        ear.says(tone(600, 6))
        other_ear.says(tone(1300, 6))
        ear.until(lambda pcm: has_tone(pcm, 1300, share=0.8))
        other_ear.until(lambda pcm: has_tone(pcm, 600, share=0.8))
        clerk.wait("LinphoneCallReleased", within_s=20)
        one.send(one.request("BYE", cseq=2, branch="bye"))
        other.asked("BYE")
    first, second = (app.wait("/answer", to=each) for each in (number, other_number))
    moved = app.wait("/event", type="transfer", uuid=second["uuid"])
    assert moved["conversation_uuid_from"] == second["conversation_uuid"]
    assert moved["conversation_uuid_to"] == first["conversation_uuid"]


def test_a_trunk_transfers_nothing(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as caller, Ear() as ear:
        caller.send(caller.request("INVITE", body=caller.sdp(port=ear.port)))
        is_connected(caller, ear)
        refer_to = ["Refer-To: <sip:+447700900999@premium.example>"]
        caller.send(caller.request("REFER", cseq=2, branch="refer", headers=refer_to))
        caller.response(603, "REFER")
        caller.send(caller.request("BYE", cseq=3, branch="bye"))
        caller.response(200, "BYE")
