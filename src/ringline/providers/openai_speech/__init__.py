"""Recognition over HTTP in the way of OpenAI's `audio/transcriptions`, which many servers speak, local ones included.

    [recognition]
    engines = ["pocketsphinx", "openai"]
    [recognition.options.openai]
    url = "http://127.0.0.1:8000/v1/audio/transcriptions"
    key = "…"
    model = "whisper-1"

Every utterance is one request; the hints go along as its prompt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from ringline.base import ConfigError, ProviderError
from ringline.providers.contract import EngineContext
from ringline.providers.recognition.contract import Heard, Task, Word
from ringline.providers.recognition.wav import wav
from ringline.providers.recognition.whole import WholeStream

__all__ = ["OpenAiRecogniser"]

_URL: Final = "https://api.openai.com/v1/audio/transcriptions"
_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 1_000_000
_PROMPT_CHARACTERS: Final = 800
_SETTINGS: Final = frozenset({"url", "key", "model"})
_UNSURE: Final = 0.5
"The confidence of an answer that does not say how sure it is."


class OpenAiRecogniser:
    """A `RecognitionEngine` for dictation, in any language that the model behind it knows."""

    name = "openai"
    needs_hints = False

    def __init__(self, context: EngineContext) -> None:
        unknown = sorted(set(context.settings) - _SETTINGS)
        if unknown:
            raise ConfigError(f"knows no {unknown[0]!r}", where="settings", key=f"recognition.options.{self.name}")
        self._url = context.settings.get("url", _URL)
        self._key = context.settings.get("key", "")
        self._model = context.settings.get("model", "whisper-1")
        self._session: aiohttp.ClientSession | None = None

    def knows(self, language: str) -> bool:
        """All: whether it does is found out by asking."""
        return bool(language)

    async def start(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def ready(self) -> str | None:
        if self._url == _URL and not self._key:
            return f"recognition.options.{self.name} has no key"
        return None if self._session is not None else f"the recogniser {self.name} is not started"

    def open(self, task: Task) -> WholeStream:
        async def understand(audio: bytes) -> Sequence[Heard]:
            return _heard(await self._ask(task, audio))

        return WholeStream(understand)

    async def _ask(self, task: Task, audio: bytes) -> Mapping[str, Any]:
        if self._session is None:
            raise ProviderError(f"the recogniser {self.name} is not started")
        form = aiohttp.FormData()
        form.add_field("file", wav(audio), filename="speech.wav", content_type="audio/wav")
        form.add_field("model", self._model)
        form.add_field("language", task.language.partition("-")[0])
        form.add_field("response_format", "verbose_json")
        if task.hints:
            form.add_field("prompt", ", ".join(task.hints)[:_PROMPT_CHARACTERS])
        if task.words:
            form.add_field("timestamp_granularities[]", "word")
            form.add_field("timestamp_granularities[]", "segment")
        try:
            async with self._session.post(self._url, data=form, allow_redirects=False) as response:
                body = await response.content.read(_MOST_BYTES)
                if response.status != 200:
                    retryable = response.status == 429 or response.status >= 500
                    raise ProviderError(f"{self.name}: the server answered {response.status}", retryable=retryable)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderError(f"{self.name}: {error or 'it took too long'}", retryable=True) from error
        try:
            told = json.loads(body)
        except ValueError as error:
            raise ProviderError(f"{self.name}: the answer is no JSON") from error
        if not isinstance(told, dict) or not isinstance(told.get("text"), str):
            raise ProviderError(f"{self.name}: the answer has no text")
        return told


def _heard(told: Mapping[str, Any]) -> list[Heard]:
    text = str(told["text"]).strip()
    if not text:
        return []
    segments = [one for one in _list(told.get("segments")) if isinstance(one.get("avg_logprob"), int | float)]
    sure = [math.exp(min(0.0, float(one["avg_logprob"]))) for one in segments]
    confidence = sum(sure) / len(sure) if sure else _UNSURE
    words = tuple(
        Word(
            text=str(one["word"]).strip(),
            start_ms=round(float(one["start"]) * 1000),
            end_ms=round(float(one["end"]) * 1000),
            confidence=confidence,
        )
        for one in _list(told.get("words"))
        if {"word", "start", "end"} <= set(one)
        and isinstance(one["start"], int | float)
        and isinstance(one["end"], int | float)
    )
    return [Heard(text=text, confidence=confidence, words=words)]


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
