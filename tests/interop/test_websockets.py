"""Voice bots on WebSockets, written with the `websockets` library, in calls of real SIP phones; audio is measured."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import pytest

from ringline.server.certificates import ensure_certificates
from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .bots import Bot
from .ears import Ear
from .installation import SIGNATURE_SECRET, Installation
from .scripts import conversation, talk
from .wire import Peer

pytestmark = pytest.mark.interop

HELLO = [talk("Hello.")]
HEADERS = {"caller-id": "447700900123", "event": "not this one", "tier": {"gold": True}}


def connects(endpoint: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"action": "connect", "endpoint": [endpoint], **more}


@contextmanager
def call(server: Installation, number: str) -> Iterator[tuple[Ear, Peer]]:
    """A phone's call that is answered, and hung up at the end if it is still up."""
    with Ear() as ear, Peer(server.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        yield ear, peer


def hang_up(peer: Peer) -> None:
    peer.send(peer.request("BYE", cseq=9, branch="bye"))
    peer.response(200, "BYE")


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000])
def test_caller_and_bot_hear_each_other_and_keys_marks_and_clear_work(
    ringline: Installation, app: Application, number: str, rate_hz: int
) -> None:
    with Bot() as bot:
        app.answers(number, [connects(bot.endpoint(rate_hz=rate_hz, headers=HEADERS))])
        with call(ringline, number) as (ear, peer):
            visit = bot.visited()
            content_type = f"audio/l16;rate={rate_hz}"
            greeting = {"event": "websocket:connected", "content-type": content_type, "caller-id": "447700900123"}
            assert visit.told() == {**greeting, "tier": {"gold": True}}
            assert visit.first_is_text
            # Silence first, then the caller's tone.
            visit.hears(lambda pcm: len(pcm) >= rate_hz // 2)
            assert not any(visit.audio[: rate_hz // 5])
            ear.hears(0.1)
            ear.says(tone(440, 1))
            visit.hears(lambda pcm: has_tone(pcm, 440, rate_hz, share=0.9))
            assert visit.sizes == {rate_hz // 50 * 2}
            # The bot's tone, sent at once and played at its pace; the mark comes when it was played.
            began = time.monotonic()
            visit.says(tone(700, 1, rate_hz), pieces=1000)
            visit.orders("notify", payload={"said": 1})
            ear.until(partial(has_tone, hz=700, share=0.9))
            assert visit.told() == {"event": "websocket:notify", "payload": {"said": 1}}
            assert 0.9 < time.monotonic() - began < 2.5
            # A minute more, which is cut.
            visit.says(tone(700, 50, rate_hz), pieces=64_000)
            visit.orders("notify", payload={"never": True})
            ear.until(partial(has_tone, hz=700, share=0.9))
            visit.orders("clear")
            assert visit.told() == {"event": "websocket:cleared"}
            ear.until(lambda pcm: level_dbfs(pcm) < -60)
            ear.hushes()
            ear.presses("5")
            key = visit.told()
            assert (key["event"], key["digit"]) == ("websocket:dtmf", "5")
            assert isinstance(key["duration"], int)
            hang_up(peer)
            assert visit.over.wait(5)
            assert visit.close_code == 1000
            told = app.wait("/event", to=bot.uri, status="completed")
            assert app.statuses(told["uuid"]) == ["started", "answered", "completed"]
            assert told["headers"] == HEADERS


def test_frames_come_every_20_ms_without_drift(ringline: Installation, app: Application, number: str) -> None:
    with Bot() as bot:
        app.answers(number, [connects(bot.endpoint())])
        with call(ringline, number) as (_, peer):
            visit = bot.visited()
            visit.hears(lambda pcm: len(pcm) >= 32_000 * 4)
            hang_up(peer)
        arrivals = visit.arrivals[5:]
        lasted = arrivals[-1] - arrivals[0]
        assert abs(lasted / (len(arrivals) - 1) - 0.020) < 0.0005
        gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
        assert 0.015 < gaps[len(gaps) // 2] < 0.025


def test_a_bot_that_leaves_is_disconnected_and_the_answer_is_the_callers_new_script(
    ringline: Installation, app: Application, number: str
) -> None:
    with Bot() as bot:
        app.answers(number, [connects(bot.endpoint(), eventUrl=[f"{app.url}/event"])])
        app.reacts({"status": "disconnected", "to": bot.uri}, [talk("The robot had to leave. " * 3)])
        with call(ringline, number) as (ear, peer):
            visit = bot.visited()
            visit.told()
            visit.socket.close(1000, "enough")
            ear.until(lambda pcm: level_dbfs(pcm) > -45)
            told = app.wait("/event", to=bot.uri, status="completed")
            assert app.statuses(told["uuid"]) == ["started", "answered", "disconnected", "completed"]
            assert told["disconnected_by"] == "user"
            hang_up(peer)


def test_a_bot_that_vanishes_is_disconnected_and_the_caller_is_hung_up(
    ringline: Installation, app: Application, number: str
) -> None:
    with Bot() as bot:
        app.answers(number, [connects(bot.endpoint())])
        with call(ringline, number) as (_, peer):
            visit = bot.visited()
            visit.told()
            visit.socket.socket.shutdown(socket.SHUT_RDWR)
            peer.asked("BYE")
            told = app.wait("/event", to=bot.uri, status="completed")
            assert app.statuses(told["uuid"]) == ["started", "answered", "disconnected", "completed"]


def test_two_bots_called_by_rest_talk_in_a_conversation(ringline: Installation, app: Application, number: str) -> None:
    room = [conversation(f"bots-{number}")]
    with Bot() as one, Bot() as other:
        legs = [ringline.call(bot.endpoint(rate_hz=rate_hz), room) for bot, rate_hz in ((one, 8000), (other, 24_000))]
        first, second = one.visited(), other.visited()
        for leg in legs:
            app.wait("/event", uuid=leg, status="answered")
        first.says(tone(440, 3, 8000))
        second.says(tone(700, 3, 24_000))
        first.hears(lambda pcm: has_tone(pcm, 700, 8000, share=0.9))
        second.hears(lambda pcm: has_tone(pcm, 440, 24_000, share=0.9))
        for leg, visit in zip(legs, (first, second), strict=True):
            ringline.request("PUT", f"/v1/calls/{leg}", {"action": "hangup"})
            assert visit.over.wait(5)
            assert visit.close_code == 1000
            app.wait_statuses(leg, "started", "answered", "completed")


def test_authorization_is_the_applications_or_a_signed_token(ringline: Installation, app: Application) -> None:
    with Bot() as bot:
        for given in ({"type": "vonage"}, {"type": "custom", "value": "Basic Zm9vOmJhcg=="}, None):
            endpoint = bot.endpoint() | ({"authorization": given} if given else {})
            leg = ringline.call(endpoint, HELLO)
            visit = bot.visited()
            assert visit.headers["User-Agent"].startswith("Ringline/")
            assert "Sec-WebSocket-Extensions" not in visit.headers
            value = visit.headers.get("Authorization")
            if given == {"type": "vonage"}:
                assert value is not None
                claims = jwt.decode(value.removeprefix("Bearer "), SIGNATURE_SECRET, algorithms=["HS256"])
                assert claims["application_id"]
            else:
                assert value == (given["value"] if given else None)
            visit.hears(lambda pcm: level_dbfs(pcm) > -45)  # what the script says to it
            assert visit.over.wait(10)
            app.wait("/event", uuid=leg, status="completed")
    assert "Zm9vOmJhcg" not in ringline.log_file.read_text()


def _server_that(answer: bytes) -> tuple[str, socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
            connection.recv(65_536)

    threading.Thread(target=serve, daemon=True).start()
    return f"ws://127.0.0.1:{listener.getsockname()[1]}/", listener


def test_a_socket_that_cannot_be_opened_says_why(ringline: Installation, app: Application) -> None:
    refused = socket.create_server(("127.0.0.1", 0))
    nobody = f"ws://127.0.0.1:{refused.getsockname()[1]}/"
    refused.close()
    not_found, listener = _server_that(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    silent, listening = _server_that(b"")
    with listener, listening:
        for uri, status, detail in (
            (nobody, "failed", "cannot_route"),
            ("ws://no.such.host.invalid/", "failed", "cannot_route"),
            ("ws://169.254.169.254/latest/meta-data", "failed", "cannot_route"),
            (not_found, "failed", "internal_error"),
            (silent, "unanswered", "carrier_timeout"),
        ):
            leg = ringline.call({"type": "websocket", "uri": uri, "content-type": "audio/l16;rate=16000"}, HELLO)
            told = app.wait("/event", uuid=leg, status=status)
            assert told["detail"] == detail, uri
            assert app.statuses(leg) == ["started", status]


def test_a_bot_that_sends_a_minute_too_much_is_told_once(ringline: Installation, app: Application, number: str) -> None:
    with Bot() as bot:
        app.answers(number, [connects(bot.endpoint(rate_hz=8000))])
        with call(ringline, number) as (ear, peer):
            visit = bot.visited()
            visit.says(tone(700, 70, 8000), pieces=320)
            reason = "WebSocket buffer overflow"
            assert app.wait("/event", reason=reason)["conversation_uuid"]
            ear.until(partial(has_tone, hz=700, share=0.9))
            hang_up(peer)
        assert len(app.requests("/event", reason=reason)) == 1


def _secure(certificates: Path) -> ssl.SSLContext:
    made = ensure_certificates(certificates, names=("127.0.0.1", "localhost"), now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert_file, made.key_file)
    return context


def test_wss_needs_a_certificate_that_is_believed(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Bot(tls=_secure(tmp_path / "certificates")) as bot:
        leg = ringline.call(bot.endpoint(), HELLO)
        told = app.wait("/event", uuid=leg, status="failed")
        assert told["detail"] == "internal_error"
        authority = f'[websockets]\nca_file = "{tmp_path / "certificates" / "ca.pem"}"\n'
        server = Installation(tmp_path / "server", app.url, sections=authority)
        try:
            server.start()
            app.answers(number, [connects(bot.endpoint())])
            with call(server, number) as (ear, peer):
                visit = bot.visited()
                ear.hears(0.1)
                ear.says(tone(440, 1))
                visit.hears(lambda pcm: has_tone(pcm, 440, 16_000, share=0.9))
                visit.says(tone(700, 2, 16_000))
                ear.until(partial(has_tone, hz=700, share=0.9))
                server.stop()
                assert visit.over.wait(5)
                assert visit.close_code == 1001
                peer.asked("BYE")
        finally:
            server.stop()
