"""A card keyed in on a real call: it reaches the payment hook over TLS, and nothing that the server keeps or tells."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import pytest

from ringline.server.certificates import ensure_certificates
from ringline.testing.audio import level_dbfs, silence, tone

from .application import Application
from .ears import Ear
from .installation import APPLICATION_ID, NUMBERS, SIGNATURE_SECRET, Installation
from .scripts import talk
from .sounds import channels, mixed
from .wire import Peer

pytestmark = pytest.mark.interop

CARD: Final = "4929731688520378"
ENTRIES: Final = (CARD, "0931", "864")
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)


class Gateway:
    """The operator's payment hook, with a certificate of an authority of its own."""

    def __init__(self, directory: Path) -> None:
        self.charges: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.charges.append(json.loads(body))
                owner.tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
                answer = b'{"status": "success"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Charges are kept, not printed."""

        made = ensure_certificates(directory, names=["127.0.0.1", "localhost"], now=datetime.now(UTC))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.cert_file, made.key_file)
        self.ca_file = made.ca_file
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}/charge"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(tmp_path / "gateway")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def shop(
    tmp_path: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Installation, Application]]:
    """A server of its own, which trusts the gateway's authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(gateway.ca_file))
    application = Application()
    hook = f'[payments]\nurl = "{gateway.url}"\n'
    installation = Installation(tmp_path / "ringline", application.url, sections=hook)
    try:
        installation.start()
        yield installation, application
    finally:
        installation.stop()
        application.close()


@contextmanager
def paying(shop: tuple[Installation, Application], *, events: bool) -> Iterator[tuple[Peer, Ear]]:
    """A call that is recorded and asked for a card."""
    ringline, app = shop
    script: list[dict[str, Any]] = [
        {"action": "record", "format": "wav", "split": "conversation"} | {"eventUrl": [f"{app.url}/recorded"]},
        {"action": "input", "type": ["dtmf"], "mode": "asynchronous", "eventUrl": [f"{app.url}/keys"]},
        {"action": "pay", "amount": 9.9, "eventUrl": [f"{app.url}/paid"]},
        talk("Thank you."),
    ]
    app.answers(NUMBERS[0], script)
    with Ear() as ear, Peer(ringline.sip_address, number=NUMBERS[0]) as peer:
        body = peer.sdp(port=ear.port)
        if not events:
            body = "".join(
                line for line in body.replace(" 8 101", " 8").splitlines(keepends=True) if ":101" not in line
            )
        peer.send(peer.request("INVITE", body=body))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.5)
        yield peer, ear


def press(way: str, keys: str, peer: Peer, ear: Ear, cseq: int) -> None:
    match way:
        case "events":
            ear.presses(keys)
        case "info":
            for place, key in enumerate(keys):
                info = peer.request("INFO", cseq=cseq + place, branch=f"info{cseq + place}", body=f"Signal={key}")
                peer.send(info.replace("application/sdp", "application/dtmf-relay"))
                peer.response(200, "INFO")
                ear.hears(0.1)
        case _:
            pcm = b"".join(dual_tone(key) + silence(0.1) for key in keys)
            ear.says(pcm + silence(30))
            ear.hears(len(pcm) / 16_000 + 0.3)
            ear.hushes()


def dual_tone(key: str) -> bytes:
    row, column = divmod("123456789*0#".index(key), 3)
    return mixed(tone(ROWS[row], 0.12), tone(COLUMNS[column], 0.12))


def assert_nothing_kept(ringline: Installation, app: Application) -> None:
    """No six digits of the card in any file of the server, its log at DEBUG included, nor in any webhook."""
    parts = [CARD[start : start + 6].encode() for start in range(len(CARD) - 5)]
    files = [path for path in ringline.directory.rglob("*") if path.is_file()]
    assert ringline.log_file in files
    assert any("ringline.db" in path.name for path in files)
    texts = {str(path): path.read_bytes() for path in files if path.suffix != ".wav"}
    texts |= {f"{one.path} {number}": one.body for number, one in enumerate(app.requests())}
    for where, text in texts.items():
        assert not any(part in text for part in parts), where
        assert b'"KeyDown"' not in text, where
        assert b'"KeyReleased"' not in text, where


@pytest.mark.parametrize("way", ["events", "info", "tones"])
def test_a_card_reaches_the_payment_hook_and_nobody_else(
    way: str, shop: tuple[Installation, Application], gateway: Gateway
) -> None:
    ringline, app = shop
    with paying(shop, events=way == "events") as (peer, ear):
        cseq = 2
        for entry in ENTRIES:
            press(way, entry, peer, ear, cseq)
            cseq += len(entry)
        assert app.wait("/paid", within_s=30)["status"] == "success"
        peer.asked("BYE", within_s=20)
    (charge,) = gateway.charges
    assert charge["card"] == {
        "brand": "visa",
        "number": CARD,
        "expiry_month": 9,
        "expiry_year": 2031,
        "security_code": "864",
    }
    assert (charge["amount"], charge["currency"]) == ("9.9", "usd")
    claims = jwt.decode(gateway.tokens[0], SIGNATURE_SECRET, algorithms=["HS256"])
    assert claims["application_id"] == APPLICATION_ID
    assert app.requests("/keys") == []
    url = app.wait("/recorded")["recording_url"]
    (caller, told), _ = channels(ringline.request("GET", urlsplit(url).path).body)
    assert len(caller) > 2 * 16_000
    assert level_dbfs(caller) < -60
    assert level_dbfs(told) > -40  # the prompts
    ringline.stop()
    assert_nothing_kept(ringline, app)


def test_a_crash_in_the_middle_of_a_card_leaves_nothing_of_it(
    shop: tuple[Installation, Application], gateway: Gateway
) -> None:
    ringline, app = shop
    with paying(shop, events=True) as (_, ear):
        ear.presses(CARD + "0931" + "86")
        ear.hears(0.5)
        ringline.kill()
    assert gateway.charges == []
    assert_nothing_kept(ringline, app)
