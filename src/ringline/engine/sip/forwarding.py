"""Numbers whose calls are connected straight to somebody (`voiceCallbackType` `sip` and `tel`)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from ringline.accounts import Application, Number, VoiceCapability
from ringline.base import ApplicationId
from ringline.routing import read_forward, write_list

NOBODY: Final = Application(
    id=ApplicationId("00000000-0000-0000-0000-000000000000"), name="forwarding", voice=VoiceCapability()
)
"Owns the forwarded calls of numbers that are linked to no application. It has no key, so no token is its."


def forwarding_of(owner: Application | None) -> Application:
    """The owner of a forwarded call, without the URLs: the call is nobody's business but the status callback's."""
    if owner is None or owner.voice is None:
        return NOBODY
    return replace(owner, voice=replace(owner.voice, answer_url=None, fallback_answer_url=None, event_url=None))


def forwarding_script(number: Number, caller: str) -> str | None:
    """The NCCO that connects a caller to where the number is forwarded; None if it no longer is."""
    forward = number.forward
    if forward is None:
        return None
    endpoint = {"type": "phone", "number": forward.target}
    if forward.kind == "sip":
        endpoint = {"type": "sip", "uri": write_list(read_forward(forward.target) or ())}
    # The caller shows his own number where the trunk lets him, and is anonymous elsewhere.
    shown = {"from": caller} if caller.isascii() and caller.isdecimal() else {}
    return json.dumps([{"action": "connect", "endpoint": [endpoint], **shown}])
