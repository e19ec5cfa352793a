"""The offline recogniser: pocketsphinx, with a grammar made of the hints, in worker processes.

It is for menus, digits, yes and no: it hears one of the hints or nothing, and is no dictation. Its model, which comes
in its wheel, is of American English; other English is close enough for menus. Words that its dictionary lacks are
pronounced as the offline voice would.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections import OrderedDict
from collections.abc import Sequence
from importlib import util
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

from ringline.base import ProviderError, get_log
from ringline.providers.contract import EngineContext, WorkerProgram, Workers
from ringline.providers.espeak.phonemes import EspeakPhonemes
from ringline.providers.pocketsphinx._phonemes import cmu
from ringline.providers.pocketsphinx._phrases import DIGIT_CLASSES, ways
from ringline.providers.recognition.contract import Heard, Task
from ringline.providers.recognition.whole import WholeStream

__all__ = ["PocketsphinxRecogniser"]

_log = get_log(__name__)
_NOT_INSTALLED: Final = "The offline recogniser is not installed: pip install ringline[pocketsphinx]"
_MOST_PHRASES: Final = 500
"A grammar of more would take longer than the call can wait."
_MOST_WAYS: Final = 4
"Ways to say a phrase that are listened for."
_KEPT_WORDS: Final = 20_000
ACCEPTED: Final = 0.4
"What is less likely to be one of the phrases is none of them."


class PocketsphinxRecogniser:
    """A `RecognitionEngine` that needs hints."""

    name = "pocketsphinx"
    needs_hints = True

    def __init__(self, context: EngineContext) -> None:
        self._workers: Workers | None = None
        if util.find_spec("pocketsphinx") is not None:
            worker = Path(__file__).with_name("_worker.py")
            self._workers = context.open_workers(
                WorkerProgram(name=self.name, command=(sys.executable, "-I", str(worker)))
            )
        self._voice = EspeakPhonemes(context)
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        "Words and how they are said, in the CMU set; none: nobody knows."

    def knows(self, language: str) -> bool:
        """English of any country."""
        return language.partition("-")[0].lower() == "en"

    async def start(self) -> None:
        if self._workers is not None:
            await asyncio.gather(self._workers.start(), self._voice.start())

    async def close(self) -> None:
        if self._workers is not None:
            await self._workers.close()
            await self._voice.close()

    def ready(self) -> str | None:
        if self._workers is None:
            return _NOT_INSTALLED
        trouble = self._workers.trouble()
        return None if trouble is None else f"The offline recogniser does not work: {trouble}"

    def open(self, task: Task) -> WholeStream:
        if self._workers is None:
            raise ProviderError(_NOT_INSTALLED)

        async def understand(audio: bytes) -> Sequence[Heard]:
            return await self._understand(task, audio)

        return WholeStream(understand)

    async def _understand(self, task: Task, audio: bytes) -> Sequence[Heard]:
        digits = any(hint.upper() in DIGIT_CLASSES for hint in task.hints)
        phrases = await self._phrases(task)
        if not phrases and not digits:
            return ()
        header = json.dumps({"phrases": list(phrases.values()), "digits": digits}).encode()
        answer = await self._ask(header, audio)
        hints = list(phrases)
        found = []
        for one in answer["results"]:
            if float(one["confidence"]) < ACCEPTED:
                _log.debug("what was said is none of the hints", confidence=one["confidence"])
                continue
            text = str(one["digits"]) if "digits" in one else hints[int(one["place"])]
            found.append(Heard(text=text, confidence=float(one["confidence"])))
        return found

    async def _phrases(self, task: Task) -> dict[str, list[str]]:
        """The hints that can be said, each with its pronunciations."""
        spoken = {hint: ways(hint) for hint in task.hints[:_MOST_PHRASES] if hint.upper() not in DIGIT_CLASSES}
        await self._learn(sorted({word for each in spoken.values() for way in each for word in way}), task.language)
        phrases: dict[str, list[str]] = {}
        for hint, each in spoken.items():
            said = dict.fromkeys(
                " ".join(choice)
                for way in each
                for choice in islice(product(*(self._known.get(word, ()) for word in way)), _MOST_WAYS)
            )
            if said:
                phrases[hint] = list(said)[: 2 * _MOST_WAYS]
        if len(phrases) < len(spoken) or len(task.hints) > _MOST_PHRASES:
            dropped = [hint for hint in task.hints if hint not in phrases and hint.upper() not in DIGIT_CLASSES]
            _log.warning("hints cannot be listened for", dropped=dropped[:20], count=len(dropped))
        return phrases

    async def _learn(self, words: Sequence[str], language: str) -> None:
        """Find out how words are said: from the dictionary, else from the offline voice."""
        new = [word for word in words if word not in self._known]
        if not new:
            return
        told = (await self._ask(json.dumps({"words": new}).encode(), b""))["words"]
        missing = [word for word in new if word not in told]
        guessed: dict[str, str] = {}
        if missing:
            try:
                guessed = await self._voice.spell(missing, language)
            except (ProviderError, ValueError) as error:
                _log.warning("nobody knows how words are said", words=missing[:20], why=str(error))
        for word in new:
            said = told.get(word) or [cmu(guessed.get(word, ""))]
            self._known[word] = tuple(way for way in said if way)
        while len(self._known) > _KEPT_WORDS:
            self._known.popitem(last=False)

    async def _ask(self, header: bytes, audio: bytes) -> dict[str, Any]:
        if self._workers is None:
            raise ProviderError(_NOT_INSTALLED)
        request = struct.pack("<I", len(header)) + header + audio
        answer = b"".join([block async for block in self._workers.request(request)])
        try:
            told = json.loads(answer)
        except ValueError as error:
            raise ProviderError(f"{self.name}: the worker answered nonsense", retryable=True) from error
        return dict(told)
