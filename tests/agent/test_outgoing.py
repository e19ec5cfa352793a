"""Our own calls: fail over, redirection, forks, limits of patience."""

from __future__ import annotations

import pytest

from ringline.agent import Answered, Ended, Failed, IncomingCall, OutgoingInvite, Provisional
from ringline.base import LegId
from ringline.sip import Destination, Flow, Request, Response, respond

from .wire import OTHER_SDP, SDP, Phone, Wire

HERE = ("198.51.100.5", 5060)
THERE = ("198.51.100.6", 5060)


def dial(wire: Wire, alice: Phone, *addresses: tuple[str, int], transport: str = "udp", **changes: object) -> LegId:
    leg = LegId("out")
    fields: dict[str, object] = {
        "request_uri": "sip:bob@pbx.example.com",
        "destinations": tuple(Destination(transport, *address) for address in addresses),
        "from_": ("", "sip:alice@example.com"),
        "to": "sip:bob@pbx.example.com",
        "sdp": SDP,
        **changes,
    }
    alice.do(alice.agent.dial, leg, OutgoingInvite(**fields))  # type: ignore[arg-type]
    return leg


def requests(wire: Wire) -> list[tuple[tuple[str, int], str]]:
    return [(address, message.method) for address, message in wire.strangers if isinstance(message, Request)]


def invite(wire: Wire) -> tuple[tuple[str, int], Request]:
    """The latest INVITE on the wire."""
    found = [(address, message) for address, message in wire.strangers if isinstance(message, Request)]
    return [(address, message) for address, message in found if message.method == "INVITE"][-1]


def reply(wire: Wire, alice: Phone, status: int, *, tag: str = "far", body: bytes = b"", **headers: str) -> None:
    """Answer the latest INVITE from where it went."""
    address, request = invite(wire)
    response: Response = respond(request, status, "Words", to_tag=tag)
    response.headers.add("Contact", f"<sip:bob@{address[0]}:{address[1]}>")
    for name, value in headers.items():
        response.headers.set(name.replace("_", "-"), value)
    if body:
        response.headers.add("Content-Type", "application/sdp")
        response.body = body
    wire.inject(alice, bytes(response), source=address)


def test_503_leads_to_the_next_destination(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE, THERE)
    reply(wire, alice, 503)
    assert invite(wire)[0] == THERE
    assert [line for line in alice.lines() if line != "INVITE"] == ["ACK"]
    reply(wire, alice, 503)
    assert alice.one(Failed) == Failed(leg=leg, status=503, reason="Words", q850=None, why="refused")


def test_silence_leads_to_the_next_destination_after_a_shorter_wait(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, THERE)
    wire.run(6.1)
    assert invite(wire)[0] == THERE
    wire.run(32)
    assert (alice.one(Failed).status, alice.one(Failed).why) == (None, "timeout")


def test_a_dead_connection_leads_to_the_next_destination(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, THERE, transport="tcp")
    alice.do(alice.agent.connection_lost, Destination("tcp", *HERE))
    assert invite(wire)[0] == THERE
    alice.do(alice.agent.connection_lost, Flow("tcp", alice.address, THERE, 7))
    assert alice.one(Failed).why == "unreachable"


def test_busy_is_final_whatever_other_destinations_there_are(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE, THERE)
    reply(wire, alice, 486, Reason='Q.850;cause=17;text="user busy"')
    failed = alice.one(Failed)
    assert (failed.status, failed.q850, failed.reason) == (486, 17, "user busy")
    assert invite(wire)[0] == HERE


def test_without_destination_a_call_fails_at_once(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice)
    assert alice.one(Failed) == Failed(leg=leg, status=None, reason="no destination", q850=None, why="unreachable")
    assert alice.agent.call_count == 0


@pytest.mark.parametrize("field", ["request_uri", "to"])
def test_addresses_that_are_none_fail_at_once_and_leave_nothing(wire: Wire, alice: Phone, field: str) -> None:
    dial(wire, alice, HERE, **{field: "sip:"})
    assert alice.one(Failed).status is None
    assert (alice.agent.call_count, alice.sent) == (0, [])


def test_a_redirection_within_the_same_hosts_is_followed(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE)
    contacts = "<sip:carol@203.0.113.1>, <sip:dave@198.51.100.5:5090>;q=0.5, <sip:eve@pbx.example.com>;q=0.9"
    reply(wire, alice, 302, Contact=contacts)
    address, request = invite(wire)
    assert (address, request.uri) == (HERE, "sip:eve@pbx.example.com")
    reply(wire, alice, 503)
    address, request = invite(wire)
    assert (address, request.uri) == (("198.51.100.5", 5090), "sip:dave@198.51.100.5:5090")
    reply(wire, alice, 302, Contact="<sip:x@pbx.example.com>")
    reply(wire, alice, 302, Contact="<sip:y@pbx.example.com>")
    assert alice.one(Failed).status == 302


