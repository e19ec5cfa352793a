"""Every arrow of the figures of RFC 3261 section 17 (as amended by RFC 6026), walked by the machines themselves."""

from __future__ import annotations

from collections import deque
from typing import Final

import pytest

from ringline.base import LocalProtocolError
from ringline.sip import (
    TABLES,
    AckArrived,
    Action,
    Answer,
    Input,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    Request,
    Response,
    State,
    Table,
    Timers,
    Transmit,
    Unanswered,
    Undelivered,
    parse,
    respond,
)

Transaction = InviteClient | NonInviteClient | InviteServer | NonInviteServer
FIRST: Final = {
    "INVITE client": State.CALLING,
    "non-INVITE client": State.TRYING,
    "INVITE server": State.PROCEEDING,
    "non-INVITE server": State.TRYING,
}
OUTPUTS: Final[dict[Action, list[type]]] = {
    Action.ABSORB: [],
    Action.END: [],
    Action.PASS_UP: [Answer],
    Action.RESEND: [Transmit],
    Action.SEND: [Transmit],
    Action.ACK_AND_PASS_UP: [Transmit, Answer],
    Action.RESEND_ACK: [Transmit],
    Action.TIME_OUT: [Unanswered],
    Action.REPORT_ERROR: [Unanswered],
}
AT_SERVERS: Final[dict[type, type]] = {Answer: AckArrived, Unanswered: Undelivered}


def request(method: str) -> Request:
    found = parse(
        f"{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@192.0.2.1>;tag=a\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n".encode()
    )
    assert isinstance(found, Request)
    return found


class Walk:
    """One transaction and its clock."""

    def __init__(self, name: str) -> None:
        self.now = 100.0
        self.name = name
        self.table: Table = TABLES[name]
        self.request = request("INVITE" if name.startswith("INVITE") else "OPTIONS")
        kinds: dict[str, type[Transaction]] = {
            "INVITE client": InviteClient,
            "non-INVITE client": NonInviteClient,
            "INVITE server": InviteServer,
            "non-INVITE server": NonInviteServer,
        }
        self.machine = kinds[name](self.request, reliable=False, timers=Timers())
        if isinstance(self.machine, InviteClient | NonInviteClient):
            self.machine.start(now=self.now)
        self.drain()

    def drain(self) -> list[object]:
        found: list[object] = []
        while (output := self.machine.poll()) is not None:
            found.append(output)
        return found

    def does(self, what: Input) -> list[object]:
        """Let it happen, and return what came of it."""
        machine = self.machine
        statuses = {Input.PROVISIONAL: 180, Input.SUCCESS: 200, Input.FAILURE: 486, Input.FINAL: 404}
        if what in statuses:
            response: Response = respond(self.request, statuses[what], "Words", to_tag="b")
            if isinstance(machine, InviteClient | NonInviteClient):
                machine.receive(response, now=self.now)
            else:
                machine.respond(response, now=self.now)
        elif what is Input.TRANSPORT_ERROR:
            machine.transport_failed(now=self.now)
        elif what is Input.GIVE_UP:
            assert isinstance(machine, InviteClient | NonInviteClient)
            machine.give_up(now=self.now)
        elif what in (Input.REPEAT, Input.ACK):
            assert isinstance(machine, InviteServer | NonInviteServer)
            machine.receive(request("ACK") if what is Input.ACK else self.request, now=self.now)
        else:
            # A timer: let time pass until it is the one that is due. Those before it only repeat what was sent.
            for _ in range(20):
                due = machine.deadline()
                assert due is not None, f"no timer runs in {machine.state}"
                first = self._next_timer()
                self.now = due
                machine.tick(now=self.now)
                if first is what:
                    return self.drain()[-1:] if what in _ENDING else self.drain()
                self.drain()
            raise AssertionError(f"{what} never came")
        return self.drain()

    def _next_timer(self) -> Input:
        running = self.machine._running._due
        return min(running, key=lambda name: running[name])


_ENDING: Final = (Input.TIMER_B, Input.TIMER_F, Input.TIMER_H)


def way_to(name: str, goal: State) -> list[Input]:
    """The shortest way to a state, without timers where there is one."""
    seen = {FIRST[name]}
    queue: deque[tuple[State, list[Input]]] = deque([(FIRST[name], [])])
    while queue:
        state, way = queue.popleft()
        if state is goal:
            return way
        for (before, what), (after, _) in TABLES[name].items():
            if before is state and after not in seen and not what.value.startswith("timer"):
                seen.add(after)
                queue.append((after, [*way, what]))
    raise AssertionError(f"{goal} cannot be reached in {name}")


ARROWS = [
    pytest.param(name, state, what, id=f"{name}: {state}, {what}")
    for name, table in TABLES.items()
    for state, what in table
]


@pytest.mark.parametrize(("name", "state", "what"), ARROWS)
def test_an_arrow_leads_where_the_figure_says(name: str, state: State, what: Input) -> None:
    walk = Walk(name)
    for step in way_to(name, state):
        walk.does(step)
    assert walk.machine.state is state
    after, action = walk.table[state, what]
    spoken = walk.machine._last is not None if isinstance(walk.machine, InviteServer | NonInviteServer) else True
    outputs = walk.does(what)
    assert walk.machine.state is after
    expected = OUTPUTS[action] if spoken or action is not Action.RESEND else []
    if "server" in name:
        expected = [AT_SERVERS.get(kind, kind) for kind in expected]
    assert [type(output) for output in outputs] == expected
    if after is State.TERMINATED:
        assert walk.machine.deadline() is None


@pytest.mark.parametrize("name", list(TABLES))
def test_every_state_of_a_figure_can_be_reached_and_left(name: str) -> None:
    table = TABLES[name]
    states = {state for state, _ in table}
    for state in states:
        assert way_to(name, state) is not None
        assert any(after is not state for (before, _), (after, _) in table.items() if before is state)


@pytest.mark.parametrize("name", list(TABLES))
def test_after_its_end_a_transaction_absorbs_everything(name: str) -> None:
    walk = Walk(name)
    if "server" in name:
        walk.does(Input.FAILURE if name.startswith("INVITE") else Input.FINAL)
    while (due := walk.machine.deadline()) is not None:
        walk.now = due
        walk.machine.tick(now=walk.now)
    assert walk.machine.state is State.TERMINATED
    walk.drain()
    assert walk.does(Input.TRANSPORT_ERROR) == []


def test_a_second_final_response_to_an_invite_is_our_own_mistake() -> None:
    walk = Walk("INVITE server")
    walk.does(Input.FAILURE)
    with pytest.raises(LocalProtocolError):
        walk.does(Input.SUCCESS)
