"""Ids that follow from what is known already, so that nothing has to be remembered or carried along."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

from ringline.base import ConversationId, LegId
from ringline.calls.membership import Person

_SIZE: Final = 16


def _uuid(*words: str) -> str:
    """A version 4 UUID made of words: the same for the same."""
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()
    return str(UUID(bytes=digest, version=4))


def member_of_leg(conversation: ConversationId, leg: LegId, moves: int = 0) -> str:
    """The id of the member that a leg is in a conversation; `moves` is how often the leg had moved when it came."""
    return f"MEM-{_uuid('member', conversation, leg, str(moves))}"


def automatic_name(conversation: ConversationId) -> str:
    """The name of a conversation that nobody has named."""
    return f"NAM-{_uuid('name', conversation)}"


def automatic_person(leg: LegId, *, inbound: bool) -> Person:
    """The user that a leg stands for when nobody knows who it is: the same in every conversation it goes to."""
    user = f"USR-{_uuid('user', leg)}"
    return Person(id=user, name=user if inbound else f"vapi-user-{_uuid('name of user', leg).replace('-', '')}")
