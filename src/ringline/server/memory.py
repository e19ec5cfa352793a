"""Python's garbage collector, told how a server lives: much that stays for good, and calls that come and go.

Reference counting frees nearly everything at once; the collector only looks for what refers to itself in circles. Left
alone it looks through the whole program again and again while calls come and go: with some hundred legs up that has
stopped the event loop for up to 0.9 s. So what is there when the server is ready is left out of its sight for good, and
it looks less often at the rest; at the oldest part only when that has grown by a quarter, which is its own rule.
"""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
"How many more objects than were freed since the last look make it look again; Python's own figure is 700."
_YOUNG_LOOKS: Final = 20
"How many looks at the young objects come before one at the older ones."


def settle_memory() -> None:
    """Leave what was made so far out of the collector's sight. Call it once, when everything is up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_LOOKS, _YOUNG_LOOKS)
