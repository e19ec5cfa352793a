"""Drives the user agent: bytes, time and commands in, bytes and events out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from ringline.agent import AgentEvent, Lookup, Send, UserAgent
from ringline.base import Clock, get_log
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.resolver import SipResolver
from ringline.io.sip.sockets import SipSockets
from ringline.io.sip.transport import SipTransport
from ringline.sip import Destination, Flow, Places

log = get_log(__name__)
_T = TypeVar("_T")


class SipPump:
    """Owns a user agent and its sockets. Everything happens on the event loop, one thing after the other."""

    def __init__(
        self,
        agent: UserAgent,
        clock: Clock,
        *,
        on_event: Callable[[AgentEvent], None],
        limits: TcpLimits | None = None,
        resolver: SipResolver | None = None,
        places: Places | None = None,
    ) -> None:
        """`on_event` takes what the agent tells; it may give commands at once.

        `resolver` finds the hosts of routes and contacts; without one, names are as good as unknown. `places` are
        further addresses of ours to listen on and to send from.
        """
        self._agent = agent
        self._clock = clock
        self._on_event = on_event
        self._sockets = SipSockets(limits=limits, places=places)
        self._resolver = resolver
        self._lookups: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._draining = False
        self._stopped = False

    async def start(self, bind: str, port: int, *, transports: Sequence[str] = ("udp", "tcp")) -> None:
        """Open the sockets.

        Raises:
            ConfigError: the address or port cannot be had.
        """
        await self._sockets.start(bind, port, on_message=self.message, on_lost=self.lost, transports=transports)

    def carry_over(self, transport: SipTransport) -> None:
        """Use one more transport beside those of `start`: TLS, WebSocket. Its messages go to `message`, its losses to
        `lost`.
        """
        self._sockets.add(transport)

    def message(self, data: bytes, flow: Flow) -> None:
        """Take a message from a transport."""
        self._guarded(lambda now: self._agent.receive(data, flow, now=now))

    def lost(self, flow: Flow | Destination) -> None:
        """Hear from a transport that a connection is gone, or a destination cannot be reached."""
        self._guarded(lambda now: self._agent.connection_lost(flow, now=now))

    @property
    def port(self) -> int:
        """The port really used."""
        return self._sockets.port

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        """Let `act` give commands to the user agent, with the present time; then send what comes of it."""
        act(self._agent, self._clock.now())
        self._pump()

    def look(self, ask: Callable[[UserAgent], _T]) -> _T:
        """Ask the user agent something that changes nothing in it: nothing comes of it that would have to be sent."""
        return ask(self._agent)

    async def stop(self) -> None:
        """Send what is left to send, and close the sockets."""
        self._pump()
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lookups = list(self._lookups)
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
        await self._sockets.close()

    def _tick(self) -> None:
        self._timer = self._due = None
        self._guarded(lambda now: self._agent.tick(now=now))

    def _guarded(self, feed: Callable[[float], None]) -> None:
        """Feed the agent from outside: a fault in one message must not cost the others their transport."""
        try:
            feed(self._clock.now())
        except Exception as error:
            log.error("the user agent failed on a message", exc=error)
        self._pump()

    def _pump(self) -> None:
        if self._draining or self._stopped:
            return
        self._draining = True
        try:
            while (output := self._agent.poll()) is not None:
                match output:
                    case Send(data, to):
                        self._sockets.send(data, to)
                    case Lookup():
                        self._look_up(output)
                    case event:
                        self._tell(event)
        finally:
            self._draining = False
        self._rearm()

    def _look_up(self, lookup: Lookup) -> None:
        task = asyncio.get_running_loop().create_task(self._find(lookup))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _find(self, lookup: Lookup) -> None:
        found: tuple[Destination, ...] = ()
        if self._resolver is not None:
            found = await self._resolver.resolve(lookup.host, lookup.port, lookup.transport)
        self.command(lambda agent, now: agent.found(lookup, found, now=now))

    def _tell(self, event: AgentEvent) -> None:
        try:
            self._on_event(event)
        except Exception as error:
            log.error("an event of the user agent was not taken", exc=error, kind=type(event).__name__)

    def _rearm(self) -> None:
        due = self._agent.deadline()
        if due == self._due or (due is not None and self._due is not None and self._due < due):
            return  # to come a little early and find nothing costs less than to move the alarm with every message
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            delay = max(0.0, due - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
