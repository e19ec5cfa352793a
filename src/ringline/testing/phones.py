"""Phones that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ringline.base import LegId
from ringline.calls.parties import Party
from ringline.testing.calls import CallState, PhoneCall
from ringline.testing.conduct import Conduct
from ringline.testing.detector import PERSON_AFTER_S, Nature
from ringline.testing.media import KEY_S
from ringline.testing.sounds import Heard

if TYPE_CHECKING:
    from ringline.testing.exchange import Exchange

_T = TypeVar("_T")
_A_WORD_S: Final = 0.25
_PATIENCE_S: Final = 300.0


class Phone:
    """A phone (or SIP client) and whoever holds it.

    Without further orders it rings, and waits for `answers()` or for its caller to give up. Orders hold for the call
    that rings now and for all later ones.
    """

    def __init__(self, exchange: Exchange, name: str, number: str, *, kind: str = "phone") -> None:
        self.name = name
        self.number = number
        "The number under which it can be called, and which it shows when it calls."
        self.kind = kind
        self.sip = f"sip:{name}@example.com"
        "The SIP address under which it can be called, too."
        self.calls: list[PhoneCall] = []
        "All its calls, oldest first."
        self._exchange = exchange
        self._conduct = Conduct()
        self.nature = Nature()
        "Who holds it: what machine detection finds."

    def __repr__(self) -> str:
        return f"<Phone {self.name} {self.number}>"

    # ── its calls ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def call(self) -> PhoneCall:
        """Its latest call."""
        assert self.calls, f"{self.name} has no call"
        return self.calls[-1]

    @property
    def leg(self) -> LegId:
        """The leg of its latest call; `GET /v1/calls/{uuid}` shows it."""
        return self.call.leg

    @property
    def is_free(self) -> bool:
        """It has no call, or none any more."""
        return not self.calls or self.call.state is CallState.ENDED

    # ── calling ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def dials(self, number: str, *, headers: dict[str, str] | None = None, anonymous: bool = False) -> PhoneCall:
        """Call a number of an application; gives the call as soon as Ringline knows of it.

        `headers` are those of the INVITE that the answer webhook shows (`SipHeader_X-…`).
        """
        call = self._exchange.call_in(self, number, headers=headers or {}, anonymous=anonymous)
        await asyncio.sleep(0)
        return call

    def hangs_up(self) -> None:
        """End the call; before it is answered, give up or decline it."""
        self._exchange.hang_up(self.call)

    def is_gone_with(self, code: int) -> None:
        """The call ends by an error inside its dialog: the far end answers with this SIP code, such as 481."""
        self._exchange.hang_up(self.call, code=code)

    def transfers(self, other: Phone, *, call: PhoneCall | None = None) -> Awaitable[int]:
        """Have whom it talks with connected to another phone, and leave (REFER). Its latest call, unless one is named.

        Await it for the SIP status with which the transfer ends: 200, or why it came to nothing.
        """
        call = call or self.call
        seen = len(call.transfer)
        self._exchange.refer(call, Party(kind=other.kind, address=other.number))
        return self._outcome(call, seen)

    def brings_together(self, call: PhoneCall | None = None, other: PhoneCall | None = None) -> Awaitable[int]:
        """Have the partners of its two latest calls talk with each other, and leave both (REFER with Replaces).

        It is asked for in the older call; `call` and `other` name others.
        """
        call, other = call or self.calls[-2], other or self.calls[-1]
        seen = len(call.transfer)
        self._exchange.bring_together(call, other)
        return self._outcome(call, seen)

    async def takes_over(self, other: Phone) -> PhoneCall:
        """Go on with the call that another phone of the same person has (INVITE with Replaces)."""
        call = self._exchange.take_over(self, other.call)
        await asyncio.sleep(0)
        return call

    def presses(self, digits: str, *, held_s: float = KEY_S, gap_s: float = KEY_S) -> Awaitable[None]:
        """Press keys, one after the other, beginning now. Await it to go on when the last one is up again."""
        loop = asyncio.get_running_loop()
        leg = self.leg
        for place, digit in enumerate(digits):
            at = loop.time() + place * (held_s + gap_s)
            loop.call_at(at, partial(self._exchange.media.press, leg, digit, held_s=held_s))
        up: asyncio.Future[None] = loop.create_future()
        loop.call_later(max(len(digits) * (held_s + gap_s) - gap_s, 0) + 0.001, up.set_result, None)
        return up

    def says(self, text: str, *, seconds: float | None = None, confidence: float = 0.9) -> Awaitable[None]:
        """Speak, beginning now: 60 ms a character unless `seconds` is given. Await it to go on when it is said.

        `confidence` is how sure the recogniser will be of it.
        """
        length = self._exchange.media.utter(self.leg, text, seconds=seconds, confidence=confidence)
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(length, said.set_result, None)
        return said

    async def is_silent(self, seconds: float) -> None:
        """Say nothing for a while."""
        await asyncio.sleep(seconds)

    def loses_its_audio(self, *, after_s: float = 60.0) -> None:
        """Its packets stop coming; the media timeout strikes after `after_s`."""
        self._exchange.media.fall_silent(self.leg, after_s=after_s)

    # ── being called ───────────────────────────────────────────────────────────────────────────────────────────────

    def answers(self, *, after_s: float = 1.0, rings: bool = True, early_media: str = "") -> Awaitable[PhoneCall]:
        """Answer the call that rings, or every one to come, `after_s` from its first ring.

        Await it to go on when a call is answered. `rings` False: it is answered without having rung.
        """
        self._conducts_itself(Conduct(rings=rings, early_media=early_media, answers_after_s=after_s))
        return self._when(lambda call: call if call.state is CallState.ANSWERED else None, "was not called")

    def rings(self, *, early_media: str = "") -> Awaitable[PhoneCall]:
        """Ring and never answer. Await it to go on when it rings."""
        self._conducts_itself(Conduct(early_media=early_media))
        return self._when(lambda call: call if call.state is CallState.RINGING else None, "does not ring")

    def never_answers(self) -> None:
        """Ring until the caller gives up."""
        self._conducts_itself(Conduct())

    def is_busy(self) -> None:
        """Refuse every call with 486."""
        self.rejects(486)

    def declines(self, *, after_s: float = 1.0) -> None:
        """Ring, then press the red button (603)."""
        self._conducts_itself(Conduct(refuses_after_s=after_s, code=603))

    def rejects(self, code: int, *, q850: int | None = None, rings_s: float | None = None) -> None:
        """Answer every call with this SIP code, at once or after ringing for `rings_s`; `q850` is a `Reason` header."""
        self._conducts_itself(Conduct(rings=rings_s is not None, refuses_after_s=rings_s or 0.0, code=code, q850=q850))

    def is_unreachable(self, *, after_s: float = 32.0) -> None:
        """Nothing at all comes back; the SIP transaction times out after `after_s`."""
        self._conducts_itself(Conduct(rings=False, unreachable_after_s=after_s))

    def is_a_machine(self, *, after_s: float = 3.0, beep_after_s: float | None = None) -> None:
        """A machine answers: recognised `after_s` from when it is listened to, its beep over after `beep_after_s`."""
        self.nature = Nature(machine=True, after_s=after_s, beep_after_s=beep_after_s)

    def is_a_person(self, *, after_s: float = PERSON_AFTER_S) -> None:
        """A person answers, recognised `after_s` from when it is listened to."""
        self.nature = Nature(after_s=after_s)

    def keeps_the_detector_guessing(self) -> None:
        """The detector never says who has answered."""
        self.nature = Nature(after_s=None)

    # ── hearing ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def hears(self, words: str, *, within_s: float = 60.0, to_the_end: bool = False) -> Heard:
        """Wait until these words have been heard (of a file or tone: until it has begun).

        Each call of `hears` looks only at what comes after what the last one found. `to_the_end` also waits for the
        sound's end, and fails if it was cut.

        Raises:
            AssertionError: they were not heard in time; the text says what was.
        """
        call = await self._exchange.pulse.until(
            lambda: self.calls[-1] if self.calls else None,
            within_s=within_s,
            otherwise=lambda: f"{self.name} has no call",
        )
        heard = await self._exchange.pulse.until(
            lambda: self._find(call, words), within_s=within_s, otherwise=lambda: self._report(call, words)
        )
        if to_the_end:
            await self._exchange.pulse.until(
                lambda: heard.ended, within_s=within_s, otherwise=lambda: f"{words!r} did not come to its end"
            )
            assert heard.finished, f"{words!r} was cut after {heard.words(self._now())!r}"
        return heard

    def has_heard(self, words: str) -> bool:
        """Whether these words have been heard in the latest call, at any time so far."""
        now = self._now()
        return any(
            (moment := heard.spoken_at(words)) is not None and moment <= now + 1e-6
            for heard in self._exchange.media.heard(self.leg)
        )

    @property
    def heard(self) -> list[Heard]:
        """All that was heard in the latest call."""
        return self._exchange.media.heard(self.leg)

    @property
    def heard_words(self) -> list[str]:
        """The same as text: of sounds that were cut, the part that was heard."""
        return [heard.words(self._now()) for heard in self.heard]

    @property
    def hears_now(self) -> list[str]:
        """What is heard at this moment."""
        return [heard.text for heard in self.heard if heard.ended is None]

    @property
    def keys_received(self) -> str:
        """The DTMF digits that Ringline has sent to it in the latest call."""
        return self._exchange.media.keys_sent(self.leg)

    def can_hear(self, other: Phone) -> bool:
        """Whether it hears the other one now."""
        return not other.is_free and not self.is_free and self._exchange.media.hears(self.leg, other.leg)

    async def can_talk_with(self, other: Phone, *, within_s: float = 10.0) -> bool:
        """Whether the two hear each other, now or in a moment. They exchange a word, so a little time passes."""
        try:
            await self._exchange.pulse.until(
                lambda: True if self.can_hear(other) and other.can_hear(self) else None,
                within_s=within_s,
                otherwise=lambda: "they do not hear each other",
            )
        except AssertionError:
            return False
        await asyncio.sleep(_A_WORD_S)
        return self.can_hear(other) and other.can_hear(self)

    async def is_hung_up(self, *, within_s: float = 60.0) -> PhoneCall:
        """Wait until its call is over, and make sure that it was not the phone itself that ended it.

        Raises:
            AssertionError: it goes on, or its own user hung up.
        """
        call = self.call
        await self._exchange.pulse.until(
            lambda: True if call.state is CallState.ENDED else None,
            within_s=within_s,
            otherwise=lambda: f"{self.name} is still {call.state.value}",
        )
        assert call.ended_by == "ringline", f"{self.name} hung up itself"
        return call

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def conduct(self) -> Conduct:
        """What it does when it is called."""
        return self._conduct

    def _conducts_itself(self, conduct: Conduct) -> None:
        self._conduct = conduct
        if not self.is_free and self.call.outbound and self.call.state is CallState.RINGING:
            if conduct.early_media:
                self._exchange.send_early_media(self.call, conduct.early_media)
            self._exchange.after_ringing(self.call)

    def _when(self, look: Callable[[PhoneCall], PhoneCall | None], otherwise: str) -> Awaitable[PhoneCall]:
        seen = len(self.calls) - (0 if self.is_free else 1)
        pulse = self._exchange.pulse
        return _Later(
            lambda within_s: pulse.until(
                lambda: next((call for call in self.calls[seen:] if look(call)), None),
                within_s=within_s,
                otherwise=lambda: f"{self.name} {otherwise}",
            )
        )

    def _outcome(self, call: PhoneCall, seen: int) -> Awaitable[int]:
        return _Later(
            lambda within_s: self._exchange.pulse.until(
                lambda: next((status for status in call.transfer[seen:] if status >= 200), None),
                within_s=within_s,
                otherwise=lambda: f"{self.name} was told {call.transfer[seen:]} of its transfer",
            )
        )

    def _find(self, call: PhoneCall, words: str) -> Heard | None:
        heard_so_far = self._exchange.media.heard(call.leg)
        first, characters = call.heard_up_to
        for place in range(first, len(heard_so_far)):
            after = characters if place == first else 0
            heard = heard_so_far[place]
            moment = heard.spoken_at(words, after=after)
            if moment is None:
                continue
            if moment <= self._now() + 1e-6:
                call.heard_up_to = (place, heard.text.index(words, after) + len(words))
                return heard
            asyncio.get_running_loop().call_at(moment, self._exchange.pulse.beat)
        return None

    def _report(self, call: PhoneCall, words: str) -> str:
        heard = [one.words(self._now()) for one in self._exchange.media.heard(call.leg)]
        return f"{self.name} did not hear {words!r}, but {heard or 'nothing'} ({call.state.value})"

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Later(Awaitable[_T]):
    """Something that can be awaited, but need not be."""

    def __init__(self, wait: Callable[[float], Awaitable[_T]]) -> None:
        self._wait = wait

    def __await__(self) -> Generator[Any, None, _T]:
        return self._wait(_PATIENCE_S).__await__()


Phones = Callable[..., list[Phone]]
"Makes phones by their names, several at once; asked again it gives the same ones."
