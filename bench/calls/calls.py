"""What a whole call costs, and how many a core can carry: SIPp calls a number and listens, Ringline says one sentence.

    python -m bench.calls.calls [--seconds 20] [--rates 20,50,100] [--core 0]

A call is an INVITE, an answer webhook, four signed event webhooks, a sentence from the cache as RTP, a BYE; the journal
is on disk and the log says INFO. Ringline runs on one core; SIPp, the application and a probe with a stop-watch share
the others and are counted apart. At each rate stand the processor time of Ringline per call (all of it, its event loop,
its media thread), what came late or twice, and how late the event loop was. Beside it stands the floor: the same
webhooks sent by the same HTTP client, without a call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.calls.installation import Installation, cpu_s, late
from bench.calls.probe import Timings, probe
from bench.calls.sipp import call
from bench.calls.webhooks import webhook_server
from ringline.base import SystemRandom
from ringline.engine.ports import HttpRequest
from ringline.io.http import PooledClient
from ringline.webhooks import sign

_PROBES_PER_SECOND: Final = 4


async def main() -> None:
    arguments = argparse.ArgumentParser(description="What a whole call costs.")
    arguments.add_argument("--seconds", type=float, default=20, help="how long each rate is held")
    arguments.add_argument("--rates", default="20,50,100", help="new calls per second, one run each")
    arguments.add_argument("--core", type=int, default=0, help="the core of Ringline; -1 for all")
    arguments.add_argument("--nice", type=int, default=0, help="priority of all, down to -20 on a busy machine")
    arguments.add_argument("--json", action="store_true", help="print everything that was measured")
    options = arguments.parse_args()
    os.nice(options.nice)
    rates = [int(rate) for rate in options.rates.split(",")]
    found = await measure(rates=rates, seconds=options.seconds, core=options.core)
    print(json.dumps(found, indent=2) if options.json else table(found))


def table(found: dict[str, Any]) -> str:
    """The figures for people, a line per rate."""
    lines = [
        "calls/s  failed  repeats | CPU ms/call: all   loop  media  app  SIPp | INVITE-180 p50/p99 ms"
        " | first audio p50/p99 ms | loop lag p99 ms"
    ]
    for row in found["rates"]:
        cpu, ringing, audio = row["cpu_ms_per_call"], row["invite_to_180_ms"], row["invite_to_first_audio_ms"]
        outside = (row["cpu_ms_per_call_of_application"], row["cpu_ms_per_call_of_sipp"])
        lines.append(
            f"{row['calls_per_second']:>7}  {row['failed']:>6}  {row['repeated_messages']:>7} |"
            f"{cpu['all']:>17.2f} {cpu['loop']:>6.2f} {cpu['media']:>6.2f}"
            f" {outside[0]:>4.1f} {outside[1]:>5.1f} |{ringing.get('p50', 0):>11.1f} / {ringing.get('p99', 0):<8.1f} |"
            f"{audio.get('p50', 0):>14.1f} / {audio.get('p99', 0):<7.1f} |{row['loop_lag_ms']['p99']:>8.1f}"
            f"{'' if row['holds'] else '  does not hold'}"
        )
    lines.append(
        f"floor: the webhooks of a call alone, sent by the same client: {found['floor_ms_per_call']} ms of CPU"
    )
    return "\n".join(lines)


async def measure(*, rates: Sequence[int], seconds: float, core: int = 0) -> dict[str, Any]:
    """Hold each rate of calls for so many seconds; give the figures of each."""
    ours, others = cores_apart(core)
    if others:
        os.sched_setaffinity(0, others)
    async with webhook_server() as (port, application):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            server = Installation(folder, application=port, cores=ours)
            try:
                await server.start()
                # Warm: the sentence is in the cache, connections are open.
                await call(server.sip_port, folder / "warm", calls=10, rate=10, cores=others)
                rows = [await _hold(server, folder, application, rate, seconds, others) for rate in rates]
            finally:
                await server.stop()
        floor = await _floor(port, 300)
    return {"rates": rows, "floor_ms_per_call": round(floor * 1000, 2)}


async def _hold(
    server: Installation, folder: Path, application: int, rate: int, seconds: float, others: frozenset[int]
) -> dict[str, Any]:
    """Make calls at one rate."""
    calls = max(1, int(rate * seconds))
    timings = Timings()
    lags, cpu, application_cpu = server.lags(), server.cpu_s(), cpu_s(application)
    began = time.monotonic()
    probing = asyncio.create_task(
        probe(("127.0.0.1", server.sip_port), timings, every_s=1 / min(_PROBES_PER_SECOND, rate), until=began + seconds)
    )
    found = await call(server.sip_port, folder / f"rate-{rate}-{began}", calls=calls, rate=rate, cores=others)
    await probing
    probes = len(timings.audio) + timings.failed
    made = found.made + probes
    spent = {name: value - cpu[name] for name, value in server.cpu_s().items()}
    spent_outside = cpu_s(application) - application_cpu
    after = server.lags()
    return {
        "calls_per_second": rate,
        "calls": made,
        "failed": found.failed + timings.failed,
        "repeated_messages": found.repeats,
        "cpu_ms_per_call": {name: round(value * 1000 / made, 2) for name, value in spent.items()},
        "cpu_ms_per_call_of_sipp": round(found.cpu_s * 1000 / max(1, found.made), 2),
        "cpu_ms_per_call_of_application": round(spent_outside * 1000 / made, 2),
        "invite_to_180_ms": shares([each * 1000 for each in timings.ringing]),
        "invite_to_180_ms_by_sipp": shares(found.ringing_ms),
        "invite_to_first_audio_ms": shares([each * 1000 for each in timings.audio]),
        "loop_lag_ms": {"p50": _ms(late(lags, after, 0.5)), "p99": _ms(late(lags, after, 0.99))},
        "holds": not found.failed and not timings.failed and not found.repeats and late(lags, after, 0.99) < 0.02,
    }


async def _floor(port: int, calls: int) -> float:
    """Seconds of processor time for the signed webhooks of one call alone, of the sender."""
    client = PooledClient(allow_private=True)
    await client.start()
    body = json.dumps({"status": "answered", "uuid": "x" * 36, "conversation_uuid": "CON-" + "x" * 36}).encode()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(calls):
        await client.send(_request("GET", f"http://127.0.0.1:{port}/answer", None))
        for _ in range(4):
            await client.send(_request("POST", f"http://127.0.0.1:{port}/event", body))
    after = resource.getrusage(resource.RUSAGE_SELF)
    await client.close()
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / calls


def _request(method: str, url: str, body: bytes | None) -> HttpRequest:
    token = sign(
        secret="a secret only for measurements, 32",
        api_key="bench",
        application_id="0b9d0c55-2222-4333-8444-955566677788",
        body=body or b"",
        wallclock=datetime.now(UTC),
        random=SystemRandom(),
    )
    headers = (("Authorization", f"Bearer {token}"),)
    return HttpRequest(method=method, url=url, headers=headers, body=body, connect_timeout_s=1.0, read_timeout_s=5.0)


def cores_apart(core: int) -> tuple[frozenset[int], frozenset[int]]:
    """Ringline's core, and those of everybody else; nothing when there are not two."""
    have = frozenset(os.sched_getaffinity(0))
    if core < 0 or core not in have or len(have) < 2:
        return frozenset(), frozenset()
    return frozenset({core}), have - {core}


def shares(values: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile; nothing of fewer than two values."""
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "of": len(values)}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


if __name__ == "__main__":
    asyncio.run(main())
