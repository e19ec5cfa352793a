"""The door: what strangers get, and what they never learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringline.agent import Admission, Admit, Answered, Challenge, Failed, IncomingCall, InviteContext, Refuse
from ringline.agent.guard import Guard
from ringline.sip import Credentials, Response

from .wire import OTHER_SDP, SDP, Phone, Wire

INVITE = """INVITE sip:442079460000@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK-1;rport
Max-Forwards: 70
From: "Mallory" <sip:mallory@example.com>;tag=m
To: <sip:442079460000@192.0.2.2>
Call-ID: call-1
CSeq: 1 INVITE
Contact: <sip:mallory@198.51.100.99:5060>
Content-Length: 0

"""


def only_users(context: InviteContext) -> Admission:
    return Admit(f"user:{context.username}") if context.username else Challenge()


def statuses(wire: Wire) -> list[int]:
    return [message.status for _, message in wire.strangers if isinstance(message, Response)]


def last(wire: Wire) -> Response:
    message = wire.strangers[-1][1]
    assert isinstance(message, Response)
    return message


# ── admission ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_caller_with_the_right_password_is_let_in_under_his_name(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=only_users, secrets={"joe": "s3cret"}.get)
    alice = wire.phone("alice", "192.0.2.1")
    alice.dial(bob, credentials=Credentials(username="joe", password="s3cret"))
    wire.run(0.2)
    call = bob.one(IncomingCall)
    assert call.identity == "user:joe"
    assert not any("authorization" in name.lower() for name, _ in call.headers)
    assert alice.lines() == ["INVITE", "ACK", "INVITE"]
    bob.do(bob.agent.answer, call.leg, OTHER_SDP)
    wire.run(0.2)
    alice.one(Answered)


@pytest.mark.parametrize("credentials", [None, Credentials(username="joe", password="guess")])
def test_without_the_right_password_a_call_fails_with_401(wire: Wire, credentials: Credentials | None) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=only_users, secrets={"joe": "s3cret"}.get)
    alice = wire.phone("alice", "192.0.2.1")
    alice.dial(bob, credentials=credentials)
    wire.run(1)
    assert alice.one(Failed).status == 401
    assert bob.events == []


def test_a_refused_stranger_leaves_nothing_behind(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=lambda _context: Refuse(403, "Go away"))
    wire.inject(bob, INVITE)
    assert (last(wire).status, last(wire).reason) == (403, "Go away")
    assert bob.agent.deadline() is None
    assert bob.events == []


def test_the_context_tells_what_admission_needs(wire: Wire) -> None:
    seen: list[InviteContext] = []

    def admit(context: InviteContext) -> Admission:
        seen.append(context)
        return Refuse(403)

    wire.inject(wire.phone("bob", "192.0.2.2", admit=admit), INVITE)
    context = seen[0]
    assert (context.source.remote, context.username) == (("198.51.100.99", 5060), None)
    assert (context.request_uri.user, context.from_.uri.user) == ("442079460000", "mallory")


def test_after_ten_wrong_passwords_a_source_is_not_answered_for_five_minutes(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=only_users, secrets={"joe": "s3cret"}.get)
    alice = wire.phone("alice", "192.0.2.1")
    for number in range(10):
        alice.dial(bob, f"guess-{number}", credentials=Credentials(username="joe", password=str(number)))
        wire.run(1)
    assert len(alice.all(Failed)) == 10
    answered = len(bob.sent)
    alice.dial(bob, "late", credentials=Credentials(username="joe", password="s3cret"))
    wire.run(5)
    assert len(bob.sent) == answered
    wire.run(300)
    alice.dial(bob, "later", credentials=Credentials(username="joe", password="s3cret"))
    wire.run(1)
    bob.one(IncomingCall)


def test_strangers_are_answered_at_a_limited_rate_only(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=only_users)
    for number in range(200):
        wire.inject(bob, INVITE.replace("call-1", f"call-{number}").replace("bK-1", f"bK-{number}"))
    assert len(wire.strangers) == 120
    assert bob.agent.deadline() is None


def test_a_busy_trunk_with_a_password_is_never_slowed_down(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", admit=only_users, secrets={"joe": "s3cret"}.get)
    alice = wire.phone("alice", "192.0.2.1")
    for number in range(150):
        alice.dial(bob, f"leg-{number}", credentials=Credentials(username="joe", password="s3cret"))
        wire.run(0.1)
    assert len(bob.all(IncomingCall)) == 150


def test_the_memory_of_the_guard_is_bounded() -> None:
    guard = Guard(remembered=10)
    for number in range(1000):
        guard.failed(f"192.0.2.{number}", now=0)
    assert len(guard) == 10


def test_neighbours_in_one_ipv6_network_count_as_one() -> None:
    guard = Guard(failures=2)
    guard.failed("2001:db8::1", now=0)
    guard.failed("2001:db8::2", now=0)
    assert guard.blocked("2001:db8::3", now=1)
    assert not guard.blocked("2001:db8:1::1", now=1)


# ── what is checked ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda text: text.replace("Max-Forwards: 70", "Max-Forwards: 0"), 483),
        (lambda text: text.replace("Max-Forwards: 70", "Require: 100rel, x, y"), 420),
        (lambda text: text.replace("Contact: <sip:mallory@198.51.100.99:5060>\n", ""), 400),
        (lambda text: text.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400),
        (
            lambda text: text.replace("Max-Forwards: 70", "Content-Type: text/html").replace("h: 0\n\n", "h: 1\n\nx"),
            415,
        ),
        (lambda text: text.replace("sip:442079460000@192.0.2.2 SIP/2.0", "urn:x SIP/2.0"), 416),
        (lambda text: text.replace("0 SIP/2.0", "0 SIP/2.0", 1).replace("Length: 0", "Length: 9"), 400),
        (lambda text: text.replace("Max-Forwards: 70", "broken line"), 400),
        (lambda text: text.replace("192.0.2.2 SIP/2.0", "192.0.2.2 SIP/7.0"), 505),
        (lambda text: text.replace("<sip:442079460000@192.0.2.2>\n", "<sip:442079460000@192.0.2.2>;tag=old\n"), 481),
        (lambda text: text.replace("INVITE", "BYE"), 481),
        (lambda text: text.replace("INVITE", "CANCEL"), 481),
        (lambda text: text.replace("INVITE", "REGISTER"), 405),
        (lambda text: text.replace("INVITE", "SUBSCRIBE"), 405),
        (lambda text: text.replace("INVITE", "NOTIFY"), 481),
        (lambda text: text.replace("INVITE", "DANCE"), 501),
        (lambda text: text.replace("INVITE", "OPTIONS"), 200),
    ],
)
def test_requests_get_the_status_they_deserve(
    wire: Wire, bob: Phone, change: Callable[[str], str], status: int
) -> None:
    wire.inject(bob, change(INVITE))
    assert statuses(wire) == [status]
    assert bob.events == []
    assert bob.agent.deadline() is None
    response = last(wire)
    assert response.to.tag
    if status in (405, 501, 200):
        assert (
            response.headers.get("Allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REGISTER, NOTIFY"
        )
    if status in (415, 200):
        assert "application/sdp" in (response.headers.get("Accept") or "")
        assert (response.headers.get("Accept-Encoding"), response.headers.get("Accept-Language")) == ("identity", "en")
    if status == 420:
        assert response.headers.get("Unsupported") == "x, y"


def test_an_ack_is_never_answered(wire: Wire, bob: Phone) -> None:
    wire.inject(bob, INVITE.replace("INVITE", "ACK"))
    wire.inject(bob, INVITE.replace("INVITE", "ACK").replace("Max-Forwards: 70", "broken"))
    assert wire.strangers == []


def test_the_same_invite_by_two_ways_is_taken_once(wire: Wire, bob: Phone) -> None:
    wire.inject(bob, INVITE)
    wire.inject(bob, INVITE.replace("bK-1", "bK-2"))
    assert statuses(wire) == [100, 482]
    bob.one(IncomingCall)


def test_a_repeated_invite_makes_one_call(wire: Wire, bob: Phone) -> None:
    for _ in range(3):
        wire.inject(bob, INVITE)
    assert statuses(wire) == [100, 100, 100]
    bob.one(IncomingCall)


def test_while_draining_new_calls_and_health_checks_get_503(wire: Wire, bob: Phone) -> None:
    bob.agent.draining = True
    wire.inject(bob, INVITE)
    wire.inject(bob, INVITE.replace("INVITE", "OPTIONS"))
    assert statuses(wire) == [503, 503]
    assert last(wire).headers.get("Retry-After") == "10"


def test_above_the_limit_calls_get_503_and_nothing_is_kept(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", max_calls=2)
    for number in range(5):
        wire.inject(bob, INVITE.replace("call-1", f"call-{number}").replace("bK-1", f"bK-{number}"))
    assert statuses(wire) == [100, 100, 503, 503, 503]
    assert bob.agent.call_count == 2


def test_one_source_cannot_fill_the_memory_with_transactions(wire: Wire) -> None:
    bob = wire.phone("bob", "192.0.2.2", max_transactions_per_source=3)
    for number in range(5):
        wire.inject(bob, INVITE.replace("call-1", f"call-{number}").replace("bK-1", f"bK-{number}"))
    assert statuses(wire) == [100, 100, 100, 503, 503]


# ── where answers go ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("via", "target", "noted"),
    [
        ("198.51.100.99:5060;branch=z9hG4bK-1;rport", ("198.51.100.99", 4711), "rport=4711;received=198.51.100.99"),
        ("10.0.0.5:5060;branch=z9hG4bK-1", ("198.51.100.99", 4711), "received=198.51.100.99"),
        ("198.51.100.99:5070;branch=z9hG4bK-1", ("198.51.100.99", 5070), ""),
        ("198.51.100.99;branch=z9hG4bK-1", ("198.51.100.99", 5060), ""),
    ],
)
def test_answers_go_back_to_the_source(wire: Wire, bob: Phone, via: str, target: tuple[str, int], noted: str) -> None:
    text = INVITE.replace("198.51.100.99:5060;branch=z9hG4bK-1;rport", via).replace("INVITE", "OPTIONS")
    wire.inject(bob, text, source=("198.51.100.99", 4711))
    address, response = wire.strangers[-1]
    assert address == target
    assert noted in (response.headers.get("Via") or "")


# ── what the engine is told ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "anonymous"),
    [
        (lambda text: text, False),
        (lambda text: text.replace("sip:mallory@example.com", "sip:anonymous@anonymous.invalid"), True),
        (lambda text: text.replace("Max-Forwards: 70", "Privacy: id;critical"), True),
        (lambda text: text.replace("Max-Forwards: 70", "Privacy: none"), False),
        (lambda text: text.replace("sip:mallory@example.com", "sip:example.com"), True),
        (lambda text: text.replace("sip:mallory@example.com", "tel:+442079460001"), False),
    ],
)
def test_a_caller_may_hide(wire: Wire, bob: Phone, change: Callable[[str], str], anonymous: bool) -> None:
    wire.inject(bob, change(INVITE))
    assert bob.one(IncomingCall).anonymous is anonymous


def test_headers_come_in_order_with_their_names(wire: Wire, bob: Phone) -> None:
    extra = "X-UserId: 1938ND9\nx-small: y\nX-UserId: two\nAuthorization: Digest username=x"
    wire.inject(bob, INVITE.replace("Max-Forwards: 70", extra))
    headers = bob.one(IncomingCall).headers
    assert [item for item in headers if item[0].lower().startswith("x-")] == [
        ("X-UserId", "1938ND9"),
        ("x-small", "y"),
        ("X-UserId", "two"),
    ]
    assert "Authorization" not in dict(headers)


_SDP_PART = b"Content-Type: application/sdp\r\n\r\n" + SDP
_OTHER_PART = b"c: application/isup;version=x\r\n\r\n\x00--cut\xff"


def _parts(*parts: bytes, cut: bytes = b"cut") -> bytes:
    return b"".join(b"--" + cut + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + cut + b"--\r\n"


def _invite_with(body: bytes, kind: str) -> bytes:
    head = INVITE.replace("Content-Length: 0\n", f"Content-Type: {kind}\nContent-Length: {len(body)}\n")
    return head.replace("\n", "\r\n").encode() + body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("multipart/mixed;boundary=cut", _parts(_OTHER_PART, _SDP_PART), id="second"),
        pytest.param('Multipart/Mixed; charset=x; boundary="cut"', _parts(_SDP_PART, _OTHER_PART), id="first"),
        pytest.param("multipart/mixed;boundary=cut", b"for old readers\r\n" + _parts(_SDP_PART), id="preamble"),
        pytest.param("multipart/mixed;boundary=cut", _parts(_SDP_PART) + b"--cut\r\nafter the end", id="epilogue"),
        pytest.param("multipart/related;boundary=cut", _parts(_OTHER_PART, _SDP_PART), id="related"),
        pytest.param(
            "multipart/alternative;boundary=cut",
            _parts(b"Content-Type: application/sdp\r\n\r\nv=0 is worse", _SDP_PART),
            id="the last alternative",
        ),
        pytest.param(
            "multipart/mixed;boundary=cut",
            _parts(
                _OTHER_PART,
                b"Content-Type: multipart/alternative; boundary=in\r\n\r\n" + _parts(_SDP_PART, cut=b"in"),
            ),
            id="nested",
        ),
        pytest.param(
            "multipart/mixed;boundary=cut",
            _parts(
                b"Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nv=0 of another session",
                b"Content-Disposition: session;handling=required\r\n" + _SDP_PART,
            ),
            id="of the right session",
        ),
        pytest.param("multipart/mixed;boundary=cut", _parts(_SDP_PART).replace(b"\r\n", b"\n"), id="bare line feeds"),
    ],
)
def test_sdp_inside_several_parts_is_found(wire: Wire, bob: Phone, kind: str, body: bytes) -> None:
    wire.inject(bob, _invite_with(body, kind))
    call = bob.one(IncomingCall)
    assert call.sdp is not None
    assert call.sdp.split() == SDP.split()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("multipart/mixed;boundary=cut", _parts(_OTHER_PART), id="no sdp"),
        pytest.param("multipart/mixed;boundary=cut", b"nothing of that kind", id="no parts"),
        pytest.param("multipart/mixed;boundary=cut", _parts(b"", b"\r\n", b":", b"\r\n\r\nContent-Type: x"), id="odd"),
        pytest.param("multipart/mixed", _parts(_SDP_PART), id="no boundary"),
        pytest.param("multipart/mixed;boundary=cut", _parts(_OTHER_PART) * 40 + _parts(_SDP_PART), id="too late"),
        pytest.param("message/sipfrag", b"SIP/2.0 200 OK", id="another type"),
    ],
)
def test_a_body_without_sdp_is_refused(wire: Wire, bob: Phone, kind: str, body: bytes) -> None:
    wire.inject(bob, _invite_with(body, kind))
    assert bob.lines()[-1] == "415 INVITE"
    assert bob.events == []


def test_parts_within_parts_come_to_an_end(wire: Wire, bob: Phone) -> None:
    body = _SDP_PART
    for depth in range(20):
        cut = f"c{depth}"
        body = f"Content-Type: multipart/mixed;boundary={cut}\r\n\r\n".encode() + _parts(body, cut=cut.encode())
    wire.inject(bob, _invite_with(_parts(body), "multipart/mixed;boundary=cut"))
    assert bob.lines()[-1] == "415 INVITE"


# ── noise ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_BYTES = INVITE.replace("\n", "\r\n").encode()


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, len(_BYTES)), st.sampled_from([b"INVITE", b"BYE", b"CANCEL", b"OPTIONS"]))
def test_damaged_requests_never_hurt(damage: bytes, at: int, method: bytes) -> None:
    wire = Wire()
    bob = wire.phone("bob", "192.0.2.2", admit=only_users, secrets=lambda _name: "x")
    data = _BYTES.replace(b"INVITE", method)
    wire.inject(bob, data[:at] + damage + data[at + len(damage) :])
    wire.inject(bob, damage)
    assert bob.events == []


@settings(max_examples=100)
@given(st.binary(max_size=40), st.integers(0, 500))
def test_damaged_responses_never_hurt(damage: bytes, at: int) -> None:
    wire = Wire()
    alice = wire.phone("alice", "192.0.2.1")
    bob = wire.phone("bob", "192.0.2.2")
    alice.dial(bob)
    wire.run(0.015)
    answer = bytes(bob.sent[-1]).replace(b"100 Trying", b"183 Progress")
    wire.inject(alice, answer[:at] + damage + answer[at + len(damage) :], source=bob.address)
    alice.do(alice.agent.hang_up, "out")
    wire.run(100)
    assert alice.agent.deadline() is None


def test_a_notify_that_only_keeps_a_nat_open_is_welcome(wire: Wire, bob: Phone) -> None:
    wire.inject(bob, INVITE.replace("INVITE", "NOTIFY").replace("Max-", "Event: Keep-Alive\nMax-"))
    assert statuses(wire) == [200]
