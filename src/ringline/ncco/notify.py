"""The `notify` action."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import Method, Url


class Notify(Options):
    """Send a payload of the application's own to its event URL (Voice API, NCCO reference: notify)."""

    action: Literal["notify"] = "notify"
    payload: Any
    "Any JSON value."
    event_url: Url = None
    "None: the leg's event URL."
    event_method: Method = "POST"

    OTHER_NAMES: ClassVar[Names] = {"eventMethod": ("eventUrlMethod",)}
    KEEPS_NULL: ClassVar[frozenset[str]] = frozenset({"payload"})
