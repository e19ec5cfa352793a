"""Rules of good scripts: options that do nothing, actions that never run, and what surprises people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ringline.base import read_leg_id
from ringline.ncco.connect import Connect
from ringline.ncco.conversation import Conversation
from ringline.ncco.endpoints import ADVISED_WEBSOCKET_HEADERS_BYTES, Phone, Sip, WebSocket
from ringline.ncco.errors import Fault, Severity
from ringline.ncco.input import Input
from ringline.ncco.notify import Notify
from ringline.ncco.options import Options, spellings
from ringline.ncco.pay import ERRORS_BY_PROMPT, Prompt
from ringline.ncco.positions import escape
from ringline.ncco.record import Record
from ringline.ncco.scalars import compact_size, read_choice, read_strings
from ringline.ncco.stream import Stream
from ringline.ncco.talk import Talk
from ringline.ncco.transfer import Transfer

_HEADER_NAME: Final = re.compile(r"(?!(?:x-)?(?:nexmo|vonage|ringline))[a-z0-9-]{1,64}", re.IGNORECASE)
"What can be the name of a SIP header of the application's own."


@dataclass(frozen=True, slots=True)
class Read:
    """One action of a script, as it was read and as it was written."""

    index: int
    where: str
    action: Options
    given: Mapping[str, Any]

    def key(self, option: str) -> str | None:
        """The name under which an option was given; None when it was not."""
        names = spellings(type(self.action))
        return next((key for key in self.given if names.get(key) == option and self.given[key] is not None), None)

    def has(self, *options: str) -> bool:
        """Whether all these options were given."""
        return all(self.key(option) is not None for option in options)

    def place(self, option: str) -> str:
        """The pointer of an option, or where it would stand."""
        return f"{self.where}/{escape(self.key(option) or option)}"

    def warn(self, option: str, what: str, hint: str = "") -> Fault:
        """Something is not as its author thinks."""
        return Fault(pointer=self._at(option), expected=what, hint=hint, severity=Severity.WARNING)

    def inform(self, option: str, what: str, hint: str = "") -> Fault:
        """Something is worth knowing."""
        return Fault(pointer=self._at(option), expected=what, hint=hint, severity=Severity.INFO)

    def _at(self, option: str) -> str:
        return self.place(option) if option else self.where


# ── single options ─────────────────────────────────────────────────────────────────────────────────────────────────


def about_option(options: Options, option: str, raw: Any, pointer: str) -> Iterator[Fault]:
    """What is odd about the value of one option, wherever it stands; `raw` is the value as it was written."""

    def warn(what: str, hint: str = "") -> Fault:
        return Fault(pointer=pointer, expected=what, hint=hint, severity=Severity.WARNING)

    match options, option:
        case (Conversation() | Transfer(), "canSpeak" | "canHear"):
            if any(read_leg_id(leg) is None for leg in read_strings(raw)):
                yield warn("not the UUID of a leg, matches nobody")
        case (Phone(), "dtmfAnswer"):
            if any(key not in "0123456789*#pP" for key in str(raw)):
                yield warn("only 0-9, *, # and p count, the rest is skipped")
        case (Sip(headers=headers), "headers"):
            for name in headers:
                if not _HEADER_NAME.fullmatch(name):
                    yield Fault(
                        pointer=f"{pointer}/{escape(name)}",
                        expected="not sent",
                        hint="a header has letters, digits and dashes, and no name of the platform's own",
                        severity=Severity.WARNING,
                    )
        case (Talk(text=text), "text"):
            if "</" in text and not text.lstrip().startswith("<speak"):
                yield warn("tags are read out", "SSML stands inside <speak>…</speak>")
        case (Prompt(type=kind), "errors") if isinstance(raw, Mapping):
            for name in raw:
                if name not in ERRORS_BY_PROMPT[kind]:
                    yield Fault(
                        pointer=f"{pointer}/{escape(str(name))}",
                        expected=f"{kind} has no such error, ignored",
                        severity=Severity.WARNING,
                    )


# ── options that another option makes pointless ────────────────────────────────────────────────────────────────────


def about_pointless(one: Read) -> Iterator[Fault]:
    """What is odd about the options of one action, taken together."""
    match one.action:
        case Talk() as action:
            yield from _talk(one, action)
        case Connect() as action:
            yield from _connect(one, action)
        case Conversation() | Transfer() as action:
            yield from _conversation(one, action)
        case Input() as action:
            yield from _input(one, action)
        case Record() as action:
            yield from _record(one, action)
        case Notify() if not one.has("eventUrl"):
            yield one.inform("", "without eventUrl", "it goes to the event URL of the call")


def _talk(one: Read, action: Talk) -> Iterator[Fault]:
    if one.has("voiceName"):
        if action.language is not None or action.style is not None:
            yield one.warn("voiceName", "ignored", "language and style win")
        else:
            yield one.warn("voiceName", "deprecated", "use language and style")
    if action.provider_options is not None and action.provider is None:
        yield one.warn("providerOptions", "ignored", "needs provider")


def _connect(one: Read, action: Connect) -> Iterator[Fault]:
    if action.machine_detection is not None and action.advanced_machine_detection is not None:
        yield one.warn("machineDetection", "ignored", "advancedMachineDetection wins")
    endpoint = action.endpoint
    if isinstance(endpoint, WebSocket) and compact_size(endpoint.headers) > ADVISED_WEBSOCKET_HEADERS_BYTES:
        yield one.warn(
            "endpoint", f"more than {ADVISED_WEBSOCKET_HEADERS_BYTES} bytes of headers", "other platforms refuse that"
        )
    if isinstance(endpoint, Phone) and action.ringback_tone is not None:
        yield one.inform("ringbackTone", "not advised for phones", "their network has a ringback of its own")


def _conversation(one: Read, action: Conversation | Transfer) -> Iterator[Fault]:
    if one.has("mute") and action.can_speak:
        yield one.warn("mute", "ignored", "canSpeak wins")
    if not isinstance(action, Conversation):
        return
    if one.has("transcription") and not action.record:
        yield one.warn("transcription", "ignored", "needs record")
    if action.music_on_hold_url is not None and action.start_on_enter:
        yield one.inform("musicOnHoldUrl", "this leg starts the conversation and hears no music")


def _input(one: Read, action: Input) -> Iterator[Fault]:
    asynchronous = action.mode == "asynchronous"
    if asynchronous and one.has("dtmf"):
        yield one.warn("dtmf", "ignored", "asynchronous input has no settings")
    if asynchronous and one.has("speech"):
        yield one.warn("speech", "ignored", "asynchronous input only takes keys")
    if not one.has("type"):
        yield one.inform("", "without type", f"taken as {' and '.join(action.type)}")
    elif not asynchronous:
        for kind in ("dtmf", "speech"):
            if one.has(kind) and kind not in action.type:
                yield one.warn(kind, "ignored", f"type has no {kind}")
    if one.has("dtmf"):
        for option in ("timeOut", "maxDigits", "submitOnHash"):
            if one.has(option):
                yield one.warn(option, "ignored", "it stands in dtmf")


def _record(one: Read, action: Record) -> Iterator[Fault]:
    if one.has("channels") and not one.has("split"):
        yield one.warn("channels", "channels without split", "split is taken as conversation")
    wanted = one.key("format")
    if wanted is not None and read_choice(one.given[wanted]) != action.format:
        yield one.inform(wanted, "mp3 has two channels at most", f"{action.format} is made")
    if action.timeout is not None and action.end_on_key is None and action.end_on_silence is None:
        yield one.inform("timeOut", "the next action waits until the recording has ended")


# ── one action after another ───────────────────────────────────────────────────────────────────────────────────────


def about_order(script: Sequence[Read], length: int) -> Iterator[Fault]:
    """What is odd about the order of actions; `length` counts also those that could not be read."""
    interruptible = False
    for one in script:
        match one.action:
            case Talk() | Stream() as prompt:
                if interruptible and one.has("bargeIn") and not prompt.barge_in:
                    yield one.inform("bargeIn", "interruptible all the same", "barge-in stays on until the input")
                interruptible = interruptible or prompt.barge_in
                if prompt.loop == 0 and not interruptible and one.index + 1 < length:
                    yield one.warn("loop", "repeats for ever", "what follows runs only after a REST request stops it")
            case Conversation() | Transfer():
                if one.index + 1 < length:
                    yield Fault(
                        pointer=f"/{one.index + 1}",
                        expected=f"never reached: nothing runs after {one.given['action'].strip().lower()}",
                        severity=Severity.WARNING,
                    )
                return
            case Input():
                interruptible = False
    if script and len(script) == length and all(_goes_on_at_once(one.action) for one in script):
        yield script[-1].warn("", "the call ends at once", "nothing in this script takes time")


def _goes_on_at_once(action: Options) -> bool:
    match action:
        case Record():
            return not action.has_end
        case Input():
            return action.mode == "asynchronous"
    return False
