"""kill -9 at any moment: the next process leaves no call without its one end, and no far end waiting."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from .application import Application, Raw, Request
from .crowd import Crowd, Habit, Line, until
from .installation import NUMBERS, Installation
from .scripts import LONG_TALK, connect
from .sipp import header

pytestmark = pytest.mark.interop

BATCHES: Final = 8
CALLS: Final = 25
FINAL: Final = frozenset({"completed", "busy", "cancelled", "failed", "rejected", "timeout", "unanswered"})
_COMMIT_S: Final = 0.35
"What happened in the last moment before the end may not have been written down; a busy machine is slow."
_SPEAKS, _RECORDS, _CONNECTS, _RINGS_ON, _HESITATES = NUMBERS[:5]


@dataclass(slots=True)
class Batch:
    """The calls of one life of the server."""

    began: float
    asked: dict[str, str] = field(default_factory=dict)
    "Calls made by REST: the leg, and the name of the phone it called."
    killed: float = 0.0


def test_200_calls_survive_kill_9(tmp_path: Path) -> None:
    chance = random.Random(20261)
    with _application() as app:
        server = Installation(tmp_path / "server", app.url)
        with Crowd(server.sip_address, lambda name: Habit[name.partition("-")[0].upper()]) as crowd:
            _teach(app, crowd)
            try:
                server.start()
                for number in range(BATCHES):
                    batch = _live(server, crowd, chance, number)
                    server.kill()
                    batch.killed = time.monotonic()
                    server.start()
                    _check(server, app, crowd, batch)
            except BaseException as error:
                error.add_note(server.log_tail())
                raise
            finally:
                server.stop()
        assert "Traceback" not in server.log_file.read_text()
        with closing(sqlite3.connect(server.directory / "var" / "ringline.db")) as store:
            tables = ("outbox", "dialogs", "open_recordings")
            left = {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
        assert left == dict.fromkeys(tables, 0)


def _teach(app: Application, crowd: Crowd) -> None:
    record = {"action": "record", "format": "mp3"}
    app.answers(_SPEAKS, [LONG_TALK])
    app.answers(_RECORDS, [record, LONG_TALK])
    app.answers(_CONNECTS, [connect(f"sip:answers-child@127.0.0.1:{crowd.port}")])
    app.answers(_HESITATES, Raw(delay_s=4.0))
    app.answers(_RINGS_ON, [connect(f"sip:rings-child@127.0.0.1:{crowd.port}", eventType="synchronous")])


def _live(server: Installation, crowd: Crowd, chance: random.Random, number: int) -> Batch:
    """Let calls begin and end until the moment of the kill."""
    batch = Batch(began=time.monotonic())
    end = batch.began + chance.uniform(0.4, 2.2)
    kinds = [_SPEAKS] * 6 + [_RECORDS] * 5 + [_CONNECTS] * 3 + [_RINGS_ON] * 2 + [_HESITATES] * 2
    plan: list[tuple[float, str]] = [(chance.uniform(0, 1.6), kind) for kind in kinds]
    plan += [(chance.uniform(0, 1.6), habit) for habit in ["answers"] * 4 + ["rings"] * 3]
    leaving: list[tuple[float, Line]] = []
    assert len(plan) == CALLS
    for index, (at, what) in enumerate(sorted(plan)):
        if (wait := batch.began + at - time.monotonic()) > 0:
            time.sleep(min(wait, max(0.0, end - time.monotonic())))
        name = f"answers-{number}-{index}"
        if what.isdigit():
            line = crowd.calls(name, what)
            if chance.random() < 0.4:
                leaving.append((time.monotonic() + chance.uniform(0.1, 1.2), line))
        else:
            name = f"{what}-{number}-{index}"
            leg = server.call({"type": "sip", "uri": f"sip:{name}@127.0.0.1:{crowd.port}"}, [LONG_TALK])
            batch.asked[leg] = name
        for moment, line in leaving:
            if time.monotonic() >= moment:
                crowd.leaves(line)
    while time.monotonic() < end:
        for moment, line in leaving:
            if time.monotonic() >= moment:
                crowd.leaves(line)
        time.sleep(0.02)
    return batch


def _check(server: Installation, app: Application, crowd: Crowd, batch: Batch) -> None:
    until(lambda: server.live_legs() == [], within_s=10, otherwise=lambda: f"still open: {server.live_legs()}")
    seen = [one for one in app.requests("/event") if one.at >= batch.began and "status" in one.fields]
    legs = {one.fields["uuid"]: one.at for one in reversed(seen)} | dict.fromkeys(batch.asked, batch.killed)
    known = {leg for leg in legs if server.request("GET", f"/v1/calls/{leg}").status == 200}
    for leg in legs.keys() - known:
        assert legs[leg] > batch.killed - _COMMIT_S, f"leg {leg} was forgotten, though it was not of the last moment"

    until(
        lambda: all(len(_finals(app, leg)) == 1 for leg in known),
        within_s=15,
        otherwise=lambda: {leg: _story(app, leg) for leg in known if len(_finals(app, leg)) != 1},
    )
    _check_order(app, known)
    _check_far_ends(server, app, crowd, batch, known)
    _check_recordings(server, app, batch)
    assert all(len(_finals(app, leg)) == 1 for leg in known), "a second end came later"


def _check_order(app: Application, legs: set[str]) -> None:
    """In each leg's order, every event once; repeats carry the id of the first."""
    order = ["started", "ringing", "answered"]
    for leg in legs:
        statuses = [status for status, _ in _told(app, leg)]
        assert statuses[-1] in FINAL, statuses
        begun = statuses[:-1]
        assert begun == [status for status in order if status in begun], statuses


