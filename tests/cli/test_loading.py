"""A command loads what it needs, and `ringline` knows all of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from ringline.cli.main import _COMMANDS, make_app


def loaded_by(*arguments: str) -> set[str]:
    """The modules that are there after a command, run in a process of its own."""
    code = (
        "import sys\nfrom ringline.cli import main\n"
        f"sys.argv = ['ringline', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("command", "needs", "spares"),
    [
        ("lint", "ringline.ncco", ("ringline.server", "fastapi", "sqlalchemy", "aiohttp", "alembic", "numpy")),
        ("call", "ringline.cli._rest", ("ringline.server.platform", "fastapi", "alembic", "aiohttp")),
        ("serve", "ringline.server.platform", ("alembic", "ringline.cli.softphone", "sqlalchemy.orm")),
    ],
)
def test_a_command_loads_what_it_needs_and_nothing_of_the_others(
    command: str, needs: str, spares: tuple[str, ...]
) -> None:
    loaded = loaded_by(command, "--help")
    assert needs in loaded
    assert [name for name in spares if name in loaded] == []


def test_every_command_is_listed_and_knows_its_own_help() -> None:
    listed = CliRunner().invoke(make_app(), ["--help"], env={"COLUMNS": "100"}).output
    for name in _COMMANDS:
        assert f" {name} " in listed
        alone = CliRunner().invoke(make_app(name), [name, "--help"])
        assert alone.exit_code == 0, alone.output
        assert import_module(f"ringline.cli.{_COMMANDS[name].module}")


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], []])
def test_what_is_no_command_is_answered_with_all_of_them(arguments: list[str]) -> None:
    done = CliRunner().invoke(make_app(next(iter(arguments), None)), arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
