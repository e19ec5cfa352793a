"""Calls that phones transfer, as far as it takes a view over several conversations."""

from __future__ import annotations

from ringline.base import LegId
from ringline.calls.events import HandedOver, LegReplaces
from ringline.calls.referrals import partner_of
from ringline.engine import ports
from ringline.engine.rooms import RoomOwner


class Transfers:
    """Brings the partners of a phone's two calls together, and lets another phone of a user go on with a call."""

    def __init__(self, where: dict[LegId, RoomOwner], reached_by: dict[LegId, ports.Endpoint]) -> None:
        """Both are the engine's own: in which conversation each leg is, and who reaches its far end."""
        self._where = where
        self._reached_by = reached_by

    def bring_together(self, leg: LegId, other: LegId) -> bool:
        """Attended transfer: the partners of a phone's two legs meet in the older of the two conversations.

        `leg` is the one in whose dialog it was asked for. False: one of the two has no partner, is not answered, or
        belongs to another application.
        """
        asking, asked_for = self._talking(leg), self._talking(other)
        if leg == other or asking is None or asked_for is None:
            return False
        if asking.heart.room.application.id != asked_for.heart.room.application.id:
            return False
        (younger, leaves), (older, stays) = sorted(
            ((asking, leg), (asked_for, other)), key=lambda one: one[0].created_at, reverse=True
        )
        # First those who move: the one who is waited for must not be hung up because nobody is there yet.
        younger.post(HandedOver(leg=leaves, conversation=older.id, asked=leaves == leg))
        older.post(HandedOver(leg=stays, conversation=older.id, asked=stays == leg))
        return True

    def take_over(self, endpoint: ports.Endpoint, event: LegReplaces) -> bool:
        """Another phone calls to go on with a call: it becomes a leg of that call's conversation. False: it is over."""
        room = self._talking(event.replaced)
        if room is None:
            return False
        self._where[event.leg] = room
        self._reached_by[event.leg] = endpoint
        room.post(event)
        return True

    def application_of(self, leg: LegId) -> str | None:
        """The application whose call it is; None when the leg is over."""
        room = self._where.get(leg)
        return room.heart.room.application.id if room is not None else None

    def tell(self, leg: LegId, status: int, reason: str) -> None:
        """Tell a phone how far its REFER has come; one that has hung up meanwhile does not wait for it any more."""
        far = self._reached_by.get(leg)
        if isinstance(far, ports.TellsReferrers):
            far.tell_referrer(leg, status, reason)

    def _talking(self, leg: LegId) -> RoomOwner | None:
        """The conversation in which an answered leg talks with somebody."""
        room = self._where.get(leg)
        state = room.heart.leg(leg) if room is not None else None
        talks = room is not None and state is not None and state.up and partner_of(room.heart.room, state) is not None
        return room if talks else None
