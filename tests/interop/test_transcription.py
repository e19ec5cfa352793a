"""A recording is written down by a server that speaks OpenAI's protocol, and read with the official Node library."""

from __future__ import annotations

import io
import json
import sys
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ringline.testing.audio import has_tone, tone

from .application import Application
from .client import Client
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, Installation
from .sounds import wav
from .wire import Peer

pytestmark = pytest.mark.interop

SAYS = {440: "Low, please.", 700: "This is the middle. It is good!", 1000: "Now high."}


class Whisper:
    """Understands tones: each is a sentence. With the times of its words where it says one only."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.busy = 1
        "So many requests are turned away first."
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = owner._answer(self.headers["Content-Type"], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are kept, not printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def settings(self) -> str:
        url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/audio/transcriptions"
        return f'[recognition]\nengines = ["pocketsphinx", "openai"]\n[recognition.options.openai]\nurl = "{url}"\n'

    def _answer(self, content_type: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.busy:
            self.busy -= 1
            return 503, {"error": "busy"}
        form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        file = parts.pop("file").get_payload(decode=True)
        assert isinstance(file, bytes)
        self.asked.append({str(name): part.get_content() for name, part in parts.items()})
        with wave.open(io.BytesIO(file)) as given:
            assert (given.getframerate(), given.getnchannels(), given.getsampwidth()) == (16_000, 1, 2)
            audio = given.readframes(given.getnframes())
        text = " ".join(words for hz, words in SAYS.items() if has_tone(audio, hz, 16_000))
        answer: dict[str, Any] = {"text": text, "segments": [{"avg_logprob": -0.105}]}
        if text == SAYS[440]:
            answer["words"] = [{"word": "low", "start": 0.3, "end": 0.7}, {"word": "please", "start": 0.8, "end": 1.2}]
        return 200, answer


@contextmanager
def whisper() -> Iterator[Whisper]:
    made = Whisper()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join(5)


def voicemail(server: Installation, app: Application, number: str, transcription: dict[str, Any]) -> dict[str, Any]:
    """Somebody leaves two words and hears a third; give the webhook of the transcription."""
    app.serves("/middle.wav", wav(tone(700, 1)))
    recording = {
        "action": "record",
        "format": "mp3",
        "split": "conversation",
        "eventUrl": [f"{app.url}/recorded"],
        "transcription": transcription,
    }
    middle = {"action": "stream", "streamUrl": [f"{app.url}/middle.wav"]}
    app.answers(number, [recording, {"action": "wait", "timeout": 5}, middle])
    with Ear() as ear, Peer(server.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.1)
        ear.says(tone(440, 1) + bytes(2 * 8000 * 2) + tone(1000, 1) + bytes(2 * 8000 * 30))
        peer.asked("BYE", within_s=20)
    recorded = app.wait("/recorded", conversation_uuid=app.wait("/answer", to=number)["conversation_uuid"])
    uuid = recorded["recording_uuid"]
    assert [one.fields.get("status") for one in app.requests("/recorded", recording_uuid=uuid)][:1] == [None]
    return app.wait("/recorded", recording_uuid=uuid, type="record")


def test_row_20_what_was_said_and_heard_is_written_down_and_read_by_the_node_library(
    app: Application, number: str, tmp_path: Path
) -> None:
    with whisper() as recogniser:
        server = Installation(tmp_path / "server", app.url, sections=recogniser.settings)
        try:
            server.start()
            told = voicemail(server, app, number, {"language": "en-GB", "sentimentAnalysis": True})
            assert told["status"] == "transcribed"
            run = (sys.executable, "-m", "ringline", "run", "--config", str(server.settings_file), "--")
            with Client("node", before=run) as library:
                library.do(
                    "connect",
                    {
                        "application": APPLICATION_ID,
                        "key": server.key_file.read_text(),
                        "apiKey": API_KEY,
                        "apiSecret": API_SECRET,
                    },
                )
                path = tmp_path / "words.json"
                library.do("transcription", told["transcription_url"].rpartition("/")[2], str(path))
            address = "/v1/" + told["transcription_url"].partition("/v1/")[2]
            mine, nobodys = server.request("GET", address), server.request("GET", address, token=None)
            assert (mine.status, mine.headers["content-type"]) == (200, "application/json")
            assert mine.body == json.loads(path.read_text())
            assert nobodys.status == 401
            said, heard = json.loads(path.read_text())["channels"]
        finally:
            server.stop()
    assert abs(said["duration"] - heard["duration"]) < 50
    low, high = said["transcript"]
    assert (low["sentence"], low["raw_sentence"]) == ("Low, please.", "low please")
    assert [word["word"] for word in low["words"]] == ["Low", "please"]
    assert low["words"][1]["start_time"] - low["words"][0]["start_time"] == 500
    assert low["words"][0]["confidence"] == 0.9003
    assert high["sentence"] == "Now high."
    assert abs(high["timestamp"] - low["timestamp"] - 2700) < 500
    middle, good = heard["transcript"]
    assert middle["sentence"] == "This is the middle."
    assert good["sentiment"] > middle["sentiment"] == 0
    assert len(recogniser.asked) == 3
    assert all((one["language"], one["model"]) == ("en", "whisper-1") for one in recogniser.asked)


def test_without_an_engine_for_dictation_it_fails_and_the_log_says_what_to_do(
    ringline: Installation, app: Application, number: str
) -> None:
    told = voicemail(ringline, app, number, {})
    assert told["status"] == "failed"
    assert told["detail"] == "no engine for dictation is installed"
    assert "transcription_url" not in told
    assert "recognition.engines" in ringline.log_file.read_text()
