"""Offer and answer (RFC 3264) for telephone audio: one codec at a time, and telephone-event (RFC 4733)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from ringline.base import NegotiationError
from ringline.sdp.codecs import DTMF, DTMF_TYPES, STATIC_TYPES, AudioCodec, named
from ringline.sdp.description import Media, Origin, SessionDescription
from ringline.sdp.encryption import CryptoLine, Encryption, choose

_ENCRYPTED: Final = ("RTP/SAVP", "RTP/SAVPF")
_PROTOCOLS: Final = ("RTP/AVP", "RTP/AVPF", *_ENCRYPTED)

_NOT_PRIVATE: Final = "the offer's audio is not encrypted, and that is required here"


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
    "Names of `ringline.sdp.CODECS`, by preference."
    dtmf: bool = True
    "Whether keys travel as telephone-event."
    ptime_ms: int = 20
    send: bool = True
    "False when we will send nothing."
    receive: bool = True
    "False while we hold the far end."
    srtp: str = "off"
    "Whether audio is encrypted: `off`, `optional` (where the far end wants it) or `required` (or there is none)."
    offers_srtp: bool = False
    "Where it is optional, our own offers name keys, too: for signalling that nobody else reads."
    keys: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    "Ours, by suite, the preferred first; the same ones for the whole call."

    @property
    def offered_keys(self) -> tuple[tuple[str, bytes], ...]:
        """Those that our offers name."""
        return self.keys if self.srtp == "required" or (self.srtp == "optional" and self.offers_srtp) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What one offer and answer agreed on, seen from our side."""

    remote_host: str
    "An address, or a host name: then audio goes where the far end's comes from."
    remote_port: int
    "0 when the far end gave none (it holds us by the address 0.0.0.0)."
    codec: str
    "The encoding's name: `PCMU`, `PCMA`, `G722`, `opus` or `L16`."
    payload_type: int
    dtmf_payload_type: int | None
    ptime_ms: int
    "The length of the packets that the far end wants."
    send: bool
    "False while the far end holds us."
    receive: bool
    "False while we hold it."
    clock_hz: int = 8000
    "The RTP clock of the codec."
    dtmf_clock_hz: int = 8000
    "The RTP clock of telephone-event: that of the codec, unless the far end offers only another."
    rtcp_port: int | None = None
    "The far end's port for RTCP where it named one (RFC 3605); None: the one after its audio's."
    rtcp_mux: bool = False
    "RTCP shares the port of the audio: both sides said so (RFC 5761)."
    srtp: Encryption | None = None
    "None: the audio is not encrypted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An answer, and what it means."""

    description: SessionDescription
    negotiated: Negotiated


def offer(ours: Capabilities) -> SessionDescription:
    """Write an offer of everything we can do."""
    formats = [(codec, codec.number) for codec in named(ours.codecs)]
    clocks = sorted({codec.clock_hz for codec, _ in formats}) if ours.dtmf else []
    dtmf = [(DTMF_TYPES[clock_hz], clock_hz) for clock_hz in clocks]
    crypto = [CryptoLine(tag=tag, suite=suite, key=key) for tag, (suite, key) in enumerate(ours.offered_keys, 1)]
    protocol = "RTP/SAVP" if ours.srtp == "required" else "RTP/AVP"
    line = _audio(protocol, ours, formats, dtmf, _word(ours.send, ours.receive), mux=True, crypto=crypto)
    return _describe(ours, (line,))


