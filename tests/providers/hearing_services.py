"""Recognition services that answer as the public documentation of each says, and check what they are asked.

They know what was said by the samples that arrive: each must, as it was.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import wave
from abc import abstractmethod
from typing import Any

from aiohttp import BodyPartReader, web

from .services import Service


class HearingService(Service):
    """A `Service` that understands the utterances of `said`: texts by the SHA-256 of their samples."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        "What came along with the audio."

    def routes(self) -> list[web.RouteDef]:
        return [web.post(self.path, self._answer)]

    @property
    @abstractmethod
    def path(self) -> str: ...

    @abstractmethod
    async def _answer(self, request: web.Request) -> web.Response: ...

    def text_of(self, samples: bytes) -> str:
        return self.said.get(hashlib.sha256(samples).hexdigest(), "")

    def samples_of(self, file: bytes) -> bytes:
        with wave.open(io.BytesIO(file)) as opened:
            self.expect(
                (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (1, 2, 16_000), "the format"
            )
            return bytes(opened.readframes(opened.getnframes()))


class OpenAiHearing(HearingService):
    """`audio/transcriptions`."""

    path = "/v1/audio/transcriptions"

    @property
    def settings(self) -> dict[str, str]:
        return {"url": f"{self.url}{self.path}", "key": self.key}

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            raise web.HTTPUnauthorized
        fields: dict[str, Any] = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            fields.setdefault(part.name or "", bytes(await part.read()))
        self.asked.append(fields)
        self.expect(fields["response_format"] == b"verbose_json", "response_format")
        text = self.text_of(self.samples_of(fields["file"]))
        told: dict[str, Any] = {"text": f" {text}", "segments": [{"avg_logprob": -0.2}] if text else []}
        if "timestamp_granularities[]" in fields:
            told["words"] = [
                {"word": word, "start": nth * 0.3, "end": nth * 0.3 + 0.25} for nth, word in enumerate(text.split())
            ]
        return web.json_response(told)


class GoogleHearing(HearingService):
    """Cloud Speech-to-Text v1: speech:recognize. A minute at most."""

    path = "/v1/speech:recognize"

    @property
    def settings(self) -> dict[str, str]:
        return {"endpoint": self.url, "api_key": self.key}

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Goog-Api-Key") != self.key or request.query_string:
            raise web.HTTPForbidden(text=json.dumps({"error": {"code": 403, "message": "no key"}}))
        body = await request.json()
        self.expect(set(body) == {"config", "audio"}, f"members {sorted(body)}")
        config = body["config"]
        self.asked.append(config)
        self.expect((config["encoding"], config["sampleRateHertz"]) == ("LINEAR16", 16_000), "the format")
        self.expect(1 <= config["maxAlternatives"] <= 30, "maxAlternatives")
        samples = base64.b64decode(body["audio"]["content"], validate=True)
        self.expect(len(samples) <= 60 * 32_000, "Sync input too long. For audio longer than 1 min use LongRunning")
        text = self.text_of(samples)
        if not text:
            return web.json_response({"totalBilledTime": "2s", "requestId": "1"})
        best: dict[str, Any] = {"transcript": text, "confidence": 0.9}
        if config.get("enableWordTimeOffsets"):
            best["words"] = [
                {"startTime": f"{nth * 0.3:.3f}s", "endTime": f"{nth * 0.3 + 0.25:.3f}s", "word": word}
                for nth, word in enumerate(text.split())
            ]
        return web.json_response(
            {"results": [{"alternatives": [best, {"transcript": f"{text} er"}], "languageCode": "en-us"}]}
        )


class AzureHearing(HearingService):
    """Azure AI Speech: speech to text for short audio."""

    path = "/speech/recognition/conversation/cognitiveservices/v1"

    @property
    def settings(self) -> dict[str, str]:
        return {"endpoint": self.url, "key": self.key}

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Ocp-Apim-Subscription-Key") != self.key:
            raise web.HTTPUnauthorized
        self.asked.append(dict(request.query))
        self.expect(bool(request.query.get("language")), "language is required")
        self.expect(request.headers["Content-Type"] == "audio/wav; codecs=audio/pcm; samplerate=16000", "Content-Type")
        samples = self.samples_of(await request.read())
        self.expect(len(samples) <= 60 * 32_000, "audio is longer than 60 seconds")
        text = self.text_of(samples)
        if not text:
            return web.json_response({"RecognitionStatus": "NoMatch", "Offset": 0, "Duration": 0})
        found: dict[str, Any] = {
            "Confidence": 0.87,
            "Lexical": text.lower(),
            "ITN": text,
            "MaskedITN": text,
            "Display": text,
        }
        if request.query.get("wordLevelTimestamps") == "true":
            found["Words"] = [
                {"Word": word, "Offset": nth * 3_000_000, "Duration": 2_500_000}
                for nth, word in enumerate(text.split())
            ]
        return web.json_response(
            {"RecognitionStatus": "Success", "Offset": 100_000, "Duration": 9_000_000, "NBest": [found]}
        )
