"""Chromium without a window, steered over its DevTools protocol: pages that speak and listen by tones."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--mute-audio",
    "--no-first-run",
    "--remote-debugging-port=0",
)
_START_S: Final = 30.0
_ANSWER_S: Final = 30.0

SOUND: Final = """
// Microphones of this page are a tone; what its calls bring is measured.
window.sound = {
  hz: 440, streams: [], context: null,
  start() {
    if (!this.context) this.context = new AudioContext({sampleRate: 48000});
    return this.context;
  },
  microphone() {
    const context = this.start(), out = context.createMediaStreamDestination();
    this.oscillator = context.createOscillator();
    const gain = context.createGain();
    gain.gain.value = 0.4;
    this.oscillator.frequency.value = this.hz;
    this.oscillator.connect(gain).connect(out);
    this.oscillator.start();
    return out.stream;
  },
  async heard(stream, seconds = 1) {
    const context = this.start();
    await context.resume();
    const player = new Audio();
    player.muted = true;
    player.srcObject = stream;
    player.play().catch(() => {});
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    await new Promise((done) => setTimeout(done, seconds * 1000));
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    let best = 1;
    for (let bin = 2; bin < levels.length; bin++) if (levels[bin] > levels[best]) best = bin;
    return {hz: best * context.sampleRate / analyser.fftSize, db: levels[best]};
  },
};
navigator.mediaDevices.getUserMedia = async () => window.sound.microphone();
window.peers = [];
const Peer = RTCPeerConnection;
window.RTCPeerConnection = class extends Peer {
  constructor(...given) {
    super(...given);
    window.peers.push(this);
    this.addEventListener("track", ({track}) => { window.sound.streams.push(new MediaStream([track])); });
  }
};
"""


class Chromium:
    """One browser process. Close it in any case."""

    def __init__(self) -> None:
        binary = shutil.which("chromium")
        assert binary, "chromium is not installed (the Debian package of that name)"
        self._pages: list[Page] = []
        self._profile = Path(tempfile.mkdtemp(prefix="ringline-chromium-"))
        self._process = subprocess.Popen(
            [binary, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._port = self._wait_for_port()
        except BaseException:
            self.close()
            raise

    def open(self, url: str, *, sound_hz: float = 440) -> Page:
        """A new page, whose microphone is a tone."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
            target = json.load(answer)
        page = Page(target["webSocketDebuggerUrl"])
        self._pages.append(page)
        page.prepare(f"{SOUND}\nwindow.sound.hz = {sound_hz};")
        page.go(url)
        return page

    def close_pages(self) -> None:
        """Close all pages: their connections end."""
        for page in self._pages:
            page.close()
        self._pages.clear()

    def close(self) -> None:
        self.close_pages()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait(5)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _wait_for_port(self) -> int:
        file = self._profile / "DevToolsActivePort"
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            with suppress(OSError, ValueError, IndexError):
                return int(file.read_text().splitlines()[0])
            assert self._process.poll() is None, f"chromium ended with {self._process.returncode}"
            time.sleep(0.05)
        raise AssertionError("chromium does not start")


class Page:
    """One page of the browser."""

    def __init__(self, url: str) -> None:
        self._socket: ClientConnection = connect(url, max_size=None, open_timeout=_ANSWER_S)
        self._last = 0
        self.console: list[str] = []
        "What the page has logged, and what has failed in it."
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command of the protocol; its result."""
        self._last += 1
        number = self._last
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=_ANSWER_S))
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def prepare(self, script: str) -> None:
        """Run a script in every document before its own."""
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def go(self, url: str) -> None:
        """Load a page, and wait until it is there."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression: str) -> Any:
        """Evaluate an expression, a promise to its end; give its value.

        Raises:
            AssertionError: it threw.
        """
        told = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        failed = told.get("exceptionDetails")
        assert failed is None, f"{expression[:200]}: {failed.get('exception', failed)} {self.console[-5:]}"
        return told["result"].get("value")

    def until(self, expression: str, *, within_s: float = 20.0) -> Any:
        """Wait until an expression is true; gives its value."""
        return poll(lambda: self.run(expression), within_s=within_s, otherwise=lambda: self._despair(expression))

    def click(self, selector: str) -> None:
        """Click on what a selector finds."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def hears(self, *, within_s: float = 15.0) -> float:
        """The frequency of what the latest track brings, once there is a sound, in Hz."""
        last: dict[str, float] = {}

        def listen() -> float | None:
            nonlocal last
            last = self.run("sound.streams.length ? sound.heard(sound.streams.at(-1), 0.6) : {hz: 0, db: -999}")
            return last["hz"] if last["db"] is not None and last["db"] > -60 else None

        return float(poll(listen, within_s=within_s, otherwise=lambda: f"the page hears nothing: {last}"))

    def close(self) -> None:
        with suppress(OSError, WebSocketException, AssertionError, TimeoutError):
            self.send("Page.close")
        self._socket.close()

    def _despair(self, expression: str) -> str:
        return f"{expression} did not become true; the page says {self.console[-8:]}"

    def _note(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(one.get("value", "")) for one in told["params"]["args"]))
        elif told.get("method") == "Runtime.exceptionThrown":
            self.console.append(str(told["params"]["exceptionDetails"].get("exception", {}).get("description")))


def poll(look: Callable[[], Any], *, within_s: float, otherwise: Callable[[], str]) -> Any:
    """Ask until there is something; give it.

    Raises:
        AssertionError: there is nothing in time.
    """
    end = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(otherwise())
        time.sleep(0.05)
