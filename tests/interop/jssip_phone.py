"""JsSIP in a headless Chromium: a phone in a browser, over a WebSocket, that says a tone and measures what it hears."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

_FOLDER: Final = Path(__file__).parent / "jssip"
_INSTALL_S: Final = 120
_START_S: Final = 20.0
_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--ignore-certificate-errors",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


class JsSipPhone:
    """One phone in a browser of its own. `with` starts and ends it."""

    def __init__(
        self,
        directory: Path,
        *,
        user: str,
        password: str,
        server: str,
        host: str = "127.0.0.1",
        tone_hz: int = 440,
        answers: bool = False,
    ) -> None:
        """`server` is a `ws:` or `wss:` address, `host` the SIP domain; `answers`: it takes calls by itself."""
        self.folder = directory / f"chromium-{user}-{tone_hz}"
        self._given = {
            "uri": f"sip:{user}@{host}",
            "server": server,
            "password": password,
            "tone_hz": tone_hz,
            "answers": answers,
        }
        self._browser: subprocess.Popen[bytes] | None = None
        self._web: ThreadingHTTPServer | None = None
        self._opened = ExitStack()
        self._wire: ClientConnection | None = None
        self._session = ""
        self._number = 0

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        self._web = _serve()
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        assert program is not None, "Chromium is needed: `make peers` installs it"
        with (self.folder / "out.log").open("wb") as out:
            command = [program, *_OPTIONS, f"--user-data-dir={self.folder / 'profile'}", "about:blank"]
            self._browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            self._open(f"http://127.0.0.1:{self._web.server_address[1]}/")
            self.run(f"phone.start({json.dumps(self._given)})")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError, WebSocketException, AssertionError):
                error.add_note(f"--- JsSIP\n{self.events()}, loudest {self.run('phone.loudest()')}")
        self._end()

    # ── what it does ───────────────────────────────────────────────────────────────────────────────────────────────

    def dials(self, target: str) -> None:
        self.run(f"void phone.dial({json.dumps(target)})")

    def hangs_up(self) -> None:
        self.run("void phone.session.terminate()")

    def holds(self) -> None:
        self.run("void phone.session.hold()")

    def resumes(self) -> None:
        # A change before the last one is agreed is one that JsSIP does not even ask for.
        self._until(lambda: bool(self.run("phone.session.isReadyToReOffer()")), "the last change is not agreed", 20.0)
        self.run("void phone.session.unhold()")

    def presses(self, keys: str) -> None:
        self.run(f"void phone.session.sendDTMF({json.dumps(keys)})")

    # ── what it sees and hears ─────────────────────────────────────────────────────────────────────────────────────

    def events(self) -> list[str]:
        """What happened, in order: `registered`, `call remote`, `confirmed local`, `ended remote Terminated` …"""
        found: list[str] = self.run("phone.events")
        return found

    def wait(self, event: str, *, within_s: float = 20.0) -> None:
        """Wait for an event that begins like this.

        Raises:
            AssertionError: it never came.
        """
        self._until(lambda: any(each.startswith(event) for each in self.events()), f"no {event}", within_s)

    def wait_hears(self, hz: float, *, within_s: float = 20.0) -> None:
        """Wait until a tone is the loudest thing it hears.

        Raises:
            AssertionError: it never is.
        """

        def heard() -> bool:
            loudest, level = self.run("phone.loudest()")
            return bool(abs(loudest - hz) < 15 and level > -60)

        self._until(heard, f"{hz} Hz were not heard", within_s)

    def wait_silence(self, *, within_s: float = 20.0) -> None:
        """Wait until it hears nothing.

        Raises:
            AssertionError: it goes on hearing something.
        """
        self._until(lambda: self.run("phone.loudest()")[1] < -90, "it is not silent", within_s)

    def run(self, script: str) -> Any:
        """Have the page evaluate this, and give its value.

        Raises:
            AssertionError: the page raised.
        """
        answer = self._ask(
            "Runtime.evaluate", {"expression": script, "awaitPromise": True, "returnByValue": True}, self._session
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def _until(self, condition: Callable[[], bool], otherwise: str, within_s: float) -> None:
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, otherwise
            time.sleep(0.1)

    # ── the browser ────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, page: str) -> None:
        assert self._browser is not None
        told = self.folder / "profile" / "DevToolsActivePort"
        end = time.monotonic() + _START_S
        while not told.exists() or len(told.read_text().splitlines()) < 2:
            assert self._browser.poll() is None, (self.folder / "out.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, "Chromium does not start"
            time.sleep(0.05)
        port, path = told.read_text().splitlines()[:2]
        self._wire = self._opened.enter_context(connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None))
        target = self._ask("Target.createTarget", {"url": page})["targetId"]
        self._session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._until(lambda: self.run("typeof phone === 'object'") is True, "the page does not load", _START_S)

    def _ask(self, method: str, params: dict[str, Any], session: str = "") -> dict[str, Any]:
        assert self._wire is not None
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._wire.send(json.dumps(asked))
        while True:
            answer = json.loads(self._wire.recv(timeout=30))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _end(self) -> None:
        if self._wire is not None:
            with suppress(OSError, WebSocketException):
                self._wire.send(json.dumps({"id": 0, "method": "Browser.close"}))
            self._opened.close()
        browser = self._browser
        if browser is not None:
            try:
                browser.wait(5)
            except subprocess.TimeoutExpired:
                browser.kill()
                browser.wait(5)
        if self._web is not None:
            self._web.shutdown()
            self._web.server_close()
        shutil.rmtree(self.folder / "profile", ignore_errors=True)


def _serve() -> ThreadingHTTPServer:
    """A web server with the page and the library."""
    modules = json.dumps(_modules()).encode()
    page = (_FOLDER / "phone.html").read_bytes()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = ("application/json", modules) if self.path == "/modules.json" else ("text/html", page)
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _modules() -> dict[str, str]:
    """The source of everything that was installed, by its path."""
    folder = _installed() / "node_modules"
    files = [each for suffix in ("js", "json") for each in folder.rglob(f"*.{suffix}")]
    return {str(each.relative_to(folder)): each.read_text() for each in files}


def _installed() -> Path:
    """The folder with the library, installed if it is not there yet."""
    lists = ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join((_FOLDER / one).read_bytes() for one in lists)).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringline-tests"
    folder = cache / f"jssip-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "jssip.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for one in lists:
                shutil.copy(_FOLDER / one, folder)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_S)
            (folder / "complete").touch()
    return folder
