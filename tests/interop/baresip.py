"""baresip, a softphone: driven through its standard input, watched through its control port, and recorded."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import soxr

from ringline.server.certificates import Certificates
from ringline.testing.audio import tone

from .ports import free_block, free_port

_CONFIG: Final = """
poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 4
audio_player aubridge,nil
audio_source {source}
audio_alert aubridge,alert
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports {rtp_low}-{rtp_high}
rtcp_mux no
jitter_buffer_delay 1-2
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module opus.so
module l16.so
module sndfile.so
module aubridge.so
module aufile.so
module_tmp account.so
module_tmp uuid.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
ringback_disabled yes
menu_bell no
redial_attempts 0
"""


class Baresip:
    """One softphone. `with` starts and ends it."""

    def __init__(
        self,
        directory: Path,
        *,
        user: str = "baresip",
        password: str | None = None,
        tone_hz: int | None = 440,
        answers: bool = False,
        codecs: str = "PCMA,PCMU",
        registrar: str | None = None,
        transport: str = "udp",
        encrypts: str | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        """It says a tone, or nothing until it is told to. `answers`: it takes calls by itself.

        `password` answers challenges. It knows no other `codecs`.

        With a `registrar` (host:port) it registers, over `transport`. `encrypts`: `srtp` (where the other does, too) or
        `srtp-mand` (always). With `certificates` it speaks TLS: it believes their authority, and shows the one in them.
        """
        self.port = free_port()
        self.control_port = free_port()
        self.folder = directory / f"baresip-{self.port}"
        self.folder.mkdir(parents=True)
        low, high = free_block(40)
        voice = self.folder / "voice.wav"
        self._shape = _shape(codecs)
        _write(voice, tone(tone_hz or 440, 60, self._shape[0], level_db=-12 if tone_hz else -200), *self._shape)
        settings = _CONFIG.format(
            port=self.port,
            source=f"aufile,{voice}",
            rtp_low=low,
            rtp_high=high,
            control=self.control_port,
            folder=self.folder,
        )
        if encrypts is not None:
            settings += "module srtp.so\n"
        if certificates is not None:
            shown = self.folder / "certificate.pem"
            shown.write_bytes(certificates.cert_file.read_bytes() + certificates.key_file.read_bytes())
            settings += f"sip_cafile {certificates.ca_file}\nsip_certificate {shown}\n"
        (self.folder / "config").write_text(settings)
        (self.folder / "contacts").write_text("")
        home = registrar or "127.0.0.1"
        account = f"<sip:{user}@{home};transport={transport}>;audio_codecs={codecs}"
        account += f";regint={120 if registrar is not None else 0}"
        if encrypts is not None:
            account += f";mediaenc={encrypts}"
        if password is not None:
            account += f";auth_user={user};auth_pass={password}"
        (self.folder / "accounts").write_text(f"{account};answermode={'auto' if answers else 'manual'}\n")
        self.uri = f"sip:{user}@127.0.0.1:{self.port}"
        self.secure_uri = f"sip:{user}@127.0.0.1:{self.port + 1};transport=tls"
        "Where it listens for TLS."
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._events: list[dict[str, Any]] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        with (self.folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                ["baresip", "-f", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            self._control = self._connect(within_s=20)
        except OSError:
            self._end()
            raise AssertionError(f"baresip does not start:\n{self.story()}") from None
        self._control.settimeout(None)
        threading.Thread(target=self._watch, args=(self._control,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            error.add_note(self.story())

    # ── what it does ───────────────────────────────────────────────────────────────────────────────────────────────

    def dials(self, uri: str) -> None:
        self._type(f"/dial {uri}\n")

    def accepts(self) -> None:
        self._type("/accept\n")

    def hangs_up(self) -> None:
        self._type("/hangup\n")

    def presses(self, keys: str) -> None:
        """Press keys, each as long as a finger does."""
        for key in keys:
            self._type(f"/sndcode {key}\n")
            time.sleep(0.25)  # the time between two key strokes, not a wait for anything

    def says(self, pcm: bytes) -> None:
        """Say this from now on: 16-bit samples of 8 kHz, for a phone whose first codec has that rate."""
        voice = self.folder / "words.wav"
        _write(voice, pcm, *self._shape)
        self._type(f"/ausrc aufile,{voice}\n")

    def holds(self) -> None:
        self._type("/hold\n")

    def resumes(self) -> None:
        self._type("/resume\n")

    def transfers(self, uri: str) -> None:
        """Transfer its call (REFER)."""
        self._type(f"/transfer {uri}\n")

    # ── what it sees and hears ─────────────────────────────────────────────────────────────────────────────────────

    def wait(self, kind: str, *, within_s: float = 30.0) -> dict[str, Any]:
        """Wait for an event such as `CALL_ESTABLISHED`.

        Raises:
            AssertionError: it did not come.
        """
        with self._changed:

            def found() -> dict[str, Any] | None:
                return next((one for one in self._events if one.get("type") == kind), None)

            if not self._changed.wait_for(lambda: found() is not None, within_s):
                raise AssertionError(
                    f"no {kind} within {within_s} s; there were {[e.get('type') for e in self._events]}"
                )
            event = found()
            assert event is not None
            return event

    def heard(self) -> bytes:
        """Everything it has heard so far, as 16-bit samples of 8 kHz."""
        pcm = b""
        for file in sorted(self.folder.glob("dump-*-dec.wav")):
            # Read by hand: while the phone runs, the lengths in the header are not written yet.
            data = file.read_bytes()
            start = data.find(b"data") + 8
            if start < 44:
                continue  # only just begun
            pcm += _at_8_khz(data[start:], self._number(data, 12, 4), self._number(data, 10, 2))
        return pcm

    def wait_heard(self, seen: Callable[[bytes], bool], *, within_s: float = 30.0) -> None:
        """Wait until what it has heard so far is like this.

        Raises:
            AssertionError: it never was.
        """
        end = time.monotonic() + within_s
        while not seen(self.heard()):
            if time.monotonic() > end:
                raise AssertionError("the phone never heard it")
            time.sleep(0.1)

    def wait_receiving(self, bits: Callable[[int], bool], *, within_s: float = 30.0) -> None:
        """Wait until the rate of incoming audio that it shows (in bit/s, every three seconds) is like this.

        Raises:
            AssertionError: it never was.
        """
        end = time.monotonic() + within_s
        while True:
            shown = re.findall(rb"audio=\d+/(\d+) \(bit/s\)", (self.folder / "out.log").read_bytes())
            if shown and bits(int(shown[-1])):
                return
            assert time.monotonic() < end, f"the last rates shown were {shown[-5:]}"
            time.sleep(0.1)

    def wait_shown(self, text: str, *, within_s: float = 30.0) -> None:
        """Wait until it shows this on its screen: what happened before anybody could listen to its control port.

        Raises:
            AssertionError: it never did.
        """
        end = time.monotonic() + within_s
        while text.encode() not in (self.folder / "out.log").read_bytes():
            assert time.monotonic() < end, f"{text!r} was never shown"
            time.sleep(0.05)

    def story(self, characters: int = 3000) -> str:
        """What happened, for people."""
        with suppress(OSError):
            lines = (self.folder / "out.log").read_text(errors="replace").splitlines()
            told = [line for line in lines if line.strip() and "(bit/s)" not in line]
            return "--- baresip\n" + "\n".join(told)[-characters:]
        return ""

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def _number(wav: bytes, at: int, length: int) -> int:
        """A field of the format chunk: its rate, or how many channels there are."""
        start = wav.find(b"fmt ") + at
        return int.from_bytes(wav[start : start + length], "little")

    def _type(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def _connect(self, *, within_s: float) -> socket.socket:
        end = time.monotonic() + within_s
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.control_port), timeout=within_s)
            except OSError:
                assert self._process is not None
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def _watch(self, control: socket.socket) -> None:
        """Read netstrings with events."""
        rest = b""
        with suppress(OSError, ValueError):
            while data := control.recv(65536):
                rest += data
                while b":" in rest:
                    length, _, body = rest.partition(b":")
                    if len(body) <= int(length):
                        break
                    rest = body[int(length) + 1 :]
                    with self._changed:
                        self._events.append(json.loads(body[: int(length)]))
                        self._changed.notify_all()

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(3)


def _at_8_khz(data: bytes, rate_hz: int, channels: int) -> bytes:
    """The first channel of 16-bit samples, at a rate that the other tests know."""
    whole = len(data) - len(data) % (2 * channels)
    samples = np.frombuffer(data[:whole], dtype="<i2").reshape(-1, channels)[:, 0]
    return bytes(samples.tobytes() if rate_hz == 8000 else soxr.resample(samples, rate_hz, 8000).tobytes())


def _shape(codecs: str) -> tuple[int, int]:
    """Rate and channels of its first codec: the phone plays no file of another kind."""
    _, rate_hz, channels = f"{codecs.partition(',')[0]}/8000/1".split("/")[:3]
    return int(rate_hz), int(channels)


def _write(file: Path, pcm: bytes, rate_hz: int, channels: int) -> None:
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(rate_hz)
        wav.writeframes(np.repeat(np.frombuffer(pcm, dtype="<i2"), channels).tobytes())
