"""What the official client libraries for Python (versions 4 and 3) and Node do for voice, each against real phones.

One test a row; every library runs as its own program, unmodified, over TLS. What it does is checked where it counts: at
the phone, at the application's webhooks, and in what the library makes of the answers.
"""

from __future__ import annotations

import json
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .bots import Bot
from .client import NAMES, Client, LibraryError
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, FREE_NUMBER, NUMBERS, SIGNATURE_SECRET, Installation
from .sipp import Sipp
from .sounds import wav
from .voices import spoken
from .wire import Peer

pytestmark = pytest.mark.interop

UNKNOWN: Final = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"
CALLER: Final = NUMBERS[97]
STAY: Final = [{"action": "conversation", "name": "matrix"}]
RAISES: Final = {
    "python4": {
        400: "HttpRequestError",
        401: "AuthenticationError",
        403: "ForbiddenError",
        404: "NotFoundError",
        429: "RateLimitedError",
    },
    "python3": {
        400: "ClientError",
        401: "AuthenticationError",
        403: "ClientError",
        404: "ClientError",
        429: "ClientError",
    },
    "node": dict.fromkeys((400, 401, 403, 404, 429), "VetchError"),
}


@pytest.fixture(scope="module", params=NAMES)
def _program(request: pytest.FixtureRequest, _shared: tuple[Installation, Application]) -> Iterator[Client]:
    with Client(request.param, ca_file=_shared[0].ca_file) as client:
        yield client


@pytest.fixture
def library(_program: Client, ringline: Installation) -> Client:
    """A library in its program, pointed at the shared server as its documentation says."""
    _connect(_program, ringline)
    return _program


def _connect(client: Client, ringline: Installation, *, host: str | None = "", **other: str) -> None:
    given = {
        "application": APPLICATION_ID,
        "key": ringline.key_file.read_text(),
        "apiKey": API_KEY,
        "apiSecret": API_SECRET,
    }
    if host is not None:
        given["host"] = host or f"127.0.0.1:{ringline.https_port}"
    client.do("connect", {**given, **other})


def _create(library: Client, port: int, ncco: list[dict[str, Any]] | None = None, /, **more: Any) -> str:
    call = {
        "to": [{"type": "sip", "uri": f"sip:phone@127.0.0.1:{port}"}],
        "from": {"type": "phone", "number": CALLER},
        **({} if "answer_url" in more else {"ncco": ncco or STAY}),
        **more,
    }
    made = library.do("create", {name: value for name, value in call.items() if value is not None})
    assert (made["status"], made["direction"]) == ("started", "outbound")
    conversation = made["conversationUUID" if library.is_node else "conversation_uuid"]
    assert conversation.startswith("CON-")
    uuid: str = made["uuid"]
    return uuid


def _phone(tmp_path: Path, ear: Ear) -> Sipp:
    return Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=40)


# ── 1 to 7: create ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_row_1_a_call_with_a_script(library: Client, app: Application, tmp_path: Path) -> None:
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port, [{"action": "talk", "text": "Your parcel is on its way to you now."}])
        phone.good()
        assert ear.spoken_s() > 1
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_row_2_a_call_with_an_answer_url(library: Client, app: Application, tmp_path: Path) -> None:
    app.serves(
        f"/script/{library.name}",
        json.dumps([{"action": "talk", "text": "From the page."}]).encode(),
        "application/json",
    )
    url = f"{app.url}/script/{library.name}"
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port, answer_url=[url], answer_method="GET")
        phone.good()
        assert ear.spoken_s() > 0.3
    asked = app.wait(f"/script/{library.name}", uuid=leg)
    assert asked["from"] == CALLER


