"""The voices of Google Cloud Text-to-Speech, over its REST API v1 (Google Cloud: text:synthesize, voices.list).

Settings: `api_key` (or `api_key_file`), or `credentials_file` with the key of a service account.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Final

from ringline.base import ProviderError
from ringline.providers._catalogue import Pick, ServiceVoice
from ringline.providers._cloud import MOST_AUDIO_BYTES, MOST_LIST_BYTES, RATE_HZ, CloudVoice, EngineSettings
from ringline.providers._ssml import Dialect, write
from ringline.providers.contract import EngineContext
from ringline.providers.google._account import Login
from ringline.speech import Speech, VoiceChoice

__all__ = ["GoogleVoice"]

_DIALECT: Final = Dialect(
    say_as={
        "cardinal": "cardinal",
        "ordinal": "ordinal",
        "character": "characters",
        "fraction": "fraction",
        "unit": "unit",
        "expletive": "expletive",
        "telephone": "telephone",
    },
)
_TIERS: Final = {"Standard": False, "Wavenet": True, "Neural2": True}
"The families of voices that take SSML, by the third word of their names, and whether they are better ones."
_BLOCK_BYTES: Final = 16_384
_MOST_BYTES: Final = 4900
"A request takes 5000 bytes of SSML."


class GoogleVoice(CloudVoice):
    """Speaks with Google Cloud; each piece comes as one answer, so that pieces are asked for ahead."""

    name = "google"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        settings = EngineSettings(
            self.name, context.settings, ("endpoint", "api_key", "api_key_file", "credentials_file")
        )
        self._endpoint = settings.endpoint("https://texttospeech.googleapis.com")
        self._login = Login(settings, http=self._http)

    async def _voices(self) -> list[ServiceVoice]:
        headers = await self._login.headers()
        url = f"{self._endpoint}/v1/voices"
        answer = await self._http.json("GET", url, headers=lambda: headers, most_bytes=MOST_LIST_BYTES)
        found = []
        for one in answer["voices"]:
            words = one["name"].split("-")
            if len(words) == 4 and words[2] in _TIERS:
                found.append(
                    ServiceVoice(
                        id=one["name"],
                        languages=tuple(one["languageCodes"]),
                        gender="male" if one["ssmlGender"] == "MALE" else "female",
                        premium=_TIERS[words[2]],
                    )
                )
        return found

    async def _piece(self, speech: Speech, pick: Pick, choice: VoiceChoice) -> AsyncIterator[bytes]:
        inside = write(
            speech, _DIALECT, language=choice.language, pitch_percent=pick.pitch_percent, most_bytes=_MOST_BYTES
        )
        body = json.dumps(
            {
                "input": {"ssml": f"<speak>{inside}</speak>"},
                "voice": {"languageCode": pick.language, "name": pick.voice.id},
                "audioConfig": {"audioEncoding": "LINEAR16", "sampleRateHertz": RATE_HZ},
            }
        ).encode()
        headers = {**await self._login.headers(), "Content-Type": "application/json; charset=utf-8"}
        answer = await self._http.json(
            "POST",
            f"{self._endpoint}/v1/text:synthesize",
            headers=lambda: headers,
            body=body,
            most_bytes=MOST_AUDIO_BYTES * 4 // 3 + 1000,
        )
        samples = _samples(answer)
        for start in range(0, len(samples), _BLOCK_BYTES):
            yield samples[start : start + _BLOCK_BYTES]


def _samples(answer: object) -> bytes:
    """The samples in an answer: base64 of a WAV file, whose chunks come before them."""
    content = answer.get("audioContent") if isinstance(answer, dict) else None
    if not isinstance(content, str):
        raise ProviderError("google: the answer has no audioContent")
    try:
        data = base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ProviderError("google: audioContent is not base64") from error
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return data
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise ProviderError("google: the audio is no WAV file")
