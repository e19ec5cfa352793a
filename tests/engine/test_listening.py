"""Who may be listened to: nobody who enters a card."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ringline.base import ApplicationId, EffectId, LegId, SeededRandom
from ringline.calls.commands import Listen
from ringline.calls.events import Event, Recognised
from ringline.engine.ports import HearingEvent, ListenRequest
from ringline.engine.sound.listening import Listeners
from ringline.testing import MemoryRecordings, MemoryStore, VirtualClock, run_call

APP, OWNER, PAYER = ApplicationId("app"), LegId("owner"), LegId("payer")


class Handle:
    cancelled = False
    ear: EffectId | None = None

    def finish(self) -> None:
        raise AssertionError("nobody asked for a result")

    def cancel(self) -> None:
        self.cancelled = True


class Recogniser:
    def __init__(self) -> None:
        self.handles: list[Handle] = []

    def listen(self, request: ListenRequest, report: Callable[[HearingEvent], None]) -> Handle:
        self.handles.append(Handle())
        return self.handles[-1]

    def ready(self) -> None:
        return None


def whole(barred: bool) -> tuple[list[Event], Recogniser]:
    told: list[Event] = []
    recogniser = Recogniser()

    async def listen() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        recordings = MemoryRecordings(clock=clock, random=SeededRandom(b"x"), changed=lambda: None)
        listeners = Listeners(
            recogniser=recogniser,
            recordings=recordings,
            store=MemoryStore(),
            file_url="{id}",
            barred=lambda leg: barred and leg == PAYER,
            report=told.append,
        )
        listeners.listen(APP, Listen(effect=EffectId("one"), leg=OWNER, speaker=PAYER, language=None, save_audio=True))
        listeners.deafen(OWNER)
        assert listeners.busy == (0 if barred else 1)
        listeners.deafen(PAYER)
        assert listeners.busy == 0
        assert recordings.made == []

    run_call(listen())
    return told, recogniser


def test_whoever_begins_to_enter_a_card_is_listened_to_no_more() -> None:
    told, recogniser = whole(barred=False)
    assert told == [Recognised(effect=EffectId("one"), leg=OWNER, error="ERR1: Failed to analyze audio")]
    assert [handle.cancelled for handle in recogniser.handles] == [True]


def test_nobody_begins_to_listen_to_one_who_enters_a_card() -> None:
    told, recogniser = whole(barred=True)
    assert told == [Recognised(effect=EffectId("one"), leg=OWNER, error="ERR1: Failed to analyze audio")]
    assert recogniser.handles == []
