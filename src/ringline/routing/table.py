"""The routing table of an installation: every decision about where a call comes from and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringline.base import LegId
from ringline.routing.admission import Gate
from ringline.routing.headers import clean, custom_headers, user_to_user
from ringline.routing.numbers import digits_of, read_e164
from ringline.routing.uri import SipAddress, bracketed, read_sip_address
from ringline.routing.values import (
    UNKNOWN,
    Admission,
    Hop,
    Inbound,
    NumberBook,
    Refuse,
    Route,
    SipDomain,
    SipUser,
    Trunk,
    Unroutable,
)

_ANONYMOUS_URI = "sip:anonymous@anonymous.invalid"
_HIDDEN = ("", "anonymous", "unknown", "restricted", "unavailable", "private")


class RoutingTable:
    """Trunks, users and domains as they are configured now; a reload makes a new table.

    Numbers are looked up in `book` at every call, so changes made through the API count at once.
    """

    def __init__(
        self,
        *,
        book: NumberBook,
        sip_host: str,
        sip_port: int = 5060,
        trunks: Sequence[Trunk] = (),
        users: Sequence[SipUser] = (),
        domains: Sequence[SipDomain] = (),
        account_secrets: Mapping[str, str] | None = None,
        caller_id: str = "own",
        transports: Sequence[str] = ("udp", "tcp"),
        srtp: bool = False,
    ) -> None:
        """`sip_host` is the public SIP host of the installation, which stands in `From`; `sip_port` its port.

        `account_secrets` are API keys with the secret that opens SIP Connect; `caller_id` is the policy for `sip`
        endpoints (trunks have their own); `transports` and `srtp` say what this installation can speak.

        Raises:
            ValueError: an address of a trunk or domain is none.
        """
        self._book = book
        self._sip_host = sip_host
        self._sip_port = sip_port
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._users = {user.username: user for user in users}
        self._called = {
            called: user for user in users for called in (user.extension, user.number) if called is not None
        }
        self._caller_id = caller_id
        self._transports = tuple(transports)
        self._srtp = srtp
        self._gate = Gate(
            trunks=trunks,
            users=users,
            domains=domains,
            account_secrets=account_secrets or {},
            sip_host=sip_host,
        )
        self._domains = {domain.name: domain for domain in domains}

    # ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def admit(self, *, source: str, username: str | None, to_host: str) -> Admission:
        """Decide whether an INVITE is listened to at all.

        `source` is the address it really came from, `username` who logged in (None before a digest was verified),
        `to_host` the host of the Request-URI. Says nothing about numbers: that is `inbound`, after admission.
        """
        return self._gate.admit(source=source, username=username, to_host=to_host)

    def password_of(self, username: str) -> str | None:
        """The password a digest login is checked against."""
        return self._gate.password_of(username)

    def inbound(self, identity: str, *, to_user: str) -> Inbound | Refuse:
        """Find the application an admitted call is for; 404 when there is none."""
        kind, _, name = identity.partition(":")
        if kind == "domain":
            domain = self._domains.get(name)
            if domain is None:
                return Refuse(404, "the domain is gone")
            return Inbound(application=domain.application, to=to_user or name, number=None, endpoint_type="sip")
        trunk = self._trunks.get(name) if kind == "trunk" else None
        number = digits_of(to_user, country=trunk.country if trunk else None)
        endpoint_type = "sip" if kind == "user" else "phone"
        application = self._book.application_of(number) if number is not None else None
        if application is not None and number is not None:
            return Inbound(application=application, to=number, number=number, endpoint_type=endpoint_type)
        user = self._users.get(name) if kind == "user" else None
        if user is not None and user.application is not None and to_user:
            return Inbound(application=user.application, to=number or to_user, number=None, endpoint_type="sip")
        return Refuse(404, "not a number of this installation, or not linked to an application")

    def caller(self, identity: str, *, from_user: str, from_host: str = "", anonymous: bool = False) -> str:
        """What `from` of an admitted call is: his number without `+` if it reads as one, else as it came, or `Unknown`.

        A user who has a number or an extension is shown with it, whatever he wrote into `From`.
        """
        kind, _, name = identity.partition(":")
        user = self._users.get(name) if kind == "user" else None
        if user is not None:
            return user.number or user.extension or user.username
        if anonymous or from_user.lower() in _HIDDEN or from_host.lower().endswith("anonymous.invalid"):
            return UNKNOWN
        trunk = self._trunks.get(name) if kind == "trunk" else None
        return read_e164(from_user, country=trunk.country if trunk else None) or clean(from_user) or UNKNOWN

    # ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def phone_route(self, number: str, *, caller: str | None, identity_header: str | None = None) -> Route | Unroutable:
        """Route a call to a phone number: to the user who has it, else through the trunk with the longest prefix.

        `caller` is the wanted caller id; one that may not be shown makes the call anonymous. `identity_header` is
        the `shaken` value of the endpoint, sent as `Identity` unchanged.
        """
        digits = digits_of(number)
        user = self._called.get(digits) if digits is not None else None
        if user is not None:
            return self._to_user(user, caller)
        digits = read_e164(number)
        if digits is None:
            return Unroutable(status="rejected", detail="invalid_number", why="not 7 to 15 digits")
        trunk = self._trunk_for(digits)
        if trunk is None:
            return _cannot_route("no trunk takes this number")
        identity = (("Identity", clean(identity_header)),) if identity_header else ()
        to_user = _number_for(trunk, digits)
        return self._through(trunk, to_user, caller, suffix=";user=phone", headers=identity)

    def extension_route(self, extension: str, *, caller: str | None) -> Route | Unroutable:
        """Route a call to a `vbc` endpoint: the user with this extension."""
        user = self._called.get(extension)
        return self._to_user(user, caller) if user is not None else _cannot_route("nobody has this extension")

    def sip_route(
        self,
        uri: str,
        *,
        caller: str | None,
        leg: LegId,
        headers: Mapping[str, Any] | None = None,
        standard_headers: Mapping[str, Any] | None = None,
    ) -> Route | Unroutable:
        """Route a call to a SIP URI of an application, with the headers it asked for."""
        address = read_sip_address(uri)
        if address is None:
            return Unroutable(status="rejected", detail="invalid_number", why="not a SIP URI")
        extra = (
            *custom_headers(headers or {})[0],
            *user_to_user(standard_headers or {}),
            ("X-Ringline-Call-Id", leg),
        )
        ours = address.host == self._sip_host.lower() and address.port in (None, self._sip_port)
        if ours and (user := self._users.get(address.userinfo or "")) is not None:
            return self._to_user(user, caller, headers=extra)
        return self._to_address(address, caller, trunk=self._trunk_at(address.host), headers=extra)

    def sip_trunk_route(
        self,
        user: str,
        domain: str,
        *,
        caller: str | None,
        leg: LegId,
        headers: Mapping[str, Any] | None = None,
        standard_headers: Mapping[str, Any] | None = None,
    ) -> Route | Unroutable:
        """Route a call to a `sip` endpoint given as `user` and `domain`, where `domain` names a trunk."""
        trunk = self._trunks.get(domain)
        if trunk is None:
            return _cannot_route("no trunk has this name")
        if read_sip_address(f"sip:{user}@trunk.invalid") is None:
            return Unroutable(status="rejected", detail="invalid_number", why="not a SIP user name")
        extra = (
            *custom_headers(headers or {})[0],
            *user_to_user(standard_headers or {}),
            ("X-Ringline-Call-Id", leg),
        )
        return self._through(trunk, user, caller, suffix="", headers=extra)

    def shown_caller(self, caller: str | None, *, policy: str = "own") -> str | None:
        """The caller id that may be shown: our numbers and extensions, or any number where the policy is `any`."""
        digits = digits_of(caller) if caller is not None else None
        if digits is None:
            return None
        return digits if policy == "any" or self._book.owns(digits) or digits in self._called else None

    def _trunk_for(self, digits: str) -> Trunk | None:
        best: tuple[int, Trunk] | None = None
        for trunk in self._trunks.values():
            lengths = [len(prefix) for prefix in trunk.prefixes if digits.startswith(prefix)]
            if trunk.host is not None and lengths and (best is None or max(lengths) > best[0]):
                best = (max(lengths), trunk)
        return best[1] if best is not None else None

    def _through(
        self, trunk: Trunk, user: str, caller: str | None, *, suffix: str, headers: tuple[tuple[str, str], ...]
    ) -> Route | Unroutable:
        if trunk.host is None:
            return _cannot_route("the trunk only brings calls in")
        if trunk.transport is not None and trunk.transport not in self._transports:
            return _cannot_route(f"the trunk wants {trunk.transport}, which is not available")
        port = f":{trunk.port}" if trunk.port is not None else ""
        to_uri = f"sip:{user}@{bracketed(trunk.host)}{port}"
        shown = self.shown_caller(caller, policy=trunk.caller_id)
        if shown is None:
            asserted: tuple[tuple[str, str], ...] = (("Privacy", "id"),)
        else:
            number = _number_for(trunk, shown)
            asserted = (("P-Asserted-Identity", f"<sip:{number}@{bracketed(self._sip_host)}{suffix}>"),)
        return Route(
            request_uri=to_uri + suffix,
            to_uri=to_uri + suffix,
            hop=Hop(host=trunk.host, port=trunk.port, transport=trunk.transport),
            from_uri=self._from_uri(_number_for(trunk, shown) if shown is not None else None),
            from_display="Anonymous" if shown is None else None,
            headers=(*asserted, *headers),
            credentials=trunk.credentials,
            caller=shown or UNKNOWN,
            trunk=trunk.name,
        )

    def _to_user(
        self, user: SipUser, caller: str | None, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> Route | Unroutable:
        address = read_sip_address(user.contact) if user.contact is not None else None
        if address is None:
            return Unroutable(status="unanswered", detail="unavailable", why="the user has no contact")
        return self._to_address(address, caller, trunk=None, headers=headers)

    def _to_address(
        self,
        address: SipAddress,
        caller: str | None,
        *,
        trunk: Trunk | None,
        headers: tuple[tuple[str, str], ...],
    ) -> Route | Unroutable:
        if address.transport is not None and address.transport not in self._transports:
            return _cannot_route(f"{address.transport} is not available")
        if address.srtp and not self._srtp:
            # Falling back to plain audio would betray what was asked for.
            return _cannot_route("encrypted audio is not available")
        shown = self.shown_caller(caller, policy=trunk.caller_id if trunk is not None else self._caller_id)
        privacy = () if shown is not None else (("Privacy", "id"),)
        asserted: tuple[tuple[str, str], ...] = ()
        if trunk is not None and shown is not None:
            asserted = (("P-Asserted-Identity", f"<sip:{shown}@{bracketed(self._sip_host)}>"),)
        uri = address.request_uri()
        return Route(
            request_uri=uri,
            to_uri=uri,
            hop=Hop(host=address.host, port=address.port, transport=address.transport),
            from_uri=self._from_uri(shown),
            from_display="Anonymous" if shown is None else None,
            headers=(*asserted, *privacy, *headers),
            credentials=trunk.credentials if trunk is not None else None,
            caller=shown or UNKNOWN,
            trunk=trunk.name if trunk is not None else None,
        )

    def _trunk_at(self, host: str) -> Trunk | None:
        for trunk in self._trunks.values():
            if trunk.host is not None and trunk.host.lower() == host:
                return trunk
        return None

    def _from_uri(self, user: str | None) -> str:
        return f"sip:{user}@{bracketed(self._sip_host)}" if user is not None else _ANONYMOUS_URI


def _number_for(trunk: Trunk, digits: str) -> str:
    return digits if trunk.strip_plus else f"+{digits}"


def _cannot_route(why: str) -> Unroutable:
    return Unroutable(status="failed", detail="cannot_route", why=why)
