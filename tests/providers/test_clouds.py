"""The cloud voices' own ways: keys, signatures, which voice is asked for, what is said when it goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ringline.base import ConfigError, ProviderError
from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, SpeechEngine, WorkerProgram
from ringline.providers._catalogue import Catalogue, ServiceVoice
from ringline.providers._ssml import Dialect, write
from ringline.providers.azure import AzureVoice
from ringline.providers.google import GoogleVoice
from ringline.providers.piper import PiperVoice
from ringline.providers.polly import PollyVoice
from ringline.providers.polly._signing import Keys, sign
from ringline.speech import Gender, parse, resolve

from .services import Azure, Google, Polly, Service
from .tiny_voice import write_voice


def no_workers(wanted: WorkerProgram) -> WorkerPool:
    raise AssertionError("no workers are needed")


@asynccontextmanager
async def served(
    service: Service, make: Callable[[EngineContext], SpeechEngine], **settings: str
) -> AsyncIterator[SpeechEngine]:
    await service.start()
    engine = make(EngineContext(open_workers=no_workers, settings=service.settings | settings, timeout_s=1))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()
        await service.stop()


async def said(engine: SpeechEngine, text: str, language: str = "en-US", style: int = 0, **more: object) -> bytes:
    request = SpeechRequest(text=text, language=language, style=style, premium=bool(more.get("premium")))
    if voice := more.get("voice"):
        request = SpeechRequest(text=text, language=language, style=style, options={"voice": str(voice)})
    return b"".join([block.data async for block in engine.speak(request)])


CLOUDS = [(Google, GoogleVoice), (Azure, AzureVoice), (Polly, PollyVoice)]


@pytest.mark.parametrize(("service_type", "engine_type"), CLOUDS)
@pytest.mark.parametrize(
    ("mode", "why", "retryable"),
    [
        ("down", "503 Service Unavailable", True),
        ("refuses", "401 the key is not valid", True),
        ("busy", "429 Rate exceeded", True),
        ("cuts", "", True),
    ],
)
def test_what_a_service_refuses_is_told_without_the_key(
    service_type: type[Service],
    engine_type: Callable[[EngineContext], SpeechEngine],
    mode: str,
    why: str,
    retryable: bool,
) -> None:
    async def main() -> None:
        service = service_type()
        async with served(service, engine_type) as engine:
            service.mode = mode
            with pytest.raises(ProviderError) as caught:
                await said(engine, "Hello there. " * 20)
            assert why in str(caught.value)
            assert service.key not in str(caught.value)
            assert caught.value.retryable is retryable
            assert engine.ready() == str(caught.value)
            service.mode = "fine"
            assert await said(engine, "Hello")
            assert engine.ready() is None

    asyncio.run(main())


@pytest.mark.parametrize(("service_type", "engine_type"), CLOUDS)
def test_a_service_that_is_away_at_the_start_is_asked_for_its_voices_later(
    service_type: type[Service],
    engine_type: Callable[[EngineContext], SpeechEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ringline.providers._cloud._LEARN_AGAIN_S", 0.0)

    async def main() -> None:
        service = service_type()
        service.mode = "garbage"
        async with served(service, engine_type) as engine:
            assert "the answer is no JSON" in (engine.ready() or "")
            with pytest.raises(ProviderError, match="no JSON"):
                await said(engine, "Hello")
            service.mode = "fine"
            assert await said(engine, "Hello")
            assert engine.ready() is None

    asyncio.run(main())


@pytest.mark.parametrize(("service_type", "engine_type"), CLOUDS)
def test_a_wrong_key_is_seen_at_the_start(
    service_type: type[Service], engine_type: Callable[[EngineContext], SpeechEngine]
) -> None:
    async def main() -> None:
        service = service_type()
        wrong = {"api_key": "x"} if service_type is Google else {"key": "x"}
        wrong = {"secret_access_key": "x"} if service_type is Polly else wrong
        async with served(service, engine_type, **wrong) as engine:
            assert "40" in (engine.ready() or "")
            assert service.faults

    asyncio.run(main())


def test_the_right_voice_is_asked_for_by_language_gender_tier_and_name() -> None:
    async def main() -> None:
        google, azure, polly = Google(), Azure(), Polly()
        async with served(google, GoogleVoice) as engine:
            await said(engine, "a", "en-GB", 0)
            await said(engine, "a", "en-GB", 4)
            await said(engine, "a", "en-GB", 0, premium=True)
            await said(engine, "a", "de-AT", 0)
            await said(engine, "a", "cmn-CN", 0)
            await said(engine, "a", voice="en-us-wavenet-D")
            with pytest.raises(ProviderError, match="no voice for fi-FI"):
                await said(engine, "a", "fi-FI")
            assert google.voices == [
                "en-GB-Standard-A",
                "en-GB-Standard-B",
                "en-GB-Wavenet-A",
                "de-DE-Wavenet-A",
                "cmn-CN-Standard-A",
                "en-US-Wavenet-D",
            ]
        async with served(azure, AzureVoice) as engine:
            await said(engine, "a", "cmn-CN", 0)
            await said(engine, "a", "en-US", 7)
            await said(engine, "a", "de-DE", 1)
            assert azure.voices == ["zh-CN-AvaNeural", "en-US-BrianNeural", "de-DE-EmmaNeural"]
        async with served(polly, PollyVoice) as engine:
            await said(engine, "a", "en-US", 2)  # the style that Joanna was the name of
            await said(engine, "a", "de-DE", 3)  # Hans
            await said(engine, "a", "ar", 0)  # Zeina
            await said(engine, "a", "en-US", 0, premium=True)
            await said(engine, "a", "en-GB", 0, premium=True)
            assert polly.voices == ["Joanna", "Hans", "Zeina", "Ruth", "Amy"]
        assert google.faults + azure.faults + polly.faults == []

    asyncio.run(main())


def test_a_text_without_end_is_bounded_and_an_answer_without_audio_is_told() -> None:
    async def main() -> None:
        app = web.Application()

        async def voices(request: web.Request) -> web.Response:
            return web.json_response([{"ShortName": "en-US-AvaNeural", "Gender": "Female", "Locale": "en-US"}])

        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(bytes(1_000_000))

        app.add_routes([web.get("/cognitiveservices/voices/list", voices), web.post("/cognitiveservices/v1", endless)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        settings = {"endpoint": f"http://{host}:{port}", "key": "k"}
        engine = AzureVoice(EngineContext(open_workers=no_workers, settings=settings))
        await engine.start()
        total = 0
        async for block in engine.speak(SpeechRequest(text="a")):
            total += len(block.data)
        assert total == 600 * 16_000 * 2
        await engine.close()
        await runner.cleanup()

    asyncio.run(main())


class _Tokens(Google):
    """A project that is entered by token."""

    key = ""

    def _authorise(self, request: web.Request) -> None:
        self.expect(request.headers.get("Authorization") == "Bearer ya29.token", "no token")


def test_a_google_service_account_signs_for_its_tokens(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    asked: list[dict[str, object]] = []

    async def main() -> None:
        google = _Tokens()

        async def token(request: web.Request) -> web.Response:
            form = await request.post()
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            claims = jwt.decode(str(form["assertion"]), key.public_key(), algorithms=["RS256"], audience=token_uri)
            asked.append(claims)
            return web.json_response({"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"})

        app = web.Application()
        app.add_routes([web.post("/token", token)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        token_uri = "http://{}:{}/token".format(*runner.addresses[0][:2])
        account = {"type": "service_account", "client_email": "me@x.iam", "private_key": pem, "token_uri": token_uri}
        path = tmp_path / "account.json"
        path.write_text(json.dumps(account))
        async with served(google, GoogleVoice, credentials_file=str(path)) as engine:
            assert await said(engine, "Hello")
            assert await said(engine, "Hello again")
        await runner.cleanup()
        assert google.faults == []

    asyncio.run(main())
    assert [one["iss"] for one in asked] == ["me@x.iam"]


@pytest.mark.parametrize(
    ("make", "settings", "key", "why"),
    [
        (GoogleVoice, {}, "google.api_key", "is needed, or credentials_file"),
        (GoogleVoice, {"credentials_file": "/nonexistent"}, "google.credentials_file", "cannot be used"),
        (AzureVoice, {"key": "k"}, "azure.region", "is needed"),
        (AzureVoice, {"region": "westeurope"}, "azure.key", "is needed"),
        (AzureVoice, {"region": "r", "key_file": "/nonexistent"}, "azure.key_file", "cannot be read"),
        (AzureVoice, {"regoin": "r", "key": "k"}, "azure.regoin", "is no setting of it"),
        (AzureVoice, {"endpoint": "ftp://x", "key": "k"}, "azure.endpoint", "must begin with https://"),
        (PollyVoice, {"access_key_id": "a", "secret_access_key": "b"}, "polly.region", "is needed"),
        (PollyVoice, {"region": "r", "access_key_id": "a"}, "polly.secret_access_key", "is needed"),
        (PiperVoice, {}, "piper.voices", "is needed"),
        (PiperVoice, {"voices": "/nonexistent"}, "piper.voices", "has no voice file"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(
    make: Callable[[EngineContext], SpeechEngine],
    settings: dict[str, str],
    key: str,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REGION", "DEFAULT_REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    with pytest.raises(ConfigError, match=why) as caught:
        make(EngineContext(open_workers=no_workers, settings=settings))
    assert caught.value.key == f"speech.options.{key}"


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret-key\n")

    async def main() -> None:
        azure = Azure()
        await azure.start()
        settings = {"endpoint": azure.url, "key_file": str(tmp_path / "key")}
        engine = AzureVoice(EngineContext(open_workers=no_workers, settings=settings))
        await engine.start()
        assert engine.ready() is None
        await engine.close()
        await azure.stop()

    asyncio.run(main())


KEYS = Keys(
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
    service="service",
)
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "query", "signature"),
    [
        ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", "?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signatures_are_those_of_the_published_examples(method: str, query: str, signature: str) -> None:
    """From the test suite of Signature Version 4: get-vanilla, get-vanilla-query-order-key-case, post-vanilla."""
    headers = sign(method, f"https://example.amazonaws.com/{query}", headers={}, body=b"", keys=KEYS, at=AT)
    assert headers["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={signature}")
    assert "wJalr" not in repr(KEYS)


def voice(name: str, language: str, gender: Gender = "female") -> ServiceVoice:
    return ServiceVoice(id=name, languages=(language,), gender=gender)


def test_styles_that_share_a_voice_are_moved_in_pitch() -> None:
    scots = Catalogue([voice("a", "en-AU"), voice("b", "en-GB")]).pick(resolve("en-GB-SCT").choice)
    assert scots is not None
    assert scots.voice.id == "b"
    catalogue = Catalogue([voice("a", "fi-FI"), voice("b", "sv-SE", "male")])
    picks = [catalogue.pick(resolve("sv-SE", style).choice) for style in range(4)]
    assert {pick.voice.id for pick in picks if pick} == {"b"}
    assert len({pick.pitch_percent for pick in picks if pick}) >= 3
    many = [catalogue.pick(resolve("fi-FI", style).choice) for style in (0, 1)]
    assert [pick.pitch_percent for pick in many if pick] == [0, 8]


def test_what_a_service_does_not_know_is_written_in_other_words() -> None:
    speech = parse(
        "<speak><emphasis level='strong'>a</emphasis><say-as interpret-as='unit'>2kg</say-as>"
        "<prosody pitch='high' volume='-6dB' rate='slow'>b &amp; c</prosody>"
        "<say-as interpret-as='expletive'>damn</say-as><phoneme alphabet='x-sampa' ph='h@'>d</phoneme></speak>"
    )
    assert write(speech, Dialect(say_as={"unit": "unit", "expletive": "bleep"}), language="en-US") == (
        '<emphasis level="strong">a</emphasis><say-as interpret-as="unit">2kg</say-as>'
        '<prosody rate="75%" pitch="+15%" volume="-6dB">b &amp; c</prosody>'
        '<say-as interpret-as="bleep">damn</say-as><phoneme alphabet="ipa" ph="hə">d</phoneme>'
    )
    assert write(speech, Dialect(emphasis=False, pitch=False, relative=True), language="en-US") == (
        '<prosody rate="0.9" volume="+58%">a</prosody>2 kilograms'
        '<prosody rate="0.75" volume="-50%">b &amp; c</prosody>'
        '<break time="320ms"/><phoneme alphabet="ipa" ph="hə">d</phoneme>'
    )


def test_markup_beyond_a_services_limit_is_left_out() -> None:
    many = parse("<speak>" + "<sub alias='b'>a</sub><emphasis>c</emphasis> " * 100 + "</speak>")
    assert "<emphasis" in write(many, Dialect(), language="en-US")
    assert write(many, Dialect(), language="en-US", most_bytes=1000) == "bc " * 99 + "bc"


def test_without_piper_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voice(tmp_path)
    monkeypatch.setattr("ringline.providers.piper._installed", lambda: None)

    async def main() -> None:
        engine = PiperVoice(EngineContext(open_workers=no_workers, settings={"voices": str(tmp_path)}))
        await engine.start()
        assert engine.ready() == "Piper is not installed: pip install ringline[piper]"
        with pytest.raises(ProviderError, match="not installed"):
            await said(engine, "Hello")
        await engine.close()

    asyncio.run(main())


def test_this_process_never_loads_piper() -> None:
    assert "piper" not in sys.modules
    assert "onnxruntime" not in sys.modules


def test_piper_keeps_rate_pauses_volume_and_pitch(tmp_path: Path) -> None:
    write_voice(tmp_path)

    async def main() -> None:
        def open_workers(wanted: WorkerProgram) -> WorkerPool:
            return WorkerPool(wanted.command, name=wanted.name, size=1, start_timeout_s=wanted.start_timeout_s)

        engine = PiperVoice(EngineContext(open_workers=open_workers, settings={"voices": str(tmp_path)}))
        await engine.start()
        plain = await said(engine, "<speak>hello</speak>")
        slow = await said(engine, "<speak><prosody rate='x-slow'>hello</prosody></speak>")
        assert len(slow) == pytest.approx(2 * len(plain), rel=0.02)
        paused = await said(engine, "<speak>hello <break time='500ms'/> hello</speak>")
        assert len(paused) == pytest.approx(2 * len(plain) + 16_000, abs=2000)
        high = await said(engine, "<speak><prosody pitch='x-high'>hello</prosody></speak>")
        assert len(high) == pytest.approx(len(plain), rel=0.02)
        assert crossings(high) == pytest.approx(1.3 * crossings(plain), rel=0.05)
        soft = await said(engine, "<speak><prosody volume='-6dB'>hello</prosody></speak>")
        assert max(samples(soft)) == pytest.approx(max(samples(plain)) / 2, rel=0.02)
        with pytest.raises(ProviderError, match="no voice for de-DE"):
            await said(engine, "hallo", "de-DE")
        await engine.close()

    asyncio.run(main())


def samples(pcm: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def crossings(pcm: bytes) -> int:
    found = samples(pcm)
    return sum(1 for one, other in itertools.pairwise(found) if one < 0 <= other)
