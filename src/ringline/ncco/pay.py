"""The `pay` action."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator
from pydantic_core.core_schema import ValidationInfo

from ringline.ncco.options import Options
from ringline.ncco.scalars import Name, Number, OptionalName, Text, Url, expected, read_number, read_text

ERRORS_BY_PROMPT: Final[Mapping[str, tuple[str, ...]]] = {
    "CardNumber": ("InvalidCardType", "InvalidCardNumber", "Timeout"),
    "ExpirationDate": ("InvalidExpirationDate", "Timeout"),
    "SecurityCode": ("InvalidSecurityCode", "Timeout"),
}
"What can go wrong with each entry."
MAX_PROMPTS: Final = 20

_PROMPT_TYPES: Final = {name.lower(): name for name in ERRORS_BY_PROMPT}


def _read_amount(value: object) -> Decimal:
    if isinstance(value, Decimal):
        amount = value
    elif read_number(value) is None:
        raise expected("an amount greater than 0")
    else:
        try:
            amount = Decimal(str(value).strip())
        except InvalidOperation:
            raise expected("an amount greater than 0") from None
    if not 0 < amount < 10**12:
        raise expected("an amount greater than 0")
    return amount


def _read_prompt_type(value: object) -> str:
    text = read_text(value).strip()
    return _PROMPT_TYPES.get(text.lower(), text)


def _read_prompts(value: object) -> object:
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list | tuple) and len(value) > MAX_PROMPTS:
        raise expected(f"at most {MAX_PROMPTS} prompts")
    return value


class PayVoice(Options):
    """The voice of the prompts."""

    language: OptionalName = None
    "BCP 47; None means `en-US`."
    style: Annotated[int, Number(0, whole=True)] = 0


class PromptError(Options):
    """What is said when an entry was wrong."""

    text: Text


class Prompt(Options):
    """What is said to ask for one entry."""

    type: Annotated[Literal["CardNumber", "ExpirationDate", "SecurityCode"], BeforeValidator(_read_prompt_type)]
    text: Text
    errors: dict[str, PromptError]
    "By the name of the error; only the names of this prompt's type count."

    @field_validator("errors", mode="before")
    @classmethod
    def _known_errors(cls, errors: object, info: ValidationInfo) -> object:
        if not isinstance(errors, Mapping):
            return errors
        known = ERRORS_BY_PROMPT.get(info.data.get("type", ""), ())
        return {name: errors[name] for name in known if name in errors}


class Pay(Options):
    """Take a card payment by keypad (Voice API, NCCO reference: pay)."""

    action: Literal["pay"] = "pay"
    amount: Annotated[
        Decimal,
        BeforeValidator(_read_amount),
        PlainSerializer(str, return_type=str, when_used="json"),
        WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
    ]
    currency: Annotated[Name, BeforeValidator(lambda value: read_text(value).lower())] = "usd"
    event_url: Url = None
    voice: PayVoice = PayVoice()
    prompts: Annotated[tuple[Prompt, ...], BeforeValidator(_read_prompts)] = Field(default=())
    "Empty: the built-in English ones."
