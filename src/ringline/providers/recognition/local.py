"""Engines for dictation on this machine: a library with models of the operator's, in worker processes.

Settings that all of them have: `model` is a folder with a model, `languages` what it understands (separated by commas,
English if nothing is said, `*` for all); `model_de` and the like are further models, each of one language.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any, ClassVar, Final

from ringline.base import ProviderError
from ringline.providers._cloud import EngineSettings
from ringline.providers.contract import EngineContext, WorkerProgram, Workers
from ringline.providers.recognition.contract import Heard, Task, Word
from ringline.providers.recognition.whole import WholeStream

_START_TIMEOUT_S: Final = 120.0
"A large model takes its time to be read."
_SILENCE_TIMEOUT_S: Final = 20.0
_FURTHER: Final = "model_"
_ALL: Final = "*"


class LocalRecogniser:
    """A `RecognitionEngine` over a library in worker processes, one pool for each model.

    A worker is run with the folder of its model and the engine's options, and gets requests as `_worker.py` of each
    engine reads them.
    """

    name: ClassVar[str]
    library: ClassVar[str]
    "The module that the worker imports."
    extra: ClassVar[str]
    "What installs it: `ringline[EXTRA]`."
    worker: ClassVar[Path]
    options: ClassVar[Mapping[str, str]] = {}
    "Settings of its own, and what they are by default."
    needs_hints = False

    def __init__(self, context: EngineContext) -> None:
        further = sorted(key for key in context.settings if key.startswith(_FURTHER) and key != _FURTHER)
        settings = EngineSettings(
            self.name, context.settings, ("model", "languages", *self.options, *further), section="recognition"
        )
        self._not_there: str | None = None
        if util.find_spec(self.library) is None:
            self._not_there = f"{self.library} is not installed: pip install ringline[{self.extra}]"
        given = {key: settings.get(key, default) for key, default in self.options.items()}
        self.check(settings, given)
        models: dict[Path, tuple[str, ...]] = {}
        if not further or settings.get("model"):
            folder = _folder(settings, "model")
            models[folder] = tuple(_listed(settings.get("languages", "en")))
        for key in further:
            folder = _folder(settings, key)
            models[folder] = (*models.get(folder, ()), key.removeprefix(_FURTHER).replace("_", "-").lower())
        self._languages = models
        self._pools: dict[Path, Workers] = {}
        for folder in models if self._not_there is None else ():
            command = (sys.executable, "-I", str(self.worker), str(folder), json.dumps(given))
            self._pools[folder] = context.open_workers(
                WorkerProgram(
                    name=self.name,
                    command=command,
                    silence_timeout_s=_SILENCE_TIMEOUT_S,
                    start_timeout_s=_START_TIMEOUT_S,
                )
            )

    def check(self, settings: EngineSettings, given: Mapping[str, str]) -> None:
        """Look at the engine's own settings.

        Raises:
            ConfigError: one is wrong.
        """

    def knows(self, language: str) -> bool:
        """Languages that were said of a model, in any country unless one was named."""
        return self._model_for(language) is not None

    async def start(self) -> None:
        await asyncio.gather(*(pool.start() for pool in self._pools.values()))

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    def ready(self) -> str | None:
        if self._not_there is not None:
            return self._not_there
        troubles = ((folder, pool.trouble()) for folder, pool in self._pools.items())
        return next((f"{self.name} does not work with {folder}: {why}" for folder, why in troubles if why), None)

    def open(self, task: Task) -> WholeStream:
        folder = self._model_for(task.language)
        if self._not_there is not None or folder is None:
            raise ProviderError(self._not_there or f"{self.name} has no model for {task.language}")
        pool = self._pools[folder]

        async def understand(audio: bytes) -> Sequence[Heard]:
            return await self._understand(pool, task, audio)

        return WholeStream(understand)

    async def _understand(self, pool: Workers, task: Task, audio: bytes) -> Sequence[Heard]:
        asked = {"language": task.language, "hints": task.hints, "words": task.words}
        header = json.dumps(asked).encode()
        answer = b"".join([block async for block in pool.request(struct.pack("<I", len(header)) + header + audio)])
        try:
            return [_heard(one) for one in json.loads(answer)["results"] if str(one["text"]).strip()]
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"{self.name}: the worker answered nonsense", retryable=True) from error

    def _model_for(self, language: str) -> Path | None:
        """The model that says this very language, else its primary subtag, else everything."""
        tag = language.lower()
        for wanted in (tag, tag.partition("-")[0], _ALL):
            for folder, languages in self._languages.items():
                if wanted in languages:
                    return folder
        return None


def _listed(text: str) -> Iterable[str]:
    return (tag.strip().replace("_", "-").lower() for tag in text.split(",") if tag.strip())


def _folder(settings: EngineSettings, key: str) -> Path:
    folder = Path(settings.need(key)).absolute()
    if not folder.is_dir():
        raise settings.wrong(key, f"is no folder: {folder}")
    return folder


def _heard(one: Mapping[str, Any]) -> Heard:
    words = tuple(
        Word(
            text=str(word["text"]),
            start_ms=max(0, int(word["start_ms"])),
            end_ms=max(0, int(word["end_ms"])),
            confidence=_share(word["confidence"]),
        )
        for word in one.get("words", ())
    )
    return Heard(text=" ".join(str(one["text"]).split()), confidence=_share(one["confidence"]), words=words)


def _share(value: object) -> float:
    number = float(value) if isinstance(value, int | float) else math.nan
    return min(1.0, max(0.0, number)) if number == number else 0.0
