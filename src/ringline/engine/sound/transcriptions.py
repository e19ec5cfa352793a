"""Has finished recordings written down: one after the other, in the background, and over a restart."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ringline.base import ApplicationId, Clock, ConversationId, EffectId, ProviderError, get_log
from ringline.calls.commands import Tell, Transcribe
from ringline.calls.facts import TranscriptionFact
from ringline.calls.parties import Hook
from ringline.engine.ports import OpenTranscription, Recordings, Store, StoredFile, Transcriber
from ringline.engine.supervise import Scope
from ringline.speech import ChannelTranscript, document, find_recognition_language

log = get_log(__name__)
MOST_WAITING: Final = 1000
"More are not taken: what came last is told that it failed."
_LANGUAGE: Final = "en-US"
_BUSY: Final = "too many recordings are waiting for their transcription"
_GONE: Final = "the recording is gone"
_NOBODY: Final = "no recogniser is installed"

TellThem = Callable[[ConversationId, ApplicationId, Tell], None]


class Transcriptions:
    """All recordings that are being written down, or wait for it.

    What waits is in the store, and is forgotten there in the same moment in which its webhook is: a process that dies
    or is stopped in the middle leaves it to the next one (`adopt`).
    """

    def __init__(
        self,
        *,
        transcriber: Transcriber | None,
        recordings: Recordings,
        store: Store,
        clock: Clock,
        file_url: str,
        tell: TellThem,
    ) -> None:
        self._transcriber = transcriber
        self._recordings = recordings
        self._store = store
        self._clock = clock
        self._file_url = file_url
        self._tell = tell
        self._waiting: deque[OpenTranscription] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False
        self._scope = Scope("transcriptions")

    @property
    def busy(self) -> int:
        """How many are not written down yet."""
        return len(self._waiting) + (self._running is not None)

    def gauges(self) -> dict[str, float]:
        """Figures for metrics."""
        return {"waiting": len(self._waiting), "running": float(self._running is not None)}

    def start(self, room: ConversationId, application: ApplicationId, command: Transcribe) -> None:
        """Have a finished recording written down, after those that wait already."""
        task = OpenTranscription(
            transcription=command.effect,
            recording=command.recording,
            file_id=command.file_id,
            conversation=room,
            application=application,
            leg=command.leg,
            language=command.wish.language,
            sentiment=command.wish.sentiment,
            url=command.hook.url if command.hook is not None else None,
            method=command.hook.method if command.hook is not None else "POST",
            asked_at=self._clock.wallclock(),
        )
        if self._transcriber is None:
            self._fail(task, _NOBODY)
        elif len(self._waiting) >= MOST_WAITING:
            self._fail(task, _BUSY)
        else:
            self._store.write_open_transcription(task)
            if not self._closed:
                self._waiting.append(task)
                self._next()

    def adopt(self, left: Sequence[OpenTranscription]) -> None:
        """Take over what a process that died or was stopped has left, oldest first."""
        self._waiting.extend(left)
        self._next()

    def close(self) -> None:
        """Stop; what is not written down yet is for the next process."""
        self._closed = True
        self._waiting.clear()
        self._running = None
        self._scope.close()

    def _next(self) -> None:
        if self._running is None and self._waiting:
            task = self._waiting.popleft()
            self._running = self._scope.start(self._work(task), name=EffectId(task.transcription))
            self._running.add_done_callback(self._over)

    def _over(self, done: asyncio.Task[None]) -> None:
        if self._running is done:
            self._running = None
            self._next()

    async def _work(self, task: OpenTranscription) -> None:
        try:
            file = await self._write_down(task)
        except ProviderError as error:
            self._fail(task, str(error))
        except Exception as error:  # a mistake of ours: whoever waits is told even so
            log.error("a transcription broke", recording=task.recording, exc=error)
            self._fail(task, "the transcription failed")
        else:
            fact = self._fact(task, url=self._file_url.format(id=file.file_id))
            # As one: a crash finds it undone, or the file and its webhook in the store.
            with self._store.together():
                self._store.write_file(file)
                self._settle(task, fact)

    async def _write_down(self, task: OpenTranscription) -> StoredFile:
        """Raises ProviderError when it cannot be done."""
        if self._transcriber is None:
            raise ProviderError(_NOBODY)
        recording = await self._store.file(task.file_id)
        if recording is None:
            raise ProviderError(_GONE)
        language = find_recognition_language(task.language or _LANGUAGE)
        if language is None:
            raise ProviderError(f"no recogniser knows the language {(task.language or '')[:40]}")
        channels = await self._transcriber.transcribe(recording, language=language, sentiment=task.sentiment)
        text = await asyncio.get_running_loop().run_in_executor(None, partial(_text, channels, task.transcription))
        if await self._store.file(task.file_id) is None:  # deleted meanwhile: nothing of what was said may stay
            raise ProviderError(_GONE)
        # It is kept as long as the recording.
        file = replace(recording, file_id=task.transcription, media_type="application/json", size=len(text))
        return await self._recordings.keep(file, text)

    def _fail(self, task: OpenTranscription, why: str) -> None:
        log.warning("a recording is not transcribed", recording=task.recording, why=why)
        with self._store.together():
            self._settle(task, self._fact(task, detail=why))

    def _settle(self, task: OpenTranscription, fact: TranscriptionFact) -> None:
        self._store.forget_open_transcription(task.transcription)
        hook = Hook(url=task.url, method=task.method) if task.url is not None else None
        self._tell(task.conversation, task.application, Tell(leg=task.leg, hook=hook, fact=fact))

    def _fact(self, task: OpenTranscription, *, url: str | None = None, detail: str | None = None) -> TranscriptionFact:
        return TranscriptionFact(
            recording=task.recording,
            conversation=task.conversation,
            url=url,
            detail=detail,
            timestamp=self._clock.wallclock(),
        )


def _text(channels: Sequence[ChannelTranscript], request_id: str) -> bytes:
    return json.dumps(document(channels, request_id=request_id), ensure_ascii=False).encode("utf-8", "replace")
