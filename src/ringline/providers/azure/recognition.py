"""Recognition by Azure AI Speech, over its REST API for short audio (Microsoft Learn: Speech to text REST API for short
audio).

Settings, `[recognition.options.azure]`: `region` (or `endpoint`) and `key` (or `key_file`). The interface takes no
hints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from ringline.base import ProviderError
from ringline.providers._cloud import EngineSettings
from ringline.providers.contract import EngineContext
from ringline.providers.recognition.cloud import MOST_ANSWER_BYTES, CloudRecogniser, share
from ringline.providers.recognition.contract import Heard, Task, Word
from ringline.providers.recognition.wav import wav

__all__ = ["AzureRecogniser"]

_PATH: Final = "/speech/recognition/conversation/cognitiveservices/v1"
_NOTHING: Final = frozenset({"NoMatch", "InitialSilenceTimeout", "BabbleTimeout"})
_TICKS_PER_MS: Final = 10_000
_OTHER_NAMES: Final = {"zh": "zh-CN"}


class AzureRecogniser(CloudRecogniser):
    """Asks Azure AI Speech, once for each utterance."""

    name = "azure"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        settings = EngineSettings(
            self.name, context.settings, ("region", "endpoint", "key", "key_file"), section="recognition"
        )
        default = "" if settings.get("endpoint") else f"https://{settings.need('region')}.stt.speech.microsoft.com"
        self._endpoint = settings.endpoint(default)
        self._key = settings.secret("key") or settings.need("key")

    async def _ask(self, task: Task, audio: bytes) -> Sequence[Heard]:
        query = {
            "language": _OTHER_NAMES.get(task.language, task.language),
            "format": "detailed",
            "profanity": "raw",
        }
        if task.words:
            query["wordLevelTimestamps"] = "true"
        answer = await self._http.json(
            "POST",
            f"{self._endpoint}{_PATH}?{urlencode(query)}",
            headers=self._headers,
            body=wav(audio),
            most_bytes=MOST_ANSWER_BYTES,
        )
        status = answer["RecognitionStatus"]
        if status in _NOTHING:
            return []
        if status != "Success":
            raise ProviderError(f"{self.name}: recognition ended with {str(status)[:50]}", retryable=True)
        return [_heard(one) for one in answer["NBest"]]

    def _headers(self) -> Mapping[str, str]:
        return {
            "Ocp-Apim-Subscription-Key": self._key,
            "Content-Type": "audio/wav; codecs=audio/pcm; samplerate=16000",
            "Accept": "application/json",
            "User-Agent": "Ringline",
        }


def _heard(one: Mapping[str, Any]) -> Heard:
    sure = share(one["Confidence"])
    return Heard(
        text=" ".join(str(one["Display"]).split()),
        confidence=sure,
        words=tuple(
            Word(
                text=str(word["Word"]),
                start_ms=round(word["Offset"] / _TICKS_PER_MS),
                end_ms=round((word["Offset"] + word["Duration"]) / _TICKS_PER_MS),
                confidence=share(word.get("Confidence", sure)),
            )
            for word in one.get("Words", ())
        ),
    )
