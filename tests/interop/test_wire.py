"""Calls by a peer that says exactly what it wants: repeats, losses, and logins SIPp does not know."""

from __future__ import annotations

import hashlib
import re
import socket
import time

import jwt
import pytest

from . import digest
from .application import Application
from .ears import Ear
from .installation import API_KEY, APPLICATION_ID, SIGNATURE_SECRET, Installation
from .scripts import LONG_TALK, talk
from .sipp import header, status_of
from .wire import Peer

pytestmark = pytest.mark.interop


def test_a_repeated_invite_gets_the_same_answer_and_makes_one_leg(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as peer:
        invite = peer.request("INVITE", body=peer.sdp(port=9))
        for _ in range(3):
            peer.send(invite)
        first = peer.response(200, "INVITE")
        peer.send(invite)
        again = peer.response(200, "INVITE")
        assert again == first
        peer.send(peer.request("ACK", branch="ack"))
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait("/event", uuid=leg, status="completed")
    assert len(app.requests("/answer", to=number)) == 1


def test_the_200_is_repeated_until_the_ack_comes_and_no_longer(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=9)))
        first = peer.response(200, "INVITE")
        began = time.monotonic()
        for _ in range(2):
            assert peer.response(200, "INVITE") == first
        assert 1.2 < time.monotonic() - began < 3.3  # after T1, and after 2*T1 more; the next one is due after 3.5
        peer.send(peer.request("ACK", branch="ack"))
        # The third repeat would come 2 s after the second one.
        assert peer.message(within_s=2.3) is None
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_login_with_either_algorithm(ringline: Installation, app: Application, number: str, algorithm: str) -> None:
    app.answers(number, [talk("Welcome.")])
    with Ear() as ear, Peer(ringline.sip_address, number=number, host="127.0.0.6") as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        asked = peer.response(401, "INVITE")
        peer.send(peer.request("ACK"))
        peer.to_tag = ""
        login = _login(asked, algorithm, f"sip:{number}@{ringline.sip_address}", "alice", "alice-secret")
        peer.send(peer.request("INVITE", cseq=2, branch="second", headers=[login], body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", cseq=2, branch="ack"))
        peer.asked("BYE")
    assert app.wait("/answer", to=number)["from"] == "442079460900"


@pytest.mark.parametrize(
    ("agent", "offered"),
    [
        ("baresip v1.0.0 (x86_64/linux)", ["MD5"]),
        ("baresip v3.10.1 (x86_64/Linux)", ["MD5"]),
        ("baresip v3.11.0 (x86_64/Linux)", ["MD5", "SHA-256"]),
        ("baresip v².³", ["MD5", "SHA-256"]),
        ("another phone", ["MD5", "SHA-256"]),
    ],
)
def test_old_softphones_are_offered_only_what_they_bear(ringline: Installation, agent: str, offered: list[str]) -> None:
    with Peer(ringline.sip_address, host="127.0.0.9") as peer:
        peer.send(peer.request("INVITE", headers=[f"User-Agent: {agent}"], body=peer.sdp(port=9)))
        asked = peer.response(401, "INVITE")
    assert re.findall(r"algorithm=([A-Z0-9-]+)", asked) == offered


def test_a_login_cannot_be_used_again_by_a_listener(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [talk("Welcome.")])
    with Peer(ringline.sip_address, number=number, host="127.0.0.7") as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=9)))
        asked = peer.response(401, "INVITE")
        peer.send(peer.request("ACK"))
        peer.to_tag = ""
        login = _login(asked, "MD5", f"sip:{number}@{ringline.sip_address}", "alice", "alice-secret")
        peer.send(peer.request("INVITE", cseq=2, branch="second", headers=[login], body=peer.sdp(port=9)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", cseq=2, branch="ack"))
        peer.send(peer.request("BYE", cseq=3, branch="bye"))
        peer.response(200, "BYE")
    with Peer(ringline.sip_address, number=number, host="127.0.0.8") as thief:
        thief.send(thief.request("INVITE", headers=[login], body=thief.sdp(port=9)))
        assert status_of(thief.response(401, "INVITE")) == 401
    assert len(app.requests("/answer", to=number)) == 1


def test_of_two_phones_that_answer_one_call_the_second_is_let_go(ringline: Installation, app: Application) -> None:
    """A proxy on the way has forked the call."""
    with Peer(ringline.sip_address) as proxy:
        leg = ringline.call({"type": "sip", "uri": f"sip:callee@127.0.0.1:{proxy.port}"}, [LONG_TALK])
        invite = proxy.next_request("INVITE")
        body = proxy.sdp(port=9)
        for tag in ("desk", "mobile"):
            proxy.send(proxy.accept(invite, tag=tag, body=body))
        acks: list[str] = []
        byes: list[str] = []
        while not (len(acks) == 2 and byes):
            message = proxy.message() or ""
            assert message, f"{len(acks)} ACK, {len(byes)} BYE came"
            (acks if message.startswith("ACK ") else byes).append(header(message, "To") or "")
            if message.startswith("BYE "):
                proxy.send(proxy.ok(message))
        assert sorted(to.partition(";tag=")[2] for to in acks) == ["desk", "mobile"]
        assert [to.partition(";tag=")[2] for to in byes] == ["mobile"]
        app.wait("/event", uuid=leg, status="answered")
        assert ringline.change(leg, action="hangup").status == 204
        assert (header(proxy.asked("BYE"), "To") or "").endswith(";tag=desk")
    app.wait_statuses(leg, "started", "answered", "completed")


def test_a_connection_that_breaks_does_not_end_the_call(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [talk("Your line is bad, but I am still here.")])
    address = ("127.0.0.1", ringline.sip_port)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Ear() as ear,
        Peer(ringline.sip_address, number=number) as writer,
    ):
        own, listening = f"{writer.host}:{writer.port}", f"127.0.0.1:{listener.getsockname()[1]};transport=tcp"

        def tcp(message: str) -> bytes:
            return (
                message.replace("SIP/2.0/UDP", "SIP/2.0/TCP")
                .replace(f"<sip:peer@{own}>", f"<sip:peer@{listening}>")
                .encode()
            )

        with socket.create_connection(address, timeout=5) as first:
            first.sendall(tcp(writer.request("INVITE", body=writer.sdp(port=ear.port))))
            told = ""
            while "SIP/2.0 200 OK" not in told:
                told += first.recv(65536).decode()
            writer.to_tag = told.rpartition(";tag=")[2].splitlines()[0]
            first.sendall(tcp(writer.request("ACK", branch="ack")))
            ear.hears(0.3)
        listener.settimeout(10)
        second, _ = listener.accept()
        with second:
            second.settimeout(5)
            bye = second.recv(65536).decode()
            assert bye.startswith("BYE ")
            second.sendall(writer.ok(bye).encode())
    assert ear.spoken_s() > 1
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_who_wants_what_nobody_has_is_told(ringline: Installation, number: str) -> None:
    with Peer(ringline.sip_address, number=number) as caller:
        caller.send(caller.request("OPTIONS", headers=["Require: 100rel, magic"]))
        assert header(caller.response(420, "OPTIONS"), "Unsupported") == "magic"
    with Peer(ringline.sip_address, number=number) as caller:
        caller.send(caller.request("INVITE", headers=["Accept: text/plain"], body=caller.sdp(port=9)))
        caller.response(406, "INVITE")
    with Peer(ringline.sip_address, number=number) as caller:
        brief = ["Supported: timer", "Session-Expires: 30"]
        caller.send(caller.request("INVITE", headers=brief, body=caller.sdp(port=9)))
        assert header(caller.response(422, "INVITE"), "Min-SE") == "90"


def test_every_webhook_is_signed(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [talk("Signed.")])
    with Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=9)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        peer.asked("BYE")
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait("/event", uuid=leg, status="completed")
    for webhook in app.requests(uuid=leg):
        token = webhook.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SIGNATURE_SECRET, algorithms=["HS256"])
        assert (claims["api_key"], claims["application_id"]) == (API_KEY, APPLICATION_ID)
        assert claims["payload_hash"] == hashlib.sha256(webhook.body).hexdigest()


def test_headers_of_the_caller_reach_the_application(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [talk("Hello.")])
    with Peer(ringline.sip_address, number=number) as peer:
        headers = ["X-Order: 17", "User-to-User: 56a390f3;encoding=hex"]
        peer.send(peer.request("INVITE", headers=headers, body=peer.sdp(port=9)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        peer.asked("BYE")
    asked = app.wait("/answer", to=number)
    assert asked["SipHeader_X-Order"] == "17"
    assert asked["SipHeader_User-to-User"] == "56a390f3;encoding=hex"


def _login(asked: str, algorithm: str, uri: str, user: str, password: str) -> str:
    """The `Authorization` header that answers the challenge of this algorithm."""
    challenges = re.findall(r"^WWW-Authenticate: (Digest .*?)\r?$", asked, flags=re.MULTILINE)
    chosen = next(each for each in challenges if digest.read(each)["algorithm"] == algorithm)
    return "Authorization: " + digest.credentials(chosen, method="INVITE", uri=uri, user=user, password=password)
