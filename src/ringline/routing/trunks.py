"""Which trunks take a number, and how it is written for them."""

from __future__ import annotations

from collections.abc import Iterable

from ringline.routing.numbers import national_form
from ringline.routing.uri import bracketed
from ringline.routing.values import Trunk


def trunks_for(trunks: Iterable[Trunk], digits: str) -> list[Trunk]:
    """The trunks to try for a number, in order: those with the longest matching prefix, as they were named."""
    matching = [
        (max(lengths), trunk)
        for trunk in trunks
        if trunk.host is not None
        and (lengths := [len(prefix) for prefix in trunk.prefixes if digits.startswith(prefix)])
    ]
    longest = max((length for length, _ in matching), default=0)
    return [trunk for length, trunk in matching if length == longest]


def written_for(trunk: Trunk, digits: str) -> str:
    """A number as this trunk wants it."""
    match trunk.number_format:
        case "bare":
            return digits
        case "00":
            return f"00{digits}"
        case "national":
            national = national_form(digits, trunk.country) if trunk.country is not None else None
            return national or f"00{digits}"
        case _:
            return f"+{digits}"


def number_uri(trunk: Trunk, digits: str) -> str:
    """The Request-URI that calls a number through a trunk."""
    number = written_for(trunk, digits)
    if trunk.number_uri == "tel":
        # A local number needs its context (RFC 3966 section 5.1.5).
        return f"tel:{number}" if number.startswith("+") else f"tel:{number};phone-context={trunk.host}"
    return f"{trunk_uri(trunk, number)};user=phone"


def dialled_uri(trunk: Trunk, dialled: str) -> str:
    """The Request-URI of digits that reach the trunk as they are, such as those of emergency numbers."""
    if trunk.number_uri == "tel":
        return f"tel:{dialled};phone-context={trunk.host}"
    return trunk_uri(trunk, dialled)


def trunk_uri(trunk: Trunk, user: str) -> str:
    """The URI of somebody behind a trunk."""
    port = f":{trunk.port}" if trunk.port is not None else ""
    return f"sip:{user}@{bracketed(trunk.host or '')}{port}"
