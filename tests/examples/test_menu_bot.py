"""The menu bot: it repeats its menu when that was heard, a key cuts it, and 0 ends it with a word for the caller."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from ringline.testing import Switchboard, scenario
from ringline.testing.audio import has_tone


@scenario
async def test_a_bot_that_ends_leaves_the_caller_with_a_goodbye(board: Switchboard, example: ModuleType) -> None:
    bot = board.websocket("ws://127.0.0.1:9/")
    app = board.application(wsgi=example.create_app(bot.number))
    alice = board.phone("alice")
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    assert bot.headers == {"menu": "tones"}
    bot.closes()
    await alice.hears("The menu has ended", to_the_end=True)
    await alice.is_hung_up()
    await board.over()
    assert app.errors() == []


def _told(call: ClientConnection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call.recv(timeout=20))
    return told


def _press(call: ClientConnection, digit: str) -> None:
    call.send(json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 100}))


def test_keys_cut_the_menu_and_zero_ends_it(example: ModuleType) -> None:
    server, url = example.start()
    try:
        with connect(url) as call:
            call.send(json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}))
            assert call.recv(timeout=20) == example.MENU
            mark = _told(call)
            assert mark["action"] == "notify"
            call.send(json.dumps({"event": "websocket:notify", "payload": mark["payload"]}))
            assert call.recv(timeout=20) == example.MENU
            assert _told(call) == mark
            _press(call, "1")
            assert _told(call) == {"action": "clear"}
            heard = call.recv(timeout=20)
            assert isinstance(heard, bytes)
            assert has_tone(heard, 1000, share=0.9)
            _told(call)
            _press(call, "0")
            with pytest.raises(ConnectionClosedOK):
                call.recv(timeout=20)
    finally:
        server.shutdown()
