"""Listens to legs for the heart: from its wish to a recogniser, and from what that tells back to events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ringline.base import ApplicationId, EffectId, LegId, ProviderError, get_log
from ringline.calls.commands import Listen
from ringline.calls.events import Alternative, Event, Recognised, SpeechEnded, SpeechStarted
from ringline.calls.listening import FAILED
from ringline.engine.ports import (
    HearingEvent,
    Listening,
    ListenRequest,
    Recogniser,
    Recognition,
    Recordings,
    Store,
    VoiceEnded,
    VoiceStarted,
)
from ringline.engine.supervise import Scope
from ringline.speech import tidy, wanted

log = get_log(__name__)
_BLOCK_BYTES = 160_000


class Listeners:
    """Everybody who is listened to now."""

    def __init__(
        self,
        *,
        recogniser: Recogniser | None,
        recordings: Recordings,
        store: Store,
        file_url: str,
        barred: Callable[[LegId], bool],
        report: Callable[[Event], None],
    ) -> None:
        """`barred` tells of a leg that nobody may listen to now."""
        self._recogniser = recogniser
        self._barred = barred
        self._recordings = recordings
        self._store = store
        self._file_url = file_url
        self._report = report
        self._active: dict[EffectId, _Listener] = {}
        self._scope = Scope("speech")

    @property
    def busy(self) -> int:
        """How many listen."""
        return len(self._active)

    def listen(self, application: ApplicationId, command: Listen) -> None:
        """Begin to listen; where that cannot be, `Recognised` says so at once."""
        choice = wanted(command.language, command.hints, command.provider_options)
        if command.stranger is not None:
            log.info("speech of a leg elsewhere was asked for", leg=command.leg, asked=command.stranger)
        if self._recogniser is None:
            self._fail(command, "no recogniser is installed")
            return
        if choice.language is None:
            self._fail(command, "no recogniser knows the language")
            return
        if self._barred(command.speaker):
            self._fail(command, "the leg enters a card")
            return
        request = ListenRequest(
            leg=command.speaker,
            language=choice.language,
            hints=choice.hints,
            end_on_silence_s=command.end_on_silence_s,
            sensitivity=command.sensitivity,
            keep_audio=command.save_audio,
            provider=command.provider,
        )
        listener = _Listener(application, command)
        try:
            listener.handle = self._recogniser.listen(request, partial(self._heard, listener))
        except ProviderError as error:
            self._fail(command, str(error))
            return
        self._active[command.effect] = listener

    def ear(self, effect: EffectId) -> EffectId | None:
        """The ear in the media core that decides where speech begins, if one does."""
        listener = self._active.get(effect)
        return None if listener is None or listener.handle is None else listener.handle.ear

    def stop(self, effect: EffectId, *, finish: bool) -> None:
        """End it: with its result, or without."""
        listener = self._active.get(effect)
        if listener is None or listener.handle is None:
            return
        if finish:
            listener.handle.finish()
        else:
            del self._active[effect]
            listener.handle.cancel()

    def drop(self, leg: LegId) -> None:
        """The leg has ended: nobody waits for what it asked for, and whoever listened to it has heard all."""
        for effect, listener in list(self._active.items()):
            if listener.command.leg == leg:
                self.stop(effect, finish=False)
            elif listener.command.speaker == leg:
                self.stop(effect, finish=True)

    def deafen(self, leg: LegId) -> None:
        """Nobody may listen to this leg any more, nor keep what it has said: it enters a card."""
        for effect, listener in list(self._active.items()):
            if listener.command.speaker == leg:
                self.stop(effect, finish=False)
                self._fail(listener.command, "the leg enters a card")

    def close(self) -> None:
        """Nobody listens any more."""
        for effect in list(self._active):
            self.stop(effect, finish=False)
        self._scope.close()

    def _heard(self, listener: _Listener, event: HearingEvent) -> None:
        command = listener.command
        if self._active.get(command.effect) is not listener:
            return
        match event:
            case VoiceStarted(ago_s=ago_s):
                listener.spoken = True
                self._report(SpeechStarted(effect=command.effect, leg=command.leg, ago_s=ago_s))
            case VoiceEnded():
                self._report(SpeechEnded(effect=command.effect, leg=command.leg))
            case Recognition(failure=str(why)):
                del self._active[command.effect]
                self._fail(command, why)
            case Recognition():
                del self._active[command.effect]
                self._scope.start(self._conclude(listener, event), name=command.effect)

    async def _conclude(self, listener: _Listener, found: Recognition) -> None:
        command = listener.command
        url = None
        if command.save_audio and listener.spoken:
            url = await self._save(listener.application, command, found.audio)
        results = tuple(Alternative(text=text, confidence=confidence) for text, confidence in tidy(found.results))
        self._report(Recognised(effect=command.effect, leg=command.leg, results=results, recording_url=url))

    async def _save(self, application: ApplicationId, command: Listen, audio: bytes) -> str | None:
        """Keep what was said; when that cannot be, the result goes out without it."""
        try:
            file = self._recordings.create(application, recording=command.effect, container="wav", channels=1)
            for start in range(0, len(audio), _BLOCK_BYTES):
                file.write(audio[start : start + _BLOCK_BYTES])
            stored = await file.finish()
        except ProviderError as error:
            log.error("the audio of an input was lost", leg=command.leg, error=str(error))
            return None
        self._store.write_file(stored)
        return self._file_url.format(id=stored.file_id)

    def _fail(self, command: Listen, why: str) -> None:
        log.warning("speech is not recognised", leg=command.leg, why=why)
        self._report(Recognised(effect=command.effect, leg=command.leg, error=FAILED))


class _Listener:
    """One who listens."""

    __slots__ = ("application", "command", "handle", "spoken")

    def __init__(self, application: ApplicationId, command: Listen) -> None:
        self.application = application
        self.command = command
        self.handle: Listening | None = None
        self.spoken = False
