"""Neural voices on this machine: Piper with voice files of the operator's choice, in worker processes.

piper-tts is an extra because it is GPLv3; this process never loads it. Settings: `voices` is a voice file (`.onnx`, its
`.onnx.json` beside it) or a folder of them; `men` names those that are male voices, separated by commas, for the files
do not say it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from ringline.base import ConfigError, ProviderError
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._catalogue import Catalogue, ServiceVoice
from ringline.providers._cloud import EngineSettings
from ringline.providers._streams import leaving
from ringline.providers._worker_voice import WorkerVoice
from ringline.providers.contract import EngineContext, WorkerProgram
from ringline.providers.piper._segments import segments
from ringline.speech import Speech, Text, parse, resolve

__all__ = ["PiperVoice"]

_SILENCE_TIMEOUT_S: Final = 20.0
"One long sentence may take a slow machine so long."
_START_TIMEOUT_S: Final = 60.0
_MOST_VOICES: Final = 500
_MOST_SPEAKERS: Final = 20
"Of one file; some have hundreds, which nobody can tell apart."


class PiperVoice(WorkerVoice):
    """Speaks with Piper; sentence by sentence, so that the first is heard while the second is made."""

    name = "piper"
    title = "Piper"
    not_installed = "Piper is not installed: pip install ringline[piper]"

    def __init__(self, context: EngineContext) -> None:
        settings = EngineSettings(self.name, context.settings, ("voices", "men"))
        men = {name.strip().lower() for name in settings.get("men").split(",") if name.strip()}
        self._models: dict[str, _Model] = {}
        found: list[ServiceVoice] = []
        try:
            for model in _models(Path(settings.need("voices"))):
                self._models[model.name] = model
                found += model.voices(men)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise settings.wrong("voices", f"cannot be used: {error}") from error
        if not found:
            raise settings.wrong("voices", "has no voice file (.onnx with .onnx.json)")
        self._catalogue = Catalogue(found)
        self._piper = _installed()
        if self._piper is not None:
            worker = Path(__file__).with_name("_worker.py")
            paths = tuple(str(model.path) for model in self._models.values())
            program = WorkerProgram(
                name=self.name,
                command=(sys.executable, "-I", str(worker), *paths),
                silence_timeout_s=_SILENCE_TIMEOUT_S,
                start_timeout_s=_START_TIMEOUT_S,
            )
            self._workers = context.open_workers(program)

    @property
    def version(self) -> str:
        whole = "\n".join(f"{model.path} {model.stamp}" for model in self._models.values())
        return f"{self._piper}-1-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        workers = self.workers()
        choice = resolve(request.language, request.style, premium=request.premium).choice
        pick = self._catalogue.pick(choice, named=request.options.get("voice"))
        if pick is None:
            raise ProviderError(f"piper has no voice for {choice.language}")
        speech = parse(request.text)
        if not choice.ssml:
            speech = Speech((Text(speech.plain()),))
        name, _, speaker = pick.voice.id.partition("#")
        model = self._models[name]
        payload = {
            "model": str(model.path),
            "speaker": int(speaker) if speaker else None,
            "segments": segments(speech, choice.language, pitch_percent=pick.pitch_percent),
        }
        async with leaving(workers.request(json.dumps(payload).encode())) as blocks:
            async for block in blocks:
                yield Pcm(rate_hz=model.rate_hz, data=block)


def _installed() -> str | None:
    """Which piper-tts is there, without importing it; None when there is none (a package `piper` is another thing)."""
    try:
        return metadata.version("piper-tts")
    except metadata.PackageNotFoundError:
        return None


class _Model:
    """One voice file."""

    def __init__(self, path: Path) -> None:
        about: Any = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        self.path = path.resolve()
        self.name = path.stem
        self.rate_hz = int(about["audio"]["sample_rate"])
        self.stamp = f"{path.stat().st_size}-{path.stat().st_mtime_ns}"
        self._speakers = min(_MOST_SPEAKERS, int(about.get("num_speakers", 1)))
        named = about.get("language", {})
        code = named.get("code") if isinstance(named, dict) else None
        self._language = str(code or about["espeak"]["voice"]).replace("_", "-")

    def voices(self, men: set[str]) -> Iterator[ServiceVoice]:
        """The voices in the file: one, or one for each of its speakers."""
        words = {self.name.lower(), *self.name.lower().split("-")}
        gender = "male" if words & men else "female"
        for speaker in range(self._speakers):
            number = f"#{speaker}" if self._speakers > 1 else ""
            yield ServiceVoice(
                id=f"{self.name}{number}",
                languages=(self._language,),
                gender="male" if gender == "male" or f"{self.name.lower()}#{speaker}" in men else "female",
            )


def _models(place: Path) -> Iterator[_Model]:
    files = [place] if place.is_file() else sorted(place.glob("*.onnx"))
    if len(files) > _MOST_VOICES:
        raise ValueError(f"there are more than {_MOST_VOICES} voice files")
    for path in files:
        if Path(f"{path}.json").is_file():
            yield _Model(path)
        elif path == place:
            raise ConfigError(f"{path}.json is missing", where="settings", key="speech.options.piper.voices")
