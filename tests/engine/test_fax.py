"""A far end that wants to send a fax by T.38: it is declined politely, and the audio goes on."""

from __future__ import annotations

import pytest

from ringline.sdp import SessionDescription
from ringline.sip import Flow, Response

from .test_phones import LEG, OURS, SDP, House, run, trunk

T38 = b"m=image 40002 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\n"


def image_only() -> bytes:
    return SDP[: SDP.index(b"m=audio")] + T38


async def reinvited(house: House, body: bytes) -> Response:
    """The far end of an answered call offers something else; what it is told."""
    _, invite = house.invites()[0]
    text = (
        "INVITE sip:ringline@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKfax;rport\r\n"
        f"From: <sip:far@a.example>;tag=far\r\nTo: <sip:us@192.0.2.1>;tag={invite.from_.tag}\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: 7 INVITE\r\nContact: <sip:far@198.51.100.1>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    house.agent.receive(text.encode() + body, Flow("udp", OURS, ("198.51.100.1", 5060)), now=house.now)
    house.pump()
    await house.settle()
    answer = [one for _, one in house.sent if isinstance(one, Response)][-1]
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("inbound", [False, True])
def test_t38_instead_of_audio_is_refused_and_what_was_agreed_stays(inbound: bool) -> None:
    async def test() -> None:
        house = House(trunk("a"))
        if inbound:
            assert house.called(sdp=image_only()) == 488
            return
        await house.dial()
        await house.reply(200, sdp=SDP)
        plans = list(house.media.plans)
        told = list(house.engine.told)
        answer = await reinvited(house, image_only())
        assert answer.status == 488
        assert (house.media.plans, house.engine.told) == (plans, told)
        assert LEG in house.media.open_legs

    run(test)


@pytest.mark.parametrize("first", ["audio", "image"])
def test_t38_beside_audio_is_left_out_of_the_answer(first: str) -> None:
    async def test() -> None:
        house = House(trunk("a"))
        await house.dial()
        await house.reply(200, sdp=SDP)
        body = SDP + T38 if first == "audio" else SDP.replace(b"m=audio", T38 + b"m=audio")
        answer = await reinvited(house, body)
        assert answer.status == 200
        lines = SessionDescription.parse(answer.body).media
        assert {line.kind: line.port for line in lines}["image"] == 0
        assert {line.kind: line.port for line in lines}["audio"] > 0
        assert len(lines) == 2
        assert house.media.plans[-1].codec in ("PCMA", "PCMU")

    run(test)
