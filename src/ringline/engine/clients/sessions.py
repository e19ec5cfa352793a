"""The owner of app clients' sessions: joins their sockets with the rules of `ringline.rtc`, and keeps the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from ringline.base import ApplicationId, Clock, Random, RemoteProtocolError, get_log
from ringline.rtc import Drop, Over, Owner, Send, Session, Sessions
from ringline.rtc.packets import read_packet

log = get_log(__name__)
_SWEEP_S: Final = 1.0
COUNTERS: Final = ("logins", "resumed", "refused", "frames_refused")
"Those of the figures that only grow."


class Channel(Protocol):
    """One socket of a client."""

    def send(self, frame: str) -> None:
        """Send a text frame; a socket that is too far behind closes itself."""
        ...

    def close(self) -> None:
        """Close it once what was given to `send` is out."""
        ...


class Clients:
    """All sessions of this process, and the sockets that belong to them."""

    def __init__(
        self, *, clock: Clock, random: Random, grace_s: float = 30.0, per_user: int = 10, leeway_s: float = 60.0
    ) -> None:
        """`leeway_s`: how long after its end a token is still taken."""
        self._clock = clock
        self._leeway_s = leeway_s
        self.grace_s = grace_s
        "How long a session without a socket waits for its client."
        self._sessions = Sessions(random, grace_s=grace_s, per_user=per_user)
        self._channels: dict[int, Channel] = {}
        self._last = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._working = False
        self.on_over: list[Callable[[Session], None]] = []
        "Told of every session that is over."
        self.on_sweep: list[Callable[[float], None]] = []
        "Told the time, once a second while there are sessions."
        self._counts = dict.fromkeys(COUNTERS, 0)

    def __len__(self) -> int:
        return len(self._sessions)

    def gauges(self) -> Mapping[str, float]:
        """Figures for metrics."""
        return {"sessions": len(self._sessions), "sockets": len(self._channels), **self._counts}

    # ── who is there ───────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, session: str) -> Session | None:
        return self._sessions.get(session)

    def of(self, application: ApplicationId, user: str) -> Sequence[Session]:
        """The sessions of a user, those whose socket is away included."""
        return self._sessions.of(application, user)

    # ── sockets ────────────────────────────────────────────────────────────────────────────────────────────────────

    def opened(self, channel: Channel) -> int:
        """A client's socket is open; gives its number."""
        self._last += 1
        self._channels[self._last] = channel
        return self._last

    def log_in(
        self,
        number: int,
        owner: Owner,
        *,
        expires: float,
        confirms: bool,
        wanted: str | None,
        api_key: str,
        pending: Callable[[Owner], Sequence[Mapping[str, Any]]],
    ) -> Session | None:
        """The client on this socket has shown a good token; None when it is refused all the same."""
        now = self._clock.now()
        found = self._sessions.log_in(owner, channel=number, expires=expires, confirms=confirms, wanted=wanted, now=now)
        if found is None:
            self._counts["refused"] += 1
        else:
            session, resumed = found
            self._counts["resumed" if resumed else "logins"] += 1
            self._sessions.greet(session, api_key=api_key, pending=() if resumed else pending(owner))
        self._pump()
        self._arm()
        return found[0] if found is not None else None

    def refuse(self, number: int, why: str) -> None:
        """The client on this socket is not let in."""
        self._counts["refused"] += 1
        self._sessions.refuse(number, why)
        self._pump()

    def received(self, number: int, text: str) -> bool:
        """Take a frame of a client; False when it is none: its socket is to be closed."""
        try:
            packet = read_packet(text)
        except RemoteProtocolError as error:
            self._counts["frames_refused"] += 1
            log.info("a client's frame was refused", why=str(error))
            return False
        self._sessions.received(number, packet, now=self._clock.now())
        self._pump()
        return True

    def lost(self, number: int) -> None:
        """The socket is gone."""
        if self._channels.pop(number, None) is not None:
            self._sessions.lost(number, now=self._clock.now())
            self._pump()

    # ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, session: Session, name: str, payload: Mapping[str, Any]) -> None:
        """Send an event to a client, now or when it is back."""
        self._sessions.tell(session, name, payload)
        self._pump()

    def refresh(self, session: Session, expires: float) -> None:
        """The client has a newer token."""
        self._sessions.refresh(session, expires)

    def close(self) -> None:
        """The installation stops: all sessions are over."""
        self._sessions.close()
        self._pump()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arm(self) -> None:
        if self._sweep is None and len(self._sessions):
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._swept)

    def _swept(self) -> None:
        self._sweep = None
        now = self._clock.now()
        self._sessions.tick(now=now)
        self._sessions.expire(wallclock=self._clock.wallclock().timestamp(), leeway_s=self._leeway_s)
        self._pump()
        for sweep in self.on_sweep:
            sweep(now)
        self._arm()

    def _pump(self) -> None:
        """Do what the rules say. Who is told of a session's end may make them say more: that waits its turn."""
        if self._working:
            return
        self._working = True
        try:
            while (out := self._sessions.poll()) is not None:
                match out:
                    case Send(channel=number, frame=frame) if number in self._channels:
                        self._channels[number].send(frame)
                    case Drop(channel=number):
                        channel = self._channels.pop(number, None)
                        if channel is not None:
                            channel.close()
                    case Over(session=session, why=why):
                        log.info("a client's session is over", session=session.id, why=why)
                        for told in self.on_over:
                            told(session)
        finally:
            self._working = False
