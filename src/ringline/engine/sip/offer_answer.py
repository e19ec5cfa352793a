"""Offers and answers of SIP legs (RFC 3264): what we can do, what was agreed on, and the media core told of it."""

from __future__ import annotations

from dataclasses import replace

from ringline import sdp
from ringline.base import LegId, MediaError, NegotiationError, Random, RemoteProtocolError, get_log
from ringline.engine.ports import Media
from ringline.engine.sip.browser_audio import BrowserAudio, speaks_webrtc
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.sip_words import rtp_plan
from ringline.engine.sip.ways import SipLink
from ringline.sip import Places

log = get_log(__name__)


class OfferAnswer:
    """Makes and takes the descriptions of all SIP legs; what came of it is kept in each `SipLeg`."""

    def __init__(
        self,
        link: SipLink,
        media: Media,
        browsers: BrowserAudio,
        *,
        codecs: tuple[str, ...],
        places: Places,
        random: Random,
    ) -> None:
        """`codecs` is what is offered, best first; `random` makes the keys of encrypted audio."""
        self.browsers = browsers
        self._link = link
        self._media = media
        self._codecs = codecs
        self._places = places
        self._random = random

    def ours(self, leg: LegId, host: str, port: int, codecs: tuple[str, ...], srtp: str) -> sdp.Capabilities:
        """What we can do on a leg whose audio is at `host` and `port`; without `codecs`, those of the settings."""
        session = int(leg.replace("-", "")[:15], 16)
        keys = tuple((suite, self._random.bytes(sdp.KEY_BYTES)) for suite in sdp.SUITES)
        return sdp.Capabilities(
            host=host, port=port, session_id=session, codecs=codecs or self._codecs, srtp=srtp, keys=keys
        )

    def check(self, leg: LegId, offer: sdp.SessionDescription, codecs: tuple[str, ...], srtp: str) -> None:
        """See whether an offer has anything in common with us, before anybody is bothered with the call.

        Raises:
            NegotiationError: it has not.
        """
        if speaks_webrtc(offer):
            self.browsers.check(offer)
        else:
            sdp.answer(offer, self.ours(leg, "127.0.0.1", 9, codecs, srtp))

    def _now_ours(self, phone: SipLeg) -> sdp.Capabilities:
        """What we can do now: a call that is encrypted stays so, whoever asks for plain audio in the middle of it."""
        return replace(phone.ours, srtp="required") if phone.encrypted and phone.answered else phone.ours

    def seen_from(self, remote: str, ours: sdp.Capabilities) -> sdp.Capabilities:
        """The same, with the address of our audio as the far end reaches it."""
        host = self._places.of(remote).media_host
        return ours if host is None else replace(ours, host=host)

    def answer(self, phone: SipLeg) -> sdp.SessionDescription:
        """Answer the offer at hand, and let audio flow as agreed.

        Raises:
            NegotiationError: there is nothing in common.
            MediaError: the media core cannot do what was agreed on.
        """
        assert phone.offer is not None
        if speaks_webrtc(phone.offer):
            phone.local, phone.offer = self.browsers.answer(phone, phone.offer), None
            return phone.local
        if phone.local is not None:
            phone.ours = replace(phone.ours, version=phone.ours.version + 1)
        answered = sdp.answer(phone.offer, self._now_ours(phone))
        phone.local = answered.description
        phone.offer = None
        self._configure(phone, answered.negotiated)
        return answered.description

    def take_answer(self, phone: SipLeg, body: bytes) -> bool:
        """Take the far end's answer to our offer; False when it cannot be used."""
        if phone.local is None:
            return False
        try:
            description = sdp.SessionDescription.parse(body)
            if speaks_webrtc(description):
                self.browsers.accept(phone, body)
                return phone.agreed
            agreed = sdp.accept(description, self._now_ours(phone))
        except (NegotiationError, RemoteProtocolError, MediaError) as error:
            log.info("an SDP answer cannot be used", leg=phone.leg, why=str(error))
            return False
        self._configure(phone, agreed)
        return True

    def _configure(self, phone: SipLeg, agreed: sdp.Negotiated) -> None:
        phone.agreed, phone.encrypted = True, agreed.srtp is not None
        phone.hears, phone.far_host = agreed.receive and agreed.send, agreed.remote_host
        self._media.configure(phone.leg, rtp_plan(agreed))
        codecs = phone.ours.codecs
        self._link.command(lambda agent, _now: agent.knows(phone.leg, codecs))
