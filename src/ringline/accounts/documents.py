"""Applications as JSON documents, the way a store keeps them; the REST shape is made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from ringline.accounts.applications import (
    Application,
    ApplicationSettings,
    RtcCapability,
    VoiceCapability,
    Webhook,
)

_T = TypeVar("_T")
_HOOKS = ("answer_url", "fallback_answer_url", "event_url")


def application_to_document(application: Application) -> dict[str, Any]:
    """Write an application as plain JSON values."""
    return asdict(application)


def application_from_document(document: Mapping[str, Any]) -> Application:
    """Read what `application_to_document` wrote, by this or an older version; members nobody knows are ignored.

    Raises:
        ValueError: the document is not one of an application.
    """
    try:
        known = _known(Application, document)
        known["voice"] = _capability(VoiceCapability, known.get("voice"))
        known["rtc"] = _capability(RtcCapability, known.get("rtc"))
        known["settings"] = ApplicationSettings(**_known(ApplicationSettings, known.get("settings") or {}))
        return Application(**known)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not an application document: {error}") from error


def _capability(kind: type[_T], document: Mapping[str, Any] | None) -> _T | None:
    if document is None:
        return None
    known = _known(kind, document)
    for hook in _HOOKS:
        if known.get(hook) is not None:
            known[hook] = Webhook(**_known(Webhook, known[hook]))
    return kind(**known)


def _known(kind: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the members `kind` has, so that a document of a newer version can still be read."""
    names = [one.name for one in fields(kind)]
    return {name: document[name] for name in names if name in document}
