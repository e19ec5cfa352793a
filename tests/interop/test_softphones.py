"""What people do with a softphone: hear a file, speak to a menu, leave a message, be recorded while they talk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .baresip import Baresip
from .installation import Installation
from .scripts import connect, talk
from .sounds import channels
from .voices import spoken

pytestmark = pytest.mark.interop

_BEEP_HZ = 1000


def test_a_file_is_heard_and_an_answer_is_understood(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.serves(f"/jingle/{number}", _stereo_mp3(700, 2), "audio/mpeg")
    app.answers(
        number,
        [
            {"action": "stream", "streamUrl": [f"{app.url}/jingle/{number}"]},
            {
                "action": "input",
                "type": ["speech"],
                "speech": {"context": ["opening hours", "billing", "technical support"], "endOnSilence": 1},
            },
        ],
    )
    app.reacts({"to": number, "speech__timeout_reason": "end_on_silence_timeout"}, [talk("We are open all day.")])
    with Baresip(tmp_path, tone_hz=None) as phone:
        phone.dials(f"sip:{number}@{ringline.sip_address}")
        phone.wait_heard(lambda pcm: has_tone(pcm, 700, share=0.9))
        phone.wait_heard(lambda pcm: level_dbfs(pcm[-8000:]) < -60)
        phone.says(spoken("opening hours"))
        told = app.wait("/event", to=number, speech__timeout_reason="end_on_silence_timeout")
        assert [result["text"] for result in told["speech"]["results"]] == ["opening hours"]
        before = len(phone.heard())
        phone.wait("CALL_CLOSED")
        assert level_dbfs(phone.heard()[before:]) > -45


def test_a_message_is_left_after_the_beep(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Please leave a message."), _records(app, number, beepStart=True, endOnKey="#")])
    with Baresip(tmp_path, tone_hz=None) as phone:
        phone.dials(f"sip:{number}@{ringline.sip_address}")
        phone.wait_heard(lambda pcm: has_tone(pcm[-4000:], _BEEP_HZ, share=0.8))
        phone.says(tone(620, 30))
        heard = len(phone.heard())
        phone.wait_heard(lambda pcm: len(pcm) > heard + 16_000)
        phone.presses("#")
        (message,), rate_hz = _recording(ringline, app, number)
        phone.wait("CALL_CLOSED")
    assert has_tone(message, 620, rate_hz, share=0.8)
    assert not has_tone(message, _BEEP_HZ, rate_hz, share=0.1)


def test_both_sides_of_a_talk_are_recorded_apart(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Baresip(tmp_path, tone_hz=440) as caller, Baresip(tmp_path, user="other", tone_hz=900, answers=True) as callee:
        recorded = _records(app, number, split="conversation", channels=2)
        app.answers(number, [recorded, connect(callee.uri)])
        caller.dials(f"sip:{number}@{ringline.sip_address}")
        caller.wait_heard(lambda pcm: has_tone(pcm, 900, share=0.9))
        callee.wait_heard(lambda pcm: has_tone(pcm, 440, share=0.9))
        caller.hangs_up()
        callee.wait("CALL_CLOSED")
    (left, right), rate_hz = _recording(ringline, app, number)
    for side, own, other in ((left, 440, 900), (right, 900, 440)):
        assert has_tone(side, own, rate_hz, share=0.9)
        assert not has_tone(side, other, rate_hz, share=0.1)


def _records(app: Application, number: str, **more: Any) -> dict[str, Any]:
    return {"action": "record", "format": "wav", "eventUrl": [f"{app.url}/recorded/{number}"], **more}


def _recording(ringline: Installation, app: Application, number: str) -> tuple[list[bytes], int]:
    """Its channels and their rate."""
    told = app.wait(f"/recorded/{number}", recording_url=...)
    answer = ringline.request("GET", "/v1/" + told["recording_url"].partition("/v1/")[2])
    assert (answer.status, len(answer.body)) == (200, told["size"])
    return channels(answer.body)


def _stereo_mp3(hz: int, seconds: float) -> bytes:
    # As floats: libsndfile 1.2.2 turns 16-bit samples of two channels into noise on their way to LAME.
    mono = np.frombuffer(tone(hz, seconds, 44_100), dtype="<i2").astype(np.float32) / 32_768
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 44_100, 2, "MPEG_LAYER_III", format="MP3") as file:
        file.write(np.stack([mono, mono], axis=1))
    return out.getvalue()
