"""How words are pronounced, by the offline voice: what recognisers ask about words that no dictionary has."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ringline.base import ProviderError
from ringline.providers.contract import EngineContext, WorkerProgram, Workers
from ringline.providers.espeak._voices import espeak_language
from ringline.providers.espeak.files import find


class EspeakPhonemes:
    """Asks espeak-ng in a worker of its own, for the library is GPLv3."""

    def __init__(self, context: EngineContext) -> None:
        self._workers: Workers | None = None
        found = find()
        if found is not None:
            worker = Path(__file__).with_name("_worker.py")
            command = (sys.executable, "-I", "-S", str(worker), *map(str, found))
            self._workers = context.open_workers(WorkerProgram(name="espeak-phonemes", command=command, size=1))

    async def start(self) -> None:
        if self._workers is not None:
            await self._workers.start()

    async def close(self) -> None:
        if self._workers is not None:
            await self._workers.close()

    async def spell(self, words: Sequence[str], language: str) -> dict[str, str]:
        """Give each word in IPA; words that cannot be said are left out.

        Raises:
            ProviderError: the voice is not installed, or its worker failed.
        """
        if self._workers is None:
            raise ProviderError("the offline voice, which knows how words are said, is not installed")
        request = json.dumps({"phonemes": list(words), "voice": espeak_language(language)}).encode()
        answer = b"".join([block async for block in self._workers.request(request)])
        told = json.loads(answer)
        return {word: ipa for word, ipa in told.items() if isinstance(ipa, str) and ipa}
