"""The same request twice is one call: client libraries send again when an idle connection closes under them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from ringline.accounts import Token
from ringline.base import Clock, ConversationId, LegId

WITHIN_S: Final = 10.0
_MOST: Final = 10_000

Made = tuple[LegId, ConversationId]


class Repeats:
    """Calls that were just made, by token id and body; the oldest are forgotten when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: OrderedDict[bytes, tuple[float, Made]] = OrderedDict()

    def key(self, token: Token, path: str, body: Mapping[str, Any]) -> bytes:
        """What stands for a request: the same for a repetition of it, and for nothing else."""
        words = json.dumps([token.application.id, token.jti, path, body], sort_keys=True)
        return hashlib.sha256(words.encode()).digest()

    def find(self, key: bytes) -> Made | None:
        """The call that this request has made within the last ten seconds; None when it is a new one."""
        self._forget()
        known = self._made.get(key)
        return known[1] if known is not None else None

    def add(self, key: bytes, made: Made) -> None:
        self._made[key] = (self._clock.now(), made)
        if len(self._made) > _MOST:
            self._made.popitem(last=False)

    def _forget(self) -> None:
        """Drop what is too old; the oldest stands first."""
        limit = self._clock.now() - WITHIN_S
        while self._made and next(iter(self._made.values()))[0] < limit:
            self._made.popitem(last=False)
