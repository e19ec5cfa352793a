"""Where users are: the contacts they registered, until they expire (RFC 3261 section 10, RFC 5626)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ringline.agent.agenda import Agenda, Alarm
from ringline.agent.names import default_port
from ringline.agent.reach import Target
from ringline.base import RemoteProtocolError
from ringline.sip import Contact, Destination, Flow, Uri

PER_USER: Final = 10
_MOST_USERS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One device of a user, and the way to it."""

    contact: Contact
    "As it was registered; its URI is what requests are addressed to."
    flow: Flow
    "The way the registration came."
    expires_at: float
    call_id: str
    cseq: int
    path: tuple[str, ...] = ()
    "Proxies between, to be put into Route (RFC 3327)."
    symmetric: bool = True
    "It asked for answers where it sends from (RFC 3581)."
    outbound: bool = False
    "It keeps its flow open itself; when the flow dies, so does the binding (RFC 5626)."
    flow_is_lost: bool = False
    "The connection it registered over is gone; it is connected to where it says."

    @property
    def key(self) -> tuple[str, ...]:
        """What a later registration of the same device has in common with this one."""
        contact = self.contact
        if contact.instance is not None and contact.reg_id is not None:
            return (contact.instance, str(contact.reg_id))
        return (str(contact.uri),)

    @property
    def hidden(self) -> bool:
        """Whether the device names another address than it is seen at: it is behind a NAT."""
        return self.contact.uri.host.strip("[]").lower() != self.flow.remote[0]

    @property
    def outlives_flow(self) -> bool:
        """Whether it can be reached without the connection it came over."""
        return not self.outbound and not self.hidden and not self.flow.is_websocket

    def target(self) -> Target:
        """Where to send a request without a path: the flow, or the contact of one that listens elsewhere."""
        uri = self.contact.uri
        if self.flow.reliable and self.flow_is_lost:
            transport = uri.transport or self.flow.transport
            return Destination(transport, self.flow.remote[0], uri.port or default_port(transport))
        if self.flow.reliable or self.symmetric or self.hidden:
            return self.flow
        try:
            host = str(ipaddress.ip_address(uri.host))
        except ValueError:
            return self.flow
        return Destination(uri.transport or "udp", host, uri.port or default_port(uri.transport))

    def to_json(self, *, zero_s: float) -> dict[str, Any]:
        """As JSON types; `zero_s` is the time of day at which our clock stood at 0, in seconds since 1970."""
        contact, flow = self.contact, self.flow
        return {
            "uri": str(contact.uri),
            "q": contact.q,
            "instance": contact.instance,
            "reg_id": contact.reg_id,
            "transport": flow.transport,
            "local": list(flow.local),
            "remote": list(flow.remote),
            "expires": round(self.expires_at + zero_s, 3),
            "call_id": self.call_id,
            "cseq": self.cseq,
            "path": list(self.path),
            "symmetric": self.symmetric,
            "outbound": self.outbound,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], *, zero_s: float) -> Binding:
        """What `to_json` of another process wrote; the connections of that one are gone.

        Raises:
            RemoteProtocolError: it is none.
        """
        try:
            local, remote = value["local"], value["remote"]
            flow = Flow(str(value["transport"]), (str(local[0]), int(local[1])), (str(remote[0]), int(remote[1])))
            return cls(
                contact=Contact(
                    uri=Uri.parse(value["uri"]),
                    q=float(value["q"]),
                    instance=value["instance"],
                    reg_id=value["reg_id"],
                ),
                flow=flow,
                expires_at=float(value["expires"]) - zero_s,
                call_id=str(value["call_id"]),
                cseq=int(value["cseq"]),
                path=tuple(str(each) for each in value["path"]),
                symmetric=bool(value["symmetric"]),
                outbound=bool(value["outbound"]),
                flow_is_lost=flow.reliable,
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise RemoteProtocolError(f"this is no binding: {error!r}") from error


class Bindings:
    """All of them, by user name; bounded, and emptied by time."""

    def __init__(self, agenda: Agenda, on_lapse: Callable[[str], None]) -> None:
        """`on_lapse` hears of users who have lost a device without saying so: by time, or with its connection."""
        self._agenda = agenda
        self._on_lapse = on_lapse
        self._users: dict[str, dict[tuple[str, ...], Binding]] = {}
        self._alarms: dict[tuple[str, tuple[str, ...]], Alarm] = {}

    def __len__(self) -> int:
        return sum(len(bindings) for bindings in self._users.values())

    def of(self, user: str) -> tuple[Binding, ...]:
        """The bindings of a user, the preferred first, then the latest."""
        found = self._users.get(user, {})
        return tuple(sorted(found.values(), key=lambda each: (-each.contact.q, -each.expires_at)))

    def find(self, user: str, key: tuple[str, ...]) -> Binding | None:
        return self._users.get(user, {}).get(key)

    def has_room(self, user: str, more: Iterable[Binding]) -> bool:
        """Whether these can be added too."""
        held = self._users.get(user, {})
        keys = {*held, *(each.key for each in more)}
        return len(keys) <= PER_USER and (user in self._users or len(self._users) < _MOST_USERS)

    def put(self, user: str, binding: Binding) -> None:
        """Add or renew one."""
        key = binding.key
        self._users.setdefault(user, {})[key] = binding
        self._cancel(user, key)
        self._alarms[(user, key)] = self._agenda.at(binding.expires_at, lambda _now: self._lapse(user, key))

    def drop(self, user: str, key: tuple[str, ...]) -> None:
        """Take one out."""
        self._cancel(user, key)
        held = self._users.get(user)
        if held is not None:
            held.pop(key, None)
            if not held:
                del self._users[user]

    def clear(self, user: str) -> None:
        """Take all of a user's out."""
        for key in list(self._users.get(user, {})):
            self.drop(user, key)

    def flow_lost(self, flow: Flow) -> None:
        """A connection is gone: who was reached by nothing else cannot be reached until he registers again."""
        gone = [
            (user, key, binding)
            for user, held in self._users.items()
            for key, binding in held.items()
            if binding.flow == flow
        ]
        for user, key, binding in gone:
            if binding.outlives_flow:
                self._users[user][key] = replace(binding, flow_is_lost=True)
            else:
                self._lapse(user, key)

    def flows_behind_nat(self) -> list[Flow]:
        """The datagram flows that a NAT on the way forgets when nothing passes."""
        found = [
            binding.flow
            for held in self._users.values()
            for binding in held.values()
            if binding.flow.transport == "udp" and binding.hidden and not binding.path
        ]
        return list(dict.fromkeys(found))

    def _lapse(self, user: str, key: tuple[str, ...]) -> None:
        self.drop(user, key)
        self._on_lapse(user)

    def _cancel(self, user: str, key: tuple[str, ...]) -> None:
        alarm = self._alarms.pop((user, key), None)
        if alarm is not None:
            alarm.cancel()
