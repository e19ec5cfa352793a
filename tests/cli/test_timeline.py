"""The timeline of a call says what happened, in people's words and in order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ringline.cli import _words
from ringline.cli._timeline import clock, letters, timeline

from .conftest import LEG, Call


def test_a_call_is_told_from_the_invite_to_the_verdict(call: Call) -> None:
    told = [(row.kind, row.text) for row in timeline(call.lines)]
    expected = [
        ("event", "incoming call from 447700900123 to 442079460000"),
        ("sip", "← INVITE sip:442079460000@127.0.0.1"),
        ("webhook", "answer GET http://app.example/answer → 200 in 12 ms"),
        ("event", "script: talk “Press one for sales.”, input dtmf"),
        ("step", "step 1 of 2: talk “Press one for sales.”"),
        ("event", "answered"),
        ("command", "speaks “Press one for sales.” to everybody"),
        ("event", "key 1 down"),
        ("command", "cuts a prompt"),
        ("event", "prompt cut after 2.0 s"),
        ("event", "key 1 released after 120 ms"),
        (
            "webhook",
            "input POST http://app.example/event [fallback] → Socket timeout. in 5000 ms (no answer in time)",
        ),
        ("event", "the far end left"),
        ("verdict", "completed (200, 4 s, ended by the user)"),
    ]
    assert [line for line in told if line in expected] == expected


def test_the_end_of_a_leg_says_how_its_audio_was(call: Call) -> None:
    figures = {"=": "MediaFigures", "leg": LEG, "packets_received": 980, "packets_lost": 20, "jitter_ms": 3.2}
    last = call.lines[-1]
    lines = [*call.lines[:-1], replace(last, data={**last.data, "figures": [{**figures, "opinion": 4.1}]})]
    told = [(row.kind, row.text) for row in timeline(lines)]
    assert ("audio", "980 packets came, 2.0 % lost, jitter 3.2 ms, opinion 4.1") in told


def test_failures_are_marked(call: Call) -> None:
    bad = [row.text for row in timeline(call.lines) if row.bad]
    assert len(bad) == 1
    assert "Socket timeout." in bad[0]


def test_times_are_relative_to_the_start_and_legs_have_letters(call: Call) -> None:
    rows = timeline(call.lines)
    assert letters(rows) == {LEG: "A"}
    assert clock(rows[0], rows[0].at) == "+0.000"
    assert clock(rows[-1], rows[0].at) == "+3.635"


def test_a_journal_of_unknown_rules_is_told_without_its_steps(call: Call) -> None:
    first = call.lines[0]
    event = {**first.data["event"], "=": "OpenedInAnotherWay"}
    lines = [replace(first, data={**first.data, "event": event}), *call.lines[1:]]
    rows = timeline(lines)
    assert rows[0].text == "opened in another way"
    assert not [row for row in rows if row.kind == "step"]
    assert rows[-1].text.startswith("the conversation is over") or rows[-1].kind == "verdict"


def test_a_journal_cut_at_the_front_is_told_as_far_as_it_goes(call: Call) -> None:
    rows = timeline(call.lines[4:])
    assert any(row.kind == "verdict" for row in rows)


def test_lines_of_several_conversations_are_told_in_order_of_time(call: Call) -> None:
    moved = [replace(line, conversation="CON-0") for line in call.lines]  # type: ignore[arg-type]
    rows = timeline([*call.lines, *moved])
    assert [row.at for row in rows] == sorted(row.at for row in rows)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["text", "cause", "hook", "to", "url", "why"]), json_values))
def test_odd_events_and_commands_are_said_somehow(value: dict[str, object]) -> None:
    for name in ("LegFailed", "Instructions", "IncomingLeg", "NewThing"):
        assert _words.event({**value, "=": name})
    for name in ("Ask", "Dial", "Move", "NewThing"):
        assert _words.command({**value, "=": name})


def test_scripts_are_read_action_by_action() -> None:
    script = (
        '[{"action":"talk","text":"Hi"},{"action":"stream","streamUrl":["http://a/b.mp3"]},'
        '{"action":"connect","endpoint":[{"type":"phone","number":"447700900123"}]},{"action":"conversation","name":"x"},'
        '{"action":"record"}]'
    )
    assert _words.actions(script) == [
        "talk “Hi”",
        "stream http://a/b.mp3",
        "connect to phone 447700900123",
        "conversation “x”",
        "record",
    ]
    assert _words.actions("{no json") == []
    assert _words.actions(None) == []
