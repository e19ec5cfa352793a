"""Recording files whose writer died: what is in them is kept, and they get their names.

Everything here blocks and is for threads.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import soundfile

from ringline.base import read_leg_id
from ringline.io._containers import WavWriter

if TYPE_CHECKING:  # encoder workers start quickly without it
    from ringline.engine.ports import OpenRecording

PART: Final = ".part"
"How a file ends that is being written."
AGAIN: Final = ".again"
"And one that is begun again, because its encoder died."
_OGG_PAGE_HEAD: Final = 27


def salvage(path: Path, container: str) -> None:
    """Make a whole file of one whose writer died: what is in it is kept, what was cut off is cut off cleanly.

    Raises:
        OSError: nothing of it can be kept, or it cannot be written.
    """
    if container == "wav":
        WavWriter.complete(path)
        return
    if container == "ogg":
        _cut_to_whole_pages(path)
    try:
        frames = soundfile.info(path).frames  # an mp3 is a row of frames, and its decoders pass over half a one
    except soundfile.SoundFileError as error:
        raise OSError("it has no audio yet") from error
    if not frames:
        raise OSError("it has no audio yet")


def _cut_to_whole_pages(path: Path) -> None:
    """Cut an Ogg file behind its last whole page (RFC 3533 section 6)."""
    data = path.read_bytes()
    end = position = 0
    while data[position : position + 4] == b"OggS" and position + _OGG_PAGE_HEAD <= len(data):
        segments = data[position + _OGG_PAGE_HEAD - 1]
        sizes = data[position + _OGG_PAGE_HEAD : position + _OGG_PAGE_HEAD + segments]
        position += _OGG_PAGE_HEAD + segments + sum(sizes)
        if len(sizes) < segments or position > len(data):
            break
        end = position
    with path.open("r+b") as file:
        file.truncate(end)


def complete(directory: Path, recording: OpenRecording) -> tuple[int, float]:
    """Give a file its name; return its size and when it was last written, in seconds since 1970.

    Raises:
        OSError: nothing of it can be kept, or the disk refuses.
    """
    if read_leg_id(recording.file_id) != recording.file_id:
        raise OSError("its id is no UUID")
    path = directory / f"{recording.file_id}.{recording.container}"
    part = directory / f"{recording.file_id}{PART}"
    if not path.is_file():
        if not part.is_file():
            raise OSError("nothing of it had been written yet")
        written = part.stat().st_mtime
        salvage(part, recording.container)
        os.utime(part, (written, written))
        part.replace(path)
        sync_directory(path.parent)
    found = path.stat()
    return found.st_size, found.st_mtime


def sync_directory(directory: Path) -> None:
    """Have a new name on disk, too (a rename alone may not survive a power cut)."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
