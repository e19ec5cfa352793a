"""A short call over real SIP and RTP, told to an application that asks who speaks, and how well it was heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .application import Application
from .ears import Ear
from .installation import Installation
from .voices import spoken
from .wire import Peer

pytestmark = pytest.mark.interop

LISTENER = "442079461995"
"The number of an application that is told of every event of its conversations."


def sections(app: Application) -> str:
    return f"""
[[applications]]
id = "0b9d0c55-2222-4333-8444-955566677111"
name = "listener"
answer_url = "{app.url}/answer"
event_url = "{app.url}/event"
rtc_event_url = "{app.url}/rtc"
speaking_events = true
[[numbers]]
number = "{LISTENER}"
application = "listener"
"""


def test_who_speaks_is_told_and_a_short_call_has_its_opinion_score(app: Application, tmp_path: Path) -> None:
    server = Installation(tmp_path / "server", app.url, sections=sections(app))
    app.answers(LISTENER, [{"action": "wait", "timeout": 4}])
    try:
        server.start()
        with Ear() as ear, Peer(server.sip_address, number=LISTENER) as peer:
            peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
            peer.response(200, "INVITE")
            peer.send(peer.request("ACK", branch="ack"))
            ear.hears(0.1)
            ear.says(spoken("good morning everybody"))
            peer.asked("BYE")
        room = app.wait("/answer", to=LISTENER)["conversation_uuid"]
        speaks = app.wait("/rtc", conversation_id=room, type="audio:speaking:on")
        silent = app.wait("/rtc", conversation_id=room, type="audio:speaking:off")
        ended = app.wait("/rtc", conversation_id=room, type="sip:hangup")
        app.wait("/rtc", conversation_id=room, type="member:left")
    finally:
        server.stop()
    told = [one.fields for one in app.requests("/rtc", conversation_id=room)]
    assert [one["id"] for one in told] == list(range(1, len(told) + 1))
    assert speaks["from"] == silent["from"] == ended["from"]
    assert speaks["body"]["channel"]["type"] == "phone"
    assert speaks["id"] < silent["id"] < ended["id"]
    quality: dict[str, Any] = ended["body"]["quality"]
    assert 3.9 < quality["mos_score"] < 4.6
    assert quality["packet_loss_perc"] == 0
    assert 100 < quality["packet_cnt"] < 260
