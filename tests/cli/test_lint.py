"""`ringline lint`: what people see, what editors get, where scripts may come from."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from ringline.cli import app
from ringline.cli._fetch import fetch

run = CliRunner().invoke
GOOD = '[{"action": "talk", "text": "Hi"}]'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_finding_is_shown_at_its_place_in_the_source() -> None:
    Path("menu.json").write_text(
        '[\n  {"action": "talk", "text": "Grüße 😀", "lopp": 2},\n  {"action": "connect",\n'
        '   "endpoint": [{"type": "phon", "number": "12"}]}\n]'
    )
    done = run(app, ["lint", "menu.json"])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "menu.json:2:41: warning: [0].lopp: unknown option, ignored (did you mean loop?)",
        '     2 |   {"action": "talk", "text": "Grüße 😀", "lopp": 2},',
        "       | " + " " * 41 + "^",  # the face is two columns wide
        "menu.json:4:26: error: [1].endpoint[0].type: one of phone, sip, websocket, app, vbc (did you mean phone?)",
        '     4 |    "endpoint": [{"type": "phon", "number": "12"}]}',
        "       | " + " " * 25 + "^",
        "menu.json: 1 error, 1 warning",
    ]


def test_a_long_line_is_cut_around_the_place_and_cannot_steer_the_terminal() -> None:
    Path("long.json").write_text('[{"action":"talk","text":"' + "x" * 300 + '","loop":"\u009b31m"}]')
    done = run(app, ["lint", "long.json"])
    (_, source, caret, _) = done.output.splitlines()
    assert len(source) < 130
    assert source.endswith('"loop":" 31m"}]')
    assert source[caret.index("^")] == '"'
    assert "\u009b" not in done.output


def test_a_good_script_from_standard_input_has_nothing_to_say() -> None:
    done = run(app, ["lint", "-"], input=GOOD)
    assert (done.exit_code, done.output) == (0, "-: nothing to say\n")


def test_broken_json_is_shown_too() -> None:
    done = run(app, ["lint", "-"], input='[\n  {"action": "talk",}\n]')
    assert done.exit_code == 1
    assert "-:2:21: error: well-formed JSON (trailing comma) (no comma after the last one)" in done.output


def test_editors_get_an_array_of_findings() -> None:
    done = run(app, ["lint", "--json", "-"], input='[{"action":"wait","timeout":"long"},{"action":"wait","timeout":0}]')
    assert done.exit_code == 1
    assert json.loads(done.output) == [
        {
            "pointer": "/0/timeout",
            "line": 1,
            "column": 29,
            "severity": "error",
            "message": "[0].timeout: a number",
            "expected": "a number",
            "hint": None,
        },
        {
            "pointer": "/1/timeout",
            "line": 1,
            "column": 54,
            "severity": "warning",
            "message": "[1].timeout: out of range (0.1 is used)",
            "expected": "out of range",
            "hint": "0.1 is used",
        },
    ]
    done = run(app, ["lint", "--json", "-"], input=GOOD)
    assert (done.exit_code, json.loads(done.output)) == (0, [])


def test_warnings_fail_only_when_strict() -> None:
    script = '[{"action": "wait", "timeout": 0}]'
    assert run(app, ["lint", "-"], input=script).exit_code == 0
    assert run(app, ["lint", "--strict", "-"], input=script).exit_code == 1


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"language": "cy-GB", "style": 99}, "info: [0].style: the language has no such style, using style 0"),
        ({"language": "tlh"}, "info: [0].language: unknown language, using en-US"),
        (
            {"text": "<speak>Hi"},
            "info: [0].text: not well-formed SSML, spoken without its tags: no element found (line 1, column 10)",
        ),
        ({"provider": "Polly"}, "info: [0].provider: used where such an engine is configured, else ignored"),
        ({"voiceName": "Nobody"}, "info: [0].voiceName: unknown voice name, using en-US/0"),
        ({"language": "eu-ES", "premium": True}, "info: [0].premium: this voice has no premium form"),
    ],
)
def test_voices_that_are_not_to_be_had_are_remarked(options: dict[str, object], line: str) -> None:
    done = run(app, ["lint", "-"], input=json.dumps([{"action": "talk", "text": "Hi", **options}]))
    assert done.exit_code == 0
    assert line in done.output


def test_the_schema_is_one() -> None:
    done = run(app, ["lint", "--schema"])
    assert done.exit_code == 0
    Draft202012Validator.check_schema(json.loads(done.output))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "say which FILE or URL"),
        (["missing.json"], "missing.json: No such file"),
        (["http://127.0.0.1:9/ncco"], "cannot be reached"),
        (["http://[/"], "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_exit_code_2(arguments: list[str], why: str) -> None:
    done = run(app, ["lint", *arguments])
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_document_that_is_too_long_is_refused_unread() -> None:
    Path("long.json").write_text("[" + " " * 3_000_000 + "]")
    done = run(app, ["lint", "long.json"])
    assert done.exit_code == 1
    assert "at most 1048576 bytes" in done.output


# ── URLs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Web(BaseHTTPRequestHandler):
    stop = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/moved":
            self._reply(302, b"", location="/ncco")
        elif self.path == "/round":
            self._reply(302, b"", location="/round")
        elif self.path == "/away":
            self._reply(302, b"", location="ftp://127.0.0.1/")
        elif self.path == "/ncco":
            self._reply(200, b'[{"action": "tolk"}]')
        elif self.path == "/drips":
            self.send_response(200)
            self.end_headers()
            while not self.stop.wait(0.05):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return
        elif self.path == "/endless":
            self._reply(200, b" " * 3_000_000)
        else:
            self._reply(500, b"")

    def _reply(self, status: int, body: bytes, *, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    _Web.stop.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("path", ["/ncco", "/moved"])
def test_a_script_may_be_checked_where_it_is_served(web: str, path: str) -> None:
    done = run(app, ["lint", web + path])
    assert done.exit_code == 1
    assert f"{web}{path}:1:13: error: [0].action: the name of an action (did you mean talk?)" in done.output


@pytest.mark.parametrize(
    ("path", "why"),
    [("/broken", "answered 500"), ("/round", "answered 302"), ("/away", "leads to something that is no web address")],
)
def test_a_url_that_gives_no_script_is_a_sentence(web: str, path: str, why: str) -> None:
    done = run(app, ["lint", web + path])
    assert done.exit_code == 2
    assert why in done.stderr


def test_what_is_fetched_is_bounded_in_size(web: str) -> None:
    assert len(fetch(f"{web}/endless", most_bytes=1000)) == 1001


def test_what_is_fetched_is_bounded_in_time(web: str, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with pytest.raises(Exception, match="2"):
        fetch(f"{web}/drips", most_bytes=1000, timeout_s=0.2)
    assert time.monotonic() - began < 5
    assert "was not complete within 0.2 seconds" in capsys.readouterr().err
