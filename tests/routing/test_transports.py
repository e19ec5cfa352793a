"""What a call comes over counts: trunks that are agreed to speak TLS, domains that insist, and web pages."""

from __future__ import annotations

import pytest

from ringline.accounts import Directory
from ringline.base import ApplicationId
from ringline.routing import RoutingTable, SipDomain, SipUser, Trunk
from ringline.sip import Admission, Admit, Challenge, Refuse

CARRIER, PBX = "198.51.100.1", "198.51.100.2"
TABLE = RoutingTable(
    book=Directory(),
    sip_host="example.com",
    trunks=[
        Trunk(name="carrier", addresses=(CARRIER,), host="carrier.example", transport="tls"),
        Trunk(name="pbx", addresses=(PBX,)),
    ],
    users=[SipUser(username="alice", password="x"), SipUser(username="bob", password="x", domain="strict")],
    domains=[
        SipDomain(name="open", application=ApplicationId("a"), acl=(PBX,)),
        SipDomain(name="strict", application=ApplicationId("a"), digest_auth=True, tls="required"),
        SipDomain(name="plain", application=ApplicationId("a"), acl=(PBX,), tls="off"),
    ],
    transports=("udp", "tcp", "tls"),
)


def admitted(source: str, transport: str, *, to: str = "example.com", username: str | None = None) -> Admission:
    return TABLE.admit(source=source, username=username, to_host=to, transport=transport)


def test_a_trunk_that_speaks_tls_is_a_stranger_without() -> None:
    assert admitted(CARRIER, "tls") == Admit("trunk:carrier")
    for transport in ("udp", "tcp", "ws", "wss"):
        assert admitted(CARRIER, transport) == Challenge()
    for transport in ("udp", "tcp", "tls"):
        assert admitted(PBX, transport) == Admit("trunk:pbx")


def test_a_trunk_we_are_registered_with_is_held_to_its_transport_too() -> None:
    def comes(transport: str) -> Admission:
        return TABLE.admit(
            source="203.0.113.9", username=None, to_host="example.com", registered_at="carrier", transport=transport
        )

    assert comes("tls") == Admit("trunk:carrier")
    assert comes("udp") == Challenge()


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_behind_a_web_socket_an_address_proves_nothing(transport: str) -> None:
    assert admitted(PBX, transport) == Challenge()
    assert admitted(PBX, transport, username="alice") == Admit("user:alice")
    assert isinstance(admitted(PBX, transport, to="open.example.com"), Refuse)
    assert admitted(PBX, "udp", to="open.example.com") == Admit("domain:open")


def test_a_domain_that_insists_on_tls_is_called_over_nothing_else() -> None:
    for transport in ("udp", "tcp", "ws"):
        refused = admitted(PBX, transport, to="strict.example.com", username="bob")
        assert isinstance(refused, Refuse)
        assert refused.status == 403
    for transport in ("tls", "wss"):
        assert admitted(PBX, transport, to="strict.example.com") == Challenge()
        assert admitted(PBX, transport, to="strict.example.com", username="bob") == Admit("domain:strict")


def test_a_domain_that_wants_no_tls_is_called_without() -> None:
    assert admitted(PBX, "udp", to="plain.example.com") == Admit("domain:plain")
    assert isinstance(admitted(PBX, "tls", to="plain.example.com"), Refuse)
