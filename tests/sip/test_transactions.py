"""The four transactions in virtual time: what is sent when (RFC 3261 section 17)."""

from __future__ import annotations

import pytest

from ringline.sip import (
    Answer,
    ClientOutput,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    Request,
    Response,
    ServerOutput,
    State,
    Transmit,
    Unanswered,
    Undelivered,
    parse,
    respond,
)

Transaction = InviteClient | NonInviteClient | InviteServer | NonInviteServer
Output = ClientOutput | ServerOutput


def request(method: str = "INVITE") -> Request:
    message = parse(
        f"{method} sip:bob@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc\r\n"
        "Route: <sip:proxy.example.com;lr>\r\n"
        "From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: x\r\nCSeq: 7 {method}\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def response(status: int, method: str = "INVITE") -> Response:
    return respond(request(method), status, "x", to_tag="b")


def drain(transaction: Transaction) -> list[Output]:
    found: list[Output] = []
    while (output := transaction.poll()) is not None:
        found.append(output)
    return found


def sendings(transaction: Transaction, until: float) -> list[float]:
    """When it sends on its own account until then."""
    found: list[float] = []
    while (when := transaction.deadline()) is not None and when <= until:
        transaction.tick(now=when)
        found += [when for output in drain(transaction) if isinstance(output, Transmit)]
    return found


def test_an_invite_is_repeated_with_doubling_pauses_and_given_up_after_64_t1() -> None:
    client = InviteClient(request(), reliable=False)
    client.start(now=0)
    assert len(drain(client)) == 1
    assert sendings(client, 31) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5][:5]
    assert sendings(client, 31.9) == [31.5]
    client.tick(now=32)
    assert drain(client) == [Unanswered("timeout")]
    assert (client.state, client.deadline()) == (State.TERMINATED, None)


def test_an_invite_over_a_connection_is_sent_once() -> None:
    client = InviteClient(request(), reliable=True)
    client.start(now=0)
    drain(client)
    assert sendings(client, 31) == []


def test_a_provisional_ends_the_repeats_and_the_time_limit() -> None:
    client = InviteClient(request(), reliable=False)
    client.start(now=0)
    drain(client)
    ringing = response(180)
    client.receive(ringing, now=0.1)
    assert drain(client) == [Answer(ringing)]
    assert client.deadline() is None


def test_a_failure_is_acknowledged_by_the_transaction_each_time_it_comes() -> None:
    client = InviteClient(request(), reliable=False)
    client.start(now=0)
    drain(client)
    busy = response(486)
    client.receive(busy, now=1)
    sent, passed = drain(client)
    assert passed == Answer(busy)
    assert isinstance(sent, Transmit)
    ack = parse(sent.data)
    assert isinstance(ack, Request)
    assert (ack.method, ack.cseq, ack.to.tag) == ("ACK", (7, "ACK"), "b")
    assert ack.via == request().via
    assert ack.headers.get("Route") == "<sip:proxy.example.com;lr>"
    client.receive(busy, now=2)
    assert drain(client) == [Transmit(sent.data, repeated=True)]
    client.tick(now=33)
    assert client.state is State.TERMINATED


def test_a_success_is_passed_up_each_time_it_comes_until_timer_m() -> None:
    client = InviteClient(request(), reliable=False)
    client.start(now=0)
    drain(client)
    ok = response(200)
    for moment in (1.0, 1.5, 2.5):
        client.receive(ok, now=moment)
    assert drain(client) == [Answer(ok)] * 3
    client.tick(now=33)
    assert client.state is State.TERMINATED


def test_a_dead_transport_is_told() -> None:
    for client in (InviteClient(request(), reliable=True), NonInviteClient(request("BYE"), reliable=True)):
        client.start(now=0)
        drain(client)
        client.transport_failed(now=0)
        assert drain(client) == [Unanswered("unreachable")]


def test_other_requests_are_repeated_up_to_t2() -> None:
    client = NonInviteClient(request("BYE"), reliable=False)
    client.start(now=0)
    drain(client)
    assert sendings(client, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    client.tick(now=32)
    assert drain(client) == [Unanswered("timeout")]


def test_after_a_provisional_other_requests_are_repeated_every_t2() -> None:
    client = NonInviteClient(request("BYE"), reliable=False)
    client.start(now=0)
    client.receive(response(100, "BYE"), now=0.1)
    drain(client)
    assert sendings(client, 10) == [0.5, 4.5, 8.5]


def test_a_final_response_ends_other_requests_once() -> None:
    client = NonInviteClient(request("BYE"), reliable=False)
    client.start(now=0)
    drain(client)
    ok = response(200, "BYE")
    client.receive(ok, now=1)
    client.receive(ok, now=2)
    assert drain(client) == [Answer(ok)]
    assert client.deadline() == 6
    client.tick(now=6)
    assert client.state is State.TERMINATED


def test_a_repeated_invite_gets_the_latest_provisional_again() -> None:
    server = InviteServer(request(), reliable=False)
    server.respond(response(100), now=0)
    server.respond(response(180), now=1)
    drain(server)
    server.receive(request(), now=2)
    assert drain(server) == [Transmit(bytes(response(180)), repeated=True)]


def test_a_failure_is_repeated_until_its_ack() -> None:
    server = InviteServer(request(), reliable=False)
    server.respond(response(486), now=0)
    drain(server)
    assert sendings(server, 12) == [0.5, 1.5, 3.5, 7.5, 11.5]
    server.receive(request("ACK"), now=12)
    assert (server.state, server.deadline()) == (State.CONFIRMED, 17)
    server.tick(now=17)
    assert server.state is State.TERMINATED


def test_a_failure_never_acknowledged_is_told() -> None:
    server = InviteServer(request(), reliable=True)
    server.respond(response(486), now=0)
    drain(server)
    server.tick(now=32)
    assert drain(server) == [Undelivered("timeout")]


def test_after_a_success_a_repeated_invite_is_absorbed() -> None:
    server = InviteServer(request(), reliable=False)
    server.respond(response(200), now=0)
    drain(server)
    server.receive(request(), now=1)
    assert drain(server) == []
    assert server.deadline() == 32


def test_a_repeated_request_gets_its_final_answer_again() -> None:
    server = NonInviteServer(request("BYE"), reliable=False)
    server.receive(request("BYE"), now=0)
    assert drain(server) == []
    server.respond(response(200, "BYE"), now=0)
    drain(server)
    server.receive(request("BYE"), now=1)
    server.respond(response(500, "BYE"), now=1)
    assert drain(server) == [Transmit(bytes(response(200, "BYE")), repeated=True)]
    assert server.deadline() == 32


@pytest.mark.parametrize("reliable", [True, False])
def test_over_a_connection_finished_transactions_are_forgotten_at_once(reliable: bool) -> None:
    server = NonInviteServer(request("BYE"), reliable=reliable)
    server.respond(response(200, "BYE"), now=5)
    server.tick(now=5)
    assert (server.state is State.TERMINATED) is reliable
