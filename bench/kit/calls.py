"""How many calls a second the test kit makes: answer, talk, one digit, talk, hang-up, in virtual time.

    python bench/kit/calls.py --calls 500

Every request is built, signed, answered by an application in the same process, read and validated; every event is
posted; everything is journaled. No SIP and no sockets. Measured is processor time, on one core: once with an ASGI
application that is one function, once with Flask, in its thread.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from flask import Flask, Response, jsonify, request

from ringline.testing import Switchboard, WebApplication, run_call

Message = MutableMapping[str, Any]

_MENU: Final = [
    {"action": "talk", "text": "Press one for sales.", "bargeIn": True},
    {"action": "input", "type": ["dtmf"], "dtmf": {"maxDigits": 1}},
]
_THANKS: Final = [{"action": "talk", "text": "Thank you. Goodbye."}]
_EVENTS: Final = ["started", "ringing", "answered", "completed"]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description="Calls per second of the test kit.")
    arguments.add_argument("--calls", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    print(json.dumps(measure(calls=options.calls, rounds=options.rounds), indent=2))


def measure(*, calls: int, rounds: int = 3) -> dict[str, float]:
    """Give calls per second of processor time: the best of the rounds, as others only ever disturb."""
    _run(_asgi, calls=20)
    _run(_flask, calls=20)
    return {
        "asgi_calls_per_second": max(_run(_asgi, calls=calls) for _ in range(rounds)),
        "flask_calls_per_second": max(_run(_flask, calls=calls) for _ in range(rounds)),
    }


def _run(application: Callable[[Switchboard], WebApplication], *, calls: int) -> float:
    async def whole() -> float:
        board = Switchboard()
        app = application(board)
        alice = board.phone("alice")
        gc.collect()
        began = time.process_time()
        for _ in range(calls):
            await alice.dials(app.number)
            await alice.hears("Press one")
            alice.presses("1")
            await alice.hears("Goodbye.", to_the_end=True)
            await alice.is_hung_up()
            await board.engine.hooks.drained()
        took = time.process_time() - began
        assert app.statuses() == _EVENTS * calls
        await board.close()
        return took

    return round(calls / run_call(whole()), 1)


def _asgi(board: Switchboard) -> WebApplication:
    async def application(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        assert scope["type"] == "http", "it has no lifespan"
        body = json.loads((await receive())["body"] or b"{}")
        script = _MENU if scope["path"] == "/answer" else _THANKS if "dtmf" in body else []
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(script).encode()})

    return board.application("desk", asgi=application)


def _flask(board: Switchboard) -> WebApplication:
    app = Flask("desk")

    @app.get("/answer")
    def answer() -> Response:
        return jsonify(_MENU)

    @app.post("/event")
    def event() -> Response:
        return jsonify(_THANKS if "dtmf" in request.json else [])

    return board.application("desk", wsgi=app)


if __name__ == "__main__":
    main()
