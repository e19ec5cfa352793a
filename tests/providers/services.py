"""Speech services that answer as the public documentation of each says, and check what they are asked.

What is wrong with a request is answered as the real service would, and kept in `faults`. The audio is a tone whose
pitch tells the voice and whose length tells the text, so that what is heard can be measured.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree

from aiohttp import web

from ringline.testing.audio import tone

RATE_HZ: Final = 16_000
SECONDS_PER_CHARACTER: Final = 0.02
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_SSML: Final = "{http://www.w3.org/2001/10/synthesis}"


class Service(ABC):
    """One service on a port of its own; `mode` says how it behaves."""

    key = "s3cret-key"

    def __init__(self) -> None:
        self.mode = "fine"
        "`fine`, `down` (503), `refuses` (401), `busy` (429), `hangs`, `garbage`, `cuts` (breaks off in the audio)."
        self.texts: list[str] = []
        "The SSML that was spoken."
        self.voices: list[str] = []
        "The voices that spoke it."
        self.faults: list[str] = []
        self.under_way = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What the engine's settings must be to reach it."""

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """What it serves."""

    async def start(self) -> None:
        app = web.Application(middlewares=[self._behave], client_max_size=16_000_000)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def expect(self, condition: bool, what: str) -> None:
        if not condition:
            self.faults.append(what)
            raise web.HTTPBadRequest(text=json.dumps({"error": {"message": what}}))

    def audio(self, voice: str, ssml: str, most: float = 60.0) -> bytes:
        """The tone of a voice, for as long as the text."""
        self.texts.append(ssml)
        self.voices.append(voice)
        root = ElementTree.fromstring(ssml)
        words = " ".join("".join(root.itertext()).split())
        moved = "".join(re.findall(r'<prosody (?:pitch|rate)="[^"]+"', ssml)[:1])
        hz = 300 + int(hashlib.sha256(f"{voice}{moved}".encode()).hexdigest(), 16) % 1200
        return tone(hz, min(most, 0.1 + len(words) * SECONDS_PER_CHARACTER), RATE_HZ)

    async def stream(self, request: web.Request, audio: bytes, content_type: str) -> web.StreamResponse:
        """Send audio in chunks, an odd number of bytes each."""
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for start in range(0, len(audio), 3001):
            await response.write(audio[start : start + 3001])
            if self.mode == "cuts":
                assert request.transport is not None
                request.transport.abort()
                break
        return response

    @web.middleware
    async def _behave(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.under_way += 1
        try:
            match self.mode:
                case "down":
                    return web.Response(status=503, text="Service Unavailable")
                case "refuses":
                    return web.json_response({"error": {"message": "the key is not valid"}}, status=401)
                case "busy":
                    return web.json_response({"message": "Rate exceeded"}, status=429)
                case "hangs":
                    await asyncio.sleep(3600)
                case "garbage":
                    return web.Response(text="<html>welcome to the hotel's network</html>")
            return await handler(request)
        finally:
            self.under_way -= 1


class Google(Service):
    """Cloud Text-to-Speech v1: text:synthesize and voices."""

    names = tuple(
        (f"{language}-{family}-{letter}", language, "FEMALE" if letter in "ACE" else "MALE")
        for language in ("en-US", "en-GB", "de-DE", "cmn-CN")
        for family in ("Standard", "Wavenet")
        for letter in "ABCD"
    )

    @property
    def settings(self) -> dict[str, str]:
        return {"endpoint": self.url, "api_key": self.key}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/voices", self._list), web.post("/v1/text:synthesize", self._synthesize)]

    def _authorise(self, request: web.Request) -> None:
        if request.headers.get("X-Goog-Api-Key") != self.key or request.query_string:
            self.faults.append("no key")
            raise web.HTTPForbidden(text=json.dumps({"error": {"code": 403, "message": "no key"}}))

    async def _list(self, request: web.Request) -> web.Response:
        self._authorise(request)
        voices: list[dict[str, Any]] = [
            {"languageCodes": [language], "name": name, "ssmlGender": gender, "naturalSampleRateHertz": 24000}
            for name, language, gender in self.names
        ]
        voices.append(
            {"languageCodes": ["en-US"], "name": "en-US-Chirp3-HD-Leda", "ssmlGender": "FEMALE"},
        )
        return web.json_response({"voices": voices})

    async def _synthesize(self, request: web.Request) -> web.StreamResponse:
        self._authorise(request)
        body = await request.json()
        self.expect(set(body) == {"input", "voice", "audioConfig"}, f"members {sorted(body)}")
        self.expect(set(body["input"]) == {"ssml"}, "input")
        self.expect(len(body["input"]["ssml"].encode()) <= 5000, "either input.text or input.ssml is longer than 5000")
        self.expect(body["audioConfig"] == {"audioEncoding": "LINEAR16", "sampleRateHertz": RATE_HZ}, "audioConfig")
        voice = body["voice"]["name"]
        found = {name: language for name, language, _ in self.names}
        self.expect(found.get(voice) == body["voice"]["languageCode"], f"voice {voice}")
        samples = self.audio(voice, body["input"]["ssml"])
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16,
            b"data", len(samples),
        )  # fmt: skip
        if self.mode == "cuts":
            return await self.stream(request, json.dumps({"audioContent": "A" * 9000}).encode(), "application/json")
        return web.json_response({"audioContent": base64.b64encode(head + samples).decode()})


