"""Noise for the clients' wire: frames of any kind, from clients who are let in, come back, or pretend to be others.

A target of `python -m tests.io_sip.fuzz`, which is for everything that strangers may send in Python's reach.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Final

from ringline.base import ApplicationId, RemoteProtocolError, SeededRandom
from ringline.rtc import MOST_KEPT, Drop, Over, Owner, Send, Session, Sessions
from ringline.rtc.packets import read_packet

GOOD: Final = (
    "40",
    '40{"token":"x"}',
    "41",
    "1",
    "2probe",
    "3",
    "431[]",
    '4312[{"a":1}]',
    '42["session:logout",{}]',
    '427["custom",{"a":[1,2,{"b":null}]}]',
)
_PIECES: Final = (
    "4",
    "2",
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    "\x00",
    "\ud800",
    "9" * 400,
    "[" * 900,
    "é",
    "1e999",
    ",",
    "-1",
)
_OWNERS: Final = tuple(
    Owner(application=ApplicationId(application), user=f"USR-{user}", name=user)
    for application in ("one", "two")
    for user in ("alice", "mallory")
)


def damaged(good: str, chance: random.Random) -> str:
    """One frame, or what is left of it."""
    text = good
    for _ in range(chance.choice((0, 0, 1, 2, 5))):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text = text[:at] + chance.choice(_PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randrange(1, 4) :]
            case 2:
                text = text[:at] + text
            case _:
                text = text[at:] + text[:at]
    return text


def a_clients_wire(chance: random.Random) -> None:
    """A while of a few clients: whose session it is, and how much is kept for it, holds whatever they say."""
    sessions = Sessions(SeededRandom(b"noise"), per_user=3)
    known: list[Session] = []
    now, channel = 0.0, 0
    for _ in range(12):
        now += chance.choice((0.0, 0.1, 5.0, 40.0))
        match chance.randrange(6):
            case 0:
                owner, channel = chance.choice(_OWNERS), channel + 1
                wanted = chance.choice([None, "SES-x", *(one.id for one in known)])
                found = sessions.log_in(
                    owner, channel=channel, expires=4000, confirms=chance.random() < 0.7, wanted=wanted, now=now
                )
                if found is not None:
                    assert (found[0].owner.application, found[0].owner.user) == (owner.application, owner.user)
                    known.append(found[0])
                    sessions.greet(found[0], api_key="key")
            case 1 if known:
                told = chance.choice(known)
                for number in range(600 if chance.random() < 0.01 else 2):
                    sessions.tell(told, "event", {"id": number})
            case 2:
                sessions.lost(chance.randrange(channel + 2), now=now)
            case 3:
                sessions.tick(now=now)
                sessions.expire(wallclock=now, leeway_s=60)
            case _:
                with suppress(RemoteProtocolError):
                    packet = read_packet(damaged(chance.choice(GOOD), chance))
                    sessions.received(chance.randrange(channel + 2), packet, now=now)
        _look(sessions, known)


def _look(sessions: Sessions, known: list[Session]) -> None:
    while (out := sessions.poll()) is not None:
        match out:
            case Send(frame=frame):
                assert frame[:1] in "0123456"
                if frame.startswith("42"):
                    json.loads(frame[frame.index("[") :])
            case Over(session=session):
                assert sessions.get(session.id) is None
            case Drop():
                pass
    assert all(one.kept <= MOST_KEPT + 1 for one in known)
    assert all(len(sessions.of(owner.application, owner.user)) <= 3 for owner in _OWNERS)
