"""The official Python library, unchanged, over TLS against the REST API and the real engine.

The phones are those of the test kit; what reaches them is checked, not only what the API answers.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from vonage import Auth, HttpClientOptions, Vonage
from vonage_application import ApplicationConfig, Capabilities, Voice, VoiceUrl, VoiceWebhooks
from vonage_http_client.errors import (
    AuthenticationError,
    ForbiddenError,
    HttpRequestError,
    NotFoundError,
    RateLimitedError,
)
from vonage_numbers import ListOwnedNumbersFilter, NumberParams, UpdateNumberParams
from vonage_voice import (
    AudioStreamOptions,
    CallInfo,
    Conversation,
    CreateCallRequest,
    ListCallsFilter,
    Phone,
    Sip,
    Talk,
    ToPhone,
    TtsStreamOptions,
)

from ringline.accounts import KeyPair, TokenVerifier, make_key_pair
from ringline.api import ApiOptions, Dependencies, create_app
from ringline.base import LegId, SystemClock
from ringline.engine.ports import StoredFile
from ringline.server.certificates import Certificates, ensure_certificates, server_names
from ringline.server.web import WebListener
from ringline.testing import Switchboard

pytestmark = pytest.mark.interop

T = TypeVar("T")
MEDIA = b"ID3" + bytes(5000)
FILE = "aaaaaaaa-4a51-4f6b-86e1-46edebcf9356"


class _Memory:
    """Where one recording is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, file: StoredFile) -> Path:
        return self.directory / f"{file.file_id}.mp3"

    async def remove(self, file: StoredFile) -> None:
        self.path(file).unlink(missing_ok=True)


class House:
    """A server on a thread of its own; the library blocks, so it needs another one."""

    def __init__(
        self, directory: Path, certificates: Certificates, keys: KeyPair, *, requests_per_second: float
    ) -> None:
        self._directory = directory
        self._requests_per_second = requests_per_second
        self._certificates = certificates
        self.keys = keys
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house")
        self._thread.start()
        self.run(self._start)

    async def _start(self) -> None:
        self.board = Switchboard(clock=SystemClock())
        self.app = self.board.application("shop")
        application = self.board.directory.application(self.app.id)
        assert application is not None
        self.board.directory.put_application(replace(application, public_key=self.keys.public_key))
        self.memory = _Memory(self._directory)
        needs = Dependencies(
            calls=self.board.engine,
            directory=self.board.directory,
            records=self.board.store,
            registry=self.board.store,
            files=self.memory,
            tokens=TokenVerifier(self.board.directory.application),
            clock=self.board.clock,
            random=self.board.random,
            options=ApiOptions(any_number=True, requests_per_second=self._requests_per_second),
        )
        self._listener = WebListener(
            create_app(needs), cert_file=self._certificates.cert_file, key_file=self._certificates.key_file
        )
        await self._listener.start("127.0.0.1", 0, key="server.https_port")
        self.host = f"127.0.0.1:{self._listener.port}"

    async def _stop(self) -> None:
        await self._listener.stop()
        await self.board.close()
        await asyncio.sleep(0.05)  # closed connections are let go of in the loop's next rounds

    def stop(self) -> None:
        gc.collect()  # the library only lets go of its connections when nobody holds it any more
        try:
            self.run(self._stop)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something on the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def library(self, *, private_key: str | None = None, secret: str = "secret") -> Vonage:
        """The library as its own documentation says to make it."""
        auth = Auth(
            application_id=self.app.id,
            private_key=private_key or self.keys.private_key,
            api_key="abcd1234",
            api_secret=secret,
        )
        return self.library_with(auth)

    def library_with(self, auth: Auth) -> Vonage:
        return Vonage(auth, HttpClientOptions(api_host=self.host, rest_host=self.host))

    def hears_of(self, status: str, leg: str) -> dict[str, Any]:
        """Wait until the application has been told of a status."""

        async def wait() -> dict[str, Any]:
            return await self.app.hears_of(status, LegId(leg), within_s=10)

        return self.run(wait)

    def alice_hears(self, words: str) -> None:
        """Wait until the called phone has heard this, not from the beginning: in real time the first moment is lost."""

        async def listen() -> list[str]:
            alice = self.board.phone("alice")
            for _ in range(500):
                if alice.has_heard(words):
                    return []
                await asyncio.sleep(0.02)
            return alice.heard_words or ["nothing"]

        heard_instead = self.run(listen)
        assert not heard_instead, f"{words!r} was not heard, but {heard_instead}"