def answer(theirs: SessionDescription, ours: Capabilities) -> Agreement:
    """Pick the codec both sides can use and build the answer (RFC 3264 section 6).

    The answer has as many `m=` lines as the offer, in the same order; refused ones get port 0. It names one codec under
    the offerer's number, so neither side changes it in the middle of the call: the offerer's first wideband one that we
    know, else its first narrowband one. A line that can be encrypted is taken before one that cannot.

    Raises:
        NegotiationError: no audio line with a codec we know, encrypted as we want it; the caller replies 488.
    """
    taken: tuple[Media, Media, Negotiated] | None = None
    fitting = [line for line in theirs.media if _usable(line) and _is_private_enough(line, ours, ours.keys)]
    for line in sorted(fitting, key=lambda each: _crypto(each, ours, ours.keys) is None):
        chosen = _choose(line, ours, wideband_first=True)
        if chosen is None:
            continue
        codec, number = chosen
        found = _crypto(line, ours, ours.keys)
        agreed = _agree(theirs, line, ours, codec, number, srtp=found[1] if found is not None else None)
        dtmf = [] if agreed.dtmf_payload_type is None else [(agreed.dtmf_payload_type, agreed.dtmf_clock_hz)]
        crypto = [replace(found[0], key=found[1].send_key)] if found is not None else []
        word = _word(agreed.send, agreed.receive)
        said = _audio(line.protocol, ours, [(codec, number)], dtmf, word, mux=agreed.rtcp_mux, crypto=crypto)
        taken = (line, said, agreed)
        break
    if taken is None:
        if not fitting and any(map(_usable, theirs.media)):
            raise NegotiationError(
                _NOT_PRIVATE if ours.srtp == "required" else "the offer's encryption is not known here"
            )
        raise NegotiationError("the offer has no audio in a codec that is known here")
    theirs_taken, said, agreed = taken
    media = tuple(said if line is theirs_taken else line.refused() for line in theirs.media)
    return Agreement(description=_describe(ours, media), negotiated=agreed)


def accept(theirs: SessionDescription, ours: Capabilities) -> Negotiated:
    """Read the answer to an offer made from `ours`.

    Raises:
        NegotiationError: our audio line was refused, answered with a codec we did not offer, or without the encryption
            that is required.
    """
    line = theirs.media[0] if theirs.media else None
    keys = ours.offered_keys
    if line is not None and _usable(line) and not _is_private_enough(line, ours, keys):
        raise NegotiationError("the answer is not encrypted as it was offered")
    chosen = _choose(line, ours) if line is not None and _usable(line) else None
    if line is None or chosen is None:
        raise NegotiationError("the answer has no audio in a codec that was offered")
    found = _crypto(line, ours, keys)
    return _agree(theirs, line, ours, *chosen, srtp=found[1] if found is not None else None)


def same_again(
    ours: SessionDescription, theirs: SessionDescription | None = None, *, codecs: Sequence[str] = (), resume: bool
) -> SessionDescription:
    """Offer once more what is in force, as a re-INVITE without SDP asks for; `resume` ends a hold by the far end.

    The other `codecs` follow, since what is offered may go to somebody else (RFC 3261 section 14.2): whoever transfers
    the call. A payload type that meant something in this session, here or in `theirs`, means it still.
    """
    meant = {number: what for line in theirs.media for number, what in _spoken(line).items()} if theirs else {}
    media: list[Media] = []
    for line in ours.media:
        if line.kind == "audio" and line.port:
            line = _widened(_resumed(line) if resume else line, meant, codecs)
        media.append(line)
    return replace(ours, media=tuple(media)).with_version(ours.origin.version + 1)


def held_by(theirs: SessionDescription) -> bool:
    """Whether a description from the far end puts us on hold, in any spelling: we shall send it nothing."""
    return any(_usable(line) and not _directions(theirs, line)[1] for line in theirs.media)


def _spoken(line: Media) -> dict[str, tuple[str, int]]:
    """What the payload types of an audio line mean: encoding in capitals, and clock."""
    maps = _maps(line) if line.kind == "audio" else {}
    return {number: maps[number] for number in line.formats if number in maps}


