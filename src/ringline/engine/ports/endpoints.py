"""Kinds of far ends, and how their hosts are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from ringline.base import ApplicationId, LegId
from ringline.calls.parties import Party


class Endpoint(Protocol):
    """One kind of far end (phones and SIP addresses, later WebSockets and apps).

    Reports what happens with the leg events of `ringline.calls.events` to the `Engine` it was made with.
    """

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        """Call the far end; ends with `LegAnswered` or `LegFailed`."""
        ...

    def alert(self, leg: LegId) -> None:
        """Let an inbound caller hear ringing."""
        ...

    def open_early(self, leg: LegId) -> None:
        """Let an inbound caller hear our audio before the answer, where his channel can."""
        ...

    def answer(self, leg: LegId) -> None:
        """Answer an inbound leg; ends with `LegAnswered`."""
        ...

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        """Refuse, cancel or hang up, and free everything. Nothing is reported of the leg any more."""
        ...


@runtime_checkable
class ShowsKeys(Endpoint, Protocol):
    """An `Endpoint` whose far ends are told of the keys that others press (WebSockets)."""

    def show_key(self, leg: LegId, digit: str, held_ms: int) -> None:
        """Somebody else in the leg's conversation has pressed a key, and let go of it after `held_ms`."""
        ...


@runtime_checkable
class TellsReferrers(Endpoint, Protocol):
    """An `Endpoint` whose far ends may transfer their calls (SIP phones)."""

    def tell_referrer(self, leg: LegId, status: int, reason: str) -> None:
        """How far what the leg's REFER asked for has come, as a SIP status; one of 300 and more is the end of it."""
        ...


class SipResolver(Protocol):
    """Finds where a SIP URI's host is (RFC 3263)."""

    async def resolve(self, host: str, port: int | None, transport: str | None) -> Sequence[Any]:
        """The destinations to try in order (`ringline.sip.Destination`); empty when there are none."""
        ...
