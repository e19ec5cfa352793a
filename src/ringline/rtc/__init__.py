"""Browser and app clients: their sessions, the frames of their control channel, what they are told of calls.

One wire for all: the official browser library and the phone page of our own use the same (docs/decisions/0082).
"""

from ringline.rtc.endings import Ending, ending
from ringline.rtc.reservations import MOST_UNUSED, UNUSED_S, Reservations
from ringline.rtc.session import MOST_KEPT, Owner, Session
from ringline.rtc.sessions import (
    EXPIRED_TOKEN,
    INVALID_SESSION,
    INVALID_TOKEN,
    INVALID_USER,
    PERMISSION,
    TOO_MANY,
    Drop,
    Over,
    Send,
    Sessions,
)

__all__ = [
    "EXPIRED_TOKEN",
    "INVALID_SESSION",
    "INVALID_TOKEN",
    "INVALID_USER",
    "MOST_KEPT",
    "MOST_UNUSED",
    "PERMISSION",
    "TOO_MANY",
    "UNUSED_S",
    "Drop",
    "Ending",
    "Over",
    "Owner",
    "Reservations",
    "Send",
    "Session",
    "Sessions",
    "ending",
]
