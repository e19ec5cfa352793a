"""Browsers as the engine sees them: `ringline.engine.ports.WebRtc` over the Rust module `ringline._media`.

Descriptions are understood and written here (by `ringline.sdp`); checks, handshake and audio are the core's.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ringline._media import WebLocal
from ringline.base import LegId, MediaError, NegotiationError, RemoteProtocolError
from ringline.engine.ports import DescriptionRefused, RtpPlan
from ringline.io.media import MediaCore
from ringline.sdp import (
    BrowserOffer,
    Negotiated,
    OurWay,
    Setup,
    TheirWay,
    read_answer,
    read_offer,
    setup_for,
    write_answer,
    write_offer,
)

CODECS: Final = ("opus", "G722", "PCMU", "PCMA")
"What is chosen for browsers, best first."


@dataclass(slots=True)
class _Web:
    """A browser's leg: what we have said of its newest way, and what of that is in force."""

    number: int
    ours: OurWay
    theirs: tuple[str, str] | None = None
    "Name and password of the far end's checks; None while our offer waits for its answer."
    setup: Setup = "active"
    connection: TheirWay | None = None
    "Whom the handshake was with, as it said last."


class CoreWebRtc:
    """Implements `WebRtc` over the media core, which has to run."""

    def __init__(self, media: MediaCore, *, codecs: Sequence[str] = CODECS, public_ip: str | None = None) -> None:
        """Take the settings.

        `codecs` are those for browsers, best first. `public_ip` is where the outside reaches the bound address (a 1:1
        NAT): it stands before the machine's own addresses, or instead of the one that sockets are bound to.
        """
        self._media = media
        self._codecs = tuple(codecs)
        self._public_ip = public_ip if _is_address(public_ip) else None
        self._webs: dict[LegId, _Web] = {}
        self._beside: dict[LegId, _Web] = {}
        "Offers that legs for plain RTP have beside them, without a name as long as nobody has answered them."
        self._sweep_at = 64

    def answer(self, leg: LegId, offer: str) -> str:
        """Take a browser's offer; open the leg, give it a new transport, or only change its directions.

        Raises:
            DescriptionRefused: the offer is at fault.
            MediaError: no port is free.
        """
        try:
            theirs = read_offer(offer, self._codecs)
        except (NegotiationError, RemoteProtocolError) as error:
            raise _refusal(error) from error
        web = self._known(leg)
        credentials = (theirs.way.name, theirs.way.password)
        if web is not None and web.theirs == credentials:
            web.ours = replace(web.ours, version=web.ours.version + 1)
        elif web is not None and web.connection is not None and _goes_on(web.connection, theirs.way):
            self._restart(web, theirs.way)
        else:
            web = self._new_way(leg, controlling=False)
            web.setup = setup_for(theirs)
            self._join(web, theirs.way, we_begin=web.setup == "active")
        self._configure(leg, theirs.negotiated)
        return self._answered(web, theirs)

    def offer(self, leg: LegId) -> str:
        """Offer a new transport; opens the leg if need be.

        Raises:
            MediaError: no port is free.
        """
        if self._known(leg) is None and self._media.number_of(leg) is not None:
            self.withdraw(leg)
            number, local = self._media.core().open_web(controlling=True)
            web = self._beside[leg] = _Web(number, self._way(local, secrets.randbits(62)))
            return write_offer(web.ours, self._codecs)
        return write_offer(self._new_way(leg, controlling=True).ours, self._codecs)

    def accept(self, leg: LegId, answer: str) -> None:
        """Take the answer to `offer`.

        Raises:
            DescriptionRefused: the answer is at fault.
            MediaError: nothing was offered.
        """
        beside = self._beside.get(leg)
        web = beside or self._known(leg)
        if web is None or web.theirs is not None:
            raise MediaError(f"nothing was offered to leg {leg}")
        try:
            way, negotiated = read_answer(answer, self._codecs)
        except (NegotiationError, RemoteProtocolError) as error:
            raise _refusal(error) from error
        if beside is not None:
            del self._beside[leg]
            self._media.close(leg)
            self._media.name(leg, beside.number)
            self._webs[leg] = beside
        web.setup = "passive" if way.setup == "active" else "active"
        self._join(web, way, we_begin=web.setup == "active")
        self._configure(leg, negotiated)

    def withdraw(self, leg: LegId) -> None:
        """Take back an offer that a leg for plain RTP has beside it."""
        web = self._beside.pop(leg, None)
        if web is not None:
            self._media.core().close(web.number)

    def add_candidate(self, leg: LegId, candidate: str) -> None:
        """Take one more candidate of the far end; the core counts what it cannot use."""
        web = self._known(leg)
        text = candidate.strip().removeprefix("a=")
        if web is not None and text and len(text) <= 1024:
            self._media.core().add_web_candidate(web.number, text)

    def _known(self, leg: LegId) -> _Web | None:
        web = self._webs.get(leg)
        return web if web is not None and self._media.number_of(leg) == web.number else None

    def _new_way(self, leg: LegId, *, controlling: bool) -> _Web:
        core, before = self._media.core(), self._known(leg)
        if before is None:
            if self._media.number_of(leg) is not None:
                raise MediaError(f"leg {leg} is open already, and no browser's")
            number, local = core.open_web(controlling=controlling)
            self._media.name(leg, number)
        else:
            number, local = before.number, core.renew_web(before.number, controlling=controlling)
        # Another connection is another session: so the far end knows it from a restart of its checks.
        web = self._webs[leg] = _Web(number, self._way(local, secrets.randbits(62)))
        self._sweep()
        return web

    def _restart(self, web: _Web, way: TheirWay) -> None:
        """Begin the checks anew: the browser has another network and the same connection (RFC 8839 section 4.4.1)."""
        name, password = self._media.core().restart_web(web.number)
        web.ours = replace(web.ours, name=name, password=password, version=web.ours.version + 1)
        self._join(web, way, we_begin=web.setup == "active")

    def _way(self, local: WebLocal, session_id: int) -> OurWay:
        addresses = tuple(local.addresses)
        if self._public_ip is not None:
            others = addresses if len(addresses) > 1 else ()
            addresses = (self._public_ip, *(address for address in others if address != self._public_ip))
        return OurWay(
            name=local.name,
            password=local.password,
            fingerprint=self._media.core().fingerprint(),
            addresses=addresses,
            port=local.port,
            ssrc=local.ssrc,
            session_id=session_id,
        )

    def _join(self, web: _Web, way: TheirWay, *, we_begin: bool) -> None:
        self._media.core().join_web(
            web.number,
            name=way.name,
            password=way.password,
            fingerprint=way.fingerprint,
            we_begin=we_begin,
            candidates=list(way.candidates),
        )
        web.theirs = (way.name, way.password)
        web.connection = way

    def _configure(self, leg: LegId, agreed: Negotiated) -> None:
        plan = RtpPlan(
            remote_host="",
            remote_port=0,
            codec=agreed.codec,
            payload_type=agreed.payload_type,
            clock_hz=agreed.clock_hz,
            dtmf_payload_type=agreed.dtmf_payload_type,
            dtmf_clock_hz=agreed.dtmf_clock_hz,
            ptime_ms=agreed.ptime_ms,
            send=agreed.send,
            receive=agreed.receive,
            rtcp_mux=True,
        )
        self._media.configure(leg, plan)

    def _answered(self, web: _Web, theirs: BrowserOffer) -> str:
        return write_answer(theirs, web.ours, web.setup)

    def _sweep(self) -> None:
        """Forget legs that have ended; nobody tells of them here."""
        if len(self._webs) >= self._sweep_at:
            self._webs = {leg: web for leg, web in self._webs.items() if self._media.number_of(leg) == web.number}
            self._sweep_at = 2 * len(self._webs) + 64


def _goes_on(before: TheirWay, now: TheirWay) -> bool:
    """Whether a description with new names for its checks is of the connection that there is.

    The certificate has to be the same, and the session (`o=`). There are libraries that name each description of a
    session anew: then who begins the handshake is settled in an offer only where it is over, and a connection that was
    just made has other sockets.
    """
    if before.fingerprint.upper() != now.fingerprint.upper():
        return False
    settled = now.setup in ("active", "passive")
    return before.session_id == now.session_id or settled or bool(_places(before) & _places(now))


def _places(way: TheirWay) -> set[tuple[str, str]]:
    """The addresses and ports of its candidates; 9 is the port of those who name none."""
    words = [candidate.split() for candidate in way.candidates]
    return {(each[4], each[5]) for each in words if len(each) > 5 and each[5] != "9"}


def _refusal(error: NegotiationError | RemoteProtocolError) -> DescriptionRefused:
    return DescriptionRefused(
        str(error), sip_status=error.sip_status if isinstance(error, RemoteProtocolError) else 488
    )


def _is_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True
