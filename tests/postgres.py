"""A PostgreSQL server of the tests' own: a folder in the temporary directory, a free port, an unprivileged user.

The system's own cluster, if there is one, is never touched.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg

_USERS: Final = ("postgres", "nobody")
_STATEMENTS: Final = ("max_connections=100", "shared_buffers=128MB", "listen_addresses=127.0.0.1")


class PostgresServer:
    """One server; `start` it, and `close` it in any case."""

    def __init__(self, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        """Without `durable` nothing is forced to the disk: a power failure would harm it, a restart does not."""
        self._bin = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="ringline-postgres-"))
        self._user = _unprivileged()
        if self._user is not None:
            shutil.chown(self._folder, user=self._user)
        self._settings = (*_STATEMENTS, *settings, *(() if durable else ("fsync=off", "full_page_writes=off")))
        self._numbers = count(1)
        self.port = _free_port()
        self.data = self._folder / "data"
        self._run("initdb", "-D", str(self.data), "-U", "ringline", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def start(self) -> None:
        """Start it, or start it again; returns when it takes connections."""
        options = " ".join(f"-c {setting}" for setting in self._settings)
        options += f" -c unix_socket_directories={self._folder} -c port={self.port}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` closes all connections, `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"ringline_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://ringline@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, *, url: str | None = None) -> list[dict[str, Any]]:
        """Run one statement as its superuser."""

        async def run() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(url or self.url())
            try:
                return [dict(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(run())

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self._folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server itself
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            log = self._folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:] if log.exists() else done.returncode}")


def _binaries() -> Path:
    """Where the newest installed server is; Debian keeps it off the path."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise RuntimeError("PostgreSQL is not installed: on Debian and Ubuntu, apt install postgresql")
    return versions[-1].parent


def _unprivileged() -> str | None:
    """The user it runs as; None: us. It refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in _USERS if user in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
