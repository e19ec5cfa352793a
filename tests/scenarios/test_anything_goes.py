"""Calls nobody planned: scripts, phones, servers and REST requests at random, and in the end everything is in order.

What must hold whatever happens is checked when the switchboard closes: nothing left behind, no error logged, every
journal replays. Here we add: every leg ends once, as its record says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from ringline.base import ApiError
from ringline.calls.status import FINAL
from ringline.testing import (
    HANGS,
    Action,
    CallState,
    Phone,
    Phones,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    conversation,
    listen_for_keys,
    ncco,
    notify,
    pay,
    read_digits,
    read_speech,
    record,
    scenario,
    status,
    stream,
    talk,
    text,
    wait,
)

MUSIC, MISSING = "https://app.example.org/music.mp3", "https://app.example.org/missing.mp3"
NAMES = ["alice", "bob", "carol", "dave"]
FINALS = {one.value for one in FINAL}


class Chaos:
    """Chooses what happens next."""

    def __init__(self, seed: int, app: WebApplication, people: list[Phone], board: Switchboard) -> None:
        self.chance = Random(seed)
        self.app = app
        self.people = people
        self.bots = [board.websocket(f"wss://bot.example.com/{number}") for number in (1, 2)]
        self.board = board

    def script(self, depth: int = 0) -> list[Action]:
        return [action for _ in range(self.chance.randint(0, 4)) for action in self.actions(depth)]

    def actions(self, depth: int) -> list[Action]:
        pick = self.chance
        someone = pick.choice([*self.people, *self.people])
        file = pick.choice([MUSIC, MUSIC, MISSING])
        kinds: list[Callable[[], list[Action]]] = [
            lambda: [talk("Hello there.", loop=pick.choice([1, 1, 2, 0]))],
            lambda: [stream(file, loop=pick.choice([1, 1, 0]))],
            lambda: [talk("Press a key.", barge_in=True), stream(file, barge_in=True), read_digits(max_digits=2)],
            lambda: [read_digits(max_digits=pick.randint(1, 3), time_out=2)],
            lambda: [listen_for_keys()],
            lambda: [read_speech(start_timeout=2, uuid=pick.choice([None, *self.legs()]), save_audio=True)],
            lambda: [talk("Say it.", barge_in=True, loop=pick.choice([0, 1])), read_speech(dtmf={"maxDigits": 2})],
            lambda: [pay("9.99")],
            lambda: [record(beep_start=pick.random() < 0.5)],
            lambda: [record(end_on_key="#", end_on_silence=pick.choice([None, 3]), split="conversation")],
            lambda: [record(time_out=pick.randint(3, 9), channels=pick.choice([None, 2, 5]))],
            lambda: (
                [
                    connect(
                        pick.choice([someone.number, someone.sip, "447700999999"]),
                        timeout=pick.randint(1, 9),
                        limit=pick.choice([3, 60]),
                        event_type=pick.choice([None, "synchronous"]),
                        ringback_tone=pick.choice([None, None, file]),
                        advanced_machine_detection=pick.choice([None, None, self.detection()]),
                        endpoint=pick.choice(
                            [None, {"dtmfAnswer": "1p#"}, {"onAnswer": {"url": self.app.url("/whisper")}}]
                        )
                        if depth == 0
                        else None,
                    )
                ]
                * pick.choice([1, 1, 2])
            ),
            lambda: [
                connect(
                    pick.choice(self.bots).number,
                    timeout=pick.randint(1, 9),
                    event_type=pick.choice([None, "synchronous"]),
                )
            ],
            lambda: [
                conversation(
                    pick.choice(["red", "blue"]),
                    start_on_enter=pick.random() < 0.7,
                    end_on_exit=pick.random() < 0.3,
                    record=pick.random() < 0.3,
                    mute=pick.random() < 0.2,
                    music_on_hold_url=pick.choice([None, MUSIC, MISSING]),
                )
            ],
            lambda: [notify({"what": "happens"})],
            lambda: [wait(pick.choice([0.1, 1, 5, 30]))],
        ]
        return pick.choice(kinds)()

    def detection(self) -> dict[str, str]:
        return {
            "mode": self.chance.choice(["detect", "detect_beep", "default"]),
            "behavior": self.chance.choice(["continue", "continue", "hangup"]),
        }

    def legs(self) -> list[str]:
        return [str(view.uuid) for view in self.board.engine.live_legs()]

    def reply(self) -> Any:
        pick = self.chance
        good = [ncco(*self.script(depth=1), after_s=pick.choice([0, 0, 1])) for _ in range(3)]
        bad = [HANGS, breaks(), status(500), status(503), status(204), text("OK"), text("[]"), text('[{"action":1}]')]
        return pick.choice([*good, *good, *bad])

    async def act(self) -> None:
        pick = self.chance
        who, call = pick.choice(self.people), None
        live = [view.uuid for view in self.board.engine.live_legs()]
        if live:
            call = self.app.call(pick.choice(live))
        conducts: list[Callable[[], object]] = [
            lambda: who.answers(after_s=pick.choice([0, 1, 4])),
            lambda: who.answers(rings=False),
            lambda: who.answers(after_s=3, early_media="One moment."),
            who.never_answers,
            who.is_busy,
            lambda: who.rejects(pick.choice([404, 480, 503, 603])),
            lambda: who.declines(after_s=1),
            who.is_a_person,
            lambda: who.is_a_machine(after_s=pick.choice([0, 2]), beep_after_s=pick.choice([None, 1, 4])),
            who.keeps_the_detector_guessing,
        ]
        bot = pick.choice(self.bots)
        acts: list[Callable[[], object]] = [pick.choice(conducts), bot.accepts, bot.hangs, bot.accepts]
        if not bot.is_free and bot.call.state is CallState.ANSWERED:
            acts.append(bot.closes)
        if not who.is_free:
            acts += [
                who.hangs_up,
                lambda: who.presses(pick.choice(["1", "12", "#", "*0#", "4111111111111111", "1230", "123"])),
                lambda: who.says("Blah blah.", seconds=pick.choice([0.05, 1, 70])),
                lambda: who.loses_its_audio(after_s=2),
            ]
        if call is not None:
            acts += [
                call.hang_up,
                lambda: call.mute(pick.random() < 0.5),
                lambda: call.earmuff(pick.random() < 0.5),
                lambda: call.transfer(*(self.script() or [wait(1)])),
                lambda: call.transfer(url=self.app.url("/transfer")),
                lambda: call.talk("By REST.", loop=pick.choice([0, 1])),
                lambda: call.stream(pick.choice([MUSIC, MISSING])),
                call.stop_talk,
                call.stop_stream,
                lambda: call.send_keys("1p2"),
                lambda: call.listen_for_keys(self.app.url("/keys")),
                call.stop_listening,
            ]
        with suppress(ApiError):
            if who.is_free and pick.random() < 0.4:
                await who.dials(self.app.number)
            elif pick.random() < 0.1:
                own = self.script() or None
                await self.app.calls(
                    pick.choice([who.number, who.number, bot.number]),
                    ncco=own,
                    event_url=pick.choice([None, self.app.url("/own")]),
                    advanced_machine_detection=pick.choice([None, self.detection()]),
                )
            else:
                pick.choice(acts)()


@pytest.mark.parametrize("seed", range(60))
@scenario
async def test_whatever_happens_every_call_ends_and_nothing_stays(
    seed: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    chaos = Chaos(seed, app, phones(*NAMES), board)
    board.files.has(MUSIC, seconds=4)
    board.recogniser.delay_s = chaos.chance.choice([0, 0.3, 15])
    board.payments.delay_s = chaos.chance.choice([0, 2, 100])
    if chaos.chance.random() < 0.3:
        app.has_fallback(chaos.reply())
    app.on(lambda received: True, lambda received: chaos.reply())
    for _ in range(60):
        await chaos.act()
        await board.passes(chaos.chance.choice([0, 0, 0.01, 0.1, 0.5, 1, 3, 10]))
    for person in chaos.people:
        person.never_answers()
        if not person.is_free:
            person.hangs_up()
    await board.passes(400)
    for view in board.engine.live_legs():
        with suppress(ApiError):  # it may have ended with the one before
            app.call(view.uuid).hang_up()
    await board.passes(400)
    assert board.engine.live_legs() == []
    assert all(phone.is_free or phone.call.state is not CallState.ANSWERED for phone in chaos.people)
    for leg, known in board.store.records.items():
        told = list(dict.fromkeys(app.statuses(leg)))
        assert told[0] == "started"
        assert known.status in FINALS
        assert [one for one in told if one in FINALS] == [told[-1]] == [known.status]
        assert "answered" not in told or known.status == "completed"
        assert known.end_time is not None
