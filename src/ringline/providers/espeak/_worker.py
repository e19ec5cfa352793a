"""The espeak-ng worker: a program of its own that turns requests into audio (frames as in `ringline.io.workers`).

Run as `python -I -S _worker.py LIBRARY DATA_DIRECTORY`. It uses the standard library only, so it starts fast, and it
is the only place where libespeak-ng (GPLv3) is loaded. A request is JSON: `voice` (an espeak-ng voice with an optional
`+variant`), `pitch` (0 to 100), `rate` (words per minute), `text`, `ssml` (bool). Its blocks are 16-bit mono samples.
The hello is JSON too: `rate_hz` and `version`. A request with `phonemes`, a list of words, and `voice` gets JSON in
which each has its pronunciation (IPA).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import sys
from typing import Any

HEADER = struct.Struct("<cII")
MAX_REQUEST = 1024 * 1024
MAX_AUDIO_S = 600
"However long the pauses that a text asks for."
FIRST_BLOCK_MS = 100
BLOCK_MS = 400
HANG_S = 30
"So long libespeak-ng may compute between two pieces of audio before the process ends itself."

# Constants of espeak-ng's speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1
SSML = 0x10
PARAMETER_RATE = 1
PARAMETER_PITCH = 3
IPA = 0x02
PIECE_MS = 60
MAX_PATH = 180
"espeak-ng copies the path into a buffer of about 230 characters."


class Gone(Exception):
    """The server closed the pipe."""


class Pipe:
    """The frames on standard input and output."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink

    def read(self) -> tuple[bytes, int, bytes]:
        kind, number, length = HEADER.unpack(self._exactly(HEADER.size))
        if length > MAX_REQUEST:
            raise Gone
        return kind, number, self._exactly(length)

    def waiting(self) -> bool:
        """Tell whether something can be read now, the end included."""
        return bool(select.select([self._source], [], [], 0)[0])

    def write(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        view = memoryview(HEADER.pack(kind, number, len(payload)) + payload)
        try:
            while view:
                view = view[os.write(self._sink, view) :]
        except OSError as error:
            raise Gone from error

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = os.read(self._source, count - len(data))
            if not piece:
                raise Gone
            data += piece
        return data


class Espeak:
    """libespeak-ng, driven synchronously: one text at a time."""

    def __init__(self, library: str, data: str, pipe: Pipe) -> None:
        if len(os.fsencode(data)) > MAX_PATH:
            raise OSError(f"the path of the voice data is longer than {MAX_PATH} bytes: {data}")
        self._pipe = pipe
        self._lib = ctypes.CDLL(library)
        self._lib.espeak_Info.restype = ctypes.c_char_p
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.rate_hz = self._lib.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, PIECE_MS, os.fsencode(data), INITIALIZE_DONT_EXIT
        )
        if self.rate_hz <= 0:
            raise OSError(f"espeak-ng cannot read its voice data in {data}")
        self.version = self._lib.espeak_Info(None).decode()
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = callback(self._take)  # kept, or it would be collected while C holds it
        self._lib.espeak_SetSynthCallback(self._callback)
        self._muted = True
        self._number = 0
        self._buffer = bytearray()
        self._wanted = 0
        self._left = 0
        self._stop: BaseException | None = None
        self._cancelled = False

    def warm_up(self) -> None:
        """Load the dictionaries and tables that the first text would wait for."""
        self._muted = True
        self._synthesize("en-us", 50, 175, "Hello", ssml=False)

    def speak(self, number: int, request: dict[str, Any]) -> None:
        """Speak one request into the pipe, and say how it ended."""
        self._muted = False
        self._number = number
        self._buffer.clear()
        self._wanted = self.rate_hz * 2 * FIRST_BLOCK_MS // 1000
        self._left = self.rate_hz * 2 * MAX_AUDIO_S
        self._stop = None
        self._cancelled = False
        why = self._synthesize(
            request["voice"], int(request["pitch"]), int(request["rate"]), request["text"], ssml=bool(request["ssml"])
        )
        if self._stop is not None:
            raise self._stop
        if why:
            self._pipe.write(b"X", number, why.encode())
            return
        if self._buffer and not self._cancelled:
            self._pipe.write(b"B", number, bytes(self._buffer))
        self._pipe.write(b"E", number)

    def spell(self, number: int, words: list[str], voice: str) -> None:
        """Say how words are pronounced."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            self._pipe.write(b"X", number, f"espeak-ng has no voice {voice}".encode())
            return
        told = {}
        for word in words:
            text = ctypes.c_char_p(word.encode("utf-8", "replace").replace(b"\0", b" "))
            signal.alarm(HANG_S)
            found = self._lib.espeak_TextToPhonemes(ctypes.byref(text), CHARS_UTF8, IPA)
            signal.alarm(0)
            told[word] = (found or b"").decode("utf-8", "replace").strip()
        self._pipe.write(b"B", number, json.dumps(told).encode())
        self._pipe.write(b"E", number)

    def _synthesize(self, voice: str, pitch: int, rate: int, text: str, *, ssml: bool) -> str:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return f"espeak-ng has no voice {voice}"
        self._lib.espeak_SetParameter(PARAMETER_PITCH, pitch, 0)
        self._lib.espeak_SetParameter(PARAMETER_RATE, rate, 0)
        data = text.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
        signal.alarm(HANG_S)
        done = self._lib.espeak_Synth(data, len(data), 0, 1, 0, CHARS_UTF8 | (SSML if ssml else 0), None, None)
        signal.alarm(0)
        return "" if done == 0 else f"espeak-ng failed with code {done}"

    def _take(self, samples: int | None, count: int, events: int | None) -> int:
        """Called by espeak-ng with every piece of audio; 1 stops it."""
        if self._muted or not samples or count <= 0:
            return 0
        signal.alarm(0)  # what follows may wait for the reader, which is no hang
        try:
            return self._pass_on(ctypes.string_at(samples, count * 2))
        except BaseException as error:
            self._stop = error
            return 1
        finally:
            signal.alarm(HANG_S)

    def _pass_on(self, piece: bytes) -> int:
        self._buffer += piece[: self._left]
        self._left -= len(piece)
        if len(self._buffer) >= self._wanted:
            self._pipe.write(b"B", self._number, bytes(self._buffer))
            self._buffer.clear()
            self._wanted = self.rate_hz * 2 * BLOCK_MS // 1000
        while self._pipe.waiting():
            kind, number, _ = self._pipe.read()
            if kind == b"C" and number == self._number:
                self._cancelled = True
                return 1
        return 1 if self._left <= 0 else 0


def main() -> None:
    # Whatever the library prints must not land between the frames.
    pipe = Pipe(os.dup(0), os.dup(1))
    os.dup2(2, 1)
    os.nice(5)  # playing audio on time comes first
    try:
        try:
            espeak = Espeak(sys.argv[1], sys.argv[2], pipe)
        except (OSError, AttributeError) as error:
            pipe.write(b"X", 0, f"espeak-ng cannot be loaded: {error}".encode())
            return
        espeak.warm_up()
        pipe.write(b"H", 0, json.dumps({"rate_hz": espeak.rate_hz, "version": espeak.version}).encode())
        while True:
            kind, number, payload = pipe.read()
            if kind != b"R":
                continue  # a cancel that came after the end
            try:
                request = json.loads(payload)
                if "phonemes" in request:
                    espeak.spell(number, list(map(str, request["phonemes"])), str(request["voice"]))
                else:
                    espeak.speak(number, request)
            except (ValueError, TypeError, KeyError) as error:
                pipe.write(b"X", number, f"malformed request: {error!r}".encode())
    except Gone:
        return


if __name__ == "__main__":
    main()
