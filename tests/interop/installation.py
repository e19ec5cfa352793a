"""A real Ringline: its own process, its own folder, free ports; started, watched and stopped from a test."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .ports import free_block, free_port

APPLICATION_ID: Final = "0b9d0c55-2222-4333-8444-955566677788"
API_KEY: Final = "abcd1234"
API_SECRET: Final = "Api-Secret-Of-Tests-1"
SIGNATURE_SECRET: Final = "signs-the-webhooks-of-these-tests-only"
TRUNK_USER: Final = "ringline-trunk"
TRUNK_PASSWORD: Final = "trunk secret"
NUMBERS: Final = tuple(f"4420794{60_100 + index}" for index in range(500))
FREE_NUMBER: Final = "442079461990"
"A number of the installation that is linked to no application."
DEAD_NUMBER: Final = "442079461991"
"A number of an application whose answer URL nobody serves."
ALICE_PASSWORD: Final = "alice-secret"
DESK_PASSWORD: Final = "desk-secret"
CLERK_PASSWORD: Final = "clerk-secret"
ALICE: Final = f"""
[[users]]
username = "alice"
password = "{ALICE_PASSWORD}"
number = "442079460900"
[[users]]
username = "desk"
password = "{DESK_PASSWORD}"
number = "442079460901"
[[users]]
username = "clerk"
password = "{CLERK_PASSWORD}"
number = "442079460902"
"""
"Users who can log in: one with any phone, one whose registrations a single test makes, and one who transfers calls."
_READY_S: Final = 90.0
_STOP_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the REST API answered."""

    status: int
    body: Any
    "Parsed JSON where it is JSON; else bytes."
    headers: dict[str, str]


class Installation:
    """One Ringline server. `start` it, and `stop` it in any case."""

    def __init__(
        self,
        directory: Path,
        webhooks: str,
        *,
        sections: str = "",
        limits: str = "",
        account: bool = True,
        file_limit_bytes: int | None = None,
        media_timeout_s: int = 60,
        codecs: Sequence[str] = (),
        trunk_addresses: Sequence[str] = ("127.0.0.1",),
        sip: str = "",
        media: str = "",
    ) -> None:
        """`sections` is added to the settings, `sip` and `media` to their sections of that name; without `account`
        there are no applications and nobody can log in.

        `codecs` are offered and taken instead of the usual ones.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.webhooks = webhooks
        self.sip_port, self.http_port, self.https_port = free_port(), free_port(), free_port()
        self.trunk_port = free_port()
        "Where the carrier of the trunk `carrier` listens: whoever plays it takes this port."
        self.media_ports = free_block(400)
        self.key_file = directory / "private.key"
        self.settings_file = directory / "ringline.toml"
        self.log_file = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._sections, self._limits, self._account = sections, limits, account
        self._file_limit_bytes = file_limit_bytes
        self._trunk_addresses = list(trunk_addresses)
        self._media_timeout_s = media_timeout_s
        self._sip, self._media = sip, media
        self._codecs = f"codecs = {json.dumps(list(codecs))}" if codecs else ""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.key_file.write_bytes(self._pem)
        self.write_settings()

    # ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────

    def write_settings(self, *, more: str = "") -> None:
        """Write the settings file; `more` is put at its end."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        text = f"""
data_dir = "var"
[server]
http_port = {self.http_port}
https_port = {self.https_port}
[sip]
port = {self.sip_port}
{self._sip}
[media]
port_min = {self.media_ports[0]}
port_max = {self.media_ports[1]}
media_timeout_s = {self._media_timeout_s}
{self._codecs}
{self._media}
[webhooks]
allow_private = true
[limits]
calls_per_second = 0
requests_per_second = 0
{self._limits}
[[trunks]]
name = "carrier"
addresses = {json.dumps(self._trunk_addresses)}
host = "127.0.0.1"
port = {self.trunk_port}
username = "{TRUNK_USER}"
password = "{TRUNK_PASSWORD}"
caller_id = "any"
"""
        if self._account:
            numbers = "".join(f'[[numbers]]\nnumber = "{each}"\napplication = "shop"\n' for each in NUMBERS)
            text += f"""
