"""What is odd about a script though it can run: for the console, the command line and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ringline.ncco.actions import ACTIONS
from ringline.ncco.connect import Connect
from ringline.ncco.conversation import Conversation
from ringline.ncco.document import MAX_FAULTS, action_name, build, decode, locate, nearest
from ringline.ncco.endpoints import ADVISED_WEBSOCKET_HEADERS_BYTES, WebSocket
from ringline.ncco.errors import Fault, NccoError, Severity
from ringline.ncco.input import Input
from ringline.ncco.options import Options, spellings
from ringline.ncco.positions import escape, scan
from ringline.ncco.record import Record
from ringline.ncco.scalars import Number, compact_size
from ringline.ncco.talk import Talk
from ringline.ncco.transfer import Transfer

_URLS: Final = ("eventUrl", "streamUrl", "musicOnHoldUrl", "ringbackTone", "url")


def lint(source: bytes | str) -> Sequence[Fault]:
    """Give every error and warning about a script, in the order of the text; empty when there is nothing to say.

    Errors are those of `parse`. Warnings tell of options that are unknown, misspelt, out of range or without effect, of
    repeated keys, of URLs that cannot be fetched and of actions that never run.
    """
    try:
        text, value = decode(source)
    except NccoError as error:
        return error.faults
    _, faults = build(value)
    bare = isinstance(value, Mapping)
    elements: Sequence[Any] = [value] if bare else value if isinstance(value, list) else ()
    for index, element in enumerate(elements):
        if len(faults) >= MAX_FAULTS:
            break
        where = "" if bare else f"/{index}"
        name = action_name(element)
        model = ACTIONS.get(name or "")
        if model is None:
            continue
        faults.extend(_unknown_options(model, element, where))
        try:
            action = model.model_validate({**element, "action": name})
        except ValueError:
            continue
        faults.extend(_odd_values(action, element, where))
        faults.extend(_without_effect(action, element, where))
        if isinstance(action, Conversation | Transfer) and index + 1 < len(elements):
            faults.append(_warning(f"/{index + 1}", f"never reached: nothing runs after {name}"))
    faults.extend(_warning(pointer, "said more than once", "the last one counts") for pointer in scan(text).repeated)
    return tuple(locate(text, faults[:MAX_FAULTS]))


def _warning(pointer: str, what: str, hint: str = "") -> Fault:
    return Fault(pointer=pointer, expected=what, hint=hint, severity=Severity.WARNING)


def _unknown_options(model: type[Options], options: Mapping[str, Any], where: str) -> Iterator[Fault]:
    names = spellings(model)
    for key in options:
        proper = names.get(key)
        if proper is None:
            yield _warning(f"{where}/{escape(key)}", "unknown option, ignored", nearest(key, names))
        elif proper != key and key not in model.OTHER_NAMES.get(proper, ()):
            yield _warning(f"{where}/{escape(key)}", f"usually written {proper}")


def _odd_values(options: Options, given: Mapping[str, Any], where: str) -> Iterator[Fault]:
    """Warnings about single options, those of nested objects included."""
    names = spellings(type(options))
    for key, raw in given.items():
        proper = names.get(key)
        field_name = next(
            (name for name, field in type(options).model_fields.items() if (field.alias or name) == proper), None
        )
        if field_name is None or raw is None:
            continue
        pointer = f"{where}/{escape(key)}"
        value = getattr(options, field_name)
        for limits in type(options).model_fields[field_name].metadata:
            if isinstance(limits, Number) and not limits.holds(raw):
                yield _warning(pointer, "out of range", f"{limits.read(raw)} is used")
        if proper in _URLS:
            if isinstance(raw, list) and len(raw) > 1:
                yield _warning(pointer, "more than one URL", "the first one is used")
            if isinstance(value, str) and not value.lower().startswith(("http://", "https://")):
                yield _warning(pointer, "not an http or https URL")
        if isinstance(value, Options):
            inner, place = (raw[0], f"{pointer}/0") if isinstance(raw, list) and raw else (raw, pointer)
            if isinstance(inner, Mapping):
                yield from _unknown_options(type(value), inner, place)
                yield from _odd_values(value, inner, place)


def _without_effect(action: Options, given: Mapping[str, Any], where: str) -> Iterator[Fault]:
    """Warnings about options that another option makes pointless."""
    names = {proper: key for key, proper in spellings(type(action)).items() if given.get(key) is not None}

    def ignored(option: str, why: str) -> Fault:
        return _warning(f"{where}/{escape(names[option])}", "ignored", why)

    match action:
        case Talk() if "voiceName" in names:
            if action.language is not None or action.style is not None:
                yield ignored("voiceName", "language and style win")
            else:
                yield _warning(f"{where}/{names['voiceName']}", "deprecated", "use language and style")
        case Connect():
            if action.machine_detection is not None and action.advanced_machine_detection is not None:
                yield ignored("machineDetection", "advancedMachineDetection wins")
            endpoint = action.endpoint
            if isinstance(endpoint, WebSocket) and compact_size(endpoint.headers) > ADVISED_WEBSOCKET_HEADERS_BYTES:
                yield _warning(
                    f"{where}/endpoint",
                    f"more than {ADVISED_WEBSOCKET_HEADERS_BYTES} bytes of headers",
                    "other platforms refuse that",
                )
        case Conversation() | Transfer() if "mute" in names and action.can_speak and "canSpeak" in names:
            yield ignored("mute", "canSpeak wins")
        case Input(mode="asynchronous") if "dtmf" in names:
            yield ignored("dtmf", "asynchronous input has no settings")
    if isinstance(action, Conversation) and "transcription" in names and not action.record:
        yield ignored("transcription", "needs record")
    if isinstance(action, Record) and "channels" in names and "split" not in names:
        yield _warning(f"{where}/{names['channels']}", "channels without split", "split is taken as conversation")
