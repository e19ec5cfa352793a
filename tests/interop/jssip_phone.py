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

from .chromium import Chromium, Page, PageError

_FOLDER: Final = Path(__file__).parent / "jssip"
_INSTALL_S: Final = 120


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
        self._opened = ExitStack()
        self._page: Page | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            web = _serve()
            opening.callback(web.server_close)
            opening.callback(web.shutdown)
            browser = opening.enter_context(Chromium(self.folder, believes_anybody=True))
            self._page = browser.page(f"http://127.0.0.1:{web.server_address[1]}/")
            self._page.has("typeof phone === 'object'")
            self.run(f"phone.start({json.dumps(self._given)})")
            self._opened = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError, WebSocketException, PageError, TimeoutError):
                error.add_note(f"--- JsSIP\n{self.events()}, loudest {self.run('phone.loudest()')}")
        self._opened.close()

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

    def changes_network(self) -> None:
        """Offer new names for its checks within the connection that there is, and wait until that is agreed."""
        self._until(lambda: bool(self.run("phone.session.isReadyToReOffer()")), "the last change is not agreed", 20.0)
        name = "(phone.session.connection.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/) || [])[1]"
        before = self.run(name)
        assert self.run("phone.session.renegotiate({rtcOfferConstraints: {iceRestart: true}})") is True
        self._until(lambda: self.run(name) not in (None, before), "it got no new name for our checks", 20.0)

    def presses(self, keys: str) -> None:
        self.run(f"void phone.session.sendDTMF({json.dumps(keys)})")

    # ── what it sees and hears ─────────────────────────────────────────────────────────────────────────────────────

    def events(self) -> list[str]:
        """What happened, in order: `registered`, `call remote`, `confirmed local`, `ended remote Terminated` …"""
        found: list[str] = self.run("phone.events")
        return found

    def wait(self, event: str, *, within_s: float = 30.0) -> None:
        """Wait for an event that begins like this.

        Raises:
            AssertionError: it never came.
        """
        self._until(lambda: any(each.startswith(event) for each in self.events()), f"no {event}", within_s)

    def wait_hears(self, hz: float, *, within_s: float = 30.0) -> None:
        """Wait until a tone is the loudest thing it hears.

        Raises:
            AssertionError: it never is.
        """

        def heard() -> bool:
            loudest, level = self.run("phone.loudest()")
            return bool(abs(loudest - hz) < 15 and level > -60)

        self._until(heard, f"{hz} Hz were not heard", within_s)

    def wait_silence(self, *, within_s: float = 30.0) -> None:
        """Wait until it hears nothing.

        Raises:
            AssertionError: it goes on hearing something.
        """
        self._until(lambda: self.run("phone.loudest()")[1] < -90, "it is not silent", within_s)

    def run(self, script: str) -> Any:
        """Have the page evaluate this, and give its value.

        Raises:
            PageError: the page has thrown.
        """
        assert self._page is not None
        return self._page.run(script)

    def _until(self, condition: Callable[[], bool], otherwise: str, within_s: float) -> None:
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, otherwise
            time.sleep(0.1)


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
