"""Lists of SIP URIs to which a number is forwarded: called in order, each for as long as it is waited for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ringline.routing.uri import read_sip_address

WAIT: Final = "ringline-wait"
"The URI parameter that tells how many milliseconds an address may be silent; it is ours and never sent."
LONGEST: Final = 255
"Characters of a list, as it is written with every wait."
_BETWEEN: Final = re.compile(r"\s*,\s*(?=sips?:)", re.IGNORECASE)
_PARAMETER: Final = re.compile(rf";(timeout|{WAIT})=([0-9]{{1,6}})(?=;|\?|$)", re.IGNORECASE)
_USUAL_MS: Final = 5000
_LEAST_MS: Final = 2000
_MOST_MS: Final = 20_000
_MOST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAddress:
    """One address of a list."""

    uri: str
    wait_s: float
    "So long it may say nothing at all before the next one is called."


def read_forward(text: str) -> tuple[ListedAddress, ...] | None:
    """Read `sip:a@x;timeout=2000,sip:b@y` as it is written into a number; None when it is no such list.

    `timeout` is in milliseconds, from 2000 to 20000, else 5000.
    """
    found = _read(text)
    if found is None or len(found) > _MOST or len(write_list(found)) > LONGEST:
        return None
    return found if all(_LEAST_MS <= each.wait_s * 1000 <= _MOST_MS for each in found) else None


def write_list(addresses: tuple[ListedAddress, ...]) -> str:
    """One URI for all of them, as a script names the far end of a forwarded call."""
    written = []
    for each in addresses:
        before, mark, headers = each.uri.partition("?")
        written.append(f"{before};{WAIT}={round(each.wait_s * 1000)}{mark}{headers}")
    return ",".join(written)


def read_list(text: str) -> tuple[ListedAddress, ...]:
    """The addresses of what `write_list` has written; none when it is an address like any other."""
    return (_read(text) or ()) if f";{WAIT}=" in text else ()


def _read(text: str) -> tuple[ListedAddress, ...] | None:
    found = []
    for one in _BETWEEN.split(text.strip()):
        waits = _PARAMETER.findall(one)
        uri = _PARAMETER.sub("", one)
        if len(waits) > 1 or read_sip_address(uri) is None or ";timeout=" in uri.lower():
            return None
        found.append(ListedAddress(uri=uri, wait_s=int(waits[0][1]) / 1000 if waits else _USUAL_MS / 1000))
    return tuple(found)
