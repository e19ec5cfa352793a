"""Speech engines of a real server: one that is away, one by name, one whose worker hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest
from tests.providers.tiny_voice import write_voice

from ringline.testing.audio import level_dbfs

from .application import Application
from .ears import Ear, pcm_of
from .installation import NUMBERS, Installation
from .ports import free_port
from .scripts import Action, talk
from .wire import Peer

pytestmark = pytest.mark.interop

LONG = "Hello hello hello. " * 40


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Application]]:
    """A server whose first engine is a service that nobody serves; Piper is there on demand."""
    directory = tmp_path_factory.mktemp("voices")
    write_voice(directory)
    sections = f"""
[speech]
engines = ["azure", "espeak"]
also = ["piper"]
workers = 1
[speech.options.azure]
endpoint = "http://127.0.0.1:{free_port()}"
key = "nobody-asks-for-it"
[speech.options.piper]
voices = "{directory}"
"""
    application = Application()
    installation = Installation(directory / "ringline", application.url, sections=sections)
    try:
        installation.start()
        yield installation, application
    finally:
        installation.stop()
        application.close()


@contextmanager
def calling(voices: tuple[Installation, Application], number: str, *script: Action) -> Iterator[tuple[Peer, Ear, str]]:
    ringline, app = voices
    app.answers(number, list(script))
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        yield peer, ear, app.wait("/answer", to=number)["uuid"]


def test_the_next_engine_speaks_when_the_first_is_away(voices: tuple[Installation, Application]) -> None:
    ringline, app = voices
    with calling(voices, NUMBERS[0], talk("<speak>Good <emphasis>morning</emphasis></speak>")) as (peer, ear, leg):
        peer.asked("BYE")
        assert ear.spoken_s() > 0.4
    app.wait("/event", uuid=leg, status="completed")
    ready = ringline.request("GET", "/readyz", token=None)
    assert ready.status == 200
    assert any("azure" in note for note in ready.body["notes"])
    figures = ringline.request("GET", "/metrics", token=None).body.decode()
    assert 'ringline_speech_requests_total{engine="azure",outcome="failed"} 1.0' in figures
    assert 'ringline_speech_requests_total{engine="espeak",outcome="spoken"} 1.0' in figures
    assert 'ringline_speech_up{engine="azure"} 0.0' in figures


def test_an_action_may_ask_for_an_engine_by_name(voices: tuple[Installation, Application]) -> None:
    with calling(voices, NUMBERS[1], talk(LONG, provider="piper")) as (_, ear, _leg):
        pcm = ear.hears(1.0)
        assert level_dbfs(pcm) > -20  # the tiny voice is one tone after the other, without a pause


def test_level_is_decibel_and_loop_repeats(voices: tuple[Installation, Application]) -> None:
    once, twice = talk("Hello hello.", provider="piper"), talk("Hello hello.", provider="piper", level=-0.5, loop=2)
    with calling(voices, NUMBERS[3], once, twice) as (peer, ear, _leg):
        peer.asked("BYE", within_s=30)
        pcm = pcm_of(ear.packets)
    levels = [level_dbfs(pcm[start : start + 320]) for start in range(0, len(pcm) - 319, 320)]
    # The tiny voice is always equally loud, and half a level is 6 dB.
    full = [level for level in levels if level > -6]
    half = [level for level in levels if -12 < level <= -6]
    assert len(full) > 50
    assert len(half) == pytest.approx(2 * len(full), rel=0.1)
    assert median(full) - median(half) == pytest.approx(6, abs=0.5)


def test_a_voice_that_hangs_ends_its_action_with_an_error_and_the_next_is_spoken(
    voices: tuple[Installation, Application],
) -> None:
    ringline, app = voices
    workers = _workers(ringline, "espeak/_worker.py")
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    with calling(voices, NUMBERS[2], talk("Nobody hears this."), talk("Anyway.")) as (peer, ear, leg):
        room = app.wait("/answer", uuid=leg)["conversation_uuid"]
        told = app.wait("/event", conversation_uuid=room, reason=..., within_s=20)
        assert told["reason"] == "Text-to-speech failed. espeak: the worker failed: it hung"
        peer.asked("BYE", within_s=20)
        assert ear.spoken_s() > 0.2
    assert set(_workers(ringline, "espeak/_worker.py")) - set(workers), "another one is in its place"


def _workers(ringline: Installation, program: str) -> list[int]:
    """The worker processes of this server that run a program."""
    running: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                running[int(entry.name)] = parent, command
    servers = [pid for pid, (_, command) in running.items() if str(ringline.settings_file) in command]
    return [pid for pid, (parent, command) in running.items() if parent in servers and program in command]
