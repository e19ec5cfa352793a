"""Keys in SDP: what is offered, taken and refused, and what an offer cannot talk us out of."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import NegotiationError
from ringline.sdp import (
    SUITES,
    Capabilities,
    CryptoLine,
    Encryption,
    Media,
    SessionDescription,
    accept,
    answer,
    held_by,
    offer,
    same_again,
)

LONG, SHORT = SUITES
KEYS = ((LONG, bytes(range(30))), (SHORT, bytes(range(30, 60))))
THEIR_KEYS = ((LONG, b"L" * 30), (SHORT, b"S" * 30))
OURS = Capabilities(host="192.0.2.10", port=40_000, session_id=7, keys=KEYS)
OFF, OPTIONAL, REQUIRED = (replace(OURS, srtp=each) for each in ("off", "optional", "required"))
INLINE = base64.b64encode(b"L" * 30).decode()
GOOD = f"1 {LONG} inline:{INLINE}"


def theirs(*lines: str) -> SessionDescription:
    """An offer with these media lines and attributes."""
    text = "v=0\r\no=- 1 0 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
    return SessionDescription.parse((text + "".join(f"{line}\r\n" for line in lines)).encode())


def one(protocol: str, *cryptos: str) -> SessionDescription:
    return theirs(f"m=audio 4000 {protocol} 8", *(f"a=crypto:{each}" for each in cryptos))


def audio(description: SessionDescription) -> Media:
    return next(line for line in description.media if line.port)


# ── single lines ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_read_and_written() -> None:
    line = CryptoLine.parse(f"3 aes_cm_128_hmac_sha1_32 INLINE:{INLINE}|2^20 WSH=128")
    assert line == CryptoLine(tag=3, suite=SHORT, key=b"L" * 30)
    assert str(line) == f"3 {SHORT} inline:{INLINE}"
    assert INLINE not in repr(line)
    assert CryptoLine.parse(f"1 {LONG} inline:{INLINE}|1048576") is not None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param(f"x {LONG} inline:{INLINE}", id="no tag"),
        pytest.param(f"1 AES_256_CM_HMAC_SHA1_80 inline:{INLINE}", id="another suite"),
        pytest.param(f"1 F8_128_HMAC_SHA1_80 inline:{INLINE}", id="f8"),
        pytest.param(f"1 {LONG} inline:{INLINE[:-4]}", id="a short key"),
        pytest.param(f"1 {LONG} inline:{INLINE}AAAA", id="a long key"),
        pytest.param(f"1 {LONG} inline:{'?' * 40}", id="no key at all"),
        pytest.param(f"1 {LONG} inline:ключ", id="no letters of base64"),
        pytest.param(f"1 {LONG} uri:https://x/{INLINE}", id="a key elsewhere"),
        pytest.param(f"1 {LONG} inline:{INLINE}|1:4", id="a key identifier"),
        pytest.param(f"1 {LONG} inline:{INLINE}|2^20|1:4", id="lifetime and identifier"),
        pytest.param(f"1 {LONG} inline:{INLINE};inline:{INLINE}", id="two keys"),
        pytest.param(f"1 {LONG} inline:{INLINE} UNENCRYPTED_SRTP", id="not encrypted"),
        pytest.param(f"1 {LONG} inline:{INLINE} UNENCRYPTED_SRTCP", id="reports not encrypted"),
        pytest.param(f"1 {LONG} inline:{INLINE} UNAUTHENTICATED_SRTP", id="not authenticated"),
        pytest.param(f"1 {LONG} inline:{INLINE} KDR=10", id="keys derived anew"),
        pytest.param(f"1 {LONG} inline:{INLINE} WSH=64 X=1", id="something unknown"),
    ],
)
def test_a_line_that_we_cannot_keep_to_is_passed_over(value: str) -> None:
    assert CryptoLine.parse(value) is None
    with pytest.raises(NegotiationError):
        answer(one("RTP/SAVP", value), OPTIONAL)
    agreed = answer(one("RTP/SAVP", value, f"2 {SHORT} inline:{INLINE}"), OPTIONAL)
    assert audio(agreed.description).attribute("crypto") == str(CryptoLine(tag=2, suite=SHORT, key=KEYS[1][1]))


@given(st.text(max_size=120))
def test_noise_is_no_line(value: str) -> None:
    line = CryptoLine.parse(value)
    assert line is None or len(line.key) == 30


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ours", [OPTIONAL, REQUIRED], ids=["optional", "required"])
@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_an_encrypted_offer_is_answered_with_a_key_of_ours(ours: Capabilities, protocol: str) -> None:
    agreed = answer(one(protocol, f"7 {SHORT} inline:{INLINE}", GOOD), ours)
    assert agreed.negotiated.srtp == Encryption(suite=SHORT, send_key=KEYS[1][1], receive_key=b"L" * 30)
    line = audio(agreed.description)
    assert (line.protocol, list(line.values("crypto"))) == (
        protocol,
        [f"7 {SHORT} inline:{base64.b64encode(KEYS[1][1]).decode()}"],
    )


@pytest.mark.parametrize(
    ("ours", "description", "why"),
    [
        (REQUIRED, one("RTP/AVP"), "not encrypted"),
        (REQUIRED, one("RTP/SAVP"), "not encrypted"),
        (REQUIRED, one("RTP/AVP", f"1 {LONG} inline:{INLINE} UNENCRYPTED_SRTP"), "not encrypted"),
        (OPTIONAL, one("RTP/SAVP"), "encryption is not known"),
        (OFF, one("RTP/SAVP", GOOD), "encryption is not known"),
        (OPTIONAL, one("UDP/TLS/RTP/SAVP", GOOD), "no audio in a codec"),
        (REQUIRED, one("RTP/SAVP", str(CryptoLine(tag=1, suite=LONG, key=KEYS[0][1]))), "not encrypted"),
        (REQUIRED, one("RTP/SAVP", str(CryptoLine(tag=1, suite=LONG, key=KEYS[1][1]))), "not encrypted"),
    ],
)
def test_an_offer_that_is_not_as_private_as_it_must_be_is_refused(
    ours: Capabilities, description: SessionDescription, why: str
) -> None:
    with pytest.raises(NegotiationError, match=why):
        answer(description, ours)


def test_where_encryption_is_off_keys_beside_plain_audio_are_passed_over() -> None:
    agreed = answer(one("RTP/AVP", GOOD), OFF)
    assert agreed.negotiated.srtp is None
    assert audio(agreed.description).attribute("crypto") is None


@pytest.mark.parametrize("encrypted_first", [True, False])
def test_of_two_lines_the_encrypted_one_is_taken(encrypted_first: bool) -> None:
    plain, secure = ["m=audio 4000 RTP/AVP 8"], ["m=audio 5000 RTP/SAVP 0", f"a=crypto:{GOOD}"]
    agreed = answer(theirs(*(secure + plain if encrypted_first else plain + secure)), OPTIONAL)
    assert (agreed.negotiated.remote_port, agreed.negotiated.codec) == (5000, "PCMU")
    ports = [line.port for line in agreed.description.media]
    assert ports == ([40_000, 0] if encrypted_first else [0, 40_000])
    assert answer(theirs(*secure, *plain), OFF).negotiated.remote_port == 4000


def test_who_is_held_over_encrypted_audio_is_held() -> None:
    assert held_by(theirs("m=audio 4000 RTP/SAVP 8", f"a=crypto:{GOOD}", "a=sendonly"))


# ── offers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ours", "protocol", "suites"),
    [
        (OFF, "RTP/AVP", []),
        (OPTIONAL, "RTP/AVP", []),
        (replace(OPTIONAL, offers_srtp=True), "RTP/AVP", [LONG, SHORT]),
        (replace(OFF, offers_srtp=True), "RTP/AVP", []),
        (REQUIRED, "RTP/SAVP", [LONG, SHORT]),
    ],
)
def test_offers_name_keys_where_they_are_to(ours: Capabilities, protocol: str, suites: list[str]) -> None:
    line = audio(offer(ours))
    cryptos = [CryptoLine.parse(value) for value in line.values("crypto")]
    assert (line.protocol, [each.suite for each in cryptos if each]) == (protocol, suites)
    assert [each.key for each in cryptos if each] == [key for suite, key in KEYS if suite in suites]


def test_both_ends_of_an_offer_know_the_same_keys() -> None:
    far = Capabilities(host="198.51.100.1", port=4000, session_id=1, srtp="optional", keys=THEIR_KEYS)
    agreed = answer(offer(REQUIRED), far)
    ours = accept(agreed.description, REQUIRED).srtp
    there = agreed.negotiated.srtp
    assert ours == Encryption(suite=LONG, send_key=KEYS[0][1], receive_key=b"L" * 30)
    assert there == Encryption(suite=LONG, send_key=b"L" * 30, receive_key=KEYS[0][1])


@pytest.mark.parametrize(
    ("ours", "description"),
    [
        pytest.param(REQUIRED, one("RTP/AVP"), id="plain"),
        pytest.param(REQUIRED, one("RTP/SAVP"), id="no key"),
        pytest.param(REQUIRED, one("RTP/SAVP", f"1 AES_192_CM_HMAC_SHA1_80 inline:{INLINE}"), id="another suite"),
        pytest.param(REQUIRED, one("RTP/SAVP", str(CryptoLine(tag=1, suite=LONG, key=KEYS[0][1]))), id="our own key"),
        pytest.param(OPTIONAL, one("RTP/SAVP", GOOD), id="keys that were not offered"),
        pytest.param(OFF, one("RTP/SAVP", GOOD), id="keys where they are off"),
    ],
)
def test_an_answer_that_is_less_than_was_offered_is_refused(
    ours: Capabilities, description: SessionDescription
) -> None:
    with pytest.raises(NegotiationError, match="not encrypted"):
        accept(description, ours)


def test_a_far_end_may_leave_what_is_optional() -> None:
    ours = replace(OPTIONAL, offers_srtp=True)
    assert accept(one("RTP/AVP"), ours).srtp is None
    assert accept(one("RTP/AVP", GOOD), ours).srtp is not None


def test_what_is_offered_again_has_the_same_key() -> None:
    agreed = answer(one("RTP/SAVP", f"5 {LONG} inline:{INLINE}"), REQUIRED)
    again = same_again(agreed.description, resume=True)
    assert audio(again).attribute("crypto") == audio(agreed.description).attribute("crypto")
    assert accept(one("RTP/SAVP", f"5 {LONG} inline:{INLINE}"), REQUIRED).srtp == agreed.negotiated.srtp


def test_keys_are_shown_to_nobody() -> None:
    agreed = answer(one("RTP/SAVP", GOOD), REQUIRED).negotiated
    assert not any(text in repr((agreed, REQUIRED)) for text in ("LLLL", INLINE, repr(KEYS[0][1])[2:-1]))
