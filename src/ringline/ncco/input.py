"""The `input` action."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, WithJsonSchema, model_serializer

from ringline.base import read_leg_id
from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import (
    STRINGS_SCHEMA,
    Flag,
    Method,
    Number,
    OptionalName,
    Strings,
    Url,
    expected,
    read_choice,
    read_strings,
    read_url,
)

_KIND: Final = {"enum": ["dtmf", "speech"]}
_TYPES_SCHEMA: Final = {"anyOf": [{"type": "array", "items": _KIND}, _KIND]}
_MISSPELT_MODES: Final = {"asyncronous": "asynchronous", "syncronous": "synchronous"}


def _read_types(value: object) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(item.lower() for item in read_strings(value)))
    if not types or any(item not in ("dtmf", "speech") for item in types):
        raise expected("an array of dtmf, speech or both")
    return types


def _read_mode(value: object) -> str:
    mode = read_choice(value)
    return _MISSPELT_MODES.get(mode, mode)


def _read_leg(value: object) -> str | None:
    leg = read_url(value)  # an array of one, like a URL
    return leg and (read_leg_id(leg) or leg)


class DtmfSettings(Options):
    """How keys are collected."""

    timeout_s: Annotated[float, Number(1, 10)] = Field(default=3, alias="timeOut")
    "Seconds without a key that end it."
    max_digits: Annotated[int, Number(1, 20, whole=True)] = 4
    submit_on_hash: Flag = False
    "True: `#` ends it and is no digit."

    OTHER_NAMES: ClassVar[Names] = {"timeOut": ("timeout",)}


class SpeechSettings(Options):
    """How speech is recognised."""

    uuid: Annotated[str | None, BeforeValidator(_read_leg), WithJsonSchema(STRINGS_SCHEMA)] = None
    "The leg that is listened to; None: the first that joined the call."
    end_on_silence_s: Annotated[float, Number(0.4, 10)] = Field(default=2, alias="endOnSilence")
    "Seconds of silence after speech that end it."
    language: OptionalName = None
    "BCP 47, any case; None means `en-US`."
    context: Strings = ()
    "Words and phrases that are likely."
    start_timeout_s: Annotated[float, Number(1, 60)] = Field(default=10, alias="startTimeout")
    "Seconds to wait for speech to begin."
    max_duration_s: Annotated[float, Number(1, 60)] = Field(default=60, alias="maxDuration")
    "Seconds of speech at most."
    save_audio: Flag = False
    sensitivity: Annotated[int, Number(10, 100, whole=True)] = 90
    "10 ignores noise, 100 hears everything."
    provider: OptionalName = None
    "The engine the application would like."
    provider_options: dict[str, Any] | None = None


class Input(Options):
    """Collect keys or speech and report them (Voice API, NCCO reference: input)."""

    action: Literal["input"] = "input"
    type: Annotated[
        tuple[Literal["dtmf", "speech"], ...], BeforeValidator(_read_types), WithJsonSchema(_TYPES_SCHEMA)
    ] = ("dtmf",)
    "What is collected, in the order given."
    dtmf: DtmfSettings = DtmfSettings()
    "Counts only if `type` has `dtmf`."
    speech: SpeechSettings | None = None
    "Set if and only if `type` has `speech`."
    event_url: Url = None
    "None: the leg's event URL."
    event_method: Method = "POST"
    mode: Annotated[Literal["synchronous", "asynchronous"], BeforeValidator(_read_mode)] = "synchronous"
    "`asynchronous`: the script goes on, each key is reported by itself; only keys, and no `dtmf` settings."
    oldest_form: bool = Field(default=False, exclude=True)
    "True when it was written without `type`, `dtmf` and `speech`, as before 2020."

    OTHER_NAMES: ClassVar[Names] = {"eventMethod": ("eventUrlMethod",)}
    OLD_OPTIONS: ClassVar[Names] = {
        "timeOut": ("timeout", "time_out"),
        "maxDigits": ("max_digits",),
        "submitOnHash": ("submit_on_hash",),
    }

    @classmethod
    def complete(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Bring the forms of all years to one: what is collected, with its settings inside `dtmf` and `speech`."""
        flat = {name: data.pop(name) for name in cls.OLD_OPTIONS if name in data}
        types = data.get("type")
        if types in ([], (), ""):
            types = None
        if types is None:
            found = [name for name in ("dtmf", "speech") if name in data]
            data["type"] = found or ["dtmf"]
            data["oldestForm"] = not found
        else:
            data.pop("oldestForm", None)
        if flat:
            data.setdefault("dtmf", flat)
        try:
            wanted = _read_types(data["type"])
            asynchronous = _read_mode(data.get("mode", "")) == "asynchronous"
        except ValueError:
            return data  # reading the fields will tell what is wrong
        if asynchronous:
            return {**{key: value for key, value in data.items() if key not in ("dtmf", "speech")}, "type": ["dtmf"]}
        if "speech" in wanted:
            data.setdefault("speech", {})
        else:
            data.pop("speech", None)
        return data

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        out: dict[str, Any] = write(self)
        if self.oldest_form:
            out.pop("type")
            out.update(out.pop("dtmf"))
        return out
