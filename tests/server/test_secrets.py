"""Which API secrets are in force after a start: the settings' own, unless revoked, and those made through the API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ringline.accounts import Account, KeptSecret, Secret, make_secret
from ringline.base import SeededRandom, SystemClock
from ringline.server.secrets import settle_secrets
from ringline.server.settings import Settings
from ringline.testing.office import MemoryOffice

SETTINGS = '[account]\napi_key = "key1"\napi_secret = "{}"\nsignature_secret = "signs-webhooks-for-these-tests-only"\n'


def load(folder: Path, secret: str = "Secret12", more: str = "") -> Settings:
    file = folder / "ringline.toml"
    file.write_text(SETTINGS.format(secret) + more)
    return Settings.load(file, {})


def settle(office: MemoryOffice, settings: Settings) -> Sequence[Secret]:
    found = asyncio.run(settle_secrets(settings, office, clock=SystemClock(), random=SeededRandom(b"settle")))
    assert found is not None
    return found


def opens(secrets: Sequence[Secret], value: str) -> bool:
    return Account(api_key="key1", secrets=tuple(secrets), signature_secret="s").accepts(value)


def test_the_secret_of_the_settings_keeps_its_id(tmp_path: Path) -> None:
    office = MemoryOffice()
    first = settle(office, load(tmp_path))
    assert opens(first, "Secret12")
    assert settle(office, load(tmp_path)) == first
    assert "Secret12" not in repr(office.kept_secrets) + "".join(one.hash + one.salt for one in first)


def test_a_new_one_in_the_settings_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    office = MemoryOffice()
    settle(office, load(tmp_path))
    changed = settle(office, load(tmp_path, "Changed34"))
    assert (opens(changed, "Secret12"), opens(changed, "Changed34"), len(changed)) == (False, True, 1)


def test_a_revoked_one_does_not_come_back_and_others_stay(tmp_path: Path) -> None:
    office = MemoryOffice()
    (own,) = settle(office, load(tmp_path))
    other = make_secret("Other5678", api_key="key1", realm="ringline", id="other", salt=b"other")
    asyncio.run(office.save_secret(KeptSecret(api_key="key1", secret=other)))
    asyncio.run(office.save_secret(KeptSecret(api_key="key1", secret=own, configured=True, revoked=True)))
    assert list(settle(office, load(tmp_path))) == [other]


def test_a_new_realm_gets_new_sums_where_the_secret_is_known(tmp_path: Path) -> None:
    office = MemoryOffice()
    (before,) = settle(office, load(tmp_path))
    (after,) = settle(office, load(tmp_path, more='[sip]\nrealm = "elsewhere"\n'))
    assert (after.id, after.realm) == (before.id, "elsewhere")
    assert after.sums != before.sums


def test_without_an_account_there_is_nothing_to_settle(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text("")
    found = settle_secrets(Settings.load(file, {}), MemoryOffice(), clock=SystemClock(), random=SeededRandom(b"x"))
    assert asyncio.run(found) is None
