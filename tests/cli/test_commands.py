"""The commands that look around: help, version, lint, check, trust; and how wrong settings are told."""

from __future__ import annotations

import io
import logging
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringline import __version__
from ringline.base import Private, get_log
from ringline.cli import app
from ringline.server.certificates import ensure_certificates
from ringline.server.logs import write_logs

run = CliRunner().invoke
COMMANDS = (
    "dev",
    "serve",
    "trial",
    "check",
    "doctor",
    "trust",
    "run",
    "apps",
    "numbers",
    "call",
    "phone",
    "calls",
    "journal",
    "replay",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_version_is_printed() -> None:
    assert run(app, ["--version"]).output == f"ringline {__version__}\n"


@pytest.mark.parametrize("command", [*COMMANDS, "lint"])
def test_every_command_explains_itself(command: str) -> None:
    done = run(app, [command, "--help"])
    assert done.exit_code == 0
    assert len(done.output) > 200


# ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", [["serve"], ["dev"], ["check"], ["calls"], ["apps", "list"]])
def test_wrong_settings_are_told_with_file_key_and_reason(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "ringline.toml").write_text('[sip]\nport = "many"\nbnid = "127.0.0.1"\n')
    done = run(app, command)
    assert done.exit_code == 2
    assert "ringline.toml: sip.port:" in done.stderr
    assert "did you mean sip.bind?" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("command", ["serve", "dev", "check"])
def test_a_named_file_that_is_missing_is_a_sentence(command: str) -> None:
    done = run(app, [command, "--config", "missing.toml"])
    assert done.exit_code == 2
    assert "missing.toml" in done.stderr


# ── check ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _settings(http_port: int, more: str = "") -> None:
    Path("ringline.toml").write_text(
        f"[server]\nhttp_port = {http_port}\n{more}[sip]\nport = 0\n[media]\nport_min = 22300\nport_max = 22400\n"
        '[account]\napi_key = "abc"\napi_secret = "Secret123"\nsignature_secret = "01234567890123456789012345678901"\n'
    )


def test_check_is_content_where_a_platform_would_start() -> None:
    _settings(0)
    done = run(app, ["check"])
    assert done.exit_code == 0, done.output
    assert "espeak is ready" in done.output
    assert "room for 50 legs" in done.output


def test_check_names_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _settings(port)
        done = run(app, ["check"])
    assert done.exit_code == 1
    assert f"127.0.0.1:{port} cannot be used: Address already in use" in done.output


def test_check_looks_into_the_certificate(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path / "tls", names=["localhost"], now=datetime.now(UTC))
    _settings(0, f'https_port = 0\ncert_file = "{made.cert_file}"\nkey_file = "{made.key_file}"\n')
    assert "is good until" in run(app, ["check"]).output
    made.cert_file.write_text("no certificate")
    done = run(app, ["check"])
    assert done.exit_code == 1
    assert "holds no certificate" in done.output


# ── trust ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trust_points_every_library_here() -> None:
    Path("ringline.toml").write_text("[server]\nhttp_port = 8123\nhttps_port = 8456\n")
    done = run(app, ["trust"])
    assert done.exit_code == 0, done.output
    assert 'api_host="127.0.0.1:8456"' in done.output
    assert "apiHost: 'http://127.0.0.1:8123'" in done.output
    assert "certificates/ca.pem" in done.output
    assert "apiHost" not in run(app, ["trust", "python"]).output


def test_trust_of_an_unknown_language_is_refused() -> None:
    assert run(app, ["trust", "cobol"]).exit_code == 2


def test_trust_says_when_there_is_no_https() -> None:
    assert "no https yet" in run(app, ["trust"]).output


# ── logs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["people", "json"])
def test_logs_carry_the_facts_and_hide_peoples_data(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root, ours = logging.getLogger(), logging.getLogger("ringline")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    try:
        write_logs("people" if form == "people" else "json", "INFO")
        get_log("ringline.test").info("leg answered", codec="PCMA", caller=Private("447700900123"))
        get_log("ringline.test").error("it broke", exc=ValueError("because"))
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
    text = out.getvalue()
    assert "leg answered" in text
    assert "PCMA" in text
    assert "because" in text
    assert "***" in text
    assert "447700900123" not in text
