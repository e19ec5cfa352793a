"""Pages of lists that grow: a cursor is where the next page begins, signed so that nobody makes one up."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from ringline.api.fields import Body, Order, Text, whole
from ringline.base import ApiError
from ringline.engine.ports import Row, Window

_MAC_BYTES: Final = 12
_LONGEST: Final = 1000


class PageQuery(Body):
    """What every list of the conversation service takes."""

    page_size: Annotated[int, whole(1, 100)] = 10
    order: Order = "asc"
    cursor: Text | None = None
    record_index: Annotated[int, whole(0)] = 0
    "Only in `v0.1`, which knows no cursors: so many are passed over."


class Cursors:
    """Makes and reads cursors. Each is good for one list of one application only."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def window(self, query: PageQuery, scope: str) -> Window:
        """The stretch of the list that is asked for, and one row more, which tells whether there is a next page.

        Raises:
            ApiError: 400 when the cursor is not one of ours for this list.
        """
        descending = query.order == "desc"
        if query.cursor is None:
            return Window(limit=query.page_size + 1, descending=descending)
        key, backwards = self._read(query.cursor, f"{scope} {query.order}")
        return Window(limit=query.page_size + 1, descending=descending, after=key, backwards=backwards)

    def page(
        self,
        found: Sequence[Row[Any]],
        window: Window,
        *,
        query: PageQuery,
        scope: str,
        url: str,
        given: Mapping[str, str],
    ) -> tuple[list[Any], dict[str, Any]]:
        """The rows of the page, and its links: absolute, because the Node library can follow no others."""
        more = len(found) > query.page_size
        rows = list(found)
        if more:
            rows = rows[1:] if window.backwards else rows[: query.page_size]
        has_next = more or window.backwards
        has_previous = more if window.backwards else window.after is not None
        filters = _filters(given, query)

        def link(key: Any = None, *, backwards: bool = False, cursor: str | None = None) -> dict[str, str]:
            made = cursor or (self._make(key, backwards, f"{scope} {query.order}") if key is not None else None)
            parameters = filters if made is None else {**filters, "cursor": made}
            return {"href": f"{url}?{urlencode(parameters)}"}

        links = {"first": link(), "self": link(cursor=query.cursor)}
        if rows and has_next:
            links["next"] = link(rows[-1].key)
        if rows and has_previous:
            links["prev"] = link(rows[0].key, backwards=True)
        return [row.value for row in rows], links

    def by_index(self, total: int, *, query: PageQuery, url: str, given: Mapping[str, str]) -> dict[str, Any]:
        """The links of a page of `v0.1`, in a list of so many."""
        filters = _filters(given, query)

        def link(index: int) -> dict[str, str]:
            return {"href": f"{url}?{urlencode({**filters, 'record_index': str(index)})}"}

        here, size = query.record_index, query.page_size
        links = {"first": link(0), "self": link(here)}
        if here + size < total:
            links["next"] = link(here + size)
        if here > 0:
            links["prev"] = link(max(0, here - size))
        return links

    def _make(self, key: Sequence[int | str], backwards: bool, scope: str) -> str:
        data = json.dumps([list(key), backwards], separators=(",", ":")).encode()
        return urlsafe_b64encode(self._mac(data, scope) + data).decode().rstrip("=")

    def _read(self, cursor: str, scope: str) -> tuple[tuple[int | str, ...], bool]:
        try:
            if len(cursor) > _LONGEST:
                raise ValueError
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            mac, data = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if not hmac.compare_digest(mac, self._mac(data, scope)):
                raise ValueError
            key, backwards = json.loads(data)
        except ValueError:
            raise ApiError(
                400,
                "The cursor is not valid for this list.",
                title="Bad request.",
                code="paginator-builder:error:invalid-cursor",
                parameters=(("cursor", "is not valid for this list"),),
            ) from None
        return tuple(key), bool(backwards)

    def _mac(self, data: bytes, scope: str) -> bytes:
        return hmac.new(self._secret, scope.encode("utf-8", "surrogatepass") + b"\0" + data, hashlib.sha256).digest()[
            :_MAC_BYTES
        ]


def _filters(given: Mapping[str, str], query: PageQuery) -> dict[str, str]:
    """What a link repeats of the query."""
    kept = {name: value for name, value in given.items() if name not in ("cursor", "record_index")}
    return {**kept, "page_size": str(query.page_size), "order": query.order}
