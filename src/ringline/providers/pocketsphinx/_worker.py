"""The pocketsphinx worker: a program of its own that understands speech by a grammar.

Run as `python -I _worker.py`; its frames are those of `ringline.io.workers`. A request is four bytes (little-endian)
of length, so many of JSON, and audio: 16-bit mono at 16 kHz. The JSON says `phrases`, each a list of ways to say it,
each of those a row of phonemes of the CMU set (or `digits`: true, for digits in any number). It gets `results`: the
place in the list or a string of digits, the confidence, and the measures behind it. With `words` instead, it gets the
pronunciations that the dictionary has for them.
"""

from __future__ import annotations

import json
import math
import os
import runpy
import signal
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray
from pocketsphinx import Decoder, get_model_path

# A program of its own without a search path finds its neighbours by their places.
_HERE = Path(__file__).resolve().parent
_FRAMES = runpy.run_path(str(_HERE.parent / "_frames.py"))
Pipe: Any = _FRAMES["Pipe"]
Gone: Any = _FRAMES["Gone"]
_JUDGING = runpy.run_path(str(_HERE / "_judging.py"))
Evidence: Any = _JUDGING["Evidence"]
Sound: Any = _JUDGING["Sound"]

RATE_HZ: Final = 16_000
HANG_S: Final = 15
LONGEST_S: Final = 20
"No phrase takes longer: what does is none of them."
MOST_WORDS: Final = 20_000
"So many words of grammars are kept; then the decoder is made anew."
MOST_GRAMMARS: Final = 16
DITHER: Final = 20.0
"Noise, in units of 16 bits: the bands above 4 kHz of a telephone are else so empty that the model is lost in them."
QUIET: Final = 10**-3
"How much less power than the loudest frame has what counts as silence at the ends."
MARGIN: Final = 50
"Frames of it that are kept: weak sounds begin and end words, and digits are made up where there are fewer."
THROATS: Final = (0.92, 1.1)
"""The model was made of grown-ups. Where nothing fits well, it is tried whether it does with all pitches higher or
lower: children and small people have shorter throats, and large ones longer (vocal tract normalisation)."""
SURE: Final = 0.9
"What fits so well needs no such trial."
ALIGNMENTS: Final = 3
"So often the sounds are laid along the audio until there is a way."
HALF_FRAME_BYTES: Final = 160
LOUD_DBFS: Final = -20.0
"Where the loudest tenth of the frames is brought to."
BEAMS: Final[dict[str, Any]] = {"beam": 1e-70, "wbeam": 1e-50, "pbeam": 1e-70}
LOOP_BEAMS: Final[dict[str, Any]] = {"beam": 1e-20, "pbeam": 1e-20, "lw": 2.0}
DIGITS: Final = {
    "0": ("Z IH R OW", "OW"),
    "1": ("W AH N",),
    "2": ("T UW",),
    "3": ("TH R IY",),
    "4": ("F AO R",),
    "5": ("F AY V",),
    "6": ("S IH K S", "F IH K S", "TH IH K S", "IH K S"),
    "7": ("S EH V AH N",),
    "8": ("EY T",),
    "9": ("N AY N",),
}
"A telephone cuts off what is most of an S, so that a six has no beginning of its own."
WEAK_S: Final = ("F", "TH")
"What is left of an S may be taken for these."
DIGIT_WORD: Final = 1e-3
"How likely one more digit is: without a price for it, noise between the digits is heard as more of them."
ANY_WORD: Final = 0.65
"What is usual."
OTHERS: Final = (
    "hello", "okay", "maybe", "sorry", "thank you", "what", "who is this", "hold on", "wait a moment",
    "I do not know", "can you repeat that", "good morning", "because", "weather", "station", "question", "money",
    "water", "tomorrow night", "doctor", "elephant", "chocolate", "university", "information", "seven", "twenty five",
    "april", "wednesday", "my name", "left", "right", "green", "apple", "garden", "window", "telephone",
    "something else", "nothing at all", "never", "where is it", "how much is it", "come here", "let me see",
    "the other one", "a long time ago", "in the evening", "I want to talk", "this is wrong", "it does not work",
    "please stop it", "one more time", "very well", "of course", "just a minute", "birthday", "holiday", "mountain",
    "river", "paper", "kitchen", "father", "school", "church", "friend", "yellow", "music", "picture", "orange juice",
    "restaurant", "yesterday", "summer", "are you there", "could you help", "what do you mean", "excellent",
    "beautiful", "dangerous", "possible", "thursday", "november", "banana", "potato", "go away", "is that so",
    "oh my god", "we are driving", "the children are asleep", "he said he would call",
)  # fmt: skip
"What people say otherwise: who says nothing of a grammar had better be near to one of these."


