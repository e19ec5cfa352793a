"""What browser and app clients use: their control channel, their calls, and what they read of them."""

from __future__ import annotations

from fastapi import APIRouter

from ringline.api.client_calls import ClientCalls
from ringline.api.client_desk import ClientDesk
from ringline.api.client_rooms import ClientRooms
from ringline.api.client_wire import ClientWire
from ringline.api.lobby import Lobby


def clients_of(lobby: Lobby) -> list[APIRouter]:
    """The routers of the client wire; none where no app can log in."""
    if lobby.apps is None:
        return []
    desk = ClientDesk(lobby, lobby.apps)
    return [ClientWire(desk).router(), ClientCalls(desk).router(), ClientRooms(desk).router()]
