"""Header fields: many with one name, names in any case, order and spelling kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


def fold_name(name: str) -> str:
    """The name headers are compared by: lower case, long form."""
    lowered = name.lower()
    return COMPACT.get(lowered, lowered)


_OURS = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route", "allow"),
        *("content-length", "content-type", "authorization", "proxy-authorization", "user-agent", "require"),
    }
)


def is_free_name(name: str) -> bool:
    """Whether a caller of ours may add a header of that name: a plain word, and none that carries the protocol."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and fold_name(name) not in _OURS


def clean_value(value: str) -> str:
    """Make a value safe to write: line ends and other control characters become spaces, so nothing can be smuggled."""
    return value.translate(_NO_CONTROLS).strip()


class Headers:
    """An ordered list of (name, value) with look-up by name."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = [(fold_name(name), name, value) for name, value in items]

    def get(self, name: str) -> str | None:
        """The first value of that name."""
        wanted = fold_name(name)
        for key, _, value in self._items:
            if key == wanted:
                return value
        return None

    def all(self, name: str) -> list[str]:
        """Every value of that name, as the fields came."""
        wanted = fold_name(name)
        return [value for key, _, value in self._items if key == wanted]

    def split(self, name: str) -> list[str]:
        """Every value of that name, fields with several values split at their commas."""
        return [piece for value in self.all(name) for piece in split_list(value)]

    def tokens(self, name: str) -> list[str]:
        """The values of a list of words (Allow, Require, Supported), lower case."""
        return [piece.lower() for piece in self.split(name)]

    def add(self, name: str, value: str) -> None:
        self._items.append((fold_name(name), name, value))

    def prepend(self, name: str, value: str) -> None:
        self._items.insert(0, (fold_name(name), name, value))

    def set(self, name: str, value: str) -> None:
        """Replace every value of that name by one, at the place of the first."""
        wanted = fold_name(name)
        at = next((index for index, item in enumerate(self._items) if item[0] == wanted), len(self._items))
        self._items = [item for item in self._items if item[0] != wanted]
        self._items.insert(at, (wanted, name, value))

    def remove(self, name: str) -> None:
        wanted = fold_name(name)
        self._items = [item for item in self._items if item[0] != wanted]

    def copy(self) -> Headers:
        new = Headers()
        new._items = self._items.copy()
        return new

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(item[0] == fold_name(name) for item in self._items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"
