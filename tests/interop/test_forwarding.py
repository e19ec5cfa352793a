"""A number with `voiceCallbackType` `sip`: its calls go straight on, and only the status callback hears of them."""

from __future__ import annotations

import base64
import http.client
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .ears import Ear
from .installation import API_KEY, API_SECRET, Installation
from .sipp import Sipp
from .wire import Peer

pytestmark = pytest.mark.interop


def _update(ringline: Installation, **form: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", ringline.http_port, timeout=30)
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        connection.request("POST", "/number/update", urlencode(form), headers)
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_forwarded_call_is_connected_and_its_end_is_told(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Ear() as mouth,
        Ear() as ear,
        Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=40) as bob,
        Peer(ringline.sip_address, number=number) as alice,
    ):
        target = f"sip:bob@127.0.0.1:{bob.port}"
        callback = {"voiceStatusCallback": f"{app.url}/ended"}
        _update(ringline, msisdn=number, voiceCallbackType="sip", voiceCallbackValue=target, **callback)
        alice.send(alice.request("INVITE", body=alice.sdp(port=mouth.port)))
        alice.response(200, "INVITE")
        alice.send(alice.request("ACK", branch="ack"))
        mouth.hears(0.1)
        mouth.says(tone(440, 1))
        ear.until(lambda pcm: has_tone(pcm, 440))
        alice.send(alice.request("BYE", cseq=2, branch="bye"))
        bob.good()
    ended = app.wait("/ended", to=number)
    assert ended["status"] == "completed"
    assert app.requests("/answer", to=number) == []
    assert app.requests("/event", to=number) == []
    _update(ringline, msisdn=number, voiceCallbackType="app")


def test_the_next_address_of_a_list_takes_what_the_first_does_not(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Ear() as mouth,
        Ear() as ear,
        Sipp("refuse", tmp_path, fill={"refusal": "500 Broken", "header": ""}, timeout_s=40) as first,
        Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=40) as second,
        Peer(ringline.sip_address, number=number) as alice,
    ):
        addresses = f"sip:a@127.0.0.1:{first.port};timeout=2000,sip:b@127.0.0.1:{second.port}"
        _update(ringline, msisdn=number, voiceCallbackType="sip", voiceCallbackValue=addresses)
        alice.send(alice.request("INVITE", body=alice.sdp(port=mouth.port)))
        alice.response(200, "INVITE")
        alice.send(alice.request("ACK", branch="ack"))
        mouth.hears(0.1)
        mouth.says(tone(440, 1))
        ear.until(lambda pcm: has_tone(pcm, 440))
        first.good()
        alice.send(alice.request("BYE", cseq=2, branch="bye"))
        second.good()
    _update(ringline, msisdn=number, voiceCallbackType="app")


def test_the_caller_is_told_what_the_address_has_answered(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with (
        Ear() as mouth,
        Sipp("refuse", tmp_path, fill={"refusal": "404 Nobody", "header": ""}, timeout_s=40) as first,
        Peer(ringline.sip_address, number=number) as alice,
    ):
        addresses = f"sip:a@127.0.0.1:{first.port},sip:b@127.0.0.1:9"
        _update(ringline, msisdn=number, voiceCallbackType="sip", voiceCallbackValue=addresses)
        alice.send(alice.request("INVITE", body=alice.sdp(port=mouth.port)))
        alice.response(404, "INVITE")
        first.good()
    _update(ringline, msisdn=number, voiceCallbackType="app")


def test_a_forwarded_call_that_nobody_takes_is_told_too(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Peer(ringline.sip_address, number=number) as alice, Ear() as mouth:
        callback = {"voiceStatusCallback": f"{app.url}/ended"}
        _update(ringline, msisdn=number, voiceCallbackType="sip", voiceCallbackValue="sip:bob@127.0.0.1:9", **callback)
        alice.send(alice.request("INVITE", body=alice.sdp(port=mouth.port)))
        ended = app.wait("/ended", to=number)
        assert ended["status"] != "completed"
    _update(ringline, msisdn=number, voiceCallbackType="app")
