"""Puts the demo together: its settings on top of the user's own, its web server, its echo extension."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ringline.accounts import make_key_pair
from ringline.base import ConfigError
from ringline.cli.demo.menu import Menu
from ringline.cli.demo.web import MenuServer
from ringline.cli.softphone import SoftCall, Softphone
from ringline.server.entries import ApplicationSection, NumberSection, UserSection
from ringline.server.settings import Settings

DEMO_NUMBER: Final = "442079460000"
"From the numbers that Ofcom keeps for films: nobody's phone rings."


@dataclass(frozen=True, slots=True)
class Extension:
    """A phone the demo can connect to."""

    username: str
    number: str


BOB: Final = Extension("bob", "442079460002")
BOB_PORT: Final = 5070
ECHO: Final = Extension("echo", "442079460003")
MENU_HELP: Final = "1 leaves a message, 2 calls Bob, 3 is an echo, any other key is read back"
_PASSWORD: Final = "demo"
_NAME: Final = "Ringline demo"
_NAMESPACE: Final = uuid.UUID("c0d0b7a4-3a5c-4d52-9d4e-6f0c2a7be111")
_ECHO_MEDIA: Final = (20_000, 20_198)


class Demo:
    """The demo application and everything it needs."""

    def __init__(self, data_dir: Path, *, bob_port: int = BOB_PORT, media_ports: tuple[int, int] = _ECHO_MEDIA) -> None:
        self.folder = data_dir / "demo"
        self.events_file = data_dir / "events.jsonl"
        self.key_file = self.folder / "private.key"
        self.application_id = str(uuid.uuid5(_NAMESPACE, str(data_dir.resolve())))
        self.username = "demo"
        self.password = _PASSWORD
        "Of the phone that calls: a simple one on loopback, else one that nobody guesses."
        self._bob_port = bob_port
        self._web = MenuServer(self.events_file)
        self._echo = Softphone(media_ports=media_ports)
        self._echo.on_call = _echo
        self._public_key = ""

    async def start(self) -> None:
        """Make its key, and start its own servers.

        Raises:
            ConfigError: a port is taken.
        """
        self._public_key = await asyncio.to_thread(self._make_key)
        await self._echo.start()
        await self._web.start(self._menu)

    def add_to(self, settings: Settings) -> Settings:
        """Put the application, numbers and users of the demo into settings.

        Raises:
            ConfigError: one of them is there already.
        """
        if not ipaddress.ip_address(settings.sip.bind).is_loopback and self.password == _PASSWORD:
            self.password = secrets.token_urlsafe(12)
        application = ApplicationSection(
            id=self.application_id,
            name=_NAME,
            public_key=self._public_key,
            answer_url=f"{self.url}/answer",
            event_url=f"{self.url}/event",
        )
        return _with(settings, application, self._users())

    async def stop(self) -> None:
        await self._web.stop()
        await self._echo.stop()

    @property
    def url(self) -> str:
        """Where its webhooks are."""
        return self._web.url

    def _menu(self, url: str) -> Menu:
        return Menu(url, bob=BOB.number, echo=ECHO.number, caller=DEMO_NUMBER)

    def _users(self) -> list[UserSection]:
        host, port = self._echo.address
        return [
            UserSection.model_validate({"username": self.username, "password": self.password}),
            UserSection(username=BOB.username, number=BOB.number, contact=f"sip:bob@127.0.0.1:{self._bob_port}"),
            UserSection(username=ECHO.username, number=ECHO.number, contact=f"sip:echo@{host}:{port}"),
        ]

    def _make_key(self) -> str:
        """Make a fresh pair, keep the private key in a file for the owner, and return the public one."""
        pair = make_key_pair()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key_file.unlink(missing_ok=True)
        with open(os.open(self.key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(pair.private_key)
        return pair.public_key


def _with(settings: Settings, application: ApplicationSection, users: list[UserSection]) -> Settings:
    taken = {number.number for number in settings.numbers} | {user.number for user in settings.users}
    names = {user.username for user in settings.users}
    clash = [user.number for user in users if user.number in taken] + [u.username for u in users if u.username in names]
    if DEMO_NUMBER in taken or clash:
        what = DEMO_NUMBER if DEMO_NUMBER in taken else clash[0]
        raise ConfigError(
            f"{what} belongs to the demo; leave the demo out with --no-demo", where="settings", key="demo"
        )
    return settings.model_copy(
        update={
            "applications": (*settings.applications, application),
            "numbers": (*settings.numbers, NumberSection(number=DEMO_NUMBER, application=application.id)),
            "users": (*settings.users, *users),
        }
    )


def _echo(call: SoftCall) -> None:
    call.answer()
    if call.outcome is None:
        call.echo()
