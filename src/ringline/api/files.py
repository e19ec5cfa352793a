"""`/v1/files/{id}`, `/v3/files/{id}`, `/v3/media/{id}`: download files, for the application that made them only."""

from __future__ import annotations

import re
from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.datastructures import Headers

from ringline.api.middleware import trace_of
from ringline.api.problems import Family, problem
from ringline.api.resource import Desk, no_such_file
from ringline.base import ApiError, ProviderError, get_log, read_leg_id
from ringline.engine.ports import FileInfo, StoredFile

log = get_log(__name__)
_ONE_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?", re.IGNORECASE)


class Files:
    """The resource `files`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._needs = desk.needs

    def router(self) -> APIRouter:
        router = APIRouter()
        for path in ("/v1/files/{id}", "/v3/files/{id}", "/v3/media/{id}"):
            router.add_api_route(path, self.download, methods=["GET", "HEAD"])
        return router

    async def download(self, request: Request) -> Response:
        """Send a file, or the part of it that `Range` asks for (RFC 9110 section 14)."""
        written = request.path_params["id"]
        stored, info = await self._look_up(read_leg_id(written))
        if info is None or not info.public or "authorization" in request.headers:
            token = self._desk.gate.application(request, voice=False, counted=False)
            if stored is None or stored.application != token.application.id:
                raise no_such_file(written)
        assert stored is not None
        if info is not None and 0 < info.max_downloads <= info.downloads:
            raise ApiError(410, f"File '{written[:100]}' was downloaded as often as it may be")
        path = self._needs.files.path(stored)
        try:
            status = await to_thread.run_sync(path.stat)
            size = status.st_size
        except OSError:
            status = None
            distant = await self._distant_size(stored)
            if distant is None:
                raise no_such_file(written) from None
            size = distant
        # A file never changes once it has a name, so its id is all the tag it needs.
        tag = f'"{stored.file_id}"'
        if _names(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag, "Accept-Ranges": "bytes"})
        refused = _settle_range(request, tag, size)
        if refused is not None:
            return refused
        if request.method == "GET" and _begins_at_the_start(request):
            self._needs.registry.count_download(stored.file_id, self._needs.clock.wallclock())
        headers = {"ETag": tag, "Cache-Control": "private"}
        kind = (info.words.get("mime_type") if info is not None else None) or stored.media_type
        name = f"{stored.file_id}{path.suffix}"
        if status is None:
            return self._from_afar(request, stored, size, headers, kind, name)
        return FileResponse(path, headers=headers, media_type=kind, filename=name, stat_result=status)

    async def _distant_size(self, stored: StoredFile) -> int | None:
        if self._needs.distant_files is None:
            return None
        try:
            return await self._needs.distant_files.distant_size(stored)
        except ProviderError as error:
            log.warning("a file cannot be had", file_id=stored.file_id, why=str(error))
            raise ApiError(503, "The file cannot be fetched now") from error

    def _from_afar(
        self, request: Request, stored: StoredFile, size: int, headers: dict[str, str], kind: str, name: str
    ) -> Response:
        """Hand a file on that is kept elsewhere, with the range that was settled."""
        start, end = _range(request, size)
        headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        partial = "range" in Headers(scope=request.scope)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if request.method == "HEAD":
            return Response(status_code=206 if partial else 200, headers=headers, media_type=kind)
        assert self._needs.distant_files is not None
        body = self._needs.distant_files.read_distant(stored, start, end)
        return StreamingResponse(body, status_code=206 if partial else 200, headers=headers, media_type=kind)

    async def _look_up(self, file_id: str | None) -> tuple[StoredFile | None, FileInfo | None]:
        if file_id is None:
            return None, None
        stored = await self._needs.records.file(file_id)
        infos = await self._needs.records.file_infos([file_id])
        return stored, infos[0] if infos and stored is not None else None


def _begins_at_the_start(request: Request) -> bool:
    """Whether the file's first byte is among what is sent: that counts as a download."""
    asked = Headers(scope=request.scope).get("range")  # read anew: one that is not honoured was taken out
    return asked is None or asked.strip().replace(" ", "").lower().startswith("bytes=0-")


def _settle_range(request: Request, tag: str, size: int) -> Response | None:
    """Drop a `Range` that is not to be honoured: not one plain range, or of another file; refuse an impossible one."""
    asked = request.headers.get("range")
    if asked is None:
        return None
    found = _ONE_RANGE.fullmatch(asked.strip().replace(" ", ""))
    first, last = (found[1], found[2]) if found is not None else (None, None)
    sensible = (first or last) and not (first and last and int(first) > int(last))
    if not sensible or request.headers.get("if-range", tag) != tag:
        request.scope["headers"] = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
        return None
    if (first is not None and int(first) >= size) or (first is None and (int(last or 0) == 0 or size == 0)):
        error = ApiError(416, f"The file has {size} bytes")
        answer = problem(error, family=Family.VOICE, trace=trace_of(request.scope))
        answer.headers["Content-Range"] = f"bytes */{size}"
        return answer
    return None


def _range(request: Request, size: int) -> tuple[int, int]:
    """The bytes asked for, by a header that `_settle_range` has let pass."""
    asked = Headers(scope=request.scope).get("range", "")  # read anew: one that is not honoured was taken out
    found = _ONE_RANGE.fullmatch(asked.strip().replace(" ", ""))
    if found is None:
        return 0, size
    if found[1] is None:
        return max(0, size - int(found[2])), size
    return int(found[1]), min(size, int(found[2]) + 1) if found[2] else size


def _names(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` names this tag (RFC 9110 section 13.1.2: compared weakly)."""
    tags = [one.strip().removeprefix("W/") for one in (header or "").split(",")]
    return tag in tags or tags == ["*"]
