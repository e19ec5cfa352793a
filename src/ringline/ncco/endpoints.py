"""Whom `connect` and create-call can call: phone, sip, websocket, app, vbc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal

from phonenumbers.shortnumberinfo import SUPPORTED_SHORT_REGIONS, is_emergency_number
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from ringline.ncco.options import Names, Options
from ringline.ncco.scalars import (
    Name,
    OptionalName,
    RequiredUrl,
    Text,
    Url,
    compact_size,
    expected,
    read_choice,
    read_text,
    tidy_number,
)

MAX_WEBSOCKET_HEADERS_BYTES: Final = 4096
ADVISED_WEBSOCKET_HEADERS_BYTES: Final = 512
"What the documentation promises; more works here."
MAX_SIP_HEADERS_BYTES: Final = 4096
MAX_DTMF_ANSWER: Final = 1000
"Keys and pauses, minutes of them."

_PHONE = re.compile(r"[0-9]{7,15}")
_EXTENSION = re.compile(r"[0-9]{1,10}")
_SIP_URI = re.compile(r"(?!.{256})sips?:[^\s\x00-\x1f\x7f]+", re.IGNORECASE)
_WEBSOCKET_URI = re.compile(r"wss?://[^\s\x00-\x1f\x7f@/?#]+(?:[/?#][^\s\x00-\x1f\x7f]*)?", re.IGNORECASE)
_USER_TO_USER = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,255}")
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,8191}")


@lru_cache(maxsize=1024)
def _calls_for_help(number: str) -> bool:
    """Whether it is an emergency number anywhere: whether it may be called is not decided by its length."""
    return len(number) <= 6 and any(is_emergency_number(number, country) for country in SUPPORTED_SHORT_REGIONS)


def _check_phone(value: object) -> str:
    number = tidy_number(value)
    if not _PHONE.fullmatch(number) and not _calls_for_help(number):
        raise expected("a phone number of 7 to 15 digits")
    return number


def _read_keys(value: object) -> str:
    """Keep the keys and pauses; everything else is skipped."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    keys = "".join(key for key in read_text(value).replace("P", "p") if key in "0123456789*#p")
    if len(keys) > MAX_DTMF_ANSWER:
        raise expected(f"at most {MAX_DTMF_ANSWER} keys and pauses")
    return keys


class OnAnswer(Options):
    """What a called phone hears before it is joined."""

    url: RequiredUrl
    "Gives the NCCO that runs on the called leg."
    ringback_tone: Url = None
    "What the caller hears meanwhile."

    OTHER_NAMES: ClassVar[Names] = {"ringbackTone": ("ringback",)}


class Phone(Options):
    """A phone number."""

    type: Literal["phone"] = "phone"
    number: Annotated[str, BeforeValidator(_check_phone)]
    "7 to 15 digits, without `+`."
    dtmf_answer: Annotated[str, BeforeValidator(_read_keys)] = ""
    "Keys sent right after answer; `p` is a pause of 500 ms."
    on_answer: OnAnswer | None = None
    shaken: OptionalName = None
    "Value of the SIP `Identity` header."

    @property
    def address(self) -> str:
        return self.number


class StandardHeaders(Options):
    """SIP headers that are sent without a prefix."""

    user_to_user: OptionalName = Field(default=None, alias="User-to-User")
    "RFC 7433, such as `342342ef34;encoding=hex`; at most 256 characters."

    OTHER_NAMES: ClassVar[Names] = {"User-to-User": ("userToUser", "User-To-User", "user-to-user")}

    @field_validator("user_to_user")
    @classmethod
    def _check(cls, value: str | None) -> str | None:
        if value is not None and not _USER_TO_USER.fullmatch(value):
            raise expected("at most 256 printable ASCII characters")
        return value


class Sip(Options):
    """A SIP address, or a user at a trunk of the installation."""

    type: Literal["sip"] = "sip"
    uri: OptionalName = None
    "`sip:` or `sips:`; may say `;transport=tls` and `;media=srtp`. None: `user` and `domain` are set."
    user: OptionalName = None
    domain: OptionalName = None
    "Name of a trunk."
    headers: dict[str, Any] = Field(default_factory=dict)
    "Names without `X-` and their values, as given."
    standard_headers: StandardHeaders = StandardHeaders()

    OTHER_NAMES: ClassVar[Names] = {"standardHeaders": ("standard_headers", "standardheaders")}

    @field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: str | None) -> str | None:
        if uri is not None and not _SIP_URI.fullmatch(uri):
            raise expected("a sip: or sips: URI of at most 255 characters")
        return uri

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, Any]) -> dict[str, Any]:
        if compact_size(headers) > MAX_SIP_HEADERS_BYTES:
            raise expected(f"at most {MAX_SIP_HEADERS_BYTES} bytes of headers")
        return headers

    @model_validator(mode="after")
    def _one_address(self) -> Sip:
        if self.uri is not None and (self.user is not None or self.domain is not None):
            raise expected("either uri, or user and domain")
        if self.uri is None and (self.user is None or self.domain is None):
            raise expected("uri, or user and domain, is required")
        return self

    @property
    def address(self) -> str:
        return self.uri if self.uri is not None else f"sip:{self.user}@{self.domain}"


