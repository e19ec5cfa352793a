"""Scripts as official libraries and documents of all years write them: each is read as its file says.

A file of `tests/corpus/ncco` has the script, what it is read as (`canonical`), and whether the JSON schema knows all
its spellings (`in_schema`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ringline.ncco import ACTIONS, ENDPOINTS, SYNTAX_ERROR, NccoError, Severity, from_json, lint, parse, schema

CORPUS = sorted((Path(__file__).parents[1] / "corpus" / "ncco").glob("*.json"))
VALIDATOR = Draft202012Validator(schema())
PHONE = {"type": "phone", "number": "447700900001"}


@pytest.fixture(params=CORPUS, ids=lambda path: path.stem)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


def complaints(script: object) -> list[str]:
    return [f"{error.json_path}: {error.message[:80]}" for error in VALIDATOR.iter_errors(script)]


def test_it_is_read_as_it_was_meant(document: dict[str, Any]) -> None:
    ncco = parse(json.dumps(document["script"]))
    assert ncco.to_json() == document["canonical"]
    assert ncco.notes == ()


def test_it_can_run_says_lint(document: dict[str, Any]) -> None:
    assert [str(fault) for fault in lint(json.dumps(document["script"])) if fault.severity is Severity.ERROR] == []


def test_the_schema_takes_it_and_what_it_is_read_as(document: dict[str, Any]) -> None:
    if document["in_schema"]:
        assert complaints(document["script"]) == []
    assert complaints(document["canonical"]) == []


def test_what_it_is_read_as_is_read_as_itself(document: dict[str, Any]) -> None:
    assert from_json(document["canonical"]).to_json() == document["canonical"]


def test_the_corpus_has_every_action_and_every_kind_of_endpoint() -> None:
    actions = [action for path in CORPUS for action in json.loads(path.read_text())["canonical"]]
    assert {action["action"] for action in actions} == set(ACTIONS)
    assert {action["endpoint"]["type"] for action in actions if action["action"] == "connect"} == set(ENDPOINTS)


# ── the schema ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_schema_is_a_schema_of_2020_12() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_the_schema_tells_the_meaning_of_options(action: str) -> None:
    definition = schema()["$defs"][ACTIONS[action].__name__]
    assert definition["description"]
    told = " ".join(about.get("description", "") for about in definition["properties"].values())
    assert not [word for word in told.replace("`", " ").split() if word.strip(",.;:") in ("None", "True", "False")]
    assert "can_speak" not in told
    proper = {field.alias or name for name, field in ACTIONS[action].model_fields.items() if not field.exclude}
    assert {name for name, about in definition["properties"].items() if not about.get("deprecated")} == proper


@pytest.mark.parametrize(
    "script",
    [
        5,
        [5],
        [{}],
        [{"action": "tolk"}],
        [{"action": "talk"}],
        [{"action": "talk", "text": 5}],
        [{"action": "talk", "text": "x", "loop": -1}],
        [{"action": "talk", "text": "x", "level": "loud"}],
        [{"action": "talk", "text": "x", "bargeIn": "yes"}],
        [{"action": "stream"}],
        [{"action": "stream", "streamUrl": 5}],
        [{"action": "record", "format": "flac"}],
        [{"action": "record", "timeOut": 1}],
        [{"action": "input", "type": "fax"}],
        [{"action": "input", "type": ["dtmf"], "dtmf": {"maxDigits": 21}}],
        [{"action": "transfer"}],
        [{"action": "notify"}],
        [{"action": "pay", "amount": 0}],
        [{"action": "pay", "amount": 1, "prompts": [{"type": "CardNumber"}]}],
        [{"action": "connect"}],
        [{"action": "connect", "endpoint": []}],
        [{"action": "connect", "endpoint": [PHONE, PHONE]}],
        [{"action": "connect", "endpoint": {"type": "phone"}}],
        [{"action": "connect", "endpoint": [{"type": "fax"}]}],
        [{"action": "connect", "endpoint": [PHONE], "advancedMachineDetection": {"beep_timeout": 5}}],
        [{"action": "connect", "endpoint": [{"type": "websocket", "uri": "wss://a", "content-type": "audio/wav"}]}],
    ],
)
def test_the_schema_refuses_what_is_wrong(script: object) -> None:
    assert complaints(script)


def test_a_complaint_of_the_schema_is_about_the_action_that_was_meant() -> None:
    (only,) = complaints([{"action": "connect", "endpoint": [{"type": "phone", "number": {}}]}])
    assert only.startswith("$[0].endpoint[0].number:")


# ── the corpus, damaged ────────────────────────────────────────────────────────────────────────────────────────────

TEXTS = [json.dumps(json.loads(path.read_text())["script"], indent=1).encode() for path in CORPUS]
BITS = b'" { } [ ] , : null true -1 1e9 NaN \\ud800 \xff \x00'.split(b" ")
cuts = st.tuples(st.integers(0, 4000), st.integers(0, 30), st.sampled_from([b"", *BITS]))


@given(st.sampled_from(TEXTS), st.lists(cuts, max_size=4))
def test_a_damaged_script_is_read_or_refused_politely_and_every_fault_has_a_place(
    text: bytes, damage: list[tuple[int, int, bytes]]
) -> None:
    for at, length, bit in damage:
        text = text[: at % len(text)] + bit + text[at % len(text) + length :] or b" "
    lines = text.decode("utf-8", "replace").split("\n")
    refusal, found = None, lint(text)
    try:
        ncco = parse(text)
    except NccoError as error:
        refusal, found = error, error.faults
    if refusal is None:
        assert from_json(ncco.to_json()) == ncco
    else:
        assert refusal.reason.startswith(SYNTAX_ERROR)
        assert refusal.errors
    for fault in found:
        if fault.line is not None and fault.column is not None:
            assert 1 <= fault.line <= len(lines)
            assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
