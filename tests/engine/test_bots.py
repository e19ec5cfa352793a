"""What bots are told first, and what the timeline says of them."""

from __future__ import annotations

import json

from ringline.engine.bots import hello, in_words
from ringline.engine.ports import SocketCounters


def test_the_first_message_has_our_fields_first_and_headers_cannot_replace_them() -> None:
    text = hello("audio/l16;rate=8000", {"b": {"ä": [1.0, None]}, "event": "x", "content-type": "y", "a": 2})
    assert text == '{"event":"websocket:connected","content-type":"audio/l16;rate=8000","b":{"ä":[1.0,null]},"a":2}'
    assert list(json.loads(text)) == ["event", "content-type", "b", "a"]


def test_the_timeline_says_in_seconds_what_was_heard_and_lost() -> None:
    zero = dict.fromkeys(
        ("sent", "received", "unread", "skipped", "overflowed", "cleared", "ignored", "buffered", "most_buffered"), 0
    )
    assert in_words(SocketCounters(**zero)) == "WebSocket: no audio"
    counters = SocketCounters(**(zero | {"sent": 500, "received": 25, "overflowed": 5, "ignored": 3}))
    assert in_words(counters) == (
        "WebSocket: sent 10.0 s, received 0.5 s, dropped for want of room 0.1 s, 3 messages ignored"
    )