def _check_far_ends(server: Installation, app: Application, crowd: Crowd, batch: Batch, known: set[str]) -> None:
    """Every phone in a call that the platform still knew has heard of its end."""
    names = {name: leg for leg, name in batch.asked.items()}
    for request in app.requests("/answer"):
        if request.at >= batch.began and "SipHeader_X-Name" in request.fields:
            names[request.fields["SipHeader_X-Name"]] = request.fields["uuid"]
    # What a phone saw in the last moment may not have been written down: its dialog cannot be known then.
    last = batch.killed - _COMMIT_S
    mine = [line for line in crowd.lines.values() if names.get(line.name) in known and line.moved < last]
    until(
        lambda: all(line.over for line in mine),
        within_s=10,
        otherwise=lambda: [line for line in mine if not line.over],
    )
    assert [fault for line in crowd.lines.values() for fault in line.faults] == []
    # Children have no name of their own, but our INVITE says which leg it is for.
    children = [
        line
        for line in crowd.lines.values()
        if line.name.endswith("-child")
        and batch.began <= line.moved < last
        and server.request("GET", f"/v1/calls/{header(line.invite, 'X-Ringline-Call-Id')}").status == 200
    ]
    until(lambda: all(line.over for line in children), within_s=10, otherwise=lambda: children)


def _check_recordings(server: Installation, app: Application, batch: Batch) -> None:
    """Every recording that ran is reported once, and can be fetched."""
    rooms: dict[str, float] = {}
    for one in app.requests("/event", to=_RECORDS, status="answered"):
        if one.at >= batch.began:
            rooms.setdefault(one.fields["conversation_uuid"], one.at)
    sure = {room for room, at in rooms.items() if at < batch.killed - 0.6}

    def reported() -> dict[str, dict[str, Request]]:
        found: dict[str, dict[str, Request]] = defaultdict(dict)
        for one in app.requests("/event", recording_url=...):
            found[one.fields["conversation_uuid"]].setdefault(one.headers["x-ringline-event-id"], one)
        return found

    until(lambda: sure <= reported().keys(), within_s=10, otherwise=lambda: sure - reported().keys())
    for room in sure:
        (event,) = reported()[room].values()
        path = "/v1/files/" + event.fields["recording_url"].rpartition("/")[2]
        answer = server.request("GET", path)
        assert answer.status == 200
        assert len(answer.body) == event.fields["size"] > 0


def _told(app: Application, leg: str) -> list[tuple[str, str]]:
    """The statuses of a leg with their event ids, each event once."""
    events: dict[str, str] = {}
    for one in app.requests("/event", uuid=leg):
        if "status" in one.fields:
            events.setdefault(one.headers["x-ringline-event-id"], one.fields["status"])
    return [(status, event) for event, status in events.items()]


def _finals(app: Application, leg: str) -> list[str]:
    return [status for status, _ in _told(app, leg) if status in FINAL]


def _story(app: Application, leg: str) -> list[Any]:
    return [(round(one.at, 3), one.fields.get("status"), one.fields) for one in app.requests("/event", uuid=leg)]


@contextmanager
def _application() -> Iterator[Application]:
    app = Application()
    try:
        yield app
    finally:
        app.close()
