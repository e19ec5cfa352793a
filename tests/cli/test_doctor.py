"""`ringline doctor`: what is wrong between here and trunks, phones and applications is said in a sentence."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringline.base import ConversationId, LegId
from ringline.cli import app
from ringline.cli import doctor as command
from ringline.engine.ports import JournalLine
from ringline.io.store import SqlStore
from ringline.server.certificates import ensure_certificates

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_WAIT_S", 0.3)


@contextmanager
def trunk(*, received: str = "127.0.0.1", silent: bool = False) -> Iterator[int]:
    """A carrier that answers OPTIONS, and says from where they came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
        carrier.bind(("127.0.0.1", 0))
        carrier.settimeout(10)

        def answer() -> None:
            asked, who = carrier.recvfrom(65_536)
            assert asked.startswith(b"OPTIONS sip:127.0.0.1:")
            if not silent:
                lines = asked.decode().split("\r\n")[1:]
                lines[0] = lines[0].replace(";rport", f";rport={who[1]};received={received}")
                lines[3] += ";tag=carrier"
                carrier.sendto("\r\n".join(["SIP/2.0 200 OK", *lines]).encode(), who)

        thread = threading.Thread(target=answer)
        thread.start()
        yield carrier.getsockname()[1]
        thread.join(10)


def examined(settings: str, *options: str) -> tuple[int, str]:
    Path("ringline.toml").write_text(settings)
    result = run(app, ["doctor", *options])
    return result.exit_code, " ".join(result.output.split())


def of_trunk(port: int, more: str = "") -> str:
    return f'{more}\n[[trunks]]\nname = "carrier"\nhost = "127.0.0.1"\nport = {port}\n'


def test_a_trunk_that_answers_is_well() -> None:
    with trunk() as port:
        code, told = examined(of_trunk(port))
    assert (code, f"✓ trunk carrier answers 200 at 127.0.0.1:{port} (udp)" in told) == (0, True), told


def test_a_silent_trunk_is_named_with_what_may_be_wrong() -> None:
    with trunk(silent=True) as port:
        code, told = examined(of_trunk(port))
    assert code == 1
    assert f"✗ trunk carrier no answer from 127.0.0.1:{port} (udp) for 0.3 s" in told


def test_a_trunk_that_sees_another_address_than_we_offer_shows_the_nat() -> None:
    with trunk(received="198.41.0.4") as port:
        code, told = examined(of_trunk(port))
    assert code == 1
    assert "it sees us at 198.41.0.4, but our SDP offers 127.0.0.1: we are behind a NAT" in told


def test_a_trunk_beyond_this_machine_cannot_be_reached_from_loopback() -> None:
    code, told = examined('[[trunks]]\nname = "carrier"\nhost = "198.41.0.4"\n')
    assert code == 1
    assert "sip.bind is 127.0.0.1: nothing leaves this machine" in told


def test_addresses_that_mean_nothing_and_files_that_are_none_are_told() -> None:
    Path("ca.pem").write_text("nothing")
    code, told = examined('[public]\nmedia_host = "0.0.0.0"\n[websockets]\nca_file = "ca.pem"\n')
    assert code == 1
    assert "✗ audio address our SDP would name 0.0.0.0, where nobody can send anything: set public.media_host" in told
    assert "✗ wss authorities" in told


def test_webhooks_that_are_never_asked_are_told() -> None:
    account = '[account]\napi_key = "abcd1234"\napi_secret = "Api-Secret-Of-Tests-1"\nsignature_secret = "' + "s" * 40
    application = '"\n[[applications]]\nid = "0b9d0c55-2222-4333-8444-955566677788"\nname = "shop"\n'
    urls = 'answer_url = "http://10.1.2.3/answer"\nevent_url = "http://10.1.2.3/event"\n'
    code, told = examined(account + application + urls)
    assert code == 1
    assert "✗ webhooks of shop 10.1.2.3: 10.1.2.3 is a loopback, private or reserved address, so it is never" in told


def made(folder: Path, *names: str, days: int = 300) -> str:
    """Settings that show a certificate for these names, good for so long."""
    found = ensure_certificates(folder, names=names, now=datetime.now(UTC) + timedelta(days=days - 397))
    return f'tls_port = 5061\ntls_cert_file = "{found.cert_file}"\ntls_key_file = "{found.key_file}"\n'


def test_a_certificate_that_phones_believe_is_well(tmp_path: Path) -> None:
    code, told = examined("[sip]\n" + made(tmp_path / "tls", "127.0.0.1"))
    assert (code, "✓ sip certificate" in told, "good for 127.0.0.1 until" in told) == (0, True, True), told


def test_certificates_that_phones_refuse_are_told(tmp_path: Path) -> None:
    sip = '[public]\nsip_host = "sip.example.com"\n[sip]\n'
    for names, days, why in (
        (("pbx.example.com",), 300, "it is one of pbx.example.com, and not of sip.example.com"),
        (("*.example.com",), 300, "wildcards do not count in SIP (RFC 5922)"),
        (("sip.example.com",), 10, "renew it, then `kill -HUP` is enough"),
        (("sip.example.com",), -3, "ours is over since"),
    ):
        code, told = examined(sip + made(tmp_path / f"{days}{names[0]}", *names, days=days))
        assert (code, "✗ sip certificate" in told, why in told) == (1, True, True), told


