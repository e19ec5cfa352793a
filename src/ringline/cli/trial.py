"""`ringline trial`: starts a platform of its own, calls its demo, and shows and checks what happens."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.text import Text

from ringline.base import RinglineError
from ringline.cli._console import FAILED, console, plain_errors, say
from ringline.cli._live import follow, print_row
from ringline.cli._timeline import Row
from ringline.cli.demo import DEMO_NUMBER, Demo
from ringline.cli.phone import read_channels
from ringline.cli.softphone import Happening, SoftCall, Softphone
from ringline.server.logs import write_logs
from ringline.server.platform import Platform
from ringline.server.settings import Settings

_MEDIA: Final = (21_000, 21_198)
_ECHO_MEDIA: Final = (21_200, 21_398)
_PHONE_MEDIA: Final = (21_400, 21_598)
_PATIENCE_S: Final = 20.0
_LONGEST_S: Final = 90.0
_LOUD_ENOUGH_DBFS: Final = -40.0
_MESSAGE_S: Final = 2.0
_HERTZ: Final = 600.0


class TrialFailed(RinglineError):
    """The call did not go as it should; the text says where."""


@dataclass(slots=True)
class _Scene:
    """What has been seen of the call so far."""

    rows: list[Row] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, row: Row) -> None:
        self.rows.append(row)
        self.changed.set()

    async def until(self, text: str, *, kind: str, times: int = 1) -> None:
        """Wait until a row of this kind says this, so many times.

        Raises:
            TrialFailed: it does not come.
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while sum(row.kind == kind and text in row.text for row in self.rows) < times:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise TrialFailed(f"nothing said {text!r} within {_PATIENCE_S:g} s") from None


def trial(
    record: Annotated[Path, typer.Option(dir_okay=False, help="Where the caller's audio goes")] = Path(
        "var/demo/caller.wav"
    ),
) -> None:
    """Start a platform on free ports, call its demo, leave a message, be connected to a second phone, and check that
    all of it was heard."""
    with plain_errors():
        write_logs("people", "WARNING")
        record.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ringline-trial-") as folder:
            problems = asyncio.run(_call(Path(folder), record))
    for problem in problems:
        say(f"✗ {problem}", style="bold red")
    if problems:
        raise typer.Exit(FAILED)
    say("✓ the call went as it should", style="bold green")


async def _call(folder: Path, record: Path) -> list[str]:
    demo = Demo(folder, media_ports=_ECHO_MEDIA)
    await demo.start()
    platform = Platform(demo.add_to(_settings(folder)))
    try:
        await platform.start()
    except BaseException:
        await demo.stop()
        raise
    scene = _Scene()
    out = console()

    def tell(row: Row) -> None:
        print_row(out, row)
        scene.see(row)

    story = asyncio.create_task(follow(platform.settings.store_url(), tell), name="live view")
    try:
        async with asyncio.timeout(_LONGEST_S), Softphone(media_ports=_PHONE_MEDIA, watch=_teller()) as phone:
            sip = platform.settings.sip
            target = f"sip:{DEMO_NUMBER}@{sip.bind}:{sip.port}"

            async def call() -> SoftCall:
                scene.rows.clear()
                made = await phone.dial(target, username=demo.username, password=demo.password)
                if not await made.answered():
                    raise TrialFailed(f"the call was not answered: {(await made.ended()).text}")
                return made

            await _leave_message(await call(), scene, record)
            await _talk_to_echo(await call(), scene, _connected(record))
    except TimeoutError:
        raise TrialFailed(f"the call took longer than {_LONGEST_S:g} s") from None
    finally:
        await platform.stop()
        story.cancel()
        with suppress(asyncio.CancelledError):
            await story
        await demo.stop()
    return [*_audio_problems(record), *_echo_problems(_connected(record)), *_event_problems(demo.events_file)]


async def _leave_message(call: SoftCall, scene: _Scene, record: Path) -> None:
    """Be the caller: listen, press 1 while the menu is still spoken, say something, press hash, listen."""
    call.record(record)
    await asyncio.sleep(3)
    await call.press("1")
    await scene.until("records as", kind="command")
    await asyncio.sleep(1)
    await call.play(_tone())
    await call.press("#")
    await call.ended()


