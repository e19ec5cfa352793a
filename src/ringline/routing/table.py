"""The routing table of an installation: every decision about where a call comes from and where it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ringline.base import LegId
from ringline.routing.admission import Gate
from ringline.routing.headers import clean, custom_headers, user_to_user
from ringline.routing.numbers import digits_of, read_e164
from ringline.routing.referral import Referred, read_referred
from ringline.routing.routes import RouteWriter, cannot_route
from ringline.routing.trunks import dialled_uri, number_uri, trunk_uri, trunks_for
from ringline.routing.uri import bracketed, read_sip_address
from ringline.routing.values import (
    UNKNOWN,
    Credentials,
    Inbound,
    NumberBook,
    Route,
    SipDomain,
    SipUser,
    Srtp,
    Trunk,
    Unroutable,
)
from ringline.sip import Admission, Admit, KeptSums, Refuse

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
        account_keys: Collection[str] = (),
        caller_id: str = "own",
        transports: Sequence[str] = ("udp", "tcp"),
        srtp: bool = False,
    ) -> None:
        """`sip_host` is the public SIP host of the installation, which stands in `From`; `sip_port` its port.

        `account_keys` are the API keys that open SIP Connect, with secrets that are not kept here; `caller_id` is the
        policy for `sip` endpoints (trunks have their own); `transports` and `srtp` say what can be spoken here.

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
        self._srtp = srtp
        self._writer = RouteWriter(
            sip_host=sip_host,
            shows=lambda digits: book.owns(digits) or digits in self._called,
            caller_id=caller_id,
            transports=transports,
            srtp=srtp,
        )
        self._gate = Gate(
            trunks=trunks,
            users=users,
            domains=domains,
            account_keys=account_keys,
            sip_host=sip_host,
        )
        self._domains = {domain.name: domain for domain in domains}

    # ── in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def admit(
        self,
        *,
        source: str,
        username: str | None,
        to_host: str,
        registered_at: str | None = None,
        transport: str = "udp",
    ) -> Admission:
        """Decide whether an INVITE is listened to at all.

        `source` is the address it really came from, `username` who logged in (None before a digest was verified),
        `to_host` the host of the Request-URI, `registered_at` the trunk we are registered with at that address,
        `transport` what it came over. Says nothing about numbers: that is `inbound`, after admission.
        """
        admission = self._gate.admit(source=source, username=username, to_host=to_host, transport=transport)
        if not isinstance(admission, Admit) and registered_at is not None and registered_at in self._trunks:
            return self._gate.as_trunk(self._trunks[registered_at], transport) or admission
        return admission

    def may_register(self, *, source: str, username: str | None, aor_user: str, transport: str = "udp") -> Admission:
        """Decide whether somebody may say where a user is; admitted, the identity is the user's name."""
        return self._gate.may_register(source=source, username=username, aor_user=aor_user, transport=transport)

    def trusts(self, source: str) -> bool:
        """Whether this is the address of a trunk, or in the list of a domain."""
        return self._gate.trusts(source)

    def password_of(self, username: str) -> str | KeptSums | None:
        """What a digest login of a user is checked against; API keys are none of our users."""
        return self._gate.password_of(username)

    def trunk(self, identity: str) -> Trunk | None:
        """The trunk an admitted call came by."""
        kind, _, name = identity.partition(":")
        return self._trunks.get(name) if kind == "trunk" else None

    def trunk_named(self, name: str) -> Trunk | None:
        """The trunk of that name."""
        return self._trunks.get(name)

    def inbound(self, identity: str, *, to_user: str, header_user: str = "") -> Inbound | Refuse:
        """Find the application an admitted call is for, or the forwarded number; 404 when there is neither.

        `to_user` is the user part of the Request-URI, `header_user` that of To: where we registered with a trunk, the
        first is our own contact and the second the number.
        """
        kind, _, name = identity.partition(":")
        if kind == "domain":
            domain = self._domains.get(name)
            if domain is None:
                return Refuse(404, "the domain is gone")
            return Inbound(application=domain.application, to=to_user or name, number=None, endpoint_type="sip")
        trunk = self._trunks.get(name) if kind == "trunk" else None
        if trunk is not None and trunk.registers and trunk.credentials is not None:
            to_user = header_user if to_user == trunk.credentials.username and header_user else to_user
        number = digits_of(to_user, country=trunk.country if trunk else None)
        endpoint_type = "sip" if kind == "user" else "phone"
        application = self._book.application_of(number) if number is not None else None
        if number is not None and self._book.is_forwarded(number):
            return Inbound(
                application=application, to=number, number=number, endpoint_type=endpoint_type, forwarded=True
            )
        if application is not None and number is not None:
            return Inbound(application=application, to=number, number=number, endpoint_type=endpoint_type)
        user = self._users.get(name) if kind == "user" else None
        if user is not None and user.application is not None and to_user:
            return Inbound(application=user.application, to=number or to_user, number=None, endpoint_type="sip")
        return Refuse(404, "not a number of this installation, or not linked to an application")

    def srtp_of(self, identity: str) -> Srtp:
        """Whether the audio of an admitted call may or must be encrypted."""
        kind, _, name = identity.partition(":")
        policies: Mapping[str, Mapping[str, Trunk | SipUser | SipDomain]] = {
            "trunk": self._trunks,
            "user": self._users,
            "domain": self._domains,
        }
        found = policies.get(kind, {}).get(name)
        if not self._srtp:
            return "off"
        return found.srtp if found is not None else "optional"

    def credentials_of(self, trunk: str) -> Credentials | None:
        """How we log in to a trunk, for a call that left through it; None when it asks for nothing, or is no more."""
        found = self._trunks.get(trunk)
        return found.credentials if found is not None else None

    def caller(
        self,
        identity: str,
        *,
        from_user: str,
        from_host: str = "",
        anonymous: bool = False,
        asserted_user: str | None = None,
    ) -> str:
        """What `from` of an admitted call is: his number without `+` if it reads as one, else as it came, or `Unknown`.

        A user who has a number or an extension is shown with it, whatever he wrote into `From`. `asserted_user` is the
        user part of P-Asserted-Identity; it counts where the trunk is trusted, but never reveals who hides.
        """
        kind, _, name = identity.partition(":")
        user = self._users.get(name) if kind == "user" else None
        if user is not None:
            return user.number or user.extension or user.username
        trunk = self._trunks.get(name) if kind == "trunk" else None
        vouched = trunk is not None and trunk.trust_identity and bool(asserted_user)
        hidden = from_user.lower() in _HIDDEN or from_host.lower().endswith("anonymous.invalid")
        if anonymous or (hidden and not vouched):
            return UNKNOWN
        if vouched and asserted_user:
            from_user = asserted_user
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
        identity = (("Identity", clean(identity_header)),) if identity_header else ()
        ways = [
            self._writer.through(trunk, number_uri(trunk, digits), caller, suffix=";user=phone", headers=identity)
            for trunk in trunks_for(self._trunks.values(), digits)
        ]
        routes = [way for way in ways if isinstance(way, Route)]
        if routes:
            return replace(routes[0], then=tuple(routes[1:]))
        return ways[0] if ways else cannot_route("no trunk takes this number")

    def extension_route(self, extension: str, *, caller: str | None, leg: LegId) -> Route | Unroutable:
        """Route a call to a `vbc` endpoint: the user with this extension."""
        user = self._called.get(extension)
        if user is None:
            return cannot_route("nobody has this extension")
        return self._to_user(user, caller, headers=(("X-Ringline-Call-Id", leg),))

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
        user = self._users.get(address.userinfo or "")
        domain = self._gate.domain_at(address.host)
        at_home = ours if user is None or user.domain is None else domain is not None and domain.name == user.domain
        if user is not None and (at_home or ours):
            return self._to_user(user, caller, headers=extra)
        return self._writer.to_address(address, caller, trunk=self._trunk_at(address.host), headers=extra)

    def referred(self, uri: str, *, homes: Collection[str] = (), port: int | None = None) -> Referred | None:
        """Whom a phone transfers a call to by this URI; None: nobody who could be called.

        `homes` and `port` are hosts and a port of ours by which it may mean us, beside those of the settings.
        """
        users = {name: self.address_of(user) for name, user in self._users.items()}
        ours, ports = {self._sip_host.lower(), *homes}, (None, self._sip_port, port)
        return read_referred(uri, homes=ours, ports=ports, extensions=self._called, users=users)

    def user_named(self, username: str | None) -> SipUser | None:
        """The user of that name."""
        return self._users.get(username) if username is not None else None

    def address_of(self, user: SipUser) -> str:
        """A user's address of record."""
        return f"sip:{user.username}@{bracketed(self._host_of(user))}"

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
            return cannot_route("no trunk has this name")
        if read_sip_address(f"sip:{user}@trunk.invalid") is None:
            return Unroutable(status="rejected", detail="invalid_number", why="not a SIP user name")
        extra = (
            *custom_headers(headers or {})[0],
            *user_to_user(standard_headers or {}),
            ("X-Ringline-Call-Id", leg),
        )
        if trunk.host is None:
            return cannot_route("the trunk only brings calls in")
        return self._writer.through(trunk, trunk_uri(trunk, user), caller, suffix="", headers=extra)

    def emergency_route(self, dialled: str, trunk: str, *, caller: str | None) -> Route | Unroutable:
        """Route a call for help: the digits as they were dialled, through the trunk that takes them."""
        found = self._trunks.get(trunk)
        if found is None or found.host is None:
            return cannot_route("the emergency trunk is gone, or only brings calls in")
        return self._writer.through(found, dialled_uri(found, dialled), caller, suffix="", headers=())

    def number_through(self, trunk: str, dialled: str) -> str | None:
        """The E.164 digits that somebody who dials this through a trunk calls; None when it is no number."""
        found = self._trunks.get(trunk)
        return digits_of(dialled, country=found.country if found is not None else None) if dialled else None

    def _to_user(
        self, user: SipUser, caller: str | None, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> Route | Unroutable:
        fixed = user.contact is not None
        if not fixed and not user.can_log_in():
            return Unroutable(status="unanswered", detail="unavailable", why="the user has no contact")
        # Without a fixed contact he is rung wherever he registered; the address of record stands in To.
        contact = user.contact or self.address_of(user)
        address = read_sip_address(contact)
        if address is None:
            return Unroutable(status="unanswered", detail="unavailable", why="the user's contact cannot be read")
        route = self._writer.to_address(address, caller, trunk=None, headers=headers, srtp=user.srtp)
        return route if fixed or isinstance(route, Unroutable) else replace(route, user=user.username)

    def _host_of(self, user: SipUser) -> str:
        """The host of a user's address of record."""
        return self._gate.host_of(user.domain) if user.domain is not None else self._sip_host

    def _trunk_at(self, host: str) -> Trunk | None:
        for trunk in self._trunks.values():
            if trunk.host is not None and trunk.host.lower() == host:
                return trunk
        return None
