"""What administrators changed: who, what, when, from where. Secrets and keys are never part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One administrative change."""

    at: datetime
    actor: str
    "The API key that was shown, or `operator` for what was done on the machine itself."
    action: str
    "What was done, as in `application.update`, `secret.create`, `number.link`."
    target: str
    "Id of what was changed: an application's id, a number, a secret's id."
    source: str
    "The address the request came from; empty for what was done on the machine itself."
    details: Mapping[str, str] = field(default_factory=dict)
    "More in words, such as which fields were changed."