def test_row_3_a_sip_call_with_headers(library: Client, app: Application, tmp_path: Path) -> None:
    names = ("standardHeaders", "userToUser") if library.is_node else ("standard_headers", "User-to-User")
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        target = {
            "type": "sip",
            "uri": f"sip:phone@127.0.0.1:{phone.port}",
            "headers": {"ticket": "7"},
            names[0]: {names[1]: "342342ef34;encoding=hex"},
        }
        leg = _create(library, phone.port, to=[target])
        app.wait("/event", uuid=leg, status="answered")
        library.do("hangup", leg)
        phone.good()
        invite = phone.received()[0]
    assert "X-ticket: 7" in invite
    assert "User-to-User: 342342ef34;encoding=hex" in invite


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000])
def test_row_4_a_websocket_is_called(library: Client, app: Application, rate_hz: int) -> None:
    app.serves("/tone.wav", wav(tone(700, 1)))
    stream = {"action": "stream", "streamUrl": [f"{app.url}/tone.wav"], "loop": 0}
    with Bot() as bot:
        target = bot.endpoint(rate_hz=rate_hz, headers={"session": "7"}, authorization={"type": "vonage"})
        if library.name == "python4":
            target["content_type"] = target.pop("content-type")  # the name in its model
        leg = _create(library, 9, [stream], to=[target])
        visit = bot.visited()
        assert visit.told() == {
            "event": "websocket:connected",
            "content-type": f"audio/l16;rate={rate_hz}",
            "session": "7",
        }
        visit.hears(lambda pcm: has_tone(pcm[-rate_hz:], 700, rate_hz, share=0.9))
        assert visit.sizes == {rate_hz // 50 * 2}, "20 ms in each message"
        given = visit.headers.get("Authorization")
        assert given is not None
        claims = jwt.decode(given.removeprefix("Bearer "), SIGNATURE_SECRET, algorithms=["HS256"])
        assert claims["application_id"] == APPLICATION_ID
        shown = library.do("get", leg)
        assert (shown["status"], shown["to"]["uri"], shown["to"]["headers"]) == ("answered", bot.uri, {"session": "7"})
        library.do("hangup", leg)
        assert visit.over.wait(5)
        assert visit.close_code == 1000
    app.wait_statuses(leg, "started", "answered", "completed")


def test_row_5_a_user_of_the_application_is_called(library: Client, app: Application) -> None:
    if library.name == "python4":
        with pytest.raises(LibraryError) as refused:  # its model of calls knows no users
            _create(library, 9, to=[{"type": "app", "user": "alice"}])
        assert refused.value.kind == "ValidationError"
        return
    leg = _create(library, 9, to=[{"type": "app", "user": "nobody"}])
    app.wait("/event", uuid=leg, status="failed")
    assert library.do("get", leg)["to"] == {"type": "app", "user": "nobody"}


def test_row_6_a_random_number_of_the_application_calls(library: Client, app: Application) -> None:
    name = "randomFromNumber" if library.is_node else "random_from_number"
    leg = _create(library, 9, **{"from": None, name: True})
    assert app.wait("/event", uuid=leg, status="started")["from"] in NUMBERS


def test_row_7_ringing_and_length_timers_end_calls(library: Client, app: Application, tmp_path: Path) -> None:
    names = ("ringingTimer", "lengthTimer") if library.is_node else ("ringing_timer", "length_timer")
    with Sipp("ring_only", tmp_path) as phone:
        leg = _create(library, phone.port, **{names[0]: 2})
        app.wait("/event", uuid=leg, status="timeout")
        phone.good()
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port, **{names[1]: 2})
        told = app.wait("/event", uuid=leg, status="completed")
        phone.good()
    assert told["duration"] in ("2", "3")


def test_row_7_people_and_machines_answer(
    library: Client, app: Application, greetings: dict[str, bytes], tmp_path: Path
) -> None:
    plain = "machineDetection" if library.is_node else "machine_detection"
    advanced = "advancedMachineDetection" if library.is_node else "advanced_machine_detection"
    timeout = "beepTimeout" if library.is_node else "beep_timeout"
    script = [{"action": "talk", "text": "Good morning."}]
    after_the_beep = {"behavior": "continue", "mode": "detect_beep", timeout: 60}
    # Three at once: a person; a machine that is hung up on; and one that is left a message.
    with ExitStack() as open_ones:
        ears = [open_ones.enter_context(Ear()) for _ in range(3)]
        phones = [open_ones.enter_context(_phone(tmp_path, ear)) for ear in ears]
        person = _create(library, phones[0].port, script, **{plain: "continue"})
        unwanted = _create(library, phones[1].port, script, **{plain: "hangup"})
        machine = _create(library, phones[2].port, script, **{advanced: after_the_beep})
        for ear, kind in zip(ears, ("person", "machine", "machine"), strict=True):
            ear.hears(0.1)
            ear.says(greetings[kind])
        silent = ears[2].hears(len(greetings["until the beep"]) / 16_000 - 0.2)
        assert level_dbfs(silent) < -60, "nothing is said before the beep"
        for phone in phones:
            phone.good()
        assert all(ear.spoken_s() > 0.3 for ear in (ears[0], ears[2]))
        assert ears[1].spoken_s() == 0
    app.wait_statuses(person, "started", "ringing", "answered", "human", "completed")
    app.wait_statuses(unwanted, "started", "ringing", "answered", "machine", "completed")
    app.wait_statuses(machine, "started", "ringing", "answered", "machine", "completed")
    assert "sub_state" not in app.wait("/event", call_uuid=unwanted, status="machine")
    assert app.wait("/event", call_uuid=machine, status="machine")["sub_state"] == "beep_start"


