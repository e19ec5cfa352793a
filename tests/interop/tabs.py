"""Pages of Chromium whose microphone is a tone, and whose calls are measured: for pages that bring their own client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from websockets.exceptions import WebSocketException

from .chromium import Chromium, Page, PageError

SOUND: Final = """
// Microphones of this page are a tone; what its calls bring is measured.
window.sound = {
  hz: 440, streams: [], context: null, unreachable: false,
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
    const take = this.setRemoteDescription.bind(this);
    this.setRemoteDescription = (given) => {
      const sdp = window.sound.unreachable ? given.sdp.replace(/^a=candidate.*\\r\\n/gm, "") : given.sdp;
      return take({type: given.type, sdp});
    };
    this.addEventListener("track", ({track}) => { window.sound.streams.push(new MediaStream([track])); });
  }
};
"""


class Tab:
    """One page: what it says is a tone, what it hears is measured."""

    def __init__(self, browser: Chromium, url: str, *, hz: float = 440) -> None:
        self.page: Page = browser.page()
        script = f"{SOUND}\nwindow.sound.hz = {hz};"
        self.page.command("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.page.goto(url)

    def run(self, expression: str) -> Any:
        """Evaluate an expression, a promise to its end; give its value.

        Raises:
            AssertionError: it threw.
        """
        try:
            return self.page.run(expression)
        except PageError as error:
            raise AssertionError(f"{expression[:200]}: {error} {self.page.console[-5:]}") from None

    def until(self, expression: str, *, within_s: float = 30.0) -> Any:
        """Wait until an expression is true; gives its value."""
        return poll(lambda: self.run(expression), within_s=within_s, otherwise=lambda: self._despair(expression))

    def click(self, selector: str) -> None:
        """Click on what a selector finds."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def hears(self, *, within_s: float = 30.0) -> float:
        """The frequency of what the latest track brings, once there is a sound, in Hz."""
        last: dict[str, float] = {}

        def listen() -> float | None:
            nonlocal last
            last = self.run("sound.streams.length ? sound.heard(sound.streams.at(-1), 0.6) : {hz: 0, db: -999}")
            return last["hz"] if last["db"] is not None and last["db"] > -60 else None

        return float(poll(listen, within_s=within_s, otherwise=lambda: f"the page hears nothing: {last}"))

    def close(self) -> None:
        """Close it, as a user does."""
        with suppress(OSError, WebSocketException, PageError, TimeoutError):
            self.page.close()

    def _despair(self, expression: str) -> str:
        return f"{expression} did not become true; the page says {self.page.console[-8:]}"


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
