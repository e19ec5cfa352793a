"""PostgreSQL is away while calls are made: they go on, REST that needs it says 503, and all of it lands afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import PostgresServer

from .application import Application
from .crowd import Crowd, Habit, until
from .installation import NUMBERS, Installation
from .scripts import LONG_TALK, talk

pytestmark = pytest.mark.interop
_AWAY_S = 10.0


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    """A server of the test's own, which it stops."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_calls_go_on_for_ten_seconds_without_the_database_and_nothing_is_lost(
    tmp_path: Path, database: PostgresServer
) -> None:
    app = Application()
    url = database.new_database()
    server = Installation(tmp_path / "server", app.url, sections=f'[store]\nurl = "{url}"\n')
    try:
        server.start()
        app.answers(NUMBERS[0], [talk("Hello.")])
        app.answers(NUMBERS[1], [LONG_TALK])
        with Crowd(server.sip_address, lambda name: Habit.ANSWERS) as crowd:
            long = crowd.calls("long", NUMBERS[1])
            until(lambda: long.answered, within_s=10)
            database.stop()
            gone_at = time.monotonic()
            short = crowd.calls("short", NUMBERS[0])
            until(lambda: short.over, within_s=15)
            leg = app.wait("/answer", to=NUMBERS[0])["uuid"]
            app.wait_statuses(leg, "started", "ringing", "answered", "completed")
            until(lambda: server.request("GET", "/readyz", token=None).status == 503, within_s=20)
            (reason,) = server.request("GET", "/readyz", token=None).body["reasons"]
            assert "ringline-store.spool" in reason
            for path in ("/v1/calls", f"/v1/calls/{leg}"):
                refused = server.request("GET", path)
                assert (refused.status, refused.headers.get("retry-after")) == (503, "1"), path
            assert server.request("GET", f"/v1/calls/{app.wait('/answer', to=NUMBERS[1])['uuid']}").status == 200
            time.sleep(max(0.0, _AWAY_S - (time.monotonic() - gone_at)))
            assert not long.over
            database.start()
            until(lambda: server.request("GET", "/readyz", token=None).status == 200, within_s=15)
            ended = server.request("GET", f"/v1/calls/{leg}").body
            assert ended["status"] == "completed"
            log = server.request("GET", f"/ringline/v1/calls/{leg}/webhooks").body["_embedded"]["webhooks"]
            assert [line["name"] for line in log if line["status"] == 204] == [
                "started", "ringing", "answered", "completed",
            ]  # fmt: skip
            lines = database.execute(
                "SELECT conversation, count(*) AS lines, max(sequence) AS last FROM journal GROUP BY conversation",
                url=url,
            )
            assert len(lines) == 2
            assert all(row["lines"] == row["last"] for row in lines), "a journal has gaps"
            assert database.execute("SELECT count(*) AS left FROM outbox", url=url) == [{"left": 0}]
            crowd.leaves(long)
        assert "Traceback" not in server.log_file.read_text()
    except BaseException as error:
        error.add_note(server.log_tail())
        raise
    finally:
        server.stop()
        app.close()
