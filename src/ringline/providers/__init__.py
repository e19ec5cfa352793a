"""Speech engines, and the cache and the fallback in front of them. Engines are found by entry points."""

from ringline.providers.cache import CachedVoice, SpeechCache
from ringline.providers.chain import FallbackVoice
from ringline.providers.contract import EngineContext, SpeechEngine, WorkerProgram, Workers
from ringline.providers.loading import load

__all__ = [
    "CachedVoice",
    "EngineContext",
    "FallbackVoice",
    "SpeechCache",
    "SpeechEngine",
    "WorkerProgram",
    "Workers",
    "load",
]
