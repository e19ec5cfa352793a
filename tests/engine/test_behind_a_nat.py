"""A phone behind a NAT: whatever addresses it names, it is spoken to where it is seen."""

from __future__ import annotations

from ringline.calls import events
from ringline.sdp import Capabilities, SessionDescription, offer
from ringline.sip import Flow, Place, Places, Request, respond

from .test_phones import EVE, LEG, OURS, House, run, trunk

SEEN = ("10.9.8.7", 41_007)
"Private as well: this NAT is inside another network."
INSIDE = bytes(offer(Capabilities(host="192.168.1.5", port=40_000, session_id=1)))
PLACES = Places(Place(sip_host="sip.example.com", media_host="203.0.113.5"))


def receive(house: House, data: bytes) -> None:
    house.agent.receive(data, Flow("udp", OURS, SEEN), now=house.now)
    house.pump()


def register(house: House) -> None:
    receive(
        house,
        b"REGISTER sip:sip.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKr;rport\r\n"
        b"Max-Forwards: 70\r\nFrom: <sip:eve@sip.example.com>;tag=r\r\nTo: <sip:eve@sip.example.com>\r\n"
        b"Call-ID: r\r\nCSeq: 1 REGISTER\r\nContact: <sip:eve@192.168.1.5:5060>\r\nContent-Length: 0\r\n\r\n",
    )


def test_it_is_called_acknowledged_told_and_hung_up_where_it_registered_from() -> None:
    async def test() -> None:
        house = House(trunk("a"), users=[EVE], places=PLACES)
        register(house)
        await house.dial("442079460001")
        where, invite = next((to, one) for to, one in house.sent if isinstance(one, Request) and one.method == "INVITE")
        assert (where, invite.uri) == (SEEN, "sip:eve@192.168.1.5:5060")
        assert SessionDescription.parse(invite.body).origin.host == "203.0.113.5"

        answer = respond(invite, 200, "OK", to_tag="far")
        answer.headers.add("Contact", "<sip:eve@192.168.1.5:5060>")
        answer.headers.add("Content-Type", "application/sdp")
        answer.body = INSIDE
        receive(house, bytes(answer))
        await house.settle()
        assert isinstance(house.engine.told[-1], events.LegAnswered)

        receive(
            house,
            (
                "REFER sip:ringline@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKt;rport\r\n"
                f"From: <sip:eve@x>;tag=far\r\nTo: <sip:y@x>;tag={invite.from_.tag}\r\nCall-ID: {invite.call_id}\r\n"
                "CSeq: 5 REFER\r\nContact: <sip:eve@192.168.1.5:5060>\r\n"
                "Refer-To: <sip:447700900123@sip.example.com>\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
        )
        house.phones.tell_referrer(LEG, 100, "")
        house.phones.release(LEG, sip_code=None, far_is_gone=False)
        told = [(to, one.method) for to, one in house.sent if isinstance(one, Request)]
        assert told == [(SEEN, method) for method in ("INVITE", "ACK", "NOTIFY", "BYE")]

    run(test)


def called_from_inside(house: House, via: str) -> list[tuple[str, int]]:
    """A phone that calls us by this Via, with a Contact of its own network, is hung up: where we look for it."""
    body = INSIDE.decode()
    text = (
        f"INVITE sip:442079460000@192.0.2.1 SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:eve@x>;tag=f\r\n"
        "To: <sip:442079460000@x>\r\nCall-ID: in\r\nCSeq: 1 INVITE\r\nContact: <sip:eve@192.168.1.5:5060>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    receive(house, text.encode())
    (leg,) = house.media.open_legs
    house.phones.answer(leg)
    tag = house.sent[-1][1].to.tag
    receive(
        house,
        (
            f"ACK sip:ringline@192.0.2.1 SIP/2.0\r\n{via.replace('z9hG4bKi', 'z9hG4bKa')}From: <sip:eve@x>;tag=f\r\n"
            f"To: <sip:442079460000@x>;tag={tag}\r\nCall-ID: in\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
        ).encode(),
    )
    house.phones.release(leg, sip_code=None, far_is_gone=False)
    return [to for to, one in house.sent if isinstance(one, Request)]


def test_who_calls_from_inside_is_found_where_he_is_seen_and_others_where_they_say() -> None:
    async def test() -> None:
        itself = "Via: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKi;rport\r\n"
        assert called_from_inside(House(trunk("a")), itself) == [SEEN]
        without_rport = itself.replace(";rport", "")
        assert called_from_inside(House(trunk("a")), without_rport) == [("192.168.1.5", 5060)]
        by_a_proxy = f"Via: SIP/2.0/UDP 10.9.8.7:5060;branch=z9hG4bKi;rport\r\n{itself}"
        assert called_from_inside(House(trunk("a")), by_a_proxy) == [("192.168.1.5", 5060)]

    run(test)
