"""The guide on voices says what is so: its settings are read, its table of lent languages is the engine's."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from ringline.ncco import lint
from ringline.providers.espeak._voices import BORROWED
from ringline.server.settings import Settings
from ringline.speech import find_language

_ROOT = Path(__file__).parents[2]
GUIDE = (_ROOT / "docs" / "guides" / "voices.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "ringline.toml").write_text('profile = "dev"\n' + blocks("toml")[0], encoding="utf-8")
    settings = Settings.load(tmp_path / "ringline.toml", {})
    assert settings.speech.also == settings.applications[0].voices == ("piper",)
    assert settings.speech.options["piper"]["voices"] == str(tmp_path / "voices")


def test_the_script_can_run_and_has_no_lint() -> None:
    (script,) = blocks("json")
    assert lint(script) == ()


def test_the_lent_languages_are_those_of_the_engine() -> None:
    told = [cell for cell in re.findall(r"\| ([a-z]{2,3}-[A-Z-]{2,6}) \|", GUIDE) if find_language(cell)]
    assert sorted(told) == sorted(BORROWED)


def test_every_engine_is_named() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in project["entry-points"]["ringline.speech"]:
        assert f"| `{name}` |" in GUIDE
    assert any(point.name == "espeak" for point in entry_points(group="ringline.speech"))
