"""Where calls go, both ways, and who is let in."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.base import ApplicationId, LegId
from ringline.routing import (
    UNKNOWN,
    Admit,
    Challenge,
    Credentials,
    Hop,
    Inbound,
    Refuse,
    Route,
    RoutingTable,
    SipDomain,
    SipUser,
    Trunk,
    Unroutable,
)

APP, DESK = ApplicationId("app"), ApplicationId("desk")
LEG = LegId("63f61863-4a51-4f6b-86e1-46edebcf9356")


class Book:
    """Two numbers of ours, one of them linked."""

    def owns(self, msisdn: str) -> bool:
        return msisdn in ("442079460000", "442079460001")

    def application_of(self, msisdn: str) -> ApplicationId | None:
        return APP if msisdn in ("442079460000", "442079460013") else None

    def is_forwarded(self, msisdn: str) -> bool:
        return msisdn in ("442079460012", "442079460013")


CARRIER = Trunk(
    name="carrier",
    addresses=("203.0.113.0/28",),
    host="sip.carrier.example",
    credentials=Credentials(username="u", password="p"),
    country="GB",
)
PBX = Trunk(
    name="pbx",
    addresses=("203.0.113.7", "2001:db8::/32"),
    host="2001:db8::5",
    port=5062,
    transport="tcp",
    prefixes=("4420", "49"),
    number_format="bare",
    caller_id="any",
)
INWARD = Trunk(name="inward", addresses=("198.51.100.0/24",), prefixes=("",))
BOB = SipUser(username="bob", password="b", extension="101", contact="sip:bob@127.0.0.1:5070;transport=tcp")
EVE = SipUser(username="eve", password="e", number="442079460001", application=DESK)
PHONE = SipUser(username="phone-1", password="d", domain="acme")
ACME = SipDomain(name="acme", application=DESK, acl=("192.0.2.0/24",), digest_auth=True)
OPEN = SipDomain(name="localhost", application=DESK, acl=("127.0.0.0/8",))
SHUT = SipDomain(name="shut", application=DESK)
LOGIN = SipDomain(name="login.example", application=DESK, digest_auth=True)


def table(**changes: Any) -> RoutingTable:
    parts: dict[str, Any] = {
        "book": Book(),
        "sip_host": "sip.ringline.example",
        "trunks": [CARRIER, PBX, INWARD],
        "users": [BOB, EVE, PHONE],
        "domains": [ACME, OPEN, SHUT, LOGIN],
        "account_keys": ("key1",),
    }
    return RoutingTable(**{**parts, **changes})


def route(found: Route | Unroutable) -> Route:
    assert isinstance(found, Route)
    return found


# ── admission ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("source", "identity"),
    [
        ("203.0.113.1", "trunk:carrier"),
        ("203.0.113.7", "trunk:pbx"),
        ("::ffff:203.0.113.7", "trunk:pbx"),
        ("2001:db8:1::1", "trunk:pbx"),
        ("198.51.100.200", "trunk:inward"),
    ],
)
def test_a_trunk_is_known_by_its_address_and_the_longest_prefix_wins(source: str, identity: str) -> None:
    assert table().admit(source=source, username=None, to_host="sip.ringline.example") == Admit(identity)


def test_strangers_are_asked_to_log_in_where_anybody_can() -> None:
    assert table().admit(source="192.0.2.1", username=None, to_host="x") == Challenge()
    assert table(account_keys=()).admit(source="192.0.2.1", username=None, to_host="x") == Challenge()


def test_strangers_are_refused_where_nobody_can_log_in() -> None:
    closed = table(account_keys=(), users=[SipUser(username="bob", contact="sip:b@h"), PHONE])
    answer = closed.admit(source="192.0.2.1", username=None, to_host="x")
    assert isinstance(answer, Refuse)
    assert answer.status == 403


def test_a_login_is_an_identity() -> None:
    assert table().admit(source="192.0.2.1", username="bob", to_host="x") == Admit("user:bob")
    assert table().admit(source="203.0.113.1", username="bob", to_host="x") == Admit("user:bob")
    assert table().admit(source="192.0.2.1", username="key1", to_host="x") == Admit("account:key1")
    assert isinstance(table().admit(source="192.0.2.1", username="gone", to_host="x"), Refuse)
    assert isinstance(table().admit(source="192.0.2.1", username="phone-1", to_host="x"), Refuse)


def test_a_source_that_is_no_address_is_refused() -> None:
    assert isinstance(table().admit(source="example.com", username=None, to_host="x"), Refuse)


@pytest.mark.parametrize(
    ("source", "username", "host", "expected"),
    [
        ("192.0.2.9", None, "acme.sip-eu.sip.ringline.example", Challenge()),
        ("192.0.2.9", "phone-1", "ACME.sip.sip.ringline.example", Admit("domain:acme")),
        ("192.0.2.9", "bob", "acme.sip.ringline.example", 403),
        ("203.0.113.1", "phone-1", "acme.sip.ringline.example", 403),
        ("127.0.0.1", None, "localhost", Admit("domain:localhost")),
        ("127.0.0.1", None, "localhost.", Admit("domain:localhost")),
        ("192.0.2.9", None, "localhost", 403),
        ("192.0.2.9", None, "shut.sip.ringline.example", 403),
        ("192.0.2.9", None, "login.example", Challenge()),
    ],
)
def test_domains_have_their_own_doors(source: str, username: str | None, host: str, expected: Any) -> None:
    answer = table().admit(source=source, username=username, to_host=host)
    assert (answer.status if isinstance(answer, Refuse) else answer) == expected


@pytest.mark.parametrize(
    ("tls", "transport", "lets_in"),
    [
        ("required", "udp", False),
        ("required", "tcp", False),
        ("required", "tls", True),
        ("required", "wss", True),
        ("off", "tls", False),
        ("off", "udp", True),
        ("optional", "udp", True),
        ("optional", "tls", True),
    ],
)
def test_a_domain_says_whether_it_is_reached_over_tls(tls: Any, transport: str, lets_in: bool) -> None:
    phone = SipUser(username="phone-1", password="p", domain="acme")
    domain = SipDomain(name="acme", application=DESK, digest_auth=True, tls=tls)
    book = table(domains=[domain], users=[phone])
    host = "acme.sip.ringline.example"
    called = book.admit(source="192.0.2.9", username="phone-1", to_host=host, transport=transport)
    registered = book.may_register(source="192.0.2.9", username="phone-1", aor_user="phone-1", transport=transport)
    if lets_in:
        assert (called, registered) == (Admit("domain:acme"), Admit("phone-1"))
    else:
        assert [one.status for one in (called, registered) if isinstance(one, Refuse)] == [403, 403]


def test_only_users_who_log_in_have_a_password() -> None:
    assert [table().password_of(name) for name in ("bob", "key1", "nobody")] == ["b", None, None]
    assert table(users=[SipUser(username="bob", contact="sip:b@h")]).password_of("bob") is None


# ── inbound ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("dialled", "application"), [("+442079460012", None), ("+442079460013", APP)])
def test_a_forwarded_number_is_known_whatever_application_it_has(
    dialled: str, application: ApplicationId | None
) -> None:
    found = table().inbound("trunk:carrier", to_user=dialled)
    assert isinstance(found, Inbound)
    assert (found.forwarded, found.application, found.number) == (True, application, dialled.removeprefix("+"))


@pytest.mark.parametrize(
    "dialled",
    ["442079460000", "+442079460000", "00442079460000", "%2B44 20-7946.0000", "02079460000", "442079460000;x=1"],
)
def test_a_number_is_found_however_it_is_written(dialled: str) -> None:
    assert table().inbound("trunk:carrier", to_user=dialled) == Inbound(
        application=APP, to="442079460000", number="442079460000", endpoint_type="phone"
    )


@pytest.mark.parametrize("dialled", ["442079460001", "442079460009", "bob", "", "+", "101"])
def test_what_is_not_linked_is_404(dialled: str) -> None:
    for identity in ("trunk:carrier", "account:key1", "user:bob"):
        answer = table().inbound(identity, to_user=dialled)
        assert isinstance(answer, Refuse)
        assert answer.status == 404


def test_national_numbers_need_a_country() -> None:
    assert isinstance(table().inbound("trunk:pbx", to_user="02079460000"), Refuse)


def test_a_user_with_an_application_may_dial_anything() -> None:
    assert table().inbound("user:eve", to_user="echo") == Inbound(
        application=DESK, to="echo", number=None, endpoint_type="sip"
    )
    linked = table().inbound("user:eve", to_user="442079460000")
    assert isinstance(linked, Inbound)
    assert (linked.application, linked.endpoint_type) == (APP, "sip")


def test_a_domain_takes_any_user_part() -> None:
    assert table().inbound("domain:acme", to_user="sales") == Inbound(
        application=DESK, to="sales", number=None, endpoint_type="sip"
    )
    assert isinstance(table().inbound("domain:gone", to_user="sales"), Refuse)


@pytest.mark.parametrize(
    ("identity", "user", "expected"),
    [
        ("trunk:pbx", "+447700900123", "447700900123"),
        ("trunk:carrier", "07700900123", "447700900123"),
        ("trunk:pbx", "anonymous", UNKNOWN),
        ("trunk:pbx", "", UNKNOWN),
        ("trunk:pbx", "alice", "alice"),
        ("account:key1", "101", "101"),
        ("user:bob", "+447700900123", "101"),
        ("user:eve", "anonymous", "442079460001"),
        ("user:phone-1", "x", "phone-1"),
        ("domain:acme", "alice", "alice"),
    ],
)
def test_a_caller_is_shown_by_his_number_or_by_what_is_known_of_him(identity: str, user: str, expected: str) -> None:
    assert table().caller(identity, from_user=user) == expected


def test_hidden_callers_are_unknown() -> None:
    assert table().caller("trunk:pbx", from_user="447700900123", anonymous=True) == UNKNOWN
    assert table().caller("trunk:pbx", from_user="x", from_host="anonymous.invalid") == UNKNOWN


# ── outbound ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_phone_call_leaves_through_the_trunk_of_the_longest_prefix() -> None:
    assert table().phone_route("+447700900123", caller="442079460000") == Route(
        request_uri="sip:+447700900123@sip.carrier.example;user=phone",
        to_uri="sip:+447700900123@sip.carrier.example;user=phone",
        hop=Hop(host="sip.carrier.example"),
        from_uri="sip:+442079460000@sip.ringline.example",
        from_display=None,
        headers=(("P-Asserted-Identity", "<sip:+442079460000@sip.ringline.example;user=phone>"),),
        credentials=CARRIER.credentials,
        caller="442079460000",
        trunk="carrier",
    )
    via_pbx = route(table().phone_route("442089460000", caller="+15551230002"))
    assert via_pbx.request_uri == "sip:442089460000@[2001:db8::5]:5062;user=phone"
    assert via_pbx.hop == Hop(host="2001:db8::5", port=5062, transport="tcp")
    assert via_pbx.from_uri == "sip:15551230002@sip.ringline.example"
    assert (via_pbx.trunk, via_pbx.caller, via_pbx.credentials) == ("pbx", "15551230002", None)


@pytest.mark.parametrize("caller", [None, "447700900999", "alice", ""])
def test_a_caller_id_that_is_not_ours_makes_the_call_anonymous(caller: str | None) -> None:
    found = route(table().phone_route("447700900123", caller=caller))
    assert (found.from_display, found.from_uri) == ("Anonymous", "sip:anonymous@anonymous.invalid")
    assert (found.headers, found.caller) == ((("Privacy", "id"),), UNKNOWN)


def test_a_shaken_passport_is_passed_on_and_cannot_break_the_message() -> None:
    found = route(table().phone_route("447700900123", caller=None, identity_header="eyJ;info=<x>\r\nVia: y"))
    assert ("Identity", "eyJ;info=<x>Via: y") in found.headers


def test_no_trunk_and_no_number() -> None:
    nowhere = table(trunks=[INWARD]).phone_route("447700900123", caller=None)
    assert isinstance(nowhere, Unroutable)
    assert (nowhere.status, nowhere.detail) == ("failed", "cannot_route")
    for wrong in ("123", "alice", "4477009001234567"):
        answer = table().phone_route(wrong, caller=None)
        assert isinstance(answer, Unroutable)
        assert (answer.status, answer.detail) == ("rejected", "invalid_number")


def test_an_extension_is_told_the_id_of_its_leg() -> None:
    assert ("X-Ringline-Call-Id", LEG) in route(table().extension_route("101", caller="442079460000", leg=LEG)).headers


def test_users_with_a_contact_are_called_there() -> None:
    for found in (
        route(table().phone_route("101", caller="442079460000")),
        route(table().extension_route("101", caller="442079460000", leg=LEG)),
        route(table().sip_route("sip:bob@sip.ringline.example", caller="442079460000", leg=LEG)),
    ):
        assert found.request_uri == "sip:bob@127.0.0.1:5070;transport=tcp"
        assert found.hop == Hop(host="127.0.0.1", port=5070, transport="tcp")
        assert (found.from_uri, found.trunk) == ("sip:442079460000@sip.ringline.example", None)
    assert route(table().extension_route("101", caller="101", leg=LEG)).caller == "101"
    homeless = SipUser(username="ghost", number="442079460001")
    missing = table(users=[homeless]).phone_route("442079460001", caller=None)
    assert isinstance(missing, Unroutable)
    assert (missing.status, missing.detail) == ("unanswered", "unavailable")
    nobody = table().extension_route("999", caller=None, leg=LEG)
    assert isinstance(nobody, Unroutable)
    assert nobody.detail == "cannot_route"


def test_a_sip_call_carries_its_headers() -> None:
    found = route(
        table().sip_route(
            "sip:agent7@pbx.example.com:5062;transport=tcp;x=1?Subject=hi",
            caller="442079460000",
            leg=LEG,
            headers={"Location": "Lab 4", "X-Ringline-Call-Id": "forged"},
            standard_headers={"userToUser": "4d79;encoding=hex"},
        )
    )
    assert found.request_uri == "sip:agent7@pbx.example.com:5062;transport=tcp;x=1"
    assert found.hop == Hop(host="pbx.example.com", port=5062, transport="tcp")
    assert found.headers == (
        ("X-Location", "Lab 4"),
        ("User-to-User", "4d79;encoding=hex"),
        ("X-Ringline-Call-Id", LEG),
    )
    assert (found.from_uri, found.credentials) == ("sip:442079460000@sip.ringline.example", None)


def test_a_sip_call_to_a_trunks_host_is_trusted_and_logs_in() -> None:
    found = route(table().sip_route("sip:x@SIP.carrier.example", caller="442079460000", leg=LEG))
    assert (found.trunk, found.credentials) == ("carrier", CARRIER.credentials)
    assert found.headers[0] == ("P-Asserted-Identity", "<sip:442079460000@sip.ringline.example>")


@pytest.mark.parametrize(
    ("uri", "detail"),
    [
        ("sips:a@h.example", "cannot_route"),
        ("sip:a@h.example;transport=tls", "cannot_route"),
        ("sip:a@h.example;media=srtp", "cannot_route"),
        ("sip:a@h.example;transport=carrier-pigeon", "invalid_number"),
        ("http://h.example", "invalid_number"),
        ("sip:", "invalid_number"),
    ],
)
def test_what_cannot_be_spoken_is_not_spoken_in_plain(uri: str, detail: str) -> None:
    answer = table().sip_route(uri, caller=None, leg=LEG)
    assert isinstance(answer, Unroutable)
    assert answer.detail == detail


def test_encrypted_calls_leave_where_they_are_available() -> None:
    rich = table(transports=("udp", "tcp", "tls"), srtp=True)
    found = route(rich.sip_route("sips:a@h.example;media=srtp", caller=None, leg=LEG))
    assert (found.request_uri, found.hop) == ("sip:a@h.example;transport=tls", Hop(host="h.example", transport="tls"))


def test_user_and_domain_name_a_trunk() -> None:
    found = route(table().sip_trunk_route("sales", "pbx", caller=None, leg=LEG, headers={"a": 1}))
    assert found.request_uri == "sip:sales@[2001:db8::5]:5062"
    assert ("X-a", "1") in found.headers
    for user, domain in (("sales", "gone"), ("a b", "pbx"), ("a@b", "pbx"), ("sales", "inward")):
        assert isinstance(table().sip_trunk_route(user, domain, caller=None, leg=LEG), Unroutable)


def test_a_trunk_whose_transport_is_missing_is_not_used() -> None:
    answer = table(transports=("udp",)).phone_route("442089460000", caller=None)
    assert isinstance(answer, Unroutable)
    assert answer.detail == "cannot_route"


def test_a_wrong_network_is_an_error() -> None:
    with pytest.raises(ValueError):
        table(trunks=[Trunk(name="x", addresses=("10.0.0.1/8",))])


# ── users who register ─────────────────────────────────────────────────────────────────────────────────────────────


def test_users_without_a_fixed_contact_are_rung_where_they_registered() -> None:
    for found in (
        route(table().phone_route("442079460001", caller=None)),
        route(table().sip_route("sip:eve@sip.ringline.example", caller=None, leg=LEG)),
    ):
        assert (found.user, found.to_uri) == ("eve", "sip:eve@sip.ringline.example")
    found = route(table().sip_route("sip:phone-1@acme.sip.sip.ringline.example", caller=None, leg=LEG))
    assert (found.user, found.to_uri) == ("phone-1", "sip:phone-1@acme.sip.sip.ringline.example")


def test_each_user_registers_for_himself_only() -> None:
    may = table().may_register
    assert may(source="192.0.2.1", username=None, aor_user="eve") == Challenge()
    assert may(source="192.0.2.1", username="eve", aor_user="eve") == Admit("eve")
    for username, aor in (("eve", "bob"), ("key1", "key1"), ("ghost", "ghost")):
        assert isinstance(may(source="192.0.2.1", username=username, aor_user=aor), Refuse)
    nobody = table(users=[SipUser(username="x", contact="sip:x@192.0.2.1")]).may_register
    assert isinstance(nobody(source="192.0.2.1", username=None, aor_user="x"), Refuse)
    assert isinstance(may(source="nonsense", username=None, aor_user="eve"), Refuse)


def test_a_user_of_a_domain_registers_from_where_the_domain_may_call() -> None:
    fenced = SipDomain(name="acme", application=APP, acl=("198.51.100.0/24",), digest_auth=True)
    may = table(domains=[fenced]).may_register
    assert may(source="198.51.100.3", username="phone-1", aor_user="phone-1") == Admit("phone-1")
    assert isinstance(may(source="192.0.2.1", username="phone-1", aor_user="phone-1"), Refuse)


# ── trunks as operators know them ──────────────────────────────────────────────────────────────────────────────────


def trunk(name: str, **fields: Any) -> Trunk:
    return Trunk(**{"name": name, "host": f"{name}.example", **fields})


def test_trunks_with_the_same_prefix_are_tried_one_after_the_other() -> None:
    trunks = [trunk("any"), trunk("a", prefixes=("44",)), trunk("b", prefixes=("44", "4")), trunk("in", host=None)]
    found = route(table(trunks=trunks).phone_route("447700900123", caller=None))
    assert [found.trunk, *(each.trunk for each in found.then)] == ["a", "b"]
    assert found.then[0].request_uri == "sip:+447700900123@b.example;user=phone"
    assert route(table(trunks=trunks).phone_route("4312345678", caller=None)).trunk == "b"
    assert route(table(trunks=trunks).phone_route("15551230001", caller=None)).trunk == "any"


def test_a_trunk_that_cannot_be_reached_at_all_is_passed_over() -> None:
    trunks = [trunk("secure", transport="tls"), trunk("plain")]
    found = route(table(trunks=trunks).phone_route("447700900123", caller=None))
    assert (found.trunk, found.then) == ("plain", ())
    assert isinstance(table(trunks=trunks[:1]).phone_route("447700900123", caller=None), Unroutable)


@pytest.mark.parametrize(
    ("fields", "uri"),
    [
        ({}, "sip:+442079460009@t.example;user=phone"),
        ({"number_format": "bare"}, "sip:442079460009@t.example;user=phone"),
        ({"number_format": "00", "port": 5070}, "sip:00442079460009@t.example:5070;user=phone"),
        ({"number_format": "national", "country": "GB"}, "sip:02079460009@t.example;user=phone"),
        ({"number_format": "national", "country": "DE"}, "sip:00442079460009@t.example;user=phone"),
        ({"number_format": "national"}, "sip:00442079460009@t.example;user=phone"),
        ({"number_uri": "tel"}, "tel:+442079460009"),
        ({"number_uri": "tel", "number_format": "bare"}, "tel:442079460009;phone-context=t.example"),
    ],
)
def test_numbers_are_written_as_the_trunk_wants_them(fields: dict[str, Any], uri: str) -> None:
    found = route(table(trunks=[trunk("t", **fields)]).phone_route("442079460009", caller="442079460000"))
    assert found.request_uri == uri


def test_what_a_trunk_wants_goes_with_every_call_to_it() -> None:
    special = trunk("t", headers=(("X-Account", "7"),), codecs=("PCMU",), caller_number="442079460001")
    found = route(table(trunks=[special]).phone_route("447700900123", caller="15550000000"))
    assert ("X-Account", "7") in found.headers
    assert (found.codecs, found.caller) == (("PCMU",), "442079460001")
    assert ("Privacy", "id") not in found.headers
    by_uri = route(table(trunks=[special]).sip_route("sip:x@t.example", caller=None, leg=LEG))
    assert (by_uri.codecs, by_uri.headers[:2]) == (
        ("PCMU",),
        (("P-Asserted-Identity", "<sip:442079460001@sip.ringline.example>"), ("X-Account", "7")),
    )


def test_a_trusted_trunk_says_who_calls_and_never_reveals_who_hides() -> None:
    trusting = table(trunks=[trunk("t", trust_identity=True), trunk("u")])

    def caller(name: str, **said: Any) -> str:
        return trusting.caller(f"trunk:{name}", **{"from_user": "100", "asserted_user": "+447700900123", **said})

    assert caller("t") == "447700900123"
    assert caller("u") == "100"
    assert caller("t", asserted_user=None) == "100"
    assert caller("t", from_user="anonymous") == "447700900123"
    assert caller("t", from_user="anonymous", anonymous=True) == UNKNOWN
    assert caller("u", from_user="anonymous") == UNKNOWN


def test_a_provider_we_registered_with_calls_our_contact_and_names_the_number_in_to() -> None:
    provider = trunk("p", registers=True, credentials=Credentials(username="acct", password="x"))
    book = table(trunks=[provider])
    assert isinstance(book.admit(source="198.51.100.9", username=None, to_host="h"), Challenge)
    admitted = book.admit(source="198.51.100.9", username=None, to_host="h", registered_at="p")
    assert admitted == Admit("trunk:p")
    found = book.inbound("trunk:p", to_user="acct", header_user="+442079460000")
    assert isinstance(found, Inbound)
    assert found.number == "442079460000"
    direct = book.inbound("trunk:p", to_user="442079460000", header_user="other")
    assert isinstance(direct, Inbound)


def test_only_addresses_that_the_settings_name_are_trusted() -> None:
    assert table().trusts("203.0.113.1")
    assert table().trusts("192.0.2.1")
    assert not table().trusts("8.8.8.8")
    assert not table().trusts("nonsense")
