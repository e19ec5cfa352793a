"""Who may call in. Decided before anything is said about numbers, so a stranger cannot find out which ones exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ringline.routing.networks import Address, NetworkTable, read_address
from ringline.routing.values import SipDomain, SipUser, Trunk
from ringline.sip import Admission, Admit, Challenge, KeptSums, Refuse

REGIONS = ("us", "eu", "ap")
"The regional parts of a domain's host name, as in `acme.sip-eu.ringline.example`."


_PRIVATE = ("tls", "wss")
_WEB = ("ws", "wss")


class Gate:
    """Admission by source address or digest login."""

    def __init__(
        self,
        *,
        trunks: Sequence[Trunk],
        users: Sequence[SipUser],
        domains: Sequence[SipDomain],
        account_keys: Collection[str],
        sip_host: str,
    ) -> None:
        self._trunks = NetworkTable((network, trunk) for trunk in trunks for network in trunk.addresses)
        self._users = {user.username: user for user in users}
        self._domains = {host: domain for domain in domains for host in hosts_of_domain(domain.name, sip_host)}
        self._below = tuple(f".{part}.{sip_host.lower()}" for part in ("sip", *(f"sip-{one}" for one in REGIONS)))
        self._named = {domain.name: domain for domain in domains}
        self._acls = {domain.name: NetworkTable((network, True) for network in domain.acl) for domain in domains}
        self._can_register = any(user.can_log_in() for user in users)
        self._account_keys = tuple(account_keys)
        self._logins = bool(account_keys) or any(user.can_log_in() and user.domain is None for user in users)

    def admit(self, *, source: str, username: str | None, to_host: str, transport: str) -> Admission:
        """Decide about an INVITE from the address `source`; `username` is set once a digest has been verified."""
        address = read_address(source)
        if address is None:
            return Refuse(403, "source is no address")
        domain = self.domain_at(to_host)
        if domain is not None:
            return _wrong_transport(domain, transport) or self._admit_to(domain, address, username, transport)
        if to_host.lower().rstrip(".").endswith(self._below):
            return Refuse(404, "no such domain")
        if username is not None:
            return self._admit_login(username)
        trunk = self._trunks.find(address)
        if trunk is not None and (admitted := self.as_trunk(trunk, transport)) is not None:
            return admitted
        return Challenge() if self._logins else Refuse(403, "not a known trunk, and nobody can log in")

    def as_trunk(self, trunk: Trunk, transport: str) -> Admit | None:
        """Let a call from the address of a trunk in, if what it came over fits; None: it counts as a stranger's.

        A trunk that is agreed to speak TLS is not believed without. Behind a WebSocket is a web page, of anybody: that
        the browser it runs in has a known address proves nothing about it.
        """
        if transport in _WEB or (trunk.transport == "tls" and transport != "tls"):
            return None
        return Admit(f"trunk:{trunk.name}")

    def may_register(self, *, source: str, username: str | None, aor_user: str, transport: str) -> Admission:
        """Decide about a REGISTER: users with a password may, each for himself."""
        address = read_address(source)
        if address is None or not self._can_register:
            return Refuse(403, "nobody can register")
        if username is None:
            return Challenge()
        user = self._users.get(username)
        if user is None or aor_user != username:
            return Refuse(403, "not his own address of record")
        acl = self._acls.get(user.domain) if user.domain is not None else None
        if user.domain is not None and (acl is None or (acl and acl.find(address) is None)):
            return Refuse(403, "not in the domain's acl")
        domain = self._named.get(user.domain) if user.domain is not None else None
        return (_wrong_transport(domain, transport) if domain is not None else None) or Admit(username)

    def host_of(self, domain: str) -> str:
        """The first host name of a domain."""
        return next((host for host, each in self._domains.items() if each.name == domain), domain)

    def trusts(self, source: str) -> bool:
        """Whether this is the address of a trunk, or in the list of a domain."""
        address = read_address(source)
        if address is None:
            return False
        return self._trunks.find(address) is not None or any(acl.find(address) for acl in self._acls.values())

    def password_of(self, username: str) -> str | KeptSums | None:
        """The password of a user, or its sums; None when there is no such user, or nobody can log in as him."""
        user = self._users.get(username)
        return (user.kept or user.password or None) if user is not None else None

    def domain_at(self, host: str) -> SipDomain | None:
        """The SIP domain that has this host name."""
        return self._domains.get(host.lower().rstrip("."))

    def _admit_login(self, username: str) -> Admission:
        user = self._users.get(username)
        if user is not None:
            return Admit(f"user:{username}") if user.domain is None else Refuse(403, "user of a domain only")
        if username in self._account_keys:
            return Admit(f"account:{username}")
        return Refuse(403, "user is gone")

    def _admit_to(self, domain: SipDomain, address: Address, username: str | None, transport: str) -> Admission:
        if not domain.acl and not domain.digest_auth:
            return Refuse(403, "the domain has neither acl nor digest_auth")
        if domain.acl and self._acls[domain.name].find(address) is None:
            return Refuse(403, "not in the domain's acl")
        if not domain.digest_auth and transport in _WEB:
            return Refuse(403, "over a WebSocket an address proves nothing")
        if not domain.digest_auth:
            return Admit(f"domain:{domain.name}")
        if username is None:
            return Challenge()
        user = self._users.get(username)
        if user is None or user.domain != domain.name:
            return Refuse(403, "not a user of the domain")
        return Admit(f"domain:{domain.name}")


def _wrong_transport(domain: SipDomain, transport: str) -> Refuse | None:
    """Why a request may not come this way to a domain; None when it may."""
    private = transport in _PRIVATE
    if domain.tls == "required" and not private:
        return Refuse(403, "the domain is reached over TLS only")
    return Refuse(403, "the domain is not reached over TLS") if domain.tls == "off" and private else None


def hosts_of_domain(name: str, sip_host: str) -> list[str]:
    """The host names by which a domain is called, the one to tell others first."""
    name = name.lower()
    if "." in name or name == "localhost":
        return [name]
    base = sip_host.lower()
    return [f"{name}.sip.{base}", *(f"{name}.sip-{region}.{base}" for region in REGIONS), f"{name}.{base}"]
