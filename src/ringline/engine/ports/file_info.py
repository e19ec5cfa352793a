"""What an application has written beside one of its files (Media API)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ringline.base import ApplicationId


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """The words beside a file, and how it may be fetched. A file nobody wrote about has the defaults."""

    file_id: str
    updated_at: datetime
    public: bool = False
    "May be fetched without a token."
    max_downloads: int = 0
    "How often it may be fetched; 0: as often as one likes."
    downloads: int = 0
    "How often it was fetched, counted where its first byte was."
    words: Mapping[str, str] = field(default_factory=dict)
    "`title`, `description`, `mime_type`, `metadata_primary`, `metadata_secondary`."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """Which files the index asks for; both bounds are inclusive, to the millisecond."""

    application: ApplicationId
    start: datetime | None = None
    end: datetime | None = None
    descending: bool = True
    offset: int = 0
    limit: int = 20
