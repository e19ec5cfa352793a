"""SIP phones in browsers: their audio is WebRTC's, and is agreed on with the media core itself (RFC 8829)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ringline import sdp
from ringline.agent import OutgoingInvite
from ringline.base import MediaError, NegotiationError, get_log
from ringline.engine.ports import WebRtc
from ringline.engine.sip.sip_leg import SipLeg
from ringline.sip import Flow

log = get_log(__name__)
_ENCODINGS: Final = {"0": "PCMU", "8": "PCMA", "9": "G722"}
"What these payload types mean where no line says so (RFC 3551)."


def speaks_webrtc(description: sdp.SessionDescription) -> bool:
    """Whether its audio is encrypted with keys that DTLS agrees on (RFC 5764)."""
    return any(each.kind == "audio" and each.protocol.startswith("UDP/TLS/RTP/SAVP") for each in description.media)


class BrowserAudio:
    """Offers and answers of legs whose far end is a browser, by the media core's own hand."""

    def __init__(self, webrtc: WebRtc | None, codecs: Sequence[str]) -> None:
        """Without `webrtc`, such phones are told that we have nothing in common."""
        self._webrtc = webrtc
        self._codecs = frozenset(codec.lower() for codec in codecs)

    def check(self, offer: sdp.SessionDescription) -> None:
        """See whether an offer can be answered, before anybody is bothered with the call.

        Raises:
            NegotiationError: no WebRTC here, or no codec in common.
        """
        if self._webrtc is None:
            raise NegotiationError("there is no WebRTC here")
        audio = next((each for each in offer.media if each.kind == "audio" and each.port), None)
        if audio is None or not self._codecs & set(_encodings(audio)):
            raise NegotiationError("no codec in common")

    def may_call_without_offer(self, source: Flow) -> bool:
        """Whether somebody who wants our offer is a browser: whoever comes over a WebSocket, as with calls to them."""
        return self._webrtc is not None and source.is_websocket

    def answer(self, phone: SipLeg, offer: sdp.SessionDescription) -> sdp.SessionDescription:
        """Take an offer; also one in the middle of a call: hold, or a new way after a change of network.

        Raises:
            MediaError: it cannot be taken; `DescriptionRefused` where the far end is at fault.
            NegotiationError: there is no WebRTC here.
        """
        if self._webrtc is None:
            raise NegotiationError("there is no WebRTC here")
        text = self._webrtc.answer(phone.leg, bytes(offer).decode())
        self._agreed(phone)
        return sdp.SessionDescription.parse(text.encode())

    def accept(self, phone: SipLeg, body: bytes) -> None:
        """Take the answer to our offer; a repeat of it is no second one.

        Raises:
            MediaError: it cannot be taken.
        """
        if self._webrtc is None or body == phone.taken:
            return
        self._webrtc.accept(phone.leg, body.decode("utf-8", "replace"))
        phone.taken = body
        self._agreed(phone)

    def offer(self, phone: SipLeg) -> sdp.SessionDescription | None:
        """Our offer to a browser; None when none can be made."""
        if self._webrtc is None:
            return None
        try:
            return sdp.SessionDescription.parse(self._webrtc.offer(phone.leg).encode())
        except MediaError as error:
            log.warning("a browser cannot be offered audio", leg=phone.leg, why=str(error))
            return None

    def with_offers(
        self, phone: SipLeg, plain: sdp.SessionDescription, invites: Sequence[OutgoingInvite]
    ) -> list[OutgoingInvite]:
        """The INVITEs with our offers in them: WebRTC's for phones behind WebSockets, `plain` for all others."""
        browsers = [each for each in invites if _is_browser(each)]
        theirs = self.offer(phone) if browsers else None
        if theirs is not None and len(browsers) == len(invites):
            phone.local = theirs
        found = []
        for invite in invites:
            description = theirs if _is_browser(invite) else plain
            if description is not None:
                found.append(replace(invite, sdp=bytes(description)))
        return found

    def settle(self, phone: SipLeg) -> None:
        """Another phone than the browser has the call, or nobody."""
        if self._webrtc is not None and not phone.browser:
            self._webrtc.withdraw(phone.leg)

    def _agreed(self, phone: SipLeg) -> None:
        phone.browser = phone.agreed = phone.encrypted = True


def _is_browser(invite: OutgoingInvite) -> bool:
    return all(isinstance(each, Flow) and each.is_websocket for each in invite.destinations)


def _encodings(audio: sdp.Media) -> list[str]:
    named = {}
    for line in audio.values("rtpmap"):
        number, _, encoding = line.partition(" ")
        named[number] = encoding.partition("/")[0].lower()
    return [named.get(each, _ENCODINGS.get(each, "").lower()) for each in audio.formats]
