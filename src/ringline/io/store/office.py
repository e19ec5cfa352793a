"""The office's part of the store: API secrets, the audit log, and what the Media API keeps beside files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from ringline.accounts import AuditEntry, KeptSecret, Secret
from ringline.engine.ports import FileFilter, FileInfo, StoredFile
from ringline.io.store import rows, statements
from ringline.io.store.lending import Lends
from ringline.io.store.tables import AUDIT, FILES, MEDIA_INFO, SECRETS

_MILLISECOND = 1000


class Office:
    """Mixed into a store. What changes returns once it is on disk, except for counts and audit lines."""

    # ── API secrets ────────────────────────────────────────────────────────────────────────────────────────────────

    async def secrets(self: Lends, api_key: str) -> Sequence[KeptSecret]:
        """What is kept of an account's secrets, revoked ones included, oldest first."""
        query = select(SECRETS).where(SECRETS.c.api_key == api_key)
        found = await self._all(query.order_by(SECRETS.c.created_at, SECRETS.c.secret_id))
        return [_kept_secret(row) for row in found]

    async def save_secret(self: Lends, kept: KeptSecret) -> None:
        """Insert or replace."""
        self._put(statements.PUT_SECRET, _secret_row(kept))
        await self.flush()

    async def delete_secret(self: Lends, secret_id: str) -> None:
        self._put(statements.DELETE_SECRET, {"secret_id": secret_id})
        await self.flush()

    # ── audit ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def write_audit(self: Lends, entry: AuditEntry) -> None:
        """Add a line; it goes to disk with what is written next."""
        row = {
            "at": rows.to_microseconds(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "target": entry.target,
            "source": entry.source,
            "details": json.dumps(dict(entry.details)),
        }
        self._put(statements.ADD_AUDIT, row)

    async def audit(self: Lends, *, limit: int, offset: int = 0) -> tuple[Sequence[AuditEntry], int]:
        """The latest lines, newest first, and how many there are in all."""
        query = select(AUDIT).order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc()).limit(limit).offset(offset)
        found = await self._all(query)
        count = await self._all(select(func.count().label("count")).select_from(AUDIT))
        return [_audit_entry(row) for row in found], int(count[0]["count"])

    # ── files ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def files_of(self: Lends, wanted: FileFilter) -> tuple[Sequence[StoredFile], int]:
        """The page asked for, and how many match in all."""
        query = select(FILES).where(FILES.c.application == wanted.application)
        if wanted.start is not None:
            query = query.where(FILES.c.created_at >= rows.to_microseconds(wanted.start) // _MILLISECOND * _MILLISECOND)
        if wanted.end is not None:
            end = (rows.to_microseconds(wanted.end) // _MILLISECOND + 1) * _MILLISECOND
            query = query.where(FILES.c.created_at < end)
        key, tie = FILES.c.created_at, FILES.c.file_id
        order = (key.desc(), tie.desc()) if wanted.descending else (key, tie)
        found = await self._all(query.order_by(*order).limit(wanted.limit).offset(wanted.offset))
        count = await self._all(select(func.count().label("count")).select_from(query.subquery()))
        return [rows.stored_file(row) for row in found], int(count[0]["count"])

    async def file_infos(self: Lends, file_ids: Sequence[str]) -> Sequence[FileInfo]:
        """What was written beside these files; those that have nothing are left out."""
        found = await self._all(select(MEDIA_INFO).where(MEDIA_INFO.c.file_id.in_(file_ids)))
        return [_file_info(row) for row in found]

    async def save_file_info(self: Lends, info: FileInfo) -> None:
        """Insert or replace."""
        self._put(statements.PUT_FILE_INFO, _info_row(info))
        await self.flush()

    def count_download(self: Lends, file_id: str, at: datetime) -> None:
        """A file was fetched from its beginning; quick, and on disk with what is written next."""
        self._put(statements.COUNT_DOWNLOAD, {"file_id": file_id, "updated_at": rows.to_microseconds(at)})


def _secret_row(kept: KeptSecret) -> dict[str, Any]:
    secret = kept.secret
    return {
        "secret_id": secret.id,
        "api_key": kept.api_key,
        "created_at": rows.to_microseconds(secret.created_at),
        "salt": secret.salt,
        "hash": secret.hash,
        "realm": secret.realm,
        "sums": json.dumps(dict(secret.sums)),
        "configured": int(kept.configured),
        "revoked": int(kept.revoked),
    }


def _kept_secret(row: rows.Row) -> KeptSecret:
    return KeptSecret(
        api_key=row["api_key"],
        secret=Secret(
            id=row["secret_id"],
            salt=row["salt"],
            hash=row["hash"],
            realm=row["realm"],
            sums=json.loads(row["sums"]),
            created_at=rows.from_microseconds(row["created_at"]),
        ),
        configured=bool(row["configured"]),
        revoked=bool(row["revoked"]),
    )


def _audit_entry(row: rows.Row) -> AuditEntry:
    return AuditEntry(
        at=rows.from_microseconds(row["at"]),
        actor=row["actor"],
        action=row["action"],
        target=row["target"],
        source=row["source"],
        details=json.loads(row["details"]),
    )


def _info_row(info: FileInfo) -> dict[str, Any]:
    return {
        "file_id": info.file_id,
        "updated_at": rows.to_microseconds(info.updated_at),
        "public": int(info.public),
        "max_downloads": info.max_downloads,
        "downloads": info.downloads,
        "words": json.dumps(dict(info.words)),
    }


def _file_info(row: rows.Row) -> FileInfo:
    return FileInfo(
        file_id=row["file_id"],
        updated_at=rows.from_microseconds(row["updated_at"]),
        public=bool(row["public"]),
        max_downloads=row["max_downloads"],
        downloads=row["downloads"],
        words=json.loads(row["words"]),
    )
