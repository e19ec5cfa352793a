"""Tests that are plain functions, and the pytest plugin that gives them a switchboard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringline.testing import Deadlock, LoopFailure, connect, read_digits, status, talk
from ringline.testing.plain import Ringline

DESK = """
from ringline.testing import read_digits, scenario, talk

MENU = [talk("Press one for sales.", barge_in=True), read_digits(max_digits=1)]

def desk(received):
    return MENU if received.path == "/answer" else [talk("Thank you.")] if "dtmf" in received.json else None
"""


def test_a_call_is_told_step_by_step(ringline: Ringline) -> None:
    desk = ringline.application()
    alice, bob = ringline.phones("alice", "bob")
    desk.answers(talk("Press one for Bob.", barge_in=True), read_digits(max_digits=1))
    desk.on_digits("1", reply=[connect(bob.number)])
    bob.answers(after_s=2)
    alice.dials(desk.number)
    alice.hears("Press one")
    alice.presses("1")
    assert desk.gets("/event", where=lambda received: "dtmf" in received.json).json["dtmf"]["digits"] == "1"
    assert alice.can_talk_with(bob)
    alice.says("Hello Bob.")
    bob.hears("Hello Bob.")
    desk.call(bob.leg).hang_up()
    assert bob.is_hung_up().ended_by == "ringline"
    ringline.over()
    assert desk.statuses(bob.leg) == ["started", "ringing", "answered", "completed"]


def test_a_webhook_is_found_by_its_fields_and_the_nearest_is_named(ringline: Ringline) -> None:
    desk = ringline.application()
    desk.answers(talk("Press one.", barge_in=True), read_digits(max_digits=1))
    alice = ringline.phone("alice")
    alice.dials(desk.number)
    alice.hears("Press one.")
    alice.presses("1")
    told = desk.is_told(dtmf={"digits": "1"}, from_=alice.number, uuid=lambda uuid: uuid == alice.leg)
    assert told["dtmf"] == {"digits": "1", "timed_out": False}
    with pytest.raises(AssertionError, match=r"nearest: dtmf.digits is '1', not '2' \(waited 5 s\)"):
        desk.is_told(dtmf={"digits": "2", "timed_out": False}, within_s=5)
    with pytest.raises(AssertionError, match="price_of_tea is not there"):
        desk.is_told(price_of_tea=1, within_s=1)


def test_a_step_cannot_wait_inside_another(ringline: Ringline) -> None:
    desk = ringline.application(handler=lambda received: ringline.passes(1), fails=True)
    alice = ringline.phone("alice")
    with pytest.raises(RuntimeError, match="inside another step"):
        ringline.run(_looks(lambda: ringline.passes(1)))
    alice.dials(desk.number)
    alice.is_hung_up()
    assert {received.reply.status for received in desk.requests} == {500}


async def _looks(at: Callable[[], None]) -> None:
    at()


def test_no_time_passes_between_steps(ringline: Ringline) -> None:
    began = ringline.clock.now()
    assert ringline.clock.now() == began
    ringline.passes(3600)
    assert ringline.clock.now() == began + 3600


def test_an_application_makes_calls(ringline: Ringline) -> None:
    desk = ringline.application()
    bob = ringline.phone("bob")
    bob.answers()
    call = desk.calls(bob.number, ncco=[talk("Hello.")])
    bob.hears("Hello.", to_the_end=True)
    ringline.over()
    assert call.record().status == "completed"


@pytest.mark.ringline(legs_per_second=1)
def test_options_of_the_switchboard_are_a_marker(ringline: Ringline) -> None:
    assert ringline.engine.options.legs_per_second == 1


def test_an_application_that_refuses_is_seen_by_the_caller(ringline: Ringline) -> None:
    desk = ringline.application()
    desk.replies("/answer", status(404))
    alice = ringline.phone("alice")
    alice.dials(desk.number)
    alice.is_hung_up()
    assert "No NCCO" in desk.is_warned("No NCCO")


def test_what_cannot_come_and_what_breaks_are_errors_of_the_step() -> None:
    board = Ringline()

    async def never() -> None:
        await board.board.loop.create_future()

    async def careless() -> None:
        board.board.loop.call_soon(lambda: 1 // 0)

    with pytest.raises(Deadlock):
        board.run(never())
    with pytest.raises(LoopFailure):
        board.run(careless())
    board.abandon()


def _pytest(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a test file as a project of its own does."""
    (folder / "test_it.py").write_text(DESK + test)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *_loaded_by_hand(), *options]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def _loaded_by_hand() -> list[str]:
    """Nothing, where the installed package names the plugin, as every one made from these sources does."""
    from importlib.metadata import entry_points

    installed = any(point.value == "ringline.pytest_plugin" for point in entry_points(group="pytest11"))
    return [] if installed else ["-p", "ringline.pytest_plugin"]


def test_the_plugin_works_in_a_project_of_its_own(tmp_path: Path) -> None:
    done = _pytest(
        tmp_path,
        """
def test_menu(ringline):
    app, alice = ringline.application(handler=desk), ringline.phone("alice")
    alice.dials(app.number)
    alice.hears("Press one")
    alice.presses("1")
    alice.hears("Thank you.")
    alice.is_hung_up()

@scenario
async def test_the_same_as_a_scenario(ringline, phones):
    (alice,) = phones("alice")
    await alice.dials(ringline.application(handler=desk).number)
    await alice.hears("Press one")
""",
        "--strict-markers",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_test_that_fails_shows_what_happened(tmp_path: Path) -> None:
    done = _pytest(
        tmp_path,
        """
def test_menu(ringline):
    app, alice = ringline.application(handler=desk), ringline.phone("alice")
    alice.dials(app.number)
    alice.hears("Press two", within_s=5)
""",
    )
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "error" not in done.stdout.rsplit("=====", 2)[-2]
    for part in ("Ringline: what happened", "incoming call", "hears 'Press one for sales.'", "GET /answer", "dtmf"):
        assert part in done.stdout, done.stdout


def test_a_coroutine_function_is_told_what_to_do(tmp_path: Path) -> None:
    done = _pytest(tmp_path, "\nasync def test_it(ringline):\n    pass\n")
    assert done.returncode == 1
    assert "put `@scenario`" in done.stdout


def test_nothing_is_loaded_for_projects_that_do_not_ask(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n"
        "def test_it():\n    assert not [one for one in sys.modules if one.startswith('ringline.testing')]\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_loaded_by_hand()]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