@pytest.fixture(scope="module")
def keys() -> KeyPair:
    return make_key_pair()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("tls"), names=server_names(), now=datetime.now(UTC))


@pytest.fixture
def house(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    certificates: Certificates,
    keys: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_file))
    house = House(tmp_path, certificates, keys, requests_per_second=getattr(request, "param", 0))
    yield house
    house.stop()


def on(house: House, act: Callable[[], Any]) -> None:
    """Do something quick on the server's loop."""

    async def work() -> None:
        act()

    house.run(work)


def call(house: House, library: Vonage, **changes: Any) -> str:
    """Call a phone that answers and stays; give the leg."""

    on(house, lambda: house.board.phone("alice").answers(after_s=0.05))
    request: dict[str, Any] = {
        "to": [ToPhone(number=house.board.phone("alice").number)],
        "from_": Phone(number=house.app.number),
        "ncco": [Conversation(name="room")],
        **changes,
    }
    made = library.voice.create_call(CreateCallRequest(**request))
    assert (made.status, made.direction) == ("started", "outbound")
    assert made.conversation_uuid.startswith("CON-")
    return str(made.uuid)


def test_a_call_is_made_looked_at_steered_and_ended(house: House) -> None:
    library = house.library()
    voice = library.voice
    leg = call(house, library)
    house.hears_of("answered", leg)
    live = voice.get_call(leg)
    assert isinstance(live, CallInfo)
    assert (live.status, live.duration, live.link) == ("answered", None, f"/v1/calls/{leg}")
    assert isinstance(live.to, ToPhone | Phone)
    voice.mute(leg)
    voice.unmute(leg)
    voice.earmuff(leg)
    voice.unearmuff(leg)
    assert voice.play_tts_into_call(leg, TtsStreamOptions(text="Wait", level=-0.4)).message == "Talk started"
    assert voice.stop_tts(leg).message == "Talk stopped"
    assert voice.play_dtmf_into_call(leg, "12p*#").message == "DTMF sent"
    options = AudioStreamOptions(stream_url=["https://shop.example.org/a.mp3"], loop=0, level=0.5)
    assert voice.play_audio_into_call(leg, options).message == "Stream started"
    assert voice.stop_audio_stream(leg).uuid == leg
    voice.hangup(leg)
    told = house.hears_of("completed", leg)
    ended = voice.get_call(leg)
    assert (ended.status, ended.network) == ("completed", "unknown")
    assert ended.duration == told["duration"]
    with pytest.raises(NotFoundError):
        voice.hangup(leg)


def test_what_is_spoken_into_a_call_is_heard(house: House) -> None:
    library = house.library()
    leg = call(house, library)
    house.hears_of("answered", leg)
    library.voice.play_tts_into_call(leg, TtsStreamOptions(text="Your table is ready, and so is the wine"))
    house.alice_hears("table is ready")
    library.voice.transfer_call_ncco(leg, [Talk(text="Somewhere else now, to the very end")])
    house.alice_hears("else now")
    house.hears_of("completed", leg)


def test_a_transfer_by_url_asks_for_the_script(house: House) -> None:
    library = house.library()
    leg = call(house, library)
    house.hears_of("answered", leg)
    on(house, lambda: house.app.replies("/next", [{"action": "talk", "text": "From the next page, and no further"}]))
    library.voice.transfer_call_answer_url(leg, house.app.url("/next"))
    house.alice_hears("the next page")


def test_calls_are_listed_in_pages(house: House) -> None:
    library = house.library()
    legs = [call(house, library, from_=None, random_from_number=True) for _ in range(3)]
    found, following = library.voice.list_calls()
    assert ([one.uuid for one in found], following) == (legs, None)
    page, following = library.voice.list_calls(ListCallsFilter(page_size=2, order="desc"))
    assert ([one.uuid for one in page], following) == ([legs[2], legs[1]], 1)
    nobody, _ = library.voice.list_calls(ListCallsFilter(conversation_uuid="CON-x"))
    assert nobody == []
    for leg in legs:
        library.voice.hangup(leg)


def test_a_sip_address_is_called_with_its_headers(house: House) -> None:
    library = house.library()
    target = Sip(
        uri="sip:alice@example.com",
        headers={"ticket": "7"},
        standard_headers={"User-to-User": "342342ef34;encoding=hex"},
    )
    leg = call(house, library, to=[target], from_="+442079460000")
    found = library.voice.get_call(leg)
    assert isinstance(found.to, Sip)
    assert found.to.uri == "sip:alice@example.com"
    library.voice.hangup(leg)


