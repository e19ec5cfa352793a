"""What `ringline dev` makes of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.cli._banner import addresses
from ringline.cli.dev import HTTPS_PORT, dev_settings
from ringline.server.settings import Settings


@pytest.mark.parametrize(("given", "https_port"), [("", HTTPS_PORT), ("https_port = 9443", 9443)])
def test_links_and_recordings_are_at_plain_addresses_which_every_program_can_reach(
    tmp_path: Path, given: str, https_port: int
) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text(f"[server]\nhttp_port = 9080\n{given}\n")
    found = dev_settings(file)
    assert (found.server.https_port, found.base_url()) == (https_port, "http://127.0.0.1:9080")
    assert found.file_url() == "http://127.0.0.1:9080/v1/files/{id}"


def test_a_public_address_of_the_settings_stays(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text('[public]\nbase_url = "https://voice.example"\n')
    assert dev_settings(file).base_url() == "https://voice.example"


def test_nobody_is_locked_out_for_wrong_keys_while_developing(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text("")
    assert dev_settings(file).limits.failed_logins_per_minute == 0
    file.write_text("[limits]\nfailed_logins_per_minute = 5\n")
    assert dev_settings(file).limits.failed_logins_per_minute == 5


def test_a_start_tells_the_limits_in_force(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text("[limits]\nrequests_per_second = 0\n")
    serving = dict(addresses(Settings.load(file, {})))
    assert serving["limits"] == "3 new outbound calls a second per application, 20 failed logins a minute per address"
    assert dict(addresses(dev_settings(file)))["limits"] == "none on how often REST is asked"
