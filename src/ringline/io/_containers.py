"""Writing recording files as the audio comes: wav by hand, mp3 and Ogg Opus through libsndfile.

Everything here blocks and is for threads.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from ringline.audio import RATE_HZ

Samples = NDArray[np.int16]
"Frames by channels."

_MP3_LEVEL: Final = 0.84
"Gives a constant 32 kbit/s for MPEG-2 layer III at 16 kHz, one channel or two."
_OPUS_LEVEL: Final = 0.925
"About 24 kbit/s a channel."


class ContainerWriter(Protocol):
    """A file being written. All methods raise OSError when the disk does not take it."""

    def write(self, samples: Samples) -> None: ...

    def flush(self) -> None:
        """Hand what was written to the system, so that it outlives this process."""
        ...

    def close(self) -> None:
        """Complete the file and have it on disk."""
        ...

    def abandon(self) -> None:
        """Close without completing; never raises."""
        ...


_WAV_HEAD_PLAIN: Final = 44
_WAV_HEAD: Final = 104
_WAV_CHANNELS: Final = 22
_WAV_CHANNELS_OF_MANY: Final = 58
"Where the number of channels stands in either kind of header."


class WavWriter:
    """16-bit PCM. One or two channels have the plain 44-byte header; more have WAVE_FORMAT_EXTENSIBLE.

    Only those can pass 4 GiB (32 channels do in 70 minutes), so only they keep room for the 64-bit sizes of RF64
    (EBU Tech 3306).
    """

    _PCM_GUID: Final = bytes.fromhex("0100000000001000800000aa00389b71")

    def __init__(self, path: Path, channels: int) -> None:
        self._file: BinaryIO = path.open("wb")
        self._channels = channels
        self._data_bytes = 0
        try:
            self._file.write(self._header())
        except OSError:
            self.abandon()
            raise

    def write(self, samples: Samples) -> None:
        data = samples.astype("<i2").tobytes()
        self._file.write(data)
        self._data_bytes += len(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.seek(0)
        self._file.write(self._header())
        _settle(self._file)

    def abandon(self) -> None:
        _drop(self._file)

    def _header(self) -> bytes:
        frame = 2 * self._channels
        basics = struct.pack("<HIIHH", self._channels, RATE_HZ, RATE_HZ * frame, frame, 16)
        if self._channels <= 2:
            chunks = b"fmt " + struct.pack("<IH", 16, 1) + basics
        else:
            extensible = struct.pack("<HHI", 22, 16, 0) + self._PCM_GUID
            chunks = self._sizes() + b"fmt " + struct.pack("<IH", 40, 0xFFFE) + basics + extensible
        data = b"data" + struct.pack("<I", min(self._data_bytes, 0xFFFFFFFF))
        size = 4 + len(chunks) + len(data) + self._data_bytes
        magic = b"RF64" if self._large() else b"RIFF"
        return magic + struct.pack("<I", 0xFFFFFFFF if self._large() else size) + b"WAVE" + chunks + data

    def _sizes(self) -> bytes:
        if not self._large():
            return b"JUNK" + struct.pack("<I", 28) + bytes(28)
        # RIFF, JUNK and fmt chunks and the data header are 104 bytes, of which the first 8 do not count.
        sizes = struct.pack(
            "<QQQI", self._data_bytes + 96, self._data_bytes, self._data_bytes // (2 * self._channels), 0
        )
        return b"ds64" + struct.pack("<I", 28) + sizes

    def _large(self) -> bool:
        return self._data_bytes > 0xFFFFFFFF - 200

    @classmethod
    def complete(cls, path: Path) -> None:
        """Write the sizes into a file whose writer died.

        Raises:
            OSError: it is no such file, or cannot be written.
        """
        with path.open("r+b") as file:
            head = file.read(_WAV_HEAD)
            plain = head[12:16] == b"fmt "
            place = _WAV_CHANNELS if plain else _WAV_CHANNELS_OF_MANY
            if head[:4] not in (b"RIFF", b"RF64") or len(head) < place + 2:
                raise OSError("its beginning was never written")
            self = cls.__new__(cls)
            self._file = file
            self._channels = int.from_bytes(head[place : place + 2], "little")
            start = _WAV_HEAD_PLAIN if plain else _WAV_HEAD
            frame = max(1, 2 * self._channels)
            self._data_bytes = max(0, path.stat().st_size - start) // frame * frame
            file.truncate(start + self._data_bytes)
            file.seek(0)
            file.write(self._header())
            file.flush()
            os.fsync(file.fileno())


class EncodedWriter:
    """mp3 (constant 32 kbit/s) or Ogg Opus."""

    def __init__(self, path: Path, container: str, channels: int) -> None:
        self._target = _Target(path.open("wb"))
        self._channels = channels
        self._empty = True
        try:
            if container == "mp3":
                self._sound = soundfile.SoundFile(
                    self._target, "w", RATE_HZ, channels, "MPEG_LAYER_III", format="MP3",
                    compression_level=_MP3_LEVEL, bitrate_mode="CONSTANT",
                )  # fmt: skip
            else:
                self._sound = soundfile.SoundFile(
                    self._target, "w", RATE_HZ, channels, "OPUS", format="OGG", compression_level=_OPUS_LEVEL
                )
        except soundfile.SoundFileError as error:
            _drop(self._target.file)
            raise OSError(f"the encoder cannot be opened: {error}") from error

    def write(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._empty = False
        try:
            # As floats: libsndfile 1.2.2 turns 16-bit samples of two channels into noise on their way to LAME.
            self._sound.write(samples.astype(np.float32) / 32_768)
        except soundfile.SoundFileError as error:
            raise OSError(f"the encoder failed: {error}") from error
        self._target.check()

    def flush(self) -> None:
        self._target.file.flush()

    def close(self) -> None:
        if self._empty:
            # Without any audio the mp3 encoder writes nothing at all, which no player takes for a file.
            self.write(np.zeros((1, self._channels), dtype=np.int16))
        try:
            self._sound.close()
        except soundfile.SoundFileError as error:
            raise OSError(f"the encoder failed: {error}") from error
        self._target.check()
        _settle(self._target.file)

    def abandon(self) -> None:
        self._target.deaf = True
        try:
            self._sound.close()
        except soundfile.SoundFileError:
            pass  # it is being thrown away
        finally:
            _drop(self._target.file)


class _Target:
    """The file as libsndfile's callbacks see it.

    An exception cannot pass through the C code, so a failed write is remembered and told by `check`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.deaf = False
        self._error: OSError | None = None

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:
        if self._error is None and not self.deaf:
            try:
                self.file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self.file.seek(offset, whence)
        except OSError as error:
            self._error = self._error or error
            return 0

    def tell(self) -> int:
        try:
            return self.file.tell()
        except OSError as error:
            self._error = self._error or error
            return 0


def _settle(file: BinaryIO) -> None:
    """Close with everything on disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _drop(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError:
        # What was still buffered did not fit; a second close gives up the descriptor.
        file.close()
