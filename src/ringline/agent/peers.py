"""Trunks we keep an eye on: whether they answer OPTIONS, and whether they know where we are."""

from __future__ import annotations

from collections.abc import Sequence

from ringline.agent.config import PeerSpec
from ringline.agent.events import PeerState
from ringline.agent.peer import Peer
from ringline.agent.stack import Stack


class Peers:
    """All of them, by name."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._peers: dict[str, Peer] = {}

    def watch(self, specs: Sequence[PeerSpec], now: float) -> None:
        """Keep an eye on these from now on; those that are no longer named are taken leave of."""
        wanted = {spec.name: spec for spec in specs}
        for name, peer in list(self._peers.items()):
            if wanted.get(name) != peer.spec:
                del self._peers[name]
                peer.leave(now)
        for name, spec in wanted.items():
            if name not in self._peers:
                peer = self._peers[name] = Peer(self._stack, spec)
                peer.begin(now)

    def states(self) -> tuple[PeerState, ...]:
        """How they are."""
        return tuple(peer.state() for peer in self._peers.values())

    def is_up(self, name: str) -> bool:
        """Whether calls can go there; who is not watched counts as up."""
        peer = self._peers.get(name)
        return peer is None or peer.up

    def at(self, address: str) -> str | None:
        """The peer we are registered with at this address: calls from there are its calls."""
        return next((name for name, peer in self._peers.items() if peer.is_at(address)), None)

    def failed(self, name: str, seconds: float, now: float) -> None:
        """It asked to be left alone for a while (503 with Retry-After)."""
        peer = self._peers.get(name)
        if peer is not None:
            peer.pause(seconds, now)

    def target_lost(self, remote: tuple[str, int], now: float) -> None:
        """A connection is gone: whoever is reached by it has to hear of us again."""
        for peer in self._peers.values():
            peer.target_lost(remote, now)
