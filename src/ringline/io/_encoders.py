"""Worker processes that encode recordings, and the writers that use them.

An encoder is a large piece of C that is fed for hours by whoever talks: should it die or hang, it takes no call with
it. Its recordings go on in a new process, with what is on disk and silence for the fraction of a second that is not.

Everything here blocks and is for threads.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Final

from ringline.base import get_log
from ringline.io._containers import ContainerWriter, Samples, WavWriter
from ringline.io._encoder_worker import HEAD, MAX_PAYLOAD, REPLY

_log = get_log(__name__)

_PATIENCE_S: Final = 20.0
"A worker that takes longer for one block hangs."
_RESUME_PATIENCE_S: Final = 300.0
"What was encoded in hours is encoded again in minutes."
_LIVES: Final = 3
"A recording whose workers died so often is given up: it may be what kills them."


class _Died(Exception):
    """The worker is gone, or says nothing."""


class _Worker:
    """One process; requests of several threads go one after the other."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        environment: dict[str, str] = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with theirs:
            # A session of its own: Ctrl-C in the terminal is for the server, which then closes its workers.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ringline.io._encoder_worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )
        self._line = ours
        self._lock = threading.Lock()
        self.dead = False
        self.recordings = 0
        self.pid = self._process.pid

    def ask(self, kind: bytes, number: int, payload: bytes = b"", *, patience_s: float = _PATIENCE_S) -> None:
        """Have one request done.

        Raises:
            OSError: the disk or the encoder refuses.
            _Died: the worker did not answer.
        """
        with self._lock:
            if self.dead:
                raise _Died
            try:
                self._line.settimeout(patience_s)
                self._line.sendall(HEAD.pack(kind, number, len(payload)) + payload)
                told, length = REPLY.unpack(self._receive(REPLY.size))
                why = self._receive(length) if length else b""
            except (OSError, EOFError) as error:
                self.dead = True
                self.kill()
                raise _Died from error
        if told != b"K":
            raise OSError(why.decode("utf-8", "replace"))

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._line.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._line.close()

    def close(self) -> None:
        """Let it end its files and wait for that."""
        with self._lock:
            if self.dead:
                return
            self.dead = True
            self._line.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Encoders:
    """Up to `size` worker processes, started by `warm_up` or when they are first needed."""

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._numbers = count(1)
        self._closed = False
        self.died = 0
        "Workers that had to be replaced."

    def warm_up(self) -> None:
        """Start all processes now: the first recording is on the disk the sooner."""
        with self._lock:
            while len(self._workers) < self._size and not self._closed:
                self._workers.append(_Worker())

    def open(self, path: Path, container: str, channels: int) -> ContainerWriter:
        """Start a file: wav here, what is encoded in a worker.

        Raises:
            OSError: it cannot be created.
        """
        return WavWriter(path, channels) if container == "wav" else _Remote(self, path, container, channels)

    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        with self._lock:
            return tuple(worker.pid for worker in self._workers if not worker.dead)

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()

    def take(self) -> tuple[_Worker, int]:
        """A worker for one more recording, and the recording's number there."""
        with self._lock:
            if self._closed:
                raise OSError("the encoders are closed")
            dead = [worker for worker in self._workers if worker.dead]
            if dead:
                self.died += len(dead)
                _log.warning("encoder worker died", pids=[worker.pid for worker in dead])
            self._workers = [worker for worker in self._workers if not worker.dead]
            if len(self._workers) < self._size and all(worker.recordings for worker in self._workers):
                self._workers.append(_Worker())
            worker = min(self._workers, key=lambda one: one.recordings)
            worker.recordings += 1
            return worker, next(self._numbers)

    def leave(self, worker: _Worker) -> None:
        """A recording has ended."""
        with self._lock:
            worker.recordings -= 1


class _Remote:
    """A file that a worker writes."""

    def __init__(self, pool: Encoders, path: Path, container: str, channels: int) -> None:
        self._pool = pool
        self._wish = {"path": str(path), "container": container, "channels": channels}
        self._frames = 0
        self._channels = channels
        self._lives = _LIVES
        self._worker: _Worker | None = None
        self._number = 0
        self._begin()

    def write(self, samples: Samples) -> None:
        step = max(1, MAX_PAYLOAD // (2 * self._channels))
        for start in range(0, len(samples), step):
            piece = samples[start : start + step]
            self._do(b"W", piece.astype("<i2", copy=False).tobytes())
            self._frames += len(piece)

    def flush(self) -> None:
        """Every block is handed to the system as it is written."""

    def close(self) -> None:
        self._do(b"C")
        self._leave()

    def abandon(self) -> None:
        if self._worker is not None:
            with contextlib.suppress(OSError, _Died):
                self._worker.ask(b"A", self._number)
        self._leave()

    def _do(self, kind: bytes, payload: bytes = b"") -> None:
        while True:
            worker = self._worker or self._begin()
            try:
                worker.ask(kind, self._number, payload)
                return
            except _Died:
                self._leave()

    def _leave(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._pool.leave(worker)

    def _begin(self) -> _Worker:
        """Have a worker open the file, with what was written already."""
        while self._lives:
            self._lives -= 1
            worker, self._number = self._pool.take()
            self._worker = worker
            try:
                wish = json.dumps({**self._wish, "frames": self._frames}).encode()
                worker.ask(b"O", self._number, wish, patience_s=_RESUME_PATIENCE_S)
                return worker
            except _Died:
                self._leave()
            except OSError:
                self._leave()
                raise
        raise OSError("its encoder died again and again")
