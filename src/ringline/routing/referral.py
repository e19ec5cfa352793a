"""Whom a phone means when it transfers a call: what it could have dialled itself, or a SIP address elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ringline.routing.numbers import digits_of
from ringline.routing.uri import read_sip_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """Who is to be called, as the endpoint of a `connect` names it."""

    kind: str
    "`phone`, `sip` or `vbc`."
    address: str


def read_referred(
    uri: str,
    *,
    homes: Collection[str],
    ports: Collection[int | None],
    extensions: Collection[str],
    users: Mapping[str, str],
) -> Referred | None:
    """Read the target of a REFER; None when it is nobody who could be called.

    At one of our `homes` (host names) and `ports` a user part means whom a phone would reach by dialling it: who has
    this extension, one of our `users` (by name, with his address), or a number. Elsewhere it is a SIP address.
    """
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        return _number(rest)
    address = read_sip_address(uri)
    if address is None or not address.userinfo:
        return None
    user = address.userinfo.partition(";")[0]
    if address.host in homes and address.port in ports:
        if user in extensions:
            return Referred(kind="vbc", address=user)
        return Referred(kind="sip", address=users[user]) if user in users else _number(user)
    if ("user", "phone") in address.parameters and (number := _number(user)) is not None:
        return number
    return Referred(kind="sip", address=uri.strip())


def _number(text: str) -> Referred | None:
    digits = digits_of(text)
    return Referred(kind="phone", address=digits) if digits is not None else None
