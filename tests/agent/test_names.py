"""Routes and contacts that are names: looked up, remembered, and never waited for too long."""

from __future__ import annotations

import pytest

from ringline.agent import Answered, IncomingCall, Lookup
from ringline.sip import Destination, Request

from .test_outgoing import HERE, THERE, dial, reply
from .wire import OTHER_SDP, Phone, Wire

PROXY = "<sip:proxy.example.com;lr>"
NAME = Lookup(host="proxy.example.com", port=None, transport=None)


def went(wire: Wire, method: str) -> list[tuple[str, int]]:
    return [place for place, each in wire.strangers if isinstance(each, Request) and each.method == method]


def test_the_ack_and_bye_of_a_call_follow_the_named_proxy(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route=PROXY)
    assert alice.one(Lookup) == NAME
    assert went(wire, "ACK") == []
    alice.one(Answered)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route=PROXY)
    alice.do(alice.agent.found, NAME, (Destination("udp", *THERE),))
    assert went(wire, "ACK") == [THERE]
    alice.do(alice.agent.hang_up, leg)
    assert went(wire, "BYE") == [THERE]
    assert len(alice.all(Lookup)) == 1


@pytest.mark.parametrize("told", [True, False], ids=["told it is unknown", "told nothing"])
def test_an_unknown_name_falls_back_to_where_the_answer_came_from(wire: Wire, alice: Phone, told: bool) -> None:
    dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route=PROXY)
    if told:
        alice.do(alice.agent.found, NAME, ())
    wire.run(9)
    assert went(wire, "ACK") == [HERE]


def test_a_name_is_asked_again_after_a_minute(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route=PROXY)
    alice.do(alice.agent.found, NAME, (Destination("udp", *THERE),))
    wire.run(61)
    alice.do(alice.agent.hang_up, leg)
    assert len(alice.all(Lookup)) == 2
    alice.do(alice.agent.found, NAME, (Destination("udp", *HERE),))
    assert went(wire, "BYE") == [HERE]


def test_requests_that_wait_for_one_name_leave_in_order(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route=PROXY)
    alice.do(alice.agent.hang_up, leg)
    alice.do(alice.agent.found, NAME, (Destination("udp", *THERE),))
    assert [each.method for _, each in wire.strangers if isinstance(each, Request)] == ["INVITE", "ACK", "BYE"]


def test_a_strict_router_gets_itself_in_the_request_uri(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route="<sip:198.51.100.6>")
    alice.do(alice.agent.hang_up, leg)
    bye = next(each for _, each in wire.strangers if isinstance(each, Request) and each.method == "BYE")
    assert bye.uri == "sip:198.51.100.6"
    assert bye.headers.all("Route") == ["<sip:bob@198.51.100.5:5060>"]
    assert went(wire, "BYE") == [THERE]


def test_routes_are_walked_backwards_by_the_caller(wire: Wire, alice: Phone) -> None:
    leg = dial(wire, alice, HERE)
    reply(wire, alice, 200, body=OTHER_SDP, Record_Route="<sip:198.51.100.7;lr>, <sip:198.51.100.6;lr>")
    alice.do(alice.agent.hang_up, leg)
    bye = next(each for _, each in wire.strangers if isinstance(each, Request) and each.method == "BYE")
    assert bye.headers.all("Route") == ["<sip:198.51.100.6;lr>", "<sip:198.51.100.7;lr>"]
    assert went(wire, "BYE") == [THERE]


def test_a_caller_behind_a_nat_is_answered_where_he_came_from(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2")
    text = (
        "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.4;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:c@example.com>;tag=c\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:c@10.0.0.4>\r\nContent-Length: 0\r\n\r\n"
    )
    wire.inject(bob, text, source=("8.8.8.8", 4242))
    leg = bob.one(IncomingCall).leg
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(40)
    assert sorted(set(went(wire, "BYE"))) == [("8.8.8.8", 4242)]
