"""SIPp as the many callers: so many calls at such a rate, and what it counted."""

from __future__ import annotations

import asyncio
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.calls.installation import free_port, on_cores

SCENARIO: Final = Path(__file__).parent / "listen.xml"
_NUMBER: Final = "442079460000"
_RINGING: Final = "1"
"Which of the scenario's stop-watches runs from the INVITE to the 180."


@dataclass(frozen=True, slots=True)
class Calls:
    """What came of the calls of one run."""

    made: int
    failed: int
    repeats: int
    "Messages SIPp had to send again, and requests it got again."
    ringing_ms: tuple[float, ...]
    "From the INVITE to the 180, in whole milliseconds, a value per call."
    cpu_s: float
    "Processor time of SIPp itself."


async def call(port: int, folder: Path, *, calls: int, rate: int, cores: frozenset[int] = frozenset()) -> Calls:
    """Make the calls.

    Raises:
        SystemExit: SIPp is not installed.
    """
    if shutil.which("sipp") is None:
        raise SystemExit("SIPp is not installed; `make bench` installs it")
    await asyncio.to_thread(folder.mkdir, parents=True)
    command = [*on_cores(cores), "sipp", "-sf", str(SCENARIO), "-s", _NUMBER, f"127.0.0.1:{port}", "-i", "127.0.0.1"]
    command += ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-nostdin", "-timeout", "300s"]
    command += ["-p", str(free_port()), "-cp", str(free_port()), "-ci", "127.0.0.1", "-skip_rlimit"]
    command += ["-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1", "-trace_rtt", "-rtt_freq", "50"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted = _last_line(folder / "stat.csv")
    return Calls(
        made=int(counted.get("TotalCallCreated", "0")),
        failed=int(counted.get("FailedCall(C)", str(calls))),
        repeats=int(counted.get("Retransmissions(C)", "0")),
        ringing_ms=tuple(_ringing(folder)),
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def _last_line(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(zip(lines[0].split(";"), lines[-1].split(";"), strict=False)) if len(lines) > 1 else {}


def _ringing(folder: Path) -> list[float]:
    found = []
    for file in folder.glob("*_rtt.csv"):
        for line in file.read_text().splitlines()[1:]:
            fields = line.split(";")
            if len(fields) == 3 and fields[2].strip() == _RINGING:
                found.append(float(fields[1]))
    return found
