"""The demo application: each key's script can run, its webhooks answer, its events are kept."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ringline.base import ConfigError
from ringline.cli.demo import BOB, DEMO_NUMBER, ECHO, Demo, Menu, MenuServer
from ringline.ncco import lint, parse
from ringline.server.settings import Settings

MENU = Menu("http://127.0.0.1:1", bob=BOB.number, echo=ECHO.number, caller=DEMO_NUMBER)


def _key(digits: str | None) -> dict[str, Any]:
    return {"dtmf": {"digits": digits, "timed_out": digits is None}}


@pytest.mark.parametrize("digits", ["1", "2", "3", "7", "*", "", None])
def test_every_key_leads_to_a_script_without_fault_or_oddity(digits: str | None) -> None:
    script = json.dumps(MENU.menu(_key(digits)))
    assert parse(script).actions
    assert list(lint(script)) == []


def test_the_greeting_may_be_interrupted() -> None:
    talk, ask = MENU.answer()
    assert talk["bargeIn"] is True
    assert ask["action"] == "input"


def test_other_keys_are_read_back_and_the_menu_follows() -> None:
    script = MENU.menu(_key("7"))
    assert script[0]["text"] == "You have pressed 7."
    assert script[1:] == MENU.answer()


def test_keys_2_and_3_connect() -> None:
    ends = [MENU.menu(_key(digit))[-1]["endpoint"][0]["number"] for digit in "23"]
    assert ends == [BOB.number, ECHO.number]


@pytest.mark.parametrize(
    ("status", "said"), [("busy", "is busy"), ("timeout", "does not answer"), ("failed", "cannot be reached")]
)
def test_a_connection_that_fails_leads_back_to_the_menu(status: str, said: str) -> None:
    script = MENU.connected({"status": status})
    assert said in script[0]["text"]
    assert script[1:] == MENU.answer()


@pytest.mark.parametrize("webhook", [{}, {"status": "answered"}, {"status": "completed"}])
def test_a_connection_that_goes_well_changes_nothing(webhook: dict[str, Any]) -> None:
    assert MENU.connected(webhook) == []


@pytest.mark.parametrize("webhook", [{}, {"dtmf": None}, {"dtmf": "1"}, {"dtmf": {}}, {"dtmf": {"digits": 1}}])
def test_odd_webhooks_get_a_script_too(webhook: dict[str, Any]) -> None:
    assert MENU.menu(webhook)


def test_webhooks_are_answered_and_kept(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"

    async def scene() -> None:
        server = MenuServer(events)
        url = await server.start(lambda url: MENU)
        try:
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{url}/answer", params={"uuid": "1"}) as answer:
                    assert (answer.status, await answer.json()) == (200, MENU.answer())
                async with session.post(f"{url}/menu", json=_key("7")) as answer:
                    assert await answer.json() == MENU.menu(_key("7"))
                async with session.post(f"{url}/event", json={"status": "ringing"}) as answer:
                    assert (answer.status, await answer.read()) == (204, b"")
                for body in (b"", b"[1]", b"{", b"\xff", b"[" * 100_000):
                    async with session.post(f"{url}/event", data=body) as answer:
                        assert answer.status == 400
        finally:
            await server.stop()

    asyncio.run(scene())
    kept = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(line["path"], line["webhook"]) for line in kept] == [
        ("/answer", {"uuid": "1"}),
        ("/menu", _key("7")),
        ("/event", {"status": "ringing"}),
    ]


def test_the_demo_adds_itself_to_the_settings(tmp_path: Path) -> None:
    async def scene() -> Settings:
        demo = Demo(tmp_path, media_ports=(22_200, 22_298))
        await demo.start()
        try:
            return demo.add_to(Settings.load(None, {"RINGLINE_DATA_DIR": str(tmp_path)}, profile="dev"))
        finally:
            await demo.stop()

    settings = asyncio.run(scene())
    assert [number.number for number in settings.numbers] == [DEMO_NUMBER]
    assert [user.username for user in settings.users] == ["demo", "bob", "echo"]
    key = tmp_path / "demo" / "private.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in key.read_text()


def test_the_demo_keeps_away_from_the_users_own_numbers(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text(f'[[numbers]]\nnumber = "{DEMO_NUMBER}"\n')

    async def scene() -> None:
        demo = Demo(tmp_path, media_ports=(22_200, 22_298))
        await demo.start()
        try:
            with pytest.raises(ConfigError, match="--no-demo"):
                demo.add_to(Settings.load(file, {}, profile="dev"))
        finally:
            await demo.stop()

    asyncio.run(scene())
