"""Applications as people write them, with Flask and the official `vonage` library over TLS, against real phones."""

from __future__ import annotations

import importlib.util
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify, request
from vonage import Auth, HttpClientOptions, Vonage
from vonage_application import ApplicationConfig, Capabilities, Voice, VoiceUrl, VoiceWebhooks
from vonage_numbers import UpdateNumberParams
from vonage_voice import (
    AudioStreamOptions,
    Conversation,
    CreateCallRequest,
    NccoAction,
    Phone,
    Sip,
    Talk,
    TtsStreamOptions,
)
from werkzeug.serving import make_server

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .baresip import Baresip
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, FREE_NUMBER, NUMBERS, Installation
from .ports import free_port
from .sipp import Sipp
from .sounds import wav
from .wire import Peer

pytestmark = pytest.mark.interop

EXAMPLE = Path(__file__).parents[2] / "examples" / "flask_app.py"


@pytest.fixture
def library(ringline: Installation, monkeypatch: pytest.MonkeyPatch) -> Vonage:
    """The library as its documentation says to make it, sent to our host, trusting our authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ringline.ca_file))
    return _library(
        ringline,
        Auth(application_id=APPLICATION_ID, private_key=str(ringline.key_file), api_key=API_KEY, api_secret=API_SECRET),
    )


def _library(ringline: Installation, auth: Auth) -> Vonage:
    host = f"127.0.0.1:{ringline.https_port}"
    return Vonage(auth, HttpClientOptions(api_host=host, rest_host=host))


@contextmanager
def serving(flask: Flask, port: int) -> Iterator[str]:
    """Run a Flask application on a thread."""
    server = make_server("127.0.0.1", port, flask, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


class _Events:
    """What a Flask application was told, as something to wait for."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._changed = threading.Condition()

    def note(self, event: dict[str, Any]) -> None:
        with self._changed:
            self.told.append(event)
            self._changed.notify_all()

    def wait(self, what: Callable[[dict[str, Any]], bool], within_s: float = 30.0) -> dict[str, Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(what, self.told)), within_s), self.told
            return next(one for one in self.told if what(one))


def make_ivr(events: _Events, media: str) -> Flask:
    """The classic shape of a voice application: answer, input and event URLs."""
    flask = Flask(__name__)

    @flask.get("/webhooks/answer")
    def answer() -> Response:
        ncco = [
            {"action": "record", "eventUrl": [request.url_root + "webhooks/recording"], "format": "wav"},
            {"action": "talk", "text": f"Welcome, you called {request.args['to']}.", "bargeIn": True},
            {
                "action": "input",
                "type": ["dtmf"],
                "dtmf": {"maxDigits": 1, "timeOut": 10},
                "eventUrl": [request.url_root + "webhooks/dtmf"],
            },
        ]
        return jsonify(ncco)

    @flask.post("/webhooks/dtmf")
    def dtmf() -> Response:
        events.note(request.get_json())
        return jsonify([{"action": "stream", "streamUrl": [media]}, {"action": "talk", "text": "Thank you, good bye."}])

    @flask.post("/webhooks/events")
    @flask.post("/webhooks/recording")
    def event() -> tuple[str, int]:
        events.note(request.get_json())
        return "", 200

    @flask.get("/tone.wav")
    def sound() -> Response:
        return Response(wav(tone(1000, 1, 16_000), 16_000), mimetype="audio/wav")

    return flask


def test_a_flask_application_is_made_linked_and_called(ringline: Installation, library: Vonage, tmp_path: Path) -> None:
    events, port = _Events(), free_port()
    with serving(make_ivr(events, f"http://127.0.0.1:{port}/tone.wav"), port) as base:
        _give_number(library, base, FREE_NUMBER)
        with Baresip(tmp_path, tone_hz=440) as phone:
            phone.dials(f"sip:{FREE_NUMBER}@{ringline.sip_address}")
            phone.wait("CALL_ESTABLISHED")
            phone.wait_heard(lambda pcm: level_dbfs(pcm[-3200:]) > -45)
            phone.presses("7")
            pressed = events.wait(lambda one: "dtmf" in one)
            assert pressed["dtmf"] == {"digits": "7", "timed_out": False}
            phone.wait("CALL_CLOSED", within_s=15)
            assert has_tone(phone.heard(), 1000)
        recording = events.wait(lambda one: "recording_url" in one)
        events.wait(lambda one: one.get("status") == "completed")
        assert [one["status"] for one in events.told if "status" in one] == [
            "started", "ringing", "answered", "completed"
        ]  # fmt: skip
        _is_private(ringline, recording["recording_url"])