def _read_authorization(value: object) -> str:
    kind = read_choice(value)
    return "vonage" if kind == "ringline" else kind


class Authorization(Options):
    """The `Authorization` header of a WebSocket's handshake."""

    type: Annotated[Literal["vonage", "custom"], BeforeValidator(_read_authorization)]
    "`vonage`: a token as of signed webhooks; `custom`: `value` as it is."
    value: Text | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _custom_has_a_value(self) -> Authorization:
        if self.type == "custom" and (self.value is None or not _PRINTABLE.fullmatch(self.value)):
            raise expected("a value of 1 to 8191 printable ASCII characters")
        return self


ContentType = Literal["audio/l16;rate=8000", "audio/l16;rate=16000", "audio/l16;rate=24000"]


def _read_content_type(value: object) -> str:
    return "".join(read_text(value).split()).lower()


class WebSocket(Options):
    """A WebSocket server that takes and gives audio."""

    type: Literal["websocket"] = "websocket"
    uri: Name
    "`ws://` or `wss://`."
    content_type: Annotated[ContentType, BeforeValidator(_read_content_type)] = Field(
        default="audio/l16;rate=16000", alias="content-type"
    )
    headers: dict[str, Any] = Field(default_factory=dict)
    "JSON for the first message, at most 4096 bytes."
    authorization: Authorization | None = None

    OTHER_NAMES: ClassVar[Names] = {"content-type": ("contentType", "content_type", "Content-Type")}

    @field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: str) -> str:
        if len(uri) > 2048 or not _WEBSOCKET_URI.fullmatch(uri):
            raise expected("a ws:// or wss:// URL without user name, of at most 2048 characters")
        return uri

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, Any]) -> dict[str, Any]:
        if compact_size(headers) > MAX_WEBSOCKET_HEADERS_BYTES:
            raise expected(f"at most {MAX_WEBSOCKET_HEADERS_BYTES} bytes of headers")
        return headers

    @property
    def address(self) -> str:
        return self.uri

    @property
    def rate_hz(self) -> int:
        """Samples per second of the audio, both ways."""
        return int(self.content_type.rpartition("=")[2])


class App(Options):
    """A user of the application, in all sessions logged in."""

    type: Literal["app"] = "app"
    user: Name
    "The user's name."

    @property
    def address(self) -> str:
        return self.user


def _check_extension(extension: str) -> str:
    if not _EXTENSION.fullmatch(extension):
        raise expected("an extension of 1 to 10 digits")
    return extension


class Vbc(Options):
    """An extension of the linked phone system."""

    type: Literal["vbc"] = "vbc"
    extension: Annotated[Name, AfterValidator(_check_extension)]

    @property
    def address(self) -> str:
        return self.extension


ENDPOINTS: Final[Mapping[str, type[Options]]] = {
    "phone": Phone,
    "sip": Sip,
    "websocket": WebSocket,
    "app": App,
    "vbc": Vbc,
}
"By the endpoint's `type`."


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return kind.strip().lower() if isinstance(kind, str) else None


def _read_endpoint(value: Any) -> Any:
    """Take the one endpoint out of its array and write its kind as it should be."""
    if isinstance(value, list | tuple):
        if len(value) != 1:
            raise expected("exactly one endpoint")
        value = value[0]
    if isinstance(value, Options):
        return value
    if not isinstance(value, Mapping):
        raise expected("an array with one endpoint object")
    kind = _kind(value)
    return value if kind is None else {**value, "type": kind}


Endpoint = Annotated[
    Annotated[Phone, Tag("phone")]
    | Annotated[Sip, Tag("sip")]
    | Annotated[WebSocket, Tag("websocket")]
    | Annotated[App, Tag("app")]
    | Annotated[Vbc, Tag("vbc")],
    Discriminator(_kind),
    BeforeValidator(_read_endpoint),
]
"One endpoint object; as a field it may be wrapped in an array of one."
