"""`ringline lint`: what is wrong with an NCCO, and what is odd about it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.cells import cell_len
from rich.text import Text

from ringline.cli._console import FAILED, USAGE, console, fail, plain_errors, say
from ringline.cli._fetch import fetch
from ringline.ncco import MAX_BYTES, Fault, Severity, Talk, schema
from ringline.ncco import lint as lint_ncco
from ringline.speech import is_ssml, resolve
from ringline.speech import parse as parse_speech

_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_SHOWN: Final = 100
"Characters of a source line that are shown, most of them before the place."


def lint(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|URL", help="An NCCO as JSON; `-` reads standard input")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write an array of findings, for editors")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors")] = False,
    json_schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema (2020-12) of an NCCO")] = False,
) -> None:
    """Check an NCCO: every error, warning and remark with its place.

    Exit code 0: it can run. 1: it cannot. 2: it could not be read.
    """
    if json_schema:
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        return
    if file is None:
        fail("say which FILE or URL to check, or `-` for standard input", USAGE)
    source = _read(file)
    faults = lint_ncco(source, voices=_voices)
    if as_json:
        sys.stdout.write(json.dumps([fault.to_json() for fault in faults], ensure_ascii=False, indent=2) + "\n")
    else:
        _show(file, source, faults)
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    if any(fault.severity in failing for fault in faults):
        raise typer.Exit(FAILED)


def _read(file: str) -> bytes:
    if file.lower().startswith(("http://", "https://")):
        return fetch(file, most_bytes=MAX_BYTES)
    with plain_errors():
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)


def _voices(talk: Talk) -> Iterator[tuple[str, str]]:
    """What the table of voices has otherwise than a `talk` asks for, and whether its SSML can be read."""
    if is_ssml(talk.text) and (trouble := parse_speech(talk.text).trouble):
        yield "text", f"not well-formed SSML, spoken without its tags: {trouble}"
    found = resolve(talk.language, talk.style, premium=talk.premium, voice_name=talk.voice_name)
    for note in found.notes:
        yield ("voiceName" if "name" in note else "language" if "unknown language" in note else "style"), note
    if talk.premium and not found.choice.premium:
        yield "premium", "this voice has no premium form, its standard form is used"
    if talk.provider is not None:
        yield "provider", "used where such an engine is configured, else ignored"


def _show(file: str, source: bytes, faults: Sequence[Fault]) -> None:
    lines = source.decode("utf-8-sig", "replace").split("\n")
    out = console()
    for fault in faults:
        place = f"{file}:{fault.line}:{fault.column}: " if fault.line is not None else f"{file}: "
        line = Text(place)
        line.append(fault.severity.value, style=_STYLES[fault.severity])
        line.append(f": {_printable(fault.message)}")
        out.print(line, soft_wrap=True)
        if fault.line is not None and fault.column is not None and fault.line <= len(lines):
            for part in _excerpt(lines[fault.line - 1], fault.line, fault.column):
                out.print(part, soft_wrap=True)
    counts = Counter(fault.severity for fault in faults)
    told = [f"{counts[kind]} {kind.value}{'s' * (counts[kind] > 1)}" for kind in Severity if counts[kind]]
    say(f"{file}: {', '.join(told) or 'nothing to say'}")


def _excerpt(line: str, number: int, column: int) -> Iterator[Text]:
    """The source line, as much of it as fits, and a caret under the place."""
    begin = max(column - 1 - _SHOWN * 3 // 4, 0)
    before, after = _printable(line[begin : column - 1]), _printable(line[column - 1 : begin + _SHOWN])
    left, right = "…" if begin else "", "…" if begin + _SHOWN < len(line.rstrip("\r")) else ""
    yield Text(f"{number:>6} | {left}{before}{after}{right}", style="dim")
    yield Text(f"{'':>6} | {'':>{cell_len(left + before)}}").append("^", style="bold")


def _printable(text: str) -> str:
    """Text that cannot steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
