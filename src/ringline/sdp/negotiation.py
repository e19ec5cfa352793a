"""Offer and answer (RFC 3264) for telephone audio: G.711 and telephone-event (RFC 4733)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from ringline.base import NegotiationError
from ringline.sdp.description import Media, Origin, SessionDescription

STATIC_TYPES: Final = {"PCMU": 0, "PCMA": 8}
"The payload types that need no rtpmap (RFC 3551 section 6)."
_DTMF: Final = "TELEPHONE-EVENT"
_DTMF_TYPE: Final = 101
_PTIMES: Final = (10, 20, 30, 40, 60)
_PROTOCOLS: Final = ("RTP/AVP", "RTP/AVPF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What we can do, and where."""

    host: str
    "The address others send their audio to."
    port: int
    session_id: int
    "Names our session; stays the same for the whole call."
    version: int = 0
    "Counts up by one with every description that differs from the one before."
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    "By preference."
    dtmf: bool = True
    "Whether keys travel as telephone-event."
    ptime_ms: int = 20
    send: bool = True
    "False when we will send nothing."
    receive: bool = True
    "False while we hold the far end."


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What one offer and answer agreed on, seen from our side."""

    remote_host: str
    remote_port: int
    "0 when the far end gave none (it holds us by the address 0.0.0.0)."
    codec: str
    "`PCMU` or `PCMA`."
    payload_type: int
    dtmf_payload_type: int | None
    ptime_ms: int
    send: bool
    "False while the far end holds us."
    receive: bool
    "False while we hold it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An answer, and what it means."""

    description: SessionDescription
    negotiated: Negotiated


def offer(ours: Capabilities) -> SessionDescription:
    """Write an offer of everything we can do."""
    formats = [(name, STATIC_TYPES[name]) for name in ours.codecs]
    dtmf = _DTMF_TYPE if ours.dtmf else None
    return _describe(ours, (_audio("RTP/AVP", ours, formats, dtmf, _word(ours.send, ours.receive)),))


def answer(theirs: SessionDescription, ours: Capabilities) -> Agreement:
    """Pick the codec both sides can use and build the answer (RFC 3264 section 6).

    The answer has as many `m=` lines as the offer, in the same order; refused ones get port 0. It names one codec, the
    offerer's best that we know, under the offerer's number, so neither side changes it in the middle of the call.

    Raises:
        NegotiationError: no audio line with a codec we know; the caller replies 488.
    """
    lines: list[Media] = []
    agreed: Negotiated | None = None
    for line in theirs.media:
        chosen = _choose(line, ours.codecs) if agreed is None and _usable(line) else None
        if chosen is None:
            lines.append(line.refused())
            continue
        codec, number = chosen
        agreed = _agree(theirs, line, ours, codec, number)
        word = _word(agreed.send, agreed.receive)
        lines.append(_audio(line.protocol, ours, [(codec, number)], agreed.dtmf_payload_type, word))
    if agreed is None:
        raise NegotiationError("the offer has no audio in a codec that is known here")
    return Agreement(description=_describe(ours, tuple(lines)), negotiated=agreed)


def accept(theirs: SessionDescription, ours: Capabilities) -> Negotiated:
    """Read the answer to an offer made from `ours`.

    Raises:
        NegotiationError: our audio line was refused, or answered with a codec we did not offer.
    """
    line = theirs.media[0] if theirs.media else None
    chosen = _choose(line, ours.codecs) if line is not None and _usable(line) else None
    if line is None or chosen is None:
        raise NegotiationError("the answer has no audio in a codec that was offered")
    return _agree(theirs, line, ours, *chosen)


def same_again(ours: SessionDescription, *, resume: bool) -> SessionDescription:
    """Offer once more what is in force, as a re-INVITE without SDP asks for; `resume` ends a hold by the far end."""
    media = tuple(_resumed(line) if resume and line.kind == "audio" and line.port else line for line in ours.media)
    return replace(ours, media=media).with_version(ours.origin.version + 1)


def held_by(theirs: SessionDescription) -> bool:
    """Whether a description from the far end puts us on hold, in any spelling: we shall send it nothing."""
    return any(_usable(line) and not _directions(theirs, line)[1] for line in theirs.media)


