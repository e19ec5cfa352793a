"""Kamailio: a registrar and record-routing proxy in front of Ringline, and the trunk behind it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ringline.server.certificates import Certificates

from .ports import free_port, wait_taken

_CONFIG: Final = """#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=1
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
{tls}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
{tls_module}

request_route {{
    xlog("L_ALERT", "SEEN $rm from $si:$sp to $ru\\n");
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }} else if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }} else {{
            sl_send_reply("404", "Not here");
        }}
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("REGISTER")) {{
        save("location");
        exit;
    }}
    record_route();
    if (lookup("location")) {{
        t_relay();
        exit;
    }}
    if ($sp == {ringline}) {{
        $du = "sip:127.0.0.1:{beyond}";
    }} else {{
        $du = "sip:127.0.0.1:{ringline}{transport}";
    }}
    t_relay();
}}
"""

_TLS: Final = """loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{cert}")
modparam("tls", "private_key", "{key}")
"""


class Kamailio:
    """One proxy. What comes from Ringline goes on to `beyond`, everything else to Ringline."""

    def __init__(
        self,
        directory: Path,
        *,
        ringline: int,
        port: int | None = None,
        beyond: int = 9,
        transport: str = "udp",
        certificates: Certificates | None = None,
    ) -> None:
        """With `certificates` it takes phones over TLS, too: at `tls_port`."""
        self.port = port or free_port()
        self.folder = directory / f"kamailio-{self.port}"
        self.folder.mkdir(parents=True)
        by = ";transport=tcp" if transport == "tcp" else ""
        self.tls_port = free_port()
        shown = certificates
        text = _CONFIG.format(
            port=self.port,
            ringline=ringline,
            beyond=beyond,
            transport=by,
            tls=f"enable_tls=yes\nlisten=tls:127.0.0.1:{self.tls_port}" if shown is not None else "",
            tls_module=_TLS.format(cert=shown.cert_file, key=shown.key_file) if shown is not None else "",
        )
        (self.folder / "kamailio.cfg").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = ["kamailio", "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4"]
        command += ["-Y", str(self.folder), "-P", str(self.folder / "pid")]
        with (self.folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            wait_taken(self.port, "127.0.0.1", deadline_s=10)
        except TimeoutError:
            self._end()
            raise AssertionError(f"Kamailio does not start:\n{self.story()}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            error.add_note(self.story())

    def seen(self) -> list[str]:
        """The methods of the requests it saw, in order."""
        words = [line.partition("SEEN ")[2].split() for line in self._log().splitlines() if "SEEN " in line]
        return [each[0] for each in words if each]

    def story(self, characters: int = 4000) -> str:
        """What happened, for people."""
        return "--- Kamailio\n" + self._log()[-characters:]

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "out.log").read_text(errors="replace")
        return ""

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers, too: they outlive it
            process.wait(5)
