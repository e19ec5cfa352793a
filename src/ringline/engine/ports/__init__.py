"""What the engine asks of the shells: small Protocols, one module per kind of outside.

The adapters in `ringline.io` and `ringline.providers` implement them; `ringline.testing` has its own, in virtual time.
Nothing here blocks the event loop: a method is either quick, or `async`.
"""

from ringline.engine.ports.bindings import Bindings
from ringline.engine.ports.chronicle import Chronicle, EventFilter, Found, KeptMember, Row, Sleeper, Window
from ringline.engine.ports.detection import Detector
from ringline.engine.ports.ears import Ears, EarSink, Told
from ringline.engine.ports.endpoints import Endpoint, ShowsKeys, SipResolver, TellsReferrers
from ringline.engine.ports.file_info import FileFilter, FileInfo
from ringline.engine.ports.http import HttpClient, HttpFailure, HttpReply, HttpRequest
from ringline.engine.ports.media import (
    AudioLevels,
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
    SpeechStarted,
    SpeechStopped,
    SrtpKeys,
    ToneHeard,
)
from ringline.engine.ports.payments import Charge, Payments
from ringline.engine.ports.recognition import (
    HearingEvent,
    Listening,
    ListenRequest,
    Recogniser,
    Recognition,
    VoiceEnded,
    VoiceStarted,
)
from ringline.engine.ports.recordings import RecordingFile, Recordings, StoredFile
from ringline.engine.ports.remains import OpenRecording, Remains, StoredEvent
from ringline.engine.ports.sockets import (
    SocketClosed,
    SocketCounters,
    SocketEvent,
    SocketFailed,
    SocketOpened,
    SocketOverflowed,
    SocketPlan,
    SocketRemarked,
    Sockets,
)
from ringline.engine.ports.speech import Pcm, PromptFiles, SpeechRequest, Voice
from ringline.engine.ports.store import JournalLine, LegFilter, LegRecord, Store
from ringline.engine.ports.transcription import OpenTranscription, Transcriber

__all__ = [
    "AudioLevels",
    "AudioStarted",
    "Bindings",
    "Charge",
    "Chronicle",
    "Detector",
    "EarSink",
    "Ears",
    "Endpoint",
    "EventFilter",
    "FileFilter",
    "FileInfo",
    "Found",
    "HeardLayout",
    "HearingEvent",
    "HttpClient",
    "HttpFailure",
    "HttpReply",
    "HttpRequest",
    "JournalLine",
    "KeptMember",
    "KeyDown",
    "KeyReleased",
    "KeysSent",
    "LegCounters",
    "LegFilter",
    "LegMediaFailed",
    "LegRecord",
    "ListenRequest",
    "Listening",
    "Media",
    "MediaEvent",
    "MediaTimeout",
    "MonoLayout",
    "OpenRecording",
    "OpenTranscription",
    "Payments",
    "Pcm",
    "PlaybackFinished",
    "PromptFiles",
    "Recogniser",
    "Recognition",
    "RecordingFile",
    "RecordingLayout",
    "RecordingSink",
    "Recordings",
    "Remains",
    "Row",
    "RtpPlan",
    "ShowsKeys",
    "SilenceReached",
    "SipResolver",
    "Sleeper",
    "SlotLayout",
    "SocketClosed",
    "SocketCounters",
    "SocketEvent",
    "SocketFailed",
    "SocketOpened",
    "SocketOverflowed",
    "SocketPlan",
    "SocketRemarked",
    "Sockets",
    "SpeechRequest",
    "SpeechStarted",
    "SpeechStopped",
    "SrtpKeys",
    "Store",
    "StoredEvent",
    "StoredFile",
    "TellsReferrers",
    "Told",
    "ToneHeard",
    "Transcriber",
    "Voice",
    "VoiceEnded",
    "VoiceStarted",
    "Window",
]
