"""Plays what the heart wants heard: speech, files and tones, into one leg or a whole conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from ringline.audio import beep, level_to_db, ringback
from ringline.base import ApplicationId, Clock, ConversationId, EffectId, LegId, ProviderError, get_log
from ringline.calls.commands import AudioFile, Play, Source, Speech, Tone
from ringline.calls.events import PlayEnded
from ringline.engine.ports import Media, Pcm, PlaybackFinished, PromptFiles, SpeechRequest, Voice
from ringline.engine.supervise import Scope
from ringline.speech import is_ssml, parse, resolve

log = get_log(__name__)
_MOST_OPTIONS = 20
_AHEAD_S = 60.0
"A prompt is handed to the media core at most so far ahead of what has been heard,"
_FILE_AHEAD_S = 20.0
"and a file only so far: this much is in memory, once for all who hear the same, and the rest on disk."
SPEECH_FAILED = "Text-to-speech failed."
FILE_FAILED = "Stream URL not reachable or not a supported audio file."


class Prompts:
    """Every prompt that plays now, from its source to its end."""

    def __init__(
        self,
        *,
        media: Media,
        voice: Voice,
        files: PromptFiles,
        clock: Clock,
        ear_of: Callable[[EffectId], EffectId | None],
        report: Callable[[ConversationId, PlayEnded], None],
    ) -> None:
        """`ear_of` tells the ear of somebody who listens, for prompts that yield to what it hears."""
        self._media = media
        self._ear_of = ear_of
        self._voice = voice
        self._files = files
        self._clock = clock
        self._report = report
        self._scope = Scope("prompts")
        self._playing: dict[EffectId, _Prompt] = {}

    @property
    def busy(self) -> int:
        """How many prompts are being played."""
        return len(self._playing)

    def play(self, room: ConversationId, command: Play, *, application: ApplicationId | None = None) -> None:
        """Start a prompt; its end is reported for its owner."""
        prompt = _Prompt(room, command, application)
        self._playing[command.effect] = prompt
        prompt.task = self._scope.start(self._run(prompt), name=command.effect)

    def stop(self, effect: EffectId) -> None:
        """Cut a prompt. Its end is not reported: who stops it knows."""
        prompt = self._playing.pop(effect, None)
        if prompt is not None:
            if prompt.task is not None:
                prompt.task.cancel()
            self._media.stop(effect)

    def drop_owned_by(self, leg: LegId) -> None:
        """The leg has ended: so have its prompts."""
        for effect in [effect for effect, prompt in self._playing.items() if prompt.command.owner == leg]:
            self.stop(effect)

    def finished(self, event: PlaybackFinished) -> None:
        """The media core has played a prompt out, or lost its target."""
        prompt = self._playing.pop(event.play, None)
        if prompt is not None:
            if prompt.task is not None:
                prompt.task.cancel()
            self._end(prompt, played_ms=event.played_ms, stopped=event.stopped)

    def close(self) -> None:
        self._scope.close()

    async def _run(self, prompt: _Prompt) -> None:
        command = prompt.command
        try:
            await self._feed(prompt)
        except ProviderError as error:
            log.warning("a prompt could not be played", effect=command.effect, error=str(error))
            if self._playing.pop(command.effect, None) is not None:
                self._media.stop(command.effect)
                self._end(prompt, failure=_reason(command.source, error))

    async def _feed(self, prompt: _Prompt) -> None:
        command = prompt.command
        started, fed_s = 0.0, 0.0
        in_rounds = isinstance(command.source, AudioFile)  # which come one after the other from the file's copy
        most_s = _FILE_AHEAD_S if in_rounds else _AHEAD_S
        async for block in self._audio(command, prompt.application):
            if not started:
                started = self._clock.now()
                self._media.play(
                    command.effect,
                    command.leg if command.leg is not None else prompt.room,
                    rate_hz=block.rate_hz,
                    level_db=level_to_db(command.level),
                    loop=1 if in_rounds else command.loop,
                )
                self._let_interrupt(command)
            self._media.feed(command.effect, block.data, last=False)
            fed_s += len(block.data) / 2 / block.rate_hz
            ahead = fed_s - (self._clock.now() - started)
            if ahead > most_s:
                await asyncio.sleep(ahead - most_s / 2)
        if not started:
            raise ProviderError("it has no audio")
        self._media.feed(command.effect, b"", last=True)

    def _let_interrupt(self, command: Play) -> None:
        """What interrupts the prompt cuts it where it is heard, not a round through the rules later."""
        keys_of = command.owner if command.yields_to_keys else None
        voice_of = None if command.yields_to_speech is None else self._ear_of(command.yields_to_speech)
        if keys_of is not None or voice_of is not None:
            self._media.yield_to(command.effect, keys_of=keys_of, voice_of=voice_of)

    async def _audio(self, command: Play, application: ApplicationId | None) -> AsyncIterator[Pcm]:
        source = command.source
        match source:
            case Tone(name="beep"):
                yield Pcm(rate_hz=8000, data=beep())
            case Tone(name=name):
                yield Pcm(rate_hz=8000, data=ringback(north_america=name == "ringback-us"))
            case AudioFile(url=url):
                async for block in self._files.open(url, rounds=command.loop):
                    yield block
            case Speech():
                async for block in self._voice.speak(_request(source, application)):
                    yield block

    def _end(self, prompt: _Prompt, *, played_ms: int = 0, stopped: bool = False, failure: str | None = None) -> None:
        command = prompt.command
        ended = PlayEnded(
            effect=command.effect, leg=command.owner, played_ms=played_ms, stopped=stopped, failure=failure
        )
        self._report(prompt.room, ended)


class _Prompt:
    """One prompt at work."""

    __slots__ = ("application", "command", "room", "task")

    def __init__(self, room: ConversationId, command: Play, application: ApplicationId | None) -> None:
        self.application = application
        self.room = room
        self.command = command
        self.task: asyncio.Task[None] | None = None


def _request(speech: Speech, application: ApplicationId | None) -> SpeechRequest:
    if speech.voice_name is not None:
        found = resolve(voice_name=speech.voice_name)
    else:
        found = resolve(speech.language, speech.style, premium=speech.premium)
    for note in found.notes:
        log.info("the voice asked for is not there", note=note)
    choice = found.choice
    if is_ssml(speech.text) and (trouble := parse(speech.text).trouble):
        log.warning("broken SSML is spoken without its tags", why=trouble, application=application)
    return SpeechRequest(
        text=speech.text,
        language=choice.language,
        style=choice.style,
        premium=choice.premium,
        application=application,
        provider=speech.provider,
        options=_options(speech.provider_options),
    )


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    """The plain ones among a provider's options: engines read words and numbers, and not without end."""
    plain = {
        name: str(value)
        for name, value in given.items()
        if isinstance(value, str | int | float) and len(name) <= 64 and len(str(value)) <= 256
    }
    return dict(sorted(plain.items())[:_MOST_OPTIONS])


def _reason(source: Source, error: ProviderError) -> str:
    if isinstance(source, Speech):
        return f"{SPEECH_FAILED} {error}"
    text = str(error)
    return text if text.startswith(FILE_FAILED) else f"{FILE_FAILED} {text}"
