"""Turning an audio file into blocks of samples while it is still being downloaded.

`Download` is a file that grows: the network side appends on the event loop, libsndfile reads in a thread and waits for
what is not there yet. Which files are taken: mp3, wav (linear PCM, float, G.711, GSM 6.10) and ogg (Opus, Vorbis).
"""

from __future__ import annotations

import io
import os
import threading
from typing import Final

import numpy as np
import soundfile

from ringline.engine.ports import Pcm

MAX_SECONDS: Final = 7200
_MIN_HZ: Final = 8000
_MAX_HZ: Final = 48_000
_MAX_CHANNELS: Final = 8
_BLOCK_S: Final = 0.5
_STEP_FRAMES: Final = 1024
"Frames decoded at a time: few, so that a step needs little of the source."
_SLACK_BYTES: Final = 8192
"What the decoders read beyond what they need at once."

_FORMATS: Final = ("WAV", "WAVEX", "MP3", "OGG")
_EXACT: Final = ("PCM_U8", "PCM_16", "ULAW", "ALAW", "GSM610")
"Encodings of at most 16 bits: taken as they are. Others go through floats, rounded once."
_SUBTYPES: Final = (*_EXACT, "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "MPEG_LAYER_III", "OPUS", "VORBIS")
_ID3V1_BYTES: Final = 128


class Undecodable(Exception):
    """It is no audio file that we know, or it ended before its end."""


def sniff(head: bytes, content_type: str) -> bool:
    """Tell from the first bytes (12 or more), or else from the `Content-Type`, whether we try to decode it."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return True
    if head[:4] == b"OggS" or head[:3] == b"ID3":
        return True
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return True  # an MPEG audio frame; layer bits 00 are AAC
    return content_type in ("audio/mpeg", "audio/mp3")  # junk before the first frame


def tag_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag at the start; it may hold a picture, and no audio comes before its end."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    return 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])


class Download:
    """A file of at most `size` bytes that is still arriving.

    `announce`, `append`, `end` and `fail` are for the side that brings it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._data = bytearray()
        self._position = 0
        self._error: str | None = None
        self._arrived = threading.Condition()

    def announce(self, size: int) -> None:
        """The size of the file became known."""
        with self._arrived:
            self._size = size

    def append(self, data: bytes) -> None:
        with self._arrived:
            self._data += data
            self._arrived.notify_all()

    def end(self) -> None:
        """All has arrived; what is missing to the announced size will not come."""
        with self._arrived:
            self._size = len(self._data)
            self._arrived.notify_all()

    def fail(self, why: str) -> None:
        """No more will come: readers see the end at once, and `error` tells."""
        with self._arrived:
            self._error = self._error or why
            self._arrived.notify_all()

    @property
    def error(self) -> str | None:
        return self._error

    @property
    def received(self) -> int:
        return len(self._data)

    @property
    def complete(self) -> bool:
        return len(self._data) >= self._size

    @property
    def ahead(self) -> int:
        """Bytes that have arrived beyond the reader's position."""
        return len(self._data) - self._position

    def head(self, count: int) -> bytes:
        return bytes(self._data[:count])

    # ── the file, as libsndfile reads it ───────────────────────────────────────────────────────────────────────────

    def read(self, size: int = -1) -> bytes:
        with self._arrived:
            start = self._position
            end = self._size if size < 0 else min(self._size, start + size)
            if size == _ID3V1_BYTES and end == self._size and end - start == size and len(self._data) < start:
                # The decoder looks for a tag at the very end before it starts. Zeros say that there is none.
                self._position = end
                return bytes(size)
            while len(self._data) < min(end, self._size) and self._error is None:
                self._arrived.wait()
            data = bytes(self._data[start : min(end, self._size)])
            self._position = start + len(data)
            return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._arrived:
            base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
            self._position = max(0, base + offset)
            return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: bytes) -> int:
        raise io.UnsupportedOperation("read only")


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # the package has no types
    """A sound file that is read from front to back.

    For seekable files the package seeks to the present position after every read. That resets the mp3 decoder, which
    then lacks the bits kept from earlier frames and plays gaps.
    """

    def seekable(self) -> bool:
        return False


