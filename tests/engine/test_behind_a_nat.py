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
