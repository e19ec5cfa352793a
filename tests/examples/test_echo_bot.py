"""The echo bot: callers are connected to it; it says back what it heard a second ago, and forgets it at a star."""

from __future__ import annotations

import json
from types import ModuleType

from websockets.sync.client import connect

from ringline.testing import Switchboard, scenario


@scenario
async def test_a_caller_is_connected_to_the_bot(board: Switchboard, example: ModuleType) -> None:
    bot = board.websocket("ws://127.0.0.1:9/")
    app = board.application(wsgi=example.create_app(bot.number))
    alice = board.phone("alice")
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    alice.hangs_up()
    await board.over()
    assert app.errors() == []


def test_it_says_back_what_it_heard_a_second_ago_until_a_star(example: ModuleType) -> None:
    server, url = example.start()
    try:
        with connect(url) as call:
            call.send(json.dumps({"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}))
            frames = [bytes([number]) * 640 for number in range(example.BEHIND + 3)]
            for frame in frames:
                call.send(frame)
            assert [call.recv(timeout=20) for _ in range(3)] == frames[:3]
            call.send(json.dumps({"event": "websocket:dtmf", "digit": "*", "duration": 100}))
            assert json.loads(call.recv(timeout=20)) == {"action": "clear"}
            for frame in frames:
                call.send(frame)
            assert call.recv(timeout=20) == frames[0]
    finally:
        server.shutdown()
