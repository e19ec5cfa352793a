"""`/v3/media`: the index of an application's files, what is written beside them, and deleting them."""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.api.bodies import read_bytes
from ringline.api.fields import Body, Date, Flag, Text, empty_is_absent, one_of, read, whole
from ringline.api.problems import bad_request
from ringline.api.resource import Desk, expect_json, no_such_file
from ringline.base import iso_ms, read_leg_id
from ringline.engine.ports import FileFilter, FileInfo, StoredFile

WORDS: Final = ("title", "description", "mime_type", "metadata_primary", "metadata_secondary")
_WEEK: Final = timedelta(days=7)
_LONGEST_WORDS: Final = 2000
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}/[A-Za-z0-9][A-Za-z0-9.+-]{0,60}")


class MediaQuery(Body):
    """The query of the index."""

    order: Annotated[str, one_of("ascending", "descending")] = "descending"
    page_index: Annotated[int, whole(0)] = 0
    page_size: Annotated[int, whole(1, 100)] = 20
    start_time: Date | None = None
    end_time: Date | None = None


class InfoBody(Body):
    """What can be written beside a file."""

    public: Flag | None = None
    max_downloads_allowed: Annotated[int | None, whole(0)] = None
    title: Text | None = None
    description: Text | None = None
    mime_type: Text | None = None
    metadata_primary: Text | None = None
    metadata_secondary: Text | None = None

    @classmethod
    def rules(cls, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        kind = data.get("mime_type")
        if isinstance(kind, str) and not _MEDIA_TYPE.fullmatch(kind):
            return [("mime_type", "must be a media type such as audio/mpeg")]
        long = f"must have at most {_LONGEST_WORDS} characters"
        return [(name, long) for name in WORDS if len(str(data.get(name, ""))) > _LONGEST_WORDS]

    def applied_to(self, info: FileInfo, *, now: datetime) -> FileInfo:
        """The info as the body wants it; what is left out stays."""
        given = {name: text for name in WORDS if (text := getattr(self, name)) is not None}
        return replace(
            info,
            updated_at=now,
            public=info.public if self.public is None else self.public,
            max_downloads=info.max_downloads if self.max_downloads_allowed is None else self.max_downloads_allowed,
            words={**info.words, **given},
        )


class Media:
    """The resource `media`; `/v3/media/{id}` itself is served where files are."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v3/media", self.list, methods=["GET"])
        router.add_api_route("/v3/media/{id}", self.delete, methods=["DELETE"])
        router.add_api_route("/v3/media/{id}/info", self.show, methods=["GET"])
        router.add_api_route("/v3/media/{id}/info", self.change, methods=["PUT"])
        return router

    async def list(self, request: Request) -> Response:
        """The application's files, the latest first; those of the last week unless `start_time` says otherwise."""
        application = self._desk.gate.application(request, voice=False).application
        expect_json(request)
        given = empty_is_absent(request.query_params)
        query = read(MediaQuery, given)
        found, count = await self._needs.records.files_of(
            FileFilter(
                application=application.id,
                start=query.start_time or self._needs.clock.wallclock() - _WEEK,
                end=query.end_time,
                descending=query.order == "descending",
                offset=query.page_index * query.page_size,
                limit=query.page_size,
            )
        )
        infos = {one.file_id: one for one in await self._needs.records.file_infos([one.file_id for one in found])}
        kept = {name: given[name] for name in ("order", "start_time", "end_time") if given.get(name)}
        base = f"{self._desk.base_url(request)}/v3/media"

        def link(page: int) -> dict[str, str]:
            return {"href": f"{base}?{urlencode({**kept, 'page_size': query.page_size, 'page_index': page})}"}

        last = max(0, count - 1) // query.page_size
        links = {"self": link(query.page_index), "first": link(0), "last": link(last)}
        if query.page_index < last:
            links["next"] = link(query.page_index + 1)
        if query.page_index > 0:
            links["prev"] = link(min(query.page_index - 1, last))
        body = {
            "count": count,
            "page_size": query.page_size,
            "page_index": query.page_index,
            "_embedded": {"media": [self._written(file, infos.get(file.file_id)) for file in found]},
            "_links": links,
        }
        return JSONResponse(body)

    async def show(self, request: Request) -> Response:
        """What is known of one file."""
        file = await self._own(request)
        expect_json(request)
        return JSONResponse(self._written(file, await self._info(file)))

    async def change(self, request: Request) -> Response:
        """Write beside a file, as a form of any kind or JSON."""
        file = await self._own(request)
        body = read(InfoBody, await self._read_form(request))
        known = await self._info(file) or FileInfo(file_id=file.file_id, updated_at=file.created_at)
        await self._needs.registry.save_file_info(body.applied_to(known, now=self._needs.clock.wallclock()))
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """Delete a file with all that was written beside it."""
        file = await self._own(request)
        await self._needs.files.remove(file)
        await self._needs.registry.delete_file(file.file_id)
        return Response(status_code=204)

    async def _own(self, request: Request) -> StoredFile:
        token = self._desk.gate.application(request, voice=False)
        written = request.path_params["id"]
        file_id = read_leg_id(written)
        stored = await self._needs.records.file(file_id) if file_id is not None else None
        if stored is None or stored.application != token.application.id:
            raise no_such_file(written)
        return stored

    async def _info(self, file: StoredFile) -> FileInfo | None:
        found = await self._needs.records.file_infos([file.file_id])
        return found[0] if found else None

    async def _read_form(self, request: Request) -> Mapping[str, Any]:
        kind = request.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data"):
            return await self._desk.read_form(request)
        options = self._needs.options
        data = await read_bytes(request, limit=options.max_body_bytes, timeout_s=options.body_timeout_s)
        return _multipart(kind, data)

    def _written(self, file: StoredFile, info: FileInfo | None) -> dict[str, Any]:
        words = info.words if info is not None else {}
        account = next(iter(self._needs.directory.accounts()), "")
        return {
            "id": file.file_id,
            "original_file_name": self._needs.files.path(file).name,
            "mime_type": words.get("mime_type") or file.media_type,
            "account_id": account,
            "store_id": file.application,
            "media_size": file.size,
            "etag": file.file_id,
            "time_created": iso_ms(file.created_at),
            "time_last_updated": iso_ms(info.updated_at if info is not None else file.created_at),
            "times_downloaded": info.downloads if info is not None else 0,
            "max_downloads_allowed": info.max_downloads if info is not None else 0,
            "public": info.public if info is not None else False,
            "metadata_primary": "",
            "metadata_secondary": "",
            **{name: words[name] for name in WORDS if name != "mime_type" and name in words},
        }


def _multipart(kind: str, data: bytes) -> dict[str, str]:
    """Read the text fields of a `multipart/form-data` body (RFC 7578); files in it are passed over."""
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + data)
    if not message.is_multipart():
        raise bad_request(detail="The request's body is not a form")
    found: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and part.get_filename() is None and isinstance(payload, bytes):
            found[name] = payload.decode("utf-8", "replace")
    return found
