"""Encrypted audio: who must, who may, what happens to offers that would take it away, and which keys a call keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringline.base import LegId
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.routing import SipUser, Srtp
from ringline.sdp import SUITES, Capabilities, CryptoLine, Media, SessionDescription, offer
from ringline.sip import Flow, Request, Response

from .test_phones import APP, LEG, OURS, SDP, House, run, trunk

FAR = Capabilities(
    host="198.51.100.9",
    port=40_000,
    session_id=1,
    srtp="required",
    keys=((SUITES[0], b"L" * 30), (SUITES[1], b"S" * 30)),
)
ENCRYPTED = bytes(offer(FAR))
OPTIMISTIC = bytes(offer(replace(FAR, srtp="optional", offers_srtp=True)))


def audio(body: bytes) -> Media:
    return SessionDescription.parse(body).media[0]


def key_in(body: bytes) -> bytes:
    line = CryptoLine.parse(audio(body).attribute("crypto") or "")
    assert line is not None
    return line.key


def answered(house: House) -> bytes:
    """Answer the caller; the SDP he got."""
    (leg,) = house.media.open_legs
    house.phones.answer(leg)
    last = house.sent[-1][1]
    assert isinstance(last, Response)
    assert last.status == 200
    return last.body


def acknowledged(house: House, *, number: int = 1) -> None:
    ack = in_dialog(house, "ACK", 1, number=number)
    house.agent.receive(ack, Flow("udp", OURS, ("198.51.100.1", 5060)), now=house.now)
    house.pump()


def offered_again(house: House, body: bytes, cseq: int) -> Response:
    """The caller changes the session."""
    request = in_dialog(house, "INVITE", cseq, body)
    house.agent.receive(request, Flow("udp", OURS, ("198.51.100.1", 5060)), now=house.now)
    house.pump()
    last = next(each for _, each in reversed(house.sent) if isinstance(each, Response))
    assert last.cseq == (cseq, "INVITE")
    house.agent.receive(
        in_dialog(house, "ACK", cseq, branch=f"re{cseq}" if last.status >= 300 else f"ack{cseq}"),
        Flow("udp", OURS, ("198.51.100.1", 5060)),
        now=house.now,
    )
    house.pump()
    return last


def in_dialog(
    house: House, method: str, cseq: int, body: bytes = b"", *, number: int = 1, branch: str | None = None
) -> bytes:
    first = next(each for _, each in house.sent if isinstance(each, Response) and each.status == 200)
    text = (
        f"{method} sip:ringline@192.0.2.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK{branch or f'{method}{cseq}'};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: {first.headers.get('From')}\r\nTo: {first.headers.get('To')}\r\n"
        f"Call-ID: in-{number}\r\nCSeq: {cseq} {method}\r\nContact: <sip:a@198.51.100.1>\r\n"
        f"{'Content-Type: application/sdp' if body else 'Subject: x'}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return text.encode() + body


# ── calls that come in ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("policy", "body", "status"),
    [
        ("off", SDP, 100),
        ("off", OPTIMISTIC, 100),
        ("off", ENCRYPTED, 488),
        ("optional", SDP, 100),
        ("optional", ENCRYPTED, 100),
        ("required", ENCRYPTED, 100),
        ("required", OPTIMISTIC, 100),
        ("required", SDP, 488),
    ],
)
def test_a_trunk_says_whether_its_calls_may_be_plain(policy: Srtp, body: bytes, status: int) -> None:
    async def test() -> None:
        house = House(trunk("a", srtp=policy))
        assert house.called(sdp=body) == status
        assert bool(house.media.open_legs) is (status == 100)

    run(test)


def test_a_user_who_must_encrypt_is_refused_in_plain() -> None:
    house = House(users=[SipUser(username="eve", password="x", srtp="required")])
    house.identity = "user:eve"
    assert house.called(sdp=SDP) == 488
    assert house.called(sdp=ENCRYPTED, number=2) == 100


@pytest.mark.parametrize(("policy", "encrypted"), [("off", False), ("optional", True), ("required", True)])
def test_what_was_agreed_is_what_the_media_core_does(policy: Srtp, encrypted: bool) -> None:
    async def test() -> None:
        house = House(trunk("a", srtp=policy))
        house.called(sdp=OPTIMISTIC)
        body = answered(house)
        keys = house.media.plans[-1].srtp
        assert (keys is not None) is encrypted
        if keys is not None:
            assert (keys.send_suite, keys.receive_suite, keys.receive_key) == (SUITES[0], SUITES[0], b"L" * 30)
            assert keys.send_key == key_in(body)

    run(test)


def test_a_call_that_is_encrypted_stays_so_with_the_same_key() -> None:
    async def test() -> None:
        house = House(trunk("a"))
        house.called(sdp=ENCRYPTED)
        key = key_in(answered(house))
        acknowledged(house)
        before = house.media.plans[-1]
        assert offered_again(house, SDP, 2).status == 488
        assert house.media.plans[-1] is before
        held = SessionDescription.parse(ENCRYPTED.replace(b"a=sendrecv", b"a=sendonly")).with_version(1)
        again = offered_again(house, bytes(held), 3)
        assert (again.status, key_in(again.body)) == (200, key)
        plan = house.media.plans[-1]
        assert (plan.send, plan.srtp) == (False, before.srtp)
        other = bytes(offer(replace(FAR, version=2, keys=((SUITES[0], b"N" * 30),))))
        assert offered_again(house, other, 4).status == 200
        rekeyed = house.media.plans[-1].srtp
        assert rekeyed is not None
        assert (rekeyed.send_key, rekeyed.receive_key) == (key, b"N" * 30)

    run(test)


def test_a_plain_call_may_become_encrypted() -> None:
    async def test() -> None:
        house = House(trunk("a"))
        house.called(sdp=SDP)
        answered(house)
        acknowledged(house)
        assert [plan.srtp for plan in house.media.plans] == [None]
        assert offered_again(house, ENCRYPTED, 2).status == 200
        assert house.media.plans[-1].srtp is not None
        assert offered_again(house, SDP, 3).status == 488

    run(test)


def test_no_two_calls_have_a_key_in_common() -> None:
    async def test() -> None:
        house = House(trunk("a"))
        keys = set()
        for number in range(5):
            house.called(sdp=ENCRYPTED, number=number)
            leg = sorted(house.media.open_legs)[0]
            house.phones.answer(leg)
            body = house.sent[-1][1].body
            keys.add(key_in(body))
            house.phones.release(leg, sip_code=None, far_is_gone=True)
        assert len(keys) == 5

    run(test)


# ── calls that go out ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("policy", "transport", "protocol", "cryptos"),
    [
        ("off", "tls", "RTP/AVP", 0),
        ("optional", None, "RTP/AVP", 0),
        ("optional", "tls", "RTP/AVP", 2),
        ("required", None, "RTP/SAVP", 2),
        ("required", "tls", "RTP/SAVP", 2),
    ],
)
def test_offers_name_keys_only_where_nobody_else_reads_them_or_they_are_required(
    policy: Srtp, transport: str | None, protocol: str, cryptos: int
) -> None:
    async def test() -> None:
        house = House(trunk("a", srtp=policy, transport=transport))
        await house.dial()
        line = audio(house.invites()[0][1].body)
        assert (line.protocol, len(list(line.values("crypto")))) == (protocol, cryptos)

    run(test)


@pytest.mark.parametrize("why", ["plain", "no key", "our own key"])
def test_an_answer_that_is_not_encrypted_ends_the_call(why: str) -> None:
    async def test() -> None:
        house = House(trunk("a", srtp="required"))
        await house.dial()
        echoed = house.invites()[0][1].body
        bodies = {"plain": SDP, "no key": SDP.replace(b"RTP/AVP", b"RTP/SAVP"), "our own key": echoed}
        await house.reply(200, sdp=bodies[why])
        failed = house.engine.told[0]
        assert isinstance(failed, events.LegFailed)
        assert failed.sip_code == 488
        assert house.media.plans == []
        requests = [each.method for _, each in house.sent if isinstance(each, Request)]
        assert requests == ["INVITE", "ACK", "BYE"]

    run(test)


def test_the_next_trunk_is_spoken_to_by_its_own_rule() -> None:
    async def test() -> None:
        house = House(trunk("a", srtp="required"), trunk("b", srtp="off"))
        await house.dial()
        await house.reply(503)
        assert [audio(each.body).protocol for _, each in house.invites()] == ["RTP/SAVP", "RTP/AVP"]
        assert audio(house.invites()[1][1].body).attribute("crypto") is None

    run(test)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sip:x@a.example;media=srtp", None),
        ("sip:x@b.example;media=srtp", "cannot"),
        ("sips:x@in.example;media=srtp", None),
    ],
)
def test_media_srtp_in_a_uri_is_no_wish_but_a_condition(uri: str, told: str | None) -> None:
    async def test() -> None:
        house = House(trunk("a"), trunk("b", srtp="off"))
        to, from_ = Party(kind="sip", address=uri), Party(kind="phone", address="442079460000")
        house.phones.dial(LegId(LEG), to, from_, APP)
        await house.settle()
        assert bool(house.engine.told) is (told is not None)
        for _, invite in house.invites():
            assert audio(invite.body).protocol == "RTP/SAVP"
            assert "srtp" not in invite.uri
        assert bool(house.invites()) is (told is None)

    run(test)