def _widened(line: Media, meant: Mapping[str, tuple[str, int]], codecs: Sequence[str]) -> Media:
    """The line with those of the codecs it does not name yet, and with telephone-event at their clocks."""
    spoken = _spoken(line)
    named_already = set(spoken.values())
    has_dtmf = any(encoding == DTMF for encoding, _ in named_already)
    wanted = [(codec.key, codec.number, codec.rtpmap, codec.parameters) for codec in named(codecs)]
    if has_dtmf:
        clocks = sorted({clock_hz for (_, clock_hz), *_ in wanted})
        wanted += [((DTMF, clock), DTMF_TYPES[clock], f"telephone-event/{clock}", "0-16") for clock in clocks]
    taken = {**meant, **spoken}
    added: list[str] = []
    attributes: list[tuple[str, str | None]] = []
    for key, usual, rtpmap, parameters in wanted:
        if key in named_already:
            continue
        numbers = [number for number, what in taken.items() if what == key and number not in spoken]
        free = (str(number) for number in (usual, *range(96, 128)) if str(number) not in taken)
        number = next(iter(numbers), None) or next(free, None)
        if number is None:
            continue
        taken[number] = key
        added.append(number)
        attributes.append(("rtpmap", f"{number} {rtpmap}"))
        if parameters is not None:
            attributes.append(("fmtp", f"{number} {parameters}"))
    return replace(line, formats=(*line.formats, *added), attributes=(*attributes, *line.attributes))


def _resumed(line: Media) -> Media:
    turn = {"recvonly": "sendrecv", "inactive": "sendrecv"}
    return replace(line, attributes=tuple((turn.get(name, name), value) for name, value in line.attributes))


def _describe(ours: Capabilities, media: tuple[Media, ...]) -> SessionDescription:
    origin = Origin(ours.session_id, ours.version, ours.host, "ringline")
    return SessionDescription(origin, media, host=ours.host)


def _audio(
    protocol: str,
    ours: Capabilities,
    codecs: list[tuple[AudioCodec, int]],
    dtmf: list[tuple[int, int]],
    direction: str,
    *,
    mux: bool,
    crypto: Sequence[CryptoLine],
) -> Media:
    attributes: list[tuple[str, str | None]] = []
    for codec, number in codecs:
        attributes.append(("rtpmap", f"{number} {codec.rtpmap}"))
        if codec.parameters is not None:
            attributes.append(("fmtp", f"{number} {codec.parameters}"))
    for number, clock_hz in dtmf:
        attributes += [("rtpmap", f"{number} telephone-event/{clock_hz}"), ("fmtp", f"{number} 0-16")]
    formats = [str(number) for _, number in codecs] + [str(number) for number, _ in dtmf]
    attributes += [("ptime", str(ours.ptime_ms)), (direction, None)]
    attributes += [("crypto", str(each)) for each in crypto]
    if mux:
        attributes.append(("rtcp-mux", None))
    return Media("audio", ours.port, protocol, tuple(formats), attributes=tuple(attributes))


def _word(send: bool, receive: bool) -> str:
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (send, receive), "inactive"
    )


def _usable(line: Media) -> bool:
    return line.kind == "audio" and line.port != 0 and line.protocol in _PROTOCOLS


def _crypto(
    line: Media, ours: Capabilities, keys: tuple[tuple[str, bytes], ...]
) -> tuple[CryptoLine, Encryption] | None:
    """How a line can be encrypted; `keys` are ours that count."""
    return choose(line.values("crypto"), keys) if ours.srtp != "off" else None


def _is_private_enough(line: Media, ours: Capabilities, keys: tuple[tuple[str, bytes], ...]) -> bool:
    """Whether a line is encrypted as it must be: `RTP/SAVP` without a key that we can use is as good as nothing."""
    if _crypto(line, ours, keys) is not None:
        return True
    return line.protocol not in _ENCRYPTED and ours.srtp != "required"


@lru_cache(maxsize=64)
def _maps(line: Media) -> Mapping[str, tuple[str, int]]:
    """Payload type, as written, to codec name in capitals and clock rate; what has several channels is left out.

    One negotiation asks for the same line several times.
    """
    maps = {str(number): known for number, known in STATIC_TYPES.items()}
    for value in line.values("rtpmap"):
        number, _, rest = value.partition(" ")
        encoding, _, clock = rest.strip().partition("/")
        clock, _, channels = (part.strip() for part in clock.partition("/"))
        encoding = encoding.strip().upper()
        if not (_is_number(number, 3) and _is_number(clock, 6)):
            continue
        if encoding == "G722" and clock == "16000":
            clock = "8000"  # what it samples at instead of its RTP clock: some phones write so
        # An Opus stream is always called stereo (RFC 7587 section 7); of all others we take one channel only.
        if channels not in ("", "1") and encoding != "OPUS":
            maps.pop(number, None)
        else:
            maps[number] = (encoding, int(clock))
    return maps


