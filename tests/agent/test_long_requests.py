"""What is too long for a datagram goes over TCP, and back to UDP where TCP is refused (RFC 3261 section 18.1.1)."""

from __future__ import annotations

import pytest

from ringline.agent import Answered, Failed
from ringline.sip import Credentials, Destination, Request

from .test_outgoing import HERE, THERE, dial, invite, reply
from .wire import OTHER_SDP, Phone, Wire

LONG = (("X-Story", "x" * 1200),)


def refuse_tcp(wire: Wire, alice: Phone, address: tuple[str, int]) -> None:
    alice.do(alice.agent.connection_lost, Destination("tcp", *address))


def vias(wire: Wire) -> list[str]:
    """The transports of the INVITEs so far, as their topmost Via says."""
    sent = [message for _, message in wire.strangers if isinstance(message, Request)]
    return [message.via.transport for message in sent if message.method == "INVITE"]


def test_a_long_invite_goes_over_tcp_and_says_so(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, headers=LONG, any_transport=True)
    assert vias(wire) == ["TCP"]
    request = invite(wire)[1]
    assert len(request.headers.all("Via")) == 1
    assert ";transport=tcp" in (request.headers.get("Contact") or "")
    wire.run(3)
    assert vias(wire) == ["TCP"]  # TCP repeats by itself


@pytest.mark.parametrize(("headers", "any_transport"), [((), True), (LONG, False)])
def test_a_short_one_and_one_whose_transport_was_named_stay_with_udp(
    wire: Wire, alice: Phone, headers: tuple[tuple[str, str], ...], any_transport: bool
) -> None:
    dial(wire, alice, HERE, headers=headers, any_transport=any_transport)
    assert vias(wire) == ["UDP"]


def test_the_line_is_drawn_at_1300_bytes(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, headers=(("X-Story", "x"),), any_transport=True)
    room = 1300 - len(bytes(invite(wire)[1])) + 1
    for more, expected in ((0, "UDP"), (1, "TCP")):
        other = wire.phone(f"bob{more}", f"192.0.2.{2 + more}")
        dial(wire, other, HERE, headers=(("X-Story", "x" * (room + more)),), any_transport=True)
        assert vias(wire)[-1] == expected


def test_tcp_refused_leads_back_to_udp_and_is_remembered(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE, headers=LONG, any_transport=True)
    refuse_tcp(wire, alice, HERE)
    assert vias(wire) == ["TCP", "UDP"]
    assert invite(wire)[0] == HERE
    reply(wire, alice, 200, body=OTHER_SDP)
    assert alice.one(Answered).leg == leg
    alice.do(alice.agent.hang_up, leg)
    wire.run(40)
    dial(wire, alice, HERE, headers=LONG, any_transport=True)
    assert vias(wire)[-1] == "UDP"
    reply(wire, alice, 486)
    wire.run(600)
    dial(wire, alice, HERE, headers=LONG, any_transport=True)
    assert vias(wire)[-1] == "TCP"


def test_back_at_udp_it_still_shows_its_credentials(wire: Wire, alice: Phone) -> None:
    credentials = Credentials(username="alice", password="secret")
    middling = (("X-Story", "x" * 500),)  # too long only with an answer to the challenge
    leg = dial(wire, alice, HERE, headers=middling, any_transport=True, credentials=credentials)
    reply(wire, alice, 401, WWW_Authenticate=f'Digest realm="far", nonce="{"n" * 80}", algorithm=MD5')
    assert vias(wire) == ["UDP", "TCP"]
    refuse_tcp(wire, alice, HERE)
    assert vias(wire) == ["UDP", "TCP", "UDP"]
    request = invite(wire)[1]
    assert "alice" in (request.headers.get("Authorization") or "")
    assert len(request.headers.all("Via")) == 1
    reply(wire, alice, 200, body=OTHER_SDP)
    assert alice.one(Answered).leg == leg


def test_where_neither_works_the_next_destination_is_tried(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, THERE, headers=LONG, any_transport=True)
    refuse_tcp(wire, alice, HERE)
    wire.run(6.1)
    assert (invite(wire)[0], vias(wire)[-1]) == (THERE, "TCP")
    refuse_tcp(wire, alice, THERE)
    wire.run(33)
    assert alice.one(Failed).why == "timeout"
