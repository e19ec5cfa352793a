"""Audio of browsers as the engine sees it: session descriptions in and out, the rest is a leg like any other."""

from __future__ import annotations

from typing import Protocol

from ringline.base import LegId, MediaError, RemoteProtocolError


class DescriptionRefused(MediaError, RemoteProtocolError):
    """A browser's session description cannot be used, and the sentence says why.

    `sip_status` is 488 where nothing is in common (no codec that is known here, no WebRTC), 400 where it is broken.
    """

    def __init__(self, why: str, *, sip_status: int = 400) -> None:
        RemoteProtocolError.__init__(self, why, sip_status=sip_status)


class WebRtc(Protocol):
    """Legs of the media core that are joined by ICE and DTLS-SRTP (RFC 8829) instead of plain RTP.

    Such a leg is arranged, played to, recorded, counted and closed through `Media`, and its events come from there:
    `MediaConnected` when audio can flow, `MediaInterrupted` when the way is lost. Before it is in any room it sends
    silence. Of a leg that never connects nothing is told but `MediaTimeout`, after a minute: who opened it closes it in
    time.
    """

    def answer(self, leg: LegId, offer: str) -> str:
        """Take a browser's offer and return the answer, with all candidates inside.

        Opens the leg. One that is open gets a new transport and stays what it is otherwise (a media reconnect); an
        offer of the session that is in force changes only its directions (hold).

        Raises:
            DescriptionRefused: the offer is at fault.
            MediaError: no port is free.
        """
        ...

    def offer(self, leg: LegId) -> str:
        """Return an offer with all candidates inside; opens the leg, or prepares a new transport of an open one.

        What is in force goes on until the new transport stands. A leg that is open for plain RTP stays it until
        `accept`: so a desk phone and a browser can be called at once, and whichever answers has the leg.

        Raises:
            MediaError: no port is free.
        """
        ...

    def accept(self, leg: LegId, answer: str) -> None:
        """Take the answer to `offer`.

        Raises:
            DescriptionRefused: the answer is at fault.
            MediaError: nothing was offered.
        """
        ...

    def withdraw(self, leg: LegId) -> None:
        """Take back an offer that a leg for plain RTP has beside it: nobody will answer it any more."""
        ...

    def add_candidate(self, leg: LegId, candidate: str) -> None:
        """Take one more `candidate:` line of the far end; an empty one is the last. Nonsense is counted, no error."""
        ...