def _give_number(library: Vonage, base: str, number: str) -> None:
    """Make an application with the library, and link a number to it."""
    hooks = VoiceWebhooks(
        answer_url=VoiceUrl(address=f"{base}/webhooks/answer", http_method="GET"),
        event_url=VoiceUrl(address=f"{base}/webhooks/events", http_method="POST"),
    )
    config = ApplicationConfig(name="ivr", capabilities=Capabilities(voice=Voice(webhooks=hooks)))
    made = library.application.create_application(config)
    link = UpdateNumberParams(country="GB", msisdn=number, app_id=made.id)
    assert library.numbers.update_number(link).error_code == "200"


def _is_private(ringline: Installation, recording_url: str) -> None:
    """A recording is not for everybody, and not for another application."""
    url = recording_url.replace(f"http://127.0.0.1:{ringline.http_port}", _base(ringline))
    assert requests.get(url, timeout=5, verify=str(ringline.ca_file)).status_code == 401
    bearer = {"Authorization": f"Bearer {ringline.token()}"}
    assert requests.get(url, timeout=5, verify=str(ringline.ca_file), headers=bearer).status_code == 404


def test_the_front_desk_example_takes_a_message(
    ringline: Installation, library: Vonage, app: Application, number: str, tmp_path: Path
) -> None:
    """`examples/flask_app.py` as it is: a caller presses 1, speaks after the beep, and ends with hash."""
    flask = _example().create_app(library, number)
    with serving(flask, free_port()) as base:
        menu = requests.get(f"{base}/answer", timeout=5).json()
        app.answers(number, menu)
        with Baresip(tmp_path, tone_hz=440) as phone:
            phone.dials(f"sip:{number}@{ringline.sip_address}")
            phone.wait("CALL_ESTABLISHED")
            phone.wait_heard(lambda pcm: level_dbfs(pcm[-3200:]) > -45)
            phone.presses("1#")
            phone.wait_heard(_beep_is_over)
            asked = app.wait("/answer", to=number)
            phone.presses("#")
            phone.wait("CALL_CLOSED", within_s=20)
        told = flask.config["EVENTS"]
        recording = next(one for one in told if "recording_url" in one)
        assert recording["conversation_uuid"] == asked["conversation_uuid"]
        answer = ringline.request("GET", "/v1/" + recording["recording_url"].partition("/v1/")[2])
        assert answer.status == 200
        assert len(answer.body) == recording["size"]


def test_the_front_desk_example_calls_back(
    ringline: Installation, library: Vonage, app: Application, number: str, tmp_path: Path
) -> None:
    flask = _example().create_app(library, number)
    with (
        serving(flask, free_port()) as base,
        Ear() as ear,
        Sipp("answer", tmp_path, port=ringline.trunk_port, fill={"rtp_port": ear.port}) as carrier,
    ):
        said = requests.post(f"{base}/input", json={"dtmf": {"digits": "2447700900123"}}, timeout=5).json()
        assert said[0]["action"] == "talk"
        carrier.good()
        assert ear.spoken_s() > 1
    assert carrier.received()[0].startswith("INVITE sip:+447700900123@")