def _choose(line: Media, ours: Capabilities, *, wideband_first: bool = False) -> tuple[AudioCodec, int] | None:
    """The line's first codec that is ours, and its number."""
    maps = _maps(line)
    known = {codec.key: codec for codec in named(ours.codecs)}
    found = [
        (known[maps[number]], int(number))
        for number in line.formats
        if _is_payload_type(number) and maps.get(number) in known
    ]
    wideband = [choice for choice in found if choice[0].wideband] if wideband_first else []
    return next(iter(wideband + found), None)


def _is_payload_type(text: str) -> bool:
    return _is_number(text, 3) and int(text) <= 127


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


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


def _agree(
    theirs: SessionDescription,
    line: Media,
    ours: Capabilities,
    codec: AudioCodec,
    number: int,
    *,
    srtp: Encryption | None,
) -> Negotiated:
    host = _host(theirs, line)
    if host is None:
        raise NegotiationError("the far end names no address for its audio")
    address = _address(host)
    if address is not None and address.is_multicast:
        raise NegotiationError("the far end's audio address is a group")
    sends, receives = _directions(theirs, line)
    dtmf = _dtmf(line, codec.clock_hz) if ours.dtmf else None
    return Negotiated(
        remote_host=host,
        remote_port=0 if address is not None and address.is_unspecified else line.port,
        codec=codec.encoding,
        payload_type=number,
        dtmf_payload_type=None if dtmf is None else dtmf[0],
        ptime_ms=_ptime(line, ours.ptime_ms, codec),
        send=receives and ours.send,
        receive=sends and ours.receive,
        clock_hz=codec.clock_hz,
        dtmf_clock_hz=8000 if dtmf is None else dtmf[1],
        rtcp_port=_rtcp_port(line, host),
        rtcp_mux=line.attribute("rtcp-mux") is not None,
        srtp=srtp,
    )


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for a host name, which `c=` may hold (RFC 8866 section 5.7): nobody looks it up, for audio that comes in
    shows the way.
    """
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _rtcp_port(line: Media, host: str) -> int | None:
    """The port of `a=rtcp:53020` or `a=rtcp:53020 IN IP4 192.0.2.1` (RFC 3605), where it is beside the audio."""
    words = (line.attribute("rtcp") or "").split()
    if not words or not _is_number(words[0], 5) or not 0 < int(words[0]) <= 65_535:
        return None
    # Reports at another address than the audio's would be taken for a stranger's: they are found where they come from.
    return int(words[0]) if len(words) < 4 or words[3] == host else None


def _dtmf(line: Media, clock_hz: int) -> tuple[int, int] | None:
    """The number and clock of telephone-event: one that shares the codec's clock before any other (RFC 4733 2.3)."""
    maps = _maps(line)
    found = [
        (int(number), maps[number][1])
        for number in line.formats
        if _is_payload_type(number) and number in maps and maps[number][0] == DTMF and maps[number][1] in DTMF_TYPES
    ]
    return min(found, key=lambda each: each[1] != clock_hz, default=None)


def _ptime(line: Media, ours: int, codec: AudioCodec) -> int:
    """The packet length the far end asks for, when it is one we can send; else ours, within its `maxptime`."""
    asked = _milliseconds(line, "ptime")
    longest = _milliseconds(line, "maxptime") or max(codec.ptimes)
    wanted = asked if asked in codec.ptimes else ours
    return wanted if wanted <= longest else max((each for each in codec.ptimes if each <= longest), default=wanted)


def _milliseconds(line: Media, name: str) -> int | None:
    text = (line.attribute(name) or "").partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else None
