"""The scripts in the guide to NCCO: each can run, and lint has nothing against it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ringline.ncco import ACTIONS, ENDPOINTS, MAX_ACTIONS, Severity, lint, parse, schema
from ringline.ncco.endpoints import MAX_DTMF_ANSWER
from ringline.ncco.plain import MAX_DEPTH

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "ncco.md").read_text()
SCRIPTS = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_can_run(script: str) -> None:
    assert parse(script).actions
    found = [str(fault) for fault in lint(script) if fault.severity is not Severity.INFO]
    # A prompt that can be interrupted has its input beside it, and nothing stands behind an end.
    assert found == []
    assert list(Draft202012Validator(schema()).iter_errors(json.loads(script))) == []


def test_the_guide_shows_every_action_and_every_endpoint() -> None:
    actions = [action for script in SCRIPTS for action in parse(script).actions]
    assert {action.action for action in actions} == set(ACTIONS)
    assert {action.endpoint.type for action in actions if action.action == "connect"} == set(ENDPOINTS)


def test_the_guide_names_the_limits_in_force() -> None:
    assert f"{MAX_ACTIONS:,} actions and {MAX_DEPTH} levels of nesting" in GUIDE
    assert f"at most {MAX_DTMF_ANSWER:,} keys" in GUIDE
