"""The ways an outgoing call may take: the trunks in order, or every phone somebody registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from ringline.agent import Binding, OutgoingInvite, UserAgent
from ringline.base import RemoteProtocolError
from ringline.engine.ports import SipResolver
from ringline.routing import Credentials as TrunkCredentials
from ringline.routing import Route
from ringline.sip import Credentials, Destination, Flow, NameAddr

_T = TypeVar("_T")

FAILS_OVER: Final = frozenset({None, 408, 500, 502, 503, 504})
"Final responses (None: no response) that say something about the trunk, not about who was called."


class SipLink(Protocol):
    """The SIP stack with its sockets: the user agent's commands, carried out at once."""

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        """Let `act` give commands to the user agent, with the present time; then send what comes of it."""
        ...

    def look(self, ask: Callable[[UserAgent], _T]) -> _T:
        """Ask the user agent something that changes nothing in it."""
        ...


class Ways:
    """Makes INVITEs of routes."""

    def __init__(self, link: SipLink, resolver: SipResolver) -> None:
        self._link = link
        self._resolver = resolver

    def in_order(self, route: Route) -> list[Route]:
        """A route and those after it; trunks that are down come last, in case they are not."""
        routes = [route, *route.then]
        up: dict[str | None, bool] = {}

        def ask(agent: UserAgent, _now: float) -> None:
            up.update({each.trunk: agent.peers.is_up(each.trunk) for each in routes if each.trunk is not None})

        self._link.command(ask)
        return sorted(routes, key=lambda each: not up.get(each.trunk, True))

    async def invites(self, route: Route) -> list[OutgoingInvite]:
        """The INVITEs that call by a route, still without SDP: one, or one for every phone of a user.

        None when it leads nowhere.
        """
        if route.user is not None:
            found = [await self._to_binding(route, binding) for binding in self._bindings(route.user)]
            return [invite for invite in found if invite is not None]
        hop = route.hop
        destinations = tuple(await self._resolver.resolve(hop.host, hop.port, hop.transport))
        if not destinations:
            return []
        invite = OutgoingInvite(
            request_uri=route.request_uri,
            destinations=destinations,
            from_=(route.from_display or "", route.from_uri),
            to=route.to_uri,
            headers=route.headers,
            sdp=None,
            any_transport=hop.transport is None,
            credentials=login(route.credentials),
        )
        return [invite]

    def _bindings(self, user: str) -> list[Binding]:
        found: list[Binding] = []
        self._link.command(lambda agent, _now: found.extend(agent.bindings(user)))
        return found

    async def _to_binding(self, route: Route, binding: Binding) -> OutgoingInvite | None:
        destinations: tuple[Destination | Flow, ...] = (binding.target(),)
        if binding.path:
            try:
                hop = NameAddr.parse(binding.path[0]).uri
            except RemoteProtocolError:
                return None
            destinations = tuple(await self._resolver.resolve(hop.host, hop.port, hop.transport))
        if not destinations:
            return None
        return OutgoingInvite(
            request_uri=str(binding.contact.uri),
            destinations=destinations,
            from_=(route.from_display or "", route.from_uri),
            to=route.to_uri,
            headers=route.headers,
            routes=binding.path,
            sdp=None,
        )


def login(given: TrunkCredentials | None) -> Credentials | None:
    """A trunk's user name and password as the SIP stack wants them."""
    return Credentials(username=given.username, password=given.password) if given is not None else None
