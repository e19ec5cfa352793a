"""`ringline check`: whether a platform would start here with these settings, and what it would miss."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import typer
from cryptography import x509

from ringline.base import ConfigError
from ringline.cli import _banner
from ringline.cli._console import FAILED, console, plain_errors, say
from ringline.cli._installation import ConfigOption, load_settings
from ringline.io.workers import WorkerPool
from ringline.providers import load
from ringline.server.allowances import emergency_of, rates_of
from ringline.server.settings import Settings

_SOON: Final = timedelta(days=14)
_VOICE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    text: str
    bad: bool = False


def check(config: ConfigOption = None) -> None:
    """Check settings, ports, folders, certificate and speech. Exit code 2: settings are wrong; 1: it would not work."""
    with plain_errors():
        settings = load_settings(config)
    out = console()
    bad = False
    for finding in findings(settings):
        mark = "[bold red]✗[/]" if finding.bad else "[green]✓[/]"
        out.print(f"{mark} ", end="")
        say(f"{finding.name:<14} {finding.text}")
        bad = bad or finding.bad
    for warning in _banner.warnings(settings):
        out.print("[yellow]![/] ", end="")
        say(warning)
    if bad:
        raise typer.Exit(FAILED)


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other."""
    yield Finding("settings", f"profile {settings.profile}")
    yield _tried("data folder", lambda: _writable(settings.data_dir))
    server, sip, media = settings.server, settings.sip, settings.media
    yield _tried("http", lambda: _free(server.http_bind, server.http_port, socket.SOCK_STREAM))
    if server.https_port is not None:
        port = server.https_port
        yield _tried("https", lambda: _free(server.https_bind, port, socket.SOCK_STREAM))
        yield _tried("certificate", lambda: _certificate(server.cert_file))
    if sip.udp:
        yield _tried("sip udp", lambda: _free(sip.bind, sip.port, socket.SOCK_DGRAM))
    if sip.tcp:
        yield _tried("sip tcp", lambda: _free(sip.bind, sip.port, socket.SOCK_STREAM))
    if sip.tls_port is not None:
        secure = sip.tls_port
        yield _tried("sip tls", lambda: _free(sip.bind, secure, socket.SOCK_STREAM))
        yield _tried("sip certificate", lambda: _certificate(sip.tls_cert_file or server.cert_file))
    yield _tried("audio ports", lambda: _media(media.bind, media.port_min, media.port_max))
    yield _tried("prices", lambda: _prices(settings))
    yield Finding("emergency", _emergency(settings))
    yield _tried("speech", lambda: asyncio.run(_speech(settings)))


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look())
    except (ConfigError, OSError) as error:
        why = error.why if isinstance(error, ConfigError) else error.strerror or str(error)
        return Finding(name, why, bad=True)


def _writable(folder: Path) -> str:
    """Try in the folder, or in the nearest one above it that exists."""
    there = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    with tempfile.TemporaryFile(dir=there):
        pass
    return f"{folder} can be written" if there == folder else f"{folder} can be made"


def _free(host: str, port: int, kind: socket.SocketKind) -> str:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, f"{host}:{port} cannot be used: {os.strerror(error.errno or 0)}") from error
    return f"{host}:{port} is free"


def _media(host: str, low: int, high: int) -> str:
    """Look at both ends and the middle: a range that is all taken shows there."""
    even = range(low + low % 2, high, 2)
    for port in {even[0], even[len(even) // 2], even[-1]} if even else ():
        _free(host, port, socket.SOCK_DGRAM)
    return f"{host}:{low}-{high}, room for {len(even)} legs"


def _prices(settings: Settings) -> str:
    if settings.prices.file is None:
        return "none: calls cost nothing"
    return f"{settings.prices.file} has {len(rates_of(settings))} rates"


def _emergency(settings: Settings) -> str:
    found = emergency_of(settings)
    where = ", ".join(found.countries) or "no country (only 112 and 911)"
    if found.trunk is not None:
        return f"calls for help leave through trunk {found.trunk}; numbers of {where}"
    return f"emergency numbers are never called, for there is no emergency.trunk; numbers of {where}"


def _certificate(cert_file: Path | None) -> str:
    if cert_file is None:
        return "of an authority of its own (see `ringline trust`)"
    try:
        found = x509.load_pem_x509_certificate(cert_file.read_bytes())
    except ValueError as error:
        raise OSError(0, f"{cert_file} holds no certificate: {error}") from error
    left = found.not_valid_after_utc - datetime.now(UTC)
    if left <= timedelta(0):
        raise OSError(0, f"{cert_file} has expired on {found.not_valid_after_utc:%Y-%m-%d}")
    return f"{cert_file} is good until {found.not_valid_after_utc:%Y-%m-%d}" + (", soon" if left < _SOON else "")


async def _speech(settings: Settings) -> str:
    try:
        voice = load(
            settings.speech.engines,
            open_workers=lambda program: WorkerPool(
                program.command, name=program.name, size=1, start_timeout_s=program.start_timeout_s
            ),
            settings=settings.speech.options,
            also=settings.speech.also,
        )
    except ConfigError as error:
        raise OSError(0, f"{error.key} {error.why}") from error
    try:
        async with asyncio.timeout(_VOICE_S):
            await voice.start()
            await voice.started()
        why = voice.ready()
        if why is not None:
            raise OSError(0, why)
        ready = ", ".join(name for name, up in voice.up().items() if up) + " is ready"
        return "; ".join((ready, *voice.troubles().values()))
    except TimeoutError:
        raise OSError(0, f"did not start within {_VOICE_S:g} s") from None
    finally:
        await voice.close()
