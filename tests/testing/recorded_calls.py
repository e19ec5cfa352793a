"""Makes calls of many kinds and prints all their journals and requests, for comparing runs. Run me as a program."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from flask import Flask, request

from ringline.testing import (
    Switchboard,
    connect,
    conversation,
    listen_for_keys,
    notify,
    read_digits,
    record,
    run_call,
    status,
    stream,
    talk,
    wait,
)


def flask_menu() -> Flask:
    app = Flask("menu")

    @app.get("/answer")
    def answer() -> list[Any]:
        return [talk("Press one.", barge_in=True), read_digits(max_digits=1)]

    @app.post("/event")
    def event() -> list[Any]:
        time.sleep(0.001)
        return [talk("Thank you.")] if "dtmf" in request.get_json() else []

    return app


def fastapi_menu() -> FastAPI:
    app = FastAPI()

    @app.get("/answer")
    def answer() -> list[Any]:
        time.sleep(0.002)
        return [talk("Press one.", barge_in=True), read_digits(max_digits=1)]

    @app.post("/event")
    async def event(request: Request) -> list[Any]:
        return [talk("Thank you.")] if "dtmf" in await request.json() else []

    return app


async def at_the_same_time(board: Switchboard) -> None:
    """Menus in two frameworks, whose threads and tasks work at once."""
    desks = [board.application("one", wsgi=flask_menu()), board.application("two", asgi=fastapi_menu())]
    callers = [board.phone(f"caller {number}") for number in range(8)]
    for number, caller in enumerate(callers):
        await caller.dials(desks[number % 2].number)
    for caller in callers:
        await caller.hears("Press one.")
        caller.presses("1")
    await board.over()


async def conference(board: Switchboard) -> None:
    """A conference with hold music and recording, people who come and go, one who is muted."""
    app = board.application("conference")
    music = board.files.has("https://example.com/music.mp3", seconds=30)
    app.answers(talk("Welcome."), conversation("room", music_on_hold_url=[music], start_on_enter=False, record=True))
    alice, bob, carol = board.phones("alice", "bob", "carol")
    for phone in (alice, bob):
        await phone.dials(app.number)
        await board.passes(3)
    app.answers(conversation("room"))
    await carol.dials(app.number)
    await board.passes(1)
    app.call(bob.leg).mute()
    await carol.says("Hello everybody.")
    for phone in (bob, alice, carol):
        phone.hangs_up()
        await board.passes(1)
    await board.over()


async def connections(board: Switchboard) -> None:
    """Calls that are put through, refused, tried again elsewhere, recorded, transferred, and called from outside."""
    app = board.application("connections")
    alice, bob, carol = board.phones("alice", "bob", "carol")
    bob.is_busy()
    carol.answers(after_s=2)
    board.files.fails("https://example.com/nothing.mp3")
    app.has_fallback([talk("The fallback.")])
    app.answers(
        record(split="conversation"),
        notify({"b": 1, "a": {"z": [1, 2.5, None]}}, url=app.url("/notified")),
        listen_for_keys(app.url("/keys")),
        stream("https://example.com/nothing.mp3"),
        connect(bob.number, event_type="synchronous", timeout=10, url=app.url("/outcome")),
        connect(carol.number, timeout=10),
    )
    app.replies("/notified", status(503), None)
    await alice.dials(app.number, headers={"SipHeader_X-Zebra": "1", "SipHeader_X-Apple": "2"})
    await carol.answers()
    await alice.presses("12")
    await board.passes(5)
    call = await app.calls(bob.number, ncco=[talk("Nobody hears this.")])
    app.call(alice.leg).transfer(talk("Elsewhere."), wait(2))
    await board.over()
    assert call.uuid


def main() -> None:
    """Make the calls, and print."""
    for calls in (at_the_same_time, conference, connections):
        run_call(told(calls))


async def told(calls: Callable[[Switchboard], Awaitable[None]]) -> None:
    board = Switchboard()
    await calls(board)
    await board.close()
    for lines in board.store.journals.values():
        for line in lines:
            print_line(line.conversation, line.sequence, line.wallclock.isoformat(), line.kind, line.data)
    for received in board.web.requests:
        print_line(received.method, received.url, dict(received.headers), received.body.decode(), received.at)
    for leg in board.store.records.values():
        print_line(repr(leg))


def print_line(*values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
