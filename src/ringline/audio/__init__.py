"""The rules of audio: levels, tones and the shape of recordings. No I/O."""

from ringline.audio.freshness import Freshness, judge
from ringline.audio.levels import level_to_db
from ringline.audio.recording import (
    MAX_CHANNELS,
    MAX_SECONDS,
    RATE_HZ,
    RecordingKind,
    RecordingShape,
    actual_container,
    containers,
    extension,
    is_container,
    media_type,
    recording_shape,
)
from ringline.audio.tones import beep, is_north_american, ringback

__all__ = [
    "MAX_CHANNELS",
    "MAX_SECONDS",
    "RATE_HZ",
    "Freshness",
    "RecordingKind",
    "RecordingShape",
    "actual_container",
    "beep",
    "containers",
    "extension",
    "is_container",
    "is_north_american",
    "judge",
    "level_to_db",
    "media_type",
    "recording_shape",
    "ringback",
]
