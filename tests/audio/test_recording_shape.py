"""What the options of `record` make of a file."""

from __future__ import annotations

import pytest

import ringline.audio
from ringline.audio import (
    RecordingShape,
    actual_container,
    containers,
    extension,
    is_container,
    media_type,
    recording_shape,
)


@pytest.mark.parametrize(
    ("split", "channels", "container", "expected"),
    [
        (False, None, None, ("mono", 1, "mp3")),
        (False, None, "wav", ("mono", 1, "wav")),
        (True, None, None, ("heard", 2, "mp3")),
        (True, 2, None, ("slots", 2, "mp3")),
        (False, 2, "ogg", ("slots", 2, "ogg")),
        (True, 3, None, ("slots", 3, "wav")),
        (True, 32, "mp3", ("slots", 32, "wav")),
        (True, 32, "ogg", ("slots", 32, "ogg")),
        (True, 99, None, ("slots", 32, "wav")),
        (True, 0, None, ("mono", 1, "mp3")),
    ],
)
def test_options_settle_layout_channels_and_container(
    split: bool, channels: int | None, container: str | None, expected: tuple[str, int, str]
) -> None:
    shape = recording_shape(split=split, channels=channels, container=container)
    assert (shape.kind, shape.channels, shape.container) == expected


def test_shapes_compare_by_value() -> None:
    assert recording_shape() == RecordingShape(kind="mono", channels=1, container="mp3")


def test_media_types_and_extensions_are_each_others_inverse() -> None:
    assert [media_type(container) for container in containers()] == ["audio/mpeg", "audio/wav", "audio/ogg"]
    assert all(extension(media_type(container)) == container for container in containers())
    assert is_container("ogg")
    assert not is_container("flac")


def test_only_mp3_has_a_limit_of_two_channels() -> None:
    assert actual_container("mp3", 2) == "mp3"
    assert actual_container("mp3", 3) == "wav"
    assert actual_container("ogg", 3) == "ogg"
    assert [channels for channels in range(1, 33) if actual_container("ogg", channels) == "wav"] == [6, 7, 8]


def test_the_front_door_is_whole() -> None:
    assert len(set(ringline.audio.__all__)) == len(ringline.audio.__all__)
    assert all(hasattr(ringline.audio, name) for name in ringline.audio.__all__)
