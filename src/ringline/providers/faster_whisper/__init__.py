"""Recognition by faster-whisper (Whisper on CTranslate2) with a model of the operator's, for dictation of any language.

    [recognition]
    engines = ["pocketsphinx", "whisper"]
    [recognition.options.whisper]
    model = "/srv/models/faster-whisper-small"
    languages = "*"

`compute` is the kind of numbers (`int8` unless said), `threads` how many each worker takes (1). Hints go along as hot
words. The model is a folder in the form of CTranslate2; nothing is fetched from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from ringline.providers._cloud import EngineSettings
from ringline.providers.recognition.local import LocalRecogniser

__all__ = ["WhisperRecogniser"]

_KINDS: Final = ("int8", "int8_float32", "int16", "float32")
_MOST_THREADS: Final = 64


class WhisperRecogniser(LocalRecogniser):
    """faster-whisper in worker processes, on the processor."""

    name = "whisper"
    library = "faster_whisper"
    extra = "whisper"
    worker = Path(__file__).with_name("_worker.py")
    options: ClassVar[Mapping[str, str]] = {"compute": "int8", "threads": "1"}

    def check(self, settings: EngineSettings, given: Mapping[str, str]) -> None:
        if given["compute"] not in _KINDS:
            raise settings.wrong("compute", f"is none of {', '.join(_KINDS)}")
        if not given["threads"].isdecimal() or not 1 <= int(given["threads"]) <= _MOST_THREADS:
            raise settings.wrong("threads", f"must be from 1 to {_MOST_THREADS}")