@pytest.fixture(scope="module")
def greetings() -> dict[str, bytes]:
    """What is said when a call is taken, and the silence after it."""
    until = spoken("You have reached the voice mail of Alice and Bob. Please leave a message.", then_silent_s=0.4)
    return {
        "person": spoken("hello?"),
        "until the beep": until,
        "machine": until + tone(1000, 0.5) + bytes(16_000 * 30),
    }


# ── 8 and 9: look ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_row_8_calls_are_listed_page_by_page(library: Client, app: Application) -> None:
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    legs = [_create(library, 9, to=_dead()) for _ in range(4)]
    for leg in legs:
        app.wait("/event", uuid=leg, status="failed")
    ours = (
        ("dateStart", "pageSize", "conversationUuid")
        if library.is_node
        else ("date_start", "page_size", "conversation_uuid")
    )
    found = library.do("list", {ours[0]: began, ours[1]: 1, "order": "asc", "status": "failed"})
    uuids = [one["uuid"] for one in found]
    assert [one for one in uuids if one in legs] == legs, "at least four pages, and no record lost or doubled"
    room = app.wait("/event", uuid=legs[0], status="started")["conversation_uuid"]
    assert [one["uuid"] for one in library.do("list", {ours[2]: room})] == legs[:1]


def _dead() -> list[dict[str, str]]:
    """A number that no trunk takes."""
    return [{"type": "sip", "uri": "sip:nobody@[::1]:9;transport=tls"}]


def test_row_9_live_ended_and_unknown_calls(library: Client, app: Application, tmp_path: Path) -> None:
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port)
        app.wait("/event", uuid=leg, status="answered")
        live = library.do("get", leg)
        assert (live["uuid"], live["status"], live.get("duration")) == (leg, "answered", None)
        library.do("hangup", leg)
        phone.good()
    told = app.wait("/event", uuid=leg, status="completed")
    ended = library.do("get", leg)
    assert (ended["status"], ended["duration"]) == ("completed", told["duration"])
    with pytest.raises(LibraryError) as unknown:
        library.do("get", UNKNOWN)
    assert unknown.value.kind == RAISES[library.name][404]


# ── 10 to 18: live calls ───────────────────────────────────────────────────────────────────────────────────────────


def test_rows_10_to_12_hangup_mute_and_earmuff(library: Client, app: Application, tmp_path: Path) -> None:
    with Ear() as ears, Ear() as others, _phone(tmp_path, ears) as one, _phone(tmp_path, others) as other:
        room = [{"action": "conversation", "name": f"mute-{library.name}"}]
        legs = [_create(library, phone.port, room) for phone in (one, other)]
        for leg in legs:
            app.wait("/event", uuid=leg, type="transfer")
        for ear in (ears, others):
            ear.hears(0.1)
        ears.says(tone(440, 1))
        others.says(tone(1000, 1))
        others.until(lambda pcm: has_tone(pcm, 440))
        ears.until(lambda pcm: has_tone(pcm, 1000))
        library.do("mute", legs[0])
        others.until(lambda pcm: not has_tone(pcm, 440))
        library.do("unmute", legs[0])
        others.until(lambda pcm: has_tone(pcm, 440))
        library.do("earmuff", legs[0])
        ears.until(lambda pcm: not has_tone(pcm, 1000))
        library.do("unearmuff", legs[0])
        ears.until(lambda pcm: has_tone(pcm, 1000))
        for leg in legs:
            library.do("hangup", leg)
        one.good()
        other.good()
    assert app.wait("/event", uuid=legs[0], status="completed")["disconnected_by"] == "platform"


