"""One-way audio: a far end that has answered, and says nothing, mostly cannot reach the address in our SDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from ringline.base import LegId, get_log
from ringline.engine.ports import Media
from ringline.engine.sip.sip_leg import SipLeg

log = get_log(__name__)
PATIENCE_S: Final = 3.0
NOTHING_HEARD: Final = "no audio from the far end"
"What a call's trace begins with where nothing came."

Trace = Callable[[LegId, dict[str, Any]], None]


class OneWayAudio:
    """Looks, some seconds after a call was answered, whether anything has come."""

    def __init__(self, media: Media, trace: Trace) -> None:
        self._media = media
        self._trace = trace
        self._due: dict[LegId, asyncio.TimerHandle] = {}

    def watch(self, phone: SipLeg) -> None:
        """The call was answered."""
        self.forget(phone.leg)
        loop = asyncio.get_running_loop()
        self._due[phone.leg] = loop.call_later(PATIENCE_S, self._look, phone)

    def forget(self, leg: LegId) -> None:
        """It is over."""
        due = self._due.pop(leg, None)
        if due is not None:
            due.cancel()

    def _look(self, phone: SipLeg) -> None:
        self._due.pop(phone.leg, None)
        counters = self._media.counters(phone.leg)
        if counters is None or counters.packets_received or not phone.hears:
            return
        ours = "a way through ICE" if phone.browser else phone.ours.host
        text = f"{NOTHING_HEARD} for {PATIENCE_S:g} s: our SDP offered {ours}"
        if phone.far_host is not None and not phone.browser:
            text += f", theirs names {phone.far_host}"
        log.info("no audio comes from the far end", leg=phone.leg, offered=ours)
        self._trace(phone.leg, {"what": "audio", "text": text})
