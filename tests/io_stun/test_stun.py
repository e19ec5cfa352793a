"""Asking how the world sees us: the answers of real servers, lost ones, forged ones and noise."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import ConfigError, RemoteProtocolError, SystemRandom
from ringline.io import stun
from ringline.server import public_address as ours
from ringline.server.sections import Public
from ringline.server.settings import Settings

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# The sample answers of RFC 5769 (sections 2.2 and 2.3), with the length as it is without integrity and fingerprint.
IPV4 = bytes.fromhex("0101001c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643")
IPV6 = bytes.fromhex(
    "010100282112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
)


def answered(host: str, port: int, transaction: bytes, *, plain: bool = False) -> bytes:
    """What a server says that sees `host`:`port`."""
    raw = ipaddress.ip_address(host).packed
    mask = bytes(16) if plain else struct.pack("!I", 0x2112A442) + transaction
    value = struct.pack("!BBH", 0, 1 if len(raw) == 4 else 2, port ^ int.from_bytes(mask[:2]))
    value += bytes(each ^ other for each, other in zip(raw, mask, strict=False))
    attribute = struct.pack("!HH", 0x0001 if plain else 0x0020, len(value)) + value
    return struct.pack("!HHI", 0x0101, len(attribute), 0x2112A442) + transaction + attribute


@contextmanager
def server(*replies: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """Gives each request in turn what the next of `replies` makes of its transaction; None is lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)

        def serve() -> None:
            for reply in replies:
                with suppress(TimeoutError):
                    request, who = listening.recvfrom(2000)
                    if (data := reply(request[8:20])) is not None:
                        listening.sendto(data, who)

        thread = Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def ask(where: str) -> tuple[str, int]:
    return asyncio.run(stun.public_address(where, bind="127.0.0.1", random=SystemRandom()))


def test_the_sample_answers_of_the_standard() -> None:
    assert stun.mapped_address(IPV4, TRANSACTION) == ("192.0.2.1", 32853)
    assert stun.mapped_address(IPV6, TRANSACTION) == ("2001:db8:1234:5678:11:2233:4455:6677", 32853)


def test_an_old_server_tells_the_address_in_plain_and_the_other_one_counts_more() -> None:
    plain = answered("192.0.2.7", 9, TRANSACTION, plain=True)
    assert stun.mapped_address(plain, TRANSACTION) == ("192.0.2.7", 9)
    both = bytearray(plain + answered("192.0.2.8", 10, TRANSACTION)[20:])
    both[2:4] = struct.pack("!H", len(both) - 20)
    assert stun.mapped_address(bytes(both), TRANSACTION) == ("192.0.2.8", 10)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        IPV4[:-1],
        IPV4 + b"\0\0\0\0",
        IPV4.replace(b"\x00\x20\x00\x08", b"\x00\x20\x00\x09"),
        IPV4.replace(b"\x00\x20\x00\x08\x00\x01", b"\x00\x20\x00\x08\x00\x03"),
        IPV4.replace(b"\x00\x20\x00\x08", b"\x00\x24\x00\x08"),
        b"\x01\x11" + IPV4[2:],
    ],
)
def test_other_answers_are_refused(answer: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        stun.mapped_address(answer, TRANSACTION)
    with pytest.raises(RemoteProtocolError):
        stun.mapped_address(IPV4, bytes(12))


@given(st.binary(max_size=200), st.integers(0, 3))
def test_noise_is_only_ever_refused_politely(noise: bytes, form: int) -> None:
    head = struct.pack("!HHI", 0x0101, len(noise), 0x2112A442) + TRANSACTION
    with suppress(RemoteProtocolError):
        stun.mapped_address(noise if form == 0 else head + noise, TRANSACTION)


def test_a_server_is_asked_again_when_an_answer_is_lost_and_forged_ones_are_not_taken() -> None:
    with server(
        lambda _transaction: None,
        lambda _transaction: answered("203.0.113.66", 1, bytes(12)),
        lambda transaction: answered("203.0.113.9", 1234, transaction),
    ) as where:
        assert ask(where) == ("203.0.113.9", 1234)


def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun, "_PAUSES_S", (0.05, 0.05))
    with server() as where, pytest.raises(TimeoutError, match="does not answer"):
        ask(where)


def test_what_the_settings_leave_open_is_what_the_server_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stun, "_PAUSES_S", (0.3,))
    with server(lambda transaction: answered("203.0.113.9", 1, transaction)) as where:
        found = asyncio.run(ours.with_public_address(Settings()))
        assert found.media_host() == "127.0.0.1"
        asked = Settings().model_copy(update={"public": Public(stun=where, sip_host="sip.example.com")})
        found = asyncio.run(ours.with_public_address(asked))
        assert (found.media_host(), found.sip_host()) == ("203.0.113.9", "sip.example.com")
        with pytest.raises(ConfigError, match="does not say how it sees us"):
            asyncio.run(ours.with_public_address(asked))
