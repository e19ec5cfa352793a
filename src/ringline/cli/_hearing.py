"""What one caller hears, and when the application is asked meanwhile, as the journals of a running platform have it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ringline.base import ConversationId, LegId
from ringline.cli._timeline import Row, Teller
from ringline.engine.ports import JournalLine

_MOST_STRANGERS: Final = 200
"Conversations of others that begin while we wait to find ours."
_A_CHARACTER_S: Final = 0.065
"Roughly what a character takes to speak."


@dataclass(slots=True, kw_only=True)
class Prompt:
    """Something that was played to the caller."""

    text: str
    "The words spoken, or the URL of the file."
    began: datetime
    ended: datetime | None = None

    def says_by(self, words: str) -> float | None:
        """Seconds from its beginning until these words are said, roughly; None when it does not say them."""
        place = plain(self.text).find(plain(words))
        return None if place < 0 else (place + len(words)) * _A_CHARACTER_S


@dataclass(slots=True)
class _Conversation:
    teller: Teller = field(default_factory=Teller)
    rows: list[Row] = field(default_factory=list)
    lines: list[JournalLine] = field(default_factory=list)
    ours: bool = False


class Hearing:
    """Follows the journals, finds the conversation of one SIP call in them, and keeps what its caller hears."""

    def __init__(self) -> None:
        self.leg: LegId | None = None
        "Our leg, once it is found."
        self.prompts: list[Prompt] = []
        "All that was played to it, in order."
        self.ended = False
        "The platform has closed the leg's record."
        self._conversations: OrderedDict[ConversationId, _Conversation] = OrderedDict()
        self._playing: dict[str, Prompt] = {}
        self._asking: dict[str, None] = {}

    @property
    def playing(self) -> bool:
        """Something is being played to the caller."""
        return bool(self._playing)

    @property
    def asking(self) -> bool:
        """The application is being asked what to do next."""
        return bool(self._asking)

    def take(self, line: JournalLine, call_id: str) -> Iterator[Row]:
        """Take the next line of the journals; gives what there is to tell of our call, which has this SIP `Call-ID`."""
        known = self._conversations.setdefault(line.conversation, _Conversation())
        rows = list(known.teller.tell(line))
        if not known.ours:
            known.rows += rows
            known.lines.append(line)
            if not self._is_ours(line, call_id):
                self._forget_strangers()
                return
            known.ours = True
            rows, known.rows = known.rows, []
            lines, known.lines = known.lines, []
        else:
            lines = [line]
        for one in lines:
            self._note(one)
        yield from rows

    def _is_ours(self, line: JournalLine, call_id: str) -> bool:
        if self.leg is None and line.kind == "trace" and call_id and line.data.get("call_id") == call_id:
            self.leg = line.leg
        return self.leg is not None and line.leg == self.leg

    def _forget_strangers(self) -> None:
        if len(self._conversations) > _MOST_STRANGERS:
            self._conversations.popitem(last=False)

    def _note(self, line: JournalLine) -> None:
        event = line.data.get("event")
        if not isinstance(event, Mapping):
            return
        effect = event.get("effect")
        match event.get("="):
            case "PlayEnded":
                self._over(effect, line.wallclock)
            case "Instructions":
                self._asking.pop(str(effect), None)
        for command in line.data.get("commands") or ():
            self._decided(command, line.wallclock)

    def _decided(self, command: Mapping[str, Any], at: datetime) -> None:
        effect = command.get("effect")
        match command.get("="):
            case "Play" if command.get("leg") in (None, self.leg):
                text = _words(command.get("source"))
                if text:
                    self._playing[str(effect)] = prompt = Prompt(text=text, began=at)
                    self.prompts.append(prompt)
            case "StopPlay":
                self._over(effect, at)
            case "Ask" if command.get("leg") == self.leg:
                self._asking[str(effect)] = None
            case "Publish" if (view := command.get("view") or {}).get("uuid") == self.leg:
                self.ended = self.ended or view.get("ended_at") is not None

    def _over(self, effect: Any, at: datetime) -> None:
        prompt = self._playing.pop(str(effect), None)
        if prompt is not None:
            prompt.ended = at


def plain(text: str) -> str:
    """A text as it is compared: without regard to case and spacing."""
    return " ".join(text.lower().split())


def _words(source: Any) -> str:
    """What a prompt says; nothing for ringing tones and beeps."""
    if not isinstance(source, Mapping):
        return ""
    return str(source.get("text") or source.get("url") or "")