class Azure(Service):
    """Azure AI Speech: cognitiveservices/v1 and the list of voices."""

    names = tuple(
        (f"{locale}-{name}Neural", locale, gender)
        for locale in ("en-US", "en-GB", "de-DE", "zh-CN")
        for name, gender in (("Ava", "Female"), ("Emma", "Female"), ("Brian", "Male"), ("Guy", "Male"))
    )

    @property
    def settings(self) -> dict[str, str]:
        return {"endpoint": self.url, "key": self.key}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cognitiveservices/voices/list", self._list),
            web.post("/cognitiveservices/v1", self._synthesize),
        ]

    def _authorise(self, request: web.Request) -> None:
        if request.headers.get("Ocp-Apim-Subscription-Key") != self.key:
            self.faults.append("no key")
            raise web.HTTPUnauthorized

    async def _list(self, request: web.Request) -> web.Response:
        self._authorise(request)
        return web.json_response(
            [
                {"Name": name, "ShortName": name, "Gender": gender, "Locale": locale, "Status": "GA"}
                for name, locale, gender in self.names
            ]
        )

    async def _synthesize(self, request: web.Request) -> web.StreamResponse:
        self._authorise(request)
        self.expect(request.content_type == "application/ssml+xml", "Content-Type")
        self.expect(request.headers.get("X-Microsoft-OutputFormat") == "raw-16khz-16bit-mono-pcm", "the format")
        self.expect(bool(request.headers.get("User-Agent")), "User-Agent is required")
        text = await request.text()
        root = ElementTree.fromstring(text)
        self.expect(root.tag == f"{_SSML}speak" and root.get("version") == "1.0", "the root element")
        self.expect(bool(root.get(_XML_LANG)), "xml:lang")
        voice = root.find(f"{_SSML}voice")
        assert voice is not None
        name = voice.get("name") or ""
        self.expect(name in [known for known, _, _ in self.names], f"voice {name}")
        return await self.stream(request, self.audio(name, text), "audio/basic")


class Polly(Service):
    """Amazon Polly: SynthesizeSpeech and DescribeVoices, in two pages; every signature is worked out again."""

    key_id = "AKIDEXAMPLE"
    names = (
        ("Joanna", "en-US", "Female", ("standard", "neural")),
        ("Kimberly", "en-US", "Female", ("standard", "neural")),
        ("Matthew", "en-US", "Male", ("standard", "neural")),
        ("Ruth", "en-US", "Female", ("neural", "generative")),
        ("Amy", "en-GB", "Female", ("standard", "neural")),
        ("Brian", "en-GB", "Male", ("standard",)),
        ("Vicki", "de-DE", "Female", ("standard", "neural")),
        ("Hans", "de-DE", "Male", ("standard",)),
        ("Zeina", "arb", "Female", ("standard",)),
        ("Zhiyu", "cmn-CN", "Female", ("standard",)),
    )

    @property
    def settings(self) -> dict[str, str]:
        return {
            "endpoint": self.url,
            "region": "eu-west-1",
            "access_key_id": self.key_id,
            "secret_access_key": self.key,
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/voices", self._list), web.post("/v1/speech", self._synthesize)]

    async def _authorise(self, request: web.Request) -> None:
        """As AWS documents the check: rebuild the canonical request from what is signed, and compare."""
        given = dict(
            part.strip().split("=", 1) for part in request.headers["Authorization"].split(" ", 1)[1].split(",")
        )
        moment = request.headers["X-Amz-Date"]
        asked_at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        scope = given["Credential"].split("/", 1)[1]
        names = given["SignedHeaders"].split(";")
        canonical = [request.method, request.path, request.rel_url.raw_query_string]
        canonical += [f"{name}:{request.headers[name].strip()}" for name in names]
        canonical += ["", ";".join(names), hashlib.sha256(await request.read()).hexdigest()]
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        key = f"AWS4{self.key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode()
        right = hmac.new(key, text, hashlib.sha256).hexdigest() == given["Signature"]
        fresh = abs((datetime.now(UTC) - asked_at).total_seconds()) < 300
        named = given["Credential"].startswith(f"{self.key_id}/") and scope.endswith("/eu-west-1/polly/aws4_request")
        if not (right and fresh and named and "host" in names and "x-amz-date" in names):
            self.faults.append("the signature does not match")
            raise web.HTTPForbidden(text=json.dumps({"message": "the signature does not match"}))

    async def _list(self, request: web.Request) -> web.Response:
        await self._authorise(request)
        page = self.names[5:] if request.query.get("NextToken") == "more voices" else self.names[:5]
        voices = [
            {"Id": name, "LanguageCode": language, "Gender": gender, "SupportedEngines": list(engines)}
            for name, language, gender, engines in page
        ]
        more = {} if page == self.names[5:] else {"NextToken": "more voices"}
        return web.json_response({"Voices": voices, **more})

    async def _synthesize(self, request: web.Request) -> web.StreamResponse:
        await self._authorise(request)
        body = await request.json()
        self.expect(body["OutputFormat"] == "pcm" and body["SampleRate"] in ("8000", "16000"), "the format")
        self.expect(body["TextType"] == "ssml", "TextType")
        self.expect(len(body["Text"]) <= 6000, "TextLengthExceeded")
        known = {name: (language, engines) for name, language, _, engines in self.names}
        self.expect(body["VoiceId"] in known, "VoiceId")
        language, engines = known[body["VoiceId"]]
        self.expect(body["LanguageCode"] == language, "LanguageCode")
        self.expect(body["Engine"] in engines, "EngineNotSupported")
        if body["Engine"] == "neural":
            self.expect("<emphasis" not in body["Text"] and "pitch=" not in body["Text"], "Unsupported Neural feature")
        return await self.stream(request, self.audio(body["VoiceId"], body["Text"]), "audio/pcm")
