"""Files and recordings over real SIP: streams in a loop, voicemail after the beep."""

from __future__ import annotations

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .ears import Ear
from .installation import Installation
from .sounds import channels, wav
from .test_dialogs_and_audio import answered, hang_up
from .wire import Peer

pytestmark = pytest.mark.interop


def test_a_stream_is_heard_in_a_loop_and_fetched_once_and_a_page_is_an_error_and_no_end(
    ringline: Installation, app: Application, number: str
) -> None:
    app.serves(f"/loop/{number}", wav(tone(600, 0.7)))
    app.serves(f"/page/{number}", b"<!DOCTYPE html><title>Not here</title>" * 50, "text/html")
    app.serves(f"/last/{number}", wav(tone(1500, 0.5)))
    app.answers(
        number,
        [
            {"action": "stream", "streamUrl": [f"{app.url}/loop/{number}"], "loop": 3},
            {"action": "stream", "streamUrl": [f"{app.url}/page/{number}"]},
            {"action": "stream", "streamUrl": [f"{app.url}/last/{number}"], "loop": 0},
        ],
    )
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=ear.port))
        ear.until(lambda pcm: has_tone(pcm, 600, share=0.9))
        # What is left of three rounds has no gap.
        looped = ear.hears(1.2)
        pieces = [looped[at : at + 640] for at in range(0, len(looped) - 640, 640)]
        assert all(has_tone(piece, 600, share=0.9) for piece in pieces)
        ear.until(lambda pcm: has_tone(pcm, 1500, share=0.9))
        room = app.wait("/answer", to=number)["conversation_uuid"]
        error = app.wait("/event", conversation_uuid=room, reason=...)
        assert error["reason"].startswith("Stream URL not reachable or not a supported audio file.")
        hang_up(peer)


def test_a_message_is_recorded_after_the_beep_until_the_key(
    ringline: Installation, app: Application, number: str
) -> None:
    recorded = {"action": "record", "format": "wav", "beepStart": True, "endOnKey": "#", "timeOut": 30}
    app.answers(number, [{**recorded, "eventUrl": [f"{app.url}/recorded/{number}"]}, {"action": "wait", "timeout": 20}])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=ear.port))
        ear.until(lambda pcm: has_tone(pcm, 1000, share=0.6))
        ear.hears(0.4)
        ear.says(tone(440, 1))
        ear.hears(1.5)
        ear.hushes()
        ear.presses("#")
        told = app.wait(f"/recorded/{number}", recording_url=...)
        hang_up(peer)
    answer = ringline.request("GET", "/v1/" + told["recording_url"].partition("/v1/")[2])
    assert (answer.status, len(answer.body)) == (200, told["size"])
    ((pcm,), rate_hz) = channels(answer.body)
    seconds = len(pcm) / 2 / rate_hz
    assert 1.3 < seconds < 5
    spoken = [piece for at in range(0, len(pcm) - 6400, 6400) if has_tone(piece := pcm[at : at + 6400], 440, rate_hz)]
    assert len(spoken) >= 5
    # Neither the beep nor the key is in it.
    assert not any(has_tone(pcm[at : at + 6400], 1000, rate_hz, share=0.3) for at in range(0, len(pcm) - 6400, 6400))
