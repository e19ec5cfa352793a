"""Asking a STUN server how the world sees us (RFC 8489): one binding request, and the address in its answer."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from typing import Final

from ringline.base import Random, RemoteProtocolError

PORT: Final = 3478
_MAGIC: Final = 0x2112A442
_REQUEST: Final = 0x0001
_SUCCESS: Final = 0x0101
_MAPPED: Final = 0x0001
_XOR_MAPPED: Final = 0x0020
_FAMILIES: Final = {1: 4, 2: 16}
_PAUSES_S: Final = (0.5, 1.0, 1.5)
"How long each of the requests is waited for; one that is lost is sent again (section 6.2.1)."


def binding_request(transaction: bytes) -> bytes:
    """A request without attributes; `transaction` are 12 bytes of chance."""
    return struct.pack("!HHI", _REQUEST, 0, _MAGIC) + transaction


def mapped_address(answer: bytes, transaction: bytes) -> tuple[str, int]:
    """The address and port that the server saw.

    Raises:
        RemoteProtocolError: this is no answer to that request, or says nothing about an address.
    """
    if len(answer) < 20:
        raise RemoteProtocolError("a STUN answer is too short")
    kind, length, magic = struct.unpack_from("!HHI", answer)
    if kind != _SUCCESS or magic != _MAGIC or answer[8:20] != transaction or length != len(answer) - 20:
        raise RemoteProtocolError("this is no answer to our STUN request")
    found: dict[int, tuple[str, int]] = {}
    at = 20
    while at + 4 <= len(answer):
        attribute, size = struct.unpack_from("!HH", answer, at)
        value = answer[at + 4 : at + 4 + size]
        if len(value) != size:
            raise RemoteProtocolError("a STUN attribute is longer than its message")
        if attribute in (_MAPPED, _XOR_MAPPED):
            found[attribute] = _address(value, answer[4:20] if attribute == _XOR_MAPPED else bytes(16))
        at += 4 + (size + 3) // 4 * 4
    for attribute in (_XOR_MAPPED, _MAPPED):  # some routers rewrite what they take for their own address in plain
        if attribute in found:
            return found[attribute]
    raise RemoteProtocolError("a STUN answer names no address")


def _address(value: bytes, mask: bytes) -> tuple[str, int]:
    size = _FAMILIES.get(value[1]) if len(value) > 4 else None
    if size is None or len(value) != 4 + size:
        raise RemoteProtocolError("a STUN address is broken")
    port = int.from_bytes(value[2:4]) ^ int.from_bytes(mask[:2])
    raw = bytes(each ^ other for each, other in zip(value[4:], mask, strict=False))
    return str(ipaddress.ip_address(raw)), port


async def public_address(server: str, *, bind: str, random: Random) -> tuple[str, int]:
    """How `server` (`host` or `host:port`) sees a socket that is bound to this address.

    Raises:
        OSError: it cannot be found or asked; `TimeoutError` when it does not answer.
        RemoteProtocolError: what it answers is no STUN.
    """
    host, _, port = server.rpartition(":") if server.count(":") == 1 or server.startswith("[") else (server, "", "")
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(host.strip("[]"), int(port or PORT), family=family, type=socket.SOCK_DGRAM)
    transaction = random.bytes(12)
    transport, listener = await loop.create_datagram_endpoint(
        lambda: _Listener(transaction), local_addr=(bind, 0), family=family
    )
    try:
        for pause in _PAUSES_S:
            transport.sendto(binding_request(transaction), places[0][4])
            try:
                async with asyncio.timeout(pause):
                    return mapped_address(await asyncio.shield(listener.answer), transaction)
            except TimeoutError:
                continue
        raise TimeoutError(f"{server} does not answer")
    finally:
        listener.answer.cancel()
        transport.close()


class _Listener(asyncio.DatagramProtocol):
    """Takes the first answer that comes; what belongs to no request of ours, anybody may have sent."""

    def __init__(self, transaction: bytes) -> None:
        self._transaction = transaction
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _addr: tuple[str | object, int]) -> None:
        if not self.answer.done() and data[8:20] == self._transaction:
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)
