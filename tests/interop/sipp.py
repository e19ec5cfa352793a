"""SIPp as a phone: runs a scenario of `sipp_scenarios/` against Ringline, or waits for its calls."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .ports import free_port, wait_taken

SCENARIOS: Final = Path(__file__).parent / "sipp_scenarios"
PCAPS: Final = Path("/usr/share/sip-tester")
_GOOD: Final = 0


class Sipp:
    """One run of SIPp. `with` starts it and ends it; `good` waits for its end and demands success."""

    def __init__(
        self,
        scenario: str,
        directory: Path,
        *,
        to: str | None = None,
        number: str = "service",
        fill: Mapping[str, object] | None = None,
        calls: int = 1,
        rate: int = 10,
        host: str = "127.0.0.1",
        port: int | None = None,
        transport: str = "u1",
        timeout_s: int = 30,
        options: Sequence[str] = (),
    ) -> None:
        """Without `to` (host:port) SIPp waits for calls. `fill` replaces each `%name%` in the scenario."""
        self.scenario, self.number = scenario, number
        self.port = port or free_port()
        self.host = host
        self._transport = transport
        self._timeout_s = timeout_s
        self._waits = to is None
        directory.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"sipp-{scenario}-{self.port}-", dir=directory))
        file = self._folder / "scenario.xml"
        file.write_text(_filled(scenario, fill or {}))
        command = ["sipp", *([to] if to else []), "-sf", str(file), "-s", number, "-i", host, "-p", str(self.port)]
        command += ["-mi", host, "-mp", str(free_port()), "-m", str(calls), "-r", str(rate), "-l", str(max(calls, 1))]
        command += ["-t", transport, "-timeout", f"{timeout_s}s", "-timeout_error", "-nostdin", "-skip_rlimit"]
        # SIPp's statistics socket answers on all addresses; a free port keeps parallel runs apart.
        command += ["-cp", str(free_port()), "-ci", "127.0.0.1"]
        command += ["-trace_msg", "-message_file", str(self._folder / "messages.log")]
        command += ["-trace_err", "-error_file", str(self._folder / "errors.log")]
        command += ["-trace_logs", "-log_file", str(self._folder / "said.log")]
        if self._waits or host != "127.0.0.1":
            command.append("-bind_local")
        self._command = [*command, *options]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=self._folder
            )
        if self._waits and self._transport == "u1":
            try:
                wait_taken(self.port, self.host, deadline_s=5)
            except TimeoutError:
                self._end()
                raise AssertionError(f"SIPp does not listen:\n{self.story()}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            error.add_note(self.story())

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(5)

    # ── its end ────────────────────────────────────────────────────────────────────────────────────────────────────

    def finish(self) -> int:
        """Wait for its end; 0 is success."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(self._timeout_s + 10)
        self._end()
        raise AssertionError("SIPp hangs")

    def good(self) -> Self:
        """Wait for its end, and demand that every call went as its scenario says."""
        code = self.finish()
        assert code == _GOOD, f"SIPp {self.scenario} ended with {code}"
        return self

    # ── what it saw ────────────────────────────────────────────────────────────────────────────────────────────────

    def received(self) -> list[str]:
        """The SIP messages it received, in order."""
        return self._messages("received")

    def sent(self) -> list[str]:
        """The SIP messages it sent, in order."""
        return self._messages("sent")

    def said(self) -> list[str]:
        """The lines of its `<log>` actions."""
        return self._read("said.log").splitlines()

    def story(self, characters: int = 4000) -> str:
        """What happened, for people."""
        parts = (("errors.log", 1500), ("messages.log", characters), ("screen.log", 600))
        return "\n".join(f"--- {self.scenario} {name}\n{self._read(name)[-size:]}" for name, size in parts)

    def _messages(self, direction: str) -> list[str]:
        log = self._read("messages.log")
        pieces = re.split(r"^-{10,} .*$", log, flags=re.MULTILINE)
        found = []
        for piece in pieces:
            head, _, body = piece.strip().partition("\n\n")
            if f"message {direction}" in head:
                found.append(body.strip() + "\n")
        return found

    def _read(self, name: str) -> str:
        with suppress(OSError):
            return (self._folder / name).read_text(errors="replace")
        return ""


def header(message: str, name: str) -> str | None:
    """The value of a header of a SIP message; None when it has none."""
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", message, flags=re.MULTILINE | re.IGNORECASE)
    return found.group(1).strip() if found is not None else None


def status_of(message: str) -> int | None:
    """The status of a response; None for a request."""
    found = re.match(r"SIP/2\.0 (\d{3})", message)
    return int(found.group(1)) if found is not None else None


def _filled(scenario: str, fill: Mapping[str, object]) -> str:
    text = (SCENARIOS / f"{scenario}.xml").read_text()

    def value(match: re.Match[str]) -> str:
        given = fill.get(match[1])
        return str(given) if given is not None else _DEFAULTS.get(match[1], match[0])

    # More than once: a shared part may have gaps of its own.
    for _ in range(3):
        text = re.sub(r"%([a-z_0-9]+)%", value, text)
    left = re.findall(r"%[a-z_0-9]+%", text)
    assert not left, f"{scenario}.xml needs {left}"
    return text


_VIA: Final = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_FIRST_VIA: Final = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]i[call_number]"
_SECOND_VIA: Final = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]j[call_number]"
"The branches of INVITEs by name, because a CANCEL or the ACK of a refusal must have the same one."
_FROM: Final = "From: <sip:%caller%@[local_ip]:[local_port]>;tag=[pid]t[call_number]"
_TO: Final = "To: <sip:[service]@[remote_ip]:[remote_port]>"
_CONTACT: Final = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>"


def session(direction: str = "sendrecv", *, port: int | str = "[media_port]", version: int = 1, codec: str = "") -> str:
    """A session description as the scenarios have it, for those that need several. `codec` is an rtpmap."""
    number, _, _ = (codec or "8 PCMA/8000").partition(" ")
    return f"""v=0
o=phone 53655765 {version} IN IP4 [media_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio {port} RTP/AVP {number} 101
a=rtpmap:{codec or "8 PCMA/8000"}
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a={direction}
"""


_DEFAULTS: Final[Mapping[str, str]] = {
    "caller": "447700900123",
    "rtp_port": "[media_port]",
    "sdp": session(port="%rtp_port%"),
    "header": "",
    "ring_ms": "200",
    "patience_ms": "200",
    "talk_ms": "800",
    "pcaps": str(PCAPS),
    "invite": f"""INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
{_FIRST_VIA}
{_FROM}
{_TO}
Call-ID: [call_id]
CSeq: 1 INVITE
{_CONTACT}
Max-Forwards: 70""",
    "in_dialog": f"""{_VIA}
{_FROM}
{_TO}[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70""",
    "again": f"""{_SECOND_VIA}
{_FROM}
{_TO}
Call-ID: [call_id]
Max-Forwards: 70""",
    "ack_refusal": f"""{_FIRST_VIA}
{_FROM}
{_TO}[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70""",
    "ack_second_refusal": f"""{_SECOND_VIA}
{_FROM}
{_TO}[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70""",
    "echoed": """[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]""",
    "tagged": f"""[last_Via:]
[last_From:]
[last_To:];tag=[pid]u[call_number]
[last_Call-ID:]
[last_CSeq:]
{_CONTACT}""",
}
