"""The guide on phones says what is so: its settings are read, and its list of addresses is one."""

from __future__ import annotations

import re
from pathlib import Path

from ringline.routing import read_forward
from ringline.server.settings import Settings

_ROOT = Path(__file__).parents[2]
GUIDE = (_ROOT / "docs" / "guides" / "phones.md").read_text(encoding="utf-8")
_SHOP = """
profile = "dev"
[sip]
tls_port = 5061
[[applications]]
id = "0b9d0c55-2222-4333-8444-955566677788"
name = "shop"
answer_url = "https://app.example.org/answer"
"""


def test_the_settings_are_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "ringline.toml").write_text(_SHOP + block, encoding="utf-8")
    settings = Settings.load(tmp_path / "ringline.toml", {})
    assert (settings.users[0].extension, settings.domains[0].tls) == ("4521", "required")


def test_the_list_of_addresses_can_be_written_into_a_number() -> None:
    (listed,) = re.findall(r"voiceCallbackValue=([^`]+)`", GUIDE)
    found = read_forward(listed)
    assert found is not None
    assert [each.wait_s for each in found] == [2.0, 5.0]
