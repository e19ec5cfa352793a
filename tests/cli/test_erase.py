"""`ringline erase`: what it deletes, what it says, and what it leaves alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ringline.accounts import AuditEntry
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.cli import app
from ringline.engine.ports import JournalLine, LegRecord, StoredFile
from ringline.io.store import SqlStore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ALICE = "447700900123"
FILE = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one number."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ringline.toml").write_text('[[numbers]]\nnumber = "442079460000"\n')
    return tmp_path


def write_call(folder: Path, status: str) -> None:
    """Alice has called, and was recorded."""
    application, room, leg = ApplicationId("app"), ConversationId("CON-1"), LegId("leg")

    async def main() -> None:
        store = SqlStore(folder / "var" / "ringline.db", spool_bytes=0)
        await store.start()
        store.write_leg(
            LegRecord(
                uuid=leg, conversation=room, application=application, status=status, direction="inbound",
                from_={"type": "phone", "number": ALICE}, to={}, created_at=NOW,
                end_time=NOW if status == "completed" else None,
            )
        )  # fmt: skip
        data = {"url": f"https://x.example/v1/files/{FILE}"}
        store.write_journal(JournalLine(conversation=room, sequence=1, wallclock=NOW, kind="input", leg=leg, data=data))
        store.write_file(
            StoredFile(file_id=FILE, application=application, media_type="audio/wav", size=1, created_at=NOW)
        )
        await store.stop()

    asyncio.run(main())


def still_named(folder: Path) -> bool:
    """Whether the store says anything of her."""

    async def main() -> bool:
        store = SqlStore(folder / "var" / "ringline.db", spool_bytes=0)
        await store.start()
        leg = await store.leg(LegId("leg"))
        await store.stop()
        return leg is not None and ALICE in str(leg.from_)

    return asyncio.run(main())


def erase(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["erase", *arguments], input=answer)


def test_a_number_is_erased_with_its_recordings_and_it_is_said_what_was_done(folder: Path) -> None:
    write_call(folder, "completed")
    recording = folder / "var" / "recordings" / f"{FILE}.wav"
    recording.parent.mkdir()
    recording.write_bytes(b"x")
    done = erase("+44 7700 900123", "--yes")
    assert done.exit_code == 0, done.output
    for said in ("1  journals deleted", "1  recordings deleted", "1  legs redacted", "backups"):
        assert said in done.output
    assert not recording.exists()
    assert not still_named(folder)
    assert "nothing is kept" in erase(ALICE, "--yes").output


def test_that_somebody_was_erased_is_in_the_audit_log_and_not_who(folder: Path) -> None:
    write_call(folder, "completed")
    assert erase(ALICE, "--yes").exit_code == 0

    async def main() -> list[AuditEntry]:
        store = SqlStore(folder / "var" / "ringline.db")
        await store.start()
        found, _ = await store.audit(limit=10)
        await store.stop()
        return list(found)

    (entry,) = asyncio.run(main())
    assert (entry.actor, entry.action, entry.target) == ("operator", "number.erase", "anonymous")
    assert entry.details == {"journals": "1", "recordings": "1", "events": "0"}


def test_without_yes_it_asks(folder: Path) -> None:
    write_call(folder, "completed")
    asked = erase(ALICE, answer="n\n")
    assert asked.exit_code == 1
    assert "Erase everything kept of 447700900123" in asked.output
    assert still_named(folder)


def test_a_call_that_is_up_is_left_alone(folder: Path) -> None:
    write_call(folder, "answered")
    done = erase(ALICE, "--yes")
    assert (done.exit_code, "1  calls with this number are up" in done.output) == (1, True)
    assert still_named(folder)


@pytest.mark.parametrize(("number", "why"), [("hello", "no international number"), ("442079460000", "not a person")])
def test_what_is_no_persons_number_is_refused(folder: Path, number: str, why: str) -> None:
    write_call(folder, "completed")
    refused = erase(number, "--yes")
    assert refused.exit_code != 0
    assert why in refused.output
    assert still_named(folder)
