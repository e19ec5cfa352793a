"""One conversation's journal: what came in and what was decided, and running it again."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ringline.base import Instant
from ringline.calls import commands, events, facts, figures, membership, parties, state, verdict
from ringline.calls.actions import RUNNING
from ringline.calls.actions.pay import CardPrompt
from ringline.calls.actions.prompt import Prompt
from ringline.calls.codec import CodecError, dump, load, register
from ringline.calls.commands import Command
from ringline.calls.conversation import HEART, Conversation
from ringline.calls.events import Opened
from ringline.calls.figures import MediaFigures
from ringline.calls.listening import Ear, SpeechOptions

FORMAT: Final = 1
"Version of the journal's lines."


def _dataclasses(module: Any) -> Iterable[type[Any]]:
    for cls in vars(module).values():
        if (
            inspect.isclass(cls)
            and f"{cls.__module__}.".startswith(f"{module.__name__}.")
            and hasattr(cls, "__dataclass_fields__")
        ):
            yield cls


for _module in (commands, events, facts, figures, membership, parties, state, verdict):
    register(*_dataclasses(_module))
register(CardPrompt, Ear, Prompt, SpeechOptions, *RUNNING)


def entry(
    event: Mapping[str, Any], given: Iterable[Command], at: Instant, figures: Sequence[MediaFigures] = ()
) -> dict[str, Any]:
    """Write one event and the commands it led to as JSON, with the figures of the legs that ended.

    The event has been written down (`dump`) before the rules saw it: they change a leg that arrives.
    """
    line = {
        "format": FORMAT,
        "heart": HEART,
        "now": at.now,
        "at": at.wallclock.isoformat(),
        "event": event,
        "commands": [dump(command) for command in given],
    }
    if figures:
        line["figures"] = dump(figures)
    return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where a journal run again gives other commands than it did."""

    line: int
    "1 is the journal's first line."
    event: Any
    recorded: Any
    now: Any


def replay(lines: Iterable[Mapping[str, Any]]) -> Difference | None:
    """Run a journal again; None when every command comes out as recorded.

    A difference under newer rules is a finding, not an error.

    Raises:
        CodecError: the journal was written by another version, or is none.
    """
    conversation: Conversation | None = None
    for number, line in enumerate(lines, start=1):
        if line.get("format") != FORMAT:
            raise CodecError(f"line {number} has format {line.get('format')!r}; this version reads {FORMAT}")
        event = load(line["event"])
        at = Instant(line["now"], datetime.fromisoformat(line["at"]))
        if isinstance(event, Opened):
            conversation = Conversation(event)
            given: list[Any] = []
        elif conversation is None:
            raise CodecError("the journal does not begin with the opening of its conversation")
        else:
            given = [dump(command) for command in conversation.handle(event, at)]
        if given != line["commands"]:
            return Difference(line=number, event=line["event"], recorded=line["commands"], now=given)
    return None
