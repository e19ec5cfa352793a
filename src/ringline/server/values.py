"""What may stand behind a setting's name: URLs, hosts, numbers, networks and so on, checked and plainly refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from ringline.accounts import PublicKeyError, read_public_key
from ringline.routing import digits_of, read_host_port, read_network, read_sip_address
from ringline.sdp import CODECS


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be a URL that begins with http:// or https://")
    return text


def _base_url(text: str) -> str:
    if urlsplit(_url(text)).query:
        raise ValueError("must have no query")
    return text.rstrip("/")


def _host(text: str) -> str:
    place = read_host_port(f"[{text}]" if ":" in text else text)
    if place is None or place[1] is not None:
        raise ValueError("must be a host name or an address, without a port")
    return text


def _codec(name: str) -> str:
    if name not in CODECS:
        raise ValueError(f"must be one of {', '.join(CODECS)}")
    return name


def _digits(text: str) -> str:
    digits = digits_of(text)
    if digits is None or not 2 <= len(digits) <= 15:
        raise ValueError("must be a number of 2 to 15 digits, such as 442079460000")
    return digits


def _prefix(text: str) -> str:
    digits = text.removeprefix("+")
    if digits and not (digits.isascii() and digits.isdecimal()):
        raise ValueError("must be the first digits of international numbers, such as 44")
    return digits


def _network(text: str) -> str:
    try:
        return str(read_network(text))
    except ValueError as error:
        raise ValueError(f"must be an address or a network such as 203.0.113.0/28 ({error})") from error


def _contact(text: str) -> str:
    if read_sip_address(text) is None:
        raise ValueError("must be a SIP URI such as sip:bob@192.0.2.7:5060")
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ValueError("must be a UUID such as 0b9d0c55-2222-4333-8444-955566677788") from error


def _public_key(text: str) -> str:
    try:
        return read_public_key(text)
    except PublicKeyError as error:
        raise ValueError(str(error)) from error


def _method(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def as_text(value: Any) -> Any:
    """Numbers written without quotes are numbers people can call, not quantities."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Url = Annotated[str, Field(max_length=2048), AfterValidator(_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Host = Annotated[str, AfterValidator(_host)]
CodecName = Annotated[str, AfterValidator(_codec)]
Port = Annotated[int, Field(ge=0, le=65535)]
Digits = Annotated[str, BeforeValidator(as_text), AfterValidator(_digits)]
Prefix = Annotated[str, BeforeValidator(as_text), AfterValidator(_prefix)]
Network = Annotated[str, AfterValidator(_network)]
SipUri = Annotated[str, AfterValidator(_contact)]
Uuid = Annotated[str, AfterValidator(_uuid)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Method = Annotated[Literal["GET", "POST"], BeforeValidator(_method)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
CallerIdPolicy = Literal["own", "any"]
