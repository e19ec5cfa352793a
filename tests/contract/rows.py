"""A row of a table of the reference: what is asked, and what the reference says comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from tests.api.world import LEG, World

_MISSING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request and its answer; `name` is how the reference's row is called in the test's id."""

    name: str
    ask: str
    "Method and path; `{leg}` is the call that is there."
    status: int
    json: Any = None
    "The body, as JSON; None: no body."
    content: str | None = None
    "The body as it is."
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, Any] = field(default_factory=dict)
    "Members of the answer, by their path: `_embedded.calls.0.uuid`."
    lacks: Sequence[str] = ()
    "Paths of members that must not be there."
    fault: str = ""
    "What is named in `invalid_parameters`."
    leg: str = "answered"
    "The state of the call that is there."
    who: str = "app"
    "`app` by its token, `operator` by key and secret, `stranger` by nothing."

    async def send(self, client: httpx.AsyncClient) -> httpx.Response:
        """Make the request."""
        method, path = self.ask.split(" ", 1)
        sent: dict[str, Any] = {"content": self.content} if self.content is not None else {}
        if self.json is not None:
            sent["json"] = self.json
        return await client.request(
            method, path.replace("{leg}", LEG), params=dict(self.query) or None, headers=dict(self.headers), **sent
        )

    def judge(self, answer: httpx.Response) -> None:
        """Compare the answer with the row.

        Raises:
            AssertionError: it is another one.
        """
        assert answer.status_code == self.status, answer.text
        found = answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None
        for path, value in self.says.items():
            assert member(found, path) == value, (path, answer.text)
        for path in self.lacks:
            assert member(found, path) is _MISSING, (path, answer.text)
        if self.fault:
            assert self.fault in [one["name"] for one in answer.json()["invalid_parameters"]], answer.text


async def prove(world: World, row: Row) -> httpx.Response:
    """Ask what a row asks of a world with one live call, and judge the answer."""
    if row.leg:
        world.calls.put(LEG, status=row.leg)
    makers = {"app": world.client, "operator": world.operator, "stranger": world.stranger}
    async with makers[row.who]() as client:
        answer = await row.send(client)
    row.judge(answer)
    return answer


def table(chapter: str, rows: Iterable[Row]) -> pytest.MarkDecorator:
    """Rows as the parameters `row` of a test; the chapter stands before each name in the ids."""
    return pytest.mark.parametrize("row", [pytest.param(row, id=f"{chapter} {row.name}") for row in rows])


def member(found: Any, path: str) -> Any:
    """A member of an answer by its path; a mark of its own when there is none."""
    for step in path.split("."):
        if isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            return _MISSING
    return found
