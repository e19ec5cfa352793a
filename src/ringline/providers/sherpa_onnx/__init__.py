"""Recognition by sherpa-onnx (next-generation Kaldi) with models of the operator's, for dictation without a service.

    [recognition]
    engines = ["pocketsphinx", "sherpa"]
    [recognition.options.sherpa]
    model = "/srv/models/sherpa-onnx-zipformer-en"
    kind = "transducer"

`kind` is how the model is built: `transducer` and `streaming` (a transducer for streams) with files named `encoder…`,
`decoder…`, `joiner…`; `whisper` with `…encoder…` and `…decoder…`; `ctc`, `paraformer` and `sense-voice` with
`model….onnx`. `tokens.txt` is beside them. Where there are files with `int8` in their names, those are taken. Hints
are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from ringline.providers._cloud import EngineSettings
from ringline.providers.recognition.local import LocalRecogniser

__all__ = ["SherpaRecogniser"]

_KINDS: Final = ("transducer", "streaming", "whisper", "ctc", "paraformer", "sense-voice")
_MOST_THREADS: Final = 64


class SherpaRecogniser(LocalRecogniser):
    """sherpa-onnx in worker processes; all its models are of one kind."""

    name = "sherpa"
    library = "sherpa_onnx"
    extra = "sherpa"
    worker = Path(__file__).with_name("_worker.py")
    options: ClassVar[Mapping[str, str]] = {"kind": "transducer", "threads": "1"}

    def check(self, settings: EngineSettings, given: Mapping[str, str]) -> None:
        if given["kind"] not in _KINDS:
            raise settings.wrong("kind", f"is none of {', '.join(_KINDS)}")
        if not given["threads"].isdecimal() or not 1 <= int(given["threads"]) <= _MOST_THREADS:
            raise settings.wrong("threads", f"must be from 1 to {_MOST_THREADS}")
