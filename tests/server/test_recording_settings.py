"""`[recordings]`: on this disk, or in a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.base import SeededRandom, SystemClock
from ringline.io.bucket_recordings import BucketRecordings
from ringline.io.recordings import FileRecordings
from ringline.server.recordings import make_recordings
from ringline.server.settings import Settings, SettingsError

BUCKET = {
    "RINGLINE_RECORDINGS__BUCKET": "calls",
    "RINGLINE_RECORDINGS__ENDPOINT": "http://127.0.0.1:9000",
    "RINGLINE_RECORDINGS__ACCESS_KEY": "key",
    "RINGLINE_RECORDINGS__SECRET_KEY": "very-secret",
}


def made(environment: dict[str, str], directory: Path) -> FileRecordings:
    settings = Settings.load(None, {"RINGLINE_DATA_DIR": str(directory), **environment}, profile="dev")
    assert "very-secret" not in repr(settings)
    return make_recordings(settings, clock=SystemClock(), random=SeededRandom(b"x"))


def test_recordings_are_kept_here_unless_a_bucket_is_named(tmp_path: Path) -> None:
    assert type(made({}, tmp_path)) is FileRecordings
    assert type(made(BUCKET, tmp_path)) is BucketRecordings


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("ACCESS_KEY", "belong together"),
        ("SECRET_KEY", "belong together"),
        ("BUCKET", "not which one"),
    ],
)
def test_half_an_address_is_told(tmp_path: Path, without: str, said: str) -> None:
    environment = {name: value for name, value in BUCKET.items() if not name.endswith(without)}
    with pytest.raises(SettingsError, match=said):
        made(environment, tmp_path)
