"""`make interop-client-sdk`: the official browser library, unmodified, in Chromium against a Ringline of its own.

The library comes from its package registry into a folder that is thrown away; it is no part of Ringline, and never
shipped with it. Each check says what was seen; the exit code tells whether all went as they should.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .chromium import Chromium
from .client import Client
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, NUMBERS, Installation
from .pages import PageServer, Wire, user_token
from .sipp import Sipp
from .tabs import Tab
from .wire import Peer

PACKAGE: Final = "@vonage/client-sdk@2.3.1"
PAGE: Final = """<!doctype html><title>check</title>
<script src="node_modules/@vonage/client-sdk/dist/vonageClientSDK.js"></script>
<script>
async function enter(options, token, session) {
  window.client = new vonageClientSDK.VonageClient();
  client.setConfig({rtcStatsTelemetry: false, ...options});
  window.told = [];
  for (const name of ["callInvite", "callInviteCancel", "legStatusUpdate", "callHangup", "mute", "earmuff", "dtmf",
                      "callTransfer", "reconnecting", "reconnection", "sessionError", "callMediaReconnecting",
                      "callMediaReconnection", "callMediaDisconnect"])
    client.on(name, (...given) => { told.push([name, ...given.map((one) => one?.name ?? String(one))]); });
  return await client.createSession(token, session);
}
const heard = (name, ...given) =>
  told.find((one) => one[0] === name && given.every((each, at) => each === one[at + 1]));
const failing = (promise) =>
  promise.then(() => "it did not fail", (error) => [error.type, error.code, error.message].join(" "));
</script>"""
BROWSER_HZ: Final = 600.0
PHONE_HZ: Final = 1000


class Scene:
    """Everything a check needs."""

    def __init__(self, stack: ExitStack, folder: Path, media: str = "") -> None:
        self.app = Application()
        stack.callback(self.app.close)
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.ringline = Installation(
            self.folder / "ringline", self.app.url, sections="[auth]\nleeway_s = 1\n", media=media
        )
        stack.callback(self.ringline.stop)
        self.ringline.start()
        self.wire = stack.enter_context(Wire(self.ringline.http_port))
        self.pages = stack.enter_context(PageServer(folder))
        self.chromium = stack.enter_context(Chromium(self.folder))
        self.tabs: list[Tab] = []
        self._numbers = iter(NUMBERS[200:])

    def number(self) -> str:
        return next(self._numbers)

    def page(self, user: str = "alice", *, login: bool = True, hz: float = BROWSER_HZ) -> Tab:
        """A page with the library, logged in."""
        page = Tab(self.chromium, f"{self.pages.url}/page.html", hz=hz)
        self.tabs.append(page)
        if login:
            self.enter(page, user)
        return page

    def enter(self, page: Tab, user: str) -> str:
        options = {"apiUrl": self.wire.url, "websocketUrl": self.wire.url}
        session = page.run(f"enter({json.dumps(options)}, {json.dumps(user_token(self.ringline, user))})")
        assert session.startswith("SES-"), session
        return str(session)

    @contextmanager
    def phone(self, scenario: str = "answer", **fill: str) -> Iterator[tuple[Ear, str, Sipp]]:
        """A SIP phone that takes calls, and speaks: its ear, its address, its program."""
        with Ear() as ear, Sipp(scenario, self.folder, fill={"rtp_port": ear.port, **fill}, timeout_s=60) as bob:
            yield ear, f"sip:bob@127.0.0.1:{bob.port}", bob

    @contextmanager
    def caller(self, number: str, *, answered: bool = True) -> Iterator[tuple[Ear, Peer]]:
        """A SIP phone that calls."""
        with Ear() as ear, Peer(self.ringline.sip_address, number=number) as peer:
            peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
            yield ear, peer

    def connects(self, uri: str, **more: Any) -> list[dict[str, Any]]:
        return [{"action": "connect", "endpoint": [{"type": "sip", "uri": uri}], **more}]

    def rings(self, user: str = "alice", **more: Any) -> list[dict[str, Any]]:
        return [{"action": "connect", "from": NUMBERS[0], "endpoint": [{"type": "app", "user": user}], **more}]


def both_hear(page: Tab, ear: Ear) -> None:
    """A tone goes each way."""
    ear.hears(0.1)
    ear.says(tone(PHONE_HZ, 1))
    ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
    hz = page.hears()
    assert abs(hz - PHONE_HZ) < 20, f"the page hears {hz} Hz"


def call(page: Tab, context: dict[str, Any]) -> str:
    """`serverCall`; gives the call's id."""
    leg = page.run(f"client.serverCall({json.dumps(context)}).then((id) => window.leg = id)")
    assert isinstance(leg, str)
    return leg


