"""Messages as real peers write them, and as we do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import RemoteProtocolError
from ringline.sip import PING, Headers, NameAddr, Request, Response, StreamParser, Uri, Via, parse, salvage

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.com>;tag=1928301774\r\n'
    b"To: Bob <sip:bob@example.com>\r\n"
    b"Call-ID: a84b4c76e66710@pc33.example.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Content-Type: text/plain\r\n"
    b"Content-Length: 5\r\n\r\n"
    b"a\r\n\r\n"
)
# After the "short tortuous INVITE" of RFC 4475 section 3.1.1.1: folding, odd spacing, compact names, strange tokens.
TORTUOUS = (
    b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
    b"TO :\r\n"
    b" sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
    b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n'
    b"  ;\r\n"
    b"  tag = 98asjd8\r\n"
    b"MaX-fOrWaRdS: 0068\r\n"
    b"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n"
    b"Content-Length   : 3\r\n"
    b"cseq: 0009\r\n"
    b"  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n"
    b" /UDP\r\n"
    b"    192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\n"
    b"NewFangledHeader:   newfangled value\r\n"
    b" continued newfangled value\r\n"
    b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n"
    b"  branch  =   z9hG4bK9ikj8  ,\r\n"
    b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n"
    b" z9hG4bK30239\r\n"
    b'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam = newvalue ;\r\n'
    b"  secondparam ; q = 0.33\r\n\r\n"
    b"v=0"
)


def as_request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    message.check()
    return message


def test_a_tortuous_invite_is_understood() -> None:
    request = as_request(TORTUOUS)
    assert (request.to.tag, request.from_.tag, request.from_.display) == ("1918181833n", "98asjd8", 'J Rosenberg \\"')
    assert request.cseq == (9, "INVITE")
    assert [Via.parse(value).branch for value in request.headers.split("Via")] == [
        "390skdjuw",
        "z9hG4bK9ikj8",
        "z9hG4bK30239",
    ]
    assert request.number("Max-Forwards") == 68
    assert request.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert str(request.contact) == "sip:jdrosen@example.com"
    assert request.body == b"v=0"


def test_what_we_write_we_read_back() -> None:
    for data in (INVITE, TORTUOUS):
        request = parse(data)
        again = parse(bytes(request))
        assert again.headers.all("from") == request.headers.all("from")
        assert bytes(again) == bytes(request)


def test_compact_names_are_found_by_their_long_ones() -> None:
    headers = Headers([("v", "1"), ("VIA", "2"), ("i", "3")])
    assert (headers.all("Via"), headers.get("call-id")) == (["1", "2"], "3")
    assert list(headers) == [("v", "1"), ("VIA", "2"), ("i", "3")]


def test_lists_are_split_at_commas_outside_quotes_and_brackets() -> None:
    headers = Headers([("Contact", '"a, b" <sip:a@x;p=1,2>;q=1, <sip:b@x>'), ("Contact", "sip:c@x")])
    assert headers.split("Contact") == ['"a, b" <sip:a@x;p=1,2>;q=1', "<sip:b@x>", "sip:c@x"]


def test_bytes_that_are_not_utf8_are_kept_as_latin1_both_ways() -> None:
    data = INVITE.replace(b"Bob", b"J\xfcrgen")
    request = as_request(data)
    assert request.to.display == "Jürgen"
    assert b"J\xfcrgen" in bytes(request)


def test_bare_line_feeds_are_accepted() -> None:
    head, _, body = INVITE.partition(b"\r\n\r\n")
    request = as_request(head.replace(b"\r\n", b"\n") + b"\n\n" + body)
    assert request.body == b"a\r\n\r\n"


def test_line_ends_in_values_never_reach_the_wire() -> None:
    request = as_request(INVITE)
    request.headers.add("X-Note", "a\r\nEvil: b\nWorse: c")
    again = parse(bytes(request))
    assert again.headers.get("X-Note") == "a  Evil: b Worse: c"
    assert "Evil" not in again.headers


def test_content_after_the_length_is_cut_off_and_missing_content_is_refused() -> None:
    assert parse(INVITE + b"extra").body == b"a\r\n\r\n"
    with pytest.raises(RemoteProtocolError):
        parse(INVITE[:-1])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"INVITE sip:x SIP/3.0\r\n\r\n", 505),
        (b"HELLO\r\n\r\n", 400),
        (b"INVITE sip:x SIP/2.0\r\nno colon here\r\n\r\n", 400),
        (b"INVITE sip:x SIP/2.0\r\n folded first\r\n\r\n", 400),
        (b"INVITE sip:x SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\nab", 400),
        (b"INVITE sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n", 400),
        (b"SIP/2.0 99 Low\r\n\r\n", 400),
        (b"SIP/2.0 700 High\r\n\r\n", 400),
        (b"X" * 70_000, 413),
        (b"INVITE sip:x SIP/2.0\r\n" + b"a: b\r\n" * 300 + b"\r\n", 400),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data)
    assert caught.value.sip_status == status


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"CSeq: 314159 INVITE", b"CSeq: 314159 BYE", 400),
        (b"CSeq: 314159 INVITE", b"CSeq: 99999999999 INVITE", 400),
        (b"CSeq: 314159 INVITE", b"X: y", 400),
        (b"Call-ID: a", b"Call-ID: b\r\nCall-ID: a", 400),
        (b"sip:bob@example.com SIP", b"http://example.com SIP", 416),
        (b"From: ", b"X-From: ", 400),
        (b"<sip:alice@example.com>;", b"<sip:alice@exa mple.com>;", 400),
        (b"Via: SIP/2.0/TCP", b"Via: SIP/TCP", 400),
        (b"Contact: <sip:alice@192.0.2.1>", b"Contact: <sip:alice@192.0.2.1", 400),
    ],
)
def test_requests_without_what_they_need_are_refused(old: bytes, new: bytes, status: int) -> None:
    assert old in INVITE
    message = parse(INVITE.replace(old, new))
    assert isinstance(message, Request)
    with pytest.raises(RemoteProtocolError) as caught:
        message.check()
    assert caught.value.sip_status == status


def test_a_broken_request_that_can_be_answered_is_salvaged() -> None:
    broken = INVITE.replace(b"Max-Forwards: 70", b"what is this")
    found = salvage(broken)
    assert found is not None
    assert found.call_id == "a84b4c76e66710@pc33.example.com"
    assert salvage(broken.replace(b"INVITE", b"ACK")) is None
    assert salvage(b"\0\1\2") is None


def test_responses_carry_status_and_words() -> None:
    response = parse(b"SIP/2.0 486 Busy Here right now\r\nCSeq: 1 INVITE\r\n\r\n")
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (486, "Busy Here right now")


# ── URIs and addresses ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@example.com",
        "sip:+442079460000@192.0.2.1:5062;user=phone;transport=tcp",
        "sips:a%20b:secret@example.com?Subject=x",
        "sip:[2001:db8::1]:5060;lr",
        "sip:pbx1",
        "sip:user@my_pbx_1:5060",
        "tel:+442079460000;phone-context=x",
        "sip:a;b=c@example.com",
    ],
)
def test_uris_are_written_as_they_were_read(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_a_uri_comes_apart_whatever_case_and_escapes_it_is_in() -> None:
    uri = Uri.parse("SIP:%2B44@Example.com:5061;Transport=TLS;lr?a=b")
    assert (uri.scheme, uri.user, uri.host, uri.port, uri.transport) == ("sip", "+44", "Example.com", 5061, "tls")
    assert "LR" in uri.params
    assert str(uri.without_secrets()) == "sip:+44@Example.com:5061;Transport=TLS;lr"


@pytest.mark.parametrize(
    "text",
    ["", "sip:", "sip:@host", "sip:a@", "sip:a@ho st", "sip:a@host:99999", "sip:a@[::1", "sip:a@[zz]", "mailto:a@b"],
)
def test_broken_uris_are_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Uri.parse(text)


def test_without_brackets_parameters_belong_to_the_header() -> None:
    bare = NameAddr.parse("sip:alice@example.com;tag=x")
    assert (bare.tag, bare.uri.params.items) == ("x", ())
    boxed = NameAddr.parse('"A ; <B>" <sip:alice@example.com;lr>;tag=y')
    assert (boxed.tag, boxed.display, "lr" in boxed.uri.params) == ("y", "A ; <B>", True)


# ── streams ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", range(1, len(INVITE)))
def test_a_message_may_arrive_in_any_two_pieces(cut: int) -> None:
    parser = StreamParser()
    frames = [*parser.feed(INVITE[:cut]), *parser.feed(INVITE[cut:])]
    assert frames == [INVITE]
    assert parser.waiting == 0


def test_several_messages_and_keep_alives_are_told_apart() -> None:
    parser = StreamParser()
    assert parser.feed(b"\r\n\r\n" + INVITE + b"\r\n" + INVITE + b"\r\n\r\n") == [PING, INVITE, INVITE, PING]


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_keep_alive_may_arrive_in_two_pieces(cut: int) -> None:
    parser = StreamParser()
    assert [*parser.feed(PING[:cut]), *parser.feed(PING[cut:])] == [PING]


def test_without_a_length_a_message_on_a_stream_has_no_body() -> None:
    head = INVITE.replace(b"Content-Length: 5\r\n", b"").partition(b"a\r\n\r\n")[0]
    assert StreamParser().feed(head) == [head]


def test_a_stream_that_cannot_be_followed_is_broken_for_good() -> None:
    parser = StreamParser()
    with pytest.raises(RemoteProtocolError):
        parser.feed(b"INVITE sip:x SIP/2.0\r\nContent-Length: x\r\n\r\n")
    with pytest.raises(RemoteProtocolError):
        parser.feed(INVITE)
    with pytest.raises(RemoteProtocolError):
        StreamParser().feed(b"A" * 70_000)
    with pytest.raises(RemoteProtocolError):
        StreamParser().feed(b"INVITE sip:x SIP/2.0\r\nContent-Length: 99999\r\n\r\n")


@given(st.lists(st.integers(1, 200), max_size=40))
def test_any_cuts_give_the_same_frames(cuts: list[int]) -> None:
    data = INVITE * 3
    parser, frames, at = StreamParser(), [], 0
    for cut in cuts:
        frames += parser.feed(data[at : at + cut])
        at += cut
    frames += parser.feed(data[at:])
    assert frames == [INVITE] * 3


@given(st.binary(max_size=4096))
def test_noise_is_only_ever_refused_politely(noise: bytes) -> None:
    with suppress(RemoteProtocolError):
        StreamParser().feed(noise)
    with suppress(RemoteProtocolError):
        message = parse(noise)
        message.check()
    salvage(noise)


@given(st.text(max_size=200))
def test_values_that_are_noise_are_refused_politely_too(text: str) -> None:
    for read in (Uri.parse, NameAddr.parse, Via.parse):
        with suppress(RemoteProtocolError):
            value = read(text)
            assert read(str(value)) == value or "\\" in text or '"' in text


@given(st.binary(max_size=64), st.integers(0, len(TORTUOUS)))
def test_a_damaged_message_is_read_or_refused(damage: bytes, at: int) -> None:
    with suppress(RemoteProtocolError):
        message = parse(TORTUOUS[:at] + damage + TORTUOUS[at + len(damage) :])
        message.check()
        bytes(message)


def test_what_was_read_from_a_header_is_read_again_when_it_changes() -> None:
    found = parse(
        b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        b"From: <sip:a@example.com>;tag=a\r\nTo: <sip:b@example.com>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    assert (found.via.branch, found.cseq, found.from_.tag, found.to.tag) == ("z9hG4bK1", (1, "INVITE"), "a", None)
    found.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9")
    found.headers.set("CSeq", "2 INVITE")
    found.headers.set("To", "<sip:b@example.com>;tag=b")
    assert (found.via.branch, found.cseq, found.from_.tag, found.to.tag) == ("z9hG4bK9", (2, "INVITE"), "a", "b")
    found.headers.remove("From")
    with pytest.raises(RemoteProtocolError):
        _ = found.from_
    found.headers.add("From", "<sip:c@example.com>;tag=c")
    assert found.from_.tag == "c"