def test_a_redirection_elsewhere_is_not_followed(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE)
    reply(wire, alice, 302, Contact="<sip:900123@203.0.113.1>")
    assert alice.one(Failed).status == 302
    assert invite(wire)[0] == HERE


def test_of_a_fork_the_first_answer_counts_and_the_other_is_ended(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, tag="one", body=OTHER_SDP)
    reply(wire, alice, 200, tag="two", body=OTHER_SDP)
    alice.one(Answered)
    assert alice.lines() == ["INVITE", "ACK", "ACK", "BYE"]
    bye = alice.sent[-1]
    assert bye.to.tag == "two"
    wire.inject(alice, bytes(respond(bye, 200, "OK")), source=HERE)  # type: ignore[arg-type]
    alice.do(alice.agent.hang_up, leg)
    assert alice.sent[-1].to.tag == "one"
    alice.one(Ended)


def test_a_repeated_answer_gets_the_same_ack_again(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP)
    reply(wire, alice, 200, body=OTHER_SDP)
    acks = [bytes(message) for message in alice.sent if isinstance(message, Request) and message.method == "ACK"]
    assert len(acks) == 2
    assert acks[0] == acks[1]
    alice.one(Answered)


def test_early_media_stands_in_for_an_answer_without_sdp(wire: Wire, alice: Phone) -> None:
    dial(wire, alice, HERE)
    reply(wire, alice, 183, body=OTHER_SDP)
    reply(wire, alice, 200)
    assert alice.one(Provisional).sdp == OTHER_SDP
    assert alice.one(Answered).sdp == OTHER_SDP


def test_recorded_routes_are_followed(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, Record_Route="<sip:203.0.113.9:5080;lr>, <sip:198.51.100.5;lr>")
    assert wire.strangers[-1][0] == ("198.51.100.5", 5060)
    alice.do(alice.agent.hang_up, leg)
    bye = alice.sent[-1]
    assert bye.headers.all("Route") == ["<sip:198.51.100.5;lr>", "<sip:203.0.113.9:5080;lr>"]


def test_a_private_contact_seen_from_outside_is_reached_at_its_source(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, ("8.8.8.8", 5060))
    reply(wire, alice, 200, Contact="<sip:bob@192.168.1.20:5060>")
    alice.do(alice.agent.hang_up, leg)
    assert wire.strangers[-1][0] == ("8.8.8.8", 5060)


def test_a_cancel_that_nothing_follows_is_not_waited_for_without_end(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 180)
    alice.do(alice.agent.hang_up, leg)
    wire.run(100)
    assert alice.agent.deadline() is None
    assert requests(wire).count((HERE, "CANCEL")) > 3


def test_after_a_cancel_other_destinations_are_not_tried(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE, THERE)
    alice.do(alice.agent.hang_up, leg)
    reply(wire, alice, 503)
    wire.run(50)
    assert THERE not in [address for address, _ in requests(wire)]
    alice.one(Failed)


def test_headers_are_sent_as_given_except_our_own(wire: Wire, alice: Phone) -> None:
    given = (("X-Location", "Lab 4"), ("Call-ID", "evil"), ("bad name", "x"), ("X-A", "b\r\nVia: evil"), ("l", "7"))
    dial(wire, alice, HERE, headers=given)
    request = alice.sent[-1]
    assert (request.headers.get("X-Location"), request.headers.get("X-A")) == ("Lab 4", "b  Via: evil")
    assert (request.call_id != "evil", len(request.headers.all("Via"))) == (True, 1)
    assert "bad name" not in request.headers


def test_over_tcp_a_whole_call_goes_through(wire: Wire, alice: Phone) -> None:
    bob = wire.phone("bob", "192.0.2.2")
    leg = alice.dial(bob, transport="tcp")
    wire.run(0.1)
    call = bob.one(IncomingCall)
    assert call.source.transport == "tcp"
    bob.do(bob.agent.answer, call.leg, OTHER_SDP)
    wire.run(0.1)
    invite_sent = alice.sent[0]
    assert (invite_sent.via.transport, str(invite_sent.contact)) == (
        "TCP",
        "sip:ringline@192.0.2.1:5060;transport=tcp",
    )
    bob.do(bob.agent.connection_lost, call.source)
    bob.do(bob.agent.hang_up, call.leg)
    wire.run(0.1)
    assert alice.one(Ended) == Ended(leg=leg, by_far=True, status=200, reason=None, q850=16)
