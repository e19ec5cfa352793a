"""`calls`, `call show`, `journal` and `replay` on a store that another process may be writing."""

from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringline.base import LegId
from ringline.cli import app
from ringline.cli._journal import JournalFileError, read, write
from ringline.cli._live import Follower, follow
from ringline.cli._records import NoSuchCall, open_records
from ringline.cli._timeline import Row
from ringline.engine.ports import JournalLine, LegRecord
from ringline.io.store import SqlStore

from .conftest import LEG, Call

OTHER = LegId("63f61863-0000-4000-8000-000000000000")
run = CliRunner().invoke


def _keep(path: Path, call: Call, *records: LegRecord) -> None:
    async def write_all() -> None:
        store = SqlStore(path)
        await store.start()
        for record in records:
            store.write_leg(record)
        for line in call.lines:
            store.write_journal(line)
        await store.flush()
        await store.stop()

    asyncio.run(write_all())


@pytest.fixture
def here(tmp_path: Path, call: Call, record: LegRecord, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which an installation has had two calls."""
    store = tmp_path / "var" / "ringline.db"
    store.parent.mkdir()
    _keep(store, call, record, replace(record, uuid=OTHER, status="busy", duration_s=None, detail=None, sip_code=486))
    monkeypatch.chdir(tmp_path)
    return store


def test_calls_are_listed_and_filtered_by_state(here: Path) -> None:
    everything = run(app, ["calls"])
    assert everything.exit_code == 0
    assert LEG in everything.output
    assert OTHER in everything.output
    busy = run(app, ["calls", "--status", "busy"])
    assert LEG not in busy.output
    assert "486" in busy.output
    assert "no calls that are failed" in run(app, ["calls", "--status", "failed"]).output


def test_the_beginning_of_a_uuid_is_enough(here: Path) -> None:
    shown = run(app, ["call", "show", LEG[:11]])
    assert shown.exit_code == 0
    assert "A = " + LEG in shown.output
    assert "completed (200, 4 s, ended by the user)" in shown.output
    assert "+2.015 A  event    key 1 down" in shown.output


def test_the_timeline_is_there_for_programs_too(here: Path) -> None:
    rows = [json.loads(line) for line in run(app, ["call", "show", LEG, "--json"]).output.splitlines()]
    assert rows[-1]["kind"] in ("verdict", "command")
    assert {"at", "leg", "kind", "text", "bad"} == set(rows[0])


@pytest.mark.parametrize(
    ("text", "why"),
    [("63f", "no call UUID"), ("63f6' OR 1", "no call UUID"), ("%%%%", "no call UUID"), ("aaaa", "no call aaaa")],
)
def test_what_names_no_call_is_refused_in_a_sentence(here: Path, text: str, why: str) -> None:
    shown = run(app, ["call", "show", text])
    assert shown.exit_code == 1
    assert why in shown.stderr
    assert "Traceback" not in shown.output


def test_a_beginning_that_two_calls_share_is_refused(here: Path) -> None:
    with open_records(here) as records, pytest.raises(NoSuchCall, match="more than one"):
        records.leg(LEG[:8])


def test_a_call_is_taken_out_and_run_again(here: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    taken = run(app, ["journal", LEG, "--export", str(target)])
    assert taken.exit_code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for source in (str(target), LEG):
        again = run(app, ["replay", source])
        assert again.exit_code == 0, again.output
        assert "all decisions as then" in again.output


def test_another_decision_is_shown(call: Call, tmp_path: Path) -> None:
    odd = call.lines[1]
    lines = [call.lines[0], replace(odd, data={**odd.data, "commands": []}), *call.lines[2:]]
    file = tmp_path / "odd.jsonl"
    write(lines, file)
    again = run(app, ["replay", str(file)])
    assert again.exit_code == 1
    assert "event 2 leads to something else now" in again.output


@pytest.mark.parametrize("text", ["no json", "[]", '{"conversation":"x"}', '{"data":1}', '"x"', "null"])
def test_a_file_that_is_no_journal_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("\n" + text)
    with pytest.raises(JournalFileError, match=r"bad\.jsonl:2"):
        read(file)
    again = run(app, ["replay", str(file)])
    assert again.exit_code == 1
    assert "Traceback" not in again.output


def test_a_damaged_entry_is_refused_in_a_sentence(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "damaged.jsonl"
    write([replace(call.lines[0], data={"format": 1})], file)
    again = run(app, ["replay", str(file)])
    assert again.exit_code == 1
    assert "damaged" in again.stderr


def test_a_journal_written_is_read_back(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "call.jsonl"
    assert write(call.lines, file) == len(call.lines)
    assert read(file) == tuple(call.lines)


def test_nothing_was_called_here_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = run(app, ["calls"])
    assert listed.exit_code == 1
    assert "nothing was called here" in listed.stderr


def test_a_file_that_is_no_store_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ringline.db").write_text("this is no database, but it is long enough to be looked at " * 20)
    listed = run(app, ["calls"])
    assert listed.exit_code == 1
    assert "cannot be read" in listed.stderr


def test_what_is_new_is_told_once(tmp_path: Path, call: Call) -> None:
    path = tmp_path / "ringline.db"
    early, late = call.lines[:4], call.lines[4:]
    _keep(path, _with(early))
    with open_records(path) as records:
        follower = Follower(records)
        assert list(follower.news()) == []
        _keep(path, _with(late))
        rows = list(follower.news())
        assert rows[-1].kind in ("verdict", "command")
        assert list(follower.news()) == []


def test_following_shows_what_comes_until_cancelled(tmp_path: Path, call: Call) -> None:
    path = tmp_path / "ringline.db"
    seen: list[Row] = []

    async def scene() -> None:
        stepped = asyncio.Event()

        def see(row: Row) -> None:
            seen.append(row)
            if row.kind == "step":
                stepped.set()

        store = SqlStore(path)
        await store.start()
        task = asyncio.create_task(follow(str(path), see))
        await asyncio.sleep(0)
        for line in call.lines:
            store.write_journal(line)
        await store.flush()
        await asyncio.wait_for(stepped.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.stop()

    asyncio.run(scene())
    assert {row.leg for row in seen} <= {LEG, None}


def _with(lines: list[JournalLine]) -> Call:
    part = Call()
    part.lines = lines
    return part


def test_the_webhooks_of_a_call_are_listed(here: Path, call: Call) -> None:
    shown = run(app, ["call", "webhooks", LEG[:11]])
    assert shown.exit_code == 0, shown.output
    assert "answer" in shown.output
    assert " → 200 in " in shown.output
    bodies = run(app, ["call", "webhooks", LEG, "--bodies"]).output
    assert len(bodies.splitlines()) > len(shown.output.splitlines())
    lines = [json.loads(line) for line in run(app, ["call", "webhooks", LEG, "--json"]).output.splitlines()]
    assert {"time", "event_id", "phase", "status", "request", "response"} <= set(lines[0])
    assert "no webhooks" in run(app, ["call", "webhooks", OTHER]).output
