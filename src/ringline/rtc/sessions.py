"""All sessions of all users: log in, come back, log out, grow old (client SDK reference, section 4).

Driven from outside: it is told what happens and what time it is, and says what to do by `poll`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ringline.base import ApplicationId, Random, uuid4
from ringline.rtc import packets
from ringline.rtc.session import Owner, Session

INVALID_TOKEN: Final = "system:error:invalid-token"
INVALID_USER: Final = "user:error:invalid-user"
EXPIRED_TOKEN: Final = "system:error:expired-token"
PERMISSION: Final = "system:error:permission"
TOO_MANY: Final = "session:error:max-open-sessions"
INVALID_SESSION: Final = "session:invalid"


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame on a socket."""

    channel: int
    frame: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Close a socket, after what has been sent on it."""

    channel: int


@dataclass(frozen=True, slots=True)
class Over:
    """A session is no more."""

    session: Session
    why: str
    "`logged out`, `did not come back`, `its token has expired`, `it was too far behind` or `Ringline is stopping`."


Out = Send | Drop | Over


class Sessions:
    """The sessions of one installation."""

    def __init__(self, random: Random, *, grace_s: float = 30.0, per_user: int = 10) -> None:
        """`grace_s`: how long a session without a socket waits to be resumed; `per_user`: the most of one user."""
        self._random = random
        self._grace_s = grace_s
        self._per_user = per_user
        self._sessions: dict[str, Session] = {}
        self._of_user: dict[tuple[ApplicationId, str], list[Session]] = {}
        self._on_channel: dict[int, Session] = {}
        self._out: deque[Out] = deque()

    def __len__(self) -> int:
        return len(self._sessions)

    # ── who is there ───────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, session: str) -> Session | None:
        return self._sessions.get(session)

    def of(self, application: ApplicationId, user: str) -> Sequence[Session]:
        """The sessions of a user, oldest first, those whose socket is away included."""
        return tuple(self._of_user.get((application, user), ()))

    def on(self, channel: int) -> Session | None:
        """The session that a socket belongs to."""
        return self._on_channel.get(channel)

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────────────────

    def log_in(
        self, owner: Owner, *, channel: int, expires: float, confirms: bool, wanted: str | None, now: float
    ) -> tuple[Session, bool] | None:
        """A client shows its token; give its session and whether it came back to one.

        `wanted` is the session it says it had. One that is over, and one of somebody else, are refused alike.
        None: it has been refused, and told why.
        """
        if wanted:
            known = self._sessions.get(wanted)
            if known is None or (known.owner.application, known.owner.user) != (owner.application, owner.user):
                self.refuse(channel, INVALID_SESSION)
                return None
            if known.channel is not None:  # the old socket is dead, and we have not noticed yet
                self._on_channel.pop(known.channel, None)
                self._out.append(Drop(known.channel))
            known.away_until, known.expires = None, expires
            self._attach(known, channel)
            return known, True
        mine = self._of_user.setdefault((owner.application, owner.user), [])
        if len(mine) >= self._per_user:
            self.refuse(channel, TOO_MANY)
            return None
        session = Session(id=f"SES-{uuid4(self._random)}", owner=owner, expires=expires, confirms=confirms)
        self._sessions[session.id] = session
        mine.append(session)
        self._attach(session, channel)
        return session, False

    def greet(self, session: Session, *, api_key: str, pending: Sequence[Mapping[str, Any]] = ()) -> None:
        """Tell a client that it is logged in, with the calls that ring for it; then what it has missed."""
        if session.channel is None:
            return
        body: dict[str, Any] = {
            "id": session.id,
            "user_id": session.owner.user,
            "name": session.owner.name,
            "api_key": api_key,
            "pending_events": list(pending),
        }
        self._out.append(Send(session.channel, packets.event("session:success", {"body": body})))
        self._out.extend(Send(session.channel, frame) for frame in session.missed())

    def refuse(self, channel: int, why: str) -> None:
        """Tell a client why it is not let in, and close its socket."""
        self._out.append(Send(channel, packets.event(why, {"body": {}})))
        self._out.append(Drop(channel))

    def received(self, channel: int, packet: packets.Packet, *, now: float) -> None:
        """A client says something on its socket."""
        session = self._on_channel.get(channel)
        match packet:
            case packets.Ack(number=number) if session is not None:
                session.confirmed(number)
            case packets.Said(event="session:logout") if session is not None:
                self._out.append(Send(channel, packets.event("session:logged-out", {"body": {}})))
                self._end(session, "logged out")
            case packets.Said(number=int(number)):
                self._out.append(Send(channel, packets.acknowledgement(number)))
            case packets.Noop(answer=str(answer)):
                self._out.append(Send(channel, answer))
            case packets.Disconnect():
                self._out.append(Drop(channel))
                self.lost(channel, now=now)

    def lost(self, channel: int, *, now: float) -> None:
        """A socket is gone: its session waits a while for the client to come back."""
        session = self._on_channel.pop(channel, None)
        if session is not None:
            session.channel = None
            session.away_until = now + self._grace_s

    def tell(self, session: Session, name: str, payload: Mapping[str, Any]) -> None:
        """Send an event to a client, now or when it is back."""
        if session.id not in self._sessions:
            return
        frame = session.tell(name, payload)
        if frame is not None and session.channel is not None:
            self._out.append(Send(session.channel, frame))
        if session.overfull:
            self._end(session, "it was too far behind")

    def refresh(self, session: Session, expires: float) -> None:
        """The client has a newer token."""
        session.expires = expires

    def deadline(self) -> float | None:
        """When `tick` is wanted for a session that is away; tokens are looked at by `expired`."""
        return min((one.away_until for one in self._sessions.values() if one.away_until is not None), default=None)

    def tick(self, *, now: float) -> None:
        """Time has passed."""
        for session in [one for one in self._sessions.values() if one.away_until is not None and one.away_until <= now]:
            self._end(session, "did not come back")

    def expire(self, *, wallclock: float, leeway_s: float) -> None:
        """End the sessions whose token has ended: the client is told by `41`, and does not come back by itself."""
        for session in [one for one in self._sessions.values() if one.expires + leeway_s <= wallclock]:
            if session.channel is not None:
                self._out.append(Send(session.channel, packets.DISCONNECT))
            self._end(session, "its token has expired")

    def close(self) -> None:
        """The installation stops."""
        for session in list(self._sessions.values()):
            self._end(session, "Ringline is stopping")

    def poll(self) -> Out | None:
        """What is to be done next; drain it after every call above."""
        return self._out.popleft() if self._out else None

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _attach(self, session: Session, channel: int) -> None:
        session.channel = channel
        self._on_channel[channel] = session

    def _end(self, session: Session, why: str) -> None:
        del self._sessions[session.id]
        key = (session.owner.application, session.owner.user)
        mine = self._of_user[key]
        mine.remove(session)
        if not mine:
            del self._of_user[key]
        if session.channel is not None:
            self._on_channel.pop(session.channel, None)
            self._out.append(Drop(session.channel))
            session.channel = None
        self._out.append(Over(session, why))
