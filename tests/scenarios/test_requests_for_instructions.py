"""Every request that may be answered with a script, and every kind of answer (webhook reference, sections 5 and 6)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ringline.testing import (
    HANGS,
    Phone,
    Phones,
    Reply,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    ncco,
    notify,
    read_digits,
    scenario,
    status,
    talk,
    text,
)

SCRIPT, FALLBACK, GOES_ON = "This is the script.", "This is the fallback.", "On we go."
LONG_SCRIPT: Final = "[" + ",".join([json.dumps(talk("x" * 1500))] * 800) + "]"

ANSWERS: Final[dict[str, Reply]] = {
    "script": ncco(talk(SCRIPT)),
    "empty": text(""),
    "OK": text("OK"),
    "204": status(204),
    "html": text("<!DOCTYPE html><html><body>It works!</body></html>", content_type="text/html"),
    "object": text("{}", content_type="application/json"),
    "no actions": text("[]", content_type="application/json"),
    "invalid": text('[{"action":"sing"}]', content_type="application/json"),
    "cut off": text('[{"action":"talk"', content_type="application/json"),
    "too long": text(LONG_SCRIPT, content_type="application/json"),
    "long page": text("<p>" * 400_000, content_type="text/html"),
    "too slow": HANGS,
    "breaks": breaks(),
    "busy": status(503),
    "refused": status(500),
    "redirected for ever": breaks("Connection closed."),
}
_NEVER_A_SCRIPT: Final = ("empty", "OK", "204", "html", "object", "long page", "cut off")
_TRIED_AGAIN: Final = ("too slow", "breaks", "busy", "redirected for ever")


def expected(kind: str, answer: str) -> tuple[str, int]:
    """What is heard, and how often the primary URL is asked."""
    if answer == "script":
        return SCRIPT, 1
    if answer in _TRIED_AGAIN:
        return FALLBACK, 2
    if kind in ("answer", "onAnswer", "transfer"):
        return FALLBACK, 1
    if answer == "no actions" or answer in _NEVER_A_SCRIPT:
        return GOES_ON, 1
    if kind == "machine" and answer == "refused":
        return GOES_ON, 1
    return FALLBACK, 1


async def _answer(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    app.replies("/answer", *app._replies["/asked"])
    app._replies["/asked"] = []
    await alice.dials(app.number)
    return alice


async def _on_answer(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/asked")}}))
    await alice.dials(app.number)
    return bob


async def _transfer(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    app.answers(read_digits(time_out=10), talk(GOES_ON))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(url=app.url("/asked"))
    return alice


async def _input(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    app.answers(read_digits(max_digits=1, url=app.url("/asked")), talk(GOES_ON))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    return alice


async def _notify(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    app.answers(talk("First."), notify({"a": 1}, url=app.url("/asked")), talk(GOES_ON))
    await alice.dials(app.number)
    return alice


async def _failover(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    bob.is_busy()
    reply = app._replies.pop("/asked")
    app.on(lambda request: request.path == "/asked" and request.json["status"] == "busy", reply[0])
    app.answers(connect(bob.number, event_type="synchronous", url=app.url("/asked")), talk(GOES_ON))
    await alice.dials(app.number)
    return alice


async def _machine(app: WebApplication, alice: Phone, bob: Phone, board: Switchboard) -> Phone:
    bob.answers()
    bob.is_a_machine(after_s=1)
    reply = app._replies.pop("/asked")
    app.on(lambda request: request.path == "/asked" and request.json["status"] == "machine", reply[0])
    await app.calls(bob.number, ncco=[talk(GOES_ON)], event_url=app.url("/asked"), machine_detection="continue")
    return bob


KINDS: Final[dict[str, Callable[[WebApplication, Phone, Phone, Switchboard], Awaitable[Phone]]]] = {
    "answer": _answer,
    "onAnswer": _on_answer,
    "transfer": _transfer,
    "input": _input,
    "notify": _notify,
    "failover": _failover,
    "machine": _machine,
}


def _asked(app: WebApplication, kind: str) -> int:
    path = "/answer" if kind == "answer" else "/asked"
    marks = {"failover": "busy", "machine": "machine"}
    return len([one for one in app.received(path) if kind not in marks or one.json["status"] == marks[kind]])


@pytest.mark.parametrize("answer", [name for name in ANSWERS if name != "no actions"])
@pytest.mark.parametrize("kind", KINDS)
@scenario(detects_machines=True)
async def test_what_is_heard_after(
    kind: str, answer: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.replies("/asked", ANSWERS[answer])
    app.has_fallback([talk(FALLBACK)])
    words, asked = expected(kind, answer)
    listener = await KINDS[kind](app, alice, bob, board)
    await listener.hears(words, to_the_end=True)
    assert _asked(app, kind) == asked
    invalid = ("empty", "OK", "204", "html", "object", "long page", "cut off", "invalid", "too long")
    told = len(app.errors())
    if words == FALLBACK and answer in invalid:
        assert told == 1
        assert app.received("/fallback")[0].json["reason"] == "Invalid NCCO."
    else:
        assert told == 0
    if words != FALLBACK:
        assert app.received("/fallback") == []


@pytest.mark.parametrize("kind", ["input", "notify", "failover", "machine"])
@scenario(detects_machines=True)
async def test_a_script_without_actions_means_go_on(
    kind: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.replies("/asked", ANSWERS["no actions"])
    app.has_fallback([talk(FALLBACK)])
    listener = await KINDS[kind](app, alice, bob, board)
    await listener.hears(GOES_ON, to_the_end=True)
    assert app.received("/fallback") == []


@scenario
async def test_an_answer_without_actions_ends_the_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", ANSWERS["no actions"])
    app.has_fallback([talk(FALLBACK)])
    await alice.dials(app.number)
    await board.over()
    assert app.received("/fallback") == []
    assert app.errors() == []
    assert app.statuses()[-1] == "completed"
