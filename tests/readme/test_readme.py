"""What the README shows works as shown."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from ringline.server.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_test_of_a_call_passes() -> None:
    (block,) = [code for code in _blocks("python") if "ringline.testing" in code]
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()


def test_the_flask_application_answers_with_scripts() -> None:
    (block,) = [code for code in _blocks("python") if "Flask(" in code]
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(block, "README.md", "exec"), names)
    client = names["app"].test_client()
    script = json.loads(client.get("/answer").data)
    assert [action["action"] for action in script] == ["talk", "input"]
    pressed = client.post("/keys", json={"dtmf": {"digits": "1"}})
    assert json.loads(pressed.data)[0]["endpoint"][0]["type"] == "sip"


def test_the_settings_are_settings(tmp_path: Path) -> None:
    (block,) = _blocks("toml")
    tomllib.loads(block)
    file = tmp_path / "ringline.toml"
    file.write_text(block.replace('public_key_file = "front-desk.pub"\n', ""), encoding="utf-8")
    settings = Settings.load(file, {})
    assert settings.server.https_port == 8443
    assert [trunk.name for trunk in settings.trunks] == ["carrier"]


def test_the_commands_it_names_exist() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE)):
        assert f"\n{target}:" in makefile


def test_every_example_is_listed_beside_them() -> None:
    folder = Path(__file__).parents[2] / "examples"
    listed = re.findall(r"\]\((\w+\.py)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(file.name for file in folder.glob("*.py"))
