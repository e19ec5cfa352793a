"""The espeak-ng worker: a program of its own that turns requests into audio (frames as in `ringline.io.workers`).

Run as `python -I -S _worker.py LIBRARY DATA_DIRECTORY`. It uses the standard library only, so it starts fast, and it
is the only place where libespeak-ng (GPLv3) is loaded. A request is JSON: `voice` (an espeak-ng voice with an optional
`+variant`), `pitch` (0 to 100), `rate` (words per minute), `text`, `ssml` (bool), and `spoken`: what stands in the
holes of the text, as `_markup.py` makes it. Its blocks are 16-bit mono samples. The hello is JSON too: `rate_hz` and
`version`. A request with `phonemes`, a list of words, and `voice` gets JSON in which each has its pronunciation (IPA).
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import re
import runpy
import signal
import sys
import unicodedata
from array import array
from pathlib import Path
from typing import Any

# A program of its own without a search path finds its neighbour by its place.
_FRAMES = runpy.run_path(str(Path(__file__).resolve().parent.parent / "_frames.py"))
Pipe: Any = _FRAMES["Pipe"]
Gone: Any = _FRAMES["Gone"]

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
PHONEMES = 0x100
IPA = 2
EVENT_END = 0
EVENT_MARK = 3
PARAMETER_RATE = 1
PARAMETER_PITCH = 3
PIECE_MS = 60
MAX_PATH = 180
"espeak-ng copies the path into a buffer of about 230 characters."


TONE_HZ = 1000
TONE_LEVEL = 5000
"Of 32767: about as loud as the voices."
TONE_FADE_S = 0.005
HOLE = re.compile("\ue000(\\d{1,4})\ue001")

_MNEMONICS_TEXT = """
p b t d k g f v s z h m n l r w j q ? c J T D S Z C x X Q N N^ n^ l^ L H M B P R R2 r/ r. t. d. s. z. n. l. t[ d[ v#
S; Z; s; z; tS dZ tS; dZ; ts dz pf tS. dZ. ts; dz; k^ g^ x^ t; d; n; l; r;
a e i o u y @ E I O U V A & 0 3 Y W 1 2 8 a# E# I2 I# o# u# u" y2 i2 o2 e2 u2 U2 a2 3: A: a: e: i: o: u: E: O: y: Y:
W: 2: @: I: U: @L aI aU eI oU OI oI ai au ei eu eU iU iu ui ou I@ e@ U@ i@ i@3 A@ O@ o@ aI@ aU@ IR VR
A~ E~ O~ W~ a~ e~ i~ o~ u~ y~ U~ @~ &~
"""
MNEMONICS = _MNEMONICS_TEXT.split()
"What phonemes may be called in espeak-ng; each language has its own choice, which is asked for."
_LIKE_TEXT = """
ɹ:r ɾ:r ʁ:r ʀ:r r:ɹɾʁ ɻ:ɹr ɽ:ɾr ɺ:lr χ:x x:χhk ç:xʃh ɣ:xɡ β:bv ɸ:f ʋ:vw w:vu ɥ:wj ʍ:w ɲ:n ŋ:n ɱ:m ɴ:ŋn ɳ:n ʎ:ljl
ɫ:l ʟ:l ɬ:ʃl ɮ:ʒl ɭ:l ɕ:ʃs ʑ:ʒz ʂ:ʃs ʐ:ʒz ʃ:s ʒ:zʃ θ:ts ð:dz ʈ:t ɖ:d ɡ:gk g:ɡk ɟ:dɡ c:kt q:k ɢ:ɡ ʔ: ʕ: ħ:h ɦ:h
h:x ʝ:j ɰ:w ɓ:b ɗ:d ɠ:ɡ ʙ:b æ:aɛ a:ɑæʌä ä:aɑæ ɑ:aʌ ɒ:ɔɑo ɐ:əʌa ʌ:ɐəa ə:ɐʌɜe ɜ:əœɛ ɚ:ɜə ɝ:ɜə ɞ:ɜœ ɘ:ə ɤ:əʌo ɵ:øo
ø:œɜe œ:øɜɛ ɶ:œa y:ʏui ʏ:yʊɪ ʉ:uy ɯ:uɨ ɨ:ɪi ɪ:ie ʊ:uo ɛ:eæ e:ɛe̞ ɔ:oɒ o:ɔo̞ i:ɪ u:ʊɯᵝ
"""
LIKE = dict(entry.split(":") for entry in _LIKE_TEXT.split())
"The nearest sounds for one that a language lacks, best first."


class Event(ctypes.Structure):
    """`espeak_EVENT`: something that happens in the audio; a list of them ends with type 0."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
    )


class Pronouncer:
    """Writes IPA in the phonemes of one espeak-ng voice; what the voice has is found by asking for its whole list."""

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known
        self._longest = max(map(len, known), default=1)

    def write(self, symbols: str) -> str:
        """Give the mnemonics, nearest ones where the voice lacks a sound; sounds without any are left out."""
        text = unicodedata.normalize(
            "NFC", symbols.translate({0x361: None, 0x35C: None, ord("."): None, ord("g"): "ɡ"})
        )
        out: list[str] = []
        at = 0
        while at < len(text):
            letter = text[at]
            if letter == "ˈ":
                out.append("'")
            elif letter == "ˌ":
                out.append(",")
            elif letter.isspace():
                out.append("||")
            else:
                for length in range(min(self._longest, len(text) - at), 0, -1):
                    found = self._known.get(text[at : at + length])
                    if found:
                        out.append(found)
                        at += length - 1
                        break
                else:
                    out.append(self._near(letter))
            at += 1
        return "|".join(part for part in out if part).replace("|||", "||").replace("'|", "'").replace(",|", ",")

    def _near(self, letter: str) -> str:
        plain = unicodedata.normalize("NFD", letter)[0]
        for other in (plain, *LIKE.get(letter, ""), *LIKE.get(plain, "")):
            for form in (other, other + "ː"):
                if form in self._known:
                    return self._known[form]
        return ""


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
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._pronouncers: dict[str, Pronouncer] = {}
        self._callback = callback(self._take)  # kept, or it would be collected while C holds it
        self._lib.espeak_SetSynthCallback(self._callback)
        self._muted = True
        self._number = 0
        self._buffer = bytearray()
        self._wanted = 0
        self._left = 0
        self._made = 0
        self._tone = False
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
        self._made = 0
        self._tone = False
        self._stop = None
        self._cancelled = False
        voice, text = request["voice"], request["text"]
        spoken = request.get("spoken") or []
        if spoken:
            text = HOLE.sub(lambda hole: f"[[{self._pronounce(voice, spoken[int(hole[1])])}]]", text)
        why = self._synthesize(
            voice,
            int(request["pitch"]),
            int(request["rate"]),
            text,
            ssml=bool(request["ssml"]),
            phonemes=bool(spoken),
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
            signal.alarm(HANG_S)
            told[word] = self._ask(word)
            signal.alarm(0)
        self._pipe.write(b"B", number, json.dumps(told).encode())
        self._pipe.write(b"E", number)

    def _pronounce(self, voice: str, what: dict[str, str]) -> str:
        """The mnemonics for what stands in a hole, as the voice can say it."""
        signal.alarm(HANG_S)
        symbols = what["ipa"] if "ipa" in what else self._sounds(what["voice"], what["text"])
        found = self._pronouncers.get(voice)
        if found is None:
            found = self._pronouncers[voice] = Pronouncer(self._inventory(voice))
        signal.alarm(0)
        return found.write(symbols)

    def _inventory(self, voice: str) -> dict[str, str]:
        self._muted = True
        # Only a synthesis sets the mode in which what stands in brackets is taken for phonemes.
        self._synthesize(voice, 50, 175, "a", ssml=False, phonemes=True)
        known: dict[str, str] = {}
        for mnemonic in MNEMONICS:
            symbols = self._ask(f"[[{mnemonic}]]")
            if symbols:
                known.setdefault(unicodedata.normalize("NFC", symbols), mnemonic)
        self._muted = False
        return known

    def _sounds(self, voice: str, text: str) -> str:
        """A text in IPA, by the rules of a voice's language."""
        self._lib.espeak_SetVoiceByName(voice.encode())
        return re.sub(r"\([a-z-]+\)", "", self._ask(text.replace("[[", "[ [")))

    def _ask(self, text: str) -> str:
        data = ctypes.create_string_buffer(text.encode("utf-8", "replace").replace(b"\0", b" "))
        left = ctypes.c_void_p(ctypes.addressof(data))
        parts: list[str] = []
        while left.value:
            parts.append((self._lib.espeak_TextToPhonemes(ctypes.byref(left), CHARS_UTF8, IPA) or b"").decode())
        return " ".join(part.strip() for part in parts).strip()

    def _synthesize(self, voice: str, pitch: int, rate: int, text: str, *, ssml: bool, phonemes: bool = False) -> str:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return f"espeak-ng has no voice {voice}"
        self._lib.espeak_SetParameter(PARAMETER_PITCH, pitch, 0)
        self._lib.espeak_SetParameter(PARAMETER_RATE, rate, 0)
        data = text.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
        signal.alarm(HANG_S)
        flags = CHARS_UTF8 | (SSML if ssml else 0) | (PHONEMES if phonemes else 0)
        done = self._lib.espeak_Synth(data, len(data), 0, 1, 0, flags, None, None)
        signal.alarm(0)
        return "" if done == 0 else f"espeak-ng failed with code {done}"

    def _take(self, samples: int | None, count: int, events: Any) -> int:
        """Called by espeak-ng with every piece of audio; 1 stops it."""
        if self._muted or not samples or count <= 0:
            return 0
        signal.alarm(0)  # what follows may wait for the reader, which is no hang
        try:
            return self._pass_on(self._bleeped(ctypes.string_at(samples, count * 2), self._tones(events)))
        except BaseException as error:
            self._stop = error
            return 1
        finally:
            signal.alarm(HANG_S)

    def _tones(self, events: Any) -> list[tuple[int, bool]]:
        """Where in this piece a bleep begins (True) or ends, by sample."""
        found: list[tuple[int, bool]] = []
        index = 0
        while events and events[index].type != EVENT_END:
            event = events[index]
            if event.type == EVENT_MARK and event.name in (b"tone", b"tone-end"):
                found.append((event.sample - self._made, event.name == b"tone"))
            index += 1
        return found

    def _bleeped(self, piece: bytes, changes: list[tuple[int, bool]]) -> bytes:
        """Put a tone over everything between two marks."""
        first, count = self._made, len(piece) // 2
        self._made += count
        if not self._tone and not changes:
            return piece
        sound = array("h", piece)
        turns = dict(changes)
        fade = max(1.0, TONE_FADE_S * self.rate_hz)
        began = -fade if self._tone else 0.0
        for index in range(count):
            if index in turns:
                self._tone, began = turns[index], index
            if self._tone:
                level = TONE_LEVEL * min(1.0, (index - began) / fade)
                sound[index] = round(level * math.sin(2 * math.pi * TONE_HZ * (first + index) / self.rate_hz))
        for place, on in changes:
            if place >= count:
                self._tone = on
        return sound.tobytes()

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
