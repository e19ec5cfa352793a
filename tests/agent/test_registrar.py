"""Phones say where they are, and calls find them there (RFC 3261 section 10, RFC 5626)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ringline.agent import (
    Admission,
    Admit,
    Answered,
    Binding,
    Challenge,
    Failed,
    IncomingCall,
    OutgoingInvite,
    Provisional,
    Refuse,
    RegisterContext,
    Registered,
    Send,
)
from ringline.base import LegId, RemoteProtocolError, SeededRandom
from ringline.sip import Credentials, Destination, DigestClient, Flow, Request, Response, parse

from .wire import OTHER_SDP, SDP, Phone, Wire

PHONE = ("198.51.100.7", 5060)


def policy(context: RegisterContext) -> Admission:
    if context.username is None:
        return Challenge()
    return Admit(context.username) if context.username == context.aor_user else Refuse(403)


@pytest.fixture
def home(wire: Wire) -> Phone:
    return wire.phone("home", "192.0.2.2", registers=policy, secrets={"joe": "s3cret", "ann": "x"}.get)


class Handset:
    """A phone written by hand."""

    def __init__(self, wire: Wire, home: Phone, *, user: str = "joe", password: str = "s3cret") -> None:
        self.wire, self.home, self.user = wire, home, user
        self.credentials = Credentials(username=user, password=password)
        self.source = PHONE
        self.flow: Flow | None = None
        self.cseq = 0

    def register(self, contact: str = "<sip:joe@198.51.100.7>", *, aor: str | None = None, **headers: str) -> Response:
        """Register, answering the challenge; the final response."""
        response = self.send(contact, aor, headers, None)
        return self.send(contact, aor, headers, response) if response.status == 401 else response

    def send(self, contact: str, aor: str | None, headers: dict[str, str], challenge: Response | None) -> Response:
        self.cseq += 1
        request = Request(method="REGISTER", uri="sip:192.0.2.2")
        via = f"SIP/2.0/UDP {PHONE[0]};branch=z9hG4bK{self.user}{self.cseq};rport"
        address = f"<sip:{aor or self.user}@192.0.2.2>"
        plain = {
            "Via": via,
            "Max-Forwards": "70",
            "From": f"{address};tag=f",
            "To": address,
            "Call-ID": f"reg-{self.user}",
            "CSeq": f"{self.cseq} REGISTER",
        }
        for name, value in plain.items():
            request.headers.add(name, value)
        if contact:
            request.headers.add("Contact", contact)
        for name, value in headers.items():
            request.headers.set(name.replace("_", "-"), value)
        if challenge is not None:
            assert DigestClient(self.credentials).authorize(request, challenge, SeededRandom(b"phone"))
        self.last = bytes(request)
        return self.repeat()

    def repeat(self) -> Response:
        flow = self.flow or Flow("udp", self.home.address, self.source)
        before = len(self.home.sent)
        self.home.agent.receive(self.last, flow, now=self.wire.now)
        self.wire.pump(self.home)
        answer = self.home.sent[before]
        assert isinstance(answer, Response)
        return answer


def contacts(home: Phone, user: str = "joe") -> list[str]:
    return [str(each.contact.uri) for each in home.agent.bindings(user)]


def test_a_phone_registers_is_listed_and_expires(wire: Wire, home: Phone) -> None:
    answer = Handset(wire, home).register()
    assert answer.status == 200
    assert answer.headers.all("Contact") == ["<sip:joe@198.51.100.7>;expires=600"]
    assert home.events == [Registered(user="joe", contacts=1)]
    wire.run(599)
    assert contacts(home) == ["sip:joe@198.51.100.7"]
    wire.run(2)
    assert contacts(home) == []
    assert home.events[1:] == [Registered(user="joe", contacts=0)]


def test_a_repeat_gets_the_same_answer_and_no_second_challenge(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    first = phone.register()
    assert bytes(phone.repeat()) == bytes(first)


@pytest.mark.parametrize(
    ("contact", "headers", "status", "also"),
    [
        pytest.param("<sip:j@198.51.100.7>;expires=59", {}, 423, ("Min-Expires", "60"), id="too brief"),
        pytest.param("<sip:j@198.51.100.7>", {"Expires": "20"}, 423, ("Min-Expires", "60"), id="too brief for all"),
        pytest.param("*", {"Expires": "60"}, 400, None, id="star with a time"),
        pytest.param("*", {}, 400, None, id="star without a time"),
        pytest.param("*, <sip:j@198.51.100.7>", {"Expires": "0"}, 400, None, id="star in company"),
        pytest.param("<sip:j@198.51.100.7>", {"Require": "gruu, path"}, 420, ("Unsupported", "gruu"), id="extension"),
        pytest.param("<sip:j@198.51.100.7>", {"Path": "nonsense"}, 400, None, id="broken path"),
        pytest.param("<http://example.com>", {}, 400, None, id="another scheme"),
        pytest.param(", ".join(f"<sip:{n}@198.51.100.7>" for n in range(11)), {}, 503, None, id="too many"),
    ],
)
def test_what_cannot_be_registered_changes_nothing(
    wire: Wire,
    home: Phone,
    contact: str,
    headers: dict[str, str],
    status: int,
    also: tuple[str, str] | None,
) -> None:
    phone = Handset(wire, home)
    phone.register("<sip:before@198.51.100.7>")
    answer = phone.register(contact, **headers)
    assert answer.status == status or (answer.status, status) == (416, 400)
    if also is not None:
        assert answer.headers.get(also[0]) == also[1]
    assert contacts(home) == ["sip:before@198.51.100.7"]


def test_times_are_kept_within_bounds(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    answer = phone.register("<sip:a@198.51.100.7>;expires=99999999999, <sip:b@198.51.100.7>;q=0.5", Expires="120")
    assert answer.headers.all("Contact") == [
        "<sip:a@198.51.100.7>;expires=3600",
        "<sip:b@198.51.100.7>;q=0.5;expires=120",
    ]


def test_bindings_are_added_renewed_asked_for_and_taken_back(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.register("<sip:a@198.51.100.7>")
    phone.register("<sip:b@198.51.100.8>")
    assert len(phone.register("").headers.all("Contact")) == 2
    phone.register("<sip:a@198.51.100.7>;expires=0")
    assert contacts(home) == ["sip:b@198.51.100.8"]
    phone.register("*", Expires="0")
    assert contacts(home) == []
    assert home.agent.gauges()["bindings"] == 0


def test_an_older_request_that_comes_later_is_refused(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.cseq = 10
    phone.register()
    phone.cseq = 3
    assert phone.register("<sip:joe@198.51.100.7>;expires=0").status == 500
    assert len(contacts(home)) == 1


def test_nobody_registers_for_somebody_else_or_without_the_password(wire: Wire, home: Phone) -> None:
    assert Handset(wire, home).register(aor="ann").status == 403
    assert Handset(wire, home, password="guess").register().status == 401
    assert Handset(wire, home, user="nobody", password="guess").register().status == 401
    assert home.agent.gauges()["bindings"] == 0


def test_who_fails_too_often_is_no_longer_answered(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home, password="guess")
    for _ in range(10):
        phone.register()
    before = len(home.sent)
    wire.inject(home, phone.last, source=PHONE)
    assert len(home.sent) == before


def test_a_device_keeps_one_binding_however_its_address_changes(wire: Wire, home: Phone) -> None:
    device = ';+sip.instance="<urn:uuid:0001>";reg-id=1'
    phone = Handset(wire, home)
    answer = phone.register(f"<sip:joe@198.51.100.7>{device}", Supported="outbound, path")
    assert answer.headers.tokens("Require") == ["outbound"]
    assert answer.number("Flow-Timer") == 120
    phone.register(f"<sip:joe@203.0.113.4>{device}", Supported="outbound, path")
    assert contacts(home) == ["sip:joe@203.0.113.4"]
    phone.register(f"<sip:joe@203.0.113.4>{device.replace('reg-id=1', 'reg-id=2')}", Supported="outbound")
    assert len(contacts(home)) == 2


def test_a_binding_dies_with_its_connection(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.flow = Flow("tcp", home.address, ("203.0.113.9", 40_000), 7)
    phone.register("<sip:joe@10.0.0.4;transport=tcp>")
    assert len(contacts(home)) == 1
    home.agent.connection_lost(phone.flow, now=wire.now)
    assert contacts(home) == []
    wire.pump(home)
    assert home.events[-1] == Registered(user="joe", contacts=0)


def test_who_can_be_connected_to_is_called_at_his_contact_after_his_connection_is_gone(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.flow = Flow("tcp", home.address, ("198.51.100.7", 40_000), 7)
    phone.register("<sip:joe@198.51.100.7:5070;transport=tcp>")
    (binding,) = home.agent.bindings("joe")
    assert binding.target() == phone.flow
    home.agent.connection_lost(phone.flow, now=wire.now)
    (binding,) = home.agent.bindings("joe")
    assert binding.target() == Destination("tcp", "198.51.100.7", 5070)


def test_the_nat_of_a_phone_is_kept_open(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.source = ("203.0.113.9", 40_000)
    phone.register("<sip:joe@10.0.0.4>;expires=60")
    sent: list[bytes] = []
    for _ in range(4):
        wire.now += 25
        home.agent.tick(now=wire.now)
        while (output := home.agent.poll()) is not None:
            if isinstance(output, Send):
                sent.append(output.data)
    assert sent == [b"\r\n\r\n"] * 2
    assert home.agent.gauges()["alarms"] <= 2


def test_without_a_registrar_the_method_is_not_allowed(wire: Wire) -> None:
    home = wire.phone("home", "192.0.2.2")
    assert Handset(wire, home).register().status == 405


def test_while_draining_nobody_registers(wire: Wire, home: Phone) -> None:
    home.agent.draining = True
    answer = Handset(wire, home).register()
    assert (answer.status, answer.number("Retry-After")) == (503, 10)


# ── calls to everybody who registered ──────────────────────────────────────────────────────────────────────────────


def ring_all(wire: Wire, caller: Phone, *phones: Phone, **changes: object) -> LegId:
    invites = [
        OutgoingInvite(
            request_uri=f"sip:joe@{phone.address[0]}",
            destinations=(Destination("udp", *phone.address),),
            from_=("", "sip:alice@example.com"),
            to="sip:joe@example.com",
            sdp=SDP,
        )
        for phone in phones
    ]
    leg = LegId("all")
    caller.do(caller.agent.dial_all, leg, invites)
    wire.run(0.1)
    return leg


@pytest.fixture
def house(wire: Wire) -> list[Phone]:
    return [wire.phone(name, f"192.0.2.{number}") for number, name in enumerate(("desk", "mobile", "kitchen"), 11)]


def leg_of(phone: Phone) -> LegId:
    return phone.one(IncomingCall).leg


def test_all_ring_the_first_answer_wins_and_the_others_stop(wire: Wire, house: list[Phone]) -> None:
    caller = wire.phone("caller", "192.0.2.1")
    leg = ring_all(wire, caller, *house)
    for phone in house:
        phone.do(phone.agent.ring, leg_of(phone))
    wire.run(0.1)
    assert [event.status for event in caller.all(Provisional)] == [180, 180, 180]
    house[1].do(house[1].agent.answer, leg_of(house[1]), OTHER_SDP)
    wire.run(0.1)
    assert caller.one(Answered).sdp == OTHER_SDP
    assert [phone.lines()[-1] for phone in house] == ["487 INVITE", "200 INVITE", "487 INVITE"]
    assert caller.all(Failed) == []
    caller.do(caller.agent.hang_up, leg)
    wire.run(40)
    assert house[1].lines()[-1] == "200 BYE"
    for each in (caller, *house):
        assert each.agent.gauges() == dict.fromkeys(each.agent.gauges(), 0)


def test_two_that_answer_at_once_leave_one_call(wire: Wire, house: list[Phone]) -> None:
    caller = wire.phone("caller", "192.0.2.1")
    ring_all(wire, caller, *house)
    for phone in house[:2]:
        phone.do(phone.agent.answer, leg_of(phone), OTHER_SDP)
    wire.run(0.1)
    caller.one(Answered)
    assert "BYE" in caller.lines()
    assert caller.agent.call_count == 1
    assert sorted(phone.agent.call_count for phone in house) == [0, 0, 1]


def test_when_all_fail_the_most_telling_failure_counts(wire: Wire, house: list[Phone]) -> None:
    caller = wire.phone("caller", "192.0.2.1")
    leg = ring_all(wire, caller, *house)
    for phone, status in zip(house, (503, 486, 480), strict=True):
        phone.do(phone.agent.refuse, leg_of(phone), status)
        wire.run(0.1)
    assert (caller.one(Failed).status, caller.one(Failed).leg) == (480, leg)


def test_giving_up_stops_every_phone(wire: Wire, house: list[Phone]) -> None:
    caller = wire.phone("caller", "192.0.2.1")
    leg = ring_all(wire, caller, *house)
    caller.do(caller.agent.hang_up, leg)
    wire.run(0.1)
    assert [phone.lines()[-1] for phone in house] == ["487 INVITE"] * 3
    assert caller.one(Failed).why == "cancelled"


def test_a_registered_phone_is_reached_through_its_path_and_connection(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.flow = Flow("tcp", home.address, ("203.0.113.9", 40_000), 7)
    phone.register("<sip:joe@10.0.0.4;transport=tcp;x=1>", Path="<sip:edge.example.com;lr;ob>", Supported="path")
    binding = home.agent.bindings("joe")[0]
    assert binding.target() == phone.flow
    invite = OutgoingInvite(
        request_uri=str(binding.contact.uri),
        destinations=(binding.target(),),
        from_=("", "sip:a@example.com"),
        to="sip:joe@192.0.2.2",
        routes=binding.path,
        sdp=SDP,
    )
    home.do(home.agent.dial_all, LegId("x"), [invite])
    sent = home.sent[-1]
    assert isinstance(sent, Request)
    assert sent.uri == "sip:joe@10.0.0.4;transport=tcp;x=1"
    assert sent.headers.all("Route") == ["<sip:edge.example.com;lr;ob>"]
    assert isinstance(parse(bytes(sent)), Request)


# ── another process ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("contact", "flow", "supported", "reached_at"),
    [
        pytest.param("<sip:joe@198.51.100.7>", None, "", Flow("udp", ("192.0.2.2", 5060), PHONE), id="udp"),
        pytest.param(
            "<sip:joe@198.51.100.7:5070;transport=tcp>",
            Flow("tcp", ("192.0.2.2", 5060), ("198.51.100.7", 40_000), 7),
            "",
            Destination("tcp", "198.51.100.7", 5070),
            id="tcp",
        ),
        pytest.param(
            "<sip:joe@10.0.0.4;transport=tcp>",
            Flow("tcp", ("192.0.2.2", 5060), ("203.0.113.9", 40_000), 7),
            "",
            None,
            id="tcp behind a NAT",
        ),
        pytest.param(
            '<sip:joe@198.51.100.7;transport=tcp>;+sip.instance="<urn:uuid:1>";reg-id=1',
            Flow("tcp", ("192.0.2.2", 5060), ("198.51.100.7", 40_000), 7),
            "outbound",
            None,
            id="tcp with a flow of its own",
        ),
    ],
)
def test_what_one_process_knew_the_next_one_knows_as_far_as_it_can_be_reached(
    wire: Wire,
    home: Phone,
    contact: str,
    flow: Flow | None,
    supported: str,
    reached_at: Flow | Destination | None,
) -> None:
    phone = Handset(wire, home)
    phone.flow = flow
    phone.register(contact, Supported=supported)
    written = [binding.to_json(zero_s=1e9) for binding in home.agent.bindings("joe")]
    later = wire.now + 100.0
    read = [Binding.from_json(json.loads(json.dumps(value)), zero_s=1e9 + 50) for value in written]
    other = Wire()
    other.now = later - 50  # its clock began 50 s later
    heir = other.phone("heir", "192.0.2.2", registers=policy, secrets={"joe": "s3cret"}.get)
    assert heir.agent.restore_bindings("joe", read, now=other.now) == (reached_at is not None)
    assert [each.target() for each in heir.agent.bindings("joe")] == ([reached_at] if reached_at else [])
    other.run(499)
    assert bool(heir.agent.bindings("joe")) == (reached_at is not None)
    other.run(2)
    assert heir.agent.bindings("joe") == ()


def test_a_registration_is_renewed_across_a_restart_and_an_older_one_is_still_refused(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.cseq = 10
    phone.register()
    before = home.agent.bindings("joe")
    heir = wire.phone("heir", "192.0.2.3", registers=policy, secrets={"joe": "s3cret"}.get)
    assert heir.agent.restore_bindings("joe", before, now=wire.now) == 1
    phone.home, phone.cseq = heir, 5
    assert phone.register().status == 500
    phone.cseq = 20
    assert phone.register().status == 200
    assert len(heir.agent.bindings("joe")) == 1


def test_what_has_lapsed_and_what_is_too_much_is_not_taken_over(wire: Wire, home: Phone) -> None:
    phone = Handset(wire, home)
    phone.register(", ".join(f"<sip:{number}@198.51.100.7>" for number in range(10)))
    many = home.agent.bindings("joe")
    heir = wire.phone("heir", "192.0.2.3", registers=policy, secrets={"joe": "s3cret"}.get)
    more = [replace(many[0], contact=replace(many[0].contact, uri=replace(many[0].contact.uri, user="11th")))]
    assert heir.agent.restore_bindings("joe", [*many, *more], now=wire.now) == 10
    assert heir.agent.restore_bindings("ann", many, now=wire.now + 600) == 0


@pytest.mark.parametrize("value", [{}, {"uri": 5}, {"uri": "sip:a@b", "q": "x"}, {"local": [], "remote": []}])
def test_what_is_no_binding_is_refused_politely(value: dict[str, object]) -> None:
    with pytest.raises(RemoteProtocolError):
        Binding.from_json(value, zero_s=0)