# ── the checks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def logging_in(scene: Scene) -> None:
    page = scene.page(login=False)
    options = json.dumps({"apiUrl": scene.wire.url, "websocketUrl": scene.wire.url})
    assert "session:error:invalid-token" in page.run(f"failing(enter({options}, 'nonsense'))")
    now = int(time.time())
    old = json.dumps(user_token(scene.ringline, "alice", iat=now - 3600, exp=now - 1800))
    assert "session:error:expired-token" in page.run(f"failing(enter({options}, {old}))")
    weak = json.dumps(scene.ringline.token(sub="alice", acl={"paths": {"/*/users/**": {}}}))
    assert "system:error:permission" in page.run(f"failing(enter({options}, {weak}))")
    scene.enter(page, "alice")
    assert page.run("client.getUser('me').then((user) => user.name)") == "alice"
    token = json.dumps(user_token(scene.ringline, "alice"))
    page.run(f"client.refreshSession({token})")
    page.run("client.deleteSession()")


def too_many_sessions(scene: Scene) -> None:
    pages = [scene.page("crowd", login=False) for _ in range(1)]
    for _ in range(10):
        scene.enter(pages[0], "crowd")
        pages[0].run("(window.kept = window.kept || []).push(client)")
    options = json.dumps({"apiUrl": scene.wire.url, "websocketUrl": scene.wire.url})
    token = json.dumps(user_token(scene.ringline, "crowd"))
    assert "max-open-sessions" in pages[0].run(f"failing(enter({options}, {token}))")


def calling_a_phone(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    with scene.phone() as (ear, uri, _):
        scene.app.answers(number, scene.connects(uri))
        leg = call(page, {"to": number, "foo": "bar", "n": 3})
        asked = scene.app.wait("/answer", to=number)
        assert (asked["from_user"], asked["uuid"], json.loads(asked["custom_data"])) == (
            "alice",
            leg,
            {"foo": "bar", "n": 3},
        )
        page.until("told.find((one) => one[0] === 'legStatusUpdate' && one[3] === 'ANSWERED')")
        both_hear(page, ear)
        page.run("client.mute(leg)")
        page.until("heard('mute', leg, leg, 'true')")
        ear.until(lambda pcm: level_dbfs(pcm) < -55)
        page.run("client.unmute(leg)")
        page.until("heard('mute', leg, leg, 'false')")
        ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
        page.run("client.enableEarmuff(leg)")
        page.until("heard('earmuff', leg, leg, 'true')")
        time.sleep(0.5)
        quiet = page.run("sound.heard(sound.streams.at(-1), 0.8)")
        assert quiet["db"] is None or quiet["db"] < -60, f"the page still hears {quiet}"
        page.run("client.disableEarmuff(leg)")
        page.until("heard('earmuff', leg, leg, 'false')")
        assert abs(page.hears() - PHONE_HZ) < 20
        page.run("client.sendDTMF(leg, '12#')")
        page.until("told.filter((one) => one[0] === 'dtmf').map((one) => one[3]).join('') === '12#'")
        ear.until(lambda pcm: ear.keys() == "12#")
        page.run("client.say(leg, 'Hello from the library')")
        legs = page.run("client.getCallLegs(leg).then((page) => page.legs.length)")
        assert legs == 2, legs
        assert page.run("client.getLeg(leg).then((one) => one.id)") == leg
        page.run("client.hangup(leg)")
        page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'LOCAL_HANGUP')")
    scene.app.wait("/event", uuid=leg, status="completed", disconnected_by="user")


def silent_server(scene: Scene) -> None:
    page = scene.page(login=False)
    scene.wire.mute = True
    try:
        options = json.dumps({"apiUrl": scene.wire.url, "websocketUrl": scene.wire.url})
        token = json.dumps(user_token(scene.ringline, "alice"))
        assert "session:error:timeout" in page.run(f"failing(enter({options}, {token}))")
    finally:
        scene.wire.mute = False


