"""SDP: descriptions of sessions, and offer and answer (RFC 8866, RFC 3264)."""

from ringline.sdp.browser import (
    BrowserOffer,
    OurWay,
    Setup,
    TheirWay,
    read_answer,
    read_offer,
    setup_for,
    write_answer,
    write_offer,
)
from ringline.sdp.codecs import CODECS
from ringline.sdp.description import Media, Origin, SessionDescription
from ringline.sdp.encryption import KEY_BYTES, SUITES, CryptoLine, Encryption
from ringline.sdp.negotiation import Agreement, Capabilities, Negotiated, accept, answer, held_by, offer, same_again

__all__ = [
    "CODECS",
    "KEY_BYTES",
    "SUITES",
    "Agreement",
    "BrowserOffer",
    "Capabilities",
    "CryptoLine",
    "Encryption",
    "Media",
    "Negotiated",
    "Origin",
    "OurWay",
    "SessionDescription",
    "Setup",
    "TheirWay",
    "accept",
    "answer",
    "held_by",
    "offer",
    "read_answer",
    "read_offer",
    "same_again",
    "setup_for",
    "write_answer",
    "write_offer",
]
