"""Linphone without a window (`linphone-daemon`): registers, and is driven through its standard input."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ringline.testing.audio import tone

from .ports import free_port
from .sounds import wav

_CONFIG: Final = """[sip]
sip_port={port}
sip_tcp_port={port}
sip_tls_port={tls_port}
guess_hostname=0
contact=sip:{user}@127.0.0.1
media_encryption={encryption}
media_encryption_mandatory={mandatory}
root_ca={ca_file}
auto_net_state_mon=0
register_only_when_network_is_up=0
[net]
firewall_policy=0
[rtp]
audio_rtp_port={rtp}
[sound]
playback_dev_id=NULL: Null audio
capture_dev_id=NULL: Null audio
ringer_dev_id=NULL: Null audio
[proxy_0]
reg_proxy=<sip:{registrar};transport={transport}>
reg_identity=sip:{user}@{registrar}
reg_expires=120
reg_sendregister=1
[auth_info_0]
username={user}
passwd={password}
realm=ringline
"""


class Linphone:
    """One registered phone. `with` starts and ends it."""

    def __init__(
        self,
        directory: Path,
        *,
        user: str,
        password: str,
        registrar: str,
        transport: str = "udp",
        ca_file: Path | None = None,
        encrypts: bool = False,
    ) -> None:
        """`ca_file` is whom it believes over TLS; `encrypts`: it speaks SRTP and nothing else."""
        port = free_port()
        self.uri = f"sip:{user}-{port}@localhost:{port};transport=tcp"
        "Where it is reached without its registrar: by a name that is not the registrar's."
        self.folder = directory / f"linphone-{port}"
        # Without these two it neither starts nor says so.
        for each in (".local/share/linphone", ".config/linphone"):
            (self.folder / each).mkdir(parents=True)
        text = _CONFIG.format(
            port=port,
            tls_port=free_port(),
            rtp=free_port(),
            user=user,
            password=password,
            registrar=registrar,
            transport=transport,
            encryption="srtp" if encrypts else "none",
            mandatory=int(encrypts),
            ca_file=ca_file or "",
        )
        (self.folder / "linphonerc").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ["linphone-daemon", "--config", str(self.folder / "linphonerc")]
        command += ["--log", str(self.folder / "debug.log"), "--disable-stats-events"]
        with (self.folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                env=os.environ | {"HOME": str(self.folder)},
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None
        with suppress(OSError, subprocess.TimeoutExpired):
            self._type("quit")
            process.wait(5)
        process.kill()
        process.wait(5)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if error is not None:
            error.add_note(self.story())

    def dials(self, uri: str) -> None:
        self._type(f"call {uri}")

    def says(self, hz: float, *, call: int = 1, seconds: float = 20.0) -> None:
        """Play a tone into a call that runs, instead of its silent microphone."""
        spoken = self.folder / f"tone-{call}.wav"
        spoken.write_bytes(wav(tone(hz, seconds)))
        self._type(f"incall-player-start {spoken} {call}")

    def wait_receiving(self, *, within_s: float = 30.0) -> None:
        """Wait until it receives as much as speech in G.711 or G.722 takes.

        Raises:
            AssertionError: it never does.
        """
        end = time.monotonic() + within_s
        while True:
            rates = re.findall(r"\(audio\) .*RTP : \[d=([0-9.]+)", self._log())
            if rates and float(rates[-1]) > 40:  # kbit/s
                return
            assert time.monotonic() < end, f"it receives {rates[-3:]} kbit/s"
            time.sleep(0.1)

    def answers(self, call: int | None = None) -> None:
        """Answer what rings; `call` counts its calls from 1."""
        self._type("answer" if call is None else f"answer {call}")

    def transfers(self, call: int, to: str | int) -> None:
        """Transfer a call to an address, or to its other call of this number (attended)."""
        self._type(f"call-transfer {call} {to}")

    def hangs_up(self) -> None:
        self._type("terminate")

    def wait(self, text: str, *, times: int = 1, within_s: float = 30.0) -> None:
        """Wait until its log has this, such as `LinphoneRegistrationOk`.

        Raises:
            AssertionError: it never had.
        """
        end = time.monotonic() + within_s
        while self._log().count(text) < times:
            assert time.monotonic() < end, f"{text!r} never came"
            time.sleep(0.05)

    def story(self, characters: int = 4000) -> str:
        """What happened, for people."""
        told = [line for line in self._log().splitlines() if "mediastreamer" not in line]
        return "--- Linphone\n" + "\n".join(told)[-characters:]

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "debug.log").read_text(errors="replace")
        return ""

    def _type(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
