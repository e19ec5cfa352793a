"""An echo bot: it says back what the caller said, a second later, and forgets it when the caller presses *.

    ringline dev
    python examples/echo_bot.py

Call the number it prints, talk, listen, and interrupt the echo with *.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from flask import Flask, Response, jsonify
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

RATE_HZ = 16_000
BEHIND = 50
"Messages of 20 ms that an echo lags behind: a second."


def create_app(socket_url: str) -> Flask:
    """The webhooks: every call is connected to the bot."""
    app = Flask(__name__)

    @app.get("/answer")
    def answer() -> Response:
        bot = {"type": "websocket", "uri": socket_url, "content-type": f"audio/l16;rate={RATE_HZ}"}
        return jsonify([{"action": "connect", "endpoint": [bot]}])

    @app.post("/event")
    def event() -> tuple[str, int]:
        return "", 204

    return app


def echo(socket: ServerConnection) -> None:
    """Serve one call: a message comes every 20 ms, so sending one back for each keeps the pace."""
    lately: deque[bytes] = deque()
    with suppress(ConnectionClosed):
        for message in socket:
            if isinstance(message, bytes):
                lately.append(message)
                if len(lately) > BEHIND:
                    socket.send(lately.popleft())
                continue
            told: dict[str, Any] = json.loads(message)
            if told["event"] == "websocket:dtmf" and told["digit"] == "*":
                lately.clear()
                socket.send(json.dumps({"action": "clear"}))


def start() -> tuple[Server, str]:
    """Listen for sockets on this machine; give the server and its URL."""
    server = serve(echo, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"


if __name__ == "__main__":
    import workbench

    _, url = start()
    workbench.run("echo bot", "442079460021", lambda client, number: create_app(url))
