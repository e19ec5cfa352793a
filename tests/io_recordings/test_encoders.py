"""Encoding in worker processes: what one of them breaks, it breaks for nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringline.base import ApplicationId, ProviderError, SeededRandom, SystemClock
from ringline.engine.ports import RecordingFile
from ringline.io import _encoders
from ringline.io.recordings import FileRecordings

APPLICATION = ApplicationId("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab")
RATE_HZ = 16_000


def run(directory: Path, scene: Callable[[FileRecordings], Awaitable[None]]) -> None:
    async def main() -> None:
        files = FileRecordings(directory, clock=SystemClock(), random=SeededRandom(b"encoders"))
        await files.start()
        try:
            await scene(files)
        finally:
            pids = files.encoders.pids()
            await files.close()
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    asyncio.run(main())


def begin(files: FileRecordings, container: str = "mp3", channels: int = 1) -> RecordingFile:
    return files.create(APPLICATION, recording="r", container=container, channels=channels)


def second(frequency_hz: float, channels: int = 1) -> bytes:
    wave = 10_000 * np.sin(2 * np.pi * frequency_hz * np.arange(RATE_HZ) / RATE_HZ)
    return np.repeat(wave.astype("<i2"), channels).tobytes()


def loudest_hz(audio: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    energy = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(energy) * RATE_HZ / len(audio))


async def written(files: FileRecordings) -> None:
    """Wait until the threads have nothing left to do."""
    async with asyncio.timeout(20):
        while any(one._scheduled for one in files._open.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("container", "channels"), [("mp3", 1), ("mp3", 2), ("ogg", 1), ("ogg", 4)])
def test_a_recording_goes_on_when_its_encoder_dies_and_keeps_its_timeline(
    tmp_path: Path, container: str, channels: int
) -> None:
    async def scene(files: FileRecordings) -> None:
        file = begin(files, container, channels)
        for frequency in (500, 700, 900):
            file.write(second(frequency, channels))
        await written(files)
        (pid,) = files.encoders.pids()
        os.kill(pid, signal.SIGKILL)
        for frequency in (1100, 1300, 1500):
            file.write(second(frequency, channels))
        stored = await file.finish()
        assert files.gauges()["encoders_died"] == 1
        audio, rate_hz = soundfile.read(files.path(stored), always_2d=True)
        assert (rate_hz, audio.shape[1]) == (RATE_HZ, channels)
        assert len(audio) / RATE_HZ == pytest.approx(6, abs=0.2)
        # The first two seconds are there, and so is everything after the death, in its place.
        for at, frequency in ((0, 500), (1, 700), (3, 1100), (4, 1300), (5, 1500)):
            piece = audio[round((at + 0.25) * RATE_HZ) : round((at + 0.75) * RATE_HZ), channels - 1]
            assert loudest_hz(piece) == pytest.approx(frequency, abs=20), at
        assert os.listdir(tmp_path) == [files.path(stored).name]

    run(tmp_path, scene)


def test_encoders_that_are_warm_have_a_recording_on_the_disk_at_once(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        await files.warm_up()
        assert len(files.encoders.pids()) == 2
        first = begin(files)  # and wait until it is up
        first.write(second(500))
        await first.finish()
        file = begin(files)
        file.write(second(500)[: RATE_HZ // 2])  # a quarter of a second
        await written(files)
        assert (tmp_path / f"{file.file_id}.part").stat().st_size > 400
        await file.finish()

    run(tmp_path, scene)


def test_an_encoder_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(files: FileRecordings) -> None:
        file = begin(files)
        file.write(second(500))
        await written(files)
        monkeypatch.setattr(_encoders, "_PATIENCE_S", 0.3)
        monkeypatch.setattr(_encoders._Worker.ask, "__kwdefaults__", {"patience_s": 0.3})
        (pid,) = files.encoders.pids()
        os.kill(pid, signal.SIGSTOP)
        file.write(second(700))
        stored = await file.finish()
        assert soundfile.info(files.path(stored)).frames / RATE_HZ == pytest.approx(2, abs=0.2)

    run(tmp_path, scene)


def test_a_recording_that_kills_its_encoders_is_given_up_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(files: FileRecordings) -> None:
        good = begin(files, "wav")
        bad = begin(files)
        bad.write(second(500))
        await written(files)
        for _ in range(4):
            for pid in files.encoders.pids():
                os.kill(pid, signal.SIGKILL)
            bad.write(second(500))
            good.write(second(500))
            await written(files)
        with pytest.raises(ProviderError, match="died again and again"):
            await bad.finish()
        assert (await good.finish()).size == 44 + 4 * 2 * RATE_HZ
        another = begin(files)
        another.write(second(500))
        assert (await another.finish()).size > 1000

    run(tmp_path, scene)


def test_a_hundred_recordings_share_two_processes_of_bounded_memory(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        many = [begin(files, "mp3" if number % 2 else "ogg") for number in range(100)]
        for _ in range(3):
            for file in many:
                file.write(second(500))
            await asyncio.sleep(0.05)
        await asyncio.gather(*(file.finish() for file in many))
        pids = files.encoders.pids()
        assert len(pids) == 2
        for pid in pids:
            with open(f"/proc/{pid}/status") as status:  # noqa: ASYNC230
                size = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
            assert size < 200_000  # kB

    run(tmp_path, scene)


def test_when_the_server_is_gone_the_workers_bring_the_files_to_a_clean_end(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        file = begin(files)
        for _ in range(3):
            file.write(second(600))
        await written(files)
        part = tmp_path / f"{file.file_id}.part"
        for worker in files.encoders._workers:
            worker.close()  # as if the other end of the line had died
        assert soundfile.info(part).frames / RATE_HZ == pytest.approx(3, abs=0.15)

    run(tmp_path, scene)
