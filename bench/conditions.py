"""Under which conditions something was measured: printed beside every figure."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def conditions(**options: object) -> str:
    """The machine, how busy it is, and what was asked for, in a line."""
    machine = f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    asked = ", ".join(f"{name} {value}" for name, value in options.items() if value not in ("", None))
    return f"{machine}; load {os.getloadavg()[0]:.1f}; {asked}"


def _processor() -> str:
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
