"""Messages after the cases of RFC 4475, under the names they have there: what is borne, and what is refused."""

from __future__ import annotations

import pytest

from ringline.base import RemoteProtocolError
from ringline.sip import Request, Response, parse


def message(
    *,
    line: str = "OPTIONS sip:user@example.com SIP/2.0",
    to: str = "sip:j_user@example.com",
    from_: str = "sip:caller@example.net;tag=93942939o2",
    via: str = "SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw",
    cseq: str = "8 OPTIONS",
    more: str = "",
) -> bytes:
    text = (
        f"{line}\r\nTo: {to}\r\nFrom: {from_}\r\nVia: {via}\r\nCall-ID: torture.8329\r\nCSeq: {cseq}\r\n"
        f"Max-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    )
    return text.encode()


def read(data: bytes) -> Request:
    found = parse(data)
    assert isinstance(found, Request)
    found.check()
    return found


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            message(
                line="!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
                ":&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
                cseq="139122385 !interesting-Method0123456789_*+`.%indeed'~",
                to='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)@example.com>',
            ),
            id="intmeth",
        ),
        pytest.param(message(line="OPTIONS sip:sips%3Auser%40example.com@example.net SIP/2.0"), id="esc01"),
        pytest.param(message(from_="sip:null-%00-null@example.com;tag=839923423"), id="escnull"),
        pytest.param(message(from_="caller<sip:caller@example.com>;tag=323"), id="lwsdisp"),
        pytest.param(message(via=f"SIP/2.0/UDP {'x.' * 200}com;branch=z9hG4bK{'long' * 100}"), id="longreq"),
        pytest.param(message() + b"REGISTER sip:example.com SIP/2.0\r\n", id="dblreq"),
        pytest.param(message(line="OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"), id="semiuri"),
        pytest.param(message(via="SIP/2.0/UNKNOWN host;branch=z9hG4bKkdjuw"), id="transports"),
        pytest.param(message(line="OPTIONS   sip:user@example.com   SIP/2.0"), id="lwsstart"),
        pytest.param(message(line="OPTIONS sip:user@example.com SIP/2.0  "), id="trws"),
        pytest.param(
            message(to="Watson, Thomas < sip:t.watson@example.org >".replace("< ", "<").replace(" >", ">")), id="baddn"
        ),
        pytest.param(
            message(more="Accept: text/nobodyKnowsThis;param\r\nDate: Fri, 01 Jan 2010 16:00:00 EST\r\n"), id="baddate"
        ),
        pytest.param(
            message(via="SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3"), id="via6"
        ),
    ],
)
def test_strange_but_true_messages_are_taken(data: bytes) -> None:
    bytes(read(data))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(
            message(via="SIP/2.0/UDP 192.0.2.15;;,;,,").replace(b"Via: SIP/2.0/UDP", b"Via: SIP/2.0"),
            400,
            id="badinv01",
        ),
        pytest.param(message().replace(b"Length: 0", b"Length: 9999"), 400, id="clerr"),
        pytest.param(message().replace(b"Length: 0", b"Length: -999"), 400, id="ncl"),
        pytest.param(message(cseq="36893488147419103232 OPTIONS"), 400, id="scalar02"),
        pytest.param(message(to='"Mr. J. User <sip:j.user@example.com>'), 400, id="quotbal"),
        pytest.param(message(line="OPTIONS <sip:user@example.com> SIP/2.0"), 400, id="ltgtruri"),
        pytest.param(message(line="OPTIONS sip:user@example.com; lr SIP/2.0"), 400, id="lwsruri"),
        pytest.param(message(line="OPTIONS sip:t.watson@example.org SIP/7.0"), 505, id="badvers"),
        pytest.param(message(cseq="8 INVITE"), 400, id="mismatch01"),
        pytest.param(message(line="NEWMETHOD sip:user@example.com SIP/2.0"), 400, id="mismatch02"),
        pytest.param(message(line="OPTIONS nobodyKnowsThisScheme:totallyopaque SIP/2.0"), 416, id="unkscm"),
        pytest.param(message(from_="<http://example.net/~user>;tag=3234233"), 400, id="unksm2"),
        pytest.param(message(more="Call-ID: another\r\n"), 400, id="multi01"),
        pytest.param(message(more="Content-Length: 98\r\n"), 400, id="mcl01"),
    ],
)
def test_broken_messages_are_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(data)
    assert caught.value.sip_status == status


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое", None, id="unreason"),
        pytest.param("SIP/2.0 100 ", "", id="noreason"),
        pytest.param("SIP/2.0 200", "", id="no reason and no space"),
    ],
)
def test_any_reason_will_do(line: str, reason: str | None) -> None:
    found = parse(message(line=line))
    assert isinstance(found, Response)
    assert found.reason == (line[12:] if reason is None else reason)


def test_a_status_beyond_all_classes_is_refused() -> None:
    """bigcode"""
    with pytest.raises(RemoteProtocolError):
        parse(message(line="SIP/2.0 4294967301 better not break the receiver"))