def unreachable_media(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    page.run("sound.unreachable = true")
    told = page.run(f"failing(client.serverCall({{to: '{number}'}}))")
    assert "voice:error:media_timeout" in told, told
    assert not scene.app.requests("/answer", to=number)


def remote_hang_up(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    scene.app.answers(number, [{"action": "talk", "text": "Goodbye."}])
    call(page, {"to": number})
    page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'REMOTE_HANGUP')")


def callee_rejects(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    with scene.phone("refuse", refusal="603 Decline", header="") as (_, uri, _):
        scene.app.answers(number, scene.connects(uri))
        call(page, {"to": number})
        page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'REMOTE_REJECT')")


def callee_does_not_answer(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    scene.page("dora")
    scene.app.answers(number, scene.rings("dora", timeout=3))
    call(page, {"to": number})
    page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'REMOTE_NO_ANSWER_TIMEOUT')")


def application_fails(scene: Scene) -> None:
    page = scene.page()
    told = page.run("failing(client.serverCall({to: '1'}))")
    assert "knocking:error:not-accepted" in told, told


def without_context(scene: Scene) -> None:
    page = scene.page()
    scene.app.answers("", [{"action": "talk", "text": "Nobody in particular."}])
    page.run("client.serverCall().then((id) => window.leg = id)")
    page.until("told.find((one) => one[0] === 'callHangup')")


def being_called(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    scene.app.answers(number, scene.rings())
    with scene.caller(number) as (ear, peer):
        invite = page.until("told.find((one) => one[0] === 'callInvite')")
        assert invite[2:] == [NUMBERS[0], "phone"], invite
        page.run("client.answer(window.leg = told.find((one) => one[0] === 'callInvite')[1])")
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        both_hear(page, ear)
        peer.send(peer.request("BYE", cseq=9, branch="bye"))
        peer.response(200, "BYE")
        page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'REMOTE_HANGUP')")


def rejecting(scene: Scene) -> None:
    page, other, number = scene.page("erik"), scene.page("erik"), scene.number()
    scene.app.answers(number, scene.rings("erik"))
    with scene.caller(number) as (_, peer):
        page.until("told.find((one) => one[0] === 'callInvite')")
        other.until("told.find((one) => one[0] === 'callInvite')")
        page.run("client.reject(told.find((one) => one[0] === 'callInvite')[1])")
        other.until("told.find((one) => one[0] === 'callInviteCancel' && /rejected.?elsewhere/i.test(one[2]))")
        peer.response(603, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
    assert not page.run("told.find((one) => one[0] === 'callInviteCancel' && /rejected/i.test(one[2]))"), page.run(
        "told"
    )


def caller_gives_up(scene: Scene) -> None:
    page, number = scene.page("fred"), scene.number()
    scene.app.answers(number, scene.rings("fred"))
    with scene.caller(number) as (_, peer):
        page.until("told.find((one) => one[0] === 'callInvite')")
        peer.send(peer.request("CANCEL"))
        page.until("told.find((one) => one[0] === 'callInviteCancel' && /remote.?cancel/i.test(one[2]))")


def ring_timeout(scene: Scene) -> None:
    page, number = scene.page("gina"), scene.number()
    scene.app.answers(number, scene.rings("gina", timeout=3))
    with scene.caller(number):
        page.until("told.find((one) => one[0] === 'callInviteCancel' && /remote.?timeout/i.test(one[2]))")


def answered_elsewhere(scene: Scene) -> None:
    page, other, number = scene.page("hugo"), scene.page("hugo"), scene.number()
    scene.app.answers(number, scene.rings("hugo"))
    with scene.caller(number) as (_, peer):
        for one in (page, other):
            one.until("window.leg = (told.find((one) => one[0] === 'callInvite') || [])[1]")
        page.run("client.answer(leg)")
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        other.until("told.find((one) => one[0] === 'callInviteCancel' && /answered.?elsewhere/i.test(one[2]))")
        page.run("client.hangup(leg)")
        peer.asked("BYE")


def invited_at_login(scene: Scene) -> None:
    first, number = scene.page("iris"), scene.number()
    scene.app.answers(number, scene.rings("iris"))
    with scene.caller(number) as (_, peer):
        first.until("told.find((one) => one[0] === 'callInvite')")
        later = scene.page("iris")
        later.until("window.leg = (told.find((one) => one[0] === 'callInvite') || [])[1]")
        later.run("client.answer(leg)")
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        later.run("client.hangup(leg)")
        peer.asked("BYE")


def transfer(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    scene.app.answers(number, [{"action": "conversation", "name": f"room-{number}"}])
    leg = call(page, {"to": number})
    page.until("told.find((one) => one[0] === 'callTransfer')")
    page.run("client.mute(leg)")
    page.until("heard('mute', leg, leg, 'true')")
    page.run("client.hangup(leg)")
    page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'LOCAL_HANGUP')")
    scene.app.wait("/event", uuid=leg, status="completed")


def resuming(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    with scene.phone() as (ear, uri, _):
        scene.app.answers(number, scene.connects(uri))
        call(page, {"to": number})
        both_hear(page, ear)
        scene.wire.cut()
        ear.until(lambda pcm: has_tone(pcm, BROWSER_HZ, share=0.5))
        page.until("told.find((one) => one[0] === 'reconnecting')")
        page.until("told.find((one) => one[0] === 'reconnection')")
        both_hear(page, ear)
        page.run("client.hangup(leg)")
        page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'LOCAL_HANGUP')")


def losing_the_session(scene: Scene) -> None:
    page, number = scene.page("kurt"), scene.number()
    with scene.phone() as (ear, uri, _):
        scene.app.answers(number, scene.connects(uri))
        leg = call(page, {"to": number})
        both_hear(page, ear)
        scene.wire.refuses = True
        try:
            scene.wire.cut()
            page.until("told.find((one) => one[0] === 'sessionError' && /transport/i.test(one[1]))", within_s=60)
            scene.app.wait("/event", uuid=leg, status="completed", within_s=40)
        finally:
            scene.wire.refuses = False


def token_that_ends(scene: Scene) -> None:
    page, now = scene.page(login=False), int(time.time())
    options = json.dumps({"apiUrl": scene.wire.url, "websocketUrl": scene.wire.url})
    token = json.dumps(user_token(scene.ringline, "lena", exp=now + 4))
    page.run(f"enter({options}, {token})")
    page.until("told.find((one) => one[0] === 'sessionError' && /expired/i.test(one[1]))")
    assert not page.run("heard('reconnecting')")


def media_reconnect(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    with scene.phone() as (ear, uri, _):
        scene.app.answers(number, scene.connects(uri))
        call(page, {"to": number})
        both_hear(page, ear)
        page.run("client.reconnectCall(leg)")
        both_hear(page, ear)
        page.run("client.hangup(leg)")
        page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'LOCAL_HANGUP')")


def page_reload(scene: Scene) -> None:
    page, number = scene.page(), scene.number()
    with scene.phone() as (ear, uri, _):
        scene.app.answers(number, scene.connects(uri))
        leg = call(page, {"to": number})
        both_hear(page, ear)
        page.page.goto(f"{scene.pages.url}/page.html?again")
        scene.enter(page, "alice")
        page.run(f"client.reconnectCall(window.leg = '{leg}')")
        both_hear(page, ear)
        page.run("client.hangup(leg)")
    scene.app.wait("/event", uuid=leg, status="completed")


def called_by_the_node_library(scene: Scene) -> None:
    page = scene.page("jack")
    with Client("node", ca_file=scene.ringline.ca_file) as node:
        node.do(
            "connect",
            {
                "application": APPLICATION_ID,
                "key": scene.ringline.key_file.read_text(),
                "apiKey": API_KEY,
                "apiSecret": API_SECRET,
                "host": f"127.0.0.1:{scene.ringline.https_port}",
            },
        )
        order = {
            "to": [{"type": "app", "user": "jack"}],
            "from": {"type": "phone", "number": NUMBERS[0]},
            "ncco": [{"action": "talk", "text": "Hello, Jack. This is Ringline."}],
        }
        made = node.do("create", order)
        assert made, made
    page.until("window.leg = (told.find((one) => one[0] === 'callInvite') || [])[1]")
    page.run("client.answer(leg)")
    page.until("told.find((one) => one[0] === 'callHangup' && one[3] === 'REMOTE_HANGUP')")


CHECKS: Final[tuple[Callable[[Scene], None], ...]] = (
    logging_in,
    too_many_sessions,
    silent_server,
    calling_a_phone,
    unreachable_media,
    remote_hang_up,
    callee_rejects,
    callee_does_not_answer,
    application_fails,
    without_context,
    being_called,
    rejecting,
    caller_gives_up,
    ring_timeout,
    answered_elsewhere,
    invited_at_login,
    transfer,
    resuming,
    losing_the_session,
    token_that_ends,
    media_reconnect,
    page_reload,
    called_by_the_node_library,
)


def tell(line: str) -> None:
    """Say something, now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(wanted: list[str]) -> int:
    """Run all checks, or those that are named."""
    with tempfile.TemporaryDirectory(prefix="ringline-client-sdk-") as name:
        folder = Path(name)
        npm = shutil.which("npm")
        assert npm, "npm is not installed"
        subprocess.run([npm, "init", "-y"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent", PACKAGE], cwd=folder, check=True)
        (folder / "page.html").write_text(PAGE)
        failed = run(folder, [one for one in CHECKS if not wanted or one.__name__ in wanted])
        for codec in ("opus", "PCMU"):
            tell(f"with {codec} only:")
            checks = [one for one in (calling_a_phone, being_called) if not wanted or one.__name__ in wanted]
            failed += run(folder, checks, media=f'browser_codecs = ["{codec}"]')
    tell(f"{failed} checks failed" if failed else "all checks went as they should")
    return 1 if failed else 0


def run(folder: Path, checks: Sequence[Callable[[Scene], None]], *, media: str = "") -> int:
    """Run checks against a server of their own; how many failed."""
    failed = 0
    with ExitStack() as stack:
        scene = Scene(stack, folder, media)
        for check in checks:
            began = time.monotonic()
            try:
                check(scene)
                said = "✓"
            except Exception:
                failed += 1
                said = f"✗ {traceback.format_exc()}"
            tell(f"{check.__name__.replace('_', ' '):28} {time.monotonic() - began:5.1f} s  {said}")
            while scene.tabs:
                scene.tabs.pop().close()
        if failed:
            tell(scene.ringline.log_tail(30))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
