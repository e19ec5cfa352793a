"""The official client libraries, each in a program of its own that does what a test says.

Those that are not in the tests' environment are installed into a cache folder outside of the source tree, once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

CLIENTS: Final = Path(__file__).parent / "clients"
NAMES: Final = ("python4", "python3", "node")
_INSTALL_S: Final = 300


class LibraryError(Exception):
    """The library raised: `kind` is the name of its exception, `status` what the server answered, where it tells."""

    def __init__(self, kind: str, status: int | None, message: str) -> None:
        super().__init__(f"{kind} ({status}): {message}")
        self.kind = kind
        self.status = status
        self.message = message


class Client:
    """One program with one library. `with` starts and ends it; any method is a command of the program."""

    def __init__(self, name: str, *, ca_file: Path | None = None, before: Sequence[str] = ()) -> None:
        """`before` is a command that runs the program, as `ringline run --` does."""
        self.name = name
        self._command = [*before, *_command(name)]
        self._environment = {**os.environ, **_environment(name)}
        if ca_file is not None:
            self._environment |= {"REQUESTS_CA_BUNDLE": str(ca_file), "NODE_EXTRA_CA_CERTS": str(ca_file)}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment, cwd=CLIENTS
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        with self._process as process, suppress(BrokenPipeError):
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def do(self, name: str, *given: Any) -> Any:
        """Carry out a command and give its value.

        Raises:
            LibraryError: the library raised.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, given]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} ended while it did {name}"
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LibraryError(answer["error"], answer["status"], answer["message"])
        return answer["value"]

    @property
    def is_node(self) -> bool:
        return self.name == "node"


def _command(name: str) -> list[str]:
    if name == "node":
        node = shutil.which("node")
        assert node is not None, "Node is needed: `make peers` installs it"
        return [node, str(CLIENTS / "node.mjs")]
    return [sys.executable, str(CLIENTS / f"{name}.py")]


def _environment(name: str) -> Mapping[str, str]:
    match name:
        case "node":
            return {"CLIENT_MODULES": str(installed("node"))}
        case "python3":
            return {"PYTHONPATH": str(installed("python3"))}
        case _:
            return {}


def installed(name: str) -> Path:
    """The folder with a library, installed if it is not there yet; a changed list of versions makes a new one."""
    lists = {"node": ("package.json", "package-lock.json"), "python3": ("requirements.txt",)}[name]
    digest = hashlib.sha256(b"".join((CLIENTS / one).read_bytes() for one in lists)).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringline-tests"
    folder = cache / f"{name}-{sys.version_info[0]}{sys.version_info[1]}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several runs of the tests may share the cache
        if not (folder / "complete").exists():
            _install(name, folder, lists)
            (folder / "complete").touch()
    return folder


def _install(name: str, folder: Path, lists: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for one in lists:
        shutil.copy(CLIENTS / one, folder)
    if name == "node":
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "-r", "requirements.txt"]
    environment = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_INSTALL_S, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
