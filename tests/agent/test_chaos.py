"""Any commands at any moment over any wire: every leg ends exactly once, and nothing is left behind."""

from __future__ import annotations

from collections import Counter

import pytest

from ringline.agent import Cancelled, Ended, Failed, IncomingCall, OfferReceived
from ringline.base import LegId, SeededRandom, integer
from ringline.sip import Credentials, Request, Response

from .wire import OTHER_SDP, SDP, Phone, Wire

_LAST = (Ended, Failed, Cancelled)
_WEIGHTS = (0, 0, 3, 4, 5, 5, 5, 5, 6, 7, 8, 8, 8, 9, 9, 9, 9, 10, 11)
"Which command is given how often."


class Chaos:
    """Random commands to two user agents over a random wire."""

    def __init__(self, seed: int) -> None:
        self.chance = SeededRandom(f"chaos {seed}".encode())
        self.wire = Wire()
        self.wire.fate = self.fate
        self.phones = [self.wire.phone(name, f"192.0.2.{number}") for number, name in enumerate(("a", "b"), 1)]
        self.legs: dict[int, list[LegId]] = {0: [], 1: []}
        self.seen: dict[int, int] = {0: 0, 1: 0}
        self.transport = ("udp", "tcp")[self.below(2)]
        self.loss = (0, 10, 30)[self.below(3)]

    def below(self, limit: int) -> int:
        return integer(self.chance, limit)

    def fate(self, _message: Request | Response) -> list[float]:
        if self.transport == "tcp":
            return [0.02]
        arrivals = [] if self.below(100) < self.loss else [self.below(100) / 100]
        return [*arrivals, 0.3] if self.below(100) < self.loss else arrivals

    def step(self, number: int) -> None:
        index = self.below(2)
        phone, other = self.phones[index], self.phones[1 - index]
        for event in phone.events[self.seen[index] :]:
            if isinstance(event, IncomingCall):
                self.legs[index].append(event.leg)
        self.seen[index] = len(phone.events)
        what = _WEIGHTS[self.below(len(_WEIGHTS))]
        if what == 0:
            credentials = Credentials(username="x", password="y") if self.below(2) else None
            sdp = SDP if self.below(4) else None
            leg = phone.dial(other, f"{index}-{number}", transport=self.transport, credentials=credentials, sdp=sdp)
            self.legs[index].append(leg)
        elif self.legs[index]:
            self.command(phone, self.legs[index][self.below(len(self.legs[index]))], what)

    def command(self, phone: Phone, leg: LegId, what: int) -> None:
        agent = phone.agent
        match what:
            case 3:
                phone.do(agent.ring, leg)
            case 4:
                phone.do(agent.progress, leg, OTHER_SDP)
            case 5 | 6:
                phone.do(agent.answer, leg, OTHER_SDP)
            case 7:
                phone.do(agent.hang_up, leg, "chaos")
            case 8:
                phone.do(agent.offer, leg, SDP)
            case 9:
                phone.do(agent.accept_offer, leg, OTHER_SDP)
            case 10:
                phone.do(agent.refuse_offer, leg, 488)
            case _:
                phone.do(agent.refuse, leg, 486)

    def finish(self) -> None:
        self.wire.run(3)
        for index, phone in enumerate(self.phones):
            self.legs[index] += [event.leg for event in phone.all(IncomingCall)]
        # An incoming call may still arrive by a late repeat: legs are ended until nobody rings.
        for _ in range(3):
            for phone in self.phones:
                for leg in {*self.legs[0], *self.legs[1], *(event.leg for event in phone.all(IncomingCall))}:
                    phone.do(phone.agent.hang_up, leg)
            self.wire.run(120)


@pytest.mark.parametrize("seed", range(60))
def test_every_leg_ends_once_and_nothing_is_left(seed: int) -> None:
    chaos = Chaos(seed)
    for number in range(60):
        chaos.step(number)
        chaos.wire.run(chaos.below(100) / 50)
    chaos.finish()
    for index, phone in enumerate(chaos.phones):
        ends = Counter(event.leg for event in phone.events if isinstance(event, _LAST))
        begun = {*(event.leg for event in phone.all(IncomingCall)), *(leg for leg in chaos.legs[index])}
        assert set(ends) == begun
        assert set(ends.values()) <= {1}
        assert phone.agent.deadline() is None
        assert set(phone.agent.gauges().values()) == {0}
        assert len({event.leg for event in phone.all(OfferReceived)} - begun) == 0
