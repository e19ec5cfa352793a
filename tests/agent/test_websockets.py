"""Phones on WebSockets (RFC 7118): challenged as they can answer, and known only as long as their socket is open."""

from __future__ import annotations

import pytest

from ringline.agent import Admit, AgentConfig, Binding, Challenge, RegisterContext, Registered, Send, UserAgent
from ringline.base import SeededRandom
from ringline.sip import Admission, Flow, Response, parse

WEB = Flow("wss", ("192.0.2.1", 443), ("198.51.100.7", 51_000), 1)
DESK = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5060))


class House:
    """A user agent; `challenges`: whoever registers has to log in, else he is taken at his word."""

    def __init__(self, *, challenges: bool = False) -> None:
        def registers(context: RegisterContext) -> Admission:
            return Challenge() if challenges else Admit(context.aor_user)

        config = AgentConfig(contacts={"udp": DESK.local, "wss": WEB.local}, user_agent="Ringline/test", realm="test")
        self.agent = UserAgent(
            config, SeededRandom(b"web"), lambda _context: Challenge(), lambda _name: "secret", registers=registers
        )
        self.lapsed: list[int] = []

    def register(self, flow: Flow, contact: str, *, cseq: int = 1) -> Response:
        text = (
            f"REGISTER sip:example.com SIP/2.0\r\n"
            f"Via: SIP/2.0/{flow.transport.upper()} x.invalid;branch=z9hG4bK{cseq}\r\n"
            f"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n"
            f"Call-ID: 1\r\nCSeq: {cseq} REGISTER\r\n"
            f"Contact: {contact}\r\nSupported: path, gruu, outbound\r\nContent-Length: 0\r\n\r\n"
        )
        self.agent.receive(text.encode(), flow, now=100.0)
        return self.outputs()

    def outputs(self) -> Response:
        found: Response | None = None
        while (output := self.agent.poll()) is not None:
            if isinstance(output, Send):
                message = parse(output.data)
                found = message if isinstance(message, Response) else found
            elif isinstance(output, Registered):
                self.lapsed.append(output.contacts)
        assert found is not None
        return found


def test_a_browser_is_asked_for_md5_alone_and_a_desk_phone_may_choose() -> None:
    challenged = House(challenges=True).register(WEB, "<sip:a@x.invalid;transport=ws>").headers.all("WWW-Authenticate")
    assert [each.partition("algorithm=")[2].partition(",")[0] for each in challenged] == ["MD5"]
    assert len(House(challenges=True).register(DESK, "<sip:a@198.51.100.7>").headers.all("WWW-Authenticate")) == 2


@pytest.mark.parametrize("host", ["x.invalid", "198.51.100.7:51000"])
def test_a_registration_ends_with_its_socket(host: str) -> None:
    house = House()
    accepted = house.register(WEB, f'<sip:a@{host};transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1')
    assert (accepted.status, accepted.headers.get("Require"), accepted.headers.get("Flow-Timer")) == (
        200,
        "outbound",
        "120",
    )
    (binding,) = house.agent.bindings("alice")
    assert binding.target() == WEB
    kept = Binding.from_json(binding.to_json(zero_s=0.0), zero_s=0.0)
    assert House().agent.restore_bindings("alice", [kept], now=100.0) == 0
    house.agent.connection_lost(WEB, now=101.0)
    assert house.agent.bindings("alice") == ()


def test_a_browser_that_comes_back_replaces_what_it_registered_before() -> None:
    house = House()
    instance = '+sip.instance="<urn:uuid:1>";reg-id=1'
    house.register(WEB, f"<sip:a@x.invalid;transport=ws>;{instance}")
    again = Flow("wss", WEB.local, ("198.51.100.7", 51_001), 2)
    house.register(again, f"<sip:b@y.invalid;transport=ws>;{instance}", cseq=2)
    assert [each.flow for each in house.agent.bindings("alice")] == [again]
