"""Finds the recognition engines that the settings name, by entry points of the group `ringline.recognition`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from ringline.base import ConfigError
from ringline.providers.contract import EngineContext, WorkerProgram, Workers
from ringline.providers.recognition.contract import RecognitionEngine

GROUP: Final = "ringline.recognition"
_KEY: Final = "recognition.engines"


def load_recognition(
    names: Sequence[str],
    *,
    open_workers: Callable[[WorkerProgram], Workers],
    settings: Mapping[str, Mapping[str, str]] | None = None,
    found: Iterable[EntryPoint] | None = None,
) -> list[RecognitionEngine]:
    """Make the engines by name, the first preferred. `found` replaces the installed entry points.

    Raises:
        ConfigError: no engine of that name is installed, it cannot be imported, or its settings are wrong.
    """
    available = {point.name: point for point in (entry_points(group=GROUP) if found is None else found)}
    engines: list[RecognitionEngine] = []
    for name in names:
        if name not in available:
            known = ", ".join(sorted(available)) or "none"
            raise ConfigError(
                f"there is no recognition engine {name!r} (installed: {known})", where="settings", key=_KEY
            )
        try:
            make: Callable[[EngineContext], RecognitionEngine] = available[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the recognition engine {name!r} cannot be imported: {error}", where="settings", key=_KEY
            ) from error
        engines.append(make(EngineContext(open_workers=open_workers, settings=dict((settings or {}).get(name, {})))))
    return engines
