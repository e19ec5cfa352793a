"""Applications in the test's own process: they are asked as if over the wire, and time stands still where it must."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request
from flask import Flask, request
from starlette.applications import Starlette

from ringline.testing import SIGNATURE_SECRET, Received, Switchboard, read_digits, scenario, status, talk

Start = Callable[[str, list[tuple[str, str]]], Any]
MENU = [talk("Press one.", barge_in=True), read_digits(max_digits=1)]


def flask_desk() -> Flask:
    app = Flask("desk")

    @app.get("/answer")
    def answer() -> list[Any]:
        return MENU

    @app.post("/event")
    def event() -> list[Any]:
        return [talk("Thank you.")] if "dtmf" in request.get_json() else []

    return app


def fastapi_desk(noted: list[str]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, str]]:
        noted.append("up")
        yield {"greeting": "Press one."}
        noted.append("down")

    app = FastAPI(lifespan=lifespan)

    def connection() -> Iterator[str]:
        yield "a database"
        time.sleep(0.01)
        noted.append("connection closed")

    @app.get("/answer")
    def answer(request: Request, later: BackgroundTasks, _: str = Depends(connection)) -> list[Any]:
        time.sleep(0.02)
        later.add_task(noted.append, "done later")
        return [talk(request.state.greeting, barge_in=True), read_digits(max_digits=1)]

    @app.post("/event")
    async def event(request: Request) -> list[Any]:
        told = await request.json()
        if "dtmf" in told:
            await asyncio.sleep(2)
            return [talk("Thank you.")]
        noted.append(told["status"])
        return []

    return app


async def press_one(board: Switchboard, number: str) -> float:
    """Call, press one, hear thanks; give how long it took in virtual time."""
    alice = board.phone("alice")
    began = board.clock.now()
    await alice.dials(number)
    await alice.hears("Press one.")
    alice.presses("1")
    await alice.hears("Thank you.", to_the_end=True)
    await alice.is_hung_up()
    await board.over()
    return board.clock.now() - began


@scenario
async def test_flask_is_asked_in_a_thread_and_no_time_passes(board: Switchboard) -> None:
    app = flask_desk()
    slow = app.view_functions["answer"]

    def answer() -> Any:
        time.sleep(0.1)
        return slow()

    app.view_functions["answer"] = answer
    desk = board.application("desk", wsgi=app)
    assert await press_one(board, desk.number) < 3
    assert desk.statuses() == ["started", "ringing", "answered", "completed"]


@scenario
async def test_fastapi_with_lifespan_threads_dependencies_and_background_tasks(board: Switchboard) -> None:
    noted: list[str] = []
    desk = board.application("desk", asgi=fastapi_desk(noted))
    took = await press_one(board, desk.number)
    assert 3 < took < 4, "the handler slept for two seconds of virtual time"
    await board.close()
    assert noted[0] == "up"
    assert noted[-1] == "down"
    assert noted.count("connection closed") == noted.count("done later") == 1
    assert [each for each in noted if each in ("started", "ringing", "answered", "completed")] == desk.statuses()


@scenario
async def test_an_asgi_function_is_an_application(board: Switchboard) -> None:
    scopes: list[dict[str, Any]] = []

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        assert scope["type"] == "http"
        scopes.append({**scope, "body": (await receive())["body"]})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'[{"action":"talk",', "more_body": True})
        await send({"type": "http.response.body", "body": b'"text":"Hello."}]'})

    desk = board.application("desk", asgi=app, answer="/voice/answer%20me?shop=7", answer_method="POST")
    alice = board.phone("alice")
    await alice.dials(desk.number)
    await alice.hears("Hello.")
    await board.over()
    asked = next(scope for scope in scopes if scope["path"].startswith("/voice"))
    assert asked["method"] == "POST"
    assert asked["path"] == "/voice/answer me"
    assert asked["raw_path"] == b"/voice/answer%20me"
    assert asked["query_string"] == b"shop=7"
    assert asked["scheme"] == "https"
    assert asked["server"] == ("desk.example.org", 443)


@scenario
async def test_requests_carry_the_headers_and_the_signature_of_the_wire(board: Switchboard) -> None:
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        start_response("204 No Content", [])
        return []

    desk = board.application("desk", wsgi=app)
    alice = board.phone("alice")
    await alice.dials(desk.number)
    await board.over()
    event = next(each for each in seen if each["REQUEST_METHOD"] == "POST")
    assert event["HTTP_HOST"] == "desk.example.org"
    assert event["CONTENT_TYPE"] == "application/json"
    assert event["CONTENT_LENGTH"] == str(len(event["body"]))
    scheme, token = event["HTTP_AUTHORIZATION"].split()
    claims = jwt.decode(token, SIGNATURE_SECRET, algorithms=["HS256"], options={"verify_iat": False})
    assert (scheme, claims["application_id"]) == ("Bearer", desk.id)
    asked = next(each for each in seen if each["REQUEST_METHOD"] == "GET")
    assert asked["PATH_INFO"] == "/answer"
    assert f"to={desk.number}" in asked["QUERY_STRING"]
    assert "CONTENT_LENGTH" not in asked


@scenario
async def test_a_function_is_an_application_and_orders_of_the_test_come_first(board: Switchboard) -> None:
    def answer(received: Received) -> list[Any] | None:
        return [talk("Press one."), talk("Thank you.")] if received.path == "/answer" else None

    desk = board.application("desk", handler=answer)
    alice = board.phone("alice")
    await alice.dials(desk.number)
    await alice.hears("Thank you.")
    await alice.is_hung_up()
    desk.replies("/answer", status(500))
    await alice.dials(desk.number)
    await alice.is_hung_up()
    assert not alice.heard_words


def _raises_in(wsgi: Any = None, asgi: Any = None, **options: Any) -> Callable[[], None]:
    @scenario
    async def call(board: Switchboard) -> None:
        desk = board.application("desk", wsgi=wsgi, asgi=asgi, **options)
        alice = board.phone("alice")
        await alice.dials(desk.number)
        await board.over()
        answered = next(received for received in desk.requests if received.path == "/answer")
        assert answered.reply.status == 500

    return call


def broken_flask() -> Flask:
    app = Flask("broken")

    @app.get("/answer")
    def answer() -> str:
        raise LookupError("no menu")

    @app.post("/event")
    def event() -> tuple[str, int]:
        return "", 204

    return app


def broken_fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/answer")
    async def answer() -> None:
        raise LookupError("no menu")

    return app


@pytest.mark.parametrize("kind", ["flask", "fastapi"])
def test_an_exception_in_the_application_fails_the_test_and_is_its_cause(kind: str) -> None:
    call = _raises_in(wsgi=broken_flask()) if kind == "flask" else _raises_in(asgi=broken_fastapi())
    with pytest.raises(AssertionError, match="no menu") as failure:
        call()
    assert isinstance(failure.value.__cause__, LookupError)


def test_an_application_that_may_fail_answers_with_500_as_on_the_wire() -> None:
    _raises_in(wsgi=broken_flask(), fails=True)()


@scenario
async def test_an_application_that_thinks_too_long_meets_the_time_out(board: Switchboard) -> None:
    app = Starlette()

    async def answer(_request: Any) -> Any:
        await asyncio.sleep(60)

    app.add_route("/answer", answer)
    desk = board.application("desk", asgi=app)
    alice = board.phone("alice")
    began = board.clock.now()
    await alice.dials(desk.number)
    await alice.is_hung_up()
    assert 9 < board.clock.now() - began < 12, "two attempts of five seconds"
    assert any("Socket timeout." in reason for reason in desk.errors())


async def no_database() -> None:
    raise OSError("no database")


def test_an_application_that_cannot_start_is_said_so() -> None:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await no_database()
        yield

    @scenario
    async def call(board: Switchboard) -> None:
        desk = board.application("desk", asgi=Starlette(lifespan=lifespan))
        await board.phone("alice").dials(desk.number)
        await board.over()

    with pytest.raises(AssertionError, match="did not start"):
        call()


@scenario
async def test_threads_hold_the_time_and_come_one_after_the_other(board: Switchboard) -> None:
    order: list[int] = []

    def work(number: int) -> int:
        time.sleep(0.02 if number == 1 else 0)
        order.append(number)
        return number

    began = board.clock.now()
    done = await asyncio.gather(*(asyncio.to_thread(work, number) for number in (1, 2, 3)))
    assert done == order == [1, 2, 3]
    assert board.clock.now() == began


def test_only_one_kind_of_application_can_be_given() -> None:
    @scenario
    async def twice(board: Switchboard) -> None:
        board.application("desk", wsgi=flask_desk(), handler=lambda received: None)

    with pytest.raises(AssertionError, match="one of asgi, wsgi and handler"):
        twice()
