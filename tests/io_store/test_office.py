"""The office's part of the store, in both databases: secrets, the audit log, words beside files, forwarded numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ringline.accounts import AuditEntry, Forward, KeptSecret, Number, make_secret
from ringline.base import ApplicationId
from ringline.engine.ports import FileFilter, FileInfo, StoredFile
from ringline.io.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
APP, OTHER = ApplicationId("app"), ApplicationId("other")


def run(place: str, check: Callable[[SqlStore], Awaitable[None]]) -> None:
    async def main() -> None:
        store = SqlStore(place, spool_bytes=0)
        await store.start()
        try:
            await check(store)
        finally:
            await store.stop()

    asyncio.run(main())


def kept(id: str, **changes: bool) -> KeptSecret:
    secret = make_secret("Secret12", api_key="key1", realm="ringline", id=id, salt=b"salt", created_at=NOW)
    return KeptSecret(api_key="key1", secret=secret, **changes)


def test_secrets_are_kept_changed_and_deleted(place: str) -> None:
    async def first(store: SqlStore) -> None:
        await store.save_secret(kept("a", configured=True))
        await store.save_secret(kept("b"))
        await store.save_secret(kept("a", configured=True, revoked=True))

    async def second(store: SqlStore) -> None:
        assert list(await store.secrets("key1")) == [kept("a", configured=True, revoked=True), kept("b")]
        assert list(await store.secrets("key2")) == []
        await store.delete_secret("b")
        assert [one.secret.id for one in await store.secrets("key1")] == ["a"]

    run(place, first)
    run(place, second)


def test_the_audit_log_is_read_newest_first(place: str) -> None:
    def entry(number: int) -> AuditEntry:
        return AuditEntry(
            at=NOW + timedelta(seconds=number),
            actor="key1",
            action="number.buy",
            target=str(number),
            source="192.0.2.9",
            details={"größe": "1"},
        )

    async def check(store: SqlStore) -> None:
        for number in range(5):
            store.write_audit(entry(number))
        found, count = await store.audit(limit=2, offset=1)
        assert (list(found), count) == ([entry(3), entry(2)], 5)

    run(place, check)


def test_files_are_listed_with_the_words_beside_them(place: str) -> None:
    def file(number: int, application: ApplicationId = APP) -> StoredFile:
        return StoredFile(
            file_id=f"file-{number}",
            application=application,
            media_type="audio/mpeg",
            size=number,
            created_at=NOW + timedelta(seconds=number),
        )

    async def check(store: SqlStore) -> None:
        for number in range(4):
            store.write_file(file(number))
        store.write_file(file(9, OTHER))
        found, count = await store.files_of(FileFilter(application=APP, limit=2))
        assert (list(found), count) == ([file(3), file(2)], 4)
        wanted = FileFilter(application=APP, start=file(1).created_at, end=file(2).created_at, descending=False)
        assert list((await store.files_of(wanted))[0]) == [file(1), file(2)]
        info = FileInfo(file_id="file-1", updated_at=NOW, public=True, max_downloads=3, words={"title": "Größe"})
        store.count_download("file-1", NOW)
        await store.save_file_info(info)
        store.count_download("file-1", NOW)
        store.count_download("file-2", NOW)
        known = {one.file_id: one for one in await store.file_infos(["file-1", "file-2", "file-3"])}
        assert known["file-1"] == replace(info, downloads=2)
        assert (known["file-2"].downloads, known["file-2"].public, len(known)) == (1, False, 2)
        await store.delete_file("file-1")
        assert list(await store.file_infos(["file-1"])) == []

    run(place, check)


def test_where_a_number_is_forwarded_is_kept(place: str) -> None:
    number = Number(msisdn="442079460000", forward=Forward(kind="sip", target="sip:bob@192.0.2.7"))

    async def check(store: SqlStore) -> None:
        await store.save_number(number)
        assert list(await store.numbers()) == [number]
        await store.save_number(replace(number, forward=None))
        assert list(await store.numbers()) == [replace(number, forward=None)]

    run(place, check)
