"""What a recording file is: its container, its channels, its media type (Voice API, recording guide)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

RecordingKind = Literal["mono", "heard", "slots"]

MAX_CHANNELS: Final = 32
MAX_SECONDS: Final = 7200
RATE_HZ: Final = 16_000
"Of every recording file."

_MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg"}
_EXTENSIONS: Final = {
    **{media_type: container for container, media_type in _MEDIA_TYPES.items()},
    "application/json": "json",  # a transcription, kept beside the recordings
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingShape:
    """How the audio of a conversation is laid out in a file."""

    kind: RecordingKind
    "`mono`: all in one; `heard`: what a leg says and what it hears; `slots`: a channel per leg in order of joining."
    channels: int
    container: str
    "`mp3`, `wav` or `ogg`."


def recording_shape(
    *, split: bool = False, channels: int | None = None, container: str | None = None
) -> RecordingShape:
    """Settle the layout for the options of `record`.

    `split` alone gives two channels, said and heard. An explicit `channels` of 2 or more gives a channel per
    participant and implies `split`. Without `container` it is mp3, and mp3 with more than two channels becomes wav.
    """
    count = channels if channels is not None else (2 if split else 1)
    count = max(1, min(MAX_CHANNELS, count))
    kind: RecordingKind = "mono" if count == 1 else ("slots" if channels is not None else "heard")
    return RecordingShape(kind=kind, channels=count, container=actual_container(container or "mp3", count))


def actual_container(container: str, channels: int) -> str:
    """The container that is really written, where the one asked for cannot carry so many people: wav.

    mp3 has at most two channels. Opus takes 6, 7 or 8 for those of a cinema, one of which is for low tones only (RFC
    7845 section 5.1.1.2): somebody's voice would be lost in it.
    """
    cannot = (container == "mp3" and channels > 2) or (container == "ogg" and channels in (6, 7, 8))
    return "wav" if cannot else container


def is_container(container: str) -> bool:
    """Tell whether we write such files."""
    return container in _MEDIA_TYPES


def media_type(container: str) -> str:
    """The `Content-Type` of a container: `audio/mpeg`, `audio/wav` or `audio/ogg`."""
    return _MEDIA_TYPES[container]


def extension(media_type: str) -> str:
    """The file name's ending for a media type, without the dot."""
    return _EXTENSIONS[media_type]


def containers() -> tuple[str, ...]:
    """All containers that we write."""
    return tuple(_MEDIA_TYPES)
