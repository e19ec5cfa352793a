"""A menu bot on a WebSocket: tones instead of words, keys, a mark that tells when a tone was heard, and a clean end.

    ringline dev
    python examples/menu_bot.py

Call the number it prints. After the rising tones press 1 for a high tone, 2 for a low one, 0 to end the call. A key
cuts what is being played at once: `clear` empties the bot's buffer.
"""

from __future__ import annotations

import json
import math
import struct
import threading
from contextlib import suppress
from typing import Any

from flask import Flask, Response, jsonify, request
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

RATE_HZ = 8000
TONES_HZ = {"1": 1000, "2": 400}


def tone(hz: float, seconds: float) -> bytes:
    """16-bit little-endian samples at a comfortable level."""
    count = round(seconds * RATE_HZ)
    samples = (round(6000 * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in range(count))
    return struct.pack(f"<{count}h", *samples)


MENU = b"".join(tone(hz, 0.3) for hz in (500, 650, 800)) + bytes(RATE_HZ)


def create_app(socket_url: str) -> Flask:
    """The webhooks: every call is connected to the bot, which is told who calls."""
    app = Flask(__name__)

    @app.get("/answer")
    def answer() -> Response:
        bot = {
            "type": "websocket",
            "uri": socket_url,
            "content-type": f"audio/l16;rate={RATE_HZ}",
            "headers": {"menu": "tones"},
        }
        return jsonify([{"action": "connect", "endpoint": [bot]}])

    @app.post("/event")
    def event() -> Response | tuple[str, int]:
        """The bot has left its socket: what comes back is the caller's next script."""
        if request.get_json().get("status") == "disconnected":
            return jsonify([{"action": "talk", "text": "The menu has ended. Goodbye."}])
        return "", 204

    return app


def serve_menu(socket: ServerConnection) -> None:
    """Serve one call. Audio may be sent faster than it is played; Ringline buffers a minute of it."""

    def say(pcm: bytes, then: str) -> None:
        socket.send(pcm)
        socket.send(json.dumps({"action": "notify", "payload": {"then": then}}))

    with suppress(ConnectionClosed):
        for message in socket:
            if isinstance(message, bytes):
                continue  # this bot does not listen
            told: dict[str, Any] = json.loads(message)
            match told:
                case {"event": "websocket:connected"}:
                    say(MENU, "menu")
                case {"event": "websocket:notify", "payload": {"then": "menu"}}:
                    say(MENU, "menu")  # nobody has chosen: once more
                case {"event": "websocket:dtmf", "digit": "0"}:
                    return
                case {"event": "websocket:dtmf", "digit": digit}:
                    socket.send(json.dumps({"action": "clear"}))
                    say(tone(TONES_HZ.get(digit, 200), 1.0), "menu")


def start() -> tuple[Server, str]:
    """Listen for sockets on this machine; give the server and its URL."""
    server = serve(serve_menu, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"


if __name__ == "__main__":
    import workbench

    _, url = start()
    workbench.run("menu bot", "442079460022", lambda client, number: create_app(url))
