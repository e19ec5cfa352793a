"""Taking a request's body in: bounded in size and time, JSON or a form whatever odd headers came with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic_core import from_json

from ringline.api.problems import bad_request
from ringline.base import ApiError

_MOST_FORM_FIELDS: Final = 100
_DRAINED: Final = 8
"A body that is too long is read to its end, up to this many times the limit, so that the client gets to read why."


async def read_bytes(request: Request, *, limit: int, timeout_s: float) -> bytes:
    """Read the whole body.

    Raises:
        ApiError: 413 if it is longer than `limit` bytes, 408 if it does not arrive in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(request, limit)
    except TimeoutError:
        raise ApiError(408, "The request's body did not arrive in time") from None


async def read_object(request: Request, *, limit: int, timeout_s: float, may_be_empty: bool = False) -> dict[str, Any]:
    """Read a body that is a JSON object. A missing content type is no fault; with `may_be_empty`, no body is `{}`.

    Raises:
        ApiError: 415 for another content type, 400 if it is no JSON object, and what `read_bytes` raises.
    """
    data = await read_bytes(request, limit=limit, timeout_s=timeout_s)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if data and content_type and content_type != "application/json" and not content_type.endswith("+json"):
        raise ApiError(415, "Invalid Content-Type header provided. Must be one of the following: 'application/json'")
    return {} if may_be_empty and not data else _object(data)


async def read_form(request: Request, *, limit: int, timeout_s: float) -> Mapping[str, str]:
    """Read a form, whatever the content type says: the Python library sends forms that claim to be JSON.

    A body that begins with `{` is read as JSON.

    Raises:
        ApiError: 400 if it is neither, and what `read_bytes` raises.
    """
    data = await read_bytes(request, limit=limit, timeout_s=timeout_s)
    if data.lstrip()[:1] == b"{":
        return {key: str(value) for key, value in _object(data).items() if isinstance(value, str | int)}
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=_MOST_FORM_FIELDS))
    except ValueError:
        raise bad_request(detail="The request's body is not a form") from None


async def _collect(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit * _DRAINED:
            break
        if size > limit:
            chunks.clear()
        else:
            chunks.append(chunk)
    if size > limit:
        raise ApiError(413, f"The request's body is longer than {limit} bytes")
    return b"".join(chunks)


def _object(data: bytes) -> dict[str, Any]:
    """Parse JSON; deep nesting is a fault like any other and cannot exhaust the stack."""
    try:
        # Some clients begin with a byte order mark, which may be passed over (RFC 8259 section 8.1).
        value = from_json(data.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except ValueError:
        raise bad_request(detail="The request's body is not valid JSON") from None
    if not isinstance(value, dict):
        raise bad_request(detail="The request's body must be a JSON object")
    return value
