"""The limit of file descriptors is raised to what the operator allows, and no further."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

_TRY = """
import resource, sys
from ringline.server.descriptors import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(raise_file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(128, 256), (256, 256)])
def test_the_limit_is_raised_to_what_is_allowed(soft: int, hard: int) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert allowed == resource.RLIM_INFINITY or allowed >= hard
    command = [sys.executable, "-c", _TRY, str(soft), str(hard)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    assert said.split() == [str(hard)] * 3
