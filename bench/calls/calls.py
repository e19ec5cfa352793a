"""What a whole call costs: SIPp calls a number, the answer webhook says one sentence, Ringline hangs up.

    python bench/calls/calls.py --calls 200 --rate 20

A call is an INVITE, a webhook for the script, four status webhooks, speech from the cache, a BYE, the journal. Measured
is the processor time of the Ringline process alone (its media threads included); SIPp and the application are others.
Beside it stands the floor: the same script fetched and the same events posted by the same HTTP client, without a call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from aiohttp import web

from ringline.engine.ports import HttpRequest
from ringline.io.http import AiohttpClient
from ringline.server.web import listening_socket

SENTENCE = "Thank you for calling. Good bye."
TALK = [{"action": "talk", "text": SENTENCE}]
TICKS = os.sysconf("SC_CLK_TCK")


async def main() -> None:
    arguments = argparse.ArgumentParser(description="What a whole call costs.")
    arguments.add_argument("--calls", type=int, default=200)
    arguments.add_argument("--rate", type=int, default=20, help="new calls per second")
    options = arguments.parse_args()
    print(json.dumps(await measure(calls=options.calls, rate=options.rate), indent=2))


async def measure(*, calls: int, rate: int) -> dict[str, Any]:
    """Run the calls; give milliseconds of processor time per call."""
    if shutil.which("sipp") is None:
        raise SystemExit("SIPp is not installed; `make bench` installs it")
    counts = {"answer": 0, "event": 0}
    application = await _serve(counts)
    port = application.addresses[0][1]
    with tempfile.TemporaryDirectory() as folder:
        sip, http = _free_port(), _free_port()
        config = Path(folder) / "ringline.toml"
        config.write_text(_settings(sip=sip, http=http, application=port))
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringline", "serve", "--config", str(config)),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await asyncio.to_thread(_wait_until_ready, http)
            await _sipp(sip, calls=3, rate=3)  # warm: the sentence is in the cache, connections are open
            before, began = _cpu_s(server.pid), time.perf_counter()
            failed = await _sipp(sip, calls=calls, rate=rate)
            took, cpu = time.perf_counter() - began, _cpu_s(server.pid) - before
        finally:
            server.send_signal(signal.SIGTERM)
            await server.wait()
    floor = await _floor(port, calls)
    await application.cleanup()
    return {
        "calls": calls,
        "failed": failed,
        "calls_per_second": round(calls / took, 1),
        "cpu_ms_per_call": round(cpu * 1000 / calls, 2),
        "floor_cpu_ms_per_call": round(floor * 1000 / calls, 2),
        "ratio": round(cpu / floor, 1) if floor else None,
    }


async def _serve(counts: dict[str, int]) -> web.AppRunner:
    async def answer(_request: web.Request) -> web.Response:
        counts["answer"] += 1
        return web.json_response(TALK)

    async def event(request: web.Request) -> web.Response:
        await request.read()
        counts["event"] += 1
        return web.Response()

    app = web.Application()
    app.router.add_get("/answer", answer)
    app.router.add_post("/event", event)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


def _settings(*, sip: int, http: int, application: int) -> str:
    return f"""
[limits]
calls_per_second = 0
drain_s = 1
[webhooks]
allow_private = true
[account]
api_key = "bench"
api_secret = "bench"
signature_secret = "a secret only for measurements, 32"
[sip]
port = {sip}
[server]
http_port = {http}
[[applications]]
id = "0b9d0c55-2222-4333-8444-955566677788"
name = "bench"
answer_url = "http://127.0.0.1:{application}/answer"
event_url = "http://127.0.0.1:{application}/event"
[[numbers]]
number = "442079460000"
application = "bench"
[[trunks]]
name = "loopback"
addresses = ["127.0.0.1"]
"""


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the platform did not become ready")


async def _sipp(port: int, *, calls: int, rate: int) -> int:
    """Make the calls; give how many failed."""
    scenario = Path(__file__).parent / "listen.xml"
    command = ["sipp", "-sf", str(scenario), "-s", "442079460000", f"127.0.0.1:{port}", "-i", "127.0.0.1"]
    command += ["-m", str(calls), "-r", str(rate), "-nostdin", "-timeout", "120s", "-trace_stat", "-stf", os.devnull]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 0 if await process.wait() == 0 else calls


async def _floor(port: int, calls: int) -> float:
    """Seconds of processor time for the webhooks of so many calls alone."""
    client = AiohttpClient(allow_private=True)
    await client.start()
    body = json.dumps({"status": "answered", "uuid": "x" * 36, "conversation_uuid": "CON-" + "x" * 36}).encode()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(calls):
        await client.send(_request("GET", f"http://127.0.0.1:{port}/answer", None))
        for _ in range(4):
            await client.send(_request("POST", f"http://127.0.0.1:{port}/event", body))
    after = resource.getrusage(resource.RUSAGE_SELF)
    await client.close()
    # The application answers in this very process: half of the time is its own.
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 2


def _request(method: str, url: str, body: bytes | None) -> HttpRequest:
    return HttpRequest(method=method, url=url, headers=(), body=body, connect_timeout_s=1.0, read_timeout_s=5.0)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _free_port() -> int:
    with listening_socket("127.0.0.1", 0, key="bench") as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(main())
