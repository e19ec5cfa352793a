"""input: collect keys, report them, and do what the application answers (NCCO reference: input)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from ringline.base import EffectId
from ringline.calls.actions.base import Go, Replace, RunningAction, Step
from ringline.calls.actions.prompt import Prompt, play
from ringline.calls.commands import Ask, StopPlay, Tell
from ringline.calls.events import Event, Instructions, KeyDown, PlayAsked, PlayEnded, StopAsked
from ringline.calls.facts import InputFact
from ringline.calls.parties import Hook
from ringline.calls.state import ACTION, Leg
from ringline.calls.turn import Inner, Turn, Woke

NO_RECOGNISER: Final = "ERR1: Failed to analyze audio"
OVERRIDDEN: Final = "Speech overridden by DTMF"
_KEYS: Final = frozenset("0123456789*#")


@dataclass(slots=True, kw_only=True)
class Collecting(RunningAction):
    """A synchronous input, with the chain of interruptible prompts before it."""

    prompts: tuple[Prompt, ...] = ()
    dtmf: bool = True
    speech: bool = False
    timeout_s: float = 3
    max_digits: int = 4
    submit_on_hash: bool = False
    hook: Hook | None = None
    legacy: bool = False

    digits: str = ""
    prompt_index: int = 0
    playing: EffectId | None = None
    asking: EffectId | None = None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        leg.key_hook_active = False  # asynchronous keys last until another input runs
        return self._prompt_or_listen(turn, leg)

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
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
                return self._listen(turn, leg)
            case KeyDown(digit=digit) if self.dtmf and not self.asking and digit in _KEYS:
                return self._key(turn, leg, digit)
            case Woke(timer=timer) if timer == ACTION and not self.asking:
                return self._submit(turn, leg, timed_out=True)
            case Instructions(effect=effect) if effect == self.asking:
                return Replace(event.script) if event.script else Go.NEXT
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        leg.timers.pop(ACTION, None)
        self._cut(turn)

    def _prompt_or_listen(self, turn: Turn, leg: Leg) -> Step:
        if self.prompt_index < len(self.prompts):
            self.playing = play(turn, leg, self.prompts[self.prompt_index])
            return Go.WAIT
        return self._listen(turn, leg)

    def _after_prompt(self, turn: Turn, leg: Leg) -> Step:
        self.playing = None
        self.prompt_index += 1
        return self._prompt_or_listen(turn, leg)

    def _listen(self, turn: Turn, leg: Leg) -> Step:
        """Start the timer: it counts from the end of the prompts, not from when listening began."""
        if not self.dtmf:
            return self._submit(turn, leg, timed_out=False)  # no recogniser hears the caller: say so at once
        turn.wake(leg, ACTION, self.timeout_s)
        return Go.WAIT

    def _key(self, turn: Turn, leg: Leg, digit: str) -> Step:
        self._cut(turn)
        if digit == "#" and self.submit_on_hash:
            return self._submit(turn, leg, timed_out=False)
        self.digits += digit
        if len(self.digits) >= self.max_digits:
            return self._submit(turn, leg, timed_out=False)
        turn.wake(leg, ACTION, self.timeout_s)
        return Go.WAIT

    def _cut(self, turn: Turn) -> None:
        if self.playing:
            turn.emit(StopPlay(effect=self.playing))
            self.playing = None
        self.prompt_index = len(self.prompts)

    def _submit(self, turn: Turn, leg: Leg, *, timed_out: bool) -> Step:
        leg.timers.pop(ACTION, None)
        if self.hook is None:
            return Go.NEXT
        self.asking = turn.new_effect()
        fact = input_fact(
            turn,
            leg,
            digits=self.digits if self.dtmf else None,
            timed_out=timed_out and self.dtmf,
            speech=self._speech(),
            legacy=self.legacy and turn.room.application.legacy_input_payload,
        )
        turn.emit(Ask(effect=self.asking, leg=leg.id, kind="event", hook=self.hook, fact=fact))
        return Go.WAIT

    def _speech(self) -> dict[str, Any]:
        if not self.speech:
            return {"results": []}
        return {"results": [], "error": OVERRIDDEN if self.digits else NO_RECOGNISER}


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
