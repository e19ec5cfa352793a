"""Recordings in files: read back with a decoder, measured, and safe when the disk is not."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ringline.base import (
    ApplicationId,
    ConversationId,
    Instant,
    LocalProtocolError,
    ProviderError,
    SeededRandom,
)
from ringline.engine.ports import OpenRecording, RecordingFile, Recordings, StoredFile
from ringline.io._containers import WavWriter
from ringline.io.recordings import FileRecordings

APPLICATION = ApplicationId("aaaaaaaa-bbbb-cccc-dddd-0123456789ab")
RECORDING = "6a2a4b3c-7c8e-4a7b-9a58-1c9a30a1b222"
NOW = datetime(2026, 3, 1, 10, 0, 12, 744000, tzinfo=UTC)


class StoppedClock:
    def now(self) -> float:
        return 1.0

    def wallclock(self) -> datetime:
        return NOW

    def instant(self) -> Instant:
        return Instant(1.0, NOW)


def run(
    directory: Path,
    scene: Callable[[FileRecordings], Awaitable[None]],
    *,
    on_loss: Callable[[str, int], None] | None = None,
    threads: int = 2,
) -> None:
    async def main() -> None:
        random = SeededRandom(b"seed")
        files = FileRecordings(directory, clock=StoppedClock(), random=random, on_loss=on_loss, threads=threads)
        await files.start()
        await scene(files)
        await files.close()

    asyncio.run(main())


def tones(seconds: float, *frequencies_hz: float) -> bytes:
    """A tone per channel at 16 kHz, interleaved."""
    times = np.arange(round(seconds * 16_000)) / 16_000
    channels = [10_000 * np.sin(2 * np.pi * frequency * times) for frequency in frequencies_hz]
    return np.stack(channels, axis=1).astype("<i2").tobytes()


def feed(file: RecordingFile, pcm: bytes, channels: int = 1) -> None:
    step = 3200 * channels
    for start in range(0, len(pcm), step):
        file.write(pcm[start : start + step])


async def record(files: Recordings, container: str, seconds: float, *frequencies_hz: float) -> StoredFile:
    channels = len(frequencies_hz)
    file = files.create(APPLICATION, recording=RECORDING, container=container, channels=channels)
    feed(file, tones(seconds, *frequencies_hz), channels)
    return await file.finish()


def strongest_hz(audio: NDArray[np.float64]) -> float:
    energy = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(energy) * 16_000 / len(audio))


def read(path: Path) -> tuple[NDArray[np.float64], int]:
    audio, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    return audio, rate_hz


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond `size`: a disk that is full, as writes see it (EFBIG instead of ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("container", "media_type", "frames", "slack"),
    [("wav", "audio/wav", 48_000, 0), ("mp3", "audio/mpeg", 48_000, 2500), ("ogg", "audio/ogg", 48_000, 700)],
)
def test_a_recording_is_16_khz_and_as_long_as_it_was(
    tmp_path: Path, container: str, media_type: str, frames: int, slack: int
) -> None:
    async def scene(files: FileRecordings) -> None:
        stored = await record(files, container, 3.0, 440)
        path = files.path(stored)
        assert path == tmp_path / f"{stored.file_id}.{container}"
        assert stored.media_type == media_type
        assert stored.application == APPLICATION
        assert stored.created_at == NOW
        assert stored.file_id != RECORDING
        assert stored.size == path.stat().st_size
        audio, rate_hz = read(path)
        assert rate_hz == 16_000
        assert frames <= len(audio) <= frames + slack
        assert strongest_hz(audio[8000:40_000, 0]) == pytest.approx(440, abs=1)
        assert np.max(np.abs(audio)) == pytest.approx(10_000 / 32_768, rel=0.1)

    run(tmp_path, scene)


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg"])
def test_two_channels_stay_apart(tmp_path: Path, container: str) -> None:
    async def scene(files: FileRecordings) -> None:
        audio, _ = read(files.path(await record(files, container, 2.0, 500, 900)))
        assert audio.shape[1] == 2
        assert strongest_hz(audio[4000:28_000, 0]) == pytest.approx(500, abs=1)
        assert strongest_hz(audio[4000:28_000, 1]) == pytest.approx(900, abs=1)

    run(tmp_path, scene)


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg"])
@pytest.mark.parametrize("frequencies_hz", [(500.0,), (500.0, 500.0), (500.0, 700.0)])
def test_a_voice_is_as_loud_and_as_clean_as_it_was(
    tmp_path: Path, container: str, frequencies_hz: tuple[float, ...]
) -> None:
    async def scene(files: FileRecordings) -> None:
        stored = await record(files, container, 3.0, *frequencies_hz)
        audio, rate_hz = read(files.path(stored))
        for channel, frequency in enumerate(frequencies_hz):
            piece = audio[rate_hz : 2 * rate_hz, channel]
            bins = np.abs(np.fft.rfft(piece)) ** 2
            near = bins[round(frequency) - 3 : round(frequency) + 4].sum()
            assert near / bins.sum() > 0.999
            assert np.max(np.abs(piece)) == pytest.approx(10_000 / 32_768, rel=0.1)

    run(tmp_path, scene)


@pytest.mark.parametrize("container", ["wav", "ogg", "mp3"])
def test_many_channels_stay_apart_and_mp3_becomes_wav(tmp_path: Path, container: str) -> None:
    frequencies = [300 + 100 * index for index in range(12)]

    async def scene(files: FileRecordings) -> None:
        stored = await record(files, container, 1.0, *frequencies)
        assert stored.media_type == ("audio/ogg" if container == "ogg" else "audio/wav")
        audio, _ = read(files.path(stored))
        assert audio.shape[1] == 12
        found = [strongest_hz(audio[2000:14_000, index]) for index in range(12)]
        assert found == pytest.approx(frequencies, abs=2)

    run(tmp_path, scene)


def test_mp3_has_a_constant_32_kbit_a_second(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        for frequencies in ((440,), (440, 700)):
            stored = await record(files, "mp3", 20.0, *frequencies)
            assert stored.size * 8 / 20.0 == pytest.approx(32_000, rel=0.02)
            # Second header byte: MPEG-2, layer III; third: bit rate index 4 (32 kbit/s), 16 kHz.
            head = files.path(stored).read_bytes()[:3]
            assert head[0] == 0xFF
            assert head[1] & 0xFE == 0xF2
            assert head[2] & 0xFC == 0x48

    run(tmp_path, scene)


def test_ogg_takes_about_24_kbit_a_second_and_channel(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        noise = np.random.default_rng(1).normal(0, 3000, 16_000 * 10).astype("<i2").tobytes()
        file = files.create(APPLICATION, recording=RECORDING, container="ogg", channels=1)
        feed(file, noise)
        stored = await file.finish()
        assert 12_000 < stored.size * 8 / 10 < 32_000

    run(tmp_path, scene)


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_recording_without_audio_is_a_valid_file(tmp_path: Path, container: str, channels: int) -> None:
    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container=container, channels=channels)
        stored = await file.finish()
        assert stored.size == files.path(stored).stat().st_size > 0
        audio, rate_hz = read(files.path(stored))
        assert rate_hz == 16_000
        assert audio.shape[1] == channels
        assert len(audio) < 2500
        if container == "wav":
            assert len(audio) == 0

    run(tmp_path, scene)


def test_a_mono_wav_has_the_plain_header_that_simple_readers_expect(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        stored = await record(files, "wav", 1.0, 440)
        data = files.path(stored).read_bytes()
        assert data[:4] == b"RIFF"
        assert data[8:16] == b"WAVEfmt "
        assert data[36:40] == b"data"
        assert int.from_bytes(data[40:44], "little") == len(data) - 44 == 32_000
        assert int.from_bytes(data[4:8], "little") == len(data) - 8

    run(tmp_path, scene)


def test_nothing_is_named_before_it_is_whole(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        feed(file, tones(1.0, 440))
        await asyncio.wrap_future(files._threads.submit(time.sleep, 0))  # the thread has done what came before
        assert names(tmp_path) == [f"{file.file_id}.part"]
        stored = await file.finish()
        assert names(tmp_path) == [f"{stored.file_id}.wav"]

    run(tmp_path, scene, threads=1)


def test_files_are_found_by_their_id_only(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        stored = await record(files, "mp3", 0.5, 440)
        assert files.find(stored.file_id) == files.path(stored)
        assert files.find(RECORDING) is None
        for hostile in ("", "..", "../" + stored.file_id, stored.file_id + "/..", stored.file_id.upper(), "\0", "*"):
            assert files.find(hostile) is None
        await files.remove(stored)
        assert files.find(stored.file_id) is None
        await files.remove(stored)

    run(tmp_path / "directory", scene)


def test_every_recording_gets_an_id_of_its_own(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        stored = await asyncio.gather(*(record(files, "wav", 0.2, 440) for _ in range(20)))
        assert len({file.file_id for file in stored}) == 20

    run(tmp_path, scene)


def test_lost_audio_is_silence_in_its_place(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        feed(file, tones(1.0, 440))
        file.lost(300)
        file.lost(200)
        feed(file, tones(1.0, 440))
        audio, _ = read(files.path(await file.finish()))
        assert len(audio) == 16_000 * 5 // 2
        assert np.max(np.abs(audio[16_500:23_500])) < 0.01
        assert np.max(np.abs(audio[24_500:])) > 0.25

    run(tmp_path, scene, on_loss=lambda recording, milliseconds: told.append((recording, milliseconds)))
    assert told == [(RECORDING, 300), (RECORDING, 200)]


def test_a_writer_that_is_too_slow_loses_its_own_audio_and_never_blocks(tmp_path: Path) -> None:
    told: list[int] = []
    gate = threading.Event()

    async def scene(files: FileRecordings) -> None:
        other = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        file = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        # Both writing threads are busy elsewhere.
        for _ in range(2):
            files._threads.submit(gate.wait)
        feed(file, tones(15.0, 440))
        assert files.gauges()["waiting_seconds"] == pytest.approx(10)
        feed(other, tones(1.0, 440))
        gate.set()
        audio, _ = read(files.path(await file.finish()))
        assert len(audio) == 16_000 * 15
        assert np.max(np.abs(audio[16_000 * 9 : 16_000 * 9 + 8000])) > 0.25
        assert np.max(np.abs(audio[16_000 * 11 :])) < 0.01
        audio, _ = read(files.path(await other.finish()))
        assert np.max(np.abs(audio)) > 0.25

    run(tmp_path, scene, on_loss=lambda recording, milliseconds: told.append(milliseconds))
    assert sum(told) == 5000


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg"])
def test_a_full_disk_fails_that_recording_and_leaves_nothing_behind(tmp_path: Path, container: str) -> None:
    async def scene(files: FileRecordings) -> None:
        small = files.create(APPLICATION, recording=RECORDING, container=container, channels=1)
        large = files.create(APPLICATION, recording=RECORDING, container=container, channels=1)
        with file_size_limit(10_000):
            feed(small, tones(0.2, 440))
            noise = np.random.default_rng(1).normal(0, 3000, 16_000 * 9).astype("<i2").tobytes()
            feed(large, noise)
            with pytest.raises(ProviderError, match="could not be written"):
                await large.finish()
            stored = await small.finish()
        assert names(tmp_path) == [files.path(stored).name]
        assert len(read(files.path(stored))[0]) >= 3200
        large.write(bytes(1600))  # what still arrives is ignored

    run(tmp_path, scene)


def test_a_directory_that_is_a_file_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ProviderError, match="cannot be used"):
        run(tmp_path / "file", lambda files: asyncio.sleep(0))


def test_a_directory_that_vanishes_is_made_again(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        (tmp_path / "gone").rmdir()
        stored = await record(files, "wav", 0.5, 440)
        assert files.find(stored.file_id) is not None

    run(tmp_path / "gone", scene)


def test_a_bug_in_the_encoder_fails_that_recording_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*arguments: object) -> None:
        raise ZeroDivisionError("oops")

    async def scene(files: FileRecordings) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(files.encoders, "open", explode)
            with pytest.raises(ProviderError, match="oops"):
                await record(files, "wav", 0.5, 440)
        await record(files, "wav", 0.5, 440)

    run(tmp_path, scene)


def test_what_a_crash_left_half_written_and_nobody_recovers_is_swept_out(tmp_path: Path) -> None:
    (tmp_path / f"{RECORDING}.part").write_bytes(b"half")
    (tmp_path / f"{RECORDING}.again").write_bytes(b"half of the half")
    (tmp_path / f"{RECORDING}.wav").write_bytes(b"whole")
    run(tmp_path, lambda files: files.sweep())
    assert names(tmp_path) == [f"{RECORDING}.wav"]


@pytest.mark.parametrize(
    ("container", "channels"), [("wav", 1), ("wav", 2), ("wav", 5), ("mp3", 1), ("mp3", 2), ("ogg", 1), ("ogg", 3)]
)
def test_a_file_whose_writer_died_is_completed(tmp_path: Path, container: str, channels: int) -> None:
    """What was written up to half a second before the end is there, in its place, and can be played."""
    left: list[OpenRecording] = []

    async def dies(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container=container, channels=channels)
        feed(file, tones(4.0, *(400.0 + 200 * each for each in range(channels))), channels)
        left.append(
            OpenRecording(
                recording=RECORDING,
                file_id=file.file_id,
                conversation=ConversationId("CON-1"),
                application=APPLICATION,
                container=file.container,
                started_at=datetime.now(UTC),
            )
        )
        part = tmp_path / f"{file.file_id}.part"
        for _ in range(200):
            if not files._open[file.file_id]._scheduled:  # the writer has nothing to do
                break
            await asyncio.sleep(0.05)
        (tmp_path / "dead").write_bytes(part.read_bytes())

    run(tmp_path, dies)
    (open_,) = left
    part = tmp_path / f"{open_.file_id}.part"
    (tmp_path / "dead").rename(part)

    async def recovers(files: FileRecordings) -> None:
        stored = await files.recover(open_)
        assert stored == await files.recover(open_)  # twice is once
        assert (stored.file_id, stored.size) == (open_.file_id, files.path(stored).stat().st_size)
        audio, rate = read(files.path(stored))
        assert rate == 16_000
        assert audio.shape[1] == channels
        assert len(audio) / rate == pytest.approx(4.0, abs=1.1 if container == "ogg" else 0.5)
        for channel in range(channels):
            assert strongest_hz(audio[: 2 * rate, channel]) == pytest.approx(400 + 200 * channel, abs=5)

    run(tmp_path, recovers)
    assert names(tmp_path) == [f"{open_.file_id}.{container}"]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"OggS", b"\0" * 500, None])
@pytest.mark.parametrize("container", ["wav", "mp3", "ogg"])
def test_a_file_that_was_hardly_begun_cannot_be_completed(
    tmp_path: Path, container: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / f"{RECORDING}.part").write_bytes(content)
    gone = OpenRecording(
        recording=RECORDING,
        file_id=RECORDING,
        conversation=ConversationId("CON-1"),
        application=APPLICATION,
        container=container,
        started_at=datetime.now(UTC),
    )

    async def scene(files: FileRecordings) -> None:
        with pytest.raises(ProviderError):
            await files.recover(gone)
        await files.sweep()

    run(tmp_path, scene)
    assert names(tmp_path) == []


def test_a_sweep_leaves_running_recordings_alone(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        feed(file, tones(1.0, 440))
        (tmp_path / "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb.part").write_bytes(b"old")
        await files.sweep()
        stored = await file.finish()
        assert stored.size > 10_000

    run(tmp_path, scene)
    assert len(names(tmp_path)) == 1


def test_recordings_nobody_finished_leave_nothing_behind(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container="mp3", channels=1)
        feed(file, tones(1.0, 440))
        await files.close()
        with pytest.raises(ProviderError, match="given up"):
            await file.finish()
        with pytest.raises(ProviderError, match="closed"):
            files.create(APPLICATION, recording=RECORDING, container="mp3", channels=1)

    run(tmp_path, scene)
    assert names(tmp_path) == []


def test_finishing_twice_gives_the_same_file(tmp_path: Path) -> None:
    async def scene(files: FileRecordings) -> None:
        file = files.create(APPLICATION, recording=RECORDING, container="wav", channels=1)
        feed(file, tones(0.5, 440))
        assert await file.finish() == await file.finish()

    run(tmp_path, scene)


@pytest.mark.parametrize(("container", "channels"), [("flac", 1), ("wav", 0), ("wav", 33)])
def test_impossible_recordings_are_refused(tmp_path: Path, container: str, channels: int) -> None:
    async def scene(files: FileRecordings) -> None:
        with pytest.raises(LocalProtocolError):
            files.create(APPLICATION, recording=RECORDING, container=container, channels=channels)

    run(tmp_path, scene)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=12))
def test_blocks_of_any_size_make_the_same_audio_as_one(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    pcm = tones(0.5, 440, 700)

    async def scene(files: FileRecordings) -> None:
        whole = files.create(APPLICATION, recording=RECORDING, container="wav", channels=2)
        whole.write(pcm)
        pieces = files.create(APPLICATION, recording=RECORDING, container="wav", channels=2)
        edges = [0, *sorted(4 * cut for cut in cuts), len(pcm)]
        for start, end in itertools.pairwise(edges):
            pieces.write(pcm[start:end])
        one, other = await whole.finish(), await pieces.finish()
        first, _ = read(files.path(one))
        second, _ = read(files.path(other))
        # The resampler's dither differs by its calls.
        assert np.max(np.abs(first - second)) <= 2 / 32_768

    run(tmp_path_factory.mktemp("recordings"), scene)


def test_a_wav_beyond_4_gib_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    writer = WavWriter(path, 32)
    writer.write(np.ones((1, 32), dtype=np.int16))
    # A sparse file: 5 GB of holes need no disk.
    hole = 64 * 80_000_000
    writer._file.seek(hole, os.SEEK_CUR)
    writer._data_bytes += hole
    writer.write(np.full((1, 32), 2, dtype=np.int16))
    writer.close()
    with soundfile.SoundFile(path) as file:
        assert file.format == "RF64"
        assert file.channels == 32
        assert file.frames == 80_000_002
        file.seek(80_000_001)
        assert file.read(1, dtype="int16", always_2d=True).tolist() == [[2] * 32]


def test_cost_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []

    async def scene(files: FileRecordings) -> None:
        for container, channels in (("wav", 1), ("mp3", 1), ("mp3", 2), ("ogg", 1)):
            began = time.process_time()
            await record(files, container, 9.0, *([440.0] * channels))
            used = time.process_time() - began
            lines.append(f"{container}/{channels}: {used / 9.0 * 100:.1f} %")

    run(tmp_path, scene)
    with capsys.disabled():
        sys.stdout.write(f"\nrecording, CPU of one core per call: {', '.join(lines)}\n")
