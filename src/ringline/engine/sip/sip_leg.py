"""What is remembered about one leg that speaks SIP."""

from __future__ import annotations

from dataclasses import dataclass

from ringline import sdp
from ringline.base import LegId
from ringline.engine.sip.way_out import Outing


@dataclass(slots=True)
class SipLeg:
    """One SIP leg."""

    leg: LegId
    ours: sdp.Capabilities
    "What we can do, and the address of its audio."
    offer: sdp.SessionDescription | None = None
    "The far end's offer, until we answer it."
    local: sdp.SessionDescription | None = None
    "What we last said."
    answered: bool = False
    agreed: bool = False
    "Audio is configured."
    encrypted: bool = False
    "It is encrypted."
    hears: bool = True
    "The far end may send us audio: neither side holds."
    far_host: str | None = None
    "The address its SDP names."
    browser: bool = False
    "It is WebRTC's: offers and answers are made by the media core."
    awaits_browser: bool = False
    "It came without an offer, and the way that browsers come: ours is WebRTC's."
    taken: bytes | None = None
    "The browser's answer that was taken last."
    outing: Outing | None = None
    "Of a call of ours: the ways it may take."
    trunk: str | None = None
    "The trunk it is being called through."
    user: str | None = None
    "The user of ours whose phone it is: he has logged in for this call, or was called where he registered."
    home: str = ""
    "The host by which he has called us."
    home_port: int | None = None
    "The port of ours to which it speaks."
