"""A whole Ringline in a test: the real engine, heart and webhook rules between scripted phones and servers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final

from ringline.accounts import Account, Directory, Limits, Number, RateTable, make_secret
from ringline.accounts import User as AppUser
from ringline.base import ApplicationId, Clock, ConversationId, LegId, SeededRandom, new_leg_id, uuid4
from ringline.calls import Difference, replay
from ringline.calls.codec import written
from ringline.chronicle import Entry, rewrite, rtc_payload
from ringline.engine.clients.apps import Apps
from ringline.engine.clients.sessions import Clients
from ringline.engine.engine import Engine
from ringline.engine.outside import EngineOptions, Outside
from ringline.engine.ports import JournalLine
from ringline.testing.application import Paths, WebApplication, new_application
from ringline.testing.browsers import Browser, new_user
from ringline.testing.clock import VirtualClock
from ringline.testing.control import Call, create_call
from ringline.testing.detector import ScriptedDetector
from ringline.testing.exchange import Exchange
from ringline.testing.files import AudioFiles
from ringline.testing.hosting import AsgiApplication, Closing, WsgiApplication, site_of
from ringline.testing.media import ScriptedMedia
from ringline.testing.payments import ScriptedPayments
from ringline.testing.phones import Phone
from ringline.testing.pulse import Pulse
from ringline.testing.recogniser import ScriptedRecogniser
from ringline.testing.recordings import MemoryRecordings
from ringline.testing.rest import RestApi
from ringline.testing.scripts import Action
from ringline.testing.sockets import SocketServer, User
from ringline.testing.store import MemoryStore
from ringline.testing.story import story_of
from ringline.testing.transcriber import ScriptedTranscriber
from ringline.testing.voice import TextVoice
from ringline.testing.web import Answer, Received, Web
from ringline.testing.webrtc import ScriptedWebRtc

NUMBER: Final = "442079460000"
"The number of the first application; those of further ones count on."
SIGNATURE_SECRET: Final = "a signature secret, long enough for HS256"
PUBLIC_URL: Final = "https://ringline.example.net"
_PHONES_FROM: Final = 447700900001
_SETTLING_S: Final = 600.0


class Switchboard:
    """Everything a call needs. Make one inside a running event loop; `scenario` does it for you.

    `phone("alice")` and `application("shop")` make the people and servers; the parts (`engine`, `media`, `voice`,
    `files`, `recordings`, `store`, `web`) are there to be looked at and to be told to fail.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        legs_per_second: float = 0,
        limits: Limits | None = None,
        rates: RateTable | None = None,
        rate_step_s: int = 1,
        inbound_limit_s: float = 7200,
        conversation_legs: int = 50,
        detects_machines: bool = True,
        recognises: bool = True,
        takes_payments: bool = True,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock: Clock = clock or VirtualClock(self.loop)
        self.random = SeededRandom(b"switchboard")
        self.pulse = Pulse()
        self.media = ScriptedMedia(changed=self.pulse.beat)
        self.webrtc = ScriptedWebRtc(self.media)
        self.recogniser = ScriptedRecogniser(self.media)
        self.payments = ScriptedPayments()
        self.voice = TextVoice()
        self.files = AudioFiles()
        self.recordings = MemoryRecordings(clock=self.clock, random=self.random, changed=self.pulse.beat)
        self.transcriber = ScriptedTranscriber(self.recordings)
        self.store = MemoryStore()
        self.web = Web(pulse=self.pulse)
        self.exchange = Exchange(media=self.media, pulse=self.pulse, random=self.random)
        self.detector = ScriptedDetector(self.exchange.nature_of)
        self.directory = Directory(
            accounts=[
                Account(
                    api_key="abcd1234",
                    secrets=(make_secret("secret", api_key="abcd1234", realm="ringline", id="first", salt=bytes(16)),),
                    signature_secret=SIGNATURE_SECRET,
                )
            ]
        )
        self.engine = Engine(
            Outside(
                media=self.media,
                voice=self.voice,
                files=self.files,
                recordings=self.recordings,
                http=self.web,
                store=self.store,
                detector=self.detector if detects_machines else None,
                recogniser=self.recogniser if recognises else None,
                transcriber=self.transcriber if recognises else None,
                payments=self.payments if takes_payments else None,
                chronicle=self.store,
            ),
            self.directory,
            EngineOptions(
                public_url=PUBLIC_URL,
                file_url=f"{PUBLIC_URL}/v1/files/{{id}}",
                legs_per_second=legs_per_second,
                limits=limits,
                rates=rates,
                rate_step_s=rate_step_s,
                inbound_limit_s=inbound_limit_s,
                conversation_legs=conversation_legs,
            ),
            clock=self.clock,
            random=self.random,
        )
        self.exchange.attach(self.engine)
        self._applications: dict[str, WebApplication] = {}
        self._sites: list[Closing] = []
        self._rest: RestApi | None = None
        self._phones: dict[str, Phone] = {}
        self._sockets: dict[str, SocketServer] = {}
        self._users: dict[str, User] = {}
        self._clients = Clients(clock=self.clock, random=self.random)
        self.apps = Apps(
            engine=self.engine,
            clients=self._clients,
            webrtc=self.webrtc,
            media=self.media,
            clock=self.clock,
            random=self.random,
        )
        "Reaches app users over the client wire, once there is a browser."
        self._complaints = _Complaints()
        self._complaints.listen()

    # ── who takes part ─────────────────────────────────────────────────────────────────────────────────────────────

    def application(
        self,
        name: str = "app",
        *,
        asgi: AsgiApplication | None = None,
        wsgi: WsgiApplication | None = None,
        handler: Callable[[Received], Answer] | None = None,
        fails: bool = False,
        **paths: str,
    ) -> WebApplication:
        """The application of that name; made, with a number of its own, when first asked for.

        `asgi` or `wsgi` is the application itself, unchanged, or `handler` a function that answers its requests;
        without any of them it is told here what to answer. `paths` are where it has its webhooks: `answer`, `event`,
        `answer_method`, `event_method`. An exception in it fails the test, unless `fails` says that it may.
        """
        known = self._applications.get(name)
        if known is not None:
            assert (asgi, wsgi, handler, paths) == (None, None, None, {}), f"there is an application {name} already"
            return known
        trouble = _no_trouble if fails else self._complaints.add
        site = site_of(asgi, wsgi, handler, trouble=trouble)
        if site is not None:
            self._sites.append(site)
        identity = ApplicationId(uuid4(self.random))
        host = f"{name}.example.org"
        made = WebApplication(
            new_application(identity, name, f"https://{host}", Paths(**paths)),
            board=self,
            host=host,
            number=str(int(NUMBER) + len(self._applications)),
            site=site,
        )
        self.directory.put_number(Number(msisdn=made.number, country="GB", application_id=identity))
        self._applications[name] = made
        return made

    def phone(self, name: str, *, number: str | None = None) -> Phone:
        """The phone of that name; made when first asked for. It is reachable as `sip:<name>@example.com`, too."""
        known = self._phones.get(name)
        if known is not None:
            return known
        made = Phone(self.exchange, name, number or str(_PHONES_FROM + len(self._phones)))
        self.exchange.add(made, made.number, made.sip)
        self._phones[name] = made
        return made

    @property
    def people(self) -> Mapping[str, Phone]:
        """All phones so far, by name."""
        return self._phones

    def phones(self, *names: str) -> list[Phone]:
        """Several phones at once: `alice, bob = phones("alice", "bob")`."""
        return [self.phone(name) for name in names]

    def websocket(self, uri: str = "wss://bot.example.com/socket") -> SocketServer:
        """The WebSocket server at this address; made when first asked for."""
        known = self._sockets.get(uri)
        if known is None:
            known = self._sockets[uri] = SocketServer(self.exchange, uri)
            self.exchange.add(known, uri)
        return known

    def user(self, name: str) -> User:
        """The app user of that name; made when first asked for."""
        known = self._users.get(name)
        if known is None:
            known = self._users[name] = User(self.exchange, name)
            self.exchange.add(known, name)
        return known

    def browser(self, name: str, *, app: WebApplication | None = None) -> Browser:
        """A browser of an app user, on the real client wire; each call gives another one.

        From the first one on, app users are reached in their browsers only, no longer as `user` has it.
        """
        self.engine.add_endpoint(self.apps, "app")
        return Browser(self, app or self.application(), name)

    async def make_user(self, app: WebApplication, name: str) -> AppUser:
        """The user of that name in an application; made when first asked for."""
        known = await self.store.user(app.id, name)
        if known is None:
            known = new_user(self, app, name)
            await self.store.save_user(known)
            self.rest.user_names.add(app.id, name)
        return known

    def extension(self, extension: str) -> Phone:
        """The phone at an extension of the business phone system (`vbc`); made when first asked for."""
        known = self._phones.get(extension)
        if known is None:
            known = self._phones[extension] = Phone(self.exchange, extension, extension, kind="vbc")
            self.exchange.add(known, extension)
        return known

    def call(self, application: WebApplication, leg: LegId) -> Call:
        """An application's grip on a leg."""
        return Call(self.engine, application, leg)

    def create_call(
        self, application: WebApplication, to: str, ncco: tuple[Action, ...] | None, **options: Any
    ) -> Call:
        """What `POST /v1/calls` does; see `WebApplication.calls`."""
        return create_call(self.engine, application, new_leg_id(self.random), to=to, script=ncco, **options)

    @property
    def rest(self) -> RestApi:
        """The REST API of this Ringline: as an ASGI application, and on a real port for those who ask for it."""
        if self._rest is None:
            self._rest = RestApi(self)
            self._sites.append(self._rest)
        return self._rest

    def told(self) -> str:
        """What has happened so far, as a timeline in words: a failing test shows it."""
        try:
            return story_of(self)
        except Exception as error:  # it goes along with a failure, which is what must be seen
            return f"what happened cannot be told: {error!r}"

    # ── time and the end ───────────────────────────────────────────────────────────────────────────────────────────

    async def passes(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def expects_trouble(self, message: str) -> None:
        """Errors logged with this message are part of the test; any other makes it fail."""
        self._complaints.expected.add(message)

    async def over(self, *, within_s: float = _SETTLING_S) -> None:
        """Wait until all calls have ended by themselves and everything due has been sent.

        Raises:
            AssertionError: some go on.
        """
        try:
            async with asyncio.timeout(within_s):
                await self.engine.idle()
        except TimeoutError:
            legs = [f"{view.uuid} {view.status}" for view in self.engine.live_legs()]
            raise AssertionError(f"after {within_s:g} s there are still calls: {legs}") from None
        await self.engine.hooks.drained()

    async def close(self) -> None:
        """End what is left, and check that nothing stays behind and that every journal replays.

        Raises:
            AssertionError: something does, or a journal does not, or an error was logged.
        """
        try:
            await self.engine.close()
            self._clients.close()
            for site in self._sites:
                await site.close()
            await asyncio.sleep(1.0)
            self._check()
        finally:
            self._complaints.stop()

    async def give_up(self) -> None:
        """The test has failed: let go of everything without checking anything."""
        self._complaints.stop()
        self._clients.close()
        for site in self._sites:
            await site.close()

    def abandon(self, error: BaseException) -> None:
        """The test has failed: stop, and add to the error what Ringline logged meanwhile."""
        self._complaints.stop()
        for complaint in self._complaints.heard:
            error.add_note(complaint)
        error.add_note(f"What happened:\n{self.told()}")

    def _check(self) -> None:
        if self._complaints.heard:
            raise AssertionError("\n".join(self._complaints.heard)) from self._complaints.cause
        left = [
            *self.media.leftovers(),
            *self.detector.leftovers(),
            *self.recogniser.leftovers(),
            *self.engine.leftovers(),
        ]
        assert not left, f"left behind: {left}"
        for conversation, lines in self.store.journals.items():
            inputs = _inputs(lines)
            assert (difference := replay(inputs)) is None, f"{conversation}: {difference}"
            self._check_events(conversation, inputs)

    def replayed(self, conversation: ConversationId) -> Difference | None:
        """Write a conversation's journal as JSON, read it back and run it again; None when it comes out the same."""
        return replay(_inputs(self.store.journals[conversation]))

    def _check_events(self, conversation: ConversationId, inputs: Sequence[Any]) -> None:
        """A conversation's journal, told anew, gives the events that were stored; those deleted since have no words."""
        told = self.store.events_of(conversation)
        again = [entry for entry in rewrite(inputs) if entry.id]
        for one, other in zip_longest(told, again):
            assert one is not None, f"{conversation}: its journal has event {other}, which was not told"
            assert other is not None, f"{conversation}: event {one} is not in its journal"
            body = other.body if one.body else {}
            again_written, told_written = _written(replace(other, body=body)), _written(one)
            assert again_written == told_written, (
                f"{conversation}: event {one.id} was told as {told_written}, its journal tells {again_written}"
            )


def _inputs(lines: Sequence[JournalLine]) -> list[Any]:
    """What a journal says of events and commands, written as JSON and read back."""
    return [json.loads(written(line.data)) for line in lines if line.kind == "input"]


def _written(entry: Entry) -> str:
    return written(rtc_payload(entry, ConversationId(""), ApplicationId("")))


def _no_trouble(what: str, error: BaseException | None) -> None:
    """It may go wrong: the application answers with status 500, as it does on the wire."""


class _Complaints(logging.Handler):
    """Collects what Ringline logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []
        self.cause: BaseException | None = None
        "The first exception that came out of an application."
        self.expected: set[str] = set()
        self._log = logging.getLogger("ringline")
        self.setFormatter(logging.Formatter("%(message)s"))

    def listen(self) -> None:
        self._log.addHandler(self)

    def stop(self) -> None:
        self._log.removeHandler(self)

    def add(self, what: str, error: BaseException | None) -> None:
        """Something went wrong outside of Ringline: in the application under test."""
        self.heard.append(what if error is None else f"{what}: {error!r}")
        self.cause = self.cause or error

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() not in self.expected:
            fields = getattr(record, "ringline_fields", {})
            self.heard.append(f"{self.format(record)} {fields}")
