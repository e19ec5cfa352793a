"""Conversation events in the form in which clients read them (client SDK reference, sections 5 and 6).

An event's body is made by the conversation service; here it is brought into the shape a client insists on, or left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.rtc.endings import Ending

_PREFIXES: Final = (
    "member:",
    "audio:mute:",
    "audio:earmuff:",
    "audio:say",
    "audio:play",
    "audio:ringing:",
    "audio:speaking:",
    "message",
    "text",
    "image",
    "custom:",
    "event:",
)
_EXACTLY: Final = frozenset({"leg:status:update", "audio:dtmf", "conversation:updated", "ephemeral", "rtc:transfer"})
OF_THE_LEG: Final = frozenset({"rtc:ringing", "rtc:answered", "rtc:hangup"})
"Told to the leg's own user only."
_STATUSES: Final = {"ringing": "ringing", "answered": "answered", "human": "answered", "machine": "answered"}
_NOT_YET: Final = frozenset({"started"})
_FIGURES: Final = {
    "mos_score": 0.0,
    "quality_percentage": 0.0,
    "jitter_min_var": 0.0,
    "jitter_max_var": 0.0,
    "jitter_loss_rate": 0.0,
    "jitter_burst_rate": 0.0,
    "flaw_total": 0,
    "packet_cnt": 0,
    "packet_loss_perc": 0.0,
}


def is_for_clients(event_type: str) -> bool:
    """Whether clients hear of events of this type: not of prices, and not of where recordings are."""
    return event_type in _EXACTLY or event_type in OF_THE_LEG or event_type.startswith(_PREFIXES)


def body_of(event_type: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """An event's body as clients read it; None when this one is nothing to them."""
    if event_type == "leg:status:update":
        return _status(body)
    if event_type in ("audio:say", "audio:play"):
        return {**body, "level": round(body.get("level") or 0), "loop": round(body.get("loop") or 0)}
    return dict(body)


def status_of(status: str) -> str | None:
    """A leg's status in the three words clients know; None while there is none."""
    if status in _NOT_YET:
        return None
    return _STATUSES.get(status, "completed")


def _status(body: Mapping[str, Any]) -> dict[str, Any] | None:
    status = status_of(str(body.get("status")))
    if status is None:
        return None
    history = [
        {**line, "status": told, "date": line.get("date")}
        for line in body.get("statusHistory", ())
        if (told := status_of(str(line.get("status")))) is not None
    ]
    return {**body, "status": status, "statusHistory": history}


def invited(body: Mapping[str, Any], sdp: str) -> dict[str, Any]:
    """`member:invited` of a call that rings: with our offer, and as one that has audio."""
    media = {**body.get("media", {}), "audio": True}
    media["audio_settings"] = {"enabled": True, "muted": False, "earmuffed": False}
    return {**body, "media": media, "sdp": sdp}


def hung_up(body: Mapping[str, Any], how: Ending) -> dict[str, Any]:
    """`rtc:hangup`: every member is there, whatever was measured."""
    channel, text = body.get("channel", {}), str(body.get("reason", {}).get("text") or "")
    quality, bandwidth = body.get("quality", {}), body.get("bandwidth", {})
    return {
        "channel": {**channel, "id": channel.get("id", ""), "type": channel.get("type", "app")},
        "direction": body.get("direction", "inbound"),
        "bandwidth": {"bytes_in": int(bandwidth.get("byte_in", 0)), "bytes_out": int(bandwidth.get("byte_out", 0))},
        "reason": {"code": how.hangup, "text": text, "sip_code": how.sip_code},
        "quality": {name: type(nothing)(quality.get(name, nothing)) for name, nothing in _FIGURES.items()},
    }


def left(body: Mapping[str, Any], how: Ending) -> dict[str, Any]:
    """`member:left` of a member whose leg has ended. A reason that its user gave is kept as the text."""
    given = body.get("reason", {})
    return {**body, "reason": {"code": how.left, "text": str(given.get("text") or "")}}


def envelope(
    *,
    number: int | None,
    conversation: str,
    member: str | None,
    application: str,
    timestamp: str,
    body: Mapping[str, Any],
    person: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What is around a body. Events that are not kept have no number."""
    out: dict[str, Any] = {"cid": conversation, "application_id": application, "timestamp": timestamp, "body": body}
    if number:
        out["id"] = number
    if member is not None:
        out["from"] = member
    embedded: dict[str, Any] = {}
    if person is not None:
        embedded["from_user"] = {key: person[key] for key in ("id", "name", "display_name") if person.get(key)}
    if member is not None:
        embedded["from_member"] = {"id": member}
    out["_embedded"] = embedded
    return out
