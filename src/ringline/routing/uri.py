"""SIP URIs that applications and settings name, read strictly: every character that may leave was checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 255
_USERINFO: Final = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/:#]|%[0-9A-Fa-f]{2})+")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?")
_PARAMETER: Final = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|%[0-9A-Fa-f]{2})+")
_TRANSPORTS: Final = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class SipAddress:
    """The parts of a `sip:` or `sips:` URI; the headers part (`?Subject=…`) is left out."""

    userinfo: str | None
    "As written, percent-escapes kept; without a password."
    host: str
    "Lower case; IPv6 without brackets."
    port: int | None
    transport: str | None
    "`udp`, `tcp` or `tls` (also for `sips:`); None when the URI does not say."
    srtp: bool
    "`media=srtp`."
    parameters: tuple[tuple[str, str | None], ...]
    "The others, in order; `media` is for us and never sent."

    def request_uri(self) -> str:
        """The URI as it is written into an INVITE."""
        user = f"{self.userinfo}@" if self.userinfo else ""
        port = f":{self.port}" if self.port is not None else ""
        transport = f";transport={self.transport}" if self.transport is not None else ""
        rest = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters)
        return f"sip:{user}{bracketed(self.host)}{port}{transport}{rest}"


def read_sip_address(text: str) -> SipAddress | None:
    """Read a SIP URI; None when it is none, longer than 255 characters or names an unknown transport."""
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips") or len(text) > _LONGEST:
        return None
    userinfo, at, target = rest.rpartition("@")
    if at and not _USERINFO.fullmatch(userinfo):
        return None
    hostport, *raw = target.partition("?")[0].split(";")
    place = read_host_port(hostport)
    parameters = _read_parameters(raw)
    if place is None or parameters is None:
        return None
    named = {name.lower(): value for name, value in parameters}
    transport = "tls" if scheme.lower() == "sips" else (named.get("transport") or "").lower() or None
    if transport is not None and transport not in _TRANSPORTS:
        return None
    return SipAddress(
        userinfo=userinfo.partition(":")[0].replace("#", "%23") or None,
        host=place[0],
        port=place[1],
        transport=transport,
        srtp=(named.get("media") or "").lower() == "srtp",
        parameters=tuple(one for one in parameters if one[0].lower() not in ("transport", "media")),
    )


def read_host_port(text: str) -> tuple[str, int | None] | None:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`; None when it is none of these."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")) or not _is_ipv6(host):
            return None
        port = port[1:] if port else ""
        missing = text.endswith(":")
    else:
        host, colon, port = text.partition(":")
        missing = bool(colon) and not port
        if not _HOST.fullmatch(host) or len(host) > 253:
            return None
    if missing:
        return None
    if not port:
        return host.lower(), None
    if not (port.isascii() and port.isdecimal()) or len(port) > 5 or not 1 <= int(port) <= 65535:
        return None
    return host.lower(), int(port)


def bracketed(host: str) -> str:
    """Write a host as URIs do: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _read_parameters(raw: list[str]) -> list[tuple[str, str | None]] | None:
    parameters: list[tuple[str, str | None]] = []
    for one in raw:
        name, equals, value = one.partition("=")
        if not _PARAMETER.fullmatch(name) or (equals and not _PARAMETER.fullmatch(value)):
            return None
        parameters.append((name, value if equals else None))
    return parameters


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