def test_each_refusal_raises_its_own_error(house: House, keys: KeyPair) -> None:
    library = house.library()
    with pytest.raises(NotFoundError) as unknown:
        library.voice.get_call("aaaaaaaa-4a51-4f6b-86e1-46edebcf9356")
    assert unknown.value.response.json()["detail"].startswith("Call 'aaaaaaaa-")
    with pytest.raises(HttpRequestError) as wrong:
        call(house, library, to=[ToPhone(number="12")])
    assert wrong.value.response.status_code == 400
    assert wrong.value.response.json()["invalid_parameters"][0]["name"] == "to[0].number"
    with pytest.raises(AuthenticationError):
        house.library(private_key=make_key_pair().private_key).voice.list_calls()
    with pytest.raises(AuthenticationError):
        house.library(secret="Wrong1234").numbers.list_owned_numbers()
    application = house.board.directory.application(house.app.id)
    assert application is not None
    on(house, lambda: house.board.directory.put_application(replace(application, voice=None)))
    with pytest.raises(ForbiddenError):
        library.voice.list_calls()
    on(house, lambda: house.board.directory.put_application(application))


@pytest.mark.parametrize("house", [0.01], indirect=True)
def test_too_many_requests_raise_their_own_error(house: House) -> None:
    library = house.library()
    library.voice.list_calls()
    with pytest.raises(RateLimitedError):
        library.voice.list_calls()


def test_an_application_made_by_the_library_can_call(house: House) -> None:
    library = house.library()
    hooks = VoiceWebhooks(
        answer_url=VoiceUrl(address="https://shop.example.org/answer", http_method="GET"),
        event_url=VoiceUrl(address="https://shop.example.org/event", connect_timeout=500, socket_timeout=3000),
    )
    config = ApplicationConfig(name="Made", capabilities=Capabilities(voice=Voice(webhooks=hooks)))
    made = library.application.create_application(config)
    assert made.keys is not None
    private_key: str = made.keys.model_dump()["private_key"]
    auth = Auth(application_id=made.id, private_key=private_key, api_key="abcd1234", api_secret="secret")
    other = house.library_with(auth)
    leg = call(house, other, from_="442079460000")
    house.hears_of("answered", leg)
    with pytest.raises(NotFoundError):
        library.voice.get_call(leg)
    assert library.application.get_application(made.id).name == "Made"
    changed = library.application.update_application(made.id, ApplicationConfig(name="Changed"))
    assert (changed.name, changed.link) == ("Changed", f"/v2/applications/{made.id}")
    listed, following = library.application.list_applications()
    assert ([one.name for one in listed], following) == (["shop", "Changed"], None)
    library.application.delete_application(made.id)
    with pytest.raises(AuthenticationError):
        other.voice.get_call(leg)


def test_numbers_are_bought_linked_and_given_back_after_a_json_request(house: House) -> None:
    """The library then still says that its forms are JSON."""
    library = house.library()
    leg = call(house, library)
    library.voice.hangup(leg)
    assert library.numbers.buy_number(NumberParams(country="GB", msisdn="447700900999")).error_code == "200"
    link = UpdateNumberParams(country="GB", msisdn="447700900999", app_id=house.app.id)
    assert library.numbers.update_number(link).error_code == "200"
    owned, count, _ = library.numbers.list_owned_numbers(ListOwnedNumbersFilter(application_id=house.app.id))
    assert (count, [one.msisdn for one in owned]) == (2, [house.app.number, "447700900999"])
    assert library.numbers.cancel_number(NumberParams(country="GB", msisdn="447700900999")).error_code == "200"
    assert library.account.get_balance().value == 0.0


def test_a_recording_is_downloaded(house: House, tmp_path: Path) -> None:
    stored = StoredFile(
        file_id=FILE, application=house.app.id, media_type="audio/mpeg", size=len(MEDIA), created_at=datetime.now(UTC)
    )
    house.memory.path(stored).write_bytes(MEDIA)
    on(house, lambda: house.board.store.write_file(stored))
    target = tmp_path / "downloaded.mp3"
    house.library().voice.download_recording(f"https://{house.host}/v1/files/{FILE}?via=.nexmo.com/", str(target))
    assert target.read_bytes() == MEDIA


def test_answers_carry_the_time_of_day_for_clients_with_wrong_clocks(house: House) -> None:
    library = house.library()
    library.voice.list_calls()
    [date] = library.http_client.last_response.raw.headers.getlist("Date")
    assert abs(parsedate_to_datetime(date) - datetime.now(UTC)) < timedelta(seconds=60)