class Decoder:
    """Decodes one file; every method blocks and is for threads, one at a time."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._lock = threading.Lock()
        self._sound: soundfile.SoundFile | None = None
        self._closed = False
        self._frames_left = 0
        self.rate_hz = 0
        self.margin = 0
        "So many bytes ahead of the reader, and a step need not wait for the network. Known once opened."

    def open(self) -> None:
        """Read the header.

        Raises:
            Undecodable: it is not one of the files we take.
        """
        with self._lock:
            if self._closed:
                raise Undecodable("closed")
            try:
                sound = _Stream(self._download)
            except (soundfile.SoundFileError, ValueError, TypeError, OSError) as error:
                raise Undecodable("it is no audio file") from error
            self._sound = sound
            if sound.format not in _FORMATS or sound.subtype not in _SUBTYPES:
                raise Undecodable(f"{sound.format} with {sound.subtype} is not supported")
            if not _MIN_HZ <= sound.samplerate <= _MAX_HZ or not 1 <= sound.channels <= _MAX_CHANNELS:
                raise Undecodable(f"{sound.samplerate} Hz with {sound.channels} channels is not supported")
            self.rate_hz = sound.samplerate
            self.margin = _margin(sound)
            self._frames_left = MAX_SECONDS * sound.samplerate
            if sound.format == "WAV" and sound.frames > self._frames_left:
                raise Undecodable(f"it is longer than {MAX_SECONDS} s")

    def read(self) -> Pcm | None:
        """Decode up to half a second of what has arrived; None at the end.

        Raises:
            Undecodable: the download broke off, or the audio is too long.
        """
        parts: list[bytes] = []
        with self._lock:
            if self._closed or self._sound is None:
                return None
            wanted = int(self.rate_hz * _BLOCK_S)
            while wanted > 0:
                frames = self._step(self._sound)
                if self._download.error is not None:
                    raise Undecodable(self._download.error)
                if frames is None:
                    break
                parts.append(frames)
                wanted -= _STEP_FRAMES
                if not self._download.complete and self._download.ahead < self.margin:
                    break
        return Pcm(rate_hz=self.rate_hz, data=b"".join(parts)) if parts else None

    def close(self) -> None:
        """Give back the decoder; waits for a `read` in another thread, which `Download.fail` ends."""
        with self._lock:
            self._closed = True
            if self._sound is not None:
                self._sound.close()
                self._sound = None

    def _step(self, sound: soundfile.SoundFile) -> bytes | None:
        exact = sound.subtype in _EXACT
        try:
            frames = sound.read(_STEP_FRAMES, dtype="int16" if exact else "float32", always_2d=True)
        except (soundfile.SoundFileError, ValueError) as error:
            raise Undecodable("it is damaged") from error
        if not len(frames):
            return None
        self._frames_left -= len(frames)
        if self._frames_left < 0:
            raise Undecodable(f"it is longer than {MAX_SECONDS} s")
        if exact and frames.shape[1] == 1:
            return bytes(frames.astype("<i2").tobytes())
        mono = frames.astype(np.float64).mean(axis=1)
        if not exact:
            mono = np.nan_to_num(mono, nan=0.0, posinf=1.0, neginf=-1.0) * 32767
        return bytes(np.clip(np.round(mono), -32768, 32767).astype("<i2").tobytes())


def _margin(sound: soundfile.SoundFile) -> int:
    match sound.format:
        case "MP3":
            return 2 * _SLACK_BYTES
        case "OGG":
            return 65_536 + _SLACK_BYTES  # a page, which can hold seconds of audio
        case _:
            return _STEP_FRAMES * int(sound.channels) * 8 + _SLACK_BYTES
