"""One call of the phone in the terminal: its session, its audio, and what has become of it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ringline import sdp
from ringline.agent import (
    AgentEvent,
    Answered,
    Cancelled,
    Ended,
    Failed,
    KeyByInfo,
    OfferReceived,
    Provisional,
    Traced,
    UserAgent,
)
from ringline.base import (
    Clock,
    ConversationId,
    EffectId,
    LegId,
    NegotiationError,
    Random,
    RemoteProtocolError,
    token,
)
from ringline.engine.ports import (
    AudioStarted,
    HeardLayout,
    KeyReleased,
    KeysSent,
    LegMediaFailed,
    Media,
    MediaEvent,
    MediaTimeout,
    PlaybackFinished,
)
from ringline.engine.sip.sip_words import rtp_plan

_RATE_HZ: Final = 8000
_HUNG_UP: Final = "we hung up"
_FAR: Final = 0
"Channel of a tap with what the far end says; the other one is what we say."


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a call."""

    leg: LegId
    at_s: float
    "Seconds since the call began."
    what: str
    "`sip`, `incoming`, `ringing`, `answered`, `audio`, `key`, `pressed`, `played`, `refused` or `ended`."
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended."""

    answered: bool
    by_far: bool
    status: int | None
    "The final SIP status, where there is one; None when nobody answered at all."
    text: str


class SoftCall:
    """A call. Commands after its end do nothing."""

    def __init__(
        self,
        leg: LegId,
        capabilities: sdp.Capabilities,
        *,
        media: Media,
        command: Callable[[Callable[[UserAgent, float], None]], None],
        clock: Clock,
        random: Random,
        watch: Callable[[Happening], None] | None,
        forget: Callable[[LegId], None],
        about: str,
    ) -> None:
        self.leg = leg
        self.about = about
        self.capabilities = capabilities
        self.offered: sdp.SessionDescription | None = None
        "Our offer, while it waits for its answer."
        self.far_offer: sdp.SessionDescription | None = None
        "The far end's, while it waits for ours."
        self.codec: str | None = None
        self.encrypted = False
        "Whether its audio is."
        self.sip_call_id = ""
        "The `Call-ID` of its dialog, once a message has been sent or received."
        self._media = media
        self._command = command
        self._clock = clock
        self._random = random
        self._watch = watch
        self._forget = forget
        self._began = clock.now()
        self._room = ConversationId(f"CON-{leg}")
        self._up: asyncio.Event = asyncio.Event()
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting: dict[EffectId, asyncio.Future[None]] = {}
        self._taps: list[EffectId] = []
        self._tapes: list[_Tape] = []

    # ── what becomes of it ─────────────────────────────────────────────────────────────────────────────────────────

    async def answered(self) -> bool:
        """Wait until it is answered (True), or has ended without."""
        up = asyncio.ensure_future(self._up.wait())
        await asyncio.wait((up, self._over), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        return self._up.is_set()

    async def ended(self) -> Outcome:
        """Wait until it has ended."""
        return await asyncio.shield(self._over)

    @property
    def outcome(self) -> Outcome | None:
        return self._over.result() if self._over.done() else None

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self) -> None:
        """Take an incoming call; one without a codec in common is refused."""
        if self.far_offer is None or self._over.done():
            return
        try:
            answered = sdp.answer(self.far_offer, self.capabilities)
        except NegotiationError:
            self.refuse(488)
            return
        self.far_offer = None
        self._configure(answered.negotiated)
        body = bytes(answered.description)
        self._command(lambda agent, now: agent.answer(self.leg, body, now=now))
        self._is_up()

    def refuse(self, status: int = 486) -> None:
        """Turn down an incoming call."""
        self._command(lambda agent, now: agent.refuse(self.leg, status, now=now))
        self._end(by_far=False, status=status, text=f"refused with {status}")

    def hang_up(self) -> None:
        """End it, in whatever state it is."""
        if not self._over.done():
            self._command(lambda agent, now: agent.hang_up(self.leg, now=now))
            self._end(by_far=False, status=None, text=_HUNG_UP)

    async def press(self, keys: str) -> None:
        """Press keys (`0`-`9`, `*`, `#`, `A`-`D`; `p` waits half a second) and wait until they are out."""
        if self._over.done():
            return
        effect = self._new_effect()
        self.tell("pressed", keys)
        self._media.send_keys(effect, self.leg, keys)
        await self._done(effect)

    async def play(self, pcm: bytes, rate_hz: int = _RATE_HZ) -> None:
        """Say 16-bit mono samples, and wait until they are said."""
        if self._over.done():
            return
        effect = self._new_effect()
        self._media.play(effect, self.leg, rate_hz=rate_hz)
        self._media.feed(effect, pcm, last=True)
        await self._done(effect)
        self.tell("played", f"{len(pcm) / 2 / rate_hz:.1f} s of audio")

    def tone(self, hz: float, level_db: float = -12.0) -> None:
        """Say a tone without end."""
        if self._over.done():
            return
        effect = self._new_effect(awaited=False)
        whole = max(1, round(hz))  # one second holds whole waves, so that its end joins its beginning
        samples = np.sin(2 * np.pi * whole * np.arange(_RATE_HZ) / _RATE_HZ) * 32767 * 10 ** (level_db / 20)
        self._media.play(effect, self.leg, rate_hz=_RATE_HZ, loop=0)
        self._media.feed(effect, samples.round().astype("<i2").tobytes(), last=True)

    def echo(self) -> None:
        """Say everything that is heard, a fifth of a second later."""
        if self._over.done():
            return
        effect = self._new_effect(awaited=False)
        self._media.play(effect, self.leg, rate_hz=_RATE_HZ)
        self._tap(_Echo(lambda pcm: self._media.feed(effect, pcm, last=False)))

    def record(self, path: Path) -> None:
        """Record into a wav file: left what is heard, right what is said.

        Raises:
            OSError: the file cannot be written.
        """
        if self._over.done():
            return
        tape = _Tape(path)
        self._tapes.append(tape)
        self._tap(tape)

    # ── what is heard ──────────────────────────────────────────────────────────────────────────────────────────────

    def heard(self, event: AgentEvent) -> None:
        """Take an event of the user agent about this call."""
        match event:
            case Traced():
                self.sip_call_id = event.call_id
                self.tell("sip", f"{'←' if event.direction == 'in' else '→'} {event.line}")
            case Provisional(status=status, sdp=body):
                if body is not None:
                    self._take_answer(body)
                self.tell("ringing", f"the far end rings ({status})")
            case Answered(sdp=body):
                if body is not None:
                    self._take_answer(body)
                if self.codec is None:
                    self._command(lambda agent, now: agent.hang_up(self.leg, now=now))
                    self._end(by_far=False, status=488, text="no codec in common")
                else:
                    self._is_up()
            case Failed(status=status, reason=reason):
                text = f"refused: {status} {reason}" if status is not None else f"no response ({reason or event.why})"
                self._end(by_far=True, status=status, text=text)
            case Cancelled():
                self._end(by_far=True, status=487, text="the caller gave up")
            case Ended(by_far=by_far, status=status):
                self._end(by_far=by_far, status=status, text="the far end hung up" if by_far else _HUNG_UP)
            case OfferReceived(sdp=body):
                self._offered(body)
            case KeyByInfo(digit=digit, held_ms=held):
                self.tell("key", f"{digit} ({held} ms, by INFO)")
            case _:
                pass

    def heard_media(self, event: MediaEvent) -> None:
        """Take an event of the media core about this call."""
        match event:
            case KeyReleased(digit=digit, held_ms=held):
                self.tell("key", f"{digit} ({held} ms)")
            case AudioStarted():
                self.tell("audio", "audio comes in")
            case MediaTimeout() | LegMediaFailed():
                self.tell("audio", "no audio comes any more")
                self.hang_up()
            case _:
                pass

    def heard_effect(self, event: PlaybackFinished | KeysSent) -> None:
        """Take the end of a prompt or of keys, if it is one of this call's."""
        effect = event.play if isinstance(event, PlaybackFinished) else event.keys
        waiting = self._waiting.pop(effect, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def tell(self, what: str, text: str) -> None:
        """Let whoever watches know."""
        if self._watch is not None:
            self._watch(Happening(leg=self.leg, at_s=self._clock.now() - self._began, what=what, text=text))

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_answer(self, body: bytes) -> None:
        try:
            self._configure(sdp.accept(sdp.SessionDescription.parse(body), self.capabilities))
        except (NegotiationError, RemoteProtocolError) as error:
            self.tell("audio", f"the far end's answer cannot be used: {error}")

    def _offered(self, body: bytes) -> None:
        """The far end changes the session: hold, resume, another address."""
        try:
            answered = sdp.answer(sdp.SessionDescription.parse(body), self.capabilities)
        except (NegotiationError, RemoteProtocolError):
            self._command(lambda agent, now: agent.refuse_offer(self.leg, 488, now=now))
            return
        self._configure(answered.negotiated)
        description = bytes(answered.description)
        self._command(lambda agent, now: agent.accept_offer(self.leg, description, now=now))

    def _configure(self, agreed: sdp.Negotiated) -> None:
        self.codec = agreed.codec
        self.encrypted = agreed.srtp is not None
        self._media.configure(
            self.leg,
            rtp_plan(agreed),
        )
        self._media.arrange(self._room, {self.leg: frozenset()})

    def _is_up(self) -> None:
        self._up.set()
        self.tell("answered", f"answered, codec {self.codec}{', encrypted' if self.encrypted else ''}")

    def _tap(self, sink: _Tape | _Echo) -> None:
        tap = self._new_effect(awaited=False)
        self._taps.append(tap)
        self._media.arrange(self._room, {self.leg: frozenset()})
        self._media.record(tap, self._room, HeardLayout(leg=self.leg), sink)

    def _end(self, *, by_far: bool, status: int | None, text: str) -> None:
        if self._over.done():
            return
        up = self._up.is_set()
        self._over.set_result(Outcome(answered=up, by_far=by_far, status=status, text=text))
        for tap in self._taps:
            self._media.stop_recording(tap)
        for tape in self._tapes:
            tape.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
        self._media.arrange(self._room, {})
        self._forget(self.leg)
        self.tell("ended" if up else "refused", text)

    def _new_effect(self, *, awaited: bool = True) -> EffectId:
        effect = EffectId("phone-" + token(self._random, 16))
        if awaited:
            self._waiting[effect] = asyncio.get_running_loop().create_future()
        return effect

    async def _done(self, effect: EffectId) -> None:
        await self._waiting[effect]


class _Tape:
    """Writes a tap into a wav file."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")  # ours: a `Wave_write` that cannot open its file complains again when it is freed
        self._file = wave.Wave_write(self._raw)
        self._file.setnchannels(2)
        self._file.setsampwidth(2)
        self._file.setframerate(_RATE_HZ)

    def write(self, pcm: bytes) -> None:
        self._file.writeframesraw(pcm)

    def lost(self, milliseconds: int) -> None:
        self._file.writeframesraw(bytes(4 * _RATE_HZ * milliseconds // 1000))

    def close(self) -> None:
        self._file.close()
        self._raw.close()


class _Echo:
    """Gives the far end's channel of a tap back."""

    def __init__(self, feed: Callable[[bytes], None]) -> None:
        self._feed = feed

    def write(self, pcm: bytes) -> None:
        self._feed(np.frombuffer(pcm, dtype="<i2").reshape(-1, 2)[:, _FAR].tobytes())

    def lost(self, milliseconds: int) -> None:
        """What was lost is not said again."""
