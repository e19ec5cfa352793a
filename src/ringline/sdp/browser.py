"""Descriptions as browsers write and want them: ICE, DTLS and bundling around one audio line (RFC 8829, RFC 8839).

The RTP half of the line, codecs and directions, is negotiated as anywhere; what this module adds is the way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ringline.base import NegotiationError, RemoteProtocolError
from ringline.sdp.description import Attributes, Media, SessionDescription
from ringline.sdp.negotiation import Capabilities, Negotiated
from ringline.sdp.negotiation import accept as accept_rtp
from ringline.sdp.negotiation import answer as answer_rtp
from ringline.sdp.negotiation import offer as offer_rtp

Setup = Literal["active", "passive"]

_PROTOCOLS: Final = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF")
"The last one is what some browsers and phones wrote before the first was agreed on (RFC 8829 section 5.1.2)."
_NOWHERE: Final = "192.0.0.8"
"Where audio goes is found by ICE: any address will do (RFC 7600 keeps this one free)."
_MOST_CANDIDATES: Final = 64
_ICE_CHARS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-=_")
"Those of RFC 8839 section 5.1, and three more that are met."


@dataclass(frozen=True, slots=True, kw_only=True)
class OurWay:
    """What our description says of the way to us."""

    name: str
    "Of our checks (`ice-ufrag`)."
    password: str = field(repr=False)
    fingerprint: str
    "SHA-256 of our certificate, in pairs of digits."
    addresses: tuple[str, ...]
    "Where we can be reached, the best first."
    port: int
    ssrc: int
    session_id: int
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirWay:
    """What a browser's description says of the way to it."""

    name: str
    password: str = field(repr=False)
    fingerprint: str
    setup: str
    "`actpass`, `active` or `passive`."
    candidates: tuple[str, ...]
    "As `candidate:…`."
    session_id: int = 0
    "Of its description (`o=`): one connection keeps it, another has another."


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserOffer:
    """A browser's offer that can be answered."""

    way: TheirWay
    negotiated: Negotiated
    description: SessionDescription
    taken: int
    "Which of its lines is the audio."
    said: Media
    "The RTP half of our line."


def read_offer(text: str, codecs: Sequence[str]) -> BrowserOffer:
    """Understand a browser's offer, and choose the first of `codecs` that it has.

    Raises:
        RemoteProtocolError: it is broken.
        NegotiationError: it has no audio by WebRTC, or no codec in common.
    """
    description = SessionDescription.parse(text.encode())
    taken, line = _audio_of(description)
    way = _way_of(description, line)
    plain = _plain(description, line)
    for codec in codecs:
        try:
            agreed = answer_rtp(plain, _capabilities((codec,)))
        except NegotiationError:
            continue
        said = agreed.description.media[0]
        return BrowserOffer(way=way, negotiated=agreed.negotiated, description=description, taken=taken, said=said)
    raise NegotiationError("the offer has no audio in a codec that is known here")


def setup_for(offer: BrowserOffer) -> Setup:
    """Who of us begins the handshake: we do, wherever we may, for then it can begin as soon as there is a way."""
    return "passive" if offer.way.setup == "active" else "active"


def write_answer(offer: BrowserOffer, ours: OurWay, setup: Setup) -> str:
    """Answer with one audio line and all candidates; all other lines are refused."""
    theirs = offer.description
    mid = theirs.media[offer.taken].attribute("mid")
    media = [_refused(line) for line in theirs.media]
    protocol = theirs.media[offer.taken].protocol
    media[offer.taken] = _dressed(offer.said, ours, protocol=protocol, setup=setup, mid=mid)
    bundled = any(value.split()[:1] == ["BUNDLE"] for name, value in theirs.attributes if name == "group" and value)
    return _describe(ours, media, mid if bundled else None)


def write_offer(ours: OurWay, codecs: Sequence[str]) -> str:
    """Offer one audio line with all candidates."""
    line = offer_rtp(_capabilities(codecs)).media[0]
    return _describe(ours, [_dressed(line, ours, protocol=_PROTOCOLS[0], setup="actpass", mid="0")], "0")


def read_answer(text: str, codecs: Sequence[str]) -> tuple[TheirWay, Negotiated]:
    """Understand the answer to `write_offer`.

    Raises:
        RemoteProtocolError: it is broken.
        NegotiationError: our line was refused, or answered with a codec that was not offered.
    """
    description = SessionDescription.parse(text.encode())
    _, line = _audio_of(description)
    way = _way_of(description, line)
    if way.setup not in ("active", "passive"):
        raise RemoteProtocolError("the answer does not say who begins the handshake (a=setup)")
    return way, accept_rtp(_plain(description, line), _capabilities(codecs))


