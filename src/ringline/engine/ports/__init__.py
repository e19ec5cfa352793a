"""What the engine asks of the shells: small Protocols, one module per kind of outside.

The adapters in `ringline.io` and `ringline.providers` implement them; `ringline.testing` has its own, in virtual time.
Nothing here blocks the event loop: a method is either quick, or `async`.
"""

from ringline.engine.ports.endpoints import Endpoint, SipResolver
from ringline.engine.ports.http import HttpClient, HttpFailure, HttpReply, HttpRequest
from ringline.engine.ports.media import (
    AudioStarted,
    HeardLayout,
    KeyDown,
    KeyReleased,
    KeysSent,
    LegCounters,
    LegMediaFailed,
    Media,
    MediaEvent,
    MediaTimeout,
    MonoLayout,
    PlaybackFinished,
    RecordingLayout,
    RecordingSink,
    RtpPlan,
    SilenceReached,
    SlotLayout,
)
from ringline.engine.ports.recordings import RecordingFile, Recordings, StoredFile
from ringline.engine.ports.speech import Pcm, PromptFiles, SpeechRequest, Voice
from ringline.engine.ports.store import JournalLine, LegFilter, LegRecord, Store

__all__ = [
    "AudioStarted",
    "Endpoint",
    "HeardLayout",
    "HttpClient",
    "HttpFailure",
    "HttpReply",
    "HttpRequest",
    "JournalLine",
    "KeyDown",
    "KeyReleased",
    "KeysSent",
    "LegCounters",
    "LegFilter",
    "LegMediaFailed",
    "LegRecord",
    "Media",
    "MediaEvent",
    "MediaTimeout",
    "MonoLayout",
    "Pcm",
    "PlaybackFinished",
    "PromptFiles",
    "RecordingFile",
    "RecordingLayout",
    "RecordingSink",
    "Recordings",
    "RtpPlan",
    "SilenceReached",
    "SipResolver",
    "SlotLayout",
    "SpeechRequest",
    "Store",
    "StoredFile",
    "Voice",
]
