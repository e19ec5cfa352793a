"""What the API keeps beside calls while a test lasts: applications, numbers, domains, secrets, audit, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ringline.accounts import Application, AuditEntry, DomainUser, HostedDomain, KeptSecret, Number
from ringline.base import ApplicationId
from ringline.engine.ports import FileFilter, FileInfo, StoredFile


class _Filed(Protocol):
    files: dict[str, StoredFile]


class MemoryOffice:
    """Mixed into the store of a test, which has the `files`."""

    def __init__(self) -> None:
        self.applications: dict[ApplicationId, Application] = {}
        self.numbers: dict[str, Number] = {}
        self.hosted_domains: dict[str, HostedDomain] = {}
        self.kept_secrets: dict[str, KeptSecret] = {}
        self.audit_log: list[AuditEntry] = []
        "Oldest first."
        self.infos: dict[str, FileInfo] = {}

    async def save_application(self, application: Application) -> None:
        self.applications[application.id] = application

    async def delete_application(self, application_id: ApplicationId) -> None:
        self.applications.pop(application_id, None)

    async def save_number(self, number: Number) -> None:
        self.numbers[number.msisdn] = number

    async def delete_number(self, msisdn: str) -> None:
        self.numbers.pop(msisdn, None)

    async def save_domain(self, domain: HostedDomain) -> None:
        known = self.hosted_domains.get(domain.name)
        self.hosted_domains[domain.name] = replace(domain, users=known.users if known is not None else {})

    async def delete_domain(self, name: str) -> None:
        self.hosted_domains.pop(name, None)

    async def save_domain_user(self, domain: str, user: DomainUser) -> None:
        self.hosted_domains[domain] = self.hosted_domains[domain].with_user(user)

    async def delete_domain_user(self, key: str) -> None:
        self.hosted_domains = {name: one.without_user(key) for name, one in self.hosted_domains.items()}

    async def secrets(self, api_key: str) -> Sequence[KeptSecret]:
        return [one for one in self.kept_secrets.values() if one.api_key == api_key]

    async def save_secret(self, kept: KeptSecret) -> None:
        self.kept_secrets[kept.secret.id] = kept

    async def delete_secret(self, secret_id: str) -> None:
        self.kept_secrets.pop(secret_id, None)

    def write_audit(self, entry: AuditEntry) -> None:
        self.audit_log.append(entry)

    async def audit(self, *, limit: int, offset: int = 0) -> tuple[Sequence[AuditEntry], int]:
        """The latest lines, newest first, and how many there are in all."""
        return self.audit_log[::-1][offset : offset + limit], len(self.audit_log)

    async def files_of(self: _Filed, wanted: FileFilter) -> tuple[Sequence[StoredFile], int]:
        """The page asked for, and how many match in all."""
        found = [
            one
            for one in sorted(self.files.values(), key=lambda one: one.created_at, reverse=wanted.descending)
            if one.application == wanted.application
            and (wanted.start is None or one.created_at >= wanted.start)
            and (wanted.end is None or one.created_at <= wanted.end)
        ]
        return found[wanted.offset : wanted.offset + wanted.limit], len(found)

    async def file_infos(self, file_ids: Sequence[str]) -> Sequence[FileInfo]:
        return [self.infos[one] for one in file_ids if one in self.infos]

    async def save_file_info(self, info: FileInfo) -> None:
        self.infos[info.file_id] = info

    def count_download(self, file_id: str, at: datetime) -> None:
        info = self.infos.get(file_id) or FileInfo(file_id=file_id, updated_at=at)
        self.infos[file_id] = replace(info, downloads=info.downloads + 1)

    async def delete_file(self: _Filed, file_id: str) -> None:
        self.files.pop(file_id, None)
