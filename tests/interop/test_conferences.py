"""A moderated conference of softphones: music until the moderator comes, everybody heard, and the end with him."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .baresip import Baresip
from .installation import Installation
from .scripts import conversation
from .sounds import wav

pytestmark = pytest.mark.interop

_MUSIC_HZ, _ANNA_HZ, _BEN_HZ, _CHAIR_HZ = 600, 700, 900, 440
_ONE_OF_TWO = 0.3
"The least share of the power that one of two voices has."


def test_softphones_wait_with_music_for_the_moderator_and_are_sent_home_when_he_goes(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    room = f"board-{number}"
    app.serves(f"/music/{number}", wav(tone(_MUSIC_HZ, 1.0, level_db=-15)))
    app.answers(number, [conversation(room, startOnEnter=False, musicOnHoldUrl=[f"{app.url}/music/{number}"])])
    with (
        Baresip(tmp_path, user="anna", tone_hz=_ANNA_HZ) as anna,
        Baresip(tmp_path, user="ben", tone_hz=_BEN_HZ) as ben,
        Baresip(tmp_path, user="chair", tone_hz=_CHAIR_HZ) as chair,
    ):
        for attendee in (anna, ben):
            _dials(attendee, ringline, number)
        for attendee, other_hz in ((anna, _BEN_HZ), (ben, _ANNA_HZ)):
            attendee.wait_heard(lambda pcm: has_tone(pcm, _MUSIC_HZ, share=0.9))
            assert not has_tone(attendee.heard(), other_hz, share=0.1)

        app.answers(number, [conversation(room, endOnExit=True)])
        _dials(chair, ringline, number)
        _hears(anna, _BEN_HZ, _CHAIR_HZ)
        _hears(ben, _ANNA_HZ, _CHAIR_HZ)
        _hears(chair, _ANNA_HZ, _BEN_HZ)
        heard = len(anna.heard())
        anna.wait_heard(lambda pcm: len(pcm) > heard + 16_000)
        assert not has_tone(anna.heard()[heard:], _MUSIC_HZ, share=0.1)

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
