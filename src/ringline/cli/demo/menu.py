"""The demo's scripts: what a caller hears, and what each key does. Plain functions from webhook to NCCO.

It is an ordinary Voice API application; nothing in it knows Ringline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Script = list[dict[str, Any]]

_GREETING: Final = (
    "Welcome to Ringline. Press 1 to leave a message, 2 to talk to Bob, 3 to hear yourself, or any other key to have "
    "your keys read back to you."
)
_CAUSES: Final = {"busy": "is busy", "rejected": "does not take the call", "timeout": "does not answer"}


class Menu:
    """One caller's way through the menu: every method gives the script that answers one webhook."""

    def __init__(self, url: str, *, bob: str, echo: str, caller: str) -> None:
        """`url` is where these webhooks are served, `bob` and `echo` are numbers to connect to, as `caller`."""
        self._url = url
        self._bob = bob
        self._echo = echo
        self._caller = caller

    def answer(self, webhook: Mapping[str, Any] | None = None) -> Script:
        """The answer webhook: greet, and ask for a key. A browser that names somebody else is connected with it."""
        wanted = str((webhook or {}).get("to", "")) if "from_user" in (webhook or {}) else ""
        if wanted and wanted != self._caller:
            return [self._call(wanted)]
        return [_talk(_GREETING, bargeIn=True), self._ask("/menu")]

    def menu(self, webhook: Mapping[str, Any]) -> Script:
        """A key came, or none within the time."""
        match _digits(webhook):
            case "1":
                return self._message()
            case "2":
                return self._connect("Bob", self._bob)
            case "3":
                return self._connect("the echo", self._echo, "Say something, and hang up when you have heard enough.")
            case "":
                return [_talk("I have not heard a key."), *self.answer()]
            case digits:
                return [_talk(f"You have pressed {' '.join(digits)}."), *self.answer()]

    def recorded(self, webhook: Mapping[str, Any]) -> Script:
        """A message has been recorded; only its event is of interest."""
        return []

    def connected(self, webhook: Mapping[str, Any]) -> Script:
        """How a connection went: when it came to nothing, back to the menu."""
        status = str(webhook.get("status", ""))
        if status not in ("busy", "rejected", "timeout", "failed", "unanswered", "cancelled"):
            return []
        return [_talk(f"Sorry, the other side {_CAUSES.get(status, 'cannot be reached')}."), *self.answer()]

    def _message(self) -> Script:
        return [
            _talk("Speak after the tone, and press hash when you are done."),
            {
                "action": "record",
                "beepStart": True,
                "endOnKey": "#",
                "endOnSilence": "5",
                "timeOut": 30,
                "format": "wav",
                "eventUrl": [f"{self._url}/recorded"],
            },
            _talk("Thank you. Your message has been kept. Goodbye."),
        ]

    def _connect(self, name: str, number: str, hint: str = "") -> Script:
        return [_talk(f"Connecting you to {name}. {hint}".strip()), self._call(number)]

    def _call(self, whom: str) -> dict[str, Any]:
        number = whom.removeprefix("+")
        phone = number.isascii() and number.isdigit()
        return {
            "action": "connect",
            "from": self._caller,
            "timeout": 15,
            "eventType": "synchronous",
            "eventUrl": [f"{self._url}/connected"],
            "endpoint": [{"type": "phone", "number": number} if phone else {"type": "app", "user": whom}],
        }

    def _ask(self, path: str) -> dict[str, Any]:
        return {
            "action": "input",
            "type": ["dtmf"],
            "dtmf": {"maxDigits": 1, "timeOut": 8},
            "eventUrl": [f"{self._url}{path}"],
        }


def _talk(text: str, **options: Any) -> dict[str, Any]:
    return {"action": "talk", "text": text, "language": "en-GB", **options}


def _digits(webhook: Mapping[str, Any]) -> str:
    keys = webhook.get("dtmf")
    digits = keys.get("digits") if isinstance(keys, Mapping) else None
    return str(digits or "")
