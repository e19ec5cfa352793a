"""input: collect keys and speech, report them, and do what the application answers (NCCO reference: input)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from ringline.base import EffectId
from ringline.calls.actions.base import Go, Replace, RunningAction, Step
from ringline.calls.actions.prompt import Prompt, play
from ringline.calls.commands import Ask, StopPlay, Tell
from ringline.calls.events import Event, Instructions, KeyDown, PlayAsked, PlayEnded, StopAsked
from ringline.calls.facts import InputFact
from ringline.calls.listening import Ear, EarNews, EarState
from ringline.calls.parties import Hook
from ringline.calls.state import ACTION, SPEECH, Leg
from ringline.calls.turn import Inner, Turn, Woke

_KEYS: Final = frozenset("0123456789*#")


@dataclass(slots=True, kw_only=True)
class Collecting(RunningAction):
    """A synchronous input, with the chain of interruptible prompts before it.

    Keys and speech are collected side by side until one of them comes: the first key closes the ear, the first speech
    ends the collecting of keys.
    """

    prompts: tuple[Prompt, ...] = ()
    dtmf: bool = True
    ear: Ear | None = None
    "Set when speech is asked for."
    timeout_s: float = 3
    max_digits: int = 4
    submit_on_hash: bool = False
    hook: Hook | None = None
    legacy: bool = False

    digits: str = ""
    spoken: bool = False
    "Speech came first: keys count no more."
    waits_since: float | None = None
    "When its timers began to run (monotonic seconds); None while prompts play."
    prompt_index: int = 0
    playing: EffectId | None = None
    asking: EffectId | None = None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        leg.key_hook_active = False  # asynchronous keys last until another input runs
        if self.ear is not None:
            self.ear.open(turn, leg)
        return self._prompt_or_wait(turn, leg)

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        if self.asking:
            if isinstance(event, Instructions) and event.effect == self.asking:
                return Replace(event.script) if event.script else Go.NEXT
            return Go.WAIT
        match event:
            case PlayEnded(effect=effect) if effect == self.playing:
                if event.failure:
                    turn.error(event.failure, leg)
                return self._after_prompt(turn, leg)
            case StopAsked(kind=kind) if self.playing and kind == self.prompts[self.prompt_index].kind:
                turn.emit(StopPlay(effect=self.playing))
                return self._after_prompt(turn, leg)
            case PlayAsked() if self.playing:
                self._cut(turn)
                return self._wait(turn, leg)
            case KeyDown(digit=digit) if self.dtmf and not self.spoken and digit in _KEYS:
                return self._key(turn, leg, digit)
            case Woke(timer=timer) if timer == ACTION:
                return self._submit(turn, leg, timed_out=True)
            case _ if self.ear is not None:
                return self._heard(turn, leg, self.ear, self.ear.hear(turn, leg, event))
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        leg.timers.pop(ACTION, None)
        self._cut(turn)
        if self.ear is not None:
            self.ear.close(turn, leg)

    # ── prompts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _prompt_or_wait(self, turn: Turn, leg: Leg) -> Step:
        if self.prompt_index < len(self.prompts):
            listens = self.ear is not None and self.ear.state is EarState.LISTENING
            self.playing = play(
                turn,
                leg,
                self.prompts[self.prompt_index],
                yields_to_keys=self.dtmf,
                yields_to_speech=self.ear.effect if self.ear is not None and listens else None,
            )
            return Go.WAIT
        return self._wait(turn, leg)

    def _after_prompt(self, turn: Turn, leg: Leg) -> Step:
        self.playing = None
        self.prompt_index += 1
        return self._prompt_or_wait(turn, leg)

    def _cut(self, turn: Turn) -> None:
        if self.playing:
            turn.emit(StopPlay(effect=self.playing))
            self.playing = None
        self.prompt_index = len(self.prompts)

    # ── keys and speech ────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, turn: Turn, leg: Leg) -> Step:
        """Start the timer: it counts from the end of the prompts, not from when listening began.

        With keys and speech it is one timer, the longer of the two.
        """
        self.waits_since = turn.at.now
        if self.ear is not None and self.ear.state is EarState.LISTENING:
            start_s = self.ear.options.start_timeout_s
            turn.wake(leg, SPEECH, max(start_s, self.timeout_s) if self.dtmf else start_s)
        elif self.dtmf:
            turn.wake(leg, ACTION, self.timeout_s)
        else:
            return self._submit(turn, leg, timed_out=False)  # there is no recogniser: say so at once
        return Go.WAIT

    def _key(self, turn: Turn, leg: Leg, digit: str) -> Step:
        self._cut(turn)
        if self.ear is not None:
            self.ear.override(turn, leg)
        if digit == "#" and self.submit_on_hash:
            return self._submit(turn, leg, timed_out=False)
        self.digits += digit
        if len(self.digits) >= self.max_digits:
            return self._submit(turn, leg, timed_out=False)
        turn.wake(leg, ACTION, self.timeout_s)
        return Go.WAIT

    def _heard(self, turn: Turn, leg: Leg, ear: Ear, news: EarNews) -> Step:
        match news:
            case EarNews.SPEECH:
                self.spoken = True
                self._cut(turn)
            case EarNews.COMPLETE:
                nothing = not self.spoken and ear.reason == "start_timeout"
                return self._submit(turn, leg, timed_out=nothing)
            case EarNews.DEAF:
                return self._deaf(turn, leg)
        return Go.WAIT

    def _deaf(self, turn: Turn, leg: Leg) -> Step:
        """There is no recogniser (any more): keys go on alone; without them it is over, but not in mid-sentence."""
        if self.waits_since is not None:
            if self.dtmf:
                turn.wake(leg, ACTION, max(0.0, self.waits_since + self.timeout_s - turn.at.now))
                return Go.WAIT
            return self._submit(turn, leg, timed_out=False)
        endless = any(prompt.loop == 0 for prompt in self.prompts[self.prompt_index :])
        if endless and not self.dtmf:  # nothing could ever interrupt it
            self._cut(turn)
            return self._wait(turn, leg)
        return Go.WAIT

    # ── the report ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _submit(self, turn: Turn, leg: Leg, *, timed_out: bool) -> Step:
        self.stop(turn, leg)
        if self.hook is None:
            return Go.NEXT
        self.asking = turn.new_effect()
        fact = input_fact(
            turn,
            leg,
            digits=self.digits if self.dtmf and not self.spoken else None,
            timed_out=timed_out and self.dtmf,
            speech=self.ear.told() if self.ear is not None else {"results": []},
            legacy=self.legacy and turn.room.application.legacy_input_payload,
        )
        turn.emit(Ask(effect=self.asking, leg=leg.id, kind="event", hook=self.hook, fact=fact))
        return Go.WAIT


@dataclass(slots=True, kw_only=True)
class Listening(RunningAction):
    """An asynchronous input: from now on every key is reported by itself, and the script goes on at once."""

    hook: Hook | None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        leg.key_hook = self.hook
        leg.key_hook_active = True
        return Go.NEXT


def input_fact(
    turn: Turn, leg: Leg, *, digits: str | None, timed_out: bool, speech: dict[str, Any], legacy: bool = False
) -> InputFact:
    """Describe what the leg's user entered."""
    return InputFact(
        uuid=leg.id,
        conversation=turn.room.id,
        from_=leg.from_.shown,
        to=leg.to.shown,
        digits=digits,
        timed_out=timed_out,
        timestamp=turn.at.wallclock,
        speech=speech,
        legacy=legacy,
    )


def report_key(turn: Turn, leg: Leg, digit: str) -> None:
    """Report one key to the listener for asynchronous DTMF, if there is one."""
    if leg.key_hook_active and leg.key_hook is not None and digit in _KEYS:
        fact = input_fact(turn, leg, digits=digit, timed_out=False, speech={"results": []})
        turn.emit(Tell(leg=leg.id, hook=leg.key_hook, fact=fact))