def test_a_chain_that_does_not_lead_anywhere_is_told(tmp_path: Path) -> None:
    settings = "[sip]\n" + made(tmp_path / "tls", "127.0.0.1")
    shown, other = tmp_path / "tls/server.pem", ensure_certificates(tmp_path / "b", names=("x",), now=datetime.now(UTC))
    alone = shown.read_text().partition("-----END CERTIFICATE-----\n")
    for chain, why in (
        (alone[0] + alone[1], "put the certificates between into the file"),
        (alone[0] + alone[1] + other.ca_file.read_text(), "its chain is broken"),
    ):
        shown.write_text(chain)
        code, told = examined(settings)
        assert (code, why in told) == (1, True), told


def test_policies_that_take_back_what_others_promise_are_told(tmp_path: Path) -> None:
    user = '[[users]]\nusername = "alice"\npassword = "secret"\nsrtp = "required"\n'
    with trunk() as port:
        code, told = examined(of_trunk(port, user) + 'srtp = "required"\n')
    assert code == 1
    assert "✗ trunk carrier srtp is required, but its keys go in the clear" in told
    assert "✗ user alice srtp is required, but without sip.tls_port" in told


@contextmanager
def stun(host: str) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def answer() -> None:
            asked, who = server.recvfrom(100)
            value = b"\0\1" + struct.pack("!H", who[1]) + socket.inet_aton(host)
            head = struct.pack("!HHI", 0x0101, 12, 0x2112A442) + asked[8:20]
            server.sendto(head + struct.pack("!HH", 0x0001, 8) + value, who)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_a_stun_server_that_sees_another_address_than_we_offer_shows_the_nat() -> None:
    with stun("198.41.0.4") as port:
        code, told = examined("", "--stun", f"127.0.0.1:{port}")
    assert code == 1
    assert "sees us at 198.41.0.4" in told
    assert 'our SDP offers 127.0.0.1: set public.media_host = "198.41.0.4"' in told
    with stun("127.0.0.1") as port:
        code, told = examined("", "--stun", f"127.0.0.1:{port}")
    assert (code, "sees us at 127.0.0.1, as our SDP says" in told) == (0, True)


def test_a_call_whose_far_end_was_never_heard_is_told_with_what_our_sdp_named(tmp_path: Path) -> None:
    def noted(leg: str, sequence: int, text: str, *, ago: timedelta = timedelta()) -> JournalLine:
        return JournalLine(
            conversation=ConversationId("CON-1"),
            sequence=sequence,
            wallclock=datetime.now(UTC) - ago,
            kind="trace",
            leg=LegId(leg),
            data={"what": "audio", "text": text},
        )

    nothing = "no audio from the far end for 3 s: our SDP offered 172.17.0.2"
    heard = "first audio from the far end"

    async def write(*lines: JournalLine) -> None:
        store = SqlStore(f"sqlite:///{tmp_path / 'var' / 'ringline.db'}", data_dir=tmp_path / "var")
        await store.start()
        for line in lines:
            store.write_journal(line)
        await store.stop()

    assert "far ends there is no store" in examined("")[1]
    (tmp_path / "var").mkdir(exist_ok=True)
    old = timedelta(days=2)
    asyncio.run(write(noted("a", 1, nothing), noted("a", 2, heard), noted("b", 3, nothing, ago=old)))
    assert "far ends every far end was heard in the last day" in examined("")[1]
    asyncio.run(write(noted("c", 4, nothing)))
    code, told = examined("")
    assert code == 1
    assert "far ends in one call c at" in told
    assert "no audio from the far end for 3 s: our SDP offered 172.17.0.2. Can they reach that address" in told


@pytest.mark.parametrize(
    ("media_bind", "media_host", "said"),
    [
        ("127.0.0.1", "", "✗ place ::1 far ends with IPv6 would find 127.0.0.1 in our SDP, where they cannot send to"),
        ("127.0.0.1", 'media_host = "::1"', "✗ place ::1 our SDP names ::1 there, and media.bind is 127.0.0.1, which"),
        ("::", 'media_host = "::1"', "✓ place ::1 our SDP names ::1 there"),
        ("::1", 'media_host = "::1"', "✓ place ::1 our SDP names ::1 there"),
    ],
)
def test_a_place_for_ipv6_needs_audio_by_ipv6(media_bind: str, media_host: str, said: str) -> None:
    place = f'[[sip.places]]\nnetworks = ["::/0"]\nsip_host = "::1"\n{media_host}'
    code, told = examined(f'[media]\nbind = "{media_bind}"\n[public]\nmedia_host = "127.0.0.1"\n{place}')
    assert said in told
    assert code == (0 if said.startswith("✓") else 1)


def test_a_place_for_ipv4_is_nothing_to_speak_of() -> None:
    code, told = examined('[[sip.places]]\nnetworks = ["127.0.0.0/8"]\nsip_host = "127.0.0.1"')
    assert (code, "place" in told) == (0, False)
