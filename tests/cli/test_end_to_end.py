"""The commands as people use them: a platform in one process, phones and commands in others."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from tests.interop.client import installed
from tests.interop.ports import free_block, free_port

from ringline.cli.demo import DEMO_NUMBER

pytestmark = pytest.mark.interop

_READY_S: Final = 90.0
_COMMAND_S: Final = 60.0
DESK: Final = "442079460011"
EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "flask_app.py"
HOSTED: Final = """\
import os
from vonage import Auth, Vonage

client = Vonage(Auth(application_id=os.environ["VONAGE_APPLICATION_ID"], private_key=os.environ["VONAGE_PRIVATE_KEY"]))
call = client.voice.create_call({
    "to": [{"type": "phone", "number": "442079460003"}],
    "from_": {"type": "phone", "number": "442079460000"},
    "ncco": [{"action": "talk", "text": "Hello."}],
})
print(call.status, call.direction, client.voice.get_call(call.uuid).to.number)
"""
"A program that knows nothing of us."
HOSTED_NODE: Final = """\
const { readFileSync } = require('node:fs');
const { Vonage } = require('@vonage/server-sdk');
const vonage = new Vonage({
  applicationId: process.env.VONAGE_APPLICATION_ID,
  privateKey: readFileSync(process.env.VONAGE_PRIVATE_KEY, 'utf8'),
});
(async () => {
  const call = await vonage.voice.createOutboundCall({
    to: [{ type: 'phone', number: '442079460003' }],
    from: { type: 'phone', number: '442079460000' },
    ncco: [{ action: 'talk', text: 'Hello.' }],
  });
  console.log(call.status, call.direction, (await vonage.voice.getCall(call.uuid)).to.number);
})();
"""
"Another one."
README: Final = Path(__file__).parents[2] / "README.md"
Done = subprocess.CompletedProcess[str]


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "ringline", *words]


def _wait_until(what: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + _READY_S
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.05)


def _reachable(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Developing:
    """A running `ringline dev`, and the folder it runs in."""

    folder: Path
    sip_port: int
    desk_port: int
    "Where a phone must listen to be the user `desk`, who has the number `DESK`."
    environment: dict[str, str]
    process: subprocess.Popen[str]
    log: Path
    others: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *words: str) -> Done:
        """Run another command in the same folder."""
        return subprocess.run(
            _command(*words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start another command in the same folder; it is killed after the test if it has not ended."""
        return self.start_program(*_command(*words))

    def start_program(
        self, *words: str, stdin: int = subprocess.DEVNULL, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start any program in the same folder."""
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={**self.environment, **(variables or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.others.append(process)
        return process

    def said(self, text: str, *, deadline_s: float = _READY_S) -> str:
        """Wait until the platform has said something; return all it said so far."""
        end = time.monotonic() + deadline_s
        while text not in (log := self.log.read_text()):
            assert self.process.poll() is None, log
            assert time.monotonic() < end, f"{text!r} was not said:\n{log}"
            time.sleep(0.05)
        return log


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Developing]:
    sip_port, desk_port, media = free_port(), free_port(), free_block(200)[0]
    contact = f"sip:desk@127.0.0.1:{desk_port}"
    (tmp_path / "ringline.toml").write_text(f'[[users]]\nusername = "desk"\nnumber = "{DESK}"\ncontact = "{contact}"\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGLINE_")}
    environment |= {
        "RINGLINE_SIP__PORT": str(sip_port),
        "RINGLINE_SERVER__HTTP_PORT": str(free_port()),
        "RINGLINE_SERVER__HTTPS_PORT": str(free_port()),
        "RINGLINE_MEDIA__PORT_MIN": str(media),
        "RINGLINE_MEDIA__PORT_MAX": str(media + 198),
        "RINGLINE_SPEECH__WORKERS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    log = tmp_path / "dev.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            _command("dev"), cwd=tmp_path, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    developing = Developing(tmp_path, sip_port, desk_port, environment, process, log)
    try:
        developing.said("Ctrl-C stops it.")
        yield developing
    finally:
        for other in developing.others:
            other.kill()
            other.communicate()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def test_a_caller_reaches_the_echo_through_the_menu_and_the_call_can_be_told_and_run_again(dev: Developing) -> None:
    words = (
        f"sip:{DEMO_NUMBER}@127.0.0.1:{dev.sip_port} --user demo --password demo --press 7ppppp3 --duration 9".split()
    )
    phone = dev.run("phone", *words)
    assert phone.returncode == 0, phone.stdout + phone.stderr
    assert "answered, codec" in phone.stdout

    listed = dev.run("calls").stdout
    uuid = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", listed)[0]
    story = dev.run("call", "show", uuid).stdout
    for part in ("← INVITE", "step 1 of 2: talk “Welcome", "key 7 down", "“You have pressed 7.”", "completed (200"):
        assert part in story, story
    again = dev.run("replay", uuid)
    assert again.returncode == 0, again.stdout + again.stderr

    live = dev.log.read_text()
    assert f"{uuid[:8]}  verdict  completed" in live
    events = (dev.folder / "var" / "events.jsonl").read_text()
    assert '"status": "answered"' in events


def test_a_call_made_by_command_reaches_a_phone_that_answers(dev: Developing) -> None:
    phone = dev.start("phone", "--answer", "--port", str(dev.desk_port), "--timeout", "20s", "--record", "desk.wav")
    assert phone.stdout is not None
    assert "waiting for a call" in phone.stdout.readline()
    done = dev.run("call", DESK, "--text", "Hello, this is Ringline.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "talked for" in done.stdout
    output, _ = phone.communicate(timeout=20)
    assert phone.returncode == 0, output
    assert (dev.folder / "desk.wav").stat().st_size > 20_000


def test_a_program_for_the_hosted_service_runs_unchanged(dev: Developing) -> None:
    program = dev.folder / "program.py"
    program.write_text(HOSTED)
    done = dev.run("run", "--", sys.executable, str(program))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["started", "outbound", "442079460003"]


def test_a_node_program_for_the_hosted_service_runs_unchanged(dev: Developing) -> None:
    program = dev.folder / "program.cjs"
    program.write_text(HOSTED_NODE)
    done = dev.run("run", "--", "env", f"NODE_PATH={installed('node') / 'node_modules'}", "node", str(program))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["started", "outbound", "442079460003"]


def test_the_first_calls_of_the_readme_are_made_as_printed(dev: Developing, tmp_path: Path) -> None:
    """With curl, with Python and with Node; only the ports are others."""
    section = README.read_text(encoding="utf-8").partition("## First calls by REST")[2].partition("\n## ")[0]
    ports = {"8080": "RINGLINE_SERVER__HTTP_PORT", "8443": "RINGLINE_SERVER__HTTPS_PORT"}
    phone_port = free_port()

    def printed(language: str) -> str:
        (found,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
        block = str(found)
        for usual, name in ports.items():
            block = block.replace(f":{usual}", f":{dev.environment[name]}")
        return block.replace(":5070", f":{phone_port}").replace(".venv/bin/ringline", f"{sys.executable} -m ringline")

    def answered(*command: str, **variables: str) -> str:
        phone = dev.start("phone", "--answer", "--port", str(phone_port), "--timeout", "170s")
        _wait_until(lambda: _is_taken(phone_port), "the phone did not start")
        program = dev.start_program(*command, variables=variables)
        said: str = program.communicate(timeout=150)[0]
        assert program.returncode == 0, said
        phone.communicate(timeout=60)
        assert phone.returncode == 0, said + dev.log.read_text()
        return said

    curl = answered("bash", "-euo", "pipefail", "-c", printed("sh") + "\necho; echo $APP_ID")
    application = curl.split()[-1]
    assert '"status":"started"' in curl
    certificate = str(dev.folder / "var" / "certificates" / "ca.pem")
    answered(sys.executable, "-c", printed("python"), APP_ID=application, REQUESTS_CA_BUNDLE=certificate)
    answered("node", "-e", printed("js"), APP_ID=application, NODE_PATH=str(installed("node") / "node_modules"))


def _is_taken(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_digits_typed_in_a_terminal_are_pressed(dev: Developing) -> None:
    ours, theirs = pty.openpty()
    phone = dev.start_program(
        *_command("phone", f"sip:{DEMO_NUMBER}@127.0.0.1:{dev.sip_port}", "--user", "demo", "--password", "demo"),
        stdin=theirs,
    )
    dev.said("status   answered")
    os.write(ours, b"x7")
    dev.said("key 7 down")
    os.write(ours, b"q")
    output, _ = phone.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert (phone.returncode, "we hung up" in output) == (0, True), output


def test_a_wrong_password_and_a_number_nobody_has_are_refused(dev: Developing) -> None:
    target = f"sip:{DEMO_NUMBER}@127.0.0.1:{dev.sip_port}"
    wrong = dev.run("phone", target, "--user", "demo", "--password", "guess")
    assert (wrong.returncode, "401" in wrong.stdout) == (1, True)
    nobody = dev.run("phone", f"sip:999@127.0.0.1:{dev.sip_port}", "--user", "demo", "--password", "demo")
    assert (nobody.returncode, "404" in nobody.stdout) == (1, True)


def test_ctrl_c_hangs_up_and_says_what_it_did(dev: Developing) -> None:
    phone = dev.start("phone", f"sip:{DEMO_NUMBER}@127.0.0.1:{dev.sip_port}", "--user", "demo", "--password", "demo")
    dev.said("status   answered")
    dev.process.send_signal(signal.SIGINT)
    dev.said("stopping: 1 calls are up")
    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(20) == 0
    assert "stopped: 1 call hung up" in dev.log.read_text()
    output, _ = phone.communicate(timeout=20)
    assert (phone.returncode, "the far end hung up" in output) == (0, True)
    assert not (dev.folder / "var" / "dev.json").exists()


def test_a_second_platform_on_the_same_ports_is_a_sentence(dev: Developing) -> None:
    second = dev.run("dev", "--no-demo")
    assert second.returncode == 2
    assert "cannot listen on 127.0.0.1" in second.stderr
    assert "Traceback" not in second.stderr


def test_applications_and_numbers_are_made_linked_and_deleted(dev: Developing) -> None:
    made = dev.run("apps", "create", "front desk", "--answer-url", "http://127.0.0.1:9/answer")
    assert made.returncode == 0, made.stderr
    application = made.stdout.split()[1]
    for words in (
        ["numbers", "add", "442079460010"],
        ["numbers", "link", "442079460010", application],
        ["apps", "show", application],
    ):
        done = dev.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"442079460010 +GB +{application}", dev.run("numbers", "list").stdout)
    called = dev.run("call", DESK, "--text", "a", "--app", application, "--key", "missing.key")
    assert called.returncode == 2
    assert dev.run("apps", "delete", application, "--yes").returncode == 0
    assert application not in dev.run("apps", "list").stdout


def test_the_flask_example_answers_and_calls_back_with_the_official_library(dev: Developing) -> None:
    number, web_port = "442079460010", free_port()
    url = f"http://127.0.0.1:{web_port}"
    made = dev.run("apps", "create", "front-desk", "--answer-url", f"{url}/answer", "--event-url", f"{url}/event")
    application = made.stdout.split()[1]
    for words in (["add", number], ["link", number, application]):
        assert dev.run("numbers", *words).returncode == 0
    web = {
        "APP_ID": application,
        "PRIVATE_KEY": "front-desk.key",
        "NUMBER": number,
        "PORT": str(web_port),
        "API_HOST": f"127.0.0.1:{dev.environment['RINGLINE_SERVER__HTTPS_PORT']}",
        "REQUESTS_CA_BUNDLE": "var/certificates/ca.pem",
    }
    desk = dev.start("phone", "--answer", "--port", str(dev.desk_port), "--timeout", "40s")
    flask = dev.start_program(sys.executable, str(EXAMPLE), variables=web)
    _wait_until(lambda: _reachable(web_port), "the example did not start")

    target = f"sip:{number}@127.0.0.1:{dev.sip_port} --user demo --password demo --press-after 2s".split()
    caller = dev.run("phone", *target, "--press", f"2{DESK}#", "--duration", "20s")
    assert caller.returncode == 0, caller.stdout + caller.stderr
    said, _ = desk.communicate(timeout=40)
    assert (desk.returncode, f"call from {number}" in said) == (0, True), said + dev.log.read_text()
    assert flask.poll() is None


def test_a_trial_call_goes_as_it_should(tmp_path: Path) -> None:
    tape = tmp_path / "demo" / "caller.wav"
    done = subprocess.run(
        _command("trial", "--record", str(tape)), cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the call went as it should" in done.stdout
    assert tape.stat().st_size > 100_000


def test_a_simulated_caller_goes_through_the_menu_and_leaves_a_message(dev: Developing) -> None:
    words = ("--wait-for", "press 1", "--press", "1", "--say", "Please call me back.", "--press", "#")
    done = dev.run("simulate", "--to", DEMO_NUMBER, *words, "--expect", "your message has been kept", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    outcome = lines[-1]
    assert (outcome["kind"], outcome["ok"], outcome["problems"]) == ("outcome", True, [])
    assert outcome["heard"][-1].startswith("Thank you.")
    told = [line["text"] for line in lines[:-1] if line["leg"] == outcome["uuid"]]
    assert "cuts a prompt" in told, "the key came while the menu was spoken"
    assert any(text.startswith("completed POST") for text in told)
    (recorded,) = (dev.folder / "var" / "recordings").rglob("*.wav")
    assert recorded.stat().st_size > 16_000


def test_a_simulated_caller_who_is_stopped_hangs_up(dev: Developing) -> None:
    caller = dev.start("simulate", "--to", DEMO_NUMBER, "--wait-for", "what nobody says", "--json")
    assert caller.stdout is not None
    lines = (json.loads(line) for line in caller.stdout)
    leg = next(line["leg"] for line in lines if line["text"].startswith("answered POST"))
    caller.terminate()
    *told, outcome = lines
    assert (caller.wait(10), outcome["uuid"]) == (1, leg)
    assert "stopped by a signal" in outcome["problems"]
    assert any(line["leg"] == leg and "ended by the user" in line["text"] for line in told)


def test_a_simulated_call_fails_for_what_was_not_heard_or_not_answered(dev: Developing) -> None:
    words = ("--wait-for", "welcome", "--press", "7", "--expect", "nonsense", "--hang-up-after", "1s")
    unheard = dev.run("simulate", "--to", DEMO_NUMBER, *words)
    assert (unheard.returncode, "'nonsense' was not heard" in unheard.stdout) == (1, True), unheard.stdout
    assert "heard  You have pressed 7." in unheard.stdout
    never = dev.run("simulate", "--to", DEMO_NUMBER, "--wait-for", "press 9", "--limit", "4s")
    assert (never.returncode, "'press 9' was not heard within" in never.stdout) == (1, True), never.stdout
    nobody = dev.run("simulate", "--to", "999")
    assert (nobody.returncode, "404" in nobody.stdout) == (1, True), nobody.stdout
    wrong = dev.run("simulate", "--to", DEMO_NUMBER, "--press", "one")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
