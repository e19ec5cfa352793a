"""The users of applications: who can be a member of a conversation, and by which channels it is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringline.base import ApplicationId


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user of one application."""

    id: str
    "`USR-` and a UUID."
    application: ApplicationId
    name: str
    "Unique in the application; a user token's `sub`."
    created_at: datetime
    updated_at: datetime
    display_name: str | None = None
    image_url: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    "`custom_data` and `ttl`."
    channels: Mapping[str, Any] = field(default_factory=dict)
    "`pstn`, `sip`, `vbc`, `websocket` …: lists of objects; JSON."


class UserNames:
    """Which users there are: asked for every token of a user, so it is kept in memory."""

    def __init__(self, names: Iterable[tuple[ApplicationId, str]] = ()) -> None:
        self._names = set(names)

    def add(self, application: ApplicationId, name: str) -> None:
        self._names.add((application, name))

    def drop(self, application: ApplicationId, name: str) -> None:
        self._names.discard((application, name))

    def drop_all(self, application: ApplicationId) -> None:
        """The application is deleted."""
        self._names = {one for one in self._names if one[0] != application}

    def load(self, names: Iterable[tuple[ApplicationId, str]]) -> None:
        """Take over what the store has."""
        self._names.update(names)

    def exists(self, application: ApplicationId, name: str) -> bool:
        return (application, name) in self._names
