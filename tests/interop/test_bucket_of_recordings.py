"""A server that keeps its recordings in a bucket: a call is recorded, written down, and gone from the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.weed import ACCESS_KEY, SECRET_KEY, object_store

from ringline.testing.audio import has_tone, tone

from .application import Application
from .ears import Ear
from .installation import NUMBERS, Installation
from .sounds import channels
from .test_dialogs_and_audio import answered
from .test_transcription import SAYS, whisper
from .wire import Peer

pytestmark = pytest.mark.interop


def test_a_recorded_call_is_fetched_and_written_down_from_the_bucket(tmp_path: Path) -> None:
    app = Application()
    number = NUMBERS[0]
    with object_store(tmp_path / "weed") as url, whisper() as recogniser:
        settings = recogniser.settings + (
            f'[recordings]\nbucket = "calls"\nendpoint = "{url}"\naccess_key = "{ACCESS_KEY}"\n'
            f'secret_key = "{SECRET_KEY}"\n'
        )
        server = Installation(tmp_path / "server", app.url, sections=settings)
        try:
            server.start()
            record: dict[str, Any] = {
                "action": "record",
                "format": "wav",
                "endOnKey": "#",
                "eventUrl": [f"{app.url}/recorded"],
            }
            record["transcription"] = {"eventUrl": [f"{app.url}/written"]}
            app.answers(number, [record])
            with Ear() as ear, Peer(server.sip_address, number=number) as peer:
                answered(peer, peer.sdp(port=ear.port))
                ear.hears(0.2)
                ear.says(tone(440, 1))
                ear.hears(1.0)
                ear.presses("#")
                told = app.wait("/recorded", recording_url=...)
                peer.asked("BYE")
            path = "/v1/" + told["recording_url"].partition("/v1/")[2]
            answer = server.request("GET", path)
            assert (answer.status, len(answer.body)) == (200, told["size"])
            ((pcm,), rate_hz) = channels(answer.body)
            assert has_tone(pcm[len(pcm) // 2 :][:12_800], 440, rate_hz, share=0.9)
            written = app.wait("/written", recording_uuid=told["recording_uuid"])
            assert written["status"] == "transcribed"
            transcript = server.request("GET", "/v1/" + written["transcription_url"].partition("/v1/")[2]).body
            assert [one["sentence"] for one in transcript["channels"][0]["transcript"]] == [SAYS[440]]
            kept = [one.name for one in (tmp_path / "server" / "var" / "recordings").iterdir()]
            assert kept == []
        except BaseException as error:
            error.add_note(server.log_tail())
            raise
        finally:
            server.stop()
            app.close()
