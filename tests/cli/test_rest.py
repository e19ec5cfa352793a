"""The commands' REST client, and the commands on it, against a small HTTP server."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from typer.testing import CliRunner

from ringline.accounts import make_key_pair
from ringline.base import ConfigError
from ringline.cli import app
from ringline.cli._installation import DevNote
from ringline.cli._rest import ApplicationToken, Basic, Rest, RestError

run = CliRunner().invoke
Answer = tuple[int, Any]
UUID = "63f61863-4a51-4f6b-86e1-46edebcf9356"
APPLICATION = "0b9d0c55-2222-4333-8444-955566677788"


@dataclass
class Api:
    """A REST API that says what a test wants, and remembers what it was asked."""

    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def says(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def answer(self, method: str, path: str) -> Answer:
        known = self.answers.get((method, urlsplit(path).path), [(404, {"title": "Not Found"})])
        return known.pop(0) if len(known) > 1 else known[0]


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.asked.append((self.command, self.path, dict(self.headers.items()), body))
            status, document = api.answer(self.command, self.path)
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(0 if status == 204 else len(text)))
            self.end_headers()
            if status != 204:
                self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.serve)
    return Handler


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API, in a folder where a `ringline dev` with it seems to run."""
    one = Api()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(one))
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "demo.key"
    key.write_text(make_key_pair().private_key)
    DevNote(
        base_url=one.url,
        https_url=None,
        api_key="dev",
        api_secret="Development1",
        application=APPLICATION,
        key_file=str(key),
    ).write(tmp_path / "var")
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


# ── the client ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_becomes_a_sentence_with_its_fields(api: Api) -> None:
    refusal = {"title": "Bad Request", "detail": "wrong", "invalid_parameters": [{"name": "to", "reason": "required"}]}
    api.says("POST", "/v1/calls", (400, refusal))
    with pytest.raises(RestError, match=r"400: Bad Request – wrong\n  to: required") as caught:
        Rest(api.url, Basic("a", "b")).post("/v1/calls", {})
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b"\xff\xfe"])
def test_a_refusal_that_says_nothing_is_told_by_its_status(api: Api, body: bytes) -> None:
    api.says("GET", "/x", (502, body))
    with pytest.raises(RestError, match="answered 502"):
        Rest(api.url, Basic("a", "b")).get("/x")


def test_another_program_on_the_port_is_noticed(api: Api) -> None:
    api.says("GET", "/x", (200, b"<html>"))
    with pytest.raises(RestError, match="another program"):
        Rest(api.url, Basic("a", "b")).get("/x")


def test_nobody_there_is_a_sentence() -> None:
    with pytest.raises(RestError, match=r"cannot be reached: Connection refused\. Is Ringline running there\?"):
        Rest("http://127.0.0.1:9", Basic("a", "b")).get("/x")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--url"):
        Rest(url, Basic("a", "b"))


def test_tokens_are_signed_and_fresh(tmp_path: Path) -> None:
    pair = make_key_pair()
    file = tmp_path / "private.key"
    file.write_text(pair.private_key)
    token = ApplicationToken(APPLICATION, file)
    one, two = (
        jwt.decode(token.header().removeprefix("Bearer "), pair.public_key, algorithms=["RS256"]) for _ in range(2)
    )
    assert one["application_id"] == APPLICATION
    assert one["jti"] != two["jti"]


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "private.key"
    file.write_text(text)
    with pytest.raises(ConfigError, match="no private RSA key"):
        ApplicationToken(APPLICATION, file)
    with pytest.raises(ConfigError, match="No such file"):
        ApplicationToken(APPLICATION, tmp_path / "missing.key")


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────────────────


def _page(number: int, total: int) -> dict[str, Any]:
    hooks = {"answer_url": {"address": f"http://a/{number}", "http_method": "GET"}}
    one = {"id": f"id-{number}", "name": f"app {number}", "capabilities": {"voice": {"webhooks": hooks}}}
    return {"total_pages": total, "_embedded": {"applications": [one]}}


def test_applications_are_listed_over_all_pages(api: Api) -> None:
    api.says("GET", "/v2/applications", (200, _page(1, 2)), (200, _page(2, 2)))
    listed = run(app, ["apps", "list"])
    assert listed.exit_code == 0, listed.output
    assert "id-1" in listed.output
    assert "GET http://a/2" in listed.output
    assert api.asked[0][2]["Authorization"].startswith("Basic ")


def test_a_new_application_leaves_its_key_in_a_file_of_its_own(api: Api, tmp_path: Path) -> None:
    api.says("POST", "/v2/applications", (201, {"id": APPLICATION, "keys": {"private_key": "SECRET"}}))
    made = run(app, ["apps", "create", "front desk", "--answer-url", "http://a/answer"])
    assert made.exit_code == 0, made.output
    key = tmp_path / "front-desk.key"
    assert key.read_text() == "SECRET"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "SECRET" not in made.output
    assert json.loads(api.asked[0][3])["capabilities"]["voice"]["webhooks"]["answer_url"]["http_method"] == "GET"


def test_a_key_file_is_never_overwritten(api: Api, tmp_path: Path) -> None:
    (tmp_path / "front-desk.key").write_text("precious")
    made = run(app, ["apps", "create", "front desk"])
    assert made.exit_code == 2
    assert api.asked == []
    assert (tmp_path / "front-desk.key").read_text() == "precious"


