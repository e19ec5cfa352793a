"""A whole Ringline in virtual time that rows ask one after the other; the tests judge what was answered then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from ringline.accounts import RtcCapability, Webhook
from ringline.testing import Phones, Switchboard, WebApplication, conversation, scenario

from .rows import Row

BASE = "https://voice.example"


@dataclass(slots=True)
class House:
    """Somebody is in the conversation `standup`, and rows are asked. `{room}` in a row stands for its id, and so on."""

    board: Switchboard
    app: WebApplication
    names: dict[str, str] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    def client(self, *, token: str | None = None, **claims: Any) -> httpx.AsyncClient:
        """A client with a token of the application, or with this one."""
        shown = token if token is not None else self.app.token(**claims)
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        transport = httpx.ASGITransport(self.board.rest.app)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    async def ask(self, rows: Sequence[Row], client: httpx.AsyncClient) -> None:
        """Ask all of them, and keep the answers by the rows' names."""
        for row in rows:
            self.answers[row.name] = await self.placed(row).send(client)

    async def make(self, client: httpx.AsyncClient, name: str, path: str, body: Any) -> dict[str, Any]:
        """Make something and call its id `name` from now on."""
        answer = await client.post(path.format(**self.names), json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        self.names[name] = str(found["id"])
        return found

    def placed(self, row: Row) -> Row:
        """The row with what is there in place of its names."""
        return replace(row, ask=self._put(row.ask), json=self._put(row.json))

    def _put(self, value: Any) -> Any:
        if isinstance(value, str) and "{" in value:
            for name, one in self.names.items():
                value = value.replace("{" + name + "}", one)
        elif isinstance(value, Mapping):
            value = {key: self._put(one) for key, one in value.items()}
        elif isinstance(value, list):
            value = [self._put(one) for one in value]
        return value


@asynccontextmanager
async def opened(app: WebApplication, phones: Phones, board: Switchboard) -> AsyncIterator[House]:
    """The house, with alice and bob in `standup`, the user jamie invited to it, and an RTC URL."""
    known = board.directory.application(app.id)
    assert known is not None
    hears = RtcCapability(event_url=Webhook(address=app.url("/rtc"), http_method="POST"))
    board.directory.put_application(replace(known, rtc=hears))
    house = House(board, app)
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    house.names |= {"leg": alice.leg, "other_leg": bob.leg, "room": app.call(alice.leg).conversation_uuid}
    async with house.client() as rest:
        await house.make(rest, "user", "/v1/users", {"name": "jamie", "display_name": "Jamie"})
        invited = {"state": "invited", "user": {"name": "jamie"}, "channel": {"type": "app"}}
        await house.make(rest, "member", "/v1/conversations/{room}/members", invited)
    yield house
    alice.hangs_up()
    bob.hangs_up()
    await board.over()


__all__ = ["BASE", "House", "opened", "scenario"]
