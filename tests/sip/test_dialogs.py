"""Dialogs: whom requests name, and which way they go (RFC 3261 section 12)."""

from __future__ import annotations

import pytest

from ringline.base import LocalProtocolError, RemoteProtocolError
from ringline.sip import Dialog, Request, Response, parse, respond

INVITE = (
    b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP p2.example.com;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP p1.example.com;branch=z9hG4bK1\r\n"
    b"Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\n"
    b"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@biloxi.example.com>\r\n"
    b"Call-ID: x\r\nCSeq: 10 INVITE\r\nContact: <sip:alice@192.0.2.1:5070>\r\n\r\n"
)


def invite(data: bytes = INVITE) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_the_called_side_goes_back_through_the_recorded_routes() -> None:
    dialog = Dialog.accept(invite(), to_tag="b")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:alice@192.0.2.1:5070"
    assert bye.headers.all("Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert (bye.from_.tag, bye.to.tag, bye.cseq) == ("b", "a", (1, "BYE"))
    assert dialog.next_hop().host == "p2.example.com"
    assert dialog.request("INFO").cseq == (2, "INFO")


def test_the_calling_side_turns_the_routes_round() -> None:
    response = respond(invite(), 200, "OK", to_tag="b")
    response.headers.add("Contact", "<sip:bob@192.0.2.2>")
    dialog = Dialog.from_response(invite(), response)
    assert dialog.route_set == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert dialog.request("BYE").cseq == (11, "BYE")
    assert dialog.request("ACK", cseq=10).cseq == (10, "ACK")
    with pytest.raises(LocalProtocolError):
        dialog.request("ACK")


def test_a_strict_router_gets_itself_in_the_request_uri() -> None:
    dialog = Dialog.accept(invite(INVITE.replace(b"p2.example.com;lr", b"p2.example.com")), to_tag="b")
    bye = dialog.request("BYE")
    assert bye.uri == "sip:p2.example.com"
    assert bye.headers.all("Route") == ["<sip:p1.example.com;lr>", "<sip:alice@192.0.2.1:5070>"]


def test_requests_out_of_order_are_noticed() -> None:
    dialog = Dialog.accept(invite(), to_tag="b")
    later = invite(INVITE.replace(b"CSeq: 10", b"CSeq: 11"))
    assert [dialog.in_order(later), dialog.in_order(later), dialog.in_order(invite())] == [True, False, False]


def test_an_invite_without_contact_makes_no_dialog() -> None:
    with pytest.raises(RemoteProtocolError):
        Dialog.accept(invite(INVITE.replace(b"Contact: <sip:alice@192.0.2.1:5070>\r\n", b"")), to_tag="b")


def test_a_success_without_contact_can_still_be_ended() -> None:
    dialog = Dialog.from_response(invite(), respond(invite(), 200, "OK", to_tag="b"))
    assert str(dialog.remote_target) == "sip:bob@biloxi.example.com"


def test_a_response_takes_over_what_identifies_the_request() -> None:
    request = invite(INVITE.replace(b"z9hG4bK2", b"z9hG4bK2;rport"))
    response = respond(request, 180, "Ringing", to_tag="b", received=("198.51.100.7", 4711))
    assert isinstance(response, Response)
    assert response.headers.all("Via") == [
        "SIP/2.0/UDP p2.example.com;branch=z9hG4bK2;rport=4711;received=198.51.100.7",
        "SIP/2.0/UDP p1.example.com;branch=z9hG4bK1",
    ]
    assert response.headers.get("To") == "<sip:bob@biloxi.example.com>;tag=b"
    assert len(response.headers.all("Record-Route")) == 1
