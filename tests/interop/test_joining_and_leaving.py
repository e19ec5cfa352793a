"""Who comes into a conference in mid-word, and who leaves it like that, makes no click at the others' phones."""

from __future__ import annotations

import numpy as np
import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .ears import Ear, pcm_of
from .installation import Installation
from .scripts import conversation
from .test_dialogs_and_audio import answered, hang_up
from .wire import Peer

pytestmark = pytest.mark.interop

_HZ, _COMES_HZ = 310, 210
_FRAME = 160


def test_nobody_hears_a_click_when_somebody_joins_or_leaves_in_mid_word(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [conversation(f"clicks-{number}")])
    with (
        Ear() as listener,
        Ear() as speaker,
        Peer(ringline.sip_address, number=number) as listens,
        Peer(ringline.sip_address, number=number) as speaks,
    ):
        answered(listens, listens.sdp(port=listener.port))
        answered(speaks, speaks.sdp(port=speaker.port))
        speaker.hears(0.1)
        speaker.says(tone(_HZ, 1.0, level_db=-15))
        listener.until(lambda pcm: has_tone(pcm, _HZ, 8000, share=0.9))
        before = len(listener.packets)
        for _ in range(4):
            with Ear() as comer, Peer(ringline.sip_address, number=number) as comes:
                ringing = comes.sdp(port=comer.port)
                answered(comes, ringing)
                comer.hears(0.1)
                comer.says(tone(_COMES_HZ, 1.0, level_db=-15))
                listener.until(lambda pcm: has_tone(pcm, _COMES_HZ, 8000, share=0.3))
                hang_up(comes)
            listener.until(lambda pcm: has_tone(pcm, _HZ, 8000, share=0.95))
        samples = np.frombuffer(pcm_of(listener.packets[before:]), dtype="<i2").astype(np.float64)
        hang_up(listens)
        hang_up(speaks)
    # How much the line bends from sample to sample: a click is a step, and that bends it most.
    bends = np.abs(samples[2:] - 2 * samples[1:-1] + samples[:-2])
    frames = bends[: len(bends) // _FRAME * _FRAME].reshape(-1, _FRAME).max(axis=1)
    peak = float(np.max(np.abs(samples)))
    assert float(np.max(frames)) < 2 * float(np.quantile(frames, 0.9)) < 0.4 * peak, (
        np.sort(frames)[-8:],
        float(np.quantile(frames, 0.9)),
        peak,
    )