class Recogniser:
    """Two decoders: one by grammar, and one that hears mere phonemes, against which the first is judged."""

    def __init__(self) -> None:
        self._model = Path(get_model_path()) / "en-us"
        self._dictionary = self._model / "cmudict-en-us.dict"
        self._loop = self._decoder(dictionary=os.devnull, allphone_ci=True, **LOOP_BEAMS)
        self._loop.add_allphone_file("loop", str(self._model / "en-us-phone.lm.bin"))
        self._loop.activate_search("loop")
        self._judged: tuple[bytes, tuple[float | None, float, list[str], int]] = (b"", (None, 0.0, [], 0))
        self._begin()

    def _spelt(self, phrase: str) -> str:
        ways = [self._grammar_decoder.lookup_word(word.lower()) for word in phrase.split()]
        return " ".join(ways) if all(ways) else ""

    def _decoder(self, dictionary: str | None = None, **options: Any) -> Any:
        # The mean of each utterance is its own: callers differ, and no call shall depend on the one before.
        return Decoder(
            hmm=str(self._model / "en-us"),
            dict=dictionary or str(self._dictionary),
            lm=None,
            loglevel="FATAL",
            cmn="batch",
            **options,
        )

    def _begin(self) -> None:
        self._grammar_decoder = self._decoder(**BEAMS)
        self._words: dict[str, str] = {}
        self._named: set[str] = set()
        "The names of the words, by which they are told from silence."
        self._grammars: dict[str, str] = {}
        self._grammar = ""
        "The one in force."
        for digit, ways in DIGITS.items():
            for nth, way in enumerate(ways):
                self._word(f"digit-{digit}-{nth}", way)
        others = " | ".join(self._word(way, way) for way in map(self._spelt, OTHERS) if way)
        self._grammar_decoder.add_jsgf_string("others", f"#JSGF V1.0;\ngrammar o;\npublic <o> = {others};")

    def pronunciations(self, words: Sequence[str]) -> dict[str, list[str]]:
        """What the dictionary has; words it lacks are left out."""
        found: dict[str, list[str]] = {}
        for word in words:
            ways: list[str] = []
            while len(ways) < 4 and word.isascii():
                way = self._grammar_decoder.lookup_word(word if not ways else f"{word}({len(ways) + 1})")
                if way is None:
                    break
                ways.append(way)
            if ways:
                found[word] = ways
        return found

    def _word(self, key: str, phonemes: str) -> str:
        name = self._words.get(key)
        if name is None:
            name = self._words[key] = f"w{len(self._words)}"
            self._named.add(name)
            self._grammar_decoder.add_word(name, phonemes, False)
        return name

    def _choose(self, phrases: Sequence[Sequence[str]], *, digits: bool) -> dict[str, int | str]:
        """Bring a grammar into force; gives what its words mean."""
        if len(self._words) + 3 * sum(map(len, phrases)) > MOST_WORDS:
            self._begin()
        meaning: dict[str, int | str] = {}
        for place, ways in enumerate(phrases):
            for way in ways:
                meaning.setdefault(self._word(way, way), place)
        # A phrase that is said so has it before another that would only sound like that.
        for place, ways in enumerate(phrases):
            for way in (by_phone for each in ways for by_phone in _by_phone(each)):
                meaning.setdefault(self._word(way, way), place)
        # Each phrase is one word, so that nothing but a whole one can be heard.
        choices = list(meaning)
        if digits:
            for digit, ways in DIGITS.items():
                for nth, way in enumerate(ways):
                    meaning[self._word(f"digit-{digit}-{nth}", way)] = digit
        rule = " | ".join(choices)
        if digits:
            rule += (" | " if rule else "") + "(" + " | ".join(list(meaning)[len(choices) :]) + ")+"
        name = self._grammars.pop(rule, None) or f"g{len(self._words)}-{abs(hash(rule))}"
        if name not in self._grammars.values():
            if len(self._grammars) >= MOST_GRAMMARS:
                self._grammar_decoder.remove_search(self._grammars.pop(next(iter(self._grammars))))
            self._grammar_decoder.config["wip"] = (
                DIGIT_WORD if digits else ANY_WORD
            )  # a new grammar takes it from there
            self._grammar_decoder.add_jsgf_string(name, f"#JSGF V1.0;\ngrammar g;\npublic <g> = {rule};")
        self._grammars[rule] = self._grammar = name
        self._grammar_decoder.activate_search(name)
        return meaning

    def understand(
        self, phrases: Sequence[Sequence[str]], audio: bytes, *, digits: bool = False
    ) -> list[dict[str, Any]]:
        """The phrase that was said, if one was: `place` or `digits`, `confidence`, `measures`."""
        samples = np.frombuffer(audio, dtype="<i2", count=len(audio) // 2).astype(np.float64)
        best = self._hears(phrases, samples, digits=digits)
        if not digits and (best is None or best["confidence"] < SURE):
            others = (self._hears(phrases, stretched(samples, by)) for by in THROATS)
            found = [one for one in (best, *others) if one is not None]
            best = max(found, key=lambda one: float(one["confidence"]), default=None)
        return [] if best is None else [best]

    def _hears(
        self, phrases: Sequence[Sequence[str]], samples: NDArray[np.float64], *, digits: bool = False
    ) -> dict[str, Any] | None:
        """What fits best to this audio."""
        meaning = self._choose(phrases, digits=digits)
        frames, speech = prepared(samples)
        if not meaning or not RATE_HZ // 20 < len(frames) < LONGEST_S * RATE_HZ:
            return None
        pcm = frames.tobytes()
        best = decode(self._grammar_decoder, pcm)
        if best is None or not best.hypstr:
            return None
        said, fits = [word for word in best.hypstr.split() if word in meaning], score(best)
        if not said:
            return None
        digits_said = isinstance(meaning[said[0]], str)
        sounds = self._aligned(pcm, best.hypstr)
        other, loop, heard, outside = self._background(pcm)
        evidence = Evidence(
            way=" ".join(self._way(word) for word in said).split(),
            heard=heard,
            grammar=fits,
            loop=loop,
            other=other,
            speech=speech,
            outside=outside,
            sounds=sounds,
            digits=digits_said,
        )
        measures = _JUDGING["measure"](evidence)
        result: dict[str, Any] = {"confidence": _JUDGING["confidence"](measures), "measures": measures, "heard": heard}
        if digits_said:
            result["digits"] = "".join(str(meaning[word]) for word in said)
        else:
            result["place"] = meaning[said[0]]
        return result

    def _aligned(self, pcm: bytes, said: str) -> list[Any]:
        """The sounds of what was understood last, each where it fits best; none if that is nowhere.

        One time in twenty the library finds no way along the audio to its end, and finds one when it begins half a
        frame later.
        """
        for nth in range(ALIGNMENTS):
            if nth:
                pcm = pcm[HALF_FRAME_BYTES:]
                again = decode(self._grammar_decoder, pcm)
                if again is None or again.hypstr != said:
                    break
            try:
                self._grammar_decoder.set_alignment()
                run(self._grammar_decoder, pcm)
                # A word of an alignment is gone once the next one is looked at.
                return [
                    Sound(sound.name, sound.duration, sound.score)
                    for word in self._grammar_decoder.get_alignment()
                    if word.name.partition("(")[0] in self._named
                    for sound in word
                ]
            except RuntimeError:
                self._grammar_decoder.activate_search(self._grammar)
        return []

    def _background(self, pcm: bytes) -> tuple[float | None, float, list[str], int]:
        """How well other things fit, and phonemes without a grammar; which those are, and how many frames they take."""
        if pcm != self._judged[0]:
            self._grammar_decoder.activate_search("others")
            other = decode(self._grammar_decoder, pcm)
            loop = decode(self._loop, pcm)
            parts = [part for part in self._loop.seg() if part.word.isalpha() and part.word != "SIL"] if loop else []
            outside = sum(part.end_frame - part.start_frame + 1 for part in parts)
            found = (
                score(other) if other else None,
                score(loop) if loop else 0.0,
                [part.word for part in parts],
                outside,
            )
            self._judged = pcm, found
        return self._judged[1]

    def _way(self, word: str) -> str:
        return str(self._grammar_decoder.lookup_word(word))


def _by_phone(way: str) -> list[str]:
    """How it sounds over a telephone, which cuts off what is most of an S."""
    sounds = way.split()
    if "S" not in sounds:
        return []
    return [" ".join(weak if sound == "S" else sound for sound in sounds) for weak in WEAK_S]


def decode(decoder: Any, pcm: bytes) -> Any:
    """Run an utterance through a decoder, and give what it has found."""
    run(decoder, pcm)
    return decoder.hyp()


def run(decoder: Any, pcm: bytes) -> None:
    """Run an utterance through a decoder."""
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def score(found: Any) -> float:
    """How well what was found fits: the library's logarithm, in which the sounds of an alignment are measured, too."""
    return math.log(max(float(found.score), 1e-300)) / math.log(1.0001)


def stretched(samples: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """As somebody with a longer throat would say it, more slowly: all of its pitches and resonances are lower."""
    return np.asarray(soxr.resample(samples, RATE_HZ, RATE_HZ * by), dtype=np.float64)


def prepared(samples: NDArray[np.float64]) -> tuple[NDArray[np.int16], int]:
    """Bring audio to the loudness and the ground noise that the model expects; tells the frames (10 ms) with speech.

    Of the silence around it little is kept: the model takes its measure from all it gets.
    """
    whole = len(samples) // 160
    if whole == 0:
        return np.zeros(0, np.int16), 0
    power = np.mean(samples[: whole * 160].reshape(whole, 160) ** 2, axis=1) + 1.0
    said = np.flatnonzero(power > power.max() * QUIET)
    first, last = max(0, said[0] - MARGIN), min(whole, said[-1] + 1 + MARGIN)
    samples, power = samples[first * 160 : last * 160], power[first:last]
    loud = float(np.quantile(power, 0.9))
    gain = min(16.0, 10 ** (LOUD_DBFS / 20) * 32_768 / math.sqrt(loud))
    speech = int(np.count_nonzero(power > loud * 10**-2.5))
    noise = np.random.default_rng(1).normal(0.0, DITHER, len(samples))
    return np.clip(samples * gain + noise, -32_768, 32_767).astype(np.int16), speech


def main() -> None:
    pipe = Pipe(os.dup(0), os.dup(1))
    os.dup2(2, 1)  # whatever the library prints must not land between the frames
    try:
        recogniser = Recogniser()
        recogniser.understand([["Y EH S"], ["N OW"]], bytes(RATE_HZ))
        pipe.write(b"H", 0, b"{}")
        os.nice(5)  # playing audio on time comes first
        while True:
            kind, number, payload = pipe.read()
            if kind != b"R":
                continue  # a cancel that came after the end
            signal.alarm(HANG_S)
            try:
                pipe.write(b"B", number, json.dumps(answer(recogniser, payload)).encode())
                pipe.write(b"E", number)
            except (ValueError, TypeError, KeyError, RuntimeError, struct.error) as error:
                pipe.write(b"X", number, f"it cannot be understood: {error!r}".encode())
            signal.alarm(0)
    except Gone:
        return


def answer(recogniser: Recogniser, payload: bytes) -> dict[str, Any]:
    """Do what a request asks."""
    (length,) = struct.unpack_from("<I", payload)
    asked = json.loads(payload[4 : 4 + length])
    if "words" in asked:
        return {"words": recogniser.pronunciations(asked["words"])}
    audio = payload[4 + length :]
    return {"results": recogniser.understand(asked["phrases"], audio, digits=bool(asked.get("digits")))}


if __name__ == "__main__":
    main()
