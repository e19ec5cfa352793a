"""What must not be lost while the database takes nothing: the spool file, full, torn and emptied."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.io.store.spool import Record, Spool

ROWS: list[Record] = [("event", {"event_id": str(number), "payload": "grüß"}) for number in range(5)]


def read(path: Path) -> list[Record]:
    spool = Spool(path, 0)
    try:
        return spool.open()
    finally:
        spool.close()


def test_what_is_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", 100_000)
    assert spool.open() == []
    assert (spool.append(ROWS[:2]), spool.append(ROWS[2:])) == (2, 3)
    assert read(tmp_path / "s") == ROWS  # nothing was closed: the process was killed
    assert spool.path.stat().st_mode & 0o777 == 0o600
    spool.close()


def test_an_emptied_spool_is_empty_and_is_written_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", 100_000)
    spool.open()
    spool.append(ROWS)
    spool.clear()
    assert (read(tmp_path / "s"), spool.used) == ([], 0)
    spool.append(ROWS[:1])
    assert read(tmp_path / "s") == ROWS[:1]
    spool.close()


def test_its_room_is_reserved_and_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", 150)
    spool.open()
    assert spool.path.stat().st_blocks * 512 >= 150
    kept = spool.append(ROWS)
    assert 0 < kept < 5
    assert spool.lost == 5 - kept
    assert spool.used <= 150
    assert read(tmp_path / "s") == ROWS[:kept]
    spool.close()


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_torn_record_is_no_record(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path / "s", 1000)
    spool.open()
    spool.append(ROWS)
    size = spool.used
    spool.close()
    data = bytearray((tmp_path / "s").read_bytes())
    data[size - cut : size] = bytes(cut)
    (tmp_path / "s").write_bytes(data)
    assert read(tmp_path / "s") == ROWS[:4]


def test_noise_is_passed_over(tmp_path: Path) -> None:
    for noise in (b"\xff\xfe nonsense", b"[]\n", b'["a"]\n', b'["event", 7]\n', b"\0" * 50, b"{}\n"):
        (tmp_path / "s").write_bytes(noise)
        assert read(tmp_path / "s") == []


def test_a_spool_that_cannot_be_written_says_how_much_was_lost(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", 1000)
    spool.open()
    spool.close()
    assert spool.append(ROWS) == 0
    assert spool.lost == 5