[account]
api_key = "{API_KEY}"
api_secret = "{API_SECRET}"
signature_secret = "{SIGNATURE_SECRET}"
[[applications]]
id = "{APPLICATION_ID}"
name = "shop"
answer_url = "{self.webhooks}/answer"
event_url = "{self.webhooks}/event"
public_key = '''{public.decode()}'''
[[applications]]
id = "0b9d0c55-2222-4333-8444-955566677799"
name = "dead"
answer_url = "http://127.0.0.1:{free_port()}/answer"
event_url = "{self.webhooks}/event"
{numbers}
[[numbers]]
number = "{FREE_NUMBER}"
[[numbers]]
number = "{DEAD_NUMBER}"
application = "dead"
"""
        self.settings_file.write_text(text + self._sections + more)

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────────────

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and wait for nothing."""
        log = self.log_file.open("ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGLINE_")}
        command = [sys.executable, "-c", "from ringline.cli import main; main()", "serve"]
        command += ["--config", str(self.settings_file), "--log-level", "DEBUG"]
        if self._file_limit_bytes is not None:
            # What a full disk is to a file: no write goes beyond the limit, and it fails with an error.
            command = ["prlimit", f"--fsize={self._file_limit_bytes}", *command]
        with log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        return self._process

    def start(self) -> None:
        """Start and wait until it is ready.

        Raises:
            AssertionError: it ended, or was not ready in time; with its log.
        """
        process = self.launch()
        end = time.monotonic() + _READY_S
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > end:
                why = "is not ready" if process.returncode is None else f"ended with {process.returncode}"
                self.stop()
                raise AssertionError(f"the server {why}:\n{self.log_tail()}")
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server itself, not to its workers."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait_ended(self, within_s: float = _STOP_S) -> int:
        """Wait for the process to end, and give its exit code."""
        assert self._process is not None
        return self._process.wait(within_s)

    def kill(self) -> None:
        """As a crash does: without a word, workers and all."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_STOP_S)

    def stop(self) -> int | None:
        """Ask it to end, and kill what is left; give the exit code, None if it had to be killed or never ran."""
        process = self._process
        if process is None:
            return None
        code: int | None = None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # the second one hangs up at once
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(_STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_S)
        return code

    def log_tail(self, lines: int = 60) -> str:
        """The end of its log."""
        with suppress(OSError):
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz", token=None).status == 200
        except (OSError, http.client.HTTPException):
            return False

    # ── REST ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, **claims: Any) -> str:
        """A token of the application."""
        now = int(time.time())
        given = {"application_id": APPLICATION_ID, "iat": now, "exp": now + 600, "jti": str(uuid.uuid4())} | claims
        return jwt.encode(given, self._pem, algorithm="RS256")

    def request(self, method: str, path: str, body: Any = None, *, token: str | None = "", tls: bool = False) -> Answer:
        """Ask the REST API; `token` None asks without one."""
        connection: http.client.HTTPConnection
        if tls:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            connection = http.client.HTTPSConnection("127.0.0.1", self.https_port, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        headers = {} if token is None else {"Authorization": f"Bearer {token or self.token()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        told = {name.lower(): value for name, value in response.getheaders()}
        is_json = told.get("content-type", "").startswith("application/json")
        return Answer(response.status, json.loads(data) if is_json and data else data, told)

    def call(self, to: dict[str, Any], ncco: list[dict[str, Any]], **more: Any) -> str:
        """Create a call and give its leg's id."""
        body = {"to": [to], "from": {"type": "phone", "number": NUMBERS[0]}, "ncco": ncco} | more
        answer = self.request("POST", "/v1/calls", body)
        assert answer.status == 201, answer
        leg: str = answer.body["uuid"]
        return leg

    def change(self, leg: str, **body: Any) -> Answer:
        """PUT to a call."""
        return self.request("PUT", f"/v1/calls/{leg}", body)

    def live_legs(self) -> list[dict[str, Any]]:
        """The application's legs that have not ended."""
        found = []
        for status in ("started", "ringing", "answered"):
            page = self.request("GET", f"/v1/calls?status={status}&page_size=100")
            assert page.status == 200, page
            found += page.body["_embedded"]["calls"]
        return found

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority behind the HTTPS listener."""
        return self.directory / "var" / "certificates" / "ca.pem"

    @property
    def sip_address(self) -> str:
        return f"127.0.0.1:{self.sip_port}"
