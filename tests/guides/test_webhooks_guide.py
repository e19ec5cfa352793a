"""The guide to webhooks says what is so: its settings are read, its check knows our signature from others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringline.base import SeededRandom
from ringline.server.settings import Settings
from ringline.webhooks import sign

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "a secret of the account, long enough for HS256"


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def test_the_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text(block("toml"), encoding="utf-8")
    (application,) = Settings.load(file, {}).applications
    assert (application.answer_method, application.event_method) == ("GET", "POST")
    assert application.event_socket_timeout_ms == 10_000
    assert application.answer_socket_timeout_ms == 5_000


def test_the_check_takes_what_we_signed_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "webhooks.md", "exec"), names)
    check: Callable[[str, bytes, str], bool] = names["is_from_ringline"]
    for body in (b'{"status":"answered"}', b""):
        token = sign(
            secret=SECRET,
            api_key="abcd1234",
            application_id="0b9d0c55-2222-4333-8444-955566677788",
            body=body,
            wallclock=datetime.now(UTC),
            random=SeededRandom(b"guide"),
        )
        assert check(f"Bearer {token}", body, SECRET)
        assert not check(f"Bearer {token}", body + b" ", SECRET)
        assert not check(f"Bearer {token}", body, SECRET.upper())
    assert not check("", b"", SECRET)
