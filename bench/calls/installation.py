"""The Ringline that is measured: a process of its own on chosen cores, its processor time and its own figures."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ringline.server.web import listening_socket

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_READY_S: Final = 90.0
_LAG: Final = re.compile(r'^ringline_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)
Lags = tuple[tuple[float, float], ...]
"Buckets of the event loop's lag: upper bound in seconds, and how many looks were no later."


class Installation:
    """One server, with its journal on disk and its INFO log in a file. `start` it, and `stop` it in any case."""

    def __init__(self, folder: Path, *, application: int, cores: Collection[int] = ()) -> None:
        """`application` is the port of the webhooks; `cores` where it may run, everywhere when empty."""
        self.sip_port, self._http_port = free_port(), free_port()
        self._folder = folder
        self._cores = cores
        self._settings = _settings(sip=self.sip_port, http=self._http_port, application=application)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        config = self._folder / "ringline.toml"
        config.write_text(self._settings)
        with (self._folder / "server.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *on_cores(self._cores),
                *(sys.executable, "-m", "ringline", "serve", "--config", str(config), "--log-level", "INFO"),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + _READY_S
        while not await asyncio.to_thread(self._is_ready):
            if time.monotonic() > until or self._process.returncode is not None:
                raise SystemExit(f"the platform did not become ready:\n{self.log()[-2000:]}")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it said."""
        return (self._folder / "server.log").read_text(errors="replace")

    def lags(self) -> Lags:
        """How late its event loop came, since the start."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return tuple((float(bound), float(count)) for bound, count in _LAG.findall(text))

    def cpu_s(self) -> dict[str, float]:
        """Processor time so far in seconds: `all` of it, and that of its `loop`, `media` and `other` threads."""
        found = {"all": cpu_s(self.pid), "loop": 0.0, "media": 0.0, "other": 0.0}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            name = (task / "comm").read_text()
            kind = "loop" if task.name == str(self.pid) else "media" if name.startswith("media") else "other"
            found[kind] += _times(task / "stat")
        return found

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def late(before: Lags, after: Lags, share: float) -> float:
    """The lag in seconds that this share of the looks between two readings did not exceed, within its bucket."""
    counts = [(bound, new - old) for (bound, new), (_, old) in zip(after, before, strict=True)]
    wanted = counts[-1][1] * share
    low, passed = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf") or count == passed:
                return low
            return low + (bound - low) * (wanted - passed) / (count - passed)
        low, passed = bound, count
    return low


def on_cores(cores: Collection[int]) -> tuple[str, ...]:
    """What to put before a command to keep it on these cores; nothing when there are none."""
    return ("taskset", "-c", ",".join(map(str, sorted(cores)))) if cores else ()


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, all its threads, in seconds."""
    return _times(Path(f"/proc/{pid}/stat"))


def free_port() -> int:
    """A TCP port nobody listens at."""
    with listening_socket("127.0.0.1", 0, key="bench") as listener:
        port: int = listener.getsockname()[1]
        return port


def _times(file: Path) -> float:
    fields = file.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _settings(*, sip: int, http: int, application: int) -> str:
    return f"""
[limits]
calls_per_second = 0
drain_s = 1
[webhooks]
allow_private = true
[media]
threads = 1
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
