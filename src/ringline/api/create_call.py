"""The body of `POST /v1/calls` (REST reference, section 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, SkipValidation, ValidationInfo

from ringline import ncco
from ringline.api.fields import Body, Flag, Method, WebUrls, one_of, read_flag, refused, refused_parts, whole
from ringline.calls.actions import party
from ringline.calls.detection import wished
from ringline.calls.parties import Party
from ringline.calls.state import Detection

ACCEPT_BAD_NCCO: Final = "accept_bad_ncco"
"Key of the reading context: let faulty scripts pass, with their `fault`."
VBC_EXTENSIONS: Final = "vbc_extensions"
"Key of the reading context: `vbc` endpoints can be called."
LACKS_VBC: Final = "lacks_vbc"
"Key of the reading context: the application may not call extensions, nor may its scripts."

_CALLER_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_DECORATION: Final = str.maketrans("", "", " \t-().")
_SIP_URI: Final = re.compile(r"sips?:[^\s\x00-\x1f\x7f]{1,250}", re.IGNORECASE)


class DetectionOptions(Body):
    """`advanced_machine_detection`."""

    behavior: Annotated[str | None, one_of("continue", "hangup")] = None
    mode: Annotated[str, one_of("default", "detect", "detect_beep")] = "detect"
    beep_timeout: Annotated[int, whole(30, 120)] = 45
    "Seconds."


def _read_to(value: object, info: ValidationInfo) -> ncco.Endpoint:
    """Read the one endpoint, in its array or bare."""
    endpoints = [value] if isinstance(value, Mapping) else value
    if not isinstance(endpoints, list):
        raise refused("must be an array")
    if len(endpoints) != 1:
        raise refused("must have exactly one endpoint")
    try:
        endpoint = ncco.endpoint_from_json(endpoints[0])
    except ncco.NccoError as error:
        raise refused_parts([(_below("[0]", fault), _reason(fault)) for fault in error.faults]) from None
    context = info.context or {}
    if isinstance(endpoint, ncco.Vbc) and (why := bars_extensions(context.get(VBC_EXTENSIONS), context.get(LACKS_VBC))):
        raise refused_parts([("[0].type", why)])
    return endpoint


def bars_extensions(mapped: object, lacking: object) -> str | None:
    """Why no extension can be called: none is `mapped` to a phone here, or the application is `lacking` the right."""
    if not mapped:
        return "vbc extensions cannot be called on this installation"
    return "the application lacks the capability vbc" if lacking else None


def _read_from(value: object) -> Party:
    """Read who calls: an endpoint object, alone or in an array, or a bare number or SIP URI."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str | int) and not isinstance(value, bool):
        is_sip = str(value).strip().lower().startswith(("sip:", "sips:"))
        value = {"type": "sip", "uri": value} if is_sip else {"type": "phone", "number": value}
    if not isinstance(value, Mapping):
        raise refused("must be an object")
    kind = value.get("type", "phone")
    match kind.strip().lower() if isinstance(kind, str) else kind:
        case "phone":
            return _caller(value.get("number"), "number")
        case "sip":
            return _caller(value.get("uri"), "uri")
        case "app" if isinstance(value.get("user"), str) and value["user"].strip():
            return Party(kind="app", address=value["user"].strip())
        case _:
            raise refused_parts([(".type", "must be one of: phone, sip")])


def _caller(value: object, field: str) -> Party:
    if value is None:
        raise refused_parts([(f".{field}", "is required")])
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _SIP_URI.fullmatch(text):
        return Party(kind="sip", address=text)
    number = text.translate(_DECORATION).removeprefix("+")
    if field == "number" and _CALLER_NUMBER.fullmatch(number):
        return Party(kind="phone", address=number)
    raise refused_parts([(f".{field}", "must be an E.164 number or a SIP URI")])


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineScript:
    """An NCCO that came with a request."""

    text: str
    "JSON that can be run."
    fault: str | None = None
    "Why it cannot be run as it was sent; `text` is then an empty script."


def _read_script(value: object, info: ValidationInfo) -> InlineScript:
    if isinstance(value, list) and not value:
        raise refused("must have at least one action")
    try:
        script = ncco.from_json(value)
        if info.context and info.context.get(LACKS_VBC):
            ncco.forbid_extensions(script)
        return InlineScript(text=json.dumps(script.to_json()))
    except ncco.NccoError as error:
        if info.context and info.context.get(ACCEPT_BAD_NCCO):
            return InlineScript(text="[]", fault=error.reason)
        raise refused_parts([(_below("", fault), _reason(fault)) for fault in error.faults]) from None


Script = Annotated[InlineScript, BeforeValidator(_read_script)]
"An NCCO as JSON."


def _below(name: str, fault: ncco.Fault) -> str:
    """The path of a fault inside a field."""
    path = fault.path
    return name + (path if not path or path.startswith("[") else f".{path}")


def _reason(fault: ncco.Fault) -> str:
    words = "is required" if fault.expected == "required" else f"expected {fault.expected}"
    return f"{words} ({fault.hint})" if fault.hint else words


class CreateCall(Body):
    """Who is to be called, by whom, and what happens then."""

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True)

    to: Annotated[SkipValidation[Any], BeforeValidator(_read_to)]
    from_: Annotated[Party | None, BeforeValidator(_read_from)] = Field(default=None, alias="from")
    random_from_number: Flag = False
    ncco: Script | None = None
    answer_url: WebUrls | None = None
    answer_method: Method = "GET"
    event_url: WebUrls | None = None
    event_method: Method = "POST"
    machine_detection: Annotated[str | None, one_of("continue", "hangup")] = None
    advanced_machine_detection: DetectionOptions | None = None
    length_timer: Annotated[int, whole(1, 86_400)] = 7200
    "Seconds from answer to the forced end."
    ringing_timer: Annotated[int, whole(1, 120)] = 60
    "Seconds of ringing."

    @classmethod
    def rules(cls, data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        if "ncco" in data and "answer_url" in data:
            yield "ncco", "must not be given together with answer_url"
        elif "ncco" not in data and "answer_url" not in data:
            yield "ncco", "is required, or answer_url"
        if "from" in data and _is_set(data.get("random_from_number")):
            yield "from", "must not be given together with random_from_number"
        elif "from" not in data and not _is_set(data.get("random_from_number")):
            yield "from", "is required, or random_from_number"

    @property
    def destination(self) -> Party:
        """The far end of the new leg."""
        return party(self.to)

    @property
    def first_keys(self) -> str:
        """Keys sent right after the answer."""
        return self.to.dtmf_answer if isinstance(self.to, ncco.Phone) else ""

    @property
    def detection(self) -> Detection | None:
        """What is to be found out about who answers; the advanced wish counts, if there are both."""
        advanced = self.advanced_machine_detection
        if advanced is None:
            return wished(self.machine_detection, None, None, None)
        return wished(None, advanced.behavior, advanced.mode, advanced.beep_timeout)


def _is_set(value: object) -> bool:
    try:
        return value is not None and read_flag(value)
    except ValueError:
        return True  # a fault of its own
