"""The audio codecs we speak, as SDP names them (RFC 3551 section 6, RFC 7587)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """One codec and how a description writes it."""

    name: str
    "As settings and plans call it."
    encoding: str
    "The name in its rtpmap."
    clock_hz: int
    "The RTP clock. G.722 has 8000 although it samples at 16 kHz, by an old mistake that all keep to."
    number: int
    "Its payload type in our offers: the static one, or a number that most others use for it as well."
    wideband: bool = False
    channels: str = ""
    "What follows the clock in the rtpmap."
    parameters: str | None = None
    "Our fmtp."
    ptimes: tuple[int, ...] = (10, 20, 30, 40, 50, 60)
    "Packet lengths we can send."

    @property
    def rtpmap(self) -> str:
        """Encoding, clock and channels, as written behind the payload type."""
        return f"{self.encoding}/{self.clock_hz}{self.channels}"

    @property
    def key(self) -> tuple[str, int]:
        """What the far end's rtpmap must say: the encoding in capitals, and the clock."""
        return self.encoding.upper(), self.clock_hz


_ALL: Final = (
    AudioCodec("PCMU", "PCMU", 8000, 0),
    AudioCodec("PCMA", "PCMA", 8000, 8),
    AudioCodec("G722", "G722", 8000, 9, wideband=True),
    AudioCodec(
        "opus", "opus", 48_000, 111, wideband=True, channels="/2", parameters="useinbandfec=1", ptimes=(10, 20, 40, 60)
    ),
    AudioCodec("L16", "L16", 16_000, 112, wideband=True, ptimes=(10, 20, 30, 40)),
    AudioCodec("L16/8000", "L16", 8000, 113),
)
CODECS: Final = {codec.name: codec for codec in _ALL}
"Every codec, by the name that settings give it."
STATIC_TYPES: Final = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000)}
"The payload types that need no rtpmap (RFC 3551 section 6)."
DTMF: Final = "TELEPHONE-EVENT"
DTMF_TYPES: Final = {8000: 101, 16_000: 102, 48_000: 110}
"Our payload types for telephone-event, by the clock they share with their codec (RFC 4733 section 2.3)."


def named(names: Iterable[str]) -> tuple[AudioCodec, ...]:
    """Give the codecs of these names, in their order.

    Raises:
        KeyError: one is not known.
    """
    return tuple(CODECS[name] for name in names)
