"""Ten thousand calls whose applications do everything wrong; afterwards Ringline is as if nothing had been."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from ringline.testing import (
    HANGS,
    Phone,
    Received,
    Reply,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    ncco,
    notify,
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

CALLS, AT_ONCE = 10_000, 250
_SPIN = {"action": "notify", "payload": {}, "eventUrl": ["https://app.example.org/spin"]}


def bad_answers(app: WebApplication) -> Iterator[Reply]:
    """What servers send instead of a sound script, again and again."""
    giant = b'[{"action": "talk", "text": "' + b"x" * (1 << 20) + b'"}]'
    deep = ("[" * 200_000 + "]" * 200_000).encode()
    faulty: list[Any] = [
        [{"action": "tlak", "text": "Hello."}],
        [{"action": "talk", "text": ["no", "text"]}],
        [{"action": "talk", "text": "Menu.", "bargeIn": True}, {"action": "wait"}],
        [{"action": "connect", "endpoint": [{"type": "pigeon", "loft": 7}]}],
        [{"action": "stream", "streamUrl": 5}, {"action": 1}, "talk", None, []],
        [{"action": "conversation"}],
        {"action": "input", "type": ["telepathy"]},
    ]
    sound = [
        ncco(_SPIN),
        ncco(stream(app.url("/missing.mp3")), connect("447700999999", timeout=1), talk("Bye.")),
        ncco(talk("Hello.", loop=0)),
        ncco(read_speech()),
        ncco(record(end_on_key="#", time_out=3), read_digits(time_out=1, url=app.url("/late"))),
        ncco(notify({}, url=app.url("/late")), wait(1)),
        ncco(talk("Hello."), after_s=4),
    ]
    broken = [
        HANGS,
        breaks(),
        breaks("Connection reset."),
        status(500),
        status(503),
        status(204),
        text("OK"),
        text("[]"),
    ]
    broken += [text("<html>"), Reply(body=giant), Reply(body=deep), Reply(body=b"\xff\xfe[1"), text("[NaN]")]
    return cycle([*broken, *(text(json.dumps(one)) for one in faulty), *sound])


async def some_calls(board: Switchboard, app: WebApplication, people: list[Phone]) -> None:
    """Everybody calls; some lose patience at an awkward moment."""
    for number, phone in enumerate(people):
        await phone.dials(app.number)
        if number % 3 == 0:
            asyncio.get_running_loop().call_later(0.01 * (number % 400), leave, phone)
    await asyncio.sleep(12)
    for phone in people:
        leave(phone)
    await board.over()
    await asyncio.sleep(20)  # questions that were under way when their call ended have their time-out, too


def leave(phone: Phone) -> None:
    if not phone.is_free:
        phone.hangs_up()


def forget(board: Switchboard, app: WebApplication, people: list[Phone]) -> None:
    """Let go of what the test kit remembers for assertions."""
    for seen in (app.requests, board.web.requests, board.voice.requests, board.files.fetched, board.recordings.made):
        seen.clear()
    store = board.store
    of_calls = (store.journals, store.records, store.files)
    for kept in (*of_calls, store.told, store.kept_members, store.conversation_records):
        kept.clear()
    for phone in people:
        phone.calls.clear()
    board.media.forget_ended()


def blocks_in_use() -> int:
    gc.collect()
    return sys.getallocatedblocks()


@scenario
async def test_after_ten_thousand_broken_calls_nothing_is_left(app: WebApplication, board: Switchboard) -> None:
    people = board.phones(*(f"caller {number}" for number in range(AT_ONCE)))
    answers = bad_answers(app)

    def answer(_received: Received) -> Reply:
        return next(answers)

    app.on(lambda received: received.path == "/answer", answer)
    app.replies("/spin", ncco(_SPIN))
    app.replies("/late", ncco(talk("Too late.", loop=0), after_s=9))
    idle_tasks = len(asyncio.all_tasks())

    async def round_of_calls() -> int:
        await some_calls(board, app, people)
        assert board.engine.live_legs() == []
        assert [*board.media.leftovers(), *board.engine.leftovers()] == []
        assert len(asyncio.all_tasks()) == idle_tasks
        assert board.store.events == {}
        assert board.store.dialogs == {}
        assert {record.status for record in board.store.records.values()} <= {
            "completed", "cancelled", "failed", "timeout", "unanswered", "rejected",
        }  # fmt: skip
        assert all(record.end_time is not None for record in board.store.records.values())
        forget(board, app, people)
        return blocks_in_use()

    rounds = [await round_of_calls() for _ in range(CALLS // AT_ONCE)]
    warm, end = rounds[9], rounds[-1]
    assert end - warm < 0.01 * warm, f"memory grows: {warm} blocks after the tenth round, {end} in the end"