async def _talk_to_echo(call: SoftCall, scene: _Scene, record: Path) -> None:
    """Press 3 to be connected to the second phone, which says back what it hears; say a tone, and hang up."""
    call.record(record)
    await asyncio.sleep(1)
    await call.press("3")
    await scene.until("answered", kind="status", times=2)
    await asyncio.sleep(0.5)
    await call.play(_tone())
    await asyncio.sleep(0.5)
    call.hang_up()
    await scene.until("completed", kind="verdict", times=2)


def _tone() -> bytes:
    samples = np.sin(2 * np.pi * _HERTZ * np.arange(round(8000 * _MESSAGE_S)) / 8000) * 8000
    return samples.astype("<i2").tobytes()


def _connected(record: Path) -> Path:
    """Where the audio of the second call goes."""
    return record.with_stem(f"{record.stem}-connected")


def _settings(folder: Path) -> Settings:
    http, sip = _free_ports()
    environment = {
        "RINGLINE_DATA_DIR": str(folder),
        "RINGLINE_SERVER__HTTP_PORT": str(http),
        "RINGLINE_SIP__PORT": str(sip),
        "RINGLINE_MEDIA__PORT_MIN": str(_MEDIA[0]),
        "RINGLINE_MEDIA__PORT_MAX": str(_MEDIA[1]),
        "RINGLINE_SPEECH__WORKERS": "1",
    }
    return Settings.load(None, environment, profile="dev")


def _free_ports() -> tuple[int, int]:
    """Two ports that are free for TCP and UDP on loopback just now."""
    found: list[int] = []
    while len(found) < 2:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, suppress(OSError):
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            udp.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found[0], found[1]


def _teller() -> Callable[[Happening], None]:
    out = console()

    def tell(happening: Happening) -> None:
        stamp = time.time()
        clock = time.strftime("%H:%M:%S.", time.localtime(stamp)) + f"{int(stamp * 1000) % 1000:03d}"
        out.print(Text(f"{clock}  phone     {happening.what:<8} {happening.text}", style="blue"), soft_wrap=True)

    return tell


def _audio_problems(record: Path) -> list[str]:
    """Whether the caller heard speech, and said what he should."""
    if not record.is_file():
        return ["the caller's phone recorded nothing"]
    rate_hz, channels = read_channels(record)
    levels = [_dbfs(channel) for channel in channels]
    seconds = len(channels[0]) / rate_hz
    say(f"{record}: {seconds:.1f} s, heard at {levels[0]:.1f} dBFS, said at {levels[1]:.1f} dBFS")
    problems = []
    for name, level in zip(("hear", "say"), levels, strict=True):
        if level < _LOUD_ENOUGH_DBFS:
            problems.append(f"the caller did not {name} anything loud enough ({level:.1f} dBFS)")
    return problems


def _echo_problems(record: Path) -> list[str]:
    """Whether the caller heard his own tone from the second phone, by its frequency."""
    if not record.is_file():
        return ["the caller's phone recorded nothing of the second call"]
    rate_hz, (heard, _) = read_channels(record)
    spectrum = np.abs(np.fft.rfft(heard[-round(rate_hz * _MESSAGE_S) :].astype(np.float64)))
    found = float(np.argmax(spectrum) * rate_hz / (rate_hz * _MESSAGE_S))
    say(f"{record}: heard {found:.0f} Hz through the connection, said {_HERTZ:.0f} Hz")
    return [] if abs(found - _HERTZ) < 5 else [f"the second phone's echo was not heard ({found:.0f} Hz)"]


def _dbfs(samples: Any) -> float:
    """Mean level of the loudest tenth, so that pauses do not count."""
    power = np.sort(samples.astype(np.float64) ** 2)[-max(1, len(samples) // 10) :].mean() if len(samples) else 0.0
    return float(10 * np.log10(max(power, 1e-3) / 32768**2))


def _event_problems(events_file: Path) -> list[str]:
    """Whether the application was told what it should be."""
    lines = [json.loads(line) for line in events_file.read_text(encoding="utf-8").splitlines()]
    told = {str(line["webhook"].get("status", line["path"])) for line in lines}
    expected = {"started", "ringing", "answered", "completed", "/answer", "/menu", "/recorded"}
    return [f"the application was never told of {each}" for each in sorted(expected - told)]
