"""Recognition by Vosk (Kaldi) with models of the operator's, for dictation without a service.

    [recognition]
    engines = ["pocketsphinx", "vosk"]
    [recognition.options.vosk]
    model = "/srv/models/vosk-model-small-en-us-0.15"
    model_de = "/srv/models/vosk-model-small-de-0.15"

Hints are not used: in Vosk they would be a filter.
"""

from __future__ import annotations

from pathlib import Path

from ringline.providers.recognition.local import LocalRecogniser

__all__ = ["VoskRecogniser"]


class VoskRecogniser(LocalRecogniser):
    """Vosk in worker processes; a model is of one language."""

    name = "vosk"
    library = "vosk"
    extra = "vosk"
    worker = Path(__file__).with_name("_worker.py")
