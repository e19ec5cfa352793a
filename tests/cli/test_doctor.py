"""`ringline doctor`: what is wrong between here and trunks, phones and applications is said in a sentence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringline.cli import app
from ringline.cli import doctor as command

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


def examined(settings: str) -> tuple[int, str]:
    Path("ringline.toml").write_text(settings)
    result = run(app, ["doctor"])
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
