"""Where espeak-ng is installed."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from typing import Final

PACKAGE: Final = "espeakng_loader"


def find() -> tuple[Path, Path] | None:
    """The library and the folder that holds `espeak-ng-data`, without importing the package; None when not there."""
    spec = util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    name = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}.get(sys.platform, "libespeak-ng.so")
    library = folder / name
    if not library.is_file() or not (folder / "espeak-ng-data").is_dir():
        return None
    return library, folder
