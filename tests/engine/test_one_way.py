"""A far end that answers and is not heard: somebody is told which address it was given."""

from __future__ import annotations

import asyncio
from typing import Any

from ringline.base import LegId
from ringline.engine.ports import LegCounters
from ringline.engine.sip.one_way import OneWayAudio
from ringline.engine.sip.sip_leg import SipLeg
from ringline.sdp import Capabilities
from ringline.testing import run_call
from ringline.testing.media import ScriptedMedia

LEG = LegId("leg")


def told_after(seconds: float, *, packets: int = 0, hears: bool = True, forget: bool = False) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []

    async def story() -> None:
        media = ScriptedMedia(changed=lambda: None)
        media.open(LEG)
        media.counted[LEG] = LegCounters(
            packets_received=packets,
            packets_sent=150,
            packets_lost=0,
            packets_late=0,
            packets_malformed=0,
            packets_foreign=0,
            jitter_ms=0.0,
            keys_received=0,
        )
        watcher = OneWayAudio(media, lambda _leg, fact: told.append(fact))
        ours = Capabilities(host="172.17.0.2", port=10_000, session_id=1)
        watcher.watch(SipLeg(LEG, ours, hears=hears, far_host="203.0.113.9"))
        if forget:
            watcher.forget(LEG)
        await asyncio.sleep(seconds)

    run_call(story())
    return told


def test_silence_of_three_seconds_is_told_with_the_address_that_we_offered() -> None:
    sentence = "no audio from the far end for 3 s: our SDP offered 172.17.0.2, theirs names 203.0.113.9"
    assert told_after(3.1) == [{"what": "audio", "text": sentence}]
    assert told_after(2.9) == []


def test_nothing_is_told_of_who_is_heard_or_held_or_gone() -> None:
    assert told_after(4, packets=1) == []
    assert told_after(4, hears=False) == []
    assert told_after(4, forget=True) == []
