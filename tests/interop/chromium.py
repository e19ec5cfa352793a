"""Headless Chromium as a peer: pages that run JavaScript, speak tones and record what they hear."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.request import Request, urlopen

from websockets.sync.client import connect

_STARTS_IN_S: Final = 30.0
_ANSWERS_IN_S: Final = 30.0
RATE_HZ: Final = 48_000
"The rate of what pages record."

_SWITCHES: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns,AudioServiceOutOfProcess",
    "--allow-loopback-in-peer-connection",
    "--remote-debugging-port=0",
)

AUDIO_JS: Final = """
(() => {
  if (window.ringline) return;
  const context = new AudioContext({sampleRate: 48000});
  const recorders = new Map();
  window.ringline = {
    context,
    // A stream with one track that says a tone.
    tone(hz, level = 0.25) {
      const oscillator = new OscillatorNode(context, {frequency: hz});
      const gain = new GainNode(context, {gain: level});
      const out = new MediaStreamAudioDestinationNode(context);
      oscillator.connect(gain).connect(out);
      oscillator.start();
      return out.stream;
    },
    // From now on, keep what a stream says under this name.
    record(name, stream) {
      const player = new Audio();
      player.muted = true;
      player.srcObject = stream;
      player.play();
      const source = context.createMediaStreamSource(stream);
      const tap = context.createScriptProcessor(4096, 1, 1);
      const kept = [];
      tap.onaudioprocess = (event) => {
        kept.push(Float32Array.from(event.inputBuffer.getChannelData(0)));
        if (kept.length > 240) kept.shift();
      };
      source.connect(tap).connect(context.destination);
      recorders.set(name, {kept, player, source, tap});
    },
    // The last so many seconds of it, as base64 of 16-bit samples.
    heard(name, seconds) {
      const {kept} = recorders.get(name);
      const blocks = kept.slice(-Math.ceil(seconds * 48000 / 4096));
      const samples = new Int16Array(blocks.length * 4096);
      blocks.forEach((block, at) => block.forEach((value, index) => {
        samples[at * 4096 + index] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      }));
      let text = "";
      new Uint8Array(samples.buffer).forEach((byte) => { text += String.fromCharCode(byte); });
      return btoa(text);
    },
    recorded(name) { return recorders.has(name) ? recorders.get(name).kept.length * 4096 / 48000 : 0; },
  };
})();
"""


class PageError(Exception):
    """JavaScript has thrown, or the browser has refused a command."""


class Page:
    """One tab."""

    def __init__(self, address: str) -> None:
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(address, max_size=None, open_timeout=_ANSWERS_IN_S, compression=None)
        )
        self._ids = itertools.count(1)
        self.console: list[str] = []
        "What the page has said on its console, and what it has thrown without catching it."
        self.command("Runtime.enable")
        self.command("Page.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and wait for its result."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        end = time.monotonic() + _ANSWERS_IN_S
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.0, end - time.monotonic())))
            if message.get("id") == number:
                if "error" in message:
                    raise PageError(f"{method}: {message['error'].get('message')}")
                result: dict[str, Any] = message.get("result", {})
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.consoleAPICalled":
            words = [str(one.get("value", one.get("description", ""))) for one in parameters.get("args", ())]
            self.console.append(" ".join(words))
        elif message.get("method") == "Runtime.exceptionThrown":
            details = parameters.get("exceptionDetails", {})
            self.console.append(f"thrown: {details.get('exception', {}).get('description', details.get('text'))}")

    def run(self, script: str) -> Any:
        """Evaluate an expression (awaited if it is a promise); give its value as JSON can say it.

        Raises:
            PageError: it has thrown.
        """
        result = self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(str(details.get("exception", {}).get("description", details.get("text"))))
        return result.get("result", {}).get("value")

    def function(self, body: str, *arguments: Any) -> Any:
        """Run an `async` function's body; its arguments are `a`, `b`, `c` and so on, given as JSON."""
        names = ", ".join("abcdefgh"[: len(arguments)])
        values = ", ".join(json.dumps(argument) for argument in arguments)
        return self.run(f"(async ({names}) => {{ {body} }})({values})")

    def goto(self, url: str) -> None:
        """Open another page and wait until it is loaded."""
        self.command("Page.navigate", url=url)
        self.until(lambda: self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank")

    def until(self, happened: Callable[[], bool], *, within_s: float = 30.0) -> None:
        """Ask again and again.

        Raises:
            TimeoutError: it did not happen.
        """
        end = time.monotonic() + within_s
        while not happened():
            if time.monotonic() > end:
                raise TimeoutError(f"it did not happen; the console says {self.console[-20:]}")
            time.sleep(0.05)

    def has(self, expression: str, *, within_s: float = 30.0) -> None:
        """Wait until an expression is true."""
        self.until(lambda: bool(self.run(expression)), within_s=within_s)

    # ── audio ──

    def prepare_audio(self) -> None:
        """Give the page `ringline.tone(hz)`, `ringline.record(name, stream)` and `ringline.heard(name, seconds)`."""
        self.run(AUDIO_JS)
        self.run("ringline.context.resume()")

    def heard(self, name: str = "far", *, seconds: float = 1.0) -> bytes:
        """What was heard last under this name, at `RATE_HZ`; waits until there is so much more of it."""
        since = float(self.run(f"ringline.recorded({json.dumps(name)})"))
        enough = min(since + seconds + 0.1, 20.0)  # older audio is dropped, so the counter stops there
        if since < 20.0:
            self.until(lambda: float(self.run(f"ringline.recorded({json.dumps(name)})")) >= enough, within_s=15.0)
        else:
            time.sleep(seconds + 0.1)
        return base64.b64decode(self.run(f"ringline.heard({json.dumps(name)}, {seconds})"))

    def close(self) -> None:
        """Close the tab, as a user does."""
        self.command("Page.close")
        self._open.close()


class Chromium:
    """A running browser with a profile of its own; use with `with`."""

    def __init__(self, directory: Path, *, believes_anybody: bool = False) -> None:
        """`believes_anybody`: certificates of our own authorities are good enough."""
        program = next(
            (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
        )
        if program is None:
            raise FileNotFoundError("the tests need Chromium: Debian's package is chromium")
        self._profile = directory / "chromium"
        self._profile.mkdir(parents=True, exist_ok=True)
        self._log = (directory / "chromium.log").open("wb")
        switches = (*_SWITCHES, "--ignore-certificate-errors") if believes_anybody else _SWITCHES
        command = [program, *switches, f"--user-data-dir={self._profile}", "about:blank"]
        home = {**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=home, start_new_session=True)
        self._port = self._find_port()
        self._pages: list[Page] = []

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def _find_port(self) -> int:
        end = time.monotonic() + _STARTS_IN_S
        told = self._profile / "DevToolsActivePort"
        while time.monotonic() < end and self._process.poll() is None:
            if told.exists() and (lines := told.read_text().split()):
                return int(lines[0])
            time.sleep(0.05)
        self.quit()
        raise TimeoutError("Chromium did not start; see chromium.log")

    def page(self, url: str = "about:blank") -> Page:
        """Open a tab."""
        request = Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urlopen(request, timeout=_ANSWERS_IN_S) as reply:
            address = json.load(reply)["webSocketDebuggerUrl"]
        page = Page(address)
        self._pages.append(page)
        if url != "about:blank":
            page.goto(url)
        return page

    def quit(self) -> None:
        """End the browser and all of its processes."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, 15)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, 9)
                self._process.wait(10)
        self._log.close()