def _capabilities(codecs: Sequence[str]) -> Capabilities:
    return Capabilities(host=_NOWHERE, port=9, session_id=0, codecs=tuple(codecs))


def _audio_of(description: SessionDescription) -> tuple[int, Media]:
    for index, line in enumerate(description.media):
        if line.kind == "audio" and line.port != 0 and line.protocol in _PROTOCOLS:
            return index, line
    raise NegotiationError("there is no audio by WebRTC in the description")


def _plain(description: SessionDescription, line: Media) -> SessionDescription:
    """The same audio as if it went by plain RTP, for those who negotiate that."""
    return replace(description, media=(replace(line, protocol="RTP/AVPF", host=_NOWHERE),))


def _way_of(description: SessionDescription, line: Media) -> TheirWay:
    def values(name: str) -> list[str]:
        return list(line.values(name)) or [value or "" for key, value in description.attributes if key == name]

    def one(name: str) -> str:
        return next(iter(values(name)), "")

    name, password = one("ice-ufrag"), one("ice-pwd")
    if not (4 <= len(name) <= 256 and 22 <= len(password) <= 256 and _ICE_CHARS.issuperset(name + password)):
        raise RemoteProtocolError("the description has no name and password for checks (a=ice-ufrag, a=ice-pwd)")
    prints = [value.partition(" ") for value in values("fingerprint")]
    fingerprint = next((rest.strip() for kind, _, rest in prints if kind.lower() == "sha-256"), None)
    if fingerprint is None or not _is_fingerprint(fingerprint):
        raise RemoteProtocolError("the description has no SHA-256 fingerprint of a certificate")
    if line.attribute("rtcp-mux") is None:
        raise NegotiationError("RTCP on a port of its own is not done with WebRTC here (a=rtcp-mux)")
    setup = one("setup").lower() or "active"
    if setup not in ("actpass", "active", "passive"):
        raise RemoteProtocolError("the description does not say who begins the handshake (a=setup)")
    candidates = tuple(f"candidate:{value}" for value in line.values("candidate"))[:_MOST_CANDIDATES]
    return TheirWay(
        name=name,
        password=password,
        fingerprint=fingerprint,
        setup=setup,
        candidates=candidates,
        session_id=description.origin.session_id,
    )


def _is_fingerprint(text: str) -> bool:
    pairs = text.split(":")
    return len(pairs) == 32 and all(len(pair) == 2 and set(pair) <= set("0123456789ABCDEFabcdef") for pair in pairs)


def _refused(line: Media) -> Media:
    mid = line.attribute("mid")
    attributes: Attributes = (("inactive", None),) if mid is None else (("mid", mid), ("inactive", None))
    return replace(line.refused(), attributes=attributes)


def _dressed(line: Media, ours: OurWay, *, protocol: str, setup: str, mid: str | None) -> Media:
    named: Attributes = () if mid is None else (("mid", mid),)
    way: Attributes = (
        ("ice-ufrag", ours.name),
        ("ice-pwd", ours.password),
        ("ice-options", "trickle"),
        ("fingerprint", f"sha-256 {ours.fingerprint}"),
        ("setup", setup),
        ("msid", "ringline audio"),
        ("ssrc", f"{ours.ssrc} cname:ringline"),
        *(("candidate", _candidate(place, address, ours.port)) for place, address in enumerate(ours.addresses)),
        ("end-of-candidates", None),
    )
    host = ours.addresses[0]
    return replace(line, port=ours.port, protocol=protocol, host=host, attributes=(*named, *line.attributes, *way))


def _candidate(place: int, address: str, port: int) -> str:
    """A host candidate; the first has the highest priority (RFC 8445 section 5.1.2.1)."""
    priority = 126 << 24 | (65_535 - place) << 8 | 255
    return f"{place + 1} 1 udp {priority} {address} {port} typ host"


def _describe(ours: OurWay, media: Sequence[Media], bundled: str | None) -> str:
    plain = offer_rtp(replace(_capabilities(("PCMU",)), session_id=ours.session_id, version=ours.version))
    origin = replace(plain.origin, host=ours.addresses[0])
    groups: Attributes = () if bundled is None else (("group", f"BUNDLE {bundled}"),)
    attributes: Attributes = (*groups, ("msid-semantic", "WMS ringline"))
    return bytes(SessionDescription(origin, tuple(media), attributes=attributes)).decode()
