"""Header fields: many with one name, names in any case, order and spelling kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from ringline.sip.address import split_list

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"The one-letter names (RFC 3261 section 7.3.3 and later registrations)."

_NO_CONTROLS = {code: " " for code in range(32) if code != 9} | {127: " "}


_USUAL = (
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Route", "Record-Route", "Allow", "Supported"),
    *("Content-Length", "Content-Type", "Authorization", "Proxy-Authorization", "User-Agent", "Server", "Require"),
    *("Expires", "Reason", "Session-Expires", "Min-SE", "RSeq", "RAck", "Accept", "WWW-Authenticate", "Diversion"),
    *("P-Asserted-Identity", "History-Info", "Privacy", "Warning", "Retry-After", "Unsupported", "Content-Encoding"),
)
_FOLDED = {name: name.lower() for name in _USUAL} | {name.lower(): name.lower() for name in _USUAL}


def fold_name(name: str) -> str:
    """The name headers are compared by: lower case, long form."""
    folded = _FOLDED.get(name)
    if folded is not None:
        return folded
    lowered = name.lower()
    return COMPACT.get(lowered, lowered)


_OURS = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route", "allow"),
        *("content-length", "content-type", "authorization", "proxy-authorization", "user-agent", "require"),
        *("supported", "session-expires", "min-se", "rseq", "rack"),
    }
)


def is_free_name(name: str) -> bool:
    """Whether a caller of ours may add a header of that name: a plain word, and none that carries the protocol."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and fold_name(name) not in _OURS


def clean_value(value: str) -> str:
    """Make a value safe to write: line ends and other control characters become spaces, so nothing can be smuggled."""
    # What can be printed holds no control characters; looking is ten times cheaper than translating.
    return value.strip() if value.isprintable() else value.translate(_NO_CONTROLS).strip()


class Headers:
    """An ordered list of (name, value) with look-up by name."""

    __slots__ = ("_index", "_items", "kept")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = [(fold_name(name), name, value) for name, value in items]
        self._index: dict[str, list[str]] | None = None
        "The values by name; made when somebody asks, dropped with every change."
        self.kept: dict[str, Any] = {}
        "What a message has read from the values, by its own names; emptied with every change."

    def get(self, name: str) -> str | None:
        """The first value of that name."""
        values = self._values(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Every value of that name, as the fields came."""
        values = self._values(name)
        return values.copy() if values else []

    def split(self, name: str) -> list[str]:
        """Every value of that name, fields with several values split at their commas."""
        values = self._values(name)
        return [piece for value in values for piece in split_list(value)] if values else []

    def tokens(self, name: str) -> list[str]:
        """The values of a list of words (Allow, Require, Supported), lower case."""
        return [piece.lower() for piece in self.split(name)]

    def add(self, name: str, value: str) -> None:
        self._items.append((_FOLDED.get(name) or fold_name(name), name, value))
        if self._index is not None:
            self._changed()

    def prepend(self, name: str, value: str) -> None:
        self._items.insert(0, (fold_name(name), name, value))
        self._changed()

    def set(self, name: str, value: str) -> None:
        """Replace every value of that name by one, at the place of the first."""
        wanted = fold_name(name)
        at = next((index for index, item in enumerate(self._items) if item[0] == wanted), len(self._items))
        self._items = [item for item in self._items if item[0] != wanted]
        self._items.insert(at, (wanted, name, value))
        self._changed()

    def remove(self, name: str) -> None:
        wanted = fold_name(name)
        self._items = [item for item in self._items if item[0] != wanted]
        self._changed()

    def lines(self, *, without: str) -> list[str]:
        """The fields as they are written, in order, except those of one name."""
        left_out = fold_name(without)
        return [
            f"{name}: {value.strip() if value.isprintable() else clean_value(value)}"
            for key, name, value in self._items
            if key != left_out
        ]

    def copy(self) -> Headers:
        new = Headers()
        new._items = self._items.copy()
        return new

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._values(name) is not None

    def repeated(self, names: Set[str]) -> str | None:
        """One of these names (in lower case, long form) that is there more than once; None when there is none."""
        many = (name for name, values in self._by_name().items() if len(values) > 1 and name in names)
        return next(many, None)

    def _values(self, name: str) -> list[str] | None:
        return self._by_name().get(_FOLDED.get(name) or fold_name(name))

    def _by_name(self) -> dict[str, list[str]]:
        index = self._index
        if index is None:
            index = self._index = {}
            for key, _, value in self._items:
                if key in index:
                    index[key].append(value)
                else:
                    index[key] = [value]
        return index

    def _changed(self) -> None:
        self._index = None
        self.kept = {}

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"
