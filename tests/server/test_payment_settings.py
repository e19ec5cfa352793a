"""`[payments]`: where cards may be sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.server.settings import Profile, Settings, SettingsError

ACCOUNT = {
    "RINGLINE_ACCOUNT__API_KEY": "key1",
    "RINGLINE_ACCOUNT__API_SECRET": "Secret12",
    "RINGLINE_ACCOUNT__SIGNATURE_SECRET": "0123456789abcdef0123456789abcdef",
}


def read(url: str | None, profile: Profile, account: dict[str, str] = ACCOUNT) -> Settings:
    environment = dict(account) if url is None else {**account, "RINGLINE_PAYMENTS__URL": url}
    return Settings.load(None, environment, profile=profile)


def test_without_a_hook_nothing_is_charged() -> None:
    assert read(None, "serve").payments.url is None


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        ("https://pay.example.com/charge", "serve"),
        ("https://10.0.0.7/charge", "serve"),
        ("http://127.0.0.1:9000/charge", "dev"),
        ("http://localhost:9000/charge", "dev"),
        ("http://[::1]:9000/charge", "dev"),
    ],
)
def test_a_hook_is_reached_over_tls_or_in_development_on_loopback(url: str, profile: Profile) -> None:
    assert read(url, profile).payments.url == url


@pytest.mark.parametrize(
    ("url", "profile"),
    [
        ("http://pay.example.com/charge", "serve"),
        ("http://127.0.0.1:9000/charge", "serve"),
        ("http://10.0.0.7/charge", "dev"),
        ("http://pay.example.com/charge", "dev"),
    ],
)
def test_cards_are_never_sent_in_the_clear(url: str, profile: Profile) -> None:
    with pytest.raises(SettingsError, match="PAYMENTS__URL: must be https"):
        read(url, profile)


def test_a_hook_needs_an_account_to_sign_for_it() -> None:
    with pytest.raises(SettingsError, match="signs what is sent there"):
        read("https://pay.example.com/charge", "serve", account={})


def test_the_url_is_not_a_path_on_disk() -> None:
    with pytest.raises(SettingsError, match="must be a URL"):
        read(str(Path("/etc/passwd")), "serve")
