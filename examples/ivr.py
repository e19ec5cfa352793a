"""A menu with menus below it: keys cut the prompt, 0 goes back, wrong keys and silence are asked again, then an end.

    ringline dev
    python examples/ivr.py

Call the number it prints, and press keys while the menu is spoken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request

PATIENCE = 3
"How often a menu is spoken before the call ends."


@dataclass
class Menu:
    """A menu, or (without choices) the information at its end."""

    text: str
    choices: dict[str, Menu] = field(default_factory=dict)


MENU = Menu(
    "For opening hours, press 1. For our addresses, press 2.",
    {
        "1": Menu("We are open from nine to five, Monday to Friday."),
        "2": Menu(
            "For London, press 1. For Leeds, press 2.",
            {"1": Menu("We are at 10 Example Street, London."), "2": Menu("We are at 20 Sample Road, Leeds.")},
        ),
    },
)


def create_app(menu: Menu = MENU) -> Flask:
    """Make the application; where a caller is in the menu stands in the URL, so nothing has to be kept."""
    app = Flask(__name__)

    @app.get("/answer")
    def answer() -> Response:
        return ask("Welcome. ", "", 1)

    @app.post("/key")
    def key() -> Response:
        path, times = request.args.get("path", ""), int(request.args.get("times", "1"))
        webhook = request.get_json()
        pressed = (webhook.get("dtmf") or {}).get("digits") or ""
        if pressed == "0":
            return ask("", path[:-1], 1)
        chosen = find(path).choices.get(pressed)
        if chosen is None and times >= PATIENCE:
            return jsonify([{"action": "talk", "text": "Please call again. Goodbye."}])
        if chosen is None:
            return ask("That is no choice. " if pressed else "I did not hear a key. ", path, times + 1)
        if chosen.choices:
            return ask("", path + pressed, 1)
        return ask(f"{chosen.text} ", path, 1)

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    def ask(before: str, path: str, times: int) -> Response:
        back = " To go back, press 0." if path else ""
        script: list[dict[str, Any]] = [
            {"action": "talk", "text": f"{before}{find(path).text}{back}", "bargeIn": True},
            {
                "action": "input",
                "type": ["dtmf"],
                "dtmf": {"maxDigits": 1, "timeOut": 5},
                "eventUrl": [f"{request.host_url}key?path={path}&times={times}"],
            },
        ]
        return jsonify(script)

    def find(path: str) -> Menu:
        here = menu
        for key in path:
            here = here.choices.get(key, here)
        return here

    return app


if __name__ == "__main__":
    import workbench

    workbench.run("ivr", "442079460011", lambda client, number: create_app())
