"""What the guide on testing shows works as shown: its files are written down as they are, and run."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python file=(\S+)\n(.*?)```", GUIDE, re.DOTALL))


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("test_")])
def test_a_test_of_the_guide_passes(name: str, tmp_path: Path) -> None:
    for file in ("desk.py", name):
        (tmp_path / file).write_text(FILES[file], encoding="utf-8")
    installed = any(point.value == "ringline.pytest_plugin" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "ringline.pytest_plugin"]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *plugin]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_has_tests() -> None:
    assert len(FILES) == 6
