"""A call that has ended leaves nothing that only the garbage collector could find.

Every look of the collector through a whole heap stops the event loop: with nothing to find, it hardly ever looks.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from ringline.agent import IncomingCall
from ringline.base import LegId

from .wire import OTHER_SDP, SDP, Phone, Wire

_OVER_S = 200.0
"By then the last transaction is forgotten."


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture(autouse=True)
def _collector_at_rest() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def left_behind() -> Counter[str]:
    """Objects of ours that refer to each other in circles, and that nobody can reach, by their kind."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    return Counter(
        type(found).__qualname__ for found in gc.garbage if type(found).__module__.startswith("ringline.agent")
    )


def hung_up_by_the_caller(wire: Wire, alice: Phone, bob: Phone, out: LegId, leg: LegId) -> None:
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.5)
    alice.do(alice.agent.hang_up, out)


def hung_up_by_the_callee(wire: Wire, alice: Phone, bob: Phone, out: LegId, leg: LegId) -> None:
    bob.do(bob.agent.ring, leg)
    wire.run(0.5)
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.5)
    bob.do(bob.agent.hang_up, leg)


def refused(wire: Wire, alice: Phone, bob: Phone, out: LegId, leg: LegId) -> None:
    bob.do(bob.agent.refuse, leg, 486)


def cancelled(wire: Wire, alice: Phone, bob: Phone, out: LegId, leg: LegId) -> None:
    bob.do(bob.agent.ring, leg)
    wire.run(0.5)
    alice.do(alice.agent.hang_up, out)


def changed_on_the_way(wire: Wire, alice: Phone, bob: Phone, out: LegId, leg: LegId) -> None:
    bob.do(bob.agent.answer, leg, OTHER_SDP)
    wire.run(0.5)
    alice.do(alice.agent.offer, out, SDP)
    wire.run(0.5)
    bob.do(bob.agent.accept_offer, leg, OTHER_SDP)
    wire.run(0.5)
    bob.do(bob.agent.hang_up, leg)


@pytest.mark.parametrize(
    "course", [hung_up_by_the_caller, hung_up_by_the_callee, refused, cancelled, changed_on_the_way]
)
def test_a_call_leaves_nothing_for_the_garbage_collector(
    wire: Wire, course: Callable[[Wire, Phone, Phone, LegId, LegId], None]
) -> None:
    alice, bob = wire.phone("alice", "192.0.2.1"), wire.phone("bob", "192.0.2.2")
    out = alice.dial(bob)
    wire.run(0.5)
    course(wire, alice, bob, out, bob.one(IncomingCall).leg)
    wire.run(_OVER_S)
    assert bob.agent.gauges() == dict.fromkeys(bob.agent.gauges(), 0)
    assert left_behind() == Counter()