def test_rows_13_and_14_transfers(library: Client, app: Application, tmp_path: Path) -> None:
    app.serves("/tone.wav", wav(tone(700, 3)))
    script = [{"action": "stream", "streamUrl": [f"{app.url}/tone.wav"], "loop": 0}]
    app.serves(
        f"/next/{library.name}", json.dumps([{"action": "talk", "text": "The end."}]).encode(), "application/json"
    )
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port)
        app.wait("/event", uuid=leg, status="answered")
        ear.hears(0.1)
        library.do("transferNcco", leg, script)
        ear.until(lambda pcm: has_tone(pcm, 700))
        library.do("transferUrl", leg, f"{app.url}/next/{library.name}")
        assert app.wait(f"/next/{library.name}", uuid=leg)["to"]
        ear.until(lambda pcm: not has_tone(pcm, 700))
        phone.good()
    assert len(app.requests("/event", uuid=leg, type="transfer")) >= 2


def test_rows_15_to_17_stream_talk_and_keys(library: Client, app: Application, tmp_path: Path) -> None:
    app.serves("/tone.wav", wav(tone(700, 1)))
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port)
        app.wait("/event", uuid=leg, status="answered")
        ear.hears(0.1)
        assert library.do("stream", leg, f"{app.url}/tone.wav", 0, 0.5)["message"] == "Stream started"
        ear.until(lambda pcm: has_tone(pcm, 700))
        for _ in range(6):  # longer than the file: it goes round and round
            assert has_tone(ear.hears(0.3), 700)
        assert library.do("stopStream", leg)["message"] == "Stream stopped"
        ear.until(lambda pcm: not has_tone(pcm, 700))
        words = {
            "text": "<speak>You have <break time='100ms'/> one new message.</speak>",
            "language": "en-GB",
            "style": 1,
        }
        assert library.do("talk", leg, {**words, "loop": 0})["uuid"] == leg
        ear.until(lambda pcm: level_dbfs(pcm) > -40)
        assert library.do("stopTalk", leg)["message"] == "Talk stopped"
        ear.until(lambda pcm: level_dbfs(pcm) < -60)
        assert library.do("dtmf", leg, "42#")["message"] == "DTMF sent"
        ear.until(lambda _: ear.keys() == "42#")
        library.do("hangup", leg)
        phone.good()


@pytest.mark.parametrize("_program", ["node"], indirect=True)
def test_row_18_each_key_is_told_at_once(library: Client, app: Application, tmp_path: Path) -> None:
    """The Python libraries have no call for it."""
    with Ear() as ear, _phone(tmp_path, ear) as phone:
        leg = _create(library, phone.port)
        app.wait("/event", uuid=leg, status="answered")
        ear.hears(0.1)
        library.do("listen", leg, f"{app.url}/keys")
        ear.presses("5")
        assert app.wait("/keys", uuid=leg)["dtmf"]["digits"] == "5"
        library.do("stopListening", leg)
        ear.presses("6")
        ear.hears(0.5)
        assert [one.fields["dtmf"]["digits"] for one in app.requests("/keys", uuid=leg)] == ["5"]
        library.do("hangup", leg)
        phone.good()


# ── 19 to 21: files and signatures ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NAMES)
def test_row_19_recordings_by_the_official_address(
    name: str, ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    """The libraries fetch from their maker's hosts only; `ringline run` leads these here. Row 20 is in
    `test_transcription.py`, where there is an engine that writes recordings down."""
    recording = {"action": "record", "format": "wav", "eventUrl": [f"{app.url}/recorded"]}
    app.answers(number, [recording, {"action": "wait", "timeout": 2}])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.1)
        ear.says(tone(440, 1))
        peer.asked("BYE")
    told = app.wait("/recorded", conversation_uuid=app.wait("/answer", to=number)["conversation_uuid"])
    file_id = told["recording_url"].rpartition("/")[2]
    run = (sys.executable, "-m", "ringline", "run", "--config", str(ringline.settings_file), "--")
    with Client(name, before=run) as library:
        _connect(library, ringline, host=None)
        path = tmp_path / "by-url.wav"
        library.do("download", f"https://api.nexmo.com/v1/files/{file_id}", str(path))
        with wave.open(str(path)) as found:
            frames = found.readframes(found.getnframes())
            assert has_tone(frames, 440, found.getframerate())
        if library.is_node:
            library.do("downloadById", file_id, str(tmp_path / "by-id.wav"))
            assert (tmp_path / "by-id.wav").read_bytes() == path.read_bytes()
        with pytest.raises(LibraryError):
            library.do("download", f"https://api.nexmo.com/v1/files/{UNKNOWN}", str(tmp_path / "none"))


