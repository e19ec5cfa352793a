"""`ringline run -- COMMAND`: a program written for the hosted service, run against this installation as it is."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from ringline.base import ConfigError
from ringline.cli._console import NO_ANSWER, fail, plain_errors
from ringline.cli._installation import ConfigOption, Installation, UrlOption, installation
from ringline.cli.detour import Detour, Signpost, environment_for
from ringline.cli.detour.proxy import Place
from ringline.server.certificates import OFFICIAL_HOSTS

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The program and its arguments, after --")],
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Run a program whose calls to the official hosts come to this installation, without a change to the program.

    Its HTTPS goes by a small proxy; other hosts are reached as always. The names of the official libraries' usual
    environment variables (VONAGE_APPLICATION_ID, …) are set where they are not yet and `ringline dev` runs here.
    """
    with plain_errors():
        here = installation(config)
        place = _https_of(here, url)
        raise typer.Exit(asyncio.run(_run(command, here, place)))


def _https_of(here: Installation, url: str | None) -> Place:
    """Where this installation speaks HTTPS."""
    https = here.addresses(url).https
    if https is None:
        raise ConfigError(
            "is needed: programs reach the official hosts by https only", where="settings", key="server.https_port"
        )
    parts = urlsplit(https)
    assert parts.hostname is not None
    if not here.ca_file.is_file():
        raise ConfigError("is not there yet; `ringline trust` makes it", where="certificates", key=str(here.ca_file))
    return Place(parts.hostname, parts.port or 443)


async def _run(command: list[str], here: Installation, place: Place) -> int:
    await _knock(place)
    present = dict(os.environ)
    detour = Detour(place, OFFICIAL_HOSTS, upstream=present.get("https_proxy") or present.get("HTTPS_PROXY"))
    await detour.start()
    try:
        with tempfile.TemporaryDirectory(prefix="ringline-run-") as folder:
            host = f"[{place.host}]" if ":" in place.host else place.host
            sign = Signpost(
                proxy_port=detour.port, to=f"{host}:{place.port}", hosts=OFFICIAL_HOSTS, ca_file=here.ca_file
            )
            told = environment_for({**here.identity(), **present}, sign, Path(folder))
            return await _wait_for(command, told)
    finally:
        await detour.stop()


async def _knock(place: Place) -> None:
    """Say at once that nobody is there, rather than let the program find out."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(place.host, place.port), 5)
    except (OSError, TimeoutError):
        fail(
            f"nothing answers at https://{place.host}:{place.port}: is `ringline dev` or `ringline serve` up?",
            NO_ANSWER,
        )
    writer.close()


async def _wait_for(command: list[str], environment: dict[str, str]) -> int:
    """Run the program to its end, and give its exit status as a shell would."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment)
    except FileNotFoundError:
        fail(f"{command[0]}: there is no such program", _NOT_FOUND)
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}", _NOT_EXECUTABLE)
    loop = asyncio.get_running_loop()
    # Ctrl-C reaches the program by itself, for it is of our terminal's group; we only stay until it has ended.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    for name in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, process.send_signal, name)
    status = await process.wait()
    return status if status >= 0 else 128 - status
