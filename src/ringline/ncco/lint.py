"""What is odd about a script though it can run: for the console, the command line and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ringline.ncco.actions import ACTIONS
from ringline.ncco.advice import Read, about_option, about_order, about_pointless
from ringline.ncco.document import MAX_FAULTS, action_name, build, decode, locate
from ringline.ncco.errors import Fault, NccoError, Severity
from ringline.ncco.hints import nearest
from ringline.ncco.options import Options, spellings
from ringline.ncco.positions import escape
from ringline.ncco.scalars import Number
from ringline.ncco.talk import Talk

VoiceNotes = Callable[[Talk], Iterable[tuple[str, str]]]
"Says what cannot be had as a `talk` asks for it: option and sentence."

_URLS: Final = ("eventUrl", "streamUrl", "musicOnHoldUrl", "ringbackTone", "url")
_IN_ARRAYS: Final = ("eventUrl", "streamUrl", "musicOnHoldUrl")


def lint(source: bytes | str, *, voices: VoiceNotes | None = None) -> Sequence[Fault]:
    """Give everything there is to say about a script, in the order of the text; empty when there is nothing.

    Errors are those of `parse`. Warnings tell of options that are unknown, misspelt, out of range or without effect, of
    repeated keys, of URLs that cannot be fetched and of actions that never run; infos of what is worth knowing.
    `voices` adds infos about voices that are not to be had.
    """
    try:
        text, value = decode(source)
    except NccoError as error:
        return error.faults
    _, faults = build(value)

    faults.extend(islice(_oddities(value, voices), max(MAX_FAULTS - len(faults), 0)))
    return tuple(locate(text, faults))


def _oddities(value: Any, voices: VoiceNotes | None) -> Iterator[Fault]:
    bare = isinstance(value, Mapping)
    elements: Sequence[Any] = [value] if bare else value if isinstance(value, list) else ()
    script: list[Read] = []
    for index, element in enumerate(elements):
        where = "" if bare else f"/{index}"
        name = action_name(element)
        model = ACTIONS.get(name or "")
        if model is None:
            continue
        yield from _unknown_options(model, element, where)
        try:
            action = model.model_validate({**element, "action": name})
        except ValueError:
            continue
        one = Read(index, where, action, element)
        script.append(one)
        yield from _odd_values(action, element, where)
        yield from about_pointless(one)
        if voices is not None and isinstance(action, Talk):
            yield from (_info(one.place(option), what) for option, what in voices(action))
    yield from about_order(script, len(elements))


def _warning(pointer: str, what: str, hint: str = "") -> Fault:
    return Fault(pointer=pointer, expected=what, hint=hint, severity=Severity.WARNING)


def _info(pointer: str, what: str, hint: str = "") -> Fault:
    return Fault(pointer=pointer, expected=what, hint=hint, severity=Severity.INFO)


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
    fields = {field.alias or name: (name, field) for name, field in type(options).model_fields.items()}
    for key, raw in given.items():
        proper = names.get(key, "")
        if proper not in fields or raw is None:
            continue
        name, field = fields[proper]
        pointer = f"{where}/{escape(key)}"
        value = getattr(options, name)
        for limits in field.metadata:
            if isinstance(limits, Number) and not limits.holds(raw):
                yield _warning(pointer, "out of range", f"{limits.read(raw)} is used")
        if proper in _URLS:
            yield from _odd_url(proper, raw, value, pointer)
        yield from about_option(options, proper, raw, pointer)
        for inner, written, place in _inside(value, raw, pointer):
            yield from _unknown_options(type(inner), written, place)
            yield from _odd_values(inner, written, place)


def _odd_url(option: str, raw: Any, value: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(raw, list) and len(raw) > 1:
        yield _warning(pointer, "more than one URL", "the first one is used")
    if isinstance(value, str) and not value.lower().startswith(("http://", "https://")):
        yield _warning(pointer, "not an http or https URL")
    elif isinstance(raw, str) and option in _IN_ARRAYS:
        yield _info(pointer, "usually an array with one URL", "a string works as well")


def _inside(value: Any, raw: Any, pointer: str) -> Iterator[tuple[Options, Mapping[str, Any], str]]:
    """The objects of options inside a value: what was read, as it was written, and where."""
    if isinstance(value, Options):
        inner, place = (raw[0], f"{pointer}/0") if isinstance(raw, list) and raw else (raw, pointer)
        if isinstance(inner, Mapping):
            yield value, inner, place
    elif isinstance(value, tuple):
        many = [raw] if isinstance(raw, Mapping) else raw
        for index, (one, written) in enumerate(zip(value, many, strict=False)):
            if isinstance(one, Options):
                yield one, written, pointer if isinstance(raw, Mapping) else f"{pointer}/{index}"
    elif isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, Options) and isinstance(raw.get(name), Mapping):
                yield one, raw[name], f"{pointer}/{escape(name)}"
