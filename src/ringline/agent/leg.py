"""What every phase of a leg can be asked: most phases answer with silence, because commands and messages cross."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringline.base import LegId
from ringline.sip import Flow, Request

if TYPE_CHECKING:
    from ringline.agent.exchange import ServerExchange
    from ringline.agent.remnants import Remnant


class Leg:
    """A leg in one of its phases: incoming, outgoing, or a session in progress."""

    def __init__(self, leg: LegId) -> None:
        self.leg = leg
        self.codecs: tuple[str, ...] = ()
        "Names of `ringline.sdp.CODECS` that an offer may add to those in force, best first."

    def ring(self, now: float) -> None:
        """Send 180."""

    def progress(self, sdp: bytes, now: float) -> None:
        """Send 183 with early media."""

    def answer(self, sdp: bytes, now: float) -> None:
        """Send 200."""

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        """Send a final failure; a leg that is past that is hung up."""

    def hang_up(self, reason: str | None, now: float) -> None:
        """End it in the way its state asks for."""

    def offer(self, sdp: bytes, now: float) -> None:
        """Change the session."""

    def accept_offer(self, sdp: bytes, now: float) -> None:
        """Answer the far end's change."""

    def refuse_offer(self, status: int, now: float) -> None:
        """Refuse the far end's change."""

    def tell_referrer(self, status: int, reason: str, now: float) -> None:
        """Say how far what its REFER asked for has come."""

    def cancelled(self, cancel: Request, now: float) -> None:
        """A CANCEL for our INVITE transaction came."""

    def acknowledged(self, ack: Request, now: float) -> None:
        """An ACK for a 2xx came."""

    def requested(self, exchange: ServerExchange, now: float) -> None:
        """Another request came inside the dialog."""

    def flow_lost(self, flow: Flow, now: float) -> None:
        """A connection is gone."""

    def talks_with(self, tag: str) -> bool:
        """Whether it is answered, and this is the far end's tag in its dialog."""
        return False

    def remnants(self) -> tuple[Remnant, ...]:
        """What has to be known to end its dialogs, should this process die; none when nothing is left to be said."""
        return ()
