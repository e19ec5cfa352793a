"""Which API secrets are in force: the one of the settings, unless it was revoked, and those made through the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ringline.accounts import SALT_BYTES, KeptSecret, Secret, make_secret
from ringline.base import Clock, Random, get_log, uuid4
from ringline.server.sections import AccountSection
from ringline.server.settings import Settings

log = get_log(__name__)
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class SecretShelf(Protocol):
    """Where what is left of secrets is kept."""

    async def secrets(self, api_key: str) -> Sequence[KeptSecret]: ...

    async def save_secret(self, kept: KeptSecret) -> None: ...

    async def delete_secret(self, secret_id: str) -> None: ...


def secret_of(section: AccountSection, *, realm: str, random: Random, at: datetime = _LONG_AGO) -> Secret:
    """What is kept of the settings' secret."""
    return make_secret(
        section.api_secret.get_secret_value(),
        api_key=section.api_key,
        realm=realm,
        id=uuid4(random),
        salt=random.bytes(SALT_BYTES),
        created_at=at,
    )


async def settle_secrets(
    settings: Settings, shelf: SecretShelf, *, clock: Clock, random: Random
) -> tuple[Secret, ...] | None:
    """Bring the shelf in line with the settings, and give the secrets that are in force; None without an account.

    A secret that is new in the settings takes the place of the one that stood there before. One that was revoked
    through the API stays revoked while it stands there.
    """
    section, realm = settings.account, settings.sip.realm
    if section is None:
        return None
    value = section.api_secret.get_secret_value()
    kept = list(await shelf.secrets(section.api_key))
    if not any(one.secret.matches(value) for one in kept):
        for old in [one for one in kept if one.configured]:
            await shelf.delete_secret(old.secret.id)
            kept.remove(old)
        fresh = secret_of(section, realm=realm, random=random, at=clock.wallclock())
        kept.append(KeptSecret(api_key=section.api_key, secret=fresh, configured=True))
        await shelf.save_secret(kept[-1])
    for index, one in enumerate(kept):
        if one.secret.realm == realm:
            continue
        if one.secret.matches(value):
            renewed = make_secret(
                value,
                api_key=section.api_key,
                realm=realm,
                id=one.secret.id,
                salt=bytes.fromhex(one.secret.salt),
                created_at=one.secret.created_at,
            )
            kept[index] = replace(one, secret=renewed)
            await shelf.save_secret(kept[index])
        elif not one.revoked:
            log.warning("an API secret is no good for SIP: sip.realm has changed since it was made", id=one.secret.id)
    in_force = tuple(one.secret for one in kept if not one.revoked)
    if not any(secret.matches(value) for secret in in_force):
        log.warning("account.api_secret of the settings was revoked through the API; others are in force")
    return in_force
