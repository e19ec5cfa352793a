"""Extensions of SIP on a real wire: reliable responses, session timers, changes by UPDATE."""

from __future__ import annotations

import pytest

from .application import Application
from .ears import Ear
from .installation import Installation
from .scripts import LONG_TALK
from .sipp import header
from .wire import Peer

pytestmark = pytest.mark.interop


def test_a_caller_that_insists_gets_its_ringing_reliably(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as caller, Ear() as ear:
        caller.send(caller.request("INVITE", headers=["Require: 100rel"], body=caller.sdp(port=ear.port)))
        ringing = caller.response(180, "INVITE")
        assert header(ringing, "Require") == "100rel"
        number_of_it = header(ringing, "RSeq")
        caller.send(caller.request("PRACK", cseq=2, branch="prack", headers=[f"RAck: {number_of_it} 1 INVITE"]))
        caller.response(200, "PRACK")
        caller.response(200, "INVITE")
        caller.send(caller.request("ACK", branch="ack"))
        caller.send(caller.request("PRACK", cseq=3, branch="late", headers=[f"RAck: {number_of_it} 1 INVITE"]))
        caller.response(481, "PRACK")
        caller.send(caller.request("BYE", cseq=4, branch="bye"))
        caller.response(200, "BYE")


def test_a_session_timer_is_agreed_and_refreshed(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as caller, Ear() as ear:
        body = caller.sdp(port=ear.port)
        caller.send(caller.request("INVITE", headers=["Supported: timer", "Session-Expires: 30"], body=body))
        refused = caller.response(422, "INVITE")
        assert header(refused, "Min-SE") == "90"
        caller.send(caller.request("ACK"))
        wanted = ["Supported: timer", "Session-Expires: 90;refresher=uac"]
        caller.to_tag = ""
        caller.send(caller.request("INVITE", cseq=2, branch="second", headers=wanted, body=body))
        answered = caller.response(200, "INVITE")
        assert header(answered, "Session-Expires") == "90;refresher=uac"
        assert header(answered, "Require") == "timer"
        assert "UPDATE" in (header(answered, "Allow") or "")
        caller.send(caller.request("ACK", cseq=2, branch="ack"))
        caller.send(caller.request("UPDATE", cseq=3, branch="update", headers=wanted))
        assert header(caller.response(200, "UPDATE"), "Session-Expires") == "90;refresher=uac"
        held = caller.sdp(port=ear.port, direction="sendonly")
        caller.send(caller.request("UPDATE", cseq=4, branch="hold", headers=wanted, body=held))
        assert "a=recvonly" in caller.response(200, "UPDATE")
        caller.send(caller.request("BYE", cseq=5, branch="bye"))
        caller.response(200, "BYE")


def test_who_wants_what_nobody_has_is_told(ringline: Installation, number: str) -> None:
    with Peer(ringline.sip_address, number=number) as caller:
        caller.send(caller.request("OPTIONS", headers=["Require: 100rel, magic"]))
        assert header(caller.response(420, "OPTIONS"), "Unsupported") == "magic"
    with Peer(ringline.sip_address, number=number) as caller, Ear() as ear:
        body = caller.sdp(port=ear.port)
        caller.send(caller.request("INVITE", headers=["Accept: text/plain"], body=body))
        caller.response(406, "INVITE")
