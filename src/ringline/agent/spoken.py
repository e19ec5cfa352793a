"""What both sides of a call said last, in SDP."""

from __future__ import annotations

from ringline.base import RemoteProtocolError
from ringline.sdp import SessionDescription, held_by, same_again


class Spoken:
    """The descriptions in force, and the version ours have to count on from."""

    def __init__(self, local: bytes | None, remote: bytes | None) -> None:
        self.local = local
        self.remote = remote
        self._floor: int | None = None
        "The version of the SDP we repeated on our own account."

    def note_remote(self, sdp: bytes | None) -> None:
        """What the far end said last."""
        self.remote = sdp or self.remote

    def again(self, codecs: tuple[str, ...] = ()) -> bytes | None:
        """What a re-INVITE without SDP asks for: an offer of what is in force, and after it the other `codecs`.

        A hold by the far end ends with it.

        None when we never said anything that could be repeated.
        """
        if self.local is None:
            return None
        try:
            theirs = SessionDescription.parse(self.remote) if self.remote is not None else None
            held = theirs is not None and held_by(theirs)
            offer = same_again(SessionDescription.parse(self.local), theirs, codecs=codecs, resume=held)
        except RemoteProtocolError:
            return None
        self._floor = offer.origin.version
        self.local = bytes(offer)
        return self.local

    def counted(self, sdp: bytes) -> bytes:
        """The same SDP with a version above any we made up in between (RFC 3264 section 8)."""
        if self._floor is None:
            return sdp
        try:
            description = SessionDescription.parse(sdp)
        except RemoteProtocolError:
            return sdp
        self._floor = max(self._floor + 1, description.origin.version)
        return bytes(description.with_version(self._floor))
