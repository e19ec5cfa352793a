"""REFER inside a call, the NOTIFYs that follow it, and INVITE with Replaces."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ringline.agent import Admit, Ended, IncomingCall, ReferReceived
from ringline.sip import Request, Response

from .test_sessions import Call
from .wire import OTHER_SDP, SDP, Phone, Wire

TARGET = "Refer-To: <sip:carol@example.com>\r\n"


@pytest.fixture
def call() -> Call:
    wire = Wire()
    return Call(wire, wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2", takes_refer=True))


def notified(bob: Phone) -> list[tuple[str, str, str]]:
    """What Bob's side has told: event, state of the subscription, status line."""
    return [
        (
            one.headers.get("Event") or "",
            (one.headers.get("Subscription-State") or "").partition(";")[0],
            one.body.decode().strip(),
        )
        for one in bob.sent
        if isinstance(one, Request) and one.method == "NOTIFY"
    ]


def answers(call: Call, status: int = 200) -> None:
    """Alice's phone, which has asked by hand, answers the latest NOTIFY."""
    notify = call.bob.sent[-1]
    assert isinstance(notify, Request)
    lines = "".join(f"{name}: {notify.headers.get(name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
    call.inject(f"SIP/2.0 {status} X\r\n{lines}Content-Length: 0\r\n\r\n".encode())


def refer(call: Call, cseq: int = 10, extra: str = TARGET) -> None:
    call.wire.fate = lambda _message: []  # what Alice's real agent would make of a NOTIFY does not count
    call.inject(call.from_alice("REFER", cseq, extra=f"Contact: <sip:alice@192.0.2.1>\r\n{extra}"))


def tell(call: Call, status: int, reason: str = "") -> None:
    call.bob.do(call.bob.agent.tell_referrer, call.leg, status, reason)


def test_an_accepted_refer_hears_how_it_goes(call: Call) -> None:
    refer(call, extra=TARGET + "Referred-By: <sip:alice@example.com>\r\n")
    asked = call.bob.one(ReferReceived)
    assert (asked.target, asked.replaces, asked.referred_by) == ("sip:carol@example.com", None, "sip:alice@example.com")
    assert call.bob.sent == []
    tell(call, 100)
    accepted = call.bob.sent[0]
    assert isinstance(accepted, Response)
    assert (accepted.status, accepted.contact is not None) == (202, True)
    assert notified(call.bob) == [("refer", "active", "SIP/2.0 100 Trying")]
    assert call.bob.sent[-1].contact is not None
    answers(call)
    tell(call, 180)
    answers(call)
    tell(call, 200)
    assert notified(call.bob)[1:] == [
        ("refer", "active", "SIP/2.0 180 Ringing"),
        ("refer", "terminated", "SIP/2.0 200 OK"),
    ]


def test_only_the_latest_news_is_told_while_a_notify_is_on_its_way(call: Call) -> None:
    refer(call)
    for status in (100, 180, 183, 486):
        tell(call, status)
    answers(call)
    assert [line for _, _, line in notified(call.bob)] == ["SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]
    answers(call)
    tell(call, 200)
    assert len(notified(call.bob)) == 2


def test_a_refused_refer_gets_no_notify(call: Call) -> None:
    refer(call)
    tell(call, 603, "Not you")
    (refused,) = call.bob.sent
    assert isinstance(refused, Response)
    assert (refused.status, refused.reason) == (603, "Not you")


@pytest.mark.parametrize(
    "extra",
    [
        "",
        TARGET + TARGET,
        "Refer-To: <mailto:carol@example.com>\r\n",
        "Refer-To: <sip:carol@example.com;method=BYE>\r\n",
        "Refer-To: nonsense\r\n",
        "Refer-To: <sip:carol@example.com?Replaces=only-an-id>\r\n",
        "Refer-To: <sip:carol@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&Replaces=d>\r\n",
        TARGET + "Referred-By: <nobody>\r\n",
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_call_goes_on(call: Call, extra: str) -> None:
    refer(call, extra=extra)
    assert call.bob.lines() == ["400 REFER"]
    assert call.bob.events == []
    call.inject(call.from_alice("OPTIONS", 11))
    assert call.bob.lines()[-1] == "200 OPTIONS"


def test_one_after_the_other(call: Call) -> None:
    refer(call)
    refer(call, 11)
    assert call.bob.lines() == ["491 REFER"]
    tell(call, 100)
    refer(call, 12)
    assert call.bob.lines()[-1] == "491 REFER"
    call.bob.sent = [one for one in call.bob.sent if isinstance(one, Request)]
    answers(call)
    tell(call, 486)
    refer(call, 13)
    tell(call, 100)
    # From the second on, its NOTIFYs say which one is meant.
    assert notified(call.bob)[-1] == ("refer;id=13", "active", "SIP/2.0 100 Trying")


def test_who_does_not_want_to_know_is_not_told(call: Call) -> None:
    refer(call, extra=TARGET + "Require: norefersub\r\nRefer-Sub: false\r\n")
    tell(call, 100)
    tell(call, 200)
    (accepted,) = call.bob.sent
    assert isinstance(accepted, Response)
    assert (accepted.status, accepted.headers.get("Refer-Sub")) == (200, "false")
    call.bob.do(call.bob.agent.hang_up, call.leg)
    assert call.bob.lines()[-1] == "BYE"


def test_a_phone_that_wants_no_notify_gets_no_more(call: Call) -> None:
    refer(call)
    tell(call, 100)
    answers(call, 481)
    tell(call, 180)
    tell(call, 200)
    assert len(notified(call.bob)) == 1


def test_the_subscription_may_be_renewed_and_ended(call: Call) -> None:
    refer(call)
    tell(call, 100)
    answers(call)
    call.inject(call.from_alice("SUBSCRIBE", 11, extra="Event: refer\r\nExpires: 60\r\n"))
    answers(call)
    call.inject(call.from_alice("SUBSCRIBE", 12, extra="Event: refer\r\nExpires: 0\r\n"))
    answers(call)
    tell(call, 200)
    call.inject(call.from_alice("SUBSCRIBE", 13, extra="Event: refer\r\nExpires: 60\r\n"))
    assert [state for _, state, _ in notified(call.bob)] == ["active", "active", "terminated"]
    assert call.bob.lines()[-1] == "481 SUBSCRIBE"


def test_the_bye_waits_for_the_last_word(call: Call) -> None:
    refer(call)
    tell(call, 100)
    answers(call)
    tell(call, 200)
    call.bob.do(call.bob.agent.hang_up, call.leg)
    assert call.bob.lines()[-1] == "NOTIFY"
    assert call.bob.all(Ended)
    answers(call)
    assert call.bob.lines()[-1] == "BYE"


def test_but_not_for_ever(call: Call) -> None:
    refer(call)
    tell(call, 200)
    call.bob.do(call.bob.agent.hang_up, call.leg)
    call.wire.run(1.9)
    assert "BYE" not in call.bob.lines()
    call.wire.run(0.2)
    assert call.bob.lines()[-1] == "BYE"


def test_a_bye_that_crosses_the_last_word_ends_it(call: Call) -> None:
    refer(call)
    tell(call, 200)
    call.bob.do(call.bob.agent.hang_up, call.leg)
    call.inject(call.from_alice("BYE", 11))
    assert call.bob.lines()[-1] == "200 BYE"
    call.wire.run(40)
    assert "BYE" not in call.bob.lines()
    assert call.bob.agent.gauges()["dialogs"] == 0


def test_a_bye_that_crosses_the_refer_answers_it(call: Call) -> None:
    refer(call)
    call.inject(call.from_alice("BYE", 11))
    assert sorted(call.bob.lines()) == ["200 BYE", "487 REFER"]
    tell(call, 100)
    assert len(call.bob.lines()) == 2


def test_agents_that_take_none_decline() -> None:
    wire = Wire()
    call = Call(wire, wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2"))
    refer(call)
    assert call.bob.lines() == ["603 REFER"]


# ── Replaces ───────────────────────────────────────────────────────────────────────────────────────────────────────


def named(call: Call, *, ours: str | None = None, theirs: str | None = None) -> str:
    """The call, as Alice names it to Bob's side."""
    theirs = theirs or next(value for name, value in call.incoming.headers if name == "From").partition(";tag=")[2]
    return f"{call.call_id};to-tag={ours or call.bob_tag};from-tag={theirs}"


def test_an_attended_transfer_names_the_other_leg(call: Call) -> None:
    refer(call, extra=f"Refer-To: <sip:carol@example.com?Replaces={quote(named(call))}>\r\n")
    assert call.bob.one(ReferReceived).replaces == call.leg


@pytest.mark.parametrize("wrong", [{"ours": "x"}, {"theirs": "x"}])
def test_a_dialog_that_is_none_of_ours_is_declined(call: Call, wrong: dict[str, str]) -> None:
    refer(call, extra=f"Refer-To: <sip:carol@example.com?Replaces={quote(named(call, **wrong))}>\r\n")
    assert call.bob.lines() == ["603 REFER"]


def invited(call: Call, replaces: str) -> str:
    """Somebody else calls Bob to take the call's place; what he is answered."""
    third = call.wire.phone("third", "192.0.2.3")
    third.dial(call.bob, "third", headers=(("Replaces", replaces),))
    call.wire.run(0.05)
    return call.bob.lines()[-1]


def test_a_call_names_the_leg_whose_place_it_takes(call: Call) -> None:
    assert invited(call, named(call)) == "100 INVITE"
    assert call.bob.one(IncomingCall).replaces == call.leg


@pytest.mark.parametrize(
    ("replaces", "status"),
    [("{};early-only", "486 INVITE"), ("nobody;to-tag=1;from-tag=2", "481 INVITE"), ("nobody", "400 INVITE")],
)
def test_a_place_that_cannot_be_taken(call: Call, replaces: str, status: str) -> None:
    assert invited(call, replaces.format(named(call))) == status
    assert call.bob.all(IncomingCall) == []


def test_a_call_that_is_over_has_no_place_to_take(call: Call) -> None:
    replaces = named(call)
    call.bob.do(call.bob.agent.hang_up, call.leg)
    call.wire.run(1)
    assert invited(call, replaces) == "481 INVITE"


def test_who_logs_in_is_named_with_his_call() -> None:
    wire = Wire()
    alice = wire.phone("alice", "192.0.2.1")
    bob = wire.phone("bob", "192.0.2.2", admit=lambda _context: Admit("user:alice"), takes_refer=True)
    alice.dial(bob, sdp=SDP)
    wire.run(0.05)
    assert bob.one(IncomingCall).username is None
    assert OTHER_SDP


def test_refer_is_allowed_in_calls_and_not_to_strangers(call: Call) -> None:
    call.inject(call.from_alice("INVITE", 10, body=SDP, extra="Content-Type: application/sdp\r\n"))
    call.bob.do(call.bob.agent.accept_offer, call.leg, OTHER_SDP)
    changed = call.bob.sent[-1]
    assert "REFER" in (changed.headers.get("Allow") or "")
    assert "replaces" in changed.headers.tokens("Supported")
    call.wire.inject(
        call.bob,
        "OPTIONS sip:x@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.99;branch=z9hG4bKo\nFrom: <sip:a@b>;tag=1\n"
        "To: <sip:x@192.0.2.2>\nCall-ID: o\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    )
    assert "REFER" not in (call.bob.sent[-1].headers.get("Allow") or "")