def test_row_21_webhooks_are_signed_as_the_libraries_check(library: Client, app: Application) -> None:
    leg = _create(library, 9, to=_dead())
    app.wait("/event", uuid=leg, status="started")
    (request,) = app.requests("/event", uuid=leg, status="started")
    token = request.headers["authorization"].removeprefix("Bearer ")
    assert library.do("verify", token, SIGNATURE_SECRET) is True
    with pytest.raises((LibraryError, AssertionError)):
        assert library.do("verify", token, "not the secret at all, and long enough") is True


# ── 22 to 24: refusals and the office ──────────────────────────────────────────────────────────────────────────────


def test_row_22_each_refusal_is_the_right_exception(library: Client, ringline: Installation) -> None:
    raises = RAISES[library.name]
    with pytest.raises(LibraryError) as wrong:
        _create(library, 9, to=[{"type": "phone", "number": "1234567890123456"}])
    assert wrong.value.kind in (raises[400], "ValidationError")
    with pytest.raises(LibraryError) as missing:
        library.do("hangup", UNKNOWN)
    assert missing.value.kind == raises[404]
    bare = library.do("makeApplication", {"name": "without voice"})
    _connect(library, ringline, application=bare["id"], key=_private_key(library, bare))
    with pytest.raises(LibraryError) as forbidden:
        library.do("get", UNKNOWN)
    assert forbidden.value.kind == raises[403]
    _connect(library, ringline, application=bare["id"])  # with another one's key
    with pytest.raises(LibraryError) as stranger:
        library.do("get", UNKNOWN)
    assert stranger.value.kind == raises[401]
    _connect(library, ringline)
    library.do("deleteApplication", bare["id"])
    if library.name == "node":
        assert [error.value.status for error in (missing, forbidden, stranger)] == [404, 403, 401]


@pytest.mark.parametrize("name", NAMES)
def test_row_22_too_many_requests(name: str, narrow: Installation) -> None:
    with Client(name, ca_file=narrow.ca_file) as library:
        _connect(library, narrow)
        with suppress(LibraryError):
            library.do("get", UNKNOWN)
        with pytest.raises(LibraryError) as hurried:
            library.do("get", UNKNOWN)
    assert hurried.value.kind == RAISES[name][429]
    assert hurried.value.status in (None, 429)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that takes one request in twenty seconds."""
    server = Installation(tmp_path_factory.mktemp("narrow"), "http://127.0.0.1:9")
    text = server.settings_file.read_text()
    server.settings_file.write_text(text.replace("requests_per_second = 0", "requests_per_second = 0.05"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_row_23_an_application_is_made_changed_used_and_deleted(
    library: Client, ringline: Installation, app: Application
) -> None:
    events = f"{app.url}/event"
    hooks = {
        "event_url": {"address": events, "http_method": "POST"},
        "answer_url": {"address": f"{app.url}/answer", "http_method": "GET"},
    }
    made = library.do("makeApplication", {"name": f"by {library.name}", "capabilities": {"voice": {"webhooks": hooks}}})
    assert library.do("application", made["id"])["name"] == f"by {library.name}"
    changed = library.do(
        "changeApplication", {"id": made["id"], "name": "changed", "capabilities": {"voice": {"webhooks": hooks}}}
    )
    assert changed["name"] == "changed"
    assert made["id"] in [one["id"] for one in library.do("applications")]
    _connect(library, ringline, application=made["id"], key=_private_key(library, made))
    leg = _create(library, 9, to=_dead())
    app.wait("/event", uuid=leg, status="started")
    library.do("deleteApplication", made["id"])
    with pytest.raises(LibraryError) as gone:
        library.do("get", leg)
    assert gone.value.kind == RAISES[library.name][401]


def test_row_24_a_number_is_listed_linked_and_unlinked(library: Client) -> None:
    def linked() -> Any:
        (found,) = library.do("numbers", {"pattern": FREE_NUMBER, "search_pattern": 1})["numbers"]
        return found.get("app_id")

    free = {"country": "GB", "msisdn": FREE_NUMBER}
    library.do("updateNumber", {**free, "appId" if library.is_node else "app_id": APPLICATION_ID})
    assert linked() == APPLICATION_ID
    # The Node library drops an empty application; what it can say is an update that sets nothing.
    library.do("updateNumber", free if library.is_node else {**free, "app_id": ""})
    assert linked() is None
    assert library.do("balance")["value"] == 0


def _private_key(library: Client, made: dict[str, Any]) -> str:
    keys = made["keys"]
    key: str = keys.get("private_key") or keys["privateKey"]
    return key
