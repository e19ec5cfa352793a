"""App users as endpoints: browsers and apps that call, and are called, over the client wire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ringline.accounts import User
from ringline.base import (
    ApiError,
    ApplicationId,
    Clock,
    LegId,
    MediaError,
    Random,
    get_log,
    new_leg_id,
    uuid4,
)
from ringline.calls import events
from ringline.calls.facts import LegView
from ringline.calls.membership import Actor, Member, Person
from ringline.calls.parties import Party
from ringline.engine.clients.app_events import AppEvents
from ringline.engine.clients.app_leg import AppLeg, Stage
from ringline.engine.clients.sessions import Clients
from ringline.engine.engine import Engine
from ringline.engine.ports import DescriptionRefused, Media, MediaConnected, MediaInterrupted, WebRtc
from ringline.engine.rooms import RoomOwner
from ringline.engine.supervise import Scope
from ringline.rtc import Owner, Reservations, Session

log = get_log(__name__)
CONNECT_S: Final = 10.0
"A claim without an answer, and audio that does not come to stand, are given up after so long."
MOST_CALLS: Final = 10
"Calls that one session may have at a time."
HEARD_S: Final = 0.25
"""An app that declines must have read that it was heard before it is told of the end, or it believes that another one
has declined: the two come by different connections."""
KEY_MS: Final = 100
"How long a key counts as held that an app sends."
_DISCONNECTED: Final = {"code": "", "text": "ClientDisconnected"}


class Apps:
    """The endpoint of kind `app`, and what clients may do to calls of theirs."""

    def __init__(
        self,
        *,
        engine: Engine,
        clients: Clients,
        webrtc: WebRtc,
        media: Media,
        clock: Clock,
        random: Random,
        media_grace_s: float = 30.0,
    ) -> None:
        """`media_grace_s`: a call whose audio is lost waits so long for the browser to come back."""
        self.clients = clients
        self._engine = engine
        self._webrtc = webrtc
        self._media = media
        self._clock = clock
        self._random = random
        self._media_grace_s = media_grace_s
        self._reservations = Reservations()
        self._legs: dict[LegId, AppLeg] = {}
        self._dialling: dict[LegId, Scope] = {}
        self.events = AppEvents(clients, self._legs, engine)
        engine.watch(self._followed)
        engine.watch_events(self.events.heard)
        engine.watch_media(self.media_changed)
        clients.on_over.append(self._session_over)
        clients.on_sweep.append(self._swept)

    def gauges(self) -> Mapping[str, float]:
        """Figures for metrics."""
        return {"reservations": len(self._reservations), "legs": len(self._legs), **self.clients.gauges()}

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        scope = self._dialling[leg] = Scope(f"invite:{leg}")
        scope.start(self._ring(leg, to.address, application), name="ring")

    def alert(self, leg: LegId) -> None:
        """An app that calls shows by itself that it does."""

    def open_early(self, leg: LegId) -> None:
        """Its audio stands already."""

    def answer(self, leg: LegId) -> None:
        known = self._legs.get(leg)
        if known is not None:
            known.stage = Stage.UP
            self._engine.report(events.LegAnswered(leg=leg))

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        scope = self._dialling.pop(leg, None)
        if scope is not None:
            scope.close()
        self._legs.pop(leg, None)
        if self.events.holds(leg):  # its caller may be gone before it was answered, and nobody opens what is held
            asyncio.get_running_loop().call_later(CONNECT_S, self.events.forget, leg)
        self._media.close(leg)

    # ── calls of an app ────────────────────────────────────────────────────────────────────────────────────────────

    def reserve(self, session: Session, offer: str) -> tuple[LegId, str]:
        """Open audio for a call that is to come; give the leg and the answer to the browser's offer.

        Raises:
            ApiError: 429 when the session has too many that it does not use, 400 for an offer that cannot be used.
        """
        if not self._reservations.has_room(session.id):
            raise ApiError(
                429, "There are too many legs that no call uses.", title="Too Many Requests.", code="leg:error:too-many"
            )
        leg = new_leg_id(self._random)
        answer = self._described(leg, offer)
        self._reservations.add(leg, session.id, now=self._clock.now())
        return leg, answer

    async def knock(self, session: Session, leg: LegId, context: Mapping[str, Any]) -> str:
        """Call the application with audio that stands, and wait until it has said what to do; give the knock's id.

        Raises:
            ApiError: 404 when the session has no such leg, 403 when the application takes no calls, 4xx when it cannot
                be brought to an answer.
        """
        application = self._engine.directory.application(session.owner.application)
        mine = sum(one.session == session.id for one in self._legs.values())
        if mine >= MOST_CALLS:
            raise ApiError(429, "There are too many calls.", title="Too Many Requests.", code="leg:error:too-many")
        if not self._reservations.take(leg, session.id):
            raise no_such_leg()
        if application is None or application.voice is None:
            self._media.close(leg)
            raise ApiError(403, "The application takes no calls.", code="system:error:permission")
        owner = session.owner
        accepted: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._legs[leg] = AppLeg(leg, owner, Stage.KNOCKING, inbound=True, session=session.id, accepted=accepted)
        called = context.get("to")
        to = called if isinstance(called, str) else ""
        self.events.hold_next(leg)
        self._engine.incoming(
            leg,
            self,
            application,
            from_=Party(kind="app", address=owner.name),
            to=Party(kind="phone" if to else "app", address=to),
            sip_headers={},
            custom_data=dict(context),
            person=Person(id=owner.user, name=owner.name, display_name=owner.display_name),
        )
        try:
            why = await accepted
        except asyncio.CancelledError:
            self._engine.report(events.LegGone(leg=leg))
            self.events.forget(leg)
            raise
        if why is not None:
            self.events.forget(leg)
            raise ApiError(400, why, title="Bad request.", code="knocking:error:not-accepted")
        return f"knocker:{uuid4(self._random)}"

    def let_go_on(self, leg: LegId) -> None:
        """The caller knows that its knock is accepted: it may hear what has happened since."""
        self.events.open(leg)

    # ── calls to an app ────────────────────────────────────────────────────────────────────────────────────────────

    def pending(self, owner: Owner) -> Sequence[Mapping[str, Any]]:
        """What rings for a user who logs in."""
        same = [one for one in self._legs.values() if _is_of(one, owner) and one.stage is Stage.INVITED]
        return [one.invitation for one in same if one.invitation is not None]

    def claim(self, session: Session, member: Member) -> None:
        """A session wants to answer: the first one that does may.

        Raises:
            ApiError: 409 for every other, 404 when nothing rings.
        """
        known = self._own(session, member.leg)
        free = known.stage is Stage.INVITED or (known.stage is Stage.CLAIMED and known.session == session.id)
        if known.by_app or not free:
            raise ApiError(
                409,
                "The member has joined already.",
                title="Conflict.",
                code="conversation:error:member-already-joined",
            )
        known.stage, known.session, known.until = Stage.CLAIMED, session.id, self._clock.now() + CONNECT_S

    def take_answer(self, session: Session, leg: LegId, answer: str) -> None:
        """The browser that has claimed a call answers our offer; the call is answered once its audio stands.

        Raises:
            ApiError: 404 when it has not claimed it, 400 for an answer that cannot be used.
        """
        known = self._own(session, leg)
        if known.stage is not Stage.CLAIMED or known.session != session.id:
            raise no_such_leg()
        try:
            self._webrtc.accept(leg, answer)
        except MediaError as error:
            raise _refused(error) from None
        known.stage, known.until = Stage.CONNECTING, self._clock.now() + CONNECT_S

    # ── in a call ──────────────────────────────────────────────────────────────────────────────────────────────────

    def reconnect(self, session: Session, leg: LegId, offer: str) -> str:
        """The browser, perhaps after its page was loaded anew, wants new audio for a call that goes on.

        Raises:
            ApiError: 404 when its user has no such call, 400 for an offer that cannot be used.
        """
        known = self._own(session, leg)
        if known.stage not in (Stage.UP, Stage.CALLING):
            raise no_such_leg()
        answer = self._described(leg, offer)
        known.session, known.until = session.id, self._clock.now() + self._media_grace_s
        return answer

    def tell_answer(self, session: Session, leg: LegId, answer: str) -> None:
        """Send our answer to the browser that wants to reconnect."""
        found = self.place(leg)
        if found is not None:
            self.events.tell_answer(session, found[0], found[1], leg, answer)

    def hang_up(self, member: Member, reason: Mapping[str, Any]) -> None:
        """A user ends its call, declines it or gives it up."""
        known = self._legs.get(member.leg) if member.leg is not None else None
        if known is None:
            return
        known.by_app = True
        if known.stage in (Stage.INVITED, Stage.CLAIMED):
            asyncio.get_running_loop().call_later(HEARD_S, self._leave, known, dict(reason))
        else:
            self._leave(known, reason)

    def _leave(self, known: AppLeg, reason: Mapping[str, Any]) -> None:
        found = self.place(known.leg)
        if found is None:
            return
        actor = Actor(user=known.owner.user, member=found[1].id)
        found[0].post(events.MemberLeft(member=found[1].id, leg=known.leg, reason=dict(reason), by=actor))

    def press(self, leg: LegId, digits: str) -> None:
        """A user presses keys."""
        for digit in digits:
            self._engine.report(events.KeyDown(leg=leg, digit=digit))
            self._engine.report(events.KeyReleased(leg=leg, digit=digit, held_ms=KEY_MS))

    def place(self, leg: LegId) -> tuple[RoomOwner, Member] | None:
        """The conversation that a live leg is in now, and the member that it is there."""
        view = self._engine.view(leg)
        room = self._engine.conversations.get(view.conversation) if view is not None else None
        if room is None or room.projector is None:
            return None
        member = next((one for one in room.projector.members() if one.leg == leg), None)
        return (room, member) if member is not None else None

    def knows(self, leg: LegId | None) -> bool:
        """Whether this is a live call of an app."""
        return leg in self._legs

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ring(self, leg: LegId, name: str, application: ApplicationId) -> None:
        report = self._engine.report
        chronicle = self._engine.outside.chronicle
        user = await chronicle.user(application, name) if chronicle is not None else None
        if user is None:
            report(events.LegFailed(leg=leg, cause="no-route", why=f"there is no user {name[:100]!r}"))
            return
        owner = owner_of(user)
        if not self.clients.of(application, user.id):
            report(events.LegIdentified(leg=leg, person=person_of(user)))
            report(events.LegFailed(leg=leg, cause="unavailable", why="the user has no session"))
            return
        try:
            offer = self._webrtc.offer(leg)
        except MediaError as error:
            report(events.LegFailed(leg=leg, cause="internal", why=str(error)))
            return
        self._legs[leg] = AppLeg(leg, owner, Stage.INVITED, inbound=False, offer=offer)
        report(events.LegIdentified(leg=leg, person=person_of(user)))
        report(events.LegProgress(leg=leg))

    def _described(self, leg: LegId, offer: str) -> str:
        try:
            return self._webrtc.answer(leg, offer)
        except MediaError as error:
            raise _refused(error) from None

    def _own(self, session: Session, leg: LegId | None) -> AppLeg:
        known = self._legs.get(leg) if leg is not None else None
        if known is None or not _is_of(known, session.owner):
            raise no_such_leg()
        return known

    def _followed(self, view: LegView) -> None:
        """The record of a leg has changed: a knock waits until the application has said what to do."""
        known = self._legs.get(view.uuid)
        if known is None or known.accepted is None or known.accepted.done():
            return
        if view.ended_at is None and (view.scripted or view.answered_at is not None):
            if known.stage is Stage.KNOCKING:
                known.stage = Stage.CALLING
            known.accepted.set_result(None)
        elif view.ended_at is not None:
            known.accepted.set_result(f"The application cannot take the call: {view.status} ({view.detail or '-'})")

    def media_changed(self, event: MediaConnected | MediaInterrupted) -> None:
        """The way of a leg stands, or is lost."""
        leg = event.leg
        known = self._legs.get(leg)
        if isinstance(event, MediaInterrupted):
            if known is None:
                if self._reservations.drop(leg):
                    self._media.close(leg)
            elif known.stage is Stage.KNOCKING:
                self._engine.report(events.LegGone(leg=leg))
            elif known.stage in (Stage.UP, Stage.CALLING):
                known.until = self._clock.now() + self._media_grace_s
                self._engine.trace(leg, {"what": "audio", "text": f"the way to the app is lost: {event.why}"})
        elif known is not None and known.stage is Stage.CONNECTING:
            known.stage, known.until = Stage.UP, None
            self._engine.report(events.LegAnswered(leg=leg))
        elif known is not None and known.stage in (Stage.UP, Stage.CALLING):
            known.until = None

    def _swept(self, now: float) -> None:
        for leg in self._reservations.overdue(now):
            self._media.close(leg)
        for known in [one for one in self._legs.values() if one.until is not None and one.until <= now]:
            known.until = None
            match known.stage:
                case Stage.CLAIMED:
                    known.stage, known.session = Stage.INVITED, None
                case Stage.CONNECTING:
                    why = f"the app's audio did not come to stand within {CONNECT_S:g} s"
                    self._engine.report(events.LegFailed(leg=known.leg, cause="internal", why=why))
                case _:
                    self._engine.report(events.LegLost(leg=known.leg, why="the app's audio is lost"))

    def _session_over(self, session: Session) -> None:
        for leg in self._reservations.drop_of(session.id):
            self._media.close(leg)
        for known in [one for one in self._legs.values() if _is_of(one, session.owner)]:
            if known.stage is Stage.INVITED or (known.stage is Stage.CLAIMED and known.session == session.id):
                known.stage, known.session, known.until = Stage.INVITED, None, None
                if not self.clients.of(session.owner.application, session.owner.user):
                    why = "the user has no session any more"
                    self._engine.report(events.LegFailed(leg=known.leg, cause="unavailable", why=why))
            elif known.session == session.id:
                found = self.place(known.leg)
                if found is not None:
                    self.hang_up(found[1], _DISCONNECTED)


def owner_of(user: User) -> Owner:
    """A user as sessions know it."""
    return Owner(application=user.application, user=user.id, name=user.name, display_name=user.display_name)


def person_of(user: User) -> Person:
    """A user as members know it."""
    return Person(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        image_url=user.image_url,
        custom_data=user.properties.get("custom_data") or {},
    )


def no_such_leg() -> ApiError:
    """There is none, or it is somebody else's: nobody can tell the difference."""
    return ApiError(
        404, "Leg does not exist, or you do not have access.", title="Not found.", code="leg:error:not-found"
    )


def _is_of(leg: AppLeg, owner: Owner) -> bool:
    return (leg.owner.application, leg.owner.user) == (owner.application, owner.user)


def _refused(error: MediaError) -> ApiError:
    if isinstance(error, DescriptionRefused):
        return ApiError(400, f"The session description cannot be used: {error}.", code="http:error:validation-fail")
    return ApiError(503, "There is no room for another call just now.")
