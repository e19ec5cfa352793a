"""Which speech engines the settings name, with which options, and for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.base import ApplicationId
from ringline.server.books import voices_of
from ringline.server.settings import Settings, SettingsError

SHOP = "0b9d0c55-2222-4333-8444-955566677788"
FILE = f"""
profile = "dev"
[speech]
engines = ["polly", "espeak"]
also = ["piper"]
timeout_s = 4
[speech.options.polly]
region = "eu-west-1"
secret_access_key_file = "polly.key"
[speech.options.piper]
voices = "voices"
[[applications]]
id = "{SHOP}"
name = "shop"
voices = ["piper"]
"""


def read(directory: Path, text: str = FILE, **environment: str) -> Settings:
    path = directory / "ringline.toml"
    path.write_text(text)
    return Settings.load(path, environment)


def test_engines_options_and_preferences_are_read(tmp_path: Path) -> None:
    settings = read(tmp_path, RINGLINE_SPEECH__OPTIONS__POLLY__ACCESS_KEY_ID="AKIDEXAMPLE")
    assert settings.speech.engines == ("polly", "espeak")
    assert settings.speech.also == ("piper",)
    assert settings.speech.options["polly"] == {
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key_file": str(tmp_path / "polly.key"),
    }
    assert settings.speech.options["piper"] == {"voices": str(tmp_path / "voices")}
    assert voices_of(settings, ApplicationId(SHOP)) == ("piper",)
    assert voices_of(settings, ApplicationId("made by REST")) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FILE.replace('also = ["piper"]', "also = []"), r"applications\[0\].voices.*piper is not among speech.engines"),
        ('profile = "dev"\n[speech.options.google]\napi_key = "x"', r"speech.options.google.*is not among"),
        ('profile = "dev"\n[speech]\ntimeout_s = 0', "speech.timeout_s"),
    ],
)
def test_engines_that_are_not_there_are_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        read(tmp_path, text)
