"""A moderated conference of softphones: music of their own until the moderator comes, and the end with him."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .baresip import Baresip
from .installation import Installation
from .scripts import conversation
from .sounds import wav

pytestmark = pytest.mark.interop

_ANNAS_MUSIC_HZ, _BENS_MUSIC_HZ, _ANNA_HZ, _BEN_HZ, _CHAIR_HZ = 500, 1300, 700, 900, 440
_ONE_OF_TWO = 0.3
"The least share of the power that one of two voices has."


def test_softphones_wait_with_music_for_the_moderator_and_are_sent_home_when_he_goes(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    room = f"board-{number}"
    with (
        Baresip(tmp_path, user="anna", tone_hz=_ANNA_HZ) as anna,
        Baresip(tmp_path, user="ben", tone_hz=_BEN_HZ) as ben,
        Baresip(tmp_path, user="chair", tone_hz=_CHAIR_HZ) as chair,
    ):
        for attendee, music_hz in ((anna, _ANNAS_MUSIC_HZ), (ben, _BENS_MUSIC_HZ)):
            music = f"/music/{number}/{music_hz}"
            app.serves(music, wav(tone(music_hz, 0.9, level_db=-15)))
            app.answers(number, [conversation(room, startOnEnter=False, musicOnHoldUrl=[app.url + music])])
            _dials(attendee, ringline, number)
            attendee.wait_heard(partial(has_tone, hz=music_hz, share=0.9))
        for attendee, others_hz in ((anna, (_BENS_MUSIC_HZ, _BEN_HZ)), (ben, (_ANNAS_MUSIC_HZ, _ANNA_HZ))):
            assert not any(has_tone(attendee.heard(), hz, share=0.1) for hz in others_hz)

        app.answers(number, [conversation(room, endOnExit=True)])
        _dials(chair, ringline, number)
        _hears(anna, _BEN_HZ, _CHAIR_HZ)
        _hears(ben, _ANNA_HZ, _CHAIR_HZ)
        _hears(chair, _ANNA_HZ, _BEN_HZ)
        heard = len(anna.heard())
        anna.wait_heard(lambda pcm: len(pcm) > heard + 16_000)
        assert not has_tone(anna.heard()[heard:], _ANNAS_MUSIC_HZ, share=0.1)

        chair.hangs_up()
        for attendee in (anna, ben):
            attendee.wait("CALL_CLOSED")
    legs = [request.fields["uuid"] for request in app.requests("/answer", to=number)]
    for leg in legs:
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def _dials(phone: Baresip, ringline: Installation, number: str) -> None:
    phone.dials(f"sip:{number}@{ringline.sip_address}")
    phone.wait("CALL_ESTABLISHED")


def _hears(phone: Baresip, *voices_hz: int) -> None:
    phone.wait_heard(lambda pcm: all(has_tone(pcm, hz, share=_ONE_OF_TWO) for hz in voices_hz))
