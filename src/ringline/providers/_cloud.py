"""What the voices of cloud services have in common: settings, the list of voices, long texts in pieces, PCM out."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final

from ringline.base import ConfigError, ProviderError, get_log
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._catalogue import Catalogue, Pick, ServiceVoice
from ringline.providers._http import HttpApi
from ringline.providers._relay import one_after_another
from ringline.providers._streams import leaving
from ringline.providers.contract import EngineContext
from ringline.speech import Speech, Text, VoiceChoice, parse, pieces, resolve

_log = get_log(__name__)

RATE_HZ: Final = 16_000
MOST_AUDIO_BYTES: Final = 600 * RATE_HZ * 2
"Ten minutes, however long the pauses that a text asks for."
MOST_LIST_BYTES: Final = 8_000_000
_LEARN_S: Final = 5.0
_LEARN_AGAIN_S: Final = 15.0
"After a failure the list of voices is asked for again, at most so often."
_FRESH_S: Final = 86_400.0
"A list is good for a day."
_FAILURE_S: Final = 30.0
_MOST_SECRET_CHARACTERS: Final = 16_384


class EngineSettings:
    """The settings of one engine, `[speech.options.NAME]` or of another section, checked as they are read."""

    def __init__(self, engine: str, given: Mapping[str, str], known: Iterable[str], *, section: str = "speech") -> None:
        self._engine = f"{section}.options.{engine}"
        self._given = given
        known = tuple(known)
        for key in given:
            if key not in known:
                raise self.wrong(key, f"is no setting of it (there are {', '.join(known)})")

    def get(self, key: str, default: str = "") -> str:
        """A setting, or the default."""
        return self._given.get(key, "").strip() or default

    def need(self, key: str) -> str:
        """A setting that there must be.

        Raises:
            ConfigError: it is missing.
        """
        if not (value := self.get(key)):
            raise self.wrong(key, "is needed")
        return value

    def secret(self, key: str) -> str:
        """A secret: the setting itself, or the content of the file that `KEY_file` names; empty when there is none.

        Raises:
            ConfigError: the file cannot be read.
        """
        if value := self.get(key):
            return value
        if not (path := self.get(f"{key}_file")):
            return ""
        try:
            with Path(path).open(encoding="utf-8") as file:
                return file.read(_MOST_SECRET_CHARACTERS).strip()
        except (OSError, UnicodeError) as error:
            raise self.wrong(f"{key}_file", f"cannot be read: {error}") from error

    def endpoint(self, default: str) -> str:
        """Where the service is: the setting `endpoint`, else the default; without a slash at its end.

        Raises:
            ConfigError: it is no URL.
        """
        url = self.get("endpoint", default)
        if not url.startswith(("https://", "http://")):
            raise self.wrong("endpoint", "must begin with https:// or http://")
        return url.rstrip("/")

    def wrong(self, key: str, why: str) -> ConfigError:
        """The error that says what is wrong with a setting."""
        return ConfigError(why, where="settings", key=f"{self._engine}.{key}")


class CloudVoice(ABC):
    """A `SpeechEngine` over a service's HTTP interface. The service is asked for its voices at the start."""

    name: ClassVar[str]

    def __init__(self, context: EngineContext) -> None:
        self._http = HttpApi(self.name, read_s=context.timeout_s)
        self._catalogue = Catalogue(())
        self._learning = asyncio.Lock()
        self._learned_at = 0.0
        self._tried_at = 0.0
        self._failure: str | None = None
        self._failed_at = 0.0
        self._trouble: str | None = f"{self.name} is not started"

    @property
    def version(self) -> str:
        return "1"

    async def start(self) -> None:
        await self._http.start()
        self._trouble = None
        try:
            await self._learn()
        except ProviderError as error:
            _log.warning("speech service does not tell its voices", engine=self.name, why=str(error))

    async def close(self) -> None:
        self._trouble = f"{self.name} is stopped"
        await self._http.close()

    def ready(self) -> str | None:
        # A failure is forgotten after a while: where no calls come, nobody would see that it works again.
        recent = time.monotonic() - self._failed_at < _FAILURE_S
        return self._trouble or (self._failure if recent else None)

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        choice = resolve(request.language, request.style, premium=request.premium).choice
        await self._know_voices()
        pick = self._catalogue.pick(choice, named=request.options.get("voice") or request.options.get("voice_id"))
        if pick is None:
            raise ProviderError(f"{self.name} has no voice for {choice.language}")
        speech = parse(request.text)
        if not choice.ssml:
            speech = Speech((Text(speech.plain()),))
        odd = b""
        made = one_after_another(pieces(speech), lambda piece: self._piece(piece, pick, choice))
        try:
            async with leaving(made) as blocks:
                async for block in blocks:
                    whole = odd + block
                    even = len(whole) & ~1
                    odd = whole[even:]
                    if even:
                        yield Pcm(rate_hz=RATE_HZ, data=whole[:even])
        except ProviderError as error:
            if error.retryable:
                self._failure, self._failed_at = str(error), time.monotonic()
            raise
        self._failure = None

    @abstractmethod
    def _piece(self, speech: Speech, pick: Pick, choice: VoiceChoice) -> AsyncIterator[bytes]:
        """Have one piece spoken: 16-bit little-endian mono samples at `RATE_HZ`, in blocks of any length."""

    @abstractmethod
    async def _voices(self) -> list[ServiceVoice]:
        """Ask the service for its voices.

        Raises:
            ProviderError: it does not tell.
        """

    async def _know_voices(self) -> None:
        """Have a list of voices, be it an old one."""
        now = time.monotonic()
        if len(self._catalogue) and now - self._learned_at < _FRESH_S:
            return
        if now - self._tried_at >= _LEARN_AGAIN_S or self._learning.locked():
            try:
                await self._learn()
            except ProviderError:
                if not len(self._catalogue):
                    raise
        if not len(self._catalogue):
            raise ProviderError(self._trouble or f"{self.name} has told no voices yet", retryable=True)

    async def _learn(self) -> None:
        async with self._learning:
            if len(self._catalogue) and time.monotonic() - self._learned_at < _FRESH_S:
                return
            self._tried_at = time.monotonic()
            try:
                async with asyncio.timeout(_LEARN_S):
                    found = Catalogue(await self._voices())
            except TimeoutError:
                raise self._in_trouble(
                    ProviderError(f"{self.name}: no list of voices in time", retryable=True)
                ) from None
            except ProviderError as error:
                raise self._in_trouble(error) from error
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._in_trouble(
                    ProviderError(f"{self.name}: its list of voices is not as documented")
                ) from error
            if not len(found):
                raise self._in_trouble(ProviderError(f"{self.name} has no voices"))
            self._catalogue = found
            self._learned_at = time.monotonic()
            self._trouble = None

    def _in_trouble(self, error: ProviderError) -> ProviderError:
        self._trouble = str(error)
        return error
