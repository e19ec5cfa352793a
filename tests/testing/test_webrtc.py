"""The test kit's browsers: what the simulated WebRTC port says and tells."""

from __future__ import annotations

import asyncio

import pytest

from ringline.base import LegId, MediaError
from ringline.engine.ports import DescriptionRefused, MediaConnected, MediaEvent, MediaInterrupted
from ringline.testing import run_call
from ringline.testing.media import ScriptedMedia
from ringline.testing.webrtc import ScriptedWebRtc

LEG = LegId("leg")
AUDIO = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


def test_an_answered_offer_connects_and_a_second_one_replaces_the_transport() -> None:
    async def story() -> None:
        told: list[MediaEvent] = []
        media = ScriptedMedia(changed=lambda: None)
        media.listen(told.append)
        web = ScriptedWebRtc(media)
        assert "s=answer 1 of leg" in web.answer(LEG, AUDIO)
        await _turn()
        assert MediaConnected(leg=LEG) in told
        assert "s=answer 2 of leg" in web.answer(LEG, AUDIO)
        assert web.taken[LEG] == [AUDIO, AUDIO]
        web.interrupt(LEG, "gone")
        assert told[-1] == MediaInterrupted(leg=LEG, why="gone")
        media.close(LEG)
        web.connect(LEG)
        assert told[-1] == MediaInterrupted(leg=LEG, why="gone")

    run_call(story())


def test_an_offer_connects_once_its_answer_is_taken_unless_told_otherwise() -> None:
    async def story() -> None:
        told: list[MediaEvent] = []
        media = ScriptedMedia(changed=lambda: None)
        media.listen(told.append)
        web = ScriptedWebRtc(media)
        with pytest.raises(MediaError):
            web.accept(LEG, AUDIO)
        assert "s=offer 1 of leg" in web.offer(LEG)
        with pytest.raises(DescriptionRefused) as refused:
            web.accept(LEG, "v=0\r\n")
        assert refused.value.sip_status == 488
        web.connects = False
        web.accept(LEG, AUDIO)
        await _turn()
        assert MediaConnected(leg=LEG) not in told
        web.connect(LEG)
        assert told[-1] == MediaConnected(leg=LEG)

    run_call(story())


async def _turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
