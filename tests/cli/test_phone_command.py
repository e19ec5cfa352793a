"""`ringline phone`: what it prints, and the exit code by which a script knows how the call went."""

from __future__ import annotations

import asyncio
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringline.cli import app
from ringline.cli.softphone import SoftCall, Softphone
from ringline.testing.audio import tone

run = CliRunner().invoke


@contextmanager
def _other_phone(take: Callable[[SoftCall], None]) -> Iterator[str]:
    """Another phone on a loop of its own, which does with calls what `take` says."""
    ready, done = threading.Event(), threading.Event()
    address: list[str] = []

    async def live() -> None:
        async with Softphone(media_ports=(22_000, 22_198)) as phone:
            phone.on_call = take
            address.append(f"sip:bob@127.0.0.1:{phone.address[1]}")
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(10)
    try:
        yield address[0]
    finally:
        done.set()
        thread.join()


def test_an_answered_call_is_exit_code_0(tmp_path: Path) -> None:
    heard, said = tmp_path / "heard.wav", tmp_path / "said.wav"
    with wave.open(str(said), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(tone(600, 0.3, 16_000))

    def take(call: SoftCall) -> None:
        call.answer()
        call.echo()

    with _other_phone(take) as address:
        options = ["--press", "5", "--press-after", "100ms", "--play", str(said), "--record", str(heard)]
        done = run(app, ["phone", address, *options, "--duration", "1s"])
    assert done.exit_code == 0, done.output
    assert "answered, codec PCMA" in done.output
    assert "pressed  5" in done.output
    with wave.open(str(heard), "rb") as tape:
        assert tape.getnframes() > 4000


def test_a_busy_phone_is_exit_code_1_and_its_status() -> None:
    with _other_phone(lambda call: call.refuse(486)) as address:
        done = run(app, ["phone", address])
    assert done.exit_code == 1
    assert "refused: 486 Busy Here" in done.output


def test_no_answer_in_time_is_exit_code_3() -> None:
    with _other_phone(lambda call: None) as address:
        done = run(app, ["phone", address, "--timeout", "0.3"])
    assert done.exit_code == 3
    assert "no answer within 0.3 s" in done.output


def test_nobody_calls_in_time_is_exit_code_3() -> None:
    done = run(app, ["phone", "--answer", "--timeout", "100ms"])
    assert done.exit_code == 3
    assert "waiting for a call at sip:phone@127.0.0.1:" in done.output


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["sip:bob@127.0.0.1", "--answer"],
        ["sip:bob@127.0.0.1", "--press", "1x"],
        ["sip:bob@127.0.0.1", "--press-after", "soon"],
        ["sip:bob@127.0.0.1", "--play", "/missing.wav"],
        ["sip:bob@127.0.0.1", "--tone", "9000"],
        ["tel:123"],
    ],
)
def test_wrong_options_are_exit_code_2(options: list[str]) -> None:
    done = run(app, ["phone", *options])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_file_that_is_no_wav_is_refused_before_the_call(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    done = run(app, ["phone", "sip:bob@127.0.0.1:9", "--play", str(bad)])
    assert done.exit_code == 2
    assert "bad.wav: is no wav file" in done.stderr
    assert "INVITE" not in done.output


def test_a_recording_that_cannot_be_written_ends_the_call(tmp_path: Path) -> None:
    with _other_phone(lambda call: call.answer()) as address:
        done = run(app, ["phone", address, "--record", str(tmp_path / "missing" / "tape.wav")])
    assert done.exit_code == 2
    assert "tape.wav: No such file" in done.stderr
