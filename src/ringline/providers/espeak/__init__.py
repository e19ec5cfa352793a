"""The offline voice: espeak-ng, over 100 languages, in worker processes.

The library comes with the `espeakng-loader` package, which is an extra because espeak-ng is GPLv3. This process never
loads it; it only finds its files and hands their paths to the workers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from importlib import metadata
from pathlib import Path
from typing import Final

from ringline.base import get_log
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._streams import leaving
from ringline.providers._worker_voice import WorkerVoice
from ringline.providers.contract import EngineContext, WorkerProgram
from ringline.providers.espeak._markup import Rendered, clean, render
from ringline.providers.espeak._voices import espeak_voice
from ringline.providers.espeak.files import PACKAGE, find
from ringline.speech import is_ssml, parse, resolve

__all__ = ["EspeakVoice"]

_log = get_log(__name__)

_RATE_HZ: Final = 22_050
_REVISION: Final = "2"
"To be changed with the mapping of voices or markup, so that old audio is not taken from a cache."


class EspeakVoice(WorkerVoice):
    """Speaks with espeak-ng. Latency to the first block is a few milliseconds once the workers are warm."""

    name = "espeak"
    title = "The offline voice"
    not_installed = "The offline voice is not installed: pip install ringline[espeak]"

    def __init__(self, context: EngineContext) -> None:
        found = find()
        self._version = "none"
        if found is not None:
            library, data = found
            worker = Path(__file__).with_name("_worker.py")
            # -I and -S: nothing of the user's environment, no site-packages; the worker needs neither.
            command = (sys.executable, "-I", "-S", str(worker), str(library), str(data))
            self._workers = context.open_workers(WorkerProgram(name=self.name, command=command))
            self._version = f"{metadata.version(PACKAGE)}-{_REVISION}"

    @property
    def version(self) -> str:
        return self._version

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        workers = self.workers()
        async with leaving(workers.request(_payload(request))) as blocks:
            async for block in blocks:
                yield Pcm(rate_hz=_RATE_HZ, data=block)


def _payload(request: SpeechRequest) -> bytes:
    resolution = resolve(request.language, request.style, premium=request.premium)
    choice = resolution.choice
    if resolution.notes:
        _log.info("voice not as asked", language=request.language, style=request.style, notes=resolution.notes)
    speech = parse(request.text)
    ssml = is_ssml(request.text) and choice.ssml and speech.well_formed
    rendered = render(speech, choice.language) if ssml else Rendered(clean(speech.plain() or request.text))
    voice = espeak_voice(choice)
    return json.dumps(
        {
            "voice": voice.voice,
            "pitch": voice.pitch,
            "rate": voice.rate,
            "text": rendered.text,
            "ssml": ssml,
            "spoken": rendered.spoken,
        }
    ).encode()
