"""Text to audio for the phone in the terminal, with the offline voice."""

from __future__ import annotations

from ringline.base import ProviderError
from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import load


async def spoken(text: str, language: str = "en-US") -> tuple[int, bytes]:
    """Speak a text; return the rate in Hz and 16-bit mono samples.

    Raises:
        ProviderError: the offline voice is not installed, or cannot say it.
    """
    voice = load(("espeak",), open_workers=lambda program: WorkerPool(program.command, name=program.name, size=1))
    await voice.start()
    try:
        why = voice.ready()
        if why is not None:
            raise ProviderError(why)
        rate_hz, blocks = 8000, []
        async for block in voice.speak(SpeechRequest(text=text, language=language)):
            rate_hz = block.rate_hz
            blocks.append(block.data)
        return rate_hz, b"".join(blocks)
    finally:
        await voice.close()
