"""An S3-speaking server for the tests: SeaweedFS, which signs, lists, takes parts and runs full like any other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

ACCESS_KEY: Final = "ringline-key"
SECRET_KEY: Final = "ringline-secret"


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def object_store(directory: Path, *, volumes: int = 40) -> Iterator[str]:
    """Run the server with its data in `directory`; give its URL. It is full after `volumes` of 2 MB."""
    directory.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "ringline",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    names = ("master", "volume", "filer", "s3")
    ports = _free_ports(2 * len(names))
    options = [f"-{name}.port{kind}={ports.pop()}" for name in names[:3] for kind in ("", ".grpc")]
    port, inner = ports
    program = Path(sys.executable).with_name("weed")
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program, "server", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
                f"-s3.config={config}", f"-s3.port={port}", f"-s3.port.grpc={inner}", "-s3.port.iceberg=0",
                "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false", f"-volume.max={volumes}",
                "-master.volumeSizeLimitMB=2", "-volume.minFreeSpacePercent=0", *options,
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process, log)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/status", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the object store did not start: {log.read_text()[-2000:]}")


class Line:
    """The network between a client and the object store; `broken` requests are answered 503, `cut` takes none."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self.broken = 0
        "So many of the next connections are told to slow down."
        self.cut = False
        self.url = ""
        self._running: dict[int, asyncio.Task[None]] = {}

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Line]:
        line = cls(url)
        server = await asyncio.start_server(line._serve, "127.0.0.1", 0)
        line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield line
        finally:
            server.close()
            running = list(line._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running[id(task)] = task
        far: asyncio.StreamWriter | None = None
        try:
            if self.cut:
                writer.transport.abort()
            elif self.broken:
                self.broken -= 1
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            else:
                far_reader, far = await asyncio.open_connection(self._host, self._port)
                await asyncio.gather(_pour(reader, far), _pour(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # that is what networks do
        finally:
            for one in (writer, far):
                if one is not None:
                    one.transport.abort()
            self._running.pop(id(task), None)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
