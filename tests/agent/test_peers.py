"""Trunks under watch: asked whether they are there, and told where we are."""

from __future__ import annotations

import pytest

from ringline.agent import Lookup, PeerSpec, PeerState, Send
from ringline.base import SeededRandom
from ringline.sip import PING, Credentials, Destination, DigestServer, Request, Response, Verified, respond

from .wire import Phone, Wire

PROVIDER = ("198.51.100.5", 5060)
BACKUP = ("198.51.100.6", 5060)
PINGED = PeerSpec(name="carrier", uri="sip:198.51.100.5", aor="sip:ringline@example.com", ping_s=30)
REGISTERED = PeerSpec(
    name="provider",
    uri="sip:198.51.100.5",
    aor="sip:acct@provider.example",
    registers=True,
    credentials=Credentials(username="acct", password="s3cret"),
)


@pytest.fixture
def we(wire: Wire) -> Phone:
    return wire.phone("we", "192.0.2.1")


def requests(wire: Wire, method: str) -> list[Request]:
    return [each for _, each in wire.strangers if isinstance(each, Request) and each.method == method]


def reply(wire: Wire, we: Phone, request: Request, status: int, **headers: str) -> None:
    response: Response = respond(request, status, "Words", to_tag="far")
    for name, value in headers.items():
        response.headers.add(name.replace("_", "-"), value)
    wire.inject(we, bytes(response), source=PROVIDER)


def watch(we: Phone, *specs: PeerSpec) -> None:
    we.agent.peers.watch(specs, we.wire.now)
    we.wire.pump(we)


def state(we: Phone) -> tuple[bool, bool | None, str]:
    (found,) = we.agent.peers.states()
    return found.up, found.registered, found.why


# ── OPTIONS ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 404, 405, 486, 501])
def test_whatever_a_trunk_answers_it_is_there(wire: Wire, we: Phone, status: int) -> None:
    watch(we, PINGED)
    wire.run(1)
    for _ in range(3):
        reply(wire, we, requests(wire, "OPTIONS")[-1], status)
        wire.run(30)
    assert we.agent.peers.is_up("carrier")
    assert we.events == []


def test_silence_takes_a_trunk_down_and_an_answer_brings_it_back(wire: Wire, we: Phone) -> None:
    watch(we, PINGED)
    wire.run(20)
    assert we.agent.peers.is_up("carrier")
    wire.run(15)
    assert not we.agent.peers.is_up("carrier")
    assert we.events == [PeerState(name="carrier", up=False, registered=None, why="timeout")]
    reply(wire, we, requests(wire, "OPTIONS")[-1], 200)
    assert we.agent.peers.is_up("carrier")
    assert we.events[-1] == PeerState(name="carrier", up=True, registered=None, why="")


def test_a_trunk_that_says_it_is_out_of_service_is_down(wire: Wire, we: Phone) -> None:
    watch(we, PINGED)
    wire.run(1)
    reply(wire, we, requests(wire, "OPTIONS")[0], 503)
    assert state(we) == (False, None, "503 Service Unavailable")


def test_a_trunk_that_asks_for_peace_gets_it_for_so_long(wire: Wire, we: Phone) -> None:
    watch(we, PINGED)
    we.agent.peers.failed("carrier", 20, wire.now)
    assert not we.agent.peers.is_up("carrier")
    wire.run(1)
    reply(wire, we, requests(wire, "OPTIONS")[0], 200)
    assert not we.agent.peers.is_up("carrier")
    wire.run(20)
    assert we.agent.peers.is_up("carrier")
    assert we.agent.peers.is_up("a trunk nobody watches")


def test_watching_no_longer_leaves_nothing_behind(wire: Wire, we: Phone) -> None:
    watch(we, PINGED)
    wire.run(5)
    watch(we)
    wire.run(120)
    assert we.agent.gauges() == dict.fromkeys(we.agent.gauges(), 0)
    assert we.agent.peers.states() == ()


# ── registration ───────────────────────────────────────────────────────────────────────────────────────────────────


