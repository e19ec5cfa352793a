"""The phone page's door: the page for everybody, tokens for pages of this machine only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from httpx import ASGITransport, AsyncClient, Response
from starlette.requests import Request

from ringline.accounts import KeyPair, User, make_key_pair
from ringline.base import ApiError, ApplicationId
from ringline.cli.demo import BROWSER_USER, PhonePage

APPLICATION = "0b9d0c55-2222-4333-8444-955566677788"
JSON = {"content-type": "application/json"}


class _Demo:
    """As much of the demo as the page needs."""

    def __init__(self, folder: Path, pair: KeyPair) -> None:
        self.application_id = APPLICATION
        self.key_file = folder / "private.key"
        self.key_file.write_text(pair.private_key)


class _Platform:
    async def make_user(self, application: ApplicationId, name: str) -> User:
        now = datetime.now(UTC)
        return User(id="USR-1", application=application, name=name, created_at=now, updated_at=now)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return make_key_pair()


@pytest.fixture
def app(tmp_path: Path, pair: KeyPair) -> FastAPI:
    demo: Any = _Demo(tmp_path, pair)
    page = PhonePage(demo)
    platform: Any = _Platform()
    page.platform = platform
    made = FastAPI()
    made.include_router(page.router())

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return JSONResponse({"detail": error.detail}, error.status)

    made.add_exception_handler(ApiError, refused)
    return made


def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    host: str = "127.0.0.1:8080",
    client: str = "127.0.0.1",
    headers: dict[str, str] = JSON,
) -> Response:
    async def go() -> Response:
        transport = ASGITransport(app, client=(client, 1234))
        async with AsyncClient(transport=transport, base_url=f"http://{host}") as http:
            return await http.request(method, path, headers=headers)

    return asyncio.run(go())


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(app: FastAPI) -> None:
    answer = ask(app, "GET", "/phone", client="192.0.2.1", host="ringline.example.com")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    for way in ('src="http', 'href="http', "@import", "import("):
        assert way not in answer.text


def test_a_click_gives_a_token_of_the_demo_s_user(app: FastAPI, pair: KeyPair) -> None:
    assert ask(app, "GET", "/phone/token").json() == {"user": BROWSER_USER}
    answer = ask(app, "POST", "/phone/token", headers={**JSON, "origin": "http://127.0.0.1:8080"})
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(answer.json()["token"], pair.public_key, algorithms=["RS256"])
    assert (claims["application_id"], claims["sub"]) == (APPLICATION, BROWSER_USER)
    assert claims["exp"] - claims["iat"] <= 3600
    assert not any("calls" in path or path == "/**" for path in claims["acl"]["paths"])


@pytest.mark.parametrize(
    "how",
    [
        {"client": "192.0.2.7"},
        {"client": "2001:db8::7"},
        {"host": "rebound.example.com:8080"},
        {"headers": {**JSON, "origin": "https://evil.example.com"}},
        {"headers": {**JSON, "origin": "null"}},
    ],
)
def test_nobody_else_gets_one(app: FastAPI, how: dict[str, Any]) -> None:
    assert ask(app, "POST", "/phone/token", **how).status_code == 403
    assert ask(app, "GET", "/phone/token", **how).status_code == 403


def test_a_form_of_another_page_gets_none(app: FastAPI) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert ask(app, "POST", "/phone/token", headers={"content-type": kind}).status_code == 415