def test_the_library_steers_a_live_call(
    ringline: Installation, library: Vonage, app: Application, tmp_path: Path
) -> None:
    """Everything the library can do to a call, and what the phone at the other end notices of it."""
    voice = library.voice
    app.serves("/tone.wav", wav(tone(700, 3)))
    with Ear() as ear, Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=40) as phone:
        created = voice.create_call(
            CreateCallRequest(
                to=[Sip(uri=f"sip:phone@127.0.0.1:{phone.port}", headers={"ticket": "7"})],
                from_=Phone(number=NUMBERS[1]),
                ncco=_room("steered"),
            )
        )
        leg = created.uuid
        assert (created.status, created.direction) == ("started", "outbound")
        app.wait("/event", uuid=leg, status="answered")
        assert any("X-ticket: 7" in message for message in phone.received())
        assert voice.get_call(leg).status == "answered"
        listed, _ = voice.list_calls()
        assert leg in [one.uuid for one in listed]
        ear.hears(0.1)
        voice.play_tts_into_call(leg, TtsStreamOptions(text="You have one new message in your box."))
        ear.until(lambda pcm: level_dbfs(pcm) > -40)
        voice.stop_tts(leg)
        voice.play_audio_into_call(leg, AudioStreamOptions(stream_url=[f"{app.url}/tone.wav"], loop=0))
        ear.until(lambda pcm: has_tone(pcm, 700))
        voice.stop_audio_stream(leg)
        ear.until(lambda pcm: not has_tone(pcm, 700))
        voice.play_dtmf_into_call(leg, "42#")
        ear.until(lambda _: ear.keys() == "42#")
        voice.transfer_call_ncco(leg, [Talk(text="You have been transferred, and this is the end of it.")])
        app.wait("/event", uuid=leg, type="transfer")
        phone.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    assert voice.get_call(leg).status == "completed"


def test_the_library_mutes_and_hangs_up(
    ringline: Installation, library: Vonage, app: Application, tmp_path: Path
) -> None:
    voice = library.voice
    with (
        Ear() as one_ear,
        Ear() as other_ear,
        Sipp("answer", tmp_path, fill={"rtp_port": one_ear.port}, timeout_s=40) as one,
        Sipp("answer", tmp_path, fill={"rtp_port": other_ear.port}, timeout_s=40) as other,
    ):
        legs = [
            voice.create_call(
                CreateCallRequest(
                    to=[Sip(uri=f"sip:phone@127.0.0.1:{phone.port}")],
                    from_=Phone(number=NUMBERS[1]),
                    ncco=_room("mute"),
                )
            ).uuid
            for phone in (one, other)
        ]
        for leg in legs:
            app.wait("/event", uuid=leg, type="transfer")
        for ear in (one_ear, other_ear):
            ear.hears(0.1)
        one_ear.says(tone(440, 1))
        other_ear.says(tone(1000, 1))
        other_ear.until(lambda pcm: has_tone(pcm, 440))
        one_ear.until(lambda pcm: has_tone(pcm, 1000))
        voice.mute(legs[0])
        other_ear.until(lambda pcm: not has_tone(pcm, 440))
        voice.unmute(legs[0])
        other_ear.until(lambda pcm: has_tone(pcm, 440))
        voice.earmuff(legs[0])
        one_ear.until(lambda pcm: not has_tone(pcm, 1000))
        voice.unearmuff(legs[0])
        one_ear.until(lambda pcm: has_tone(pcm, 1000))
        for leg in legs:
            voice.hangup(leg)
        one.good()
        other.good()
    for leg in legs:
        assert app.wait("/event", uuid=leg, status="completed")["disconnected_by"] == "platform"


def test_the_library_downloads_a_recording(
    ringline: Installation, library: Vonage, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(
        number,
        [{"action": "record", "format": "wav", "eventUrl": [f"{app.url}/recorded"]}, {"action": "wait", "timeout": 3}],
    )
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.1)
        ear.says(tone(440, 1))
        peer.asked("BYE")
    leg = app.wait("/answer", to=number)["uuid"]
    lasted_s = int(app.wait("/event", uuid=leg, status="completed")["duration"])
    told = app.wait("/recorded", conversation_uuid=app.wait("/answer", to=number)["conversation_uuid"])
    # The library only takes addresses that have its maker's name in them.
    path = tmp_path / "recording.wav"
    url = told["recording_url"].replace(f"http://127.0.0.1:{ringline.http_port}", _base(ringline))
    library.voice.download_recording(f"{url}?via=.nexmo.com/", str(path))
    with wave.open(str(path)) as recording:
        rate, frames = recording.getframerate(), recording.getnframes()
        assert abs(frames / rate - lasted_s) < 0.7
        assert recording.getnchannels() == 1
        assert has_tone(recording.readframes(frames), 440, rate)


def _base(ringline: Installation) -> str:
    return f"https://127.0.0.1:{ringline.https_port}"


def _beep_is_over(pcm: bytes) -> bool:
    return has_tone(pcm, 1000, share=0.95, above_dbfs=-20) and level_dbfs(pcm[-3200:]) < -50


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("front_desk", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _room(name: str) -> list[NccoAction]:
    return [Conversation(name=name)]
