"""Descriptions of browsers: what is understood, what is refused, and what is said."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import NegotiationError, RemoteProtocolError
from ringline.sdp import OurWay, SessionDescription, read_answer, read_offer, setup_for, write_answer, write_offer

CODECS = ("opus", "G722", "PCMU", "PCMA")
FINGERPRINT = ":".join(["AB"] * 32)
OURS = OurWay(
    name="name",
    password="a-password-of-22-chars",
    fingerprint=FINGERPRINT.lower(),
    addresses=("203.0.113.5", "2001:db8::5"),
    port=10_000,
    ssrc=7,
    session_id=42,
)
# As Chromium 156 offers audio; its candidates replaced as the official client library does it.
CHROMIUM = """v=0
o=- 1409771412540382456 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 UDP 2113937151 0.0.0.0 9 typ host
a=ice-ufrag:FLDr
a=ice-pwd:aUD12pqew/ElJDZGlvFr4pNo
a=ice-options:trickle
a=fingerprint:sha-256 57:EE:09:BF:3C:98:53:BE:B1:4A:44:75:B9:91:A8:DF:1C:BD:A7:07:0B:F1:80:47:34:B6:9B:BA:E7:A4:E4:CC
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1670790886 cname:XunMQZ2E7GD6cmrh
""".replace("\n", "\r\n")


def test_the_offer_of_chromium_is_answered_with_one_codec_and_the_whole_way() -> None:
    offer = read_offer(CHROMIUM, CODECS)
    assert (offer.negotiated.codec, offer.negotiated.payload_type, offer.negotiated.clock_hz) == ("opus", 111, 48_000)
    assert (offer.negotiated.dtmf_payload_type, offer.negotiated.dtmf_clock_hz) == (110, 48_000)
    assert (offer.negotiated.send, offer.negotiated.receive) == (True, True)
    assert (offer.way.name, offer.way.password) == ("FLDr", "aUD12pqew/ElJDZGlvFr4pNo")
    text = write_answer(offer, OURS, setup_for(offer))
    answer = SessionDescription.parse(text.encode())
    (line,) = answer.media
    assert (line.port, line.protocol, line.formats) == (10_000, "UDP/TLS/RTP/SAVPF", ("111", "110"))
    assert [line.attribute(name) for name in ("mid", "setup", "rtcp-mux", "ice-ufrag", "ice-pwd")] == [
        "0",
        "active",
        "",
        "name",
        "a-password-of-22-chars",
    ]
    assert list(line.values("candidate")) == [
        "1 1 udp 2130706431 203.0.113.5 10000 typ host",
        "2 1 udp 2130706175 2001:db8::5 10000 typ host",
    ]
    assert ("group", "BUNDLE 0") in answer.attributes
    assert answer.origin.host == "203.0.113.5"


@pytest.mark.parametrize(("codecs", "codec"), [(("PCMU", "opus"), "PCMU"), (("PCMA",), "PCMA"), (("G722",), "G722")])
def test_our_order_of_codecs_counts(codecs: tuple[str, ...], codec: str) -> None:
    assert read_offer(CHROMIUM, codecs).negotiated.codec == codec


@pytest.mark.parametrize(
    ("theirs", "ours"), [("actpass", "active"), ("active", "passive"), ("passive", "active"), (None, "passive")]
)
def test_who_begins_the_handshake_follows_from_the_offer(theirs: str | None, ours: str) -> None:
    line = "" if theirs is None else f"a=setup:{theirs}\r\n"
    assert setup_for(read_offer(CHROMIUM.replace("a=setup:actpass\r\n", line), CODECS)) == ours


def test_video_and_data_are_refused_line_by_line() -> None:
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n"
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
    offer = read_offer(CHROMIUM.replace("BUNDLE 0", "BUNDLE 0 1 2") + video + data, CODECS)
    answer = SessionDescription.parse(write_answer(offer, OURS, "active").encode())
    assert [(line.kind, line.port, line.attribute("mid")) for line in answer.media] == [
        ("audio", 10_000, "0"),
        ("video", 0, "1"),
        ("application", 0, "2"),
    ]
    assert ("group", "BUNDLE 0") in answer.attributes


def test_a_hold_is_answered_with_its_counterpart() -> None:
    offer = read_offer(CHROMIUM.replace("a=sendrecv", "a=sendonly"), CODECS)
    assert (offer.negotiated.send, offer.negotiated.receive) == (False, True)
    assert "a=recvonly\r\n" in write_answer(offer, OURS, "active")


def test_our_own_offer_is_understood_and_answered() -> None:
    text = write_offer(OURS, CODECS)
    offer = read_offer(text, ("PCMU",))
    assert (offer.way.setup, offer.way.fingerprint) == ("actpass", FINGERPRINT.lower())
    way, negotiated = read_answer(write_answer(offer, OURS, "active"), CODECS)
    assert (way.setup, way.name, negotiated.codec) == ("active", "name", "PCMU")
    with pytest.raises(RemoteProtocolError):
        read_answer(write_answer(offer, OURS, "active").replace("setup:active", "setup:actpass"), CODECS)


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", NegotiationError),
        ("m=audio 9", "m=audio 0", NegotiationError),
        ("m=audio", "m=video", NegotiationError),
        ("a=rtcp-mux\r\n", "", NegotiationError),
        ("a=ice-ufrag:FLDr\r\n", "", RemoteProtocolError),
        ("a=ice-pwd:aUD12pqew/ElJDZGlvFr4pNo", "a=ice-pwd:short", RemoteProtocolError),
        ("a=ice-ufrag:FLDr", "a=ice-ufrag:F L:D", RemoteProtocolError),
        ("sha-256 57:EE", "sha-1 57:EE", RemoteProtocolError),
        ("sha-256 57:EE", "sha-256 57:XX", RemoteProtocolError),
        ("a=setup:actpass", "a=setup:holdconn", RemoteProtocolError),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(before: str, after: str, error: type[Exception]) -> None:
    assert before in CHROMIUM
    with pytest.raises(error, match=r"\w+ \w+ \w+"):
        read_offer(CHROMIUM.replace(before, after), CODECS)


def test_an_offer_without_a_codec_of_ours_is_refused() -> None:
    with pytest.raises(NegotiationError):
        read_offer(CHROMIUM.replace("111 63 9 0 8 13 110 126", "63 13"), CODECS)


@given(st.data())
def test_a_damaged_offer_is_answered_or_refused_politely(data: st.DataObject) -> None:
    lines = CHROMIUM.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place : place + data.draw(st.integers(0, 2))] = data.draw(st.lists(st.text(max_size=60), max_size=2))
    with suppress(NegotiationError, RemoteProtocolError):
        offer = read_offer("\r\n".join(lines), CODECS)
        SessionDescription.parse(write_answer(offer, OURS, setup_for(offer)).encode())
