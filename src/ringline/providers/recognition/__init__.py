"""Recognition engines: what they are, how they are found, and the ear that listens for them."""

from ringline.providers.recognition.contract import Heard, RecognitionEngine, Stream, Task, Word
from ringline.providers.recognition.listener import EarRecogniser
from ringline.providers.recognition.loading import load_recognition
from ringline.providers.recognition.transcriber import RecordedSpeech, RecordingTranscriber
from ringline.providers.recognition.whole import WholeStream

__all__ = [
    "EarRecogniser",
    "Heard",
    "RecognitionEngine",
    "RecordedSpeech",
    "RecordingTranscriber",
    "Stream",
    "Task",
    "WholeStream",
    "Word",
    "load_recognition",
]
