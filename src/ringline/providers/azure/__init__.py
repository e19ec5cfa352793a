"""The voices of Azure AI Speech, over its text-to-speech REST API (Microsoft Learn: Text to speech REST API).

Settings: `region` (or `endpoint`) and `key` (or `key_file`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final
from xml.sax.saxutils import quoteattr

from ringline.providers._catalogue import Pick, ServiceVoice
from ringline.providers._cloud import MOST_AUDIO_BYTES, MOST_LIST_BYTES, CloudVoice, EngineSettings
from ringline.providers._ssml import Dialect, write
from ringline.providers.contract import EngineContext
from ringline.speech import Speech, VoiceChoice

__all__ = ["AzureVoice"]

_DIALECT: Final = Dialect(
    emphasis=False,  # only some of its voices have it
    relative=True,
    say_as={
        "cardinal": "cardinal",
        "ordinal": "ordinal",
        "character": "characters",
        "digits": "number_digit",
        "fraction": "fraction",
        "date": "date",
        "telephone": "telephone",
        "address": "address",
    },
)


class AzureVoice(CloudVoice):
    """Speaks with Azure AI Speech; the audio comes as it is made."""

    name = "azure"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context)
        settings = EngineSettings(self.name, context.settings, ("region", "endpoint", "key", "key_file"))
        default = "" if settings.get("endpoint") else f"https://{settings.need('region')}.tts.speech.microsoft.com"
        self._endpoint = settings.endpoint(default)
        self._key = settings.secret("key") or settings.need("key")

    async def _voices(self) -> list[ServiceVoice]:
        url = f"{self._endpoint}/cognitiveservices/voices/list"
        answer = await self._http.json("GET", url, headers=self._headers, most_bytes=MOST_LIST_BYTES)
        return [
            ServiceVoice(
                id=one["ShortName"],
                languages=(one["Locale"], *one.get("SecondaryLocaleList", ())),
                gender="male" if one["Gender"] == "Male" else "female",
                premium="Multilingual" in one["ShortName"] or "HD" in one["ShortName"],
            )
            for one in answer
            if one.get("Status") != "Deprecated"
        ]

    async def _piece(self, speech: Speech, pick: Pick, choice: VoiceChoice) -> AsyncIterator[bytes]:
        inside = write(speech, _DIALECT, language=choice.language, pitch_percent=pick.pitch_percent)
        text = (
            '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
            f"xml:lang={quoteattr(pick.language)}><voice name={quoteattr(pick.voice.id)}>{inside}</voice></speak>"
        )
        url = f"{self._endpoint}/cognitiveservices/v1"
        answer = self._http.blocks(
            "POST", url, headers=self._synthesis_headers, body=text.encode(), most_bytes=MOST_AUDIO_BYTES
        )
        async for block in answer:
            yield block

    def _headers(self) -> Mapping[str, str]:
        return {"Ocp-Apim-Subscription-Key": self._key, "User-Agent": "Ringline"}

    def _synthesis_headers(self) -> Mapping[str, str]:
        return {
            **self._headers(),
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": "raw-16khz-16bit-mono-pcm",
        }
