"""Offers and answers, as phones and PBXs write them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import NegotiationError, RemoteProtocolError
from ringline.sdp import (
    Capabilities,
    Negotiated,
    SessionDescription,
    accept,
    answer,
    held_by,
    offer,
    same_again,
)

OURS = Capabilities(host="192.0.2.10", port=40_000, session_id=7)
# The shape of a desk phone's offer: several codecs, a video line, encryption beside plain audio.
PHONE = b"""v=0
o=- 20518 0 IN IP4 198.51.100.1
s=call
c=IN IP4 198.51.100.1
t=0 0
a=sendrecv
m=audio 11780 RTP/AVP 9 8 0 3 96
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:3 GSM/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:30
m=video 11782 RTP/AVP 34
a=rtpmap:34 H263/90000
"""


def description(data: bytes | str) -> SessionDescription:
    return SessionDescription.parse(data if isinstance(data, bytes) else data.encode())


def test_the_answer_takes_the_offerers_best_codec_that_is_known() -> None:
    found = answer(description(PHONE), OURS)
    assert found.negotiated == Negotiated(
        remote_host="198.51.100.1",
        remote_port=11780,
        codec="PCMA",
        payload_type=8,
        dtmf_payload_type=96,
        ptime_ms=30,
        send=True,
        receive=True,
    )
    lines = bytes(found.description).decode().split("\r\n")
    assert lines == [
        "v=0",
        "o=ringline 7 0 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 40000 RTP/AVP 8 96",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:96 telephone-event/8000",
        "a=fmtp:96 0-16",
        "a=ptime:20",
        "a=sendrecv",
        "m=video 0 RTP/AVP 34",
        "",
    ]


def test_static_payload_types_need_no_rtpmap() -> None:
    found = answer(description("v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 18 0\n"), OURS)
    assert (found.negotiated.codec, found.negotiated.payload_type) == ("PCMU", 0)
    assert found.negotiated.dtmf_payload_type is None


def test_a_known_codec_under_an_unusual_number_keeps_it() -> None:
    text = "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 97 0\na=rtpmap:97 pcma/8000/1\n"
    found = answer(description(text), OURS)
    assert (found.negotiated.codec, found.negotiated.payload_type) == ("PCMA", 97)
    assert b"m=audio 40000 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\n" in bytes(found.description)


@pytest.mark.parametrize(
    "text",
    [
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 9 18\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/SAVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 0 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=video 4000 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 239.1.2.3/127\nm=audio 4000 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 0\na=rtpmap:0 PCMU/16000\n",
    ],
)
def test_without_audio_that_both_know_there_is_no_answer(text: str) -> None:
    with pytest.raises(NegotiationError):
        answer(description(text), OURS)


def test_encrypted_audio_beside_plain_audio_is_refused_in_its_place() -> None:
    text = (
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/SAVP 0\na=crypto:1 x\nm=audio 4002 RTP/AVP 0\n"
    )
    found = answer(description(text), OURS)
    assert [(line.port, line.protocol) for line in found.description.media] == [(0, "RTP/SAVP"), (40_000, "RTP/AVP")]
    assert found.negotiated.remote_port == 4002


@pytest.mark.parametrize(
    ("session", "line", "send", "receive", "answered"),
    [
        ("", "a=sendrecv", True, True, "sendrecv"),
        ("", "", True, True, "sendrecv"),
        ("", "a=sendonly", False, True, "recvonly"),
        ("", "a=recvonly", True, False, "sendonly"),
        ("", "a=inactive", False, False, "inactive"),
        ("a=sendonly\n", "", False, True, "recvonly"),
        ("a=inactive\n", "a=sendrecv", True, True, "sendrecv"),
        ("", "c=IN IP4 0.0.0.0", False, True, "recvonly"),
        ("", "c=IN IP4 0.0.0.0\na=inactive", False, False, "inactive"),
    ],
)
def test_hold_in_every_spelling(session: str, line: str, send: bool, receive: bool, answered: str) -> None:
    text = f"v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\n{session}m=audio 4000 RTP/AVP 0\n{line}\n"
    found = answer(description(text), OURS)
    assert (found.negotiated.send, found.negotiated.receive) == (send, receive)
    assert found.description.media[0].direction == answered
    assert held_by(description(text)) is not send
    assert found.negotiated.remote_port == (0 if "0.0.0.0" in line else 4000)


def test_our_own_hold_is_said_and_understood() -> None:
    holding = Capabilities(host="192.0.2.10", port=40_000, session_id=7, version=1, receive=False)
    assert offer(holding).media[0].direction == "sendonly"
    theirs = Capabilities(host="192.0.2.20", port=42_000, session_id=8)
    reply = answer(offer(holding), theirs)
    assert (reply.negotiated.send, reply.negotiated.receive) == (False, True)
    agreed = accept(reply.description, holding)
    assert (agreed.send, agreed.receive) == (True, False)


def test_offer_and_answer_agree_on_both_sides() -> None:
    theirs = Capabilities(host="192.0.2.20", port=42_000, session_id=8, codecs=("PCMA",))
    reply = answer(description(bytes(offer(OURS))), theirs)
    agreed = accept(description(bytes(reply.description)), OURS)
    assert (agreed.codec, agreed.payload_type, agreed.dtmf_payload_type) == ("PCMA", 8, 101)
    assert (agreed.remote_host, agreed.remote_port) == ("192.0.2.20", 42_000)
    assert (reply.negotiated.remote_host, reply.negotiated.codec) == ("192.0.2.10", "PCMA")


def test_reports_share_the_port_of_the_audio_where_both_sides_say_so() -> None:
    theirs = Capabilities(host="192.0.2.20", port=42_000, session_id=8)
    assert b"a=rtcp-mux" in bytes(offer(OURS))
    reply = answer(offer(OURS), theirs)
    assert reply.negotiated.rtcp_mux
    assert accept(reply.description, OURS).rtcp_mux
    plain = answer(description(PHONE), OURS)
    assert not plain.negotiated.rtcp_mux
    assert b"a=rtcp-mux" not in bytes(plain.description)
    assert not accept(plain.description, OURS).rtcp_mux


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("a=rtcp:53020", 53_020),
        ("a=rtcp:53020 IN IP4 198.51.100.1", 53_020),
        ("a=rtcp:53020 IN IP4 203.0.113.9", None),
        ("a=rtcp:0", None),
        ("a=rtcp:70000", None),
        ("a=rtcp:", None),
        ("a=rtcp", None),
        ("", None),
    ],
)
def test_a_port_of_its_own_for_reports_is_followed(line: str, port: int | None) -> None:
    text = PHONE.decode().replace("a=ptime:30", line)
    assert answer(description(text), OURS).negotiated.rtcp_port == port


def test_an_answer_that_refuses_or_invents_is_not_accepted() -> None:
    for text in (
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 0 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 18\n",
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\n",
    ):
        with pytest.raises(NegotiationError):
            accept(description(text), OURS)


@pytest.mark.parametrize(
    ("lines", "ptime"),
    [("", 20), ("a=ptime:40\n", 40), ("a=ptime:35\n", 20), ("a=maxptime:10\n", 10), ("a=ptime:x\n", 20)],
)
def test_packet_lengths_are_followed_where_they_can_be(lines: str, ptime: int) -> None:
    text = f"v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 0\n{lines}"
    assert answer(description(text), OURS).negotiated.ptime_ms == ptime


def test_the_same_offer_again_counts_up_and_ends_their_hold() -> None:
    held = answer(description(PHONE.replace(b"a=sendrecv", b"a=sendonly")), OURS).description
    again = same_again(held, resume=True)
    assert (again.origin.version, again.media[0].direction) == (1, "sendrecv")
    assert same_again(held, resume=False).media[0].direction == "recvonly"


def test_what_is_written_is_read_back() -> None:
    for written in (offer(OURS), answer(description(PHONE), OURS).description):
        assert description(bytes(written)) == written
    six = offer(Capabilities(host="2001:db8::1", port=1, session_id=1))
    assert b"c=IN IP6 2001:db8::1" in bytes(six)
    assert description(bytes(six)) == six


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"v=0\n",
        b"v=0\nm=audio\n",
        b"v=0\nm=audio 99999 RTP/AVP 0\n",
        b"v=0\no=broken\n",
        b"v=0\nc=IN IP4 $$$\n",
        b"a=\n" * 3000,
        b"m=audio 1 RTP/AVP 0\n" * 40,
        b"x" * 70_000,
    ],
)
def test_what_is_no_sdp_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        SessionDescription.parse(data)


def test_session_ids_that_are_no_numbers_are_borne() -> None:
    assert description("v=0\no=- abc 1x IN IP4 1.2.3.4\n").origin.host == "1.2.3.4"


@given(st.binary(max_size=2048))
def test_noise_is_only_ever_refused_politely(noise: bytes) -> None:
    with suppress(RemoteProtocolError, NegotiationError):
        answer(SessionDescription.parse(b"v=0\r\n" + noise), OURS)


@given(st.binary(max_size=40), st.integers(0, len(PHONE)))
def test_damaged_sdp_is_answered_or_refused(damage: bytes, at: int) -> None:
    with suppress(RemoteProtocolError, NegotiationError):
        bytes(answer(SessionDescription.parse(PHONE[:at] + damage + PHONE[at + len(damage) :]), OURS).description)


# ── wideband ──

ALL = Capabilities(host="192.0.2.10", port=40_000, session_id=7, codecs=("G722", "PCMA", "PCMU", "opus"))


def line_of(formats: str, attributes: str = "") -> SessionDescription:
    return description(f"v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP {formats}\n{attributes}")


def test_an_offer_writes_every_codec_with_its_own_clock_and_keys_for_each_clock() -> None:
    assert bytes(offer(ALL)).decode().split("\r\n")[5:] == [
        "m=audio 40000 RTP/AVP 9 8 0 111 101 110",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 useinbandfec=1",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-16",
        "a=ptime:20",
        "a=sendrecv",
        "a=rtcp-mux",
        "",
    ]


def test_a_wideband_codec_is_taken_wherever_it_stands_in_the_offer() -> None:
    found = answer(line_of("0 8 9"), ALL).negotiated
    assert (found.codec, found.payload_type, found.clock_hz) == ("G722", 9, 8000)
    narrow = answer(line_of("8 0 18"), ALL).negotiated
    assert (narrow.codec, narrow.payload_type) == ("PCMA", 8)


def test_of_several_wideband_codecs_the_offerers_first_is_taken() -> None:
    lines = "a=rtpmap:96 opus/48000/2\na=fmtp:96 stereo=1\na=rtpmap:97 telephone-event/48000\n"
    found = answer(line_of("0 96 9 97", lines), ALL)
    agreed = found.negotiated
    assert (agreed.codec, agreed.payload_type, agreed.clock_hz) == ("opus", 96, 48_000)
    assert (agreed.dtmf_payload_type, agreed.dtmf_clock_hz) == (97, 48_000)
    written = bytes(found.description).decode()
    assert "m=audio 40000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" in written
    assert "a=rtpmap:97 telephone-event/48000\r\n" in written


def test_keys_with_the_codecs_clock_come_before_those_with_another() -> None:
    lines = "a=rtpmap:96 opus/48000/2\na=rtpmap:100 telephone-event/8000\na=rtpmap:101 telephone-event/48000\n"
    agreed = answer(line_of("96 100 101", lines), ALL).negotiated
    assert (agreed.dtmf_payload_type, agreed.dtmf_clock_hz) == (101, 48_000)
    agreed = answer(line_of("96 100", lines), ALL).negotiated
    assert (agreed.dtmf_payload_type, agreed.dtmf_clock_hz) == (100, 8000)


def test_g722_written_with_the_rate_it_samples_at_is_understood() -> None:
    found = answer(line_of("9", "a=rtpmap:9 G722/16000\n"), ALL)
    assert (found.negotiated.codec, found.negotiated.clock_hz) == ("G722", 8000)
    assert b"a=rtpmap:9 G722/8000\r\n" in bytes(found.description)


def test_stereo_is_for_opus_alone() -> None:
    ours = Capabilities(host="192.0.2.10", port=40_000, session_id=7, codecs=("L16", "PCMU"))
    agreed = answer(line_of("98 0", "a=rtpmap:98 L16/16000/2\n"), ours).negotiated
    assert agreed.codec == "PCMU"
    agreed = answer(line_of("98 0", "a=rtpmap:98 L16/16000/1\n"), ours).negotiated
    assert (agreed.codec, agreed.clock_hz) == ("L16", 16_000)


def test_packet_lengths_are_those_that_the_codec_has() -> None:
    opus = "a=rtpmap:96 opus/48000/2\na=ptime:30\n"
    assert answer(line_of("96", opus), ALL).negotiated.ptime_ms == 20
    assert answer(line_of("9", "a=ptime:30\n"), ALL).negotiated.ptime_ms == 30
    assert answer(line_of("96", "a=rtpmap:96 opus/48000\na=maxptime:15\n"), ALL).negotiated.ptime_ms == 10


def test_an_answer_to_our_offer_is_read_in_its_own_order() -> None:
    agreed = accept(line_of("8 9"), ALL)
    assert agreed.codec == "PCMA"


def test_an_address_may_be_a_host_name_as_in_the_examples_of_rfc_4317() -> None:
    theirs = description(PHONE.replace(b"c=IN IP4 198.51.100.1", b"c=IN IP4 host.atlanta.example.com"))
    found = answer(theirs, OURS)
    assert (found.negotiated.remote_host, found.negotiated.remote_port) == ("host.atlanta.example.com", 11780)
    assert found.negotiated.send
    assert found.negotiated.receive
    assert not held_by(theirs)


def test_what_is_offered_again_names_the_other_codecs_too() -> None:
    ours = replace(OURS, codecs=("G722", "PCMA", "PCMU", "opus"))
    found = answer(description(PHONE.replace(b"RTP/AVP 9 8 0 3 96", b"RTP/AVP 8 96")), ours)
    again = same_again(found.description, description(PHONE), codecs=ours.codecs, resume=False)
    line = again.media[0]
    assert line.formats == ("8", "96", "9", "0", "111", "110")
    assert "111 opus/48000/2" in line.values("rtpmap")
    assert "110 telephone-event/48000" in line.values("rtpmap")
    assert again.media[1].port == 0
    assert accept(again, ours).codec == "PCMA"


def test_a_payload_type_keeps_its_meaning_when_more_is_offered() -> None:
    theirs = description(
        "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 8 111 98 101\n"
        "a=rtpmap:111 speex/16000\na=rtpmap:98 opus/48000/2\na=rtpmap:101 telephone-event/8000\n"
    )
    ours = replace(OURS, codecs=("PCMA", "opus", "L16"))
    found = answer(theirs, replace(ours, codecs=("PCMA",)))
    line = same_again(found.description, theirs, codecs=ours.codecs, resume=False).media[0]
    maps = dict(value.split(" ", 1) for value in line.values("rtpmap"))
    assert line.formats[:2] == ("8", "101")
    assert (maps["98"], maps["112"]) == ("opus/48000/2", "L16/16000")
    assert "111" not in line.formats
