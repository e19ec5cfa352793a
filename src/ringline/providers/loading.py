"""Finds the engines that the settings name, by entry points of the group `ringline.speech`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from ringline.base import ApplicationId, ConfigError
from ringline.providers.cache import CachedVoice, SpeechCache
from ringline.providers.chain import FallbackVoice
from ringline.providers.contract import EngineContext, SpeechEngine, WorkerProgram, Workers
from ringline.providers.rates import FitVoice

GROUP: Final = "ringline.speech"


def load(
    names: Sequence[str],
    *,
    open_workers: Callable[[WorkerProgram], Workers],
    settings: Mapping[str, Mapping[str, str]] | None = None,
    cache: SpeechCache | None = None,
    also: Sequence[str] = (),
    prefers: Callable[[ApplicationId], Sequence[str]] | None = None,
    timeout_s: float = 10.0,
    found: Iterable[EntryPoint] | None = None,
) -> FallbackVoice:
    """Make the voice that the settings ask for: the engines by name, the first preferred, each behind the cache.

    `also` speak only when they are asked for by name, in a request or by what `prefers` says of its application.
    `settings` are the engines' own, by engine name. `timeout_s` is how long a service
    may say nothing. `found` replaces the installed entry points. Start it before use.

    Raises:
        ConfigError: no engine of that name is installed, it cannot be imported, or its own settings are wrong.
    """
    if not names:
        raise ConfigError("names no engine", where="settings", key="speech.engines")
    available = {point.name: point for point in (entry_points(group=GROUP) if found is None else found)}
    engines: dict[str, SpeechEngine] = {}
    for name in dict.fromkeys((*names, *also)):
        if name not in available:
            known = ", ".join(sorted(available)) or "none"
            raise ConfigError(
                f"there is no speech engine {name!r} (installed: {known})", where="settings", key="speech.engines"
            )
        context = EngineContext(
            open_workers=open_workers, settings=dict((settings or {}).get(name, {})), timeout_s=timeout_s
        )
        try:
            make: Callable[[EngineContext], SpeechEngine] = available[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the speech engine {name!r} cannot be imported: {error}", where="settings", key="speech.engines"
            ) from error
        engine = make(context)
        engines[name] = engine if cache is None else CachedVoice(FitVoice(engine), cache)
    usual = [engines[name] for name in dict.fromkeys(names)]
    return FallbackVoice(usual, others=[engines[name] for name in engines if name not in names], prefers=prefers)
