"""The messages of RFC 4475 and RFC 5118, whole and by name, each with what the RFC expects of a user agent.

The files in `tests/corpus` hold the messages as the RFCs print them, `mpart01` with its signature in binary.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.agent import Admission, Admit, Challenge, IncomingCall, RegisterContext
from ringline.sip import MAGIC_COOKIE, Flow, Response, StreamParser

from .wire import Phone, Wire

CORPUS = Path(__file__).parents[1] / "corpus"
SOURCE = ("198.51.100.99", 5060)

TORTURE: dict[str, int | None] = {
    # 3.1.1 valid messages
    "wsinv": 481,  # well-formed, but its To has a tag: there is no such dialog here
    "intmeth": 501,
    "esc01": 100,
    "escnull": 200,
    "esc02": 501,
    "lwsdisp": 200,
    "longreq": 100,
    "dblreq": 200,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,  # well-formed, whatever is in its parts; but nobody takes a MESSAGE here
    "unreason": None,
    "noreason": None,
    # 3.1.2 invalid messages
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": None,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 100,
    "trws": 200,
    "escruri": 100,
    "baddate": 100,
    "regbadct": 400,
    "badaspec": 200,
    "baddn": 200,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": None,
    # 3.2 transaction layer
    "badbranch": 200,
    # 3.3 application layer
    "insuf": 400,  # From, To and Call-ID are missing: the answer is known by its branch
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 400,
    "bext01": 420,
    "invut": 415,
    "regaut01": 401,
    "multi01": 400,
    "mcl01": 400,
    "bcast": None,
    "zeromf": 200,
    "cparam01": 200,
    "cparam02": 200,
    "regescrt": 200,
    "sdp01": 406,
    # 3.4 backward compatibility
    "inv2543": 100,
}
IPV6: dict[str, int | None] = {
    "ipv6-good": 200,
    "ipv6-bad": 400,
    "port-ambiguous": 200,
    "port-unambiguous": 200,
    "via-received-param-with-delim": 481,
    "via-received-param-no-delim": 200,
    "ipv6-in-sdp": 100,
    "mult-ip-in-hdr": 481,
    "mult-ip-in-sdp": 100,
    "ipv4-mapped-ipv6": 100,
    "ipv6-bug-abnf-3-colons": 200,
}
_LYING = ("clerr", "ncl", "mcl01", "multi01", "dblreq", "inv2543")
"Their Content-Length is not that of their body, on purpose or because it is missing."


def registers(context: RegisterContext) -> Admission:
    """Everybody may register, except where the message brings credentials of its own."""
    return Challenge() if context.aor_user == "j.user" and context.host == "example.com" else Admit("someone")


@pytest.fixture
def phone(wire: Wire) -> Phone:
    return wire.phone("torture", "192.0.2.2", registers=registers)


def message(folder: str, name: str) -> bytes:
    return (CORPUS / folder / f"{name}.sip").read_bytes()


def heard(wire: Wire, phone: Phone, data: bytes) -> int | None:
    """The first answer; None for silence."""
    before = len(phone.sent)
    wire.inject(phone, data, source=SOURCE)
    answers = [each for each in phone.sent[before:] if isinstance(each, Response)]
    return answers[0].status if answers else None


@pytest.mark.parametrize("name", list(TORTURE))
def test_a_torture_message_gets_what_the_rfc_says(wire: Wire, name: str) -> None:
    admits = (lambda _context: Admit("someone")) if name == "dblreq" else registers
    phone = wire.phone("torture", "192.0.2.2", registers=admits)
    assert heard(wire, phone, message("rfc4475", name)) == TORTURE[name]


@pytest.mark.parametrize("name", list(IPV6))
def test_an_ipv6_message_gets_what_the_rfc_says(wire: Wire, phone: Phone, name: str) -> None:
    assert heard(wire, phone, message("rfc5118", name)) == IPV6[name]


def test_every_message_of_the_corpus_is_in_the_tables() -> None:
    assert {each.stem for each in (CORPUS / "rfc4475").iterdir()} == set(TORTURE)
    assert {each.stem for each in (CORPUS / "rfc5118").iterdir()} == set(IPV6)


def test_what_is_understood_is_understood_rightly(wire: Wire, phone: Phone) -> None:
    heard(wire, phone, message("rfc4475", "esc01"))
    call = phone.one(IncomingCall)
    assert (call.to_user, call.from_user) == ("sips:user@example.com", "I have spaces")
    heard(wire, phone, message("rfc4475", "escnull"))
    uris = sorted(str(binding.contact.uri) for binding in phone.agent.bindings("someone"))
    assert uris == ["sip:%00%00@host5.example.com", "sip:%00@host5.example.com"]
    phone.agent.tick(now=wire.now)


@pytest.mark.parametrize(
    ("name", "to"), [("quotbal", '"Mr. J. User <sip:j.user@example.com>;tag='), ("unksm2", "isbn:2983792873;tag=")]
)
def test_a_header_that_cannot_be_read_comes_back_as_it_is(wire: Wire, phone: Phone, name: str, to: str) -> None:
    assert heard(wire, phone, message("rfc4475", name)) == 400
    assert (phone.sent[-1].headers.get("To") or "").startswith(to)


def test_what_is_missing_in_a_request_is_missing_in_its_refusal(wire: Wire, phone: Phone) -> None:
    assert heard(wire, phone, message("rfc4475", "insuf")) == 400
    names = [name for name, _ in phone.sent[-1].headers]
    assert names[:2] == ["Via", "CSeq"]
    assert not {"From", "To", "Call-ID"} & set(names)


def test_unsupported_extensions_are_named(wire: Wire, phone: Phone) -> None:
    heard(wire, phone, message("rfc4475", "bext01"))
    assert phone.sent[-1].headers.get("Unsupported") == "nothingsupportsthis, nothingsupportsthiseither"


def test_two_of_a_kind_without_a_branch_are_two_transactions(wire: Wire, phone: Phone) -> None:
    data = message("rfc4475", "badbranch")
    other = data.replace(b"badbranch.", b"another.").replace(b"CSeq: 8", b"CSeq: 9")
    assert f"branch={MAGIC_COOKIE}\r\n".encode() in data
    assert (heard(wire, phone, data), heard(wire, phone, other)) == (200, 200)
    assert phone.sent[-1].call_id.startswith("another.")


@pytest.mark.parametrize("name", [name for name in TORTURE if name not in _LYING])
def test_on_a_stream_each_message_has_its_end(name: str) -> None:
    data = message("rfc4475", name)
    parser = StreamParser()
    frames = parser.feed(data + b"OPTIONS sip:x SIP/2.0\r\nl: 0\r\n\r\n")
    assert frames[0] == data
    assert frames[-1].startswith(b"OPTIONS sip:x")


@pytest.mark.parametrize("name", list(TORTURE))
def test_mutations_of_every_message_are_answered_or_dropped_but_never_break_anything(wire: Wire, name: str) -> None:
    """One byte changed, a piece cut out, a piece doubled: at every twentieth place."""
    phone = wire.phone("torture", "192.0.2.2", registers=registers, trusts=lambda _address: True)
    data = message("rfc4475", name)
    for at in range(0, len(data), max(1, len(data) // 20)):
        for mutant in (
            data[:at] + b"\x00" + data[at + 1 :],
            data[:at] + b"\xff" + data[at + 1 :],
            data[:at],
            data[:at] + data[at + 7 :],
            data[:at] + data[at : at + 40] * 3 + data[at + 40 :],
            data[:at] + b';=,<>"' + data[at:],
        ):
            phone.agent.receive(mutant, Flow("udp", phone.address, SOURCE), now=wire.now)
            wire.pump(phone)
    for call in phone.all(IncomingCall):
        phone.do(phone.agent.refuse, call.leg, 486)
    wire.run(400)
    left = phone.agent.gauges()
    assert left["client_transactions"] == left["server_transactions"] == 0
