"""Recognition by Google Cloud Speech-to-Text, over its REST API v1 (Google Cloud: speech:recognize).

Settings, `[recognition.options.google]`: `api_key` (or `api_key_file`), or `credentials_file` with the key of a service
account; `model` such as `latest_short`. Hints go along as phrases of a speech context, classes such as
`$OOV_CLASS_DIGIT_SEQUENCE` among them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ringline.base import ProviderError
from ringline.providers._cloud import EngineSettings
from ringline.providers.contract import EngineContext
from ringline.providers.google._account import Login
from ringline.providers.recognition.cloud import MOST_ANSWER_BYTES, CloudRecogniser, in_base64, share
from ringline.providers.recognition.contract import RATE_HZ, Heard, Task, Word

__all__ = ["GoogleRecogniser"]

_ALTERNATIVES: Final = 10
_MOST_PHRASES: Final = 5000
_MOST_CHARACTERS: Final = 100
"Of a phrase."
_MOST_IN_ALL: Final = 100_000
_OTHER_NAMES: Final = {"zh": "cmn-Hans-CN", "nb-NO": "no-NO", "he-IL": "iw-IL"}
"Languages that the service has under another tag."


class GoogleRecogniser(CloudRecogniser):
    """Asks Google Cloud, once for each utterance."""

    name = "google"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        settings = EngineSettings(
            self.name,
            context.settings,
            ("endpoint", "api_key", "api_key_file", "credentials_file", "model"),
            section="recognition",
        )
        self._endpoint = settings.endpoint("https://speech.googleapis.com")
        self._model = settings.get("model")
        self._login = Login(settings, http=self._http)

    async def _ask(self, task: Task, audio: bytes) -> Sequence[Heard]:
        config: dict[str, Any] = {
            "encoding": "LINEAR16",
            "sampleRateHertz": RATE_HZ,
            "languageCode": _OTHER_NAMES.get(task.language, task.language),
            "maxAlternatives": _ALTERNATIVES,
        }
        if self._model:
            config["model"] = self._model
        if task.words:
            config |= {"enableWordTimeOffsets": True, "enableWordConfidence": True}
        if phrases := list(_phrases(task.hints)):
            config["speechContexts"] = [{"phrases": phrases}]
        body = json.dumps({"config": config, "audio": {"content": await in_base64(audio)}}).encode()
        headers = {**await self._login.headers(), "Content-Type": "application/json; charset=utf-8"}
        answer = await self._http.json(
            "POST",
            f"{self._endpoint}/v1/speech:recognize",
            headers=lambda: headers,
            body=body,
            most_bytes=MOST_ANSWER_BYTES,
        )
        if not isinstance(answer, dict):
            raise ProviderError("google: the answer is not as documented", retryable=True)
        return _joined([one["alternatives"] for one in answer.get("results", ()) if one.get("alternatives")])


def _phrases(hints: Iterable[str]) -> Iterable[str]:
    left = _MOST_IN_ALL
    for hint in list(hints)[:_MOST_PHRASES]:
        left -= len(hint)
        if len(hint) <= _MOST_CHARACTERS and left >= 0:
            yield hint


def _joined(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[Heard]:
    """The alternatives of one stretch of speech; of several stretches in a row, the best of each as one."""
    if not parts:
        return []
    if len(parts) == 1:
        # Only the first alternative is sure to tell a confidence: those behind it are less likely, in their order.
        best = share(parts[0][0].get("confidence", 0.5))
        return [
            _heard([one], share(one["confidence"]) if "confidence" in one else best / (1 + nth))
            for nth, one in enumerate(parts[0])
        ]
    sure = [share(part[0].get("confidence", 0.5)) for part in parts]
    return [_heard([part[0] for part in parts], sum(sure) / len(sure))]


def _heard(parts: Sequence[Mapping[str, Any]], confidence: float) -> Heard:
    return Heard(
        text=" ".join(" ".join(str(part["transcript"]).split()) for part in parts).strip(),
        confidence=confidence,
        words=tuple(
            Word(
                text=str(word["word"]),
                start_ms=_ms(word.get("startTime", "0s")),
                end_ms=_ms(word.get("endTime", "0s")),
                confidence=share(word.get("confidence", confidence)),
            )
            for part in parts
            for word in part.get("words", ())
        ),
    )


def _ms(duration: str) -> int:
    """A duration of protobuf's JSON, such as `1.300s`."""
    return max(0, round(float(duration.removesuffix("s")) * 1000))
