"""What is spoken in recordings is found: the pieces, their times, their channels, and files that are none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ringline.base import ApplicationId, ProviderError, SeededRandom, SystemClock
from ringline.engine.ports import StoredFile
from ringline.io._pieces_worker import pieces
from ringline.io.recorded_speech import Piece, RecordedSpeech
from ringline.io.recordings import FileRecordings
from ringline.testing.audio import has_tone

RATE_HZ = 16_000
FILE_ID = "5b0f0f0e-5a8d-4f5e-9f57-0d6b6f9c7c11"


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


def tone(hz: float, seconds: float, level: float = 0.3) -> NDArray[np.float32]:
    return (np.sin(np.arange(round(seconds * RATE_HZ)) * 2 * np.pi * hz / RATE_HZ) * level).astype(np.float32)


def babble(seconds: float) -> NDArray[np.float32]:
    """Somebody who never pauses, but is less loud four times a second."""
    swell = 0.55 + 0.45 * np.sin(np.arange(round(seconds * RATE_HZ)) * 2 * np.pi * 4 / RATE_HZ)
    return (tone(300, seconds) * swell).astype(np.float32)


def found(path: Path) -> tuple[list[tuple[int, int, int, bytes]], list[int]]:
    """All pieces and how long the channels are."""
    all_of_them = list(pieces(str(path)))
    lasted = all_of_them[-1][0]["durations_ms"]
    return [(told["channel"], told["start_ms"], told["end_ms"], audio) for told, audio in all_of_them[:-1]], lasted


@pytest.mark.parametrize(("ending", "options"), [("wav", {}), ("mp3", {}), ("ogg", {"subtype": "OPUS"})])
def test_each_channel_has_its_own_pieces_with_their_times(tmp_path: Path, ending: str, options: dict[str, str]) -> None:
    left = np.concatenate([silence(2), tone(440, 1), silence(2), tone(1000, 1.5), silence(1)])
    right = np.concatenate([silence(5.5), tone(700, 2)])
    path = tmp_path / f"both.{ending}"
    soundfile.write(path, np.stack([left, right], axis=1), RATE_HZ, **options)
    each, lasted = found(path)
    assert len(lasted) == 2
    assert all(abs(one - 7500) < 120 for one in lasted)
    heard = sorted((channel, start, end) for channel, start, end, _ in each)
    for (channel, start, end), expected in zip(heard, [(0, 1700, 3300), (0, 4700, 6800), (1, 5200, 7500)], strict=True):
        assert channel == expected[0]
        assert abs(start - expected[1]) < 120
        assert abs(end - expected[2]) < 120
    tones = {(0, 440), (0, 1000), (1, 700)}
    said = {(channel, hz) for channel, _, _, audio in each for hz in (440, 700, 1000) if has_tone(audio, hz, RATE_HZ)}
    assert said == tones


def test_short_pauses_are_within_a_piece_and_clicks_and_quiet_noise_are_none(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.0006, RATE_HZ * 12).astype(np.float32)
    noise[RATE_HZ * 6 : RATE_HZ * 6 + 160] += tone(2000, 0.01)
    noise[RATE_HZ : RATE_HZ * 3] += np.concatenate([tone(440, 0.8), silence(0.4), tone(440, 0.8)])
    soundfile.write(tmp_path / "noisy.wav", noise, RATE_HZ)
    ((_, start, end, _),), lasted = found(tmp_path / "noisy.wav")
    assert (abs(start - 700) < 60, abs(end - 3300) < 60, lasted) == (True, True, [12_000])


def test_somebody_who_never_pauses_is_cut_where_it_is_quiet_and_nothing_is_lost_or_said_twice(tmp_path: Path) -> None:
    audio = babble(70)
    soundfile.write(tmp_path / "long.wav", audio, RATE_HZ)
    each, _ = found(tmp_path / "long.wav")
    assert len(each) >= 3
    assert each[0][1] == 0
    assert all(one[2] == following[1] for one, following in pairwise(each))
    assert all(end - start <= 28_000 for _, start, end, _ in each)
    whole = np.frombuffer(b"".join(audio for _, _, _, audio in each), dtype="<i2")
    assert len(whole) == len(audio)
    assert np.max(np.abs(whole / 32_768 - audio)) < 0.001
    for _, _, end, _ in each[:-1]:
        place = end * RATE_HZ // 1000
        assert np.abs(audio[place - 300 : place + 300]).max() < 0.15, "cut where it is quiet"


def test_silence_has_no_pieces_and_other_rates_are_taken(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", silence(3), RATE_HZ)
    assert found(tmp_path / "silent.wav") == ([], [3000])
    soundfile.write(tmp_path / "narrow.wav", tone(440, 1)[::2], 8000)
    ((_, _, _, audio),), (lasted,) = found(tmp_path / "narrow.wav")
    assert abs(lasted - 1000) <= 20
    assert has_tone(audio, 440, RATE_HZ)


def of_a_worker(directory: Path) -> list[Piece]:
    """What the worker process makes of the recording in a directory."""

    async def main() -> list[Piece]:
        recordings = FileRecordings(directory, clock=SystemClock(), random=SeededRandom(b""))
        speech = RecordedSpeech(recordings)
        file = StoredFile(
            file_id=FILE_ID,
            application=ApplicationId("a"),
            media_type="audio/wav",
            size=1,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        try:
            return [piece async for piece in speech.pieces(file)]
        finally:
            await speech.close()
            await recordings.close()

    return asyncio.run(main())


def test_the_worker_gives_the_pieces_and_the_end_of_each_channel(tmp_path: Path) -> None:
    both = np.stack([np.concatenate([tone(440, 1), silence(2)]), silence(3)], axis=1)
    soundfile.write(tmp_path / f"{FILE_ID}.wav", both, RATE_HZ)
    first, *ends = of_a_worker(tmp_path)
    assert (first.channel, first.start_ms) == (0, 0)
    assert has_tone(first.audio, 440, RATE_HZ)
    assert ends == [Piece(0, 3000, 3000, b""), Piece(1, 3000, 3000, b"")]


def test_a_file_that_is_gone_or_is_no_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="gone"):
        of_a_worker(tmp_path)
    (tmp_path / f"{FILE_ID}.wav").write_bytes(b"<html>" * 1000)
    with pytest.raises(ProviderError, match="cannot be read"):
        of_a_worker(tmp_path)
