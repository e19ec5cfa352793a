"""The voices of Amazon Polly, over its HTTP API (Amazon Polly Developer Guide: SynthesizeSpeech, DescribeVoices).

Settings: `region` (or `endpoint` too), `access_key_id`, `secret_access_key` (or `secret_access_key_file`),
`session_token`. What is not set comes from the environment variables of AWS's own programs.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from ringline.providers._catalogue import Pick, ServiceVoice
from ringline.providers._cloud import MOST_AUDIO_BYTES, MOST_LIST_BYTES, RATE_HZ, CloudVoice, EngineSettings
from ringline.providers._ssml import Dialect, write
from ringline.providers.contract import EngineContext
from ringline.providers.polly._signing import Keys, sign
from ringline.speech import Speech, VoiceChoice

__all__ = ["PollyVoice"]

_SAY_AS: Final = {
    "cardinal": "cardinal",
    "ordinal": "ordinal",
    "character": "characters",
    "digits": "digits",
    "fraction": "fraction",
    "unit": "unit",
    "date": "date",
    "time": "time",
    "telephone": "telephone",
    "address": "address",
    "expletive": "expletive",
}
_DIALECTS: Final = {
    "standard": Dialect(say_as=_SAY_AS),
    # Its voices take only some kinds of say-as, and refuse a text for a tag they do not know.
    "neural": Dialect(emphasis=False, pitch=False),
}
_MOST_PAGES: Final = 20
_MOST_BYTES: Final = 5900
"A request takes 6000 characters with all tags."


class PollyVoice(CloudVoice):
    """Speaks with Amazon Polly: standard styles with its standard engine, premium ones with its neural one."""

    name = "polly"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        settings = EngineSettings(
            self.name,
            context.settings,
            (
                "region",
                "endpoint",
                "access_key_id",
                "secret_access_key",
                "secret_access_key_file",
                "session_token",
                "session_token_file",
            ),
        )
        given = os.environ.get
        region = settings.get("region", given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "")
        if not region:
            raise settings.wrong("region", "is needed")
        self._endpoint = settings.endpoint(f"https://polly.{region}.amazonaws.com")
        key_id = settings.get("access_key_id", given("AWS_ACCESS_KEY_ID") or "")
        self._keys = Keys(
            access_key_id=key_id or settings.need("access_key_id"),
            secret_access_key=settings.secret("secret_access_key")
            or given("AWS_SECRET_ACCESS_KEY")
            or settings.need("secret_access_key"),
            session_token=settings.secret("session_token") or given("AWS_SESSION_TOKEN") or "",
            region=region,
            service="polly",
        )

    async def _voices(self) -> list[ServiceVoice]:
        found: list[Any] = []
        url = f"{self._endpoint}/v1/voices"
        for _ in range(_MOST_PAGES):
            headers = self._signed("GET", url, b"")
            answer = await self._http.json("GET", url, headers=headers, most_bytes=MOST_LIST_BYTES)
            found += answer["Voices"]
            if not (token := answer.get("NextToken")):
                break
            url = f"{self._endpoint}/v1/voices?NextToken={quote(token, safe='')}"
        return [
            ServiceVoice(
                id=one["Id"],
                languages=(one["LanguageCode"], *one.get("AdditionalLanguageCodes", ())),
                gender="male" if one["Gender"] == "Male" else "female",
                premium="standard" not in one["SupportedEngines"],
                kind=",".join(one["SupportedEngines"]),
            )
            for one in found
            if {"standard", "neural"} & set(one["SupportedEngines"])
        ]

    async def _piece(self, speech: Speech, pick: Pick, choice: VoiceChoice) -> AsyncIterator[bytes]:
        engines = pick.voice.kind.split(",")
        engine = "neural" if "neural" in engines and (choice.premium or "standard" not in engines) else "standard"
        inside = write(
            speech,
            _DIALECTS[engine],
            language=choice.language,
            pitch_percent=pick.pitch_percent,
            most_bytes=_MOST_BYTES,
        )
        body = json.dumps(
            {
                "Engine": engine,
                "LanguageCode": pick.language,
                "OutputFormat": "pcm",
                "SampleRate": str(RATE_HZ),
                "Text": f"<speak>{inside}</speak>",
                "TextType": "ssml",
                "VoiceId": pick.voice.id,
            }
        ).encode()
        url = f"{self._endpoint}/v1/speech"
        headers = self._signed("POST", url, body)
        async for block in self._http.blocks("POST", url, headers=headers, body=body, most_bytes=MOST_AUDIO_BYTES):
            yield block

    def _signed(self, method: str, url: str, body: bytes) -> Callable[[], Mapping[str, str]]:
        plain = {"Content-Type": "application/json"} if body else {}
        return lambda: sign(method, url, headers=plain, body=body, keys=self._keys, at=datetime.now(UTC))
