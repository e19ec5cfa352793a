"""Which time-outs and which fallback a request to an application has."""

from __future__ import annotations

from ringline.accounts import Application, Webhook
from ringline.webhooks import Hook


def primary(url: str, method: str, owner: Application | None, *, kind: str) -> Hook:
    """The hook with the time-outs of the application's URL of the same kind: `answer`, or any other for events."""
    voice = owner.voice if owner is not None else None
    settings = (voice.answer_url if kind == "answer" else voice.event_url) if voice is not None else None
    read_s = 5.0 if kind == "answer" else 10.0
    return Hook(
        url=url,
        method=method,
        connect_timeout_s=settings.connect_timeout_ms / 1000 if settings else 1.0,
        read_timeout_s=settings.socket_timeout_ms / 1000 if settings else read_s,
    )


def of_conversation(url: str, method: str) -> Hook:
    """The hook of an RTC event URL, or of a conversation's callback: 5 s, and its answer does not matter."""
    return Hook(url=url, method=method, connect_timeout_s=1.0, read_timeout_s=5.0)


def fallback(owner: Application | None) -> Hook | None:
    """The application's fallback URL; None when it has none."""
    webhook: Webhook | None = owner.voice.fallback_answer_url if owner is not None and owner.voice else None
    if webhook is None or not webhook.address:
        return None
    return Hook(
        url=webhook.address,
        method=webhook.http_method,
        connect_timeout_s=webhook.connect_timeout_ms / 1000,
        read_timeout_s=webhook.socket_timeout_ms / 1000,
    )