def _resumed(line: Media) -> Media:
    turn = {"recvonly": "sendrecv", "inactive": "sendrecv"}
    return replace(line, attributes=tuple((turn.get(name, name), value) for name, value in line.attributes))


def _describe(ours: Capabilities, media: tuple[Media, ...]) -> SessionDescription:
    origin = Origin(ours.session_id, ours.version, ours.host, "ringline")
    return SessionDescription(origin, media, host=ours.host)


def _audio(protocol: str, ours: Capabilities, codecs: list[tuple[str, int]], dtmf: int | None, direction: str) -> Media:
    attributes: list[tuple[str, str | None]] = [("rtpmap", f"{number} {name}/8000") for name, number in codecs]
    formats = [str(number) for _, number in codecs]
    if dtmf is not None:
        attributes += [("rtpmap", f"{dtmf} telephone-event/8000"), ("fmtp", f"{dtmf} 0-16")]
        formats.append(str(dtmf))
    attributes += [("ptime", str(ours.ptime_ms)), (direction, None)]
    return Media("audio", ours.port, protocol, tuple(formats), attributes=tuple(attributes))


def _word(send: bool, receive: bool) -> str:
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (send, receive), "inactive"
    )


def _usable(line: Media) -> bool:
    return line.kind == "audio" and line.port != 0 and line.protocol in _PROTOCOLS


def _maps(line: Media) -> dict[str, tuple[str, int]]:
    """Payload type, as written, to codec name and clock rate."""
    maps = {str(number): (name, 8000) for name, number in STATIC_TYPES.items()}
    for value in line.values("rtpmap"):
        number, _, rest = value.partition(" ")
        name, _, clock = rest.strip().partition("/")
        clock = clock.partition("/")[0].strip()
        if number.isascii() and number.isdigit() and clock.isascii() and clock.isdigit() and len(clock) <= 6:
            maps[number] = (name.strip().upper(), int(clock))
    return maps


def _choose(line: Media, known: tuple[str, ...]) -> tuple[str, int] | None:
    maps = _maps(line)
    for number in line.formats:
        name, clock = maps.get(number, ("", 0))
        if name in known and clock == 8000 and _is_payload_type(number):
            return name, int(number)
    return None


def _is_payload_type(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127


def _directions(theirs: SessionDescription, line: Media) -> tuple[bool, bool]:
    """Whether the far end sends, and whether it wants to receive."""
    word = line.direction or theirs.direction or "sendrecv"
    sends, receives = word in ("sendrecv", "sendonly"), word in ("sendrecv", "recvonly")
    # The hold of RFC 2543: nowhere to send to (RFC 3264 section 8.4).
    if _host(theirs, line) in ("0.0.0.0", "::"):
        receives = False
    return sends, receives


def _host(theirs: SessionDescription, line: Media) -> str | None:
    return line.host or theirs.host


def _agree(theirs: SessionDescription, line: Media, ours: Capabilities, codec: str, number: int) -> Negotiated:
    host = _host(theirs, line)
    if host is None:
        raise NegotiationError("the far end names no address for its audio")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise NegotiationError("the far end's audio address is a name") from None
    if address.is_multicast:
        raise NegotiationError("the far end's audio address is a group")
    sends, receives = _directions(theirs, line)
    return Negotiated(
        remote_host=host,
        remote_port=0 if address.is_unspecified else line.port,
        codec=codec,
        payload_type=number,
        dtmf_payload_type=_dtmf(line) if ours.dtmf else None,
        ptime_ms=_ptime(line, ours.ptime_ms),
        send=receives and ours.send,
        receive=sends and ours.receive,
    )


def _dtmf(line: Media) -> int | None:
    maps = _maps(line)
    for number in line.formats:
        if maps.get(number) == (_DTMF, 8000) and _is_payload_type(number):
            return int(number)
    return None


def _ptime(line: Media, ours: int) -> int:
    """The packet length the far end asks for, when it is one we can send; else ours, within its `maxptime`."""
    asked = _milliseconds(line, "ptime")
    longest = _milliseconds(line, "maxptime") or max(_PTIMES)
    wanted = asked if asked in _PTIMES else ours
    return wanted if wanted <= longest else max((each for each in _PTIMES if each <= longest), default=wanted)


def _milliseconds(line: Media, name: str) -> int | None:
    text = (line.attribute(name) or "").partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None
