"""What is sent and shown of SIP domains and their users."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from ringline.accounts import DomainUser, HostedDomain, Wish
from ringline.api.fields import Body, Flag, Text, one_of, refused, refused_parts
from ringline.base import ApplicationId
from ringline.routing import hosts_of_domain, read_network

MOST_NETWORKS: Final = 1000
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_KEY: Final = re.compile(r"[a-z0-9-]{1,63}")
_SECRET: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


def _check_name(name: str) -> str:
    if not _LABEL.fullmatch(name):
        raise refused("must be 1 to 63 of a-z, 0-9 and - and neither begin nor end with -")
    return name


def _check_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise refused("must be 1 to 63 of a-z, 0-9 and -")
    return key


def _check_secret(secret: str) -> str:
    if not _SECRET.fullmatch(secret):
        raise refused("must be 1 to 255 characters, none of them a control character")
    return secret


def _check_application(written: str, info: ValidationInfo) -> str:
    known: Collection[str] = (info.context or {}).get("applications", ())
    if written.strip().lower() not in known:
        raise refused("is no application of the account")
    return written.strip().lower()


def _read_acl(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise refused("must be an array")
    if len(value) > MOST_NETWORKS:
        raise refused(f"must have at most {MOST_NETWORKS} entries")
    faults = [
        (f"[{index}]", "must be an address or a network") for index, one in enumerate(value) if not _is_network(one)
    ]
    if faults:
        raise refused_parts(faults)
    return tuple(one.strip() for one in value)


def _is_network(value: object) -> bool:
    try:
        return isinstance(value, str) and read_network(value) is not None
    except ValueError:
        return False


Acl = Annotated[tuple[str, ...], BeforeValidator(_read_acl)]
Encryption = Annotated[str, one_of("always", "optional", "never")]
Known = Annotated[Text, AfterValidator(_check_application)]
Secret = Annotated[Text, AfterValidator(_check_secret)]


class DomainChange(Body):
    """The body of `PUT`: what it leaves out stays. Read it with `applications`, the ids there are, as context."""

    application_id: Known | None = None
    acl: Acl = ()
    digest_auth: Flag = False
    tls: Encryption = "optional"
    srtp: Encryption = "optional"

    def applied_to(self, domain: HostedDomain) -> HostedDomain:
        """The domain as the body wants it."""
        given: dict[str, Any] = {one: getattr(self, one) for one in self.model_fields_set if one != "name"}
        return replace(domain, **given)


class NewDomain(DomainChange):
    """The body of `POST`."""

    name: Annotated[Text, AfterValidator(_check_name)]
    application_id: Known

    def domain(self) -> HostedDomain:
        """The domain as the body wants it."""
        return HostedDomain(
            name=self.name,
            application_id=ApplicationId(self.application_id),
            acl=self.acl,
            digest_auth=self.digest_auth,
            tls=cast(Wish, self.tls),
            srtp=cast(Wish, self.srtp),
        )


class UserChange(Body):
    """The body of `PUT` for a user: his new secret."""

    secret: Secret


class NewUser(UserChange):
    """The body of `POST` for a user."""

    key: Annotated[Text, AfterValidator(_check_key)]


def write_domain(domain: HostedDomain) -> dict[str, Any]:
    return {
        "name": domain.name,
        "application_id": domain.application_id,
        "acl": list(domain.acl),
        "digest_auth": domain.digest_auth,
        "tls": domain.tls,
        "srtp": domain.srtp,
    }


def write_user(user: DomainUser) -> dict[str, Any]:
    """A user without his secret, which nobody knows any more."""
    return {"key": user.key}


def write_endpoint(domain: HostedDomain, user: DomainUser, *, sip_host: str) -> dict[str, Any]:
    """The address of a user."""
    host = hosts_of_domain(domain.name, sip_host)[0]
    return {"uri": f"sip:{user.key}@{host}"}
