"""Actions of scripts, short to write."""

from __future__ import annotations

from typing import Any

Action = dict[str, Any]


def talk(text: str, **more: Any) -> Action:
    return {"action": "talk", "text": text, **more}


def keys(digits: int = 1, *, wait_s: int = 5, **more: Any) -> Action:
    """Read keys."""
    return {"action": "input", "type": ["dtmf"], "dtmf": {"maxDigits": digits, "timeOut": wait_s}, **more}


def connect(uri: str, **more: Any) -> Action:
    """Call a SIP address and join it."""
    return {"action": "connect", "endpoint": [{"type": "sip", "uri": uri}], **more}


def conversation(name: str, **more: Any) -> Action:
    return {"action": "conversation", "name": name, **more}


LONG_TALK = talk("This is a long announcement, which goes on and on and on. " * 12)
"More than half a minute."
