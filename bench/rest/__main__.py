"""Requests per second of a whole platform in a process of its own: reading a call, creating one, and the floor.

    python -m bench.rest [--seconds 5] [--connections 8] [--rounds 3] [--database URL]

`GET /v1/calls/{uuid}` asks for calls that have ended: the store answers. `POST /v1/calls` calls a local SIP endpoint,
which is busy: each call is a whole one, with its INVITE, two webhooks to a local server, its journal and its record.
The floor is a route of the same server that verifies the token and answers a constant. Rounds of all three alternate,
so that a busy machine disturbs all alike. Beside requests per second of wall time stand those per second of the
server's processor time, which other programs do not disturb. `refused` counts answers that are no success: 503 when
the store is behind; p50 and p99 are those of the answered ones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.conditions import conditions

APPLICATION: Final = "0b9d0c55-2222-4333-8444-955566677788"
_TOKENS: Final = 400
_AFTER_A_REFUSAL_S: Final = 1.0
"What `Retry-After` asks for."
_SETTINGS: Final = """
data_dir = "var"
[server]
http_port = {http}
[sip]
port = {sip}
tcp = false
[media]
port_min = 42000
port_max = 43999
[webhooks]
allow_private = true
[limits]
calls_per_second = 0
requests_per_second = 0
{store}
[account]
api_key = "bench"
api_secret = "Bench-Secret-1"
signature_secret = "signs-the-webhooks-of-this-bench-only"
[[applications]]
id = "{application}"
name = "bench"
event_url = "http://127.0.0.1:{hooks}/event"
answer_url = "http://127.0.0.1:{hooks}/event"
public_key = '''{public}'''
"""


class BusyPhone(asyncio.DatagramProtocol):
    """Answers every INVITE with 486."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not data.startswith(b"INVITE "):
            return
        kept = [
            line
            for line in data.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]
            if line.lower().startswith((b"via:", b"from:", b"to:", b"call-id:", b"cseq:"))
        ]
        kept = [line + b";tag=busy" if line.lower().startswith(b"to:") else line for line in kept]
        self._transport.sendto(b"\r\n".join([b"SIP/2.0 486 Busy Here", *kept, b"Content-Length: 0", b"", b""]), addr)


async def load(
    seconds: float, connections: int, ask: Callable[[aiohttp.ClientSession, int], Awaitable[int]], process: int
) -> dict[str, float]:
    """Ask as fast as so many connections can, for so long. What is refused counts as that, never as an answer."""
    times: list[float] = []
    refused = 0
    end = time.perf_counter() + seconds
    used = _cpu_s(process)

    async def one(number: int) -> None:
        nonlocal refused
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            count = number
            while (began := time.perf_counter()) < end:
                status = await ask(session, count)
                if status in (200, 201):
                    times.append((time.perf_counter() - began) * 1000)
                else:
                    refused += 1
                    await asyncio.sleep(_AFTER_A_REFUSAL_S)
                count += connections

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    took = time.perf_counter() - began
    assert times, "everything was refused"
    cpu = _cpu_s(process) - used
    times.sort()
    return {
        "per_s": len(times) / took,
        "per_cpu_s": len(times) / cpu,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[int(len(times) * 0.99)],
        "refused": refused,
    }


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start everything, measure, stop everything."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())
    claims = {"application_id": APPLICATION, "iat": now, "exp": now + 3600}
    tokens = [jwt.encode(claims | {"jti": str(uuid.uuid4())}, pem, algorithm="RS256") for _ in range(_TOKENS)]

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    application = web.Application()
    application.router.add_route("*", "/event", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hooks = runner.addresses[0][1]
    loop = asyncio.get_running_loop()
    phone, _ = await loop.create_datagram_endpoint(BusyPhone, local_addr=("127.0.0.1", 0))
    busy = phone.get_extra_info("sockname")[1]
    http, sip = _free_port(), _free_port()
    store = f'[store]\nurl = "{options.database}"' if options.database else ""
    (folder / "ringline.toml").write_text(
        _SETTINGS.format(http=http, sip=sip, hooks=hooks, application=APPLICATION, public=public.decode(), store=store)
    )
    server = await asyncio.to_thread(_start, folder / "ringline.toml")
    try:
        assert server.stdout is not None
        assert (await asyncio.to_thread(server.stdout.readline)).strip() == "ready"
        base = f"http://127.0.0.1:{http}"
        made: list[str] = []

        def token(number: int) -> dict[str, str]:
            return {"Authorization": f"Bearer {tokens[number % _TOKENS]}"}

        async def create(session: aiohttp.ClientSession, number: int) -> int:
            body = {
                "to": [{"type": "sip", "uri": f"sip:busy-{number}@127.0.0.1:{busy}"}],
                "from": {"type": "phone", "number": "442079460000"},
                "ncco": [{"action": "talk", "text": "Hello"}],
            }
            async with session.post(f"{base}/v1/calls", json=body, headers=token(number)) as answer:
                told = await answer.json()
                if answer.status == 201:
                    made.append(told["uuid"])
                return answer.status

        async def read(session: aiohttp.ClientSession, number: int) -> int:
            async with session.get(f"{base}/v1/calls/{made[number % len(made)]}", headers=token(number)) as answer:
                await answer.read()
                return answer.status

        async def constant(session: aiohttp.ClientSession, number: int) -> int:
            async with session.get(f"{base}/floor", headers=token(number)) as answer:
                await answer.read()
                return answer.status

        rounds: dict[str, list[dict[str, float]]] = {}
        for _ in range(options.rounds):
            for name, ask in (("POST /v1/calls", create), ("GET /v1/calls/{uuid}", read), ("floor", constant)):
                figures = await load(options.seconds, options.connections, ask, server.pid)
                rounds.setdefault(name, []).append(figures)
                await asyncio.sleep(1)
        found: dict[str, Any] = {
            name: {figure: round(statistics.median(one[figure] for one in figures), 2) for figure in figures[0]}
            for name, figures in rounds.items()
        }
        found["load"] = os.getloadavg()[0]
        return found
    finally:
        server.kill()
        server.wait()
        phone.close()
        await runner.cleanup()


def _start(settings: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.rest.server", str(settings)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(one) for one in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description="REST.")
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--connections", type=int, default=8)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--database", default="")
    options = arguments.parse_args()
    print(conditions(**vars(options)))
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(options, Path(folder))), indent=1))


if __name__ == "__main__":
    main()
