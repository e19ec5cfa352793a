"""What conversation events tell of the audio itself: how good it was, how much of it came, and who speaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ringline.base import ConversationId
from ringline.calls import replay
from ringline.chronicle import Entry, rewrite
from ringline.engine.ports import LegCounters
from ringline.testing import Phones, Switchboard, WebApplication, conversation, scenario, talk, wait

GOOD = LegCounters(
    packets_received=980,
    packets_sent=1000,
    packets_lost=20,
    packets_late=5,
    packets_malformed=0,
    packets_foreign=0,
    jitter_ms=3.25,
    keys_received=0,
    bytes_in=156_800,
    bytes_out=160_000,
    opinion=4.1,
)


def told(board: Switchboard, event_type: str) -> list[Entry]:
    return [one for room in board.store.told for one in board.store.events_of(room) if one.type == event_type]


def lines_of(board: Switchboard, room: ConversationId) -> list[Any]:
    return [json.loads(json.dumps(line.data)) for line in board.store.journals[room] if line.kind == "input"]


@scenario
async def test_the_end_of_a_leg_tells_how_good_its_audio_was(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Good bye."))
    await alice.dials(app.number)
    board.media.counted[alice.leg] = GOOD
    await alice.is_hung_up()
    await board.over()
    (end,) = told(board, "sip:hangup")
    assert end.body["quality"] == {
        "mos_score": 4.1,
        "quality_percentage": 88.6,
        "jitter_min_var": 3.25,
        "jitter_max_var": 3.25,
        "jitter_loss_rate": 0.005,
        "jitter_burst_rate": 0.0,
        "flaw_total": 25,
        "packet_cnt": 980,
        "packet_loss_perc": 2.0,
    }
    assert end.body["bandwidth"] == {"byte_in": 156_800, "byte_out": 160_000}


@scenario
@pytest.mark.parametrize(("lost", "mos"), [(0, 4.41), (50, 3.95), (1000, 1.61)])
async def test_of_a_call_too_short_for_a_report_only_the_loss_counts(
    app: WebApplication, phones: Phones, board: Switchboard, lost: int, mos: float
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Good bye."))
    await alice.dials(app.number)
    board.media.counted[alice.leg] = replace(GOOD, opinion=None, packets_received=1000, packets_lost=lost)
    await alice.is_hung_up()
    await board.over()
    (end,) = told(board, "sip:hangup")
    assert end.body["quality"]["mos_score"] == pytest.approx(mos, abs=0.01)


@scenario
async def test_figures_are_in_the_journal_and_no_rule_depends_on_them(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Good bye."))
    await alice.dials(app.number)
    board.media.counted[alice.leg] = GOOD
    room = app.call(alice.leg).conversation_uuid
    await alice.is_hung_up()
    await board.over()
    lines = lines_of(board, room)
    assert replay(lines) is None
    assert rewrite(lines) == board.store.events_of(room)
    assert [line["figures"][0]["opinion"] for line in lines if "figures" in line] == [4.1]


@scenario
async def test_a_call_that_nobody_answered_has_no_figures(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    await app.calls(bob.number, ncco=[wait(1)], ringing_timer=5)
    await board.over()
    (end,) = told(board, "sip:hangup")
    assert (end.body["quality"]["mos_score"], end.body["quality"]["packet_cnt"]) == (0.0, 0)


@scenario
async def test_conversation_events_show_the_headers_of_the_invite(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Welcome."), conversation("standup"))
    await alice.dials(app.number, headers={"SipHeader_X-UserId": "1938ND9"})
    await alice.hears("Welcome.", to_the_end=True)
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    channels = [entry.body["channel"] for entry in told(board, "member:joined")]
    assert len(channels) >= 3, "two in its own conversation, one in the named one"
    assert all(channel["headers"] == {"X-UserId": "1938ND9"} for channel in channels)


# ── who speaks ─────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_who_speaks_is_told_where_the_application_asks_for_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    app.changes(speaking_events=True)
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    await board.passes(1)
    began = board.clock.wallclock()
    already = len(told(board, "audio:speaking:on"))
    await alice.says("This takes two seconds.", seconds=2)
    await board.passes(1)
    on, off = told(board, "audio:speaking:on")[already], told(board, "audio:speaking:off")[-1]
    assert on.body["channel"]["id"] == off.body["channel"]["id"] == alice.leg
    assert (on.at - began).total_seconds() == pytest.approx(0.3, abs=0.01)
    assert (off.at - began).total_seconds() == pytest.approx(2.6, abs=0.01)
    alice.hangs_up()
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_breath_is_no_end_of_speech(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    app.changes(speaking_events=True)
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await board.passes(1)
    await alice.says("Well", seconds=1)
    await board.passes(0.4)
    await alice.says("then.", seconds=1)
    await board.passes(1)
    assert [len(told(board, f"audio:speaking:{what}")) for what in ("on", "off")] == [1, 1]
    alice.hangs_up()
    await board.over()


@scenario
async def test_nobodys_voice_is_watched_unasked(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(5))
    await alice.dials(app.number)
    await board.passes(1)
    assert not board.media.observed
    await alice.says("Is anybody there?")
    await board.over()
    assert told(board, "audio:speaking:on") == []
