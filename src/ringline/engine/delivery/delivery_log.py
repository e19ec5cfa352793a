"""What the journal keeps of each request to an application: the delivery log of `ringline call webhooks` and REST."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ringline.engine.ports import HttpFailure, HttpReply, JournalLine
from ringline.webhooks import Attempt
from ringline.webhooks.writing import to_json

MOST_BODY: Final = 2048
"Characters of a request's or an answer's body that are kept."

_SECRET_PARTS: Final = (
    "password", "passwd", "secret", "token", "authorization", "apikey", "api_key", "api-key", "signature", "credential",
)  # fmt: skip
_SECRET_NAME: Final = rf"[\w.-]{{0,40}}(?:{'|'.join(_SECRET_PARTS)})[\w.-]{{0,40}}"
_SECRET_FIELD: Final = re.compile(rf'("{_SECRET_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)', re.IGNORECASE)
_SECRET_PARAMETER: Final = re.compile(rf'((?:^|[?&]){_SECRET_NAME}=)[^&#"\s]*', re.IGNORECASE)
_HIDDEN: Final = "***"


def note(
    name: str,
    event_id: str,
    attempt: Attempt,
    body: bytes | None,
    reply: HttpReply | HttpFailure,
    *,
    took_s: float,
) -> dict[str, Any]:
    """Describe one request and what came back, as a trace for the journal; `body` is None for GET."""
    request = body.decode("utf-8", "replace") if body is not None else to_json(attempt.payload).decode()
    out: dict[str, Any] = {"what": "webhook", "name": name, "event_id": event_id, "method": attempt.hook.method}
    out |= {"url": public_url(attempt.hook.url), "phase": attempt.phase.value, "ms": round(took_s * 1000)}
    out["request"] = shown(request)
    if isinstance(reply, HttpFailure):
        return out | {"outcome": reply.reason, "detail": reply.detail}
    out["outcome"] = str(reply.status)
    if reply.body:
        out["type"] = reply.content_type[:100]
        out["response"] = shown(reply.body[: 4 * MOST_BODY].decode("utf-8", "replace"), more=reply.too_long)
    return out


def shown(text: str, *, more: bool = False) -> str:
    """The beginning of a body, without what looks like a secret."""
    cut = text[: 2 * MOST_BODY]
    lowered = cut.lower()
    for part in _SECRET_PARTS:
        if part in lowered:  # most bodies have none, and looking for one costs less
            cut = _SECRET_FIELD.sub(rf'\1"{_HIDDEN}"', cut)
            cut = _SECRET_PARAMETER.sub(rf"\1{_HIDDEN}", cut)
            break
    return cut if len(cut) <= MOST_BODY and len(text) <= 2 * MOST_BODY and not more else cut[:MOST_BODY] + "…"


@lru_cache(maxsize=256)
def public_url(url: str) -> str:
    """A URL without a name and password in it, and without the values of parameters that look like secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = parts.netloc.rpartition("@")[2]
    query = _SECRET_PARAMETER.sub(rf"\1{_HIDDEN}", parts.query)
    if host == parts.netloc and query == parts.query:
        return url
    return urlunsplit(parts._replace(netloc=host, query=query))


def entry(line: JournalLine) -> dict[str, Any] | None:
    """One line of the delivery log as REST and the command line show it; None when the line is about something else."""
    data: Mapping[str, Any] = line.data
    if line.kind != "trace" or data.get("what") != "webhook":
        return None
    outcome = data.get("outcome")
    status = int(outcome) if isinstance(outcome, str) and outcome.isdecimal() else None
    return {
        "time": line.wallclock.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "conversation_uuid": line.conversation,
        "name": data.get("name"),
        "event_id": data.get("event_id"),
        "phase": data.get("phase"),
        "method": data.get("method"),
        "url": data.get("url"),
        "status": status,
        "failure": (outcome or data.get("text")) if status is None else None,
        "detail": data.get("detail"),
        "duration_ms": data.get("ms"),
        "request": {"body": data.get("request")},
        "response": {"content_type": data.get("type"), "body": data.get("response")},
    }
