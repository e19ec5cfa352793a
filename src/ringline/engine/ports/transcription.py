"""Who writes down what is said in a finished recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports.recordings import StoredFile
from ringline.speech import ChannelTranscript


class Transcriber(Protocol):
    """Writes down what is said in a recording."""

    async def transcribe(self, file: StoredFile, *, language: str, sentiment: bool) -> Sequence[ChannelTranscript]:
        """Give what is said in each channel, in order; `language` is a tag of the public table.

        It may take as long as the recording. Cancelled, it stops whatever works on it.

        Raises:
            ProviderError: it cannot be done; the text is for the application.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTranscription:
    """A recording that is to be written down: kept until the application has been told, whatever happens."""

    transcription: str
    "Its UUID, which becomes the file's."
    recording: str
    "The recording's UUID, for the webhook."
    file_id: str
    "The recording's file."
    conversation: ConversationId
    application: ApplicationId
    leg: LegId | None
    "In whose queue the webhook stands; None: the conversation's."
    language: str | None
    "As the script has it; None means `en-US`."
    sentiment: bool
    url: str | None
    "Where the webhook goes; None: nobody asked to be told."
    method: str
    asked_at: datetime
