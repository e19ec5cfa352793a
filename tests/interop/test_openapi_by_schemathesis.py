"""schemathesis tries every operation of `/openapi.json` against a running server, and finds nothing wrong.

It sends what the description allows and what it forbids, with and without credentials, and compares every answer with
the description: status, media type, headers and body.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import jwt
import pytest

from ringline.accounts import TokenVerifier, UserNames, make_key_pair
from ringline.api import ApiOptions, ConversationService, Dependencies, create_app
from ringline.base import SystemClock
from ringline.engine.gatherings import Gatherings
from ringline.server.web import WebListener
from ringline.testing import Switchboard

pytestmark = pytest.mark.interop

T = TypeVar("T")
_KEYS: Final = make_key_pair()
_SCRIPTED: Final = ("createCall", "createCallLater", "changeCall")
"Operations that take whole scripts: what is generated for them takes long, so that there is less of it."
_ELSEWHERE: Final = "^/(healthz|readyz|metrics|v[0-9.]+/(conversations|users|legs))"
"Served by the platform, not by the API; and the conversation service, which is tried by itself."
_DELETES: Final = "^delete(Conversation|Event|Member|User)"
_RULES: Final = (
    "^(create(User|Member|Event|SipDomain)|change(User|Member|Conversation|SipDomain)"
    "|recordConversation|deleteEvent|list)"
)
"Operations with rules beyond a schema, such as names that are taken, cursors that are not ours: 400 names them."
_ACCEPTED: Final = ("2xx", "401", "403", "404", "409", "410", "416", "420")
"What may come of a request that is as the description allows: 420 is for numbers that are not there."
_REFUSALS: Final = ["400", "401", "403", "404", "405", "406", "409", "410", "413", "415", "416", "420"]


class _Server:
    """The API with a real engine behind it, on a thread of its own."""

    def __init__(self) -> None:
        self.users = UserNames()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="described")
        self._thread.start()
        self._run(self._start)

    async def _start(self) -> None:
        self._board = board = Switchboard(clock=SystemClock())
        self._app = board.application("described")
        application = board.directory.application(self._app.id)
        assert application is not None
        board.directory.put_application(replace(application, public_key=_KEYS.public_key))
        needs = Dependencies(
            calls=board.engine,
            directory=board.directory,
            records=board.store,
            registry=board.store,
            files=board.rest,
            tokens=TokenVerifier(board.directory.application),
            clock=board.clock,
            random=board.random,
            # Trials without credentials must not lock the others out.
            options=ApiOptions(any_number=True, failed_logins_per_minute=0),
            conversations=ConversationService(
                gatherings=Gatherings(board.engine, clock=board.clock, random=board.random),
                chronicle=board.store,
                user_names=self.users,
            ),
        )
        self._listener = WebListener(create_app(needs))
        await self._listener.start("127.0.0.1", 0, key="server.http_port")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    def token(self) -> str:
        now = int(time.time())
        claims = {"application_id": self._app.id, "iat": now, "exp": now + 3600, "jti": "described"}
        return jwt.encode(claims, _KEYS.private_key, algorithm="RS256")

    def stop(self) -> None:
        async def end() -> None:
            await self._listener.stop()
            await self._board.close()
            await asyncio.sleep(0.05)  # closed connections are let go of in the loop's next rounds

        try:
            self._run(end)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(30)


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    yield server
    server.stop()


def _furnish(server: _Server) -> dict[str, str]:
    """A conversation with a member, events and so on; the ids to be put into paths."""
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"}) as client:

        def made(path: str, body: Mapping[str, Any]) -> Any:
            answer = client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()["id"]

        user = made("/v1/users", {"name": "jamie", "channels": {"pstn": [{"number": "447700900123"}]}})
        room = made("/v1/conversations", {"name": "lobby", "properties": {"custom_data": {"floor": 1}}})
        members, events = (f"/v1/conversations/{room}/{kind}" for kind in ("members", "events"))
        member = made(members, {"state": "invited", "user": {"name": "jamie"}, "channel": {"type": "app"}})
        event = made(events, {"type": "message", "body": {"text": "Welcome."}})
    return {"conversation": room, "member": member, "event": str(event), "user": user}


def _try(
    server: _Server,
    folder: Path,
    *choice: str,
    accepted: Sequence[str] = _ACCEPTED,
    places: Mapping[str, str] | None = None,
) -> None:
    """`places` are the ids of what is there, for paths."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None, "schemathesis is not installed"
    settings = folder / "schemathesis.toml"
    settings.write_text(
        f"""
[auth.openapi.token]
bearer = "{server.token()}"
[auth.openapi.account]
username = "abcd1234"
password = "secret"
[checks.negative_data_rejection]
expected-statuses = {_REFUSALS}
[checks.positive_data_acceptance]
expected-statuses = {list(accepted)}
[[operations]]
include-operation-id-regex = "{_RULES}"
[operations.checks.positive_data_acceptance]
expected-statuses = {["400", *accepted]}
[parameters]
""".replace("'", '"')
        + "".join(f'"path.{name}" = "{place}"\n' for name, place in (places or {}).items())
    )
    command = [program, "--config-file", str(settings), "run", f"{server.url}/openapi.json", *choice]
    command += ["--seed", "1", "--continue-on-failure", "--no-color"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def _each(option: str, words: Sequence[str]) -> list[str]:
    return [one for word in words for one in (option, word)]


def test_every_operation_is_as_described(server: _Server, tmp_path: Path) -> None:
    without = [*_each("--exclude-operation-id", _SCRIPTED), "--exclude-path-regex", _ELSEWHERE]
    _try(server, tmp_path, *without, "--phases", "examples,fuzzing", "--max-examples", "8")


def test_operations_that_take_scripts_are_as_described(server: _Server, tmp_path: Path) -> None:
    only = _each("--include-operation-id", _SCRIPTED)
    # Rules between the actions of a script, and between an action's options, are beyond a schema: 400 names them.
    _try(server, tmp_path, *only, "--phases", "examples,fuzzing", "--max-examples", "8", accepted=("400", *_ACCEPTED))


@pytest.mark.parametrize(("version", "examples"), [("v1", "3"), ("v0", "1")])
def test_the_conversation_service_is_as_described(server: _Server, tmp_path: Path, version: str, examples: str) -> None:
    places = _furnish(server)
    path = f"^/{version}.*/(conversations|users|legs)"
    only = ["--phases", "examples,fuzzing", "--max-examples", examples, "--include-path-regex", path]
    _try(server, tmp_path, *only, "--exclude-operation-id-regex", _DELETES, places=places)
    # What is deleted would be gone for the others.
    _try(server, tmp_path, *only, "--include-operation-id-regex", _DELETES, places=places)
