"""The simulated caller's ears: his own call is found among others, and it is known when it is his turn."""

from __future__ import annotations

from dataclasses import replace

from ringline.base import ConversationId, LegId
from ringline.cli._hearing import Hearing
from ringline.cli._simulation import missing
from ringline.engine.ports import JournalLine

from .conftest import LEG, Call

OURS = "a84b4c76@phone"


def _told(call: Call) -> list[JournalLine]:
    """The call's journal, with the Call-ID in its SIP line as the platform notes it."""
    return [
        replace(line, data={**line.data, "call_id": OURS}) if line.data.get("what") == "sip" else line
        for line in call.lines
    ]


def test_a_call_is_found_by_its_call_id_and_told_from_its_beginning(call: Call) -> None:
    hearing = Hearing()
    rows = [row for line in _told(call) for row in hearing.take(line, OURS)]
    assert hearing.leg == LEG
    assert rows[0].text.startswith("conversation of application")
    assert hearing.ended
    assert [prompt.text for prompt in hearing.prompts] == ["Press one for sales."]


def test_calls_of_others_are_not_told(call: Call) -> None:
    hearing = Hearing()
    assert [row for line in _told(call) for row in hearing.take(line, "somebody else")] == []
    assert hearing.leg is None
    assert hearing.prompts == []


def test_it_is_known_when_a_prompt_plays_and_when_the_application_is_asked(call: Call) -> None:
    hearing = Hearing()
    states = []
    for line in _told(call):
        list(hearing.take(line, OURS))
        states.append((hearing.asking, hearing.playing))
    assert (False, True) in states, "the menu is spoken"
    asked = [asking for asking, _ in states]
    assert asked[2], "the answer URL is asked"
    assert asked.index(False, 3) < asked.index(True, 5), "and again for the key"
    assert hearing.prompts[0].ended is not None


def test_when_words_are_said_is_known_roughly(call: Call) -> None:
    hearing = Hearing()
    for line in _told(call):
        list(hearing.take(line, OURS))
    (prompt,) = hearing.prompts
    assert prompt.says_by("never") is None
    early, late = prompt.says_by("PRESS  one"), prompt.says_by("sales.")
    assert early is not None
    assert late is not None
    assert early < late


def test_strangers_are_forgotten_in_time() -> None:
    hearing = Hearing()
    for number in range(1000):
        line = JournalLine(
            conversation=ConversationId(f"CON-{number}"),
            sequence=1,
            wallclock=Call()._at().wallclock,
            kind="trace",
            leg=LegId(str(number)),
            data={"what": "sip", "call_id": str(number)},
        )
        list(hearing.take(line, OURS))
    assert len(hearing._conversations) <= 200


def test_what_was_expected_is_compared_without_case_and_spacing() -> None:
    assert missing(["thank  YOU", "goodbye"], ["Thank you.", "Hello."]) == ["'goodbye' was not heard"]