def test_an_application_is_shown_and_deleted_after_a_question(api: Api) -> None:
    api.says("GET", f"/v2/applications/{APPLICATION}", (200, {"id": APPLICATION}))
    api.says("DELETE", f"/v2/applications/{APPLICATION}", (204, b""))
    assert json.loads(run(app, ["apps", "show", APPLICATION]).output)["id"] == APPLICATION
    assert run(app, ["apps", "delete", APPLICATION], input="n\n").exit_code == 1
    assert [method for method, *_ in api.asked] == ["GET"]
    assert run(app, ["apps", "delete", APPLICATION, "--yes"]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "path", "form"),
    [
        (["add", "+44 20 7946 0000"], "/number/buy", {"country": ["GB"], "msisdn": ["442079460000"]}),
        (["remove", "442079460000"], "/number/cancel", {"country": ["GB"], "msisdn": ["442079460000"]}),
        (
            ["link", "442079460000", APPLICATION],
            "/number/update",
            {"country": ["GB"], "msisdn": ["442079460000"], "app_id": [APPLICATION]},
        ),
        (
            ["unlink", "999", "--country", "ZZ"],
            "/number/update",
            {"country": ["ZZ"], "msisdn": ["999"], "app_id": [""]},
        ),
    ],
)
def test_numbers_are_changed_by_forms(api: Api, words: list[str], path: str, form: dict[str, list[str]]) -> None:
    api.says("POST", path, (200, {"error-code": "200", "error-code-label": "success"}))
    done = run(app, ["numbers", *words])
    assert done.exit_code == 0, done.output
    assert parse_qs(api.asked[0][3].decode(), keep_blank_values=True) == form


@pytest.mark.parametrize("number", ["bob", "999", ""])
def test_a_number_of_no_country_is_refused_before_anything_is_asked(api: Api, number: str) -> None:
    assert run(app, ["numbers", "add", number]).exit_code == 2
    assert api.asked == []


@pytest.mark.parametrize(
    ("words", "path", "hint"),
    [
        (["add"], "/number/buy", "not on sale"),
        (["remove"], "/number/cancel", "not in the account"),
        (["unlink"], "/number/update", "`ringline apps list`"),
    ],
)
def test_a_refusal_of_the_numbers_api_is_told_with_what_may_be_wrong(
    api: Api, words: list[str], path: str, hint: str
) -> None:
    api.says("POST", path, (420, {"error-code": "420", "error-code-label": "method failed"}))
    done = run(app, ["numbers", *words, "442079460000"])
    assert (done.exit_code, "420: method failed" in done.output, hint in done.output) == (1, True, True), done.output


def test_numbers_are_listed(api: Api) -> None:
    one = {"msisdn": "442079460000", "country": "GB", "app_id": APPLICATION}
    api.says("GET", "/account/numbers", (200, {"count": 1, "numbers": [one]}))
    listed = run(app, ["numbers", "list"])
    assert listed.exit_code == 0
    assert APPLICATION in listed.output


def _call(api: Api, *statuses: str) -> None:
    made = {"uuid": UUID, "status": "started", "direction": "outbound", "conversation_uuid": "CON-1"}
    api.says("POST", "/v1/calls", (201, made))
    api.says("GET", f"/v1/calls/{UUID}", *((200, {"status": status, "duration": "7"}) for status in statuses))


def test_a_call_is_made_and_followed_to_its_end(api: Api) -> None:
    _call(api, "started", "ringing", "ringing", "answered", "completed")
    done = run(app, ["call", "447700900123", "--text", "Hello", "--from", "442079460000"])
    assert done.exit_code == 0, done.output
    assert done.output.split("\n")[1:6] == ["started", "ringing", "answered", "completed", "talked for 7 s"]
    body = json.loads(api.asked[0][3])
    assert body["to"] == [{"type": "phone", "number": "447700900123"}]
    assert body["from"] == {"type": "phone", "number": "442079460000"}
    assert body["ncco"] == [{"action": "talk", "text": "Hello"}]


def test_a_call_nobody_takes_ends_with_exit_code_1(api: Api) -> None:
    _call(api, "busy")
    done = run(app, ["call", "--text", "Hello", "sip:bob@127.0.0.1:5070"])
    assert done.exit_code == 1
    assert "came to nothing: busy" in done.output
    body = json.loads(api.asked[0][3])
    assert body["to"] == [{"type": "sip", "uri": "sip:bob@127.0.0.1:5070"}]
    assert body["random_from_number"] is True


def test_an_ncco_is_checked_before_the_call(api: Api, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('[\n {"action": "talk"}\n]')
    done = run(app, ["call", "447700900123", "--ncco", str(script)])
    assert done.exit_code == 2
    assert "script.json:2:" in done.stderr
    assert api.asked == []
    script.write_text('{"action": "talk", "text": "Hi"}')
    _call(api, "completed")
    assert run(app, ["call", "447700900123", "--ncco", str(script)]).exit_code == 0
    assert json.loads(api.asked[0][3])["ncco"] == [{"action": "talk", "text": "Hi"}]


@pytest.mark.parametrize(
    "options", [[], ["--text", "a", "--answer-url", "http://a/"], ["--text", "a", "--app", APPLICATION]]
)
def test_a_call_needs_one_script_and_one_application(api: Api, options: list[str]) -> None:
    assert run(app, ["call", "447700900123", *options]).exit_code == 2
    assert api.asked == []


def test_without_a_platform_here_the_commands_say_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "account.api_key: is needed" in run(app, ["apps", "list"]).stderr
    called = run(app, ["call", "447700900123", "--text", "a"])
    assert called.exit_code == 2
    assert "--app" in called.stderr


def test_a_dev_note_that_is_damaged_counts_as_none(tmp_path: Path) -> None:
    write: Callable[[str], int] = (tmp_path / "dev.json").write_text
    for text in ("", "[]", '{"base_url": 1}', "{"):
        write(text)
        assert DevNote.read(tmp_path) is None
