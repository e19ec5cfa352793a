"""Our own phone page in Chromium: it calls a SIP phone and is called by one, with tones measured at both ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringline.cli.demo.phone_page import PAGE
from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .chromium import Chromium
from .client import Client
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, NUMBERS, Installation
from .pages import PageServer, Wire, user_token
from .sipp import Sipp
from .tabs import Tab
from .wire import Peer

pytestmark = pytest.mark.interop

BROWSER_HZ = 600.0
PHONE_HZ = 1000


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@contextmanager
def signed_in(chromium: Chromium, ringline: Installation, user: str) -> Iterator[tuple[Tab, Wire]]:
    """The page, signed in by a wire that can be cut."""
    with PageServer(PAGE.parent) as pages, Wire(ringline.http_port) as wire:
        page = Tab(chromium, f"{pages.url}/{PAGE.name}", hz=BROWSER_HZ)
        try:
            page.run(f"$('server').value = {json.dumps(wire.url)}")
            page.run(f"$('token').value = {json.dumps(user_token(ringline, user))}")
            page.click("#enter")
            page.until("document.body.dataset.state === 'ready'")
            yield page, wire
        finally:
            page.close()


def both_hear(page: Tab, ear: Ear) -> None:
    """A tone goes each way."""
    ear.hears(0.1)
    ear.says(tone(PHONE_HZ, 1))
    ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
    assert page.hears() == pytest.approx(PHONE_HZ, abs=20)


def test_the_page_calls_a_phone_and_both_hear_each_other(
    ringline: Installation, app: Application, number: str, tmp_path: Path, chromium: Chromium
) -> None:
    with (
        signed_in(chromium, ringline, "page-calls") as (page, wire),
        Ear() as ear,
        Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=60) as bob,
    ):
        uri = f"sip:bob@127.0.0.1:{bob.port}"
        app.answers(number, [{"action": "connect", "endpoint": [{"type": "sip", "uri": uri}]}])
        page.run(f"$('to').value = '{number}'; $('context').value = '{{\"shoe\": 42}}'")
        page.click("#call")
        asked = app.wait("/answer", to=number)
        assert (asked["from_user"], json.loads(asked["custom_data"])) == ("page-calls", {"shoe": 42})
        page.until("document.body.dataset.state === 'talking'")
        both_hear(page, ear)
        page.click("#mute")
        ear.until(lambda pcm: level_dbfs(pcm) < -55)
        page.click("#mute")
        ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
        page.click("[aria-label='star']")
        ear.until(lambda pcm: ear.keys() == "*")
        # The network changes: the session comes back, the call has gone on meanwhile.
        wire.cut()
        ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
        page.until("phone.socket && phone.socket.readyState === 1")
        page.run("phone.reconnect()")
        both_hear(page, ear)
        page.click("#hang-up")
        page.until("document.body.dataset.state === 'ready'")
        assert "local hangup" in page.run("$('detail').textContent")
        bob.good()
    told = app.wait("/event", uuid=asked["uuid"], status="completed")
    assert told["disconnected_by"] == "user"
    assert app.statuses(asked["uuid"]) == ["started", "answered", "completed"]


def test_the_page_is_called_by_a_phone_and_both_hear_each_other(
    ringline: Installation, app: Application, number: str, chromium: Chromium
) -> None:
    app.answers(
        number, [{"action": "connect", "from": NUMBERS[0], "endpoint": [{"type": "app", "user": "page-called"}]}]
    )
    with (
        signed_in(chromium, ringline, "page-called") as (page, _),
        Ear() as ear,
        Peer(ringline.sip_address, number=number) as peer,
    ):
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        page.until("$('invite').open")
        assert page.run("$('caller').textContent") == NUMBERS[0]
        page.click("#answer")
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        page.until("document.body.dataset.state === 'talking'")
        both_hear(page, ear)
        peer.send(peer.request("BYE", cseq=9, branch="bye"))
        peer.response(200, "BYE")
        page.until("document.body.dataset.state === 'ready'")
        assert "remote hangup" in page.run("$('detail').textContent")
    told = app.wait("/event", to="page-called", status="completed")
    assert app.statuses(told["uuid"]) == ["started", "answered", "completed"]


def test_the_page_declines(ringline: Installation, app: Application, number: str, chromium: Chromium) -> None:
    app.answers(number, [{"action": "connect", "endpoint": [{"type": "app", "user": "page-declines"}]}])
    with signed_in(chromium, ringline, "page-declines") as (page, _), Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=9)))
        page.until("$('invite').open")
        page.click("#reject")
        peer.response(603, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
    told = app.wait("/event", to="page-declines", status="rejected")
    assert told["detail"] == "declined"


def test_the_node_library_calls_the_page(ringline: Installation, app: Application, chromium: Chromium) -> None:
    with signed_in(chromium, ringline, "page-of-node") as (page, _), Client("node", ca_file=ringline.ca_file) as node:
        place = {"host": f"127.0.0.1:{ringline.https_port}", "key": ringline.key_file.read_text()}
        node.do("connect", {"application": APPLICATION_ID, "apiKey": API_KEY, "apiSecret": API_SECRET, **place})
        made = node.do(
            "create",
            {
                "to": [{"type": "app", "user": "page-of-node"}],
                "from": {"type": "phone", "number": NUMBERS[0]},
                "ncco": [{"action": "talk", "text": "Hello. This is a call that the library for Node has made."}],
            },
        )
        page.until("$('invite').open")
        assert page.run("$('caller').textContent") == NUMBERS[0]
        page.click("#answer")
        assert page.hears() > 50  # a voice
        page.until("document.body.dataset.state === 'ready'", within_s=30)
    app.wait("/event", uuid=made["uuid"], status="completed")
    assert app.statuses(made["uuid"]) == ["started", "answered", "completed"]
