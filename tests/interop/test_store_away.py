"""The store is away while calls are made: events are delivered, kept in the spool, and health says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from .application import Application
from .crowd import Crowd, Habit, until
from .installation import NUMBERS, Installation
from .scripts import LONG_TALK, talk

pytestmark = pytest.mark.interop


@contextmanager
def _locked(server: Installation) -> Iterator[None]:
    """Another program holds the database."""
    with closing(sqlite3.connect(server.directory / "var" / "ringline.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def _figure(server: Installation, name: str) -> float:
    text = server.request("GET", "/metrics", token=None).body.decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


def test_calls_go_on_while_the_store_is_locked_and_a_crash_loses_none_of_their_ends(tmp_path: Path) -> None:
    app = Application()
    server = Installation(tmp_path / "server", app.url)
    try:
        server.start()
        with Crowd(server.sip_address, lambda name: Habit.ANSWERS) as crowd:
            app.answers(NUMBERS[0], [talk("Hello.")])
            app.answers(NUMBERS[1], [LONG_TALK])
            with _locked(server):
                short = crowd.calls("short", NUMBERS[0])
                until(lambda: short.over, within_s=10)
                leg = app.wait("/answer", to=NUMBERS[0])["uuid"]
                app.wait_statuses(leg, "started", "ringing", "answered", "completed")
                until(lambda: server.request("GET", "/readyz", token=None).status == 503, within_s=20)
                (reason,) = server.request("GET", "/readyz", token=None).body["reasons"]
                assert "locked" in reason
                assert "ringline.db.spool" in reason
                alive = server.request("GET", "/healthz", token=None)
                assert (alive.status, alive.body["reasons"]) == (200, [reason])
                assert _figure(server, "ringline_store_spool_bytes") > 0
            until(lambda: server.request("GET", "/readyz", token=None).status == 200, within_s=10)
            assert _figure(server, "ringline_store_spool_bytes") == 0
            until(lambda: server.request("GET", f"/v1/calls/{leg}").body["status"] == "completed", within_s=20)
            log = server.request("GET", f"/ringline/v1/calls/{leg}/webhooks").body["_embedded"]["webhooks"]
            assert [line["name"] for line in log if line["status"] == 204] == [
                "started", "ringing", "answered", "completed",
            ]  # fmt: skip

            with _locked(server):
                long = crowd.calls("long", NUMBERS[1])
                until(lambda: long.answered, within_s=10)
                leg = app.wait("/answer", to=NUMBERS[1])["uuid"]
                app.wait("/event", uuid=leg, status="answered")
                until(lambda: server.request("GET", "/readyz", token=None).status == 503, within_s=20)
                server.kill()
            server.start()
            assert app.wait("/event", uuid=leg, status="completed")["disconnected_by"] == "platform"
            until(lambda: long.over, within_s=10)
            assert (long.told, long.faults) == (["BYE"], [])
            assert server.live_legs() == []
            assert app.statuses(leg).count("completed") == 1
        assert "Traceback" not in server.log_file.read_text()
    except BaseException as error:
        error.add_note(server.log_tail())
        raise
    finally:
        server.stop()
        app.close()