def register(wire: Wire, we: Phone, *, expires: int = 100) -> None:
    """Go through one registration, challenge and all."""
    server = DigestServer("provider.example", SeededRandom(b"provider"))
    first = requests(wire, "REGISTER")[-1]
    assert first.headers.get("Authorization") is None
    challenge = server.challenges("us", now=wire.now)[0]
    reply(wire, we, first, 401, WWW_Authenticate=challenge)
    second = requests(wire, "REGISTER")[-1]
    verdict = server.verify(
        second.headers.all("Authorization"),
        method="REGISTER",
        source="us",
        secrets={"acct": "s3cret"}.get,
        now=wire.now,
    )
    assert verdict == Verified("acct")
    assert second.headers.get("Contact") == "<sip:acct@192.0.2.1:5060>"
    assert second.cseq[0] == first.cseq[0] + 1
    assert second.call_id == first.call_id
    contact = f"<sip:other@192.0.2.9>;expires=9000, {second.headers.get('Contact')};expires={expires}"
    reply(wire, we, second, 200, Contact=contact)


def test_we_register_and_renew_before_the_time_is_over(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    assert state(we) == (True, False, "")
    register(wire, we)
    assert we.events == [PeerState(name="provider", up=True, registered=True, why="")]
    assert we.agent.peers.at("198.51.100.5") == "provider"
    assert we.agent.peers.at("198.51.100.6") is None
    before = len(requests(wire, "REGISTER"))
    wire.run(74)
    assert len(requests(wire, "REGISTER")) == before
    wire.run(2)
    register(wire, we)
    assert len(we.events) == 1


def test_a_refused_registration_is_tried_again_more_and_more_rarely(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    moments = []
    for _ in range(6):
        reply(wire, we, requests(wire, "REGISTER")[-1], 403)
        before, began = len(requests(wire, "REGISTER")), wire.now
        while len(requests(wire, "REGISTER")) == before:
            wire.run(1)
        moments.append(wire.now - began)
    assert moments == sorted(moments)
    assert moments[0] < 20
    assert 200 < moments[-1] < 800
    assert state(we) == (True, False, "403 Words")
    assert len(we.events) == 1


def test_the_interval_the_provider_wants_is_used(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    reply(wire, we, requests(wire, "REGISTER")[-1], 423, Min_Expires="1800")
    assert requests(wire, "REGISTER")[-1].headers.get("Expires") == "1800"


def test_a_wrong_password_is_not_tried_for_ever(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    server = DigestServer("provider.example", SeededRandom(b"provider"))
    for _ in range(2):
        challenge = server.challenges("us", now=wire.now)[0]
        reply(wire, we, requests(wire, "REGISTER")[-1], 401, WWW_Authenticate=challenge)
    assert len(requests(wire, "REGISTER")) == 2
    assert state(we) == (True, False, "401 Words")


def test_leaving_takes_the_registration_back(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    register(wire, we)
    watch(we)
    assert requests(wire, "REGISTER")[-1].headers.get("Expires") == "0"
    wire.run(40)
    assert we.agent.gauges() == dict.fromkeys(we.agent.gauges(), 0)


def test_an_unchanged_trunk_is_not_registered_anew_by_a_reload(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    register(wire, we)
    before = len(requests(wire, "REGISTER"))
    watch(we, REGISTERED, PINGED)
    assert len(requests(wire, "REGISTER")) == before


def test_a_named_provider_is_looked_up_and_its_second_server_tried(wire: Wire, we: Phone) -> None:
    spec = PeerSpec(name="p", uri="sip:provider.example", aor="sip:a@provider.example", registers=True)
    watch(we, spec)
    lookup = we.one(Lookup)
    we.do(we.agent.found, lookup, (Destination("udp", *PROVIDER), Destination("udp", *BACKUP)))
    wire.run(33)
    wire.run(25)
    again = we.all(Lookup)
    if len(again) > 1:
        we.do(we.agent.found, again[-1], (Destination("udp", *PROVIDER), Destination("udp", *BACKUP)))
    wire.run(10)
    assert [place for place, each in wire.strangers][-1] == BACKUP


def test_a_name_nobody_knows_is_an_error_not_a_crash(wire: Wire, we: Phone) -> None:
    watch(we, PeerSpec(name="p", uri="sip:nowhere.example", aor="sip:a@nowhere.example", registers=True, ping_s=5))
    for _ in range(3):
        wire.run(10)
    assert state(we) == (False, False, "the host cannot be found")


def test_the_way_back_is_kept_open_while_we_are_registered(wire: Wire, we: Phone) -> None:
    watch(we, REGISTERED)
    register(wire, we)
    sent = []
    for _ in range(3):
        wire.now += 25
        we.agent.tick(now=wire.now)
        while (output := we.agent.poll()) is not None:
            if isinstance(output, Send) and output.data == PING:
                sent.append(output.to.remote)
    assert sent == [PROVIDER] * 3
